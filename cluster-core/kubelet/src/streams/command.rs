//! Moves bytes between a session and a client, whatever protocol the client speaks.

use crate::prelude::*;
use crate::runtime::{Output, Session, TerminalSize};
use std::pin::Pin;

/// How many pieces of output may wait for a slow client.
pub(super) const QUEUE: usize = 16;
/// What a terminal's line discipline takes for the end of input.
const END_OF_TRANSMISSION: &[u8] = &[4];

/// Which streams the client asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CommandOptions {
    /// Standard input.
    pub(super) stdin: bool,
    /// Standard output.
    pub(super) stdout: bool,
    /// Standard error; never with a terminal.
    pub(super) stderr: bool,
    /// A terminal.
    pub(super) tty: bool,
}

/// What comes from the client. The channel's end means that the client is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Incoming {
    Stdin(Bytes),
    StdinClosed,
    Resize(TerminalSize),
}

/// The streams to the client, by their numbers in a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Channel {
    Stdout = 1,
    Stderr = 2,
    /// The final status, a `meta/v1 Status`.
    Error = 3,
}

/// The client's end of a command.
pub(super) struct Wire {
    pub(super) incoming: mpsc::Receiver<Incoming>,
    pub(super) outgoing: mpsc::Sender<(Channel, Bytes)>,
}

/// Runs the session until the command ends or the client is gone. The last piece sent is the status.
pub(super) async fn pump(session: Session, mut wire: Wire, options: CommandOptions) {
    let Session { mut output, input, resize, exit_code, .. } = session;
    let mut input = options.stdin.then_some(input);
    let failure = loop {
        tokio::select! {
            piece = output.next() => match piece {
                Some(Ok(piece)) => if !forward(&wire, options, piece).await { return },
                Some(Err(error)) => break Some(error),
                None => break None,
            },
            message = wire.incoming.recv() => match message {
                Some(Incoming::Resize(size)) => if resize.send(size).is_err() {
                    tracing::debug!("the terminal takes no more sizes");
                },
                Some(message) => feed(&mut input, message, options.tty).await,
                None => return,
            },
        }
    };
    let result = match failure {
        Some(error) => Err(error),
        None => exit_code.await,
    };
    if wire.outgoing.send((Channel::Error, status(result))).await.is_err() {
        tracing::debug!("the client left before the command's end");
    }
}

/// False when the client is gone.
async fn forward(wire: &Wire, options: CommandOptions, piece: Output) -> bool {
    let (wanted, channel, bytes) = match piece {
        Output::Stdout(bytes) => (options.stdout, Channel::Stdout, bytes),
        Output::Stderr(bytes) => (options.stderr, Channel::Stderr, bytes),
    };
    !wanted || wire.outgoing.send((channel, bytes)).await.is_ok()
}

/// A command that ended its input early is no fault: what comes later is dropped.
async fn feed(input: &mut Option<Pin<Box<dyn AsyncWrite + Send>>>, message: Incoming, tty: bool) {
    let Some(writer) = input else { return };
    let written = match message {
        Incoming::Stdin(bytes) => writer.write_all(&bytes).await,
        // Closing a terminal's input would close its output with it: the terminal is told that the input ends.
        Incoming::StdinClosed if tty => writer.write_all(END_OF_TRANSMISSION).await,
        Incoming::StdinClosed => {
            let shut = writer.shutdown().await;
            *input = None;
            shut
        }
        Incoming::Resize(_) => Ok(()),
    };
    if let Err(error) = written {
        tracing::debug!(%error, "the command takes no more input");
        *input = None;
    }
}

/// The `meta/v1 Status` for the end of a command (protocol v4 and later).
pub(super) fn status(result: Result<i32, RuntimeError>) -> Bytes {
    let value = match result {
        Ok(0) => json!({ "metadata": {}, "status": "Success" }),
        Ok(code) => json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] },
        }),
        Err(error) => json!({
            "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
            "message": format!("error executing command in container: {error}"),
        }),
    };
    Bytes::from(value.to_string())
}

/// Reads a terminal's sizes, of which several may follow each other.
pub(super) fn sizes(text: &[u8]) -> Vec<TerminalSize> {
    serde_json::Deserializer::from_slice(text).into_iter().map_while(Result::ok).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_commands_end_is_told_as_upstream_does() {
        let text = |result| String::from_utf8(status(result).to_vec()).expect("UTF-8");
        assert_eq!(text(Ok(0)), r#"{"metadata":{},"status":"Success"}"#);
        let failed: serde_json::Value = serde_json::from_str(&text(Ok(7))).expect("JSON");
        assert_eq!(failed["reason"], "NonZeroExitCode");
        assert_eq!(failed["details"]["causes"][0], json!({ "reason": "ExitCode", "message": "7" }));
    }

    #[tokio::test]
    async fn output_reaches_only_the_streams_asked_for_and_the_status_comes_last() {
        let (resize, _sizes) = mpsc::unbounded_channel();
        let pieces = vec![Ok(Output::Stdout(Bytes::from("out"))), Ok(Output::Stderr(Bytes::from("err")))];
        let session = Session {
            output: futures::stream::iter(pieces).boxed(),
            input: Box::pin(tokio::io::sink()),
            resize,
            exit_code: async { Ok(0) }.boxed(),
            kill: async { Ok(()) }.boxed(),
        };
        let (_client, incoming) = mpsc::channel(1);
        let (outgoing, mut sent) = mpsc::channel(8);
        let options = CommandOptions { stdout: true, ..CommandOptions::default() };
        pump(session, Wire { incoming, outgoing }, options).await;
        assert_eq!(sent.recv().await, Some((Channel::Stdout, Bytes::from("out"))));
        assert_eq!(sent.recv().await, Some((Channel::Error, status(Ok(0)))));
        assert_eq!(sent.recv().await, None);
    }

    #[test]
    fn terminal_sizes_are_read_one_after_another() {
        let read = sizes(b"{\"Width\":80,\"Height\":24}\n{\"Width\":100,\"Height\":30}\n{\"Wid");
        assert_eq!(read, [TerminalSize { width: 80, height: 24 }, TerminalSize { width: 100, height: 30 }]);
    }
}

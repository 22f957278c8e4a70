//! exec and attach over SPDY: the client opens one stream for each of error, stdin, stdout, stderr and resize.

use super::command::{Channel, CommandOptions, Incoming, QUEUE, Wire, pump, sizes};
use super::spdy::{self, Stream, StreamWriter};
use super::upgrade;
use crate::prelude::*;
use crate::runtime;
use hyper::upgrade::Upgraded;

/// Version 4 ends with a status; nothing older is in use.
const PROTOCOLS: [&str; 1] = ["v4.channel.k8s.io"];
/// How long the client may take to open its streams, as upstream's `streamCreationTimeout`.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers the request and runs the session once the client has upgraded.
pub(super) fn respond(request: Request<Body>, options: CommandOptions, session: runtime::Session) -> Response<Body> {
    upgrade::spdy(request, &PROTOCOLS, move |io| run(io, options, session))
}

async fn run(io: TokioIo<Upgraded>, options: CommandOptions, session: runtime::Session) {
    let Some(mut connection) = spdy::Session::start(io) else { return };
    let opened = tokio::time::timeout(OPEN_TIMEOUT, open(&mut connection, options)).await;
    let Ok(Some(streams)) = opened else {
        return tracing::debug!("a client did not open its streams");
    };
    let (to_session, incoming) = mpsc::channel(QUEUE);
    let (outgoing, from_session) = mpsc::channel(QUEUE);
    let _stdin = streams.stdin.map(|stdin| AbortOnDropHandle::new(tokio::spawn(read_stdin(stdin, to_session.clone()))));
    let _resize =
        streams.resize.map(|resize| AbortOnDropHandle::new(tokio::spawn(read_sizes(resize, to_session.clone()))));
    // The session learns that the client is gone when the last sender is: this one ends with the connection.
    let connection = AbortOnDropHandle::new(tokio::spawn(async move {
        while connection.accept().await.is_some() {}
        drop(to_session);
    }));
    let writer = tokio::spawn(write(streams.writers, from_session));
    pump(session, Wire { incoming, outgoing }, options).await;
    if let Err(error) = writer.await {
        tracing::debug!(%error, "the writer of a stream ended early");
    }
    drop(connection);
}

/// The streams of one command.
struct Streams {
    stdin: Option<mpsc::Receiver<Bytes>>,
    resize: Option<mpsc::Receiver<Bytes>>,
    writers: HashMap<Channel, StreamWriter>,
}

/// Waits for all streams that the options ask for; `None` when the connection ended before.
async fn open(connection: &mut spdy::Session, options: CommandOptions) -> Option<Streams> {
    let wanted = 1
        + usize::from(options.stdin)
        + usize::from(options.stdout)
        + usize::from(options.stderr && !options.tty)
        + usize::from(options.tty);
    let mut streams = Streams { stdin: None, resize: None, writers: HashMap::new() };
    for _ in 0..wanted {
        let Stream { headers, incoming, writer } = connection.accept().await?;
        match headers.get("streamtype").map(String::as_str) {
            Some("stdin") => streams.stdin = Some(incoming),
            Some("resize") => streams.resize = Some(incoming),
            Some("stdout") => drop(streams.writers.insert(Channel::Stdout, writer)),
            Some("stderr") => drop(streams.writers.insert(Channel::Stderr, writer)),
            Some("error") => drop(streams.writers.insert(Channel::Error, writer)),
            _ => return None,
        }
    }
    Some(streams)
}

async fn read_stdin(mut stdin: mpsc::Receiver<Bytes>, session: mpsc::Sender<Incoming>) {
    while let Some(bytes) = stdin.recv().await {
        if session.send(Incoming::Stdin(bytes)).await.is_err() {
            return;
        }
    }
    if session.send(Incoming::StdinClosed).await.is_err() {
        tracing::debug!("the command ended before its input");
    }
}

async fn read_sizes(mut texts: mpsc::Receiver<Bytes>, session: mpsc::Sender<Incoming>) {
    while let Some(text) = texts.recv().await {
        for size in sizes(&text) {
            if session.send(Incoming::Resize(size)).await.is_err() {
                return;
            }
        }
    }
}

async fn write(mut writers: HashMap<Channel, StreamWriter>, mut pieces: mpsc::Receiver<(Channel, Bytes)>) {
    while let Some((channel, bytes)) = pieces.recv().await {
        let Some(writer) = writers.get(&channel) else { continue };
        if !writer.send(bytes).await {
            return;
        }
    }
    for (_, writer) in writers.drain() {
        writer.finish().await;
    }
}

//! How tests drive a cluster: shell commands as a user types them, in a namespace and a folder of their own.

use cluster_client::kubeconfig::Kubeconfig;
use cluster_client::{Backend, Client};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No command of a test takes longer, or it hangs.
const PATIENCE: Duration = Duration::from_mins(2);

/// An image with a shell and the usual tools.
pub(crate) const BUSYBOX: &str = "devcluster/busybox:1";
/// The demo application; `cats auth` answers `/version` and `/healthz` on port 80.
pub(crate) const CATS: &str = "devcluster/cats-for-gold";
/// A command that does nothing, and ends at once when it is told to.
pub(crate) const IDLE: &str = "sh -c 'trap exit TERM; sleep 100000 & wait'";

/// The kubeconfig of the cluster under test.
fn kubeconfig() -> PathBuf {
    let path = std::env::var_os("DEVCLUSTER_KUBECONFIG");
    path.expect("DEVCLUSTER_KUBECONFIG names no cluster; `tests/run` makes one and runs the tests on it").into()
}

/// The root of the checkout.
pub(crate) fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the checkout").to_owned()
}

/// The `devcluster` program under test.
pub(crate) fn program() -> PathBuf {
    let named = std::env::var_os("DEVCLUSTER_BIN").map(PathBuf::from);
    named.unwrap_or_else(|| checkout().join("target/release/devcluster"))
}

/// The name of the cluster under test; its containers are `NAME-worker-1` and so on.
pub(crate) fn cluster() -> String {
    let config = Kubeconfig::read(&kubeconfig()).expect("the kubeconfig is readable");
    config.current_context().strip_prefix("devcluster-").expect("the context is devcluster's").to_owned()
}

/// The way to the cluster's API server as its administrator.
pub(crate) fn backend() -> Arc<dyn Backend> {
    let config = Kubeconfig::read(&kubeconfig()).expect("the kubeconfig is readable");
    Arc::new(config.backend(None).expect("the kubeconfig names a server"))
}

pub(crate) fn client() -> Client {
    Client::new(backend(), "tests")
}

/// Whose turn it is: tests share the machine, or one has it for itself. It holds between processes too.
fn turn(kind: FlockArg) -> Flock<File> {
    let file = File::create(kubeconfig().with_file_name("turn")).expect("the kubeconfig's folder is writable");
    Flock::lock(file, kind).expect("files can be locked")
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A folder with a kubeconfig; commands run there. With [`Space::new`] the kubeconfig leads to a fresh namespace, which
/// goes with this value.
pub(crate) struct Space {
    pub(crate) namespace: String,
    folder: TempDir,
    _turn: Flock<File>,
}

impl Space {
    /// A namespace for one test. `name` is that of the test, or what fits into a label.
    #[track_caller]
    pub(crate) fn new(name: &str) -> Self {
        Self::with_namespace(name, FlockArg::LockShared)
    }

    /// As [`Space::new`] while no other test runs.
    #[track_caller]
    pub(crate) fn alone(name: &str) -> Self {
        Self::with_namespace(name, FlockArg::LockExclusive)
    }

    /// Only a folder, with no cluster in its kubeconfig, while no other test runs.
    pub(crate) fn without_cluster() -> Self {
        Self::bare(FlockArg::LockExclusive)
    }

    fn bare(kind: FlockArg) -> Self {
        Self { namespace: String::new(), folder: TempDir::new().expect("a temporary folder"), _turn: turn(kind) }
    }

    #[track_caller]
    fn with_namespace(name: &str, kind: FlockArg) -> Self {
        let mut space = Self::bare(kind);
        std::fs::copy(kubeconfig(), space.folder.path().join("kubeconfig")).expect("the kubeconfig is readable");
        let namespace = format!("{name}-{}", std::process::id());
        space.ok(&format!("kubectl create namespace {namespace}"));
        space.ok(&format!("kubectl config set-context --current --namespace {namespace}"));
        space.namespace = namespace;
        space
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        std::fs::write(path, content).expect("the folder is writable");
    }

    fn command(&self, script: &str) -> Command {
        let mut command = Command::new("timeout");
        command.arg(PATIENCE.as_secs().to_string()).args(["bash", "-euo", "pipefail", "-c", script]);
        command.current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("KUBECONFIG", self.path().join("kubeconfig")).env("devcluster", program());
        // The discovery cache would be made anew by every test in a home of its own.
        command.env("KUBECACHEDIR", kubeconfig().with_file_name("cache"));
        command.env("BUSYBOX", BUSYBOX).env("CATS", CATS);
        command
    }

    /// Runs a script, whatever comes of it.
    pub(crate) fn run(&self, script: &str) -> Out {
        self.run_with(script, "")
    }

    /// As [`Space::run`] with something to read.
    pub(crate) fn run_with(&self, script: &str, input: impl AsRef<[u8]>) -> Out {
        let mut child = self.command(script).stdin(Stdio::piped()).spawn().expect("bash and timeout are installed");
        let mut stdin = child.stdin.take().expect("it is piped");
        let input = input.as_ref().to_owned();
        // A command that does not read breaks the pipe; what it makes of that shows in its answer.
        let writer = std::thread::spawn(move || stdin.write_all(&input).is_ok());
        let output = child.wait_with_output().expect("the command ran");
        writer.join().expect("the writer does not panic");
        Out {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).trim_end().to_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).trim_end().to_owned(),
        }
    }

    /// Runs a script that succeeds; its output without the last line break.
    #[track_caller]
    pub(crate) fn ok(&self, script: &str) -> String {
        self.ok_with(script, "")
    }

    /// As [`Space::ok`] with something to read.
    #[track_caller]
    pub(crate) fn ok_with(&self, script: &str, input: impl AsRef<[u8]>) -> String {
        let out = self.run_with(script, input);
        if out.code != 0 {
            self.fail(script, &out);
        }
        out.stdout
    }

    /// Runs a script that fails; what it said to standard error.
    #[track_caller]
    pub(crate) fn fails(&self, script: &str) -> String {
        self.fails_with(script, "")
    }

    /// As [`Space::fails`] with something to read.
    #[track_caller]
    pub(crate) fn fails_with(&self, script: &str, input: impl AsRef<[u8]>) -> String {
        let out = self.run_with(script, input);
        assert!(out.code != 0, "$ {script}\nsucceeded, which it must not:\n{}\n{}", out.stdout, out.stderr);
        out.stderr
    }

    /// Runs a script that succeeds and whose output has all of `parts`.
    #[track_caller]
    pub(crate) fn shows(&self, script: &str, parts: &[&str]) -> String {
        let shown = self.ok(script);
        has_all(script, &shown, parts);
        shown
    }

    /// Runs a script that fails and says all of `parts`.
    #[track_caller]
    pub(crate) fn refuses(&self, script: &str, parts: &[&str]) {
        has_all(script, &self.fails(script), parts);
    }

    /// Each script prints what stands beside it.
    #[track_caller]
    pub(crate) fn prints(&self, table: &[(&str, &str)]) {
        for (script, expected) in table {
            assert_eq!(self.ok(script), *expected, "$ {script}");
        }
    }

    #[track_caller]
    pub(crate) fn apply(&self, manifest: &str) {
        self.ok_with("kubectl apply -f -", yaml(manifest));
    }

    /// Waits for an event about an object with a text in it.
    #[track_caller]
    pub(crate) fn event(&self, object: &str, text: &str) {
        let columns = "custom-columns=REASON:.reason,MESSAGE:.message";
        let events = format!("kubectl get events -w --field-selector involvedObject.name={object} -o {columns}");
        self.start(&events).line(text);
    }

    /// Starts a script and reads what it prints line by line.
    pub(crate) fn start(&self, script: &str) -> Running {
        let mut command = self.command(script);
        let mut child = command.stdin(Stdio::piped()).process_group(0).spawn().expect("bash and timeout are installed");
        let (send, lines) = channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().expect("it is piped")), Box::new(child.stderr.take().expect("it is piped"))];
        for output in outputs {
            let send = send.clone();
            std::thread::spawn(move || {
                // Nobody may read any more: then there is nothing to do either.
                BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| send.send(line))
            });
        }
        let stdin = child.stdin.take();
        Running { script: script.to_owned(), child, stdin, lines, seen: Vec::new() }
    }

    #[track_caller]
    fn fail(&self, script: &str, out: &Out) -> ! {
        let Out { code, stdout, stderr } = out;
        let state = if self.namespace.is_empty() {
            String::new()
        } else {
            self.run("kubectl get pods -o wide; kubectl get events | tail -20").stdout
        };
        panic!(
            "$ {script}\nfailed with exit code {code}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n--- state\n{state}"
        )
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        if !self.namespace.is_empty() {
            let removed = self.run(&format!("kubectl delete namespace {} --wait=false", self.namespace));
            let excused = std::thread::panicking();
            assert!(removed.code == 0 || excused, "failed to delete the namespace: {}", removed.stderr);
        }
    }
}

/// Makes YAML in braces known as such: kubectl takes what begins with a brace for JSON.
pub(crate) fn yaml(manifest: &str) -> String {
    format!("---\n{manifest}")
}

#[track_caller]
fn has_all(script: &str, shown: &str, parts: &[&str]) {
    for part in parts {
        assert!(shown.contains(part), "$ {script}\nshows no {part:?}:\n{shown}");
    }
}

/// A command that goes on; it is killed with everything it started when this value goes.
pub(crate) struct Running {
    script: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Waits for a line with `part`; that line.
    #[track_caller]
    pub(crate) fn line(&mut self, part: &str) -> String {
        self.line_where(part, |line| line.contains(part))
    }

    /// Waits for a line that suits.
    #[track_caller]
    pub(crate) fn line_where(&mut self, what: &str, suits: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if suits(&line) {
                        return line;
                    }
                }
                Err(error) => {
                    let why = if error == RecvTimeoutError::Timeout { "within its time" } else { "before it ended" };
                    panic!("$ {}\nprinted no {what:?} {why}:\n{}", self.script, self.seen.join("\n"))
                }
            }
        }
    }

    /// Types something.
    #[track_caller]
    pub(crate) fn send(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("the command reads");
    }

    /// Waits for the end; the exit code and all that was printed.
    pub(crate) fn end(mut self) -> (i32, String) {
        self.stdin = None;
        let status = self.child.wait().expect("it was started");
        self.seen.extend(self.lines.iter());
        (status.code().unwrap_or(-1), self.seen.join("\n"))
    }

    /// Sends a signal to the command and all it started.
    pub(crate) fn signal(&self, signal: Signal) {
        killpg(self.group(), signal).expect("the command runs");
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        if killpg(self.group(), Signal::SIGKILL).is_ok() {
            self.child.wait().expect("it was started");
        }
    }
}

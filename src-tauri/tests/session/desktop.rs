//! A desktop that is the app's alone: a screen, a session bus, a user's folders, and who answers on the bus.

use serde_json::Value as Json;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use zbus::blocking::connection::Builder;
use zbus::blocking::{Connection, Proxy};
use zbus::message::Header;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Structure, Value};

const PATIENCE: Duration = Duration::from_mins(1);
const PLACE: &str = "org.kde.StatusNotifierWatcher";

/// Waits until something holds; what the app does tells nobody of it.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A program that ends with this.
pub(crate) struct Program(Child);

impl Program {
    /// Starts one that says on its standard output how it is found.
    fn new(command: &mut Command) -> (Self, String) {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it is installed");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        (Self(child), line.trim().to_owned())
    }

    pub(crate) fn wait(&mut self) -> std::io::Result<std::process::ExitStatus> {
        self.0.wait()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().expect("it is ours");
        self.0.wait().expect("it is ours");
    }
}

pub(crate) struct Desktop {
    home: TempDir,
    display: String,
    address: String,
    bus: Connection,
    _programs: [Program; 2],
}

impl Desktop {
    pub(crate) fn new() -> Self {
        let screen = ["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"];
        let (screen, display) = Program::new(Command::new("Xvfb").args(screen));
        let (daemon, address) =
            Program::new(Command::new("dbus-daemon").args(["--session", "--nofork", "--print-address=1"]));
        let bus = Builder::address(address.as_str()).and_then(Builder::build).expect("the bus");
        let home = tempfile::tempdir().expect("a folder");
        Self { home, display: format!(":{display}"), address, bus, _programs: [screen, daemon] }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts the app, whose agent knows no node image.
    pub(crate) fn app(&self, arguments: &[&str]) -> Program {
        let program = std::env::var_os("DEVCLUSTER_BIN")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/devcluster"), PathBuf::from);
        let folder = |name: &str| self.home().join(name);
        let mut app = Command::new(env!("CARGO_BIN_EXE_devcluster-desktop"));
        app.args(arguments).env("DISPLAY", &self.display).env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        app.env("HOME", self.home()).env("DEVCLUSTER_HOME", folder("state")).env("DEVCLUSTER_BIN", program);
        for name in ["config", "data", "cache", "runtime"] {
            std::fs::create_dir_all(folder(name)).expect("a folder");
        }
        app.env("XDG_CONFIG_HOME", folder("config")).env("XDG_DATA_HOME", folder("data"));
        app.env("XDG_CACHE_HOME", folder("cache")).env("XDG_RUNTIME_DIR", folder("runtime"));
        app.env("DEVCLUSTER_IMAGE", "devcluster/none:0").env("NO_AT_BRIDGE", "1").env("LANG", "C.UTF-8");
        app.env("GDK_BACKEND", "x11").env("MESA_SHADER_CACHE_DISABLE", "true").env_remove("WAYLAND_DISPLAY");
        Program(app.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the app"))
    }

    /// Asks the app's agent for something; false while there is none.
    pub(crate) fn ask_agent(&self, path: &str, body: &str) -> bool {
        let Ok(text) = std::fs::read(self.home().join("state/agent.json")) else { return false };
        let Ok(memory) = serde_json::from_slice::<Json>(&text) else { return false };
        let (port, bearer) =
            (memory["port"].as_u64().unwrap_or_default(), memory["bearer"].as_str().unwrap_or_default());
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port as u16)) else { return false };
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {bearer}\r\nConnection: close"
        );
        let request =
            format!("{head}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut answer = String::new();
        let asked = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
        asked.is_ok() && answer.starts_with("HTTP/1.1 2")
    }

    /// Has a place for trays; tells whose tray comes, and where it is.
    pub(crate) fn place_for_trays(&self) -> Receiver<(String, String)> {
        let (sender, receiver) = channel();
        self.bus.object_server().at("/StatusNotifierWatcher", Watcher(sender)).expect("it is free");
        self.bus.request_name(PLACE).expect("it is free");
        receiver
    }

    pub(crate) fn take_place_away(&self) {
        self.bus.object_server().remove::<Watcher, _>("/StatusNotifierWatcher").expect("it is there");
        self.bus.release_name(PLACE).expect("it is ours");
    }

    /// Shows notifications; tells the title and the text of each.
    pub(crate) fn notifications(&self) -> Receiver<(String, String)> {
        let (sender, receiver) = channel();
        self.bus.object_server().at("/org/freedesktop/Notifications", Notifications(sender)).expect("it is free");
        self.bus.request_name("org.freedesktop.Notifications").expect("it is free");
        receiver
    }

    /// The menu of a tray.
    pub(crate) fn menu(&self, (owner, path): &(String, String)) -> Menu<'_> {
        let item = Proxy::new(&self.bus, owner.clone(), path.clone(), "org.kde.StatusNotifierItem").expect("a tray");
        let menu: OwnedObjectPath = item.get_property("Menu").expect("a menu");
        Menu(Proxy::new(&self.bus, owner.clone(), menu, "com.canonical.dbusmenu").expect("a menu"))
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.ask_agent("/api/stop", "{}");
    }
}

/// A tray's menu, as desktops read it.
pub(crate) struct Menu<'a>(Proxy<'a>);

type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

impl Menu<'_> {
    /// The lines, those of submenus behind their own.
    fn lines(&self) -> Vec<Layout> {
        let asked: (u32, Layout) = self.0.call("GetLayout", &(0, -1, Vec::<String>::new())).expect("a layout");
        let (mut waiting, mut lines) = (vec![asked.1], Vec::new());
        while let Some(line) = waiting.pop() {
            let children = line.2.iter().rev().map(|child| {
                let child = Structure::try_from(child.try_clone().expect("a copy")).expect("a line");
                Layout::try_from(child).expect("a line")
            });
            waiting.extend(children);
            lines.push(line);
        }
        lines
    }

    fn label(line: &Layout) -> String {
        let text = line.1.get("label").and_then(|value| value.downcast_ref::<&str>().ok());
        text.unwrap_or_default().replace('_', "")
    }

    fn line(&self, label: &str) -> Layout {
        self.lines().into_iter().find(|line| Self::label(line) == label).expect(label)
    }

    pub(crate) fn labels(&self) -> Vec<String> {
        self.lines().iter().map(Self::label).filter(|label| !label.is_empty()).collect()
    }

    pub(crate) fn is_checked(&self, label: &str) -> bool {
        self.line(label).1.get("toggle-state").is_some_and(|state| state.downcast_ref::<i32>() == Ok(1))
    }

    pub(crate) fn choose(&self, label: &str) {
        let () =
            self.0.call("Event", &(self.line(label).0, "clicked", Value::from(0), 0u32)).expect("the app hears it");
    }
}

struct Watcher(Sender<(String, String)>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, #[zbus(header)] header: Header<'_>, service: String) {
        let owner = header.sender().expect("calls have one").to_string();
        self.0.send((owner, service)).expect("the test waits");
    }

    fn register_status_notifier_host(&self, _service: String) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

struct Notifications(Sender<(String, String)>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    #[expect(clippy::too_many_arguments, reason = "the specification has them")]
    fn notify(
        &self,
        _app: String,
        _replaces: u32,
        _icon: String,
        title: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        self.0.send((title, body)).expect("the test waits");
        1
    }

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".to_owned()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ["test", "devcluster", "1", "1.2"].map(str::to_owned).into()
    }
}

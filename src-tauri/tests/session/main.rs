//! The app on a screen and a session bus of its own: what it says to the desktop around it. What is in its window
//! `ui/e2e-desktop` looks at.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "tests")]
#![allow(
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "methods of D-Bus have a receiver and arguments"
)]

mod desktop;

use desktop::{Desktop, eventually};
use std::fs;

#[test]
#[ignore = "needs a screen: make desktop-test"]
fn the_trays_menu_switches_the_start_at_login_and_ends_the_app() {
    let desktop = Desktop::new();
    let places = desktop.place_for_trays();
    let mut app = desktop.app(&["--hidden"]);
    let menu = desktop.menu(&places.recv().expect("the app takes its place"));
    assert_eq!(
        menu.labels(),
        ["Open devcluster", "Open in the browser", "No clusters", "Start at login", "Quit"],
        "in the order in which they stand"
    );

    let entry = desktop.home().join("config/autostart/devcluster.desktop");
    menu.choose("Start at login");
    eventually("the entry is written", || entry.exists());
    let text = fs::read_to_string(&entry).expect("the entry");
    let program = env!("CARGO_BIN_EXE_devcluster-desktop");
    assert!(text.contains(&format!("\nExec=\"{program}\" --hidden\n")), "{text}");
    eventually("the menu shows that it is on", || menu.is_checked("Start at login"));
    menu.choose("Start at login");
    eventually("the entry is gone", || !entry.exists());

    menu.choose("Quit");
    assert!(app.wait().expect("it ends").success());
}

#[test]
#[ignore = "needs a screen: make desktop-test"]
fn a_tray_comes_with_its_place_and_again_with_the_next_one() {
    let desktop = Desktop::new();
    let _app = desktop.app(&[]);
    for _ in 0..2 {
        let places = desktop.place_for_trays();
        assert!(!desktop.menu(&places.recv().expect("the app takes its place")).labels().is_empty());
        desktop.take_place_away();
    }
}

#[test]
#[ignore = "needs a screen: make desktop-test"]
fn the_user_who_does_not_look_is_notified_of_what_failed() {
    let desktop = Desktop::new();
    let (places, notices) = (desktop.place_for_trays(), desktop.notifications());
    let _app = desktop.app(&["--hidden"]);
    places.recv().expect("the app takes its place");
    // The agent says nothing of who listens: what fails before the app does is no news for it.
    let mut told = None;
    eventually("the app notifies", || {
        desktop.ask_agent("/api/clusters", r#"{"name":"none"}"#);
        told = notices.recv_timeout(std::time::Duration::from_secs(1)).ok();
        told.is_some()
    });
    let (title, body) = told.expect("a notification");
    assert_eq!(title, "Create cluster none: failed");
    // Where there is no engine it is the engine that is missing.
    assert!(body.contains("devcluster/none:0") || body.contains("no Docker engine answers"), "{body}");
}

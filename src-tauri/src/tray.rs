//! The tray and its menu: every cluster with its state and what can be done to it.

use crate::news::Cluster;
use crate::words::Words;
use crate::{agent, autostart, window};
use std::sync::atomic::{AtomicBool, Ordering};
use tauri::menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, Manager};

const TRAY: &str = "main";
/// Whether the desktop has a place for the tray now.
static HAS_PLACE: AtomicBool = AtomicBool::new(false);

/// A line of the menu. What it does is its identifier: a verb, and for a cluster's lines `/` and its name.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Line { id: String, label: String, enabled: bool },
    Check { id: &'static str, label: String, checked: bool },
    Cluster { label: String, lines: Vec<Entry> },
    Separator,
}

/// The menu for these clusters.
fn entries(words: Words, clusters: &[Cluster], autostart: bool) -> Vec<Entry> {
    let line = |id: String, code: &str, enabled| Entry::Line { id, label: words.text(code, &[]), enabled };
    let cluster = |Cluster { name, state, .. }: &Cluster| {
        let settled = matches!(state.as_str(), "stopped" | "paused" | "partial");
        let lines = vec![
            line(format!("open/{name}"), "open", true),
            line(format!("{}/{name}", if state == "paused" { "unpause" } else { "start" }), "start", settled),
            line(format!("stop/{name}"), "stop", matches!(state.as_str(), "running" | "paused" | "partial")),
        ];
        Entry::Cluster { label: words.text("state", &[("name", name), ("state", &words.text(state, &[]))]), lines }
    };
    let plain = |id: &str, code| line(id.to_owned(), code, true);
    let mut entries = vec![plain("open", "open-window"), plain("browser", "open-browser")];
    entries.push(Entry::Separator);
    entries.extend(clusters.iter().map(cluster));
    if clusters.is_empty() {
        entries.push(line("none".to_owned(), "no-clusters", false));
    }
    entries.push(Entry::Separator);
    entries.push(Entry::Check { id: "autostart", label: words.text("autostart", &[]), checked: autostart });
    entries.push(plain("quit", "quit"));
    entries
}

/// Does what a line of the menu says.
pub(crate) fn chosen(app: &AppHandle, id: &str) {
    match id.split_once('/').unwrap_or((id, "")) {
        ("open", name) => {
            window::show(app);
            if !name.is_empty() {
                window::go(app, &format!("/c/{name}"));
            }
        }
        ("browser", _) => agent::open_in_browser(app),
        (verb @ ("start" | "stop" | "unpause"), name) => agent::act(app, verb, name),
        ("autostart", _) => {
            if let Err(error) = autostart::switch(app) {
                tracing::warn!(%error, "the start at login could not be changed");
            }
            update(app, &agent::clusters(app));
        }
        ("quit", _) => app.exit(0),
        _ => {}
    }
}

/// Whether there is a tray, in which the app stays when its window is closed.
pub(crate) fn is_there(manager: &impl Manager<tauri::Wry>) -> bool {
    HAS_PLACE.load(Ordering::Relaxed) && manager.app_handle().tray_by_id(TRAY).is_some()
}

/// Shows other clusters, or the same in another language.
pub(crate) fn update(app: &AppHandle, clusters: &[Cluster]) {
    let Some(tray) = app.tray_by_id(TRAY) else { return };
    if let Err(error) = menu(app, clusters).and_then(|menu| tray.set_menu(Some(menu))) {
        tracing::warn!(%error, "the tray's menu is old");
    }
}

fn menu(app: &AppHandle, clusters: &[Cluster]) -> tauri::Result<Menu<tauri::Wry>> {
    let menu = Menu::new(app)?;
    for entry in entries(window::words(app), clusters, autostart::is_on(app)) {
        menu.append(&*item(app, entry)?)?;
    }
    Ok(menu)
}

fn item(app: &AppHandle, entry: Entry) -> tauri::Result<Box<dyn IsMenuItem<tauri::Wry>>> {
    Ok(match entry {
        Entry::Line { id, label, enabled } => Box::new(MenuItem::with_id(app, id, label, enabled, None::<&str>)?),
        Entry::Check { id, label, checked } => {
            Box::new(CheckMenuItem::with_id(app, id, label, true, checked, None::<&str>)?)
        }
        Entry::Separator => Box::new(PredefinedMenuItem::separator(app)?),
        Entry::Cluster { label, lines } => {
            let submenu = Submenu::new(app, label, true)?;
            for line in lines {
                submenu.append(&*item(app, line)?)?;
            }
            Box::new(submenu)
        }
    })
}

fn create(app: &AppHandle) {
    HAS_PLACE.store(true, Ordering::Relaxed);
    if app.tray_by_id(TRAY).is_some() {
        // It goes into each new place by itself.
        return;
    }
    let built = menu(app, &agent::clusters(app)).and_then(|menu| {
        let tray = TrayIconBuilder::with_id(TRAY).menu(&menu).tooltip("devcluster");
        let icon = app.default_window_icon().cloned();
        icon.into_iter().fold(tray, TrayIconBuilder::icon).build(app)
    });
    if let Err(error) = built {
        tracing::warn!(%error, "there is no tray");
        window::show(app);
    }
}

/// Makes the tray where the system has a place for it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn follow(app: &AppHandle) {
    create(app);
}

/// Makes the tray as soon as the desktop has a place for it, and shows the window when that place goes: a closed window
/// must not be out of reach.
#[cfg(target_os = "linux")]
pub(crate) fn follow(app: &AppHandle) {
    use gtk::gio::{self, BusNameWatcherFlags, BusType, Cancellable};
    const PLACE: &str = "org.kde.StatusNotifierWatcher";
    let bus = match gio::bus_get_sync(BusType::Session, None::<&Cancellable>) {
        Ok(bus) => bus,
        Err(error) => {
            tracing::info!(%error, "there is no tray without a session bus");
            window::show(app);
            return;
        }
    };
    let (appeared, vanished) = (app.clone(), app.clone());
    gio::bus_watch_name_on_connection(
        &bus,
        PLACE,
        BusNameWatcherFlags::NONE,
        move |_, _, _| create(&appeared),
        move |_, _| {
            HAS_PLACE.store(false, Ordering::Relaxed);
            window::show(&vanished);
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(id: &str, label: &str, enabled: bool) -> Entry {
        Entry::Line { id: id.to_owned(), label: label.to_owned(), enabled }
    }

    #[test]
    fn a_cluster_offers_what_its_state_allows() {
        let table = [
            ("running", "läuft", "start", false, true),
            ("stopped", "angehalten", "start", true, false),
            ("paused", "pausiert", "unpause", true, true),
            ("partial", "läuft zum Teil", "start", true, true),
            ("creating", "entsteht gerade", "start", false, false),
        ];
        for (state, said, verb, start, stop) in table {
            let cluster = json!({"name": "dev", "state": state, "nodes": []});
            let lines = vec![
                line("open/dev", "Öffnen", true),
                line(&format!("{verb}/dev"), "Starten", start),
                line("stop/dev", "Anhalten", stop),
            ];
            let clusters = [serde_json::from_value(cluster).expect("a cluster")];
            let label = format!("dev: {said}");
            assert_eq!(entries(Words::of("de"), &clusters, false)[3], Entry::Cluster { label, lines });
        }
    }

    #[test]
    fn without_clusters_the_menu_says_so_and_still_opens_and_ends_the_app() {
        let entries = entries(Words::of("en"), &[], true);
        assert!(entries.contains(&line("none", "No clusters", false)));
        let label = "Start at login".to_owned();
        assert!(entries.contains(&Entry::Check { id: "autostart", label, checked: true }));
        assert!(
            entries.contains(&line("open", "Open devcluster", true)) && entries.contains(&line("quit", "Quit", true))
        );
    }
}

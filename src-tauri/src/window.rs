//! The one window: it shows the bundled page until the agent answers, then the agent's dashboard, and nothing else.

use crate::words::Words;
use crate::{agent, tray};
use parking_lot::Mutex;
use serde_json::Value;
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Window};
use tauri_plugin_window_state::{AppHandleExt, StateFlags};

const MAIN: &str = "main";
/// Where Tauri serves the bundled page.
const BUNDLED: &str = if cfg!(windows) { "http://tauri.localhost" } else { "tauri://localhost" };
/// Logical pixels.
const SIZE: (f64, f64) = (1280.0, 820.0);
const LEAST_SIZE: (f64, f64) = (480.0, 360.0);

/// Where the window is.
#[derive(Debug, Default)]
pub(crate) struct Place(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The agent's address; `None` while the bundled page is shown.
    agent: Option<Url>,
    /// The page that is wanted as soon as the agent answers.
    route: Option<String>,
    /// Of the page that is shown, as a tag.
    language: String,
}

/// Whether two addresses have one origin, where `Url::origin` knows none for Tauri's own scheme.
fn is_same(one: &Url, other: &Url) -> bool {
    let origin = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
    origin(one) == origin(other)
}

/// Whether the window may go there.
fn is_ours(url: &Url, agent: Option<&Url>) -> bool {
    Url::parse(BUNDLED).is_ok_and(|bundled| is_same(url, &bundled)) || agent.is_some_and(|agent| is_same(url, agent))
}

fn main_window(app: &AppHandle) -> Option<WebviewWindow> {
    app.get_webview_window(MAIN)
}

fn report(doing: &str, outcome: tauri::Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "the window did not {doing}");
    }
}

/// Makes the window, which is not shown yet: with the dashboard if that answers already, else with the bundled page.
pub(crate) fn create(app: &AppHandle) -> tauri::Result<()> {
    let place = app.clone();
    let page = match agent::reached(app) {
        Some(url) => WebviewUrl::External(lead(app, url)),
        None => WebviewUrl::App("index.html".into()),
    };
    let builder = WebviewWindowBuilder::new(app, MAIN, page)
        .title("devcluster")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(LEAST_SIZE.0, LEAST_SIZE.1)
        .visible(false)
        .on_navigation(move |url| is_ours(url, place.state::<Place>().0.lock().agent.as_ref()))
        .on_new_window(|url, _| {
            browse(&url);
            NewWindowResponse::Deny
        })
        .on_document_title_changed(|window, title| {
            tracing::debug!(title, "the page has a title");
            report("take a title", window.set_title(&title));
            ask_language(&window);
        });
    builder.build().map(drop)
}

/// Learns which language the page has, where the user chooses it; titles are in that language, so they change with it.
fn ask_language(window: &WebviewWindow) {
    let app = window.app_handle().clone();
    let answered = move |answer: String| {
        let Ok(language) = serde_json::from_str::<String>(&answer) else { return };
        tracing::debug!(language, "the page has a language");
        if std::mem::replace(&mut app.state::<Place>().0.lock().language, language.clone()) != language {
            tray::update(&app, &agent::clusters(&app));
        }
    };
    report("tell its language", window.eval_with_callback("document.documentElement.lang", answered));
}

/// What the app says, in the language of the page that is shown.
pub(crate) fn words(app: &AppHandle) -> Words {
    Words::of(&app.state::<Place>().0.lock().language)
}

/// Opens a page of the web, such as a forwarded port, where such pages belong.
pub(crate) fn browse(url: &Url) {
    if !matches!(url.scheme(), "http" | "https") {
        return;
    }
    if let Err(error) = cluster_agent::browse(url.as_str()) {
        tracing::warn!(%error, "no browser could be opened");
    }
}

/// Brings the window to the front.
pub(crate) fn show(app: &AppHandle) {
    if let Some(window) = main_window(app) {
        report("appear", window.show().and_then(|()| window.unminimize()).and_then(|()| window.set_focus()));
    }
}

/// Lets the app go on in the tray.
pub(crate) fn hide(window: &Window, remembered: StateFlags) {
    report("hide", window.hide());
    if let Err(error) = window.app_handle().save_window_state(remembered) {
        tracing::warn!(%error, "the window's size is forgotten");
    }
}

/// Whether the user looks at the window, and needs no notification of what it shows.
pub(crate) fn is_looked_at(app: &AppHandle) -> bool {
    main_window(app).is_some_and(|window| window.is_focused().unwrap_or_default())
}

/// Lets the window go to the agent at this address; where it begins.
fn lead(app: &AppHandle, mut url: Url) -> Url {
    let place = app.state::<Place>();
    let mut place = place.0.lock();
    place.agent = Some(url.clone());
    if let Some(wanted) = place.route.take().and_then(|route| url.join(&route).ok()) {
        url.set_path(wanted.path());
        url.set_query(wanted.query());
    }
    url
}

/// Shows the dashboard of the agent at this address, which opens a session.
pub(crate) fn open(app: &AppHandle, url: Url) {
    let url = lead(app, url);
    if let Some(window) = main_window(app) {
        report("show the dashboard", window.navigate(url));
    }
}

/// Whether the dashboard of an agent at this address is shown.
pub(crate) fn shows(app: &AppHandle, url: &Url) -> bool {
    app.state::<Place>().0.lock().agent.as_ref().is_some_and(|agent| is_same(agent, url))
}

/// Shows the bundled page, which starts the agent.
pub(crate) fn start(app: &AppHandle) {
    app.state::<Place>().0.lock().agent = None;
    if let (Some(window), Ok(url)) = (main_window(app), Url::parse(BUNDLED)) {
        report("show its first page", window.navigate(url));
    }
}

/// Goes to a page of the dashboard, which is not loaded anew: its shells and edits stay.
pub(crate) fn go(app: &AppHandle, route: &str) {
    {
        let place = app.state::<Place>();
        let mut place = place.0.lock();
        if place.agent.is_none() {
            place.route = Some(route.to_owned());
            return;
        }
    }
    if let Some(window) = main_window(app) {
        let route = Value::from(route);
        report("change its page", window.eval(format!("history.pushState(null, '', {route})")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_shows_the_agent_and_the_bundled_page_only() {
        let agent = Url::parse("http://127.0.0.1:7373/#t=x").expect("an address");
        let table = [
            (BUNDLED, true),
            ("tauri://localhost/index.html", cfg!(not(windows))),
            ("tauri://localhost.evil.example/", false),
            ("http://127.0.0.1:7373/c/dev", true),
            ("http://127.0.0.1:7374/", false),
            ("http://localhost:7373/", false),
            ("https://127.0.0.1:7373/", false),
            ("https://example.com/", false),
            ("file:///etc/passwd", false),
            ("data:text/html,x", false),
            ("about:blank", false),
        ];
        for (url, expected) in table {
            assert_eq!(is_ours(&Url::parse(url).expect("an address"), Some(&agent)), expected, "{url}");
        }
        assert!(!is_ours(&agent, None));
    }
}

//! The desktop app: a window that shows the agent's dashboard, and a tray menu. It knows nothing that the agent does not
//! tell, and the command line does not know it.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod agent;
mod autostart;
#[cfg(target_os = "linux")]
mod first;
mod links;
mod news;
mod tray;
mod window;
mod words;

use anyhow::Context;
use tauri::{AppHandle, WindowEvent};
use tauri_plugin_window_state::StateFlags;
use tracing_subscriber::EnvFilter;

/// Starts without a window, as at login; there must be a tray then.
const HIDDEN: &str = "--hidden";

/// Ends the app that runs, also one in the tray.
const QUIT: &str = "--quit";

/// Leads the window to the dashboard, or says why there is none.
#[tauri::command]
async fn start(app: AppHandle) -> Result<(), String> {
    agent::open(&app).await.map_err(|error| format!("{error:#}"))
}

/// What a second start asks of the first.
fn arrive(app: &AppHandle, arguments: &[String]) {
    appear(app, arguments);
    go(app, arguments);
}

fn appear(app: &AppHandle, arguments: &[String]) {
    let given = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if given(QUIT) {
        app.exit(0);
    } else if !given(HIDDEN) {
        window::show(app);
    }
}

fn go(app: &AppHandle, arguments: &[String]) {
    for route in arguments.iter().filter_map(|argument| links::route(argument)) {
        window::go(app, &route);
    }
}

fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_env("DEVCLUSTER_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let context = tauri::generate_context!();
    #[cfg(target_os = "linux")]
    if first::took(&context.config().identifier) || std::env::args().any(|argument| argument == QUIT) {
        return Ok(());
    }
    let remembered = StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED | StateFlags::FULLSCREEN;
    let builder = tauri::Builder::default()
        // The first, because it ends a second start before that does anything else.
        .plugin(tauri_plugin_single_instance::init(|app, arguments, _| arrive(app, &arguments)))
        .plugin(tauri_plugin_window_state::Builder::new().with_state_flags(remembered).build())
        .plugin(tauri_plugin_notification::init());
    #[cfg(not(target_os = "linux"))]
    let builder = builder.plugin(tauri_plugin_autostart::Builder::new().arg(HIDDEN).build());
    let app = builder
        .manage(agent::begin())
        .manage(window::Place::default())
        .invoke_handler(tauri::generate_handler![start])
        .on_menu_event(|app, event| tray::chosen(app, event.id().as_ref()))
        .on_window_event(move |window, event| {
            if let WindowEvent::CloseRequested { api, .. } = event
                && tray::is_there(window)
            {
                api.prevent_close();
                window::hide(window, remembered);
            }
        })
        .setup(|app| {
            let arguments: Vec<_> = std::env::args().collect();
            go(app.handle(), &arguments);
            window::create(app.handle())?;
            tray::follow(app.handle());
            appear(app.handle(), &arguments);
            Ok(())
        })
        .build(context)
        .context("failed to start the window system")?;
    app.run(|_app, _event| {
        // Other systems give a link as an argument.
        #[cfg(target_os = "macos")]
        if let tauri::RunEvent::Opened { urls } = _event {
            arrive(_app, &urls.into_iter().map(String::from).collect::<Vec<_>>());
        }
    });
    Ok(())
}

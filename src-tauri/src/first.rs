//! A second start, noticed before there is a window system. The single instance plugin notices it too, but only when
//! GTK's threads run already, and a process that ends among them may crash.

use std::env;
use zbus::blocking::Connection;

/// Hands the arguments to the app that runs already, as the plugin does; whether there was one.
pub(crate) fn took(identifier: &str) -> bool {
    let name = format!("{identifier}.SingleInstance");
    let path = format!("/{}", name.replace('.', "/").replace('-', "_"));
    let arguments: Vec<_> = env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let folder = env::current_dir().unwrap_or_default().to_string_lossy().into_owned();
    let told = Connection::session().and_then(|bus| {
        let interface = Some("org.SingleInstance.DBus");
        bus.call_method(Some(name.as_str()), path.as_str(), interface, "ExecuteCallback", &(arguments, folder))
    });
    told.inspect_err(|error| tracing::debug!(%error, "no other app runs")).is_ok()
}

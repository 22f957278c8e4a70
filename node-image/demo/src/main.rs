//! Cats for gold: the demo shop. One binary, three modes, so that one image serves the whole application:
//! `front` is the web page, `static` serves the pictures it draws, `auth` checks passwords.
//!
//! It reads its environment and mounted files on every request, which shows what Kubernetes does with them.

mod http;

use http::{Request, Response};
use std::{env, fs, io, process};

fn main() -> io::Result<()> {
    exit_on_sigterm();
    let mode = env::args().nth(1).unwrap_or_default();
    let port = |default| env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(default);
    println!("cats-for-gold {} {mode}", version());
    match mode.as_str() {
        "front" => {
            draw_cats()?;
            http::serve(port(8080), front)
        }
        "auth" => http::serve(port(80), auth),
        "static" => http::serve(port(8081), pictures),
        _ => {
            eprintln!("usage: cats front|auth|static");
            process::exit(2)
        }
    }
}

fn version() -> String {
    variable("CATS_VERSION", "v1")
}

fn variable(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

// === front ===

/// The folder that the front end and the picture server share.
fn shared_folder() -> String {
    variable("SHARED_DIR", "/var/cats")
}

/// Puts the pictures where the other container of the pod serves them from.
fn draw_cats() -> io::Result<()> {
    let color = if version() == "v1" { "goldenrod" } else { "seagreen" };
    let picture = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="200"><path fill="{color}"
d="M15 10 35 30h30L85 10v50a35 35 0 0 1-70 0z"/><circle cx="37" cy="52" r="5"/><circle cx="63" cy="52" r="5"/>
<path d="M45 68h10l-5 6z"/></svg>"#
    );
    let folder = shared_folder();
    fs::create_dir_all(&folder)?;
    fs::write(format!("{folder}/cat.svg"), picture)
}

fn greeting() -> String {
    fs::read_to_string(variable("CONFIG_FILE", "/etc/config/greeting"))
        .map_or_else(|_| "Cats for gold".to_owned(), |text| text.trim().to_owned())
}

fn front(request: &Request) -> Response {
    match request.path.as_str() {
        "/" => Response::html(page(request)),
        "/config" => Response::text(200, greeting()),
        "/version" => Response::text(200, version()),
        "/healthz" => Response::text(200, "ok"),
        "/readyz" => match ask_auth("/healthz") {
            Ok((200, _)) => Response::text(200, "ok"),
            other => Response::text(503, format!("the authentication service does not answer: {other:?}")),
        },
        "/login" => match ask_auth(&format!("/login?{}", request.query)) {
            Ok((status, body)) => Response::text(status, body),
            Err(error) => Response::text(503, format!("the authentication service does not answer: {error}")),
        },
        "/crash" => {
            eprintln!("asked to crash");
            process::exit(1)
        }
        _ => Response::text(404, "not found"),
    }
}

fn ask_auth(target: &str) -> io::Result<(u16, String)> {
    http::get(&variable("AUTH_SERVICE", "auth-service:8080"), target)
}

fn page(request: &Request) -> String {
    let picture = fs::read_to_string(format!("{}/cat.svg", shared_folder())).unwrap_or_default();
    let (greeting, version) = (escape(&greeting()), escape(&version()));
    let pod = escape(&variable("POD_NAME", &variable("HOSTNAME", "?")));
    let node = escape(&variable("NODE_NAME", "?"));
    let user = escape(request.parameter("user"));
    format!(
        r#"<!doctype html><meta charset="utf-8"><title>Cats for gold</title>
<body style="font-family:sans-serif;text-align:center;margin:4em"><h1 id="greeting">{greeting}</h1>{picture}
<p>Version {version}, from pod <b>{pod}</b> on node <b>{node}</b></p>
<form action="/login"><input name="user" placeholder="user" value="{user}"> <input name="password" type="password"
placeholder="password"> <button>Log in</button></form>
<script>setInterval(async()=>greeting.textContent=await(await fetch("/config")).text(),500)</script>"#
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

// === auth ===

/// The user name comes from the environment and the password from a file, both out of the same Secret.
fn auth(request: &Request) -> Response {
    match request.path.as_str() {
        "/healthz" => Response::text(200, "ok"),
        "/version" => Response::text(200, version()),
        "/login" => {
            let folder = variable("SECRET_DIR", "/etc/secret");
            let secret = |file: &str| fs::read_to_string(format!("{folder}/{file}")).map(|text| text.trim().to_owned());
            let (Ok(user), Ok(password)) =
                (env::var("USERNAME").or_else(|_| secret("username.txt")), secret("password.txt"))
            else {
                return Response::text(503, "no user name and password are mounted");
            };
            if request.parameter("user") == user && request.parameter("password") == password {
                Response::text(200, format!("welcome, {user}"))
            } else {
                Response::text(401, "wrong user name or password")
            }
        }
        _ => Response::text(404, "not found"),
    }
}

// === static ===

fn pictures(request: &Request) -> Response {
    let name = request.path.trim_start_matches('/');
    if name == "healthz" {
        return Response::text(200, "ok");
    }
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Response::text(404, "not found");
    }
    let kind = if name.ends_with(".svg") { "image/svg+xml" } else { "application/octet-stream" };
    match fs::read(format!("{}/{name}", shared_folder())) {
        Ok(body) => Response(200, kind, body),
        Err(_) => Response::text(404, "not found"),
    }
}

// === signals ===

/// The first process of a container gets no default signal handling: without this, every stop would take the whole
/// grace period.
fn exit_on_sigterm() {
    const SIGTERM: i32 = 15;
    unsafe extern "C" {
        fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
        fn _exit(code: i32) -> !;
    }
    extern "C" fn exit(_: i32) {
        // SAFETY: `_exit` may be called in a signal handler.
        unsafe { _exit(0) }
    }
    // SAFETY: `signal` is libc's, and the handler calls nothing that is unsafe in a handler.
    unsafe {
        signal(SIGTERM, exit);
    }
}

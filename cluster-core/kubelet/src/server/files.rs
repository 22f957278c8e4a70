//! `GET /logs/`: the files of `/var/log`, folders as lists of links, as Go's file server shows them.

use crate::prelude::*;
use axum::extract::{Path as UrlPath, State};
use axum::response::{Html, IntoResponse};
use tokio_util::io::ReaderStream;

/// The folder itself.
pub(super) async fn top(State(target): State<Arc<Target>>) -> Response<Body> {
    serve(&target.context.options.logs, "").await
}

/// A file or folder in it.
pub(super) async fn below(State(target): State<Arc<Target>>, UrlPath(path): UrlPath<String>) -> Response<Body> {
    serve(&target.context.options.logs, &path).await
}

async fn serve(logs: &Path, path: &str) -> Response<Body> {
    let refused = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Refusal(StatusCode::NOT_FOUND, "404 page not found\n".to_owned()),
        std::io::ErrorKind::PermissionDenied => Refusal(StatusCode::FORBIDDEN, "403 Forbidden\n".to_owned()),
        _ => Refusal(StatusCode::INTERNAL_SERVER_ERROR, "500 Internal Server Error\n".to_owned()),
    };
    let Some(path) = inside(logs, path) else {
        return Refusal(StatusCode::BAD_REQUEST, "invalid URL path\n".to_owned()).into_response();
    };
    let answer = async {
        if tokio::fs::metadata(&path).await?.is_dir() {
            return Ok(Html(links(&path).await?).into_response());
        }
        let file = tokio::fs::File::open(&path).await?;
        Ok(Body::from_stream(ReaderStream::new(file)).into_response())
    };
    answer.await.unwrap_or_else(|error| refused(error).into_response())
}

/// The place below `root` that a path of a URL names, if it does not climb out.
fn inside(root: &Path, path: &str) -> Option<PathBuf> {
    let plain = |part: &str| part != ".." && !part.contains('\0');
    path.split('/').all(plain).then(|| root.join(path.trim_start_matches('/')))
}

async fn links(folder: &Path) -> std::io::Result<String> {
    let mut entries = tokio::fs::read_dir(folder).await?;
    let mut links = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let slash = if entry.file_type().await?.is_dir() { "/" } else { "" };
        links.push(link(&entry.file_name().to_string_lossy(), slash));
    }
    links.sort();
    Ok(format!("<!doctype html>\n<pre>\n{}</pre>\n", links.concat()))
}

fn link(name: &str, slash: &str) -> String {
    let text = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<a href=\"{}{slash}\">{text}{slash}</a>\n", cluster_client::escape(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_inside_of_the_folder() {
        let root = Path::new("/var/log");
        for (path, expected) in [
            ("", Some("/var/log")),
            ("pods/a/0.log", Some("/var/log/pods/a/0.log")),
            ("//etc/passwd", Some("/var/log/etc/passwd")),
            ("../../etc/passwd", None),
            ("pods/../../../etc/passwd", None),
        ] {
            assert_eq!(inside(root, path).as_deref(), expected.map(Path::new), "{path}");
        }
    }

    #[test]
    fn a_link_holds_any_name() {
        assert_eq!(link("pods", "/"), "<a href=\"pods/\">pods/</a>\n");
        assert_eq!(link("a<b> \"c\"", ""), "<a href=\"a%3Cb%3E%20%22c%22\">a&lt;b&gt; \"c\"</a>\n");
    }
}

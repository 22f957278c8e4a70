//! Getting a container's image: pull policy, credentials, events.

use crate::prelude::*;
use bollard::auth::DockerCredentials;
use tokio::time::Instant;

/// Why there is no image: reason and message of the container's waiting state.
pub(super) type Failure = (&'static str, String);

/// An image, pulled if its policy says so; `place` is what of the pod asks for it.
pub(super) async fn image(
    context: &Context,
    pod: &Pod,
    (name, policy): (Option<&str>, Option<&str>),
    place: Option<&str>,
) -> Result<ImageInfo, Failure> {
    let name = name.unwrap_or_default();
    let path = || place.map(str::to_owned);
    let inspect = |error: RuntimeError| {
        let (reason, message) = not_inspected(name, &error);
        context.record(pod, path(), true, "InspectFailed", &message);
        (reason, message)
    };
    let present = context.runtime.image(name).await.map_err(inspect)?;
    match (policy.unwrap_or("IfNotPresent"), present) {
        ("IfNotPresent" | "Never", Some(image)) => {
            let message = format!("Container image {name:?} already present on machine and can be accessed by the pod");
            context.record(pod, path(), false, "Pulled", &message);
            return Ok(image);
        }
        ("Never", None) => {
            let message = format!("Container image {name:?} is not present with pull policy of Never");
            context.record(pod, path(), true, "ErrImageNeverPull", &message);
            return Err(("ErrImageNeverPull", message));
        }
        _ => {}
    }
    context.record(pod, path(), false, "Pulling", &format!("Pulling image {name:?}"));
    let begun = Instant::now();
    if let Err(why) = pull(context, pod, name).await {
        let message = format!("Failed to pull image {name:?}: {why}");
        context.record(pod, path(), true, "Failed", &message);
        return Err(("ErrImagePull", format!("failed to pull image {name:?}: {why}")));
    }
    let image = context.runtime.image(name).await.map_err(inspect)?;
    let image = image.ok_or_else(|| ("ErrImagePull", format!("image {name:?} vanished after its pull")))?;
    let took = format!("{:.3}s", begun.elapsed().as_secs_f64());
    let message = format!(
        "Successfully pulled image {name:?} in {took} ({took} including waiting). Image size: {} bytes.",
        image.size
    );
    context.record(pod, path(), false, "Pulled", &message);
    Ok(image)
}

/// Why the engine has no answer about an image: most often because of its name.
fn not_inspected(name: &str, error: &RuntimeError) -> Failure {
    if error.to_string().contains("invalid reference format") {
        let why = format!("couldn't parse image name {name:?}: {error}");
        return ("InvalidImageName", format!("Failed to apply default image tag {name:?}: {why}"));
    }
    ("ImageInspectError", format!("Failed to inspect image {name:?}: {error}"))
}

/// Pulls with each fitting credential in turn, without any if there is none.
async fn pull(context: &Context, pod: &Pod, name: &str) -> Result<(), String> {
    let mut tries: Vec<Option<DockerCredentials>> =
        credentials(context, pod, name).await.into_iter().map(Some).collect();
    if tries.is_empty() {
        tries.push(None);
    }
    let mut why = String::new();
    for auth in tries {
        match context.runtime.pull(name, auth.as_ref()).await {
            Ok(()) => return Ok(()),
            Err(e) => why = e.to_string(),
        }
    }
    Err(why)
}

async fn credentials(context: &Context, pod: &Pod, image: &str) -> Vec<DockerCredentials> {
    let mut out = Vec::new();
    for reference in pod.spec.iter().flat_map(|s| s.image_pull_secrets.iter().flatten()) {
        let Ok(Some(secret)) = context.objects.data(pod.namespace(), Kind::Secret, &reference.name).await else {
            continue;
        };
        let Some(bytes) = [".dockerconfigjson", ".dockercfg"].iter().find_map(|key| secret.own.get(*key)) else {
            continue;
        };
        out.extend(matching(bytes, image));
    }
    out
}

/// The registry of an image and the rest of its name.
fn registry(image: &str) -> (&str, &str) {
    match image.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (hub(host), path),
        _ => ("docker.io", image),
    }
}

/// Docker Hub has two names.
fn hub(host: &str) -> &str {
    if host == "index.docker.io" { "docker.io" } else { host }
}

/// Host and path of an entry in a list of credentials; the versions of the registries' API are no path.
fn place(server: &str) -> (&str, &str) {
    let bare = server.trim_start_matches("https://").trim_start_matches("http://");
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    (hub(host), ["v1/", "v2/"].iter().find_map(|version| path.strip_prefix(version)).unwrap_or(path))
}

/// Whether credentials for `server` are for the image: each label of the host may have a `*`, the path begins the image's.
fn fits(server: &str, image: &str) -> bool {
    let ((pattern, start), (host, path)) = (place(server), registry(image));
    let labels = |host: &str| host.split('.').count();
    let pairs = || pattern.split('.').zip(host.split('.'));
    labels(pattern) == labels(host) && pairs().all(|(p, label)| matches(p, label)) && path.starts_with(start)
}

/// Whether `text` is `pattern`, in which a `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let rest = text.strip_prefix(head);
    rest.is_some_and(|rest| rest.char_indices().any(|(at, _)| matches(tail, &rest[at..])) || matches(tail, ""))
}

fn matching(config: &[u8], image: &str) -> Vec<DockerCredentials> {
    use base64::Engine;
    let Ok(config) = serde_json::from_slice::<serde_json::Value>(config) else { return Vec::new() };
    let entries = config.get("auths").unwrap_or(&config).as_object().cloned().unwrap_or_default();
    let mut entries: Vec<_> = entries.into_iter().filter(|(server, _)| fits(server, image)).collect();
    // What is meant for fewer images goes first.
    entries.sort_by(|(a, _), (b, _)| place(b).cmp(&place(a)));
    let mut out = Vec::new();
    for (server, entry) in entries {
        let joined = entry["auth"].as_str().and_then(|a| base64::prelude::BASE64_STANDARD.decode(a).ok());
        let joined = joined.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let (user, password) = joined.split_once(':').unwrap_or_default();
        let or = |key: &str, other: &str| Some(entry[key].as_str().unwrap_or(other).to_owned());
        let (username, password) = (or("username", user), or("password", password));
        out.push(DockerCredentials { username, password, serveraddress: Some(server), ..Default::default() });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_match_the_registry_of_the_image() {
        let server = |server: &str, user: &str| (server.to_owned(), json!({"username": user, "password": "x"}));
        let auths = serde_json::Map::from_iter([
            ("r.io:5000".to_owned(), json!({"auth": "dTpw"})),
            server("https://index.docker.io/v1/", "hub"),
            server("*.azurecr.io", "any"),
            server("my*.azurecr.io", "mine"),
            server("r.io", "all"),
            server("r.io/team-a", "team"),
        ]);
        let config = json!({"auths": auths}).to_string();
        for (image, wanted) in [
            ("r.io:5000/a", "u"),
            ("busybox", "hub"),
            ("me/app", "hub"),
            ("docker.io/me/app:1", "hub"),
            ("index.docker.io/me/app", "hub"),
            ("other.io/a", ""),
            ("their.azurecr.io/a", "any"),
            ("myown.azurecr.io/a", "mine any"),
            ("a.b.azurecr.io/a", ""),
            ("r.io/team-a/b", "team all"),
            ("r.io/team-b/b", "all"),
        ] {
            let users: Vec<String> =
                matching(config.as_bytes(), image).into_iter().filter_map(|a| a.username).collect();
            assert_eq!(users.join(" "), wanted, "{image}");
        }
    }
}

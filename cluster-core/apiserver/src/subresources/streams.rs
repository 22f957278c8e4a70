//! log, exec, attach and port-forward: answered by the kubelet of the pod's node.

use crate::prelude::*;
use crate::request::{boolean, pairs};
use cluster_object::field;
use http::header::{CONTENT_TYPE, HeaderValue};

/// The most that is read of a kubelet's refusal.
const MAX_REFUSAL: usize = 64 * 1024;

pub(super) async fn log(call: &Call<'_>, mut parts: Parts, body: Body) -> Result<Reply, Status> {
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let errors = log_errors(&query);
    if !errors.is_empty() {
        return Err(Status::invalid("", "PodLogOptions", &call.info.name, &errors));
    }
    let pod = call.object(&call.info.name).await?;
    let container = container(&pod, &parameter(&query, "container"))?;
    let node = meta::text(&pod, "spec.nodeName");
    if node.is_empty() {
        return Ok(Reply::ok(Content::Raw(plain(Response::new(Body::empty())))));
    }
    let target = target(call, node, "containerLogs", Some(&container), &query)?;
    let response = backend::forward(&target, &mut parts, body).await?;
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => Ok(Reply::ok(Content::Raw(response))),
        code if code.is_success() => Ok(Reply::ok(Content::Raw(plain(response)))),
        _ => Err(refusal(response).await),
    }
}

pub(super) async fn connect(call: &Call<'_>, parts: &mut Parts, body: Body) -> Result<Reply, Status> {
    // A WebSocket begins with GET, yet to run something in a pod is no reading of it.
    if call.info.verb == "get" {
        call.may("create").await?;
    }
    let pod = call.object(&call.info.name).await?;
    let verb = call.info.subresource.as_str();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    super::admit_connect(call, &query).await?;
    let container = match verb {
        "portforward" => None,
        _ => Some(container(&pod, &parameter(&query, "container"))?),
    };
    let node = meta::text(&pod, "spec.nodeName");
    if node.is_empty() {
        return Err(Status::bad_request(format!("pod {} does not have a host assigned", call.info.name)));
    }
    let kubelet_verb = if verb == "portforward" { "portForward" } else { verb };
    let target = target(call, node, kubelet_verb, container.as_deref(), &query)?;
    let response = backend::forward(&target, parts, body).await?;
    match response.status() {
        code if code == StatusCode::SWITCHING_PROTOCOLS || code.is_success() => Ok(Reply::ok(Content::Raw(response))),
        _ => Err(refusal(response).await),
    }
}

/// The kubelet's path for one container or the whole pod, with the client's options.
fn target(call: &Call<'_>, node: &str, verb: &str, container: Option<&str>, query: &str) -> Result<Target, Status> {
    let nodes = cluster_object::status::GroupResource { group: "", resource: "nodes" };
    let node = call.server.find("nodes", "", node).ok_or_else(|| Status::not_found(nodes, node))?;
    let mut path = format!("/{verb}/{}/{}", call.info.namespace, call.info.name);
    if let Some(container) = container {
        path = format!("{path}/{container}");
    }
    let options = kubelet_options(query);
    if !options.is_empty() {
        path = format!("{path}?{options}");
    }
    Target::kubelet(call.server, &node, path)
}

/// The query in the kubelet's words: `stdin=true` is `input=1` there.
fn kubelet_options(query: &str) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in pairs(query) {
        let on = boolean(&value);
        match key.as_str() {
            "container" => {}
            "stdin" if on => drop(out.append_pair("input", "1")),
            "stdout" if on => drop(out.append_pair("output", "1")),
            "stderr" if on => drop(out.append_pair("error", "1")),
            "tty" if on => drop(out.append_pair("tty", "1")),
            "stdin" | "stdout" | "stderr" | "tty" => {}
            "follow" | "previous" | "timestamps" => drop(out.append_pair(&key, if on { "true" } else { "false" })),
            "ports" => drop(out.append_pair("port", &value)),
            _ => drop(out.append_pair(&key, &value)),
        }
    }
    out.finish()
}

/// What of the options of a log cannot be or does not go together.
fn log_errors(query: &str) -> field::Errors {
    let given = |name: &str| Some(parameter(query, name)).filter(|value| !value.is_empty());
    let mut errors = Vec::new();
    for (name, least, detail) in [
        ("tailLines", 0, "must be greater than or equal to 0"),
        ("limitBytes", 1, "must be greater than 0"),
        ("sinceSeconds", 1, "must be greater than 0"),
    ] {
        let number = given(name).and_then(|value| value.parse::<i64>().ok());
        if let Some(number) = number.filter(|number| *number < least) {
            errors.push(field::Error::invalid(&field::Path::new(name), &json!(number), detail));
        }
    }
    let mut forbid = |detail| errors.push(field::Error::forbidden(&field::Path::default(), detail));
    if given("sinceSeconds").and(given("sinceTime")).is_some() {
        forbid("at most one of `sinceTime` or `sinceSeconds` may be specified");
    }
    let stream = given("stream").filter(|stream| stream != "All");
    if stream.is_some() && given("tailLines").is_some() {
        forbid("`tailLines` and specific `stream` are mutually exclusive for now");
    }
    if let Some(other) = stream.filter(|stream| !["Stdout", "Stderr"].contains(&stream.as_str())) {
        let path = field::Path::new("stream");
        errors.push(field::Error::not_supported(&path, &json!(other), &["All", "Stderr", "Stdout"]));
    }
    errors
}

fn parameter(query: &str, name: &str) -> String {
    pairs(query).find(|(key, _)| key == name).map(|(_, value)| value).unwrap_or_default()
}

/// The container that is meant: the one that is named, or the pod's only one.
fn container(pod: &Value, wanted: &str) -> Result<String, Status> {
    let names = |list: &str| -> Vec<&str> {
        pod["spec"][list].as_array().into_iter().flatten().map(|c| meta::text(c, "name")).collect()
    };
    let (containers, init, ephemeral) = (names("containers"), names("initContainers"), names("ephemeralContainers"));
    let pod = meta::name(pod);
    if !wanted.is_empty() {
        let known = containers.iter().chain(&init).chain(&ephemeral).any(|name| *name == wanted);
        let unknown = || Status::bad_request(format!("container {wanted} is not valid for pod {pod}"));
        return if known { Ok(wanted.to_owned()) } else { Err(unknown()) };
    }
    match containers.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(Status::bad_request(format!("a container name must be specified for pod {pod}"))),
        many => {
            let init = match init.as_slice() {
                [] => String::new(),
                init => format!(" or one of the init containers: [{}]", init.join(" ")),
            };
            let many = many.join(" ");
            let text = format!("a container name must be specified for pod {pod}, choose one of: [{many}]{init}");
            Err(Status::bad_request(text))
        }
    }
}

fn plain(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// A kubelet's refusal as a Status: its own one, or its text under its code.
async fn refusal(response: Response<Body>) -> Status {
    let code = response.status().as_u16();
    let body = match Limited::new(response.into_body(), MAX_REFUSAL).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => return Status::internal(format!("failed to read the kubelet's answer: {error}")),
    };
    if let Ok(status) = serde_json::from_slice::<Status>(&body) {
        return status;
    }
    let text = String::from_utf8_lossy(&body).trim().to_owned();
    match code {
        400 => Status::bad_request(text),
        404 => Status::new(404, "NotFound", text),
        500 => Status::internal(text),
        code => Status::new(code, "", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_container_is_resolved_as_upstream_does() {
        let pod = |containers: &Value| json!({"metadata": {"name": "p"}, "spec": {"containers": containers}});
        let (one, two) = (pod(&json!([{"name": "a"}])), pod(&json!([{"name": "a"}, {"name": "b"}])));
        let check = |pod: &Value, wanted: &str| container(pod, wanted).map_err(|status| status.message);
        assert_eq!(check(&one, ""), Ok("a".to_owned()));
        assert_eq!(check(&two, "b"), Ok("b".to_owned()));
        assert_eq!(check(&two, "c"), Err("container c is not valid for pod p".to_owned()));
        let unnamed = "a container name must be specified for pod p, choose one of: [a b]";
        assert_eq!(check(&two, ""), Err(unnamed.to_owned()));
    }

    #[test]
    fn options_of_a_log_that_cannot_be_are_refused_in_upstreams_words() {
        let exclusive = ": Forbidden: `tailLines` and specific `stream` are mutually exclusive for now";
        let unknown = "stream: Unsupported value: \"stdout\": supported values: \"All\", \"Stderr\", \"Stdout\"";
        for (query, expected) in [
            ("stream=Stderr&follow=true", "[]"),
            ("stream=All&tailLines=5", "[]"),
            ("stream=Stdout&tailLines=5", exclusive),
            ("stream=stdout", unknown),
            ("tailLines=-1", "tailLines: Invalid value: -1: must be greater than or equal to 0"),
            ("limitBytes=0", "limitBytes: Invalid value: 0: must be greater than 0"),
            ("sinceSeconds=0", "sinceSeconds: Invalid value: 0: must be greater than 0"),
            (
                "sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z",
                ": Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
            ),
        ] {
            assert_eq!(field::aggregate(&log_errors(query)), expected, "{query}");
        }
    }

    #[test]
    fn options_are_told_in_the_kubelets_words() {
        let query = "command=sh&command=-c&container=x&stdin=true&stdout=true&stderr=False&tty=true";
        assert_eq!(kubelet_options(query), "command=sh&command=-c&input=1&output=1&tty=1");
        assert_eq!(kubelet_options("follow=True&tailLines=5"), "follow=true&tailLines=5");
        assert_eq!(kubelet_options("ports=80&ports=81"), "port=80&port=81");
    }
}

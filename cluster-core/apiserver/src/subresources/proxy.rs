//! `proxy`: plain HTTP to a node's kubelet, a pod, or a pod behind a service.

use crate::backend::{self, Target};
use crate::verbs::{Call, Content, Reply};
use axum::body::Body;
use cluster_object::meta;
use cluster_object::status::Status;
use http::request::Parts;
use serde_json::Value;

pub(super) async fn serve(call: &Call<'_>, parts: &mut Parts, body: Body) -> Result<Reply, Status> {
    let mut path = format!("/{}", call.info.rest.trim_start_matches('/'));
    if let Some(query) = parts.uri.query().filter(|q| !q.is_empty()) {
        path = format!("{path}?{query}");
    }
    super::admit_connect(call, "").await?;
    let named = Named::parse(&call.info.name)?;
    let target = match call.resource.plural.as_str() {
        "nodes" => Target::kubelet(call.server, &call.object(named.name).await?, path)?,
        "pods" => pod_target(&call.object(named.name).await?, &named, path)?,
        _ => {
            let (host, port) = backend::of_service(call.server, &call.info.namespace, named.name, named.port)?;
            Target { host, port, tls: None, path_and_query: path }
        }
    };
    let response = backend::forward(&target, parts, body).await?;
    Ok(Reply::ok(Content::Raw(response)))
}

/// `[scheme:]name[:port]`
#[derive(Debug, PartialEq, Eq)]
struct Named<'a> {
    name: &'a str,
    port: &'a str,
}

impl<'a> Named<'a> {
    fn parse(text: &'a str) -> Result<Self, Status> {
        let (scheme, name, port) = match text.split(':').collect::<Vec<_>>().as_slice() {
            [name] => ("", *name, ""),
            [name, port] => ("", *name, *port),
            [scheme, name, port] => (*scheme, *name, *port),
            _ => return Err(Status::bad_request(format!("invalid proxy request {text:?}"))),
        };
        match scheme {
            "" | "http" => Ok(Self { name, port }),
            other => Err(Status::bad_request(format!("the scheme {other:?} is not supported by this server's proxy"))),
        }
    }
}

fn number(port: &Value) -> Option<u16> {
    port.as_u64().and_then(|port| u16::try_from(port).ok())
}

fn pod_target(pod: &Value, named: &Named<'_>, path_and_query: String) -> Result<Target, Status> {
    let host = meta::text(pod, "status.podIP");
    if host.is_empty() {
        return Err(Status::bad_request(format!("address not allowed: pod {} has no IP", named.name)));
    }
    let ports = pod["spec"]["containers"].as_array().into_iter().flatten();
    let mut ports = ports.flat_map(|c| c["ports"].as_array().into_iter().flatten());
    let port = match named.port {
        "" => ports.next().and_then(|p| number(&p["containerPort"])).unwrap_or(80),
        text => match text.parse() {
            Ok(port) => port,
            Err(_) => ports
                .find(|p| p["name"] == text)
                .and_then(|p| number(&p["containerPort"]))
                .ok_or_else(|| Status::bad_request(format!("no port {text:?} in pod {}", named.name)))?,
        },
    };
    Ok(Target { host: host.to_owned(), port, tls: None, path_and_query })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_carry_scheme_and_port() {
        for (text, name, port) in [("a", "a", ""), ("a:80", "a", "80"), ("http:a:web", "a", "web"), (":a:", "a", "")] {
            assert_eq!(Named::parse(text).ok(), Some(Named { name, port }), "{text}");
        }
        assert!(Named::parse("ftp:a:1").is_err());
    }
}

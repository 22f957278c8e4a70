//! `proxy`: plain HTTP to a node's kubelet, a pod, or a pod behind a service.

use super::kubelet::Target;
use crate::admission::Lookup;
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
    let named = Named::parse(&call.info.name)?;
    let target = match call.resource.plural.as_str() {
        "nodes" => Target::kubelet(&call.object(named.name)?, path)?,
        "pods" => pod_target(&call.object(named.name)?, &named, path)?,
        _ => service_target(call, &named, path)?,
    };
    let response = call.server.kubelets.forward(&target, parts, body).await?;
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
    Ok(Target { host: host.to_owned(), port, tls: false, path_and_query })
}

fn service_target(call: &Call<'_>, named: &Named<'_>, path_and_query: String) -> Result<Target, Status> {
    let service = call.object(named.name)?;
    let mut ports = service["spec"]["ports"].as_array().into_iter().flatten();
    let wanted: Option<u64> = named.port.parse().ok();
    let port = match named.port {
        "" => ports.next(),
        text => ports.find(|p| p["name"] == text || wanted.is_some_and(|w| p["port"].as_u64() == Some(w))),
    };
    let unavailable = |why: String| Status::new(503, "ServiceUnavailable", why);
    let port = port
        .ok_or_else(|| unavailable(format!("no service port {:?} found for service {:?}", named.port, named.name)))?;
    let port_name = meta::text(port, "name");
    let slices = call.server.list("discovery.k8s.io/endpointslices", Some(&call.info.namespace));
    let of_service = slices.iter().filter(|s| meta::label(s, "kubernetes.io/service-name") == Some(named.name));
    let mut candidates = Vec::new();
    for slice in of_service {
        let ports = slice["ports"].as_array().into_iter().flatten();
        let Some(port) = ports.filter(|p| meta::text(p, "name") == port_name).find_map(|p| number(&p["port"])) else {
            continue;
        };
        for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
            if endpoint["conditions"]["ready"] != false
                && let Some(address) = endpoint["addresses"][0].as_str()
            {
                candidates.push((address.to_owned(), port));
            }
        }
    }
    if candidates.is_empty() {
        return Err(unavailable(format!("no endpoints available for service {:?}", named.name)));
    }
    let (host, port) = candidates.swap_remove(rand::random_range(0..candidates.len()));
    Ok(Target { host, port, tls: false, path_and_query })
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

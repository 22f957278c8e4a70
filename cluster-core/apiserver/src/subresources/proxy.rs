//! `proxy`: HTTP to a node's kubelet, a pod, or a pod behind a service.

use super::links::Links;
use crate::backend::{Target, Tls, Trust};
use crate::prelude::*;
use http::header::{HOST, HeaderName, HeaderValue, LOCATION, UPGRADE};

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
            let (host, port) = backend::of_pods(call.server, &call.info.namespace, named.name, named.port)?;
            Target { tls: tls(&named, &host)?, host, port, path_and_query: path }
        }
    };
    let asked = parts.uri.path().to_owned();
    let upgrade = parts.headers.contains_key(UPGRADE);
    let prefix = prefix(&asked, &call.info.namespace);
    if prefix == asked && !upgrade && [Method::GET, Method::HEAD].contains(&parts.method) {
        let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        return redirect(&format!("{prefix}/{query}"));
    }
    let uri = HeaderValue::from_str(&asked).map_err(Status::internal)?;
    parts.headers.insert(HeaderName::from_static("x-forwarded-uri"), uri);
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    let links = Links { prefix, hosts: [&format!("{}:{}", target.host, target.port), &host] };
    let mut response = backend::forward(&target, parts, body).await?;
    for name in ["credentials", "headers", "methods", "origin"] {
        response.headers_mut().remove(format!("access-control-allow-{name}"));
    }
    if !upgrade && parts.method != Method::HEAD {
        response = links.rewrite(response).await?;
    }
    Ok(Reply::ok(Content::Raw(response)))
}

/// The part of a path that names the proxy itself.
fn prefix<'p>(path: &'p str, namespace: &str) -> &'p str {
    let segments = if namespace.is_empty() { "/api/v1/nodes/n/proxy" } else { "/api/v1/namespaces/ns/pods/p/proxy" };
    let end = path.match_indices('/').nth(segments.matches('/').count());
    end.map_or(path, |(end, _)| &path[..end])
}

/// A page's relative links are right only when its address ends with a slash.
fn redirect(location: &str) -> Result<Reply, Status> {
    let answer = Response::builder().status(StatusCode::MOVED_PERMANENTLY).header(LOCATION, location);
    Ok(Reply::ok(Content::Raw(answer.body(Body::empty()).map_err(Status::internal)?)))
}

/// `[scheme:]name[:port]`
#[derive(Debug, PartialEq, Eq)]
struct Named<'a> {
    /// Whether the scheme is `https`.
    https: bool,
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
            "" | "http" => Ok(Self { https: false, name, port }),
            "https" => Ok(Self { https: true, name, port }),
            other => Err(Status::bad_request(format!("the scheme {other:?} is not supported by this server's proxy"))),
        }
    }
}

/// A pod's certificate is not checked: nobody could know whom it is for. Source: upstream's proxy transport.
fn tls(named: &Named<'_>, host: &str) -> Result<Option<Tls>, Status> {
    let trust = Trust { bundle: "", anybody: true, identity: None };
    let config = named.https.then(|| trust.config()).transpose().map_err(Status::internal)?;
    Ok(config.map(|config| Tls { config, name: host.to_owned() }))
}

fn number(port: &Value) -> Option<u16> {
    port.as_u64().and_then(|port| u16::try_from(port).ok())
}

fn pod_target(pod: &Value, named: &Named<'_>, path_and_query: String) -> Result<Target, Status> {
    let host = meta::text(pod, "status.podIP");
    if host.is_empty() {
        return Err(Status::bad_request(format!("address not allowed: pod {} has no IP", named.name)));
    }
    if !backend::is_proxyable(host) {
        return Err(Status::bad_request("address not allowed"));
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
    Ok(Target { host: host.to_owned(), port, tls: tls(named, host)?, path_and_query })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_carry_scheme_and_port() {
        for (text, https, name, port) in [
            ("a", false, "a", ""),
            ("a:80", false, "a", "80"),
            ("http:a:web", false, "a", "web"),
            ("https:a:", true, "a", ""),
            (":a:", false, "a", ""),
        ] {
            assert_eq!(Named::parse(text).ok(), Some(Named { https, name, port }), "{text}");
        }
        assert!(Named::parse("ftp:a:1").is_err());
    }

    #[test]
    fn the_proxys_own_path_ends_before_the_backends() {
        for (path, namespace, own) in [
            ("/api/v1/nodes/n/proxy", "", "/api/v1/nodes/n/proxy"),
            ("/api/v1/nodes/n/proxy/proxy/x", "", "/api/v1/nodes/n/proxy"),
            ("/api/v1/namespaces/proxy/pods/p:80/proxy/", "proxy", "/api/v1/namespaces/proxy/pods/p:80/proxy"),
        ] {
            assert_eq!(prefix(path, namespace), own, "{path}");
        }
    }
}

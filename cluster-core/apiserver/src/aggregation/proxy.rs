//! Requests that go on to an extension server, under the caller's name.

use super::{Remote, Remotes};
use crate::backend::{Target, Tls, Trust};
use crate::kinds::prelude::*;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What need not be escaped in the name of a header.
const HEADER_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

impl Remotes {
    /// Hands the request on to `remote` and relays its answer, streams and upgrades included.
    pub(crate) async fn forward(
        &self,
        lookup: &dyn Lookup,
        remote: &Remote,
        user: &UserInfo,
        mut parts: Parts,
        body: Body,
    ) -> Result<Response<Body>, Status> {
        // Who is asked reads an encoded slash as one, and was to be authorized for what it then says.
        if parts.uri.path().to_ascii_lowercase().contains("%2f") {
            return Err(Status::bad_request("the path holds an encoded slash"));
        }
        let unavailable = |why: &str| Status::new(503, "ServiceUnavailable", why);
        if !remote.available {
            return Err(unavailable("service unavailable"));
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let target = self.target(lookup, remote, path).map_err(|why| unavailable(&why))?;
        name_user(&mut parts.headers, user);
        let answer = backend::forward(&target, &mut parts, body).await;
        answer.map_err(|status| {
            unavailable(&status.message.replacen("error dialing backend", "error trying to reach service", 1))
        })
    }

    /// `path_and_query` at one of the endpoints of the remote's service.
    pub(super) fn target(
        &self,
        lookup: &dyn Lookup,
        remote: &Remote,
        path_and_query: String,
    ) -> Result<Target, String> {
        let (namespace, name) = (text(&remote.spec["service"]["namespace"]), text(&remote.spec["service"]["name"]));
        let port = remote.spec["service"]["port"].as_u64().unwrap_or(443).to_string();
        let (host, port) = backend::of_service(lookup, namespace, name, &port).map_err(|status| status.message)?;
        let trust = Trust {
            bundle: text(&remote.spec["caBundle"]),
            anybody: remote.spec["insecureSkipTLSVerify"] == true,
            identity: Some(&self.identity),
        };
        let tls = Some(Tls { config: trust.config()?, name: format!("{name}.{namespace}.svc") });
        Ok(Target { host, port, tls, path_and_query })
    }
}

/// Puts the caller's name into the headers in place of any name that came with the request.
fn name_user(headers: &mut HeaderMap, user: &UserInfo) {
    let given: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("x-remote-")).cloned().collect();
    for name in given {
        headers.remove(name);
    }
    let mut add = |name: String, value: &str| {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    };
    add("x-remote-user".to_owned(), &user.name);
    if !user.uid.is_empty() {
        add("x-remote-uid".to_owned(), &user.uid);
    }
    user.groups.iter().for_each(|group| add("x-remote-group".to_owned(), group));
    for (key, values) in &user.extra {
        let name = format!("x-remote-extra-{}", utf8_percent_encode(&key.to_lowercase(), HEADER_NAME));
        for value in values {
            add(name.clone(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_caller_is_named_and_nobody_else() {
        let mut headers = HeaderMap::new();
        for name in ["x-remote-user", "x-remote-group", "x-remote-extra-a", "accept"] {
            headers.insert(name, HeaderValue::from_static("forged"));
        }
        let extra = BTreeMap::from([("example.com/pod".to_owned(), vec!["p".to_owned()])]);
        let user = UserInfo { extra, ..UserInfo::authenticated("u", &["g"]) };
        name_user(&mut headers, &user);
        let mut seen: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap_or_default())).collect();
        seen.sort();
        let expected = [
            "accept=forged",
            "x-remote-extra-example.com%2fpod=p",
            "x-remote-group=g",
            "x-remote-group=system:authenticated",
            "x-remote-user=u",
        ];
        assert_eq!(seen, expected);
    }
}

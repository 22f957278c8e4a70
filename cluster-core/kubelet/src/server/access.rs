//! Who may ask the kubelet for what: the API server and administrators by their certificate, everybody else, by
//! certificate or token, as the API server says when it is asked about this node.

use crate::prelude::*;
use axum::extract::{Extension, State};
use axum::middleware::Next;
use http::{HeaderMap, Method, header};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The API server's name towards kubelets.
const API_SERVER: &str = "kube-apiserver-kubelet-client";
const ADMINISTRATORS: &str = "system:masters";
const TOKEN_REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const ACCESS_REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// Parts of the kubelet's server that have a subresource of `nodes` of their own; all others are `proxy`, which still
/// opens those that it alone opened before they had a name. Source: upstream's `pkg/kubelet/server/auth.go`.
const PARTS: [(&str, &[&str]); 7] = [
    ("/stats", &["stats"]),
    ("/metrics", &["metrics"]),
    ("/logs", &["log"]),
    ("/checkpoint", &["checkpoint"]),
    ("/pods", &["pods", "proxy"]),
    ("/runningpods", &["pods", "proxy"]),
    ("/configz", &["configz", "proxy"]),
];

/// A user as a review tells it: `username`, `groups`, `uid`, `extra`.
type User = Value;

/// The user of a connection's certificate, if it has one.
#[derive(Clone)]
pub(super) struct Certified(Option<User>);

impl Certified {
    /// The user that a certificate, which the cluster's authority has signed, names.
    pub(super) fn of(peer: Option<&CertificateDer<'_>>) -> Self {
        let certificate = peer.and_then(|peer| X509Certificate::from_der(peer).ok());
        Self(certificate.map(|(_, certificate)| {
            let subject = certificate.subject();
            let name = subject.iter_common_name().find_map(|name| name.as_str().ok()).unwrap_or_default();
            let groups: Vec<&str> = subject.iter_organization().filter_map(|group| group.as_str().ok()).collect();
            json!({"username": name, "groups": groups})
        }))
    }
}

/// What decides about requests.
#[derive(Clone)]
pub(super) struct Access(pub(super) Arc<Context>);

/// Lets a request pass that its user may make.
pub(super) async fn guard(
    State(access): State<Access>,
    Extension(Certified(certified)): Extension<Certified>,
    request: Request<Body>,
    next: Next,
) -> Response<Body> {
    let user = match certified {
        Some(user) => Some(user),
        None => access.of_token(request.headers()).await,
    };
    let Some(user) = user else { return Refusal(StatusCode::UNAUTHORIZED, "Unauthorized".to_owned()).into_response() };
    match access.refusal(&user, request.method(), request.uri().path()).await {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    }
}

impl Access {
    async fn of_token(&self, headers: &HeaderMap) -> Option<User> {
        let token = bearer(headers)?;
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}});
        let asked = self.0.client.raw(Method::POST, TOKEN_REVIEWS, Some(&review)).await;
        let mut told = asked.inspect_err(|error| tracing::warn!(%error, "failed to review a token")).ok()?;
        (told["status"]["authenticated"] == true).then(|| told["status"]["user"].take())
    }

    /// Why a user is refused; nothing if it may.
    async fn refusal(&self, user: &User, method: &Method, path: &str) -> Option<Refusal> {
        if trusted(user) {
            return None;
        }
        let verb = verb(method);
        let subresources = subresources(path);
        for subresource in subresources {
            match self.allows(user, verb, subresource).await {
                Ok(true) => return None,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "failed to review a user's access");
                    let text = format!("Authorization error ({})", attributes(user, verb, subresources));
                    return Some(Refusal(StatusCode::INTERNAL_SERVER_ERROR, text));
                }
            }
        }
        Some(Refusal(StatusCode::FORBIDDEN, format!("Forbidden ({})", attributes(user, verb, subresources))))
    }

    async fn allows(&self, user: &User, verb: &str, subresource: &str) -> Result<bool, cluster_client::Error> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": user["username"],
                "uid": user["uid"].as_str().unwrap_or_default(),
                "groups": user["groups"],
                "extra": user["extra"],
                "resourceAttributes": {
                    "verb": verb,
                    "version": "v1",
                    "resource": "nodes",
                    "subresource": subresource,
                    "name": self.0.options.node.name,
                },
            },
        });
        let told = self.0.client.raw(Method::POST, ACCESS_REVIEWS, Some(&review)).await?;
        Ok(told["status"]["allowed"] == true)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn trusted(user: &User) -> bool {
    let administrator = || user["groups"].as_array().is_some_and(|groups| groups.iter().any(|g| g == ADMINISTRATORS));
    user["username"] == API_SERVER || administrator()
}

fn verb(method: &Method) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "get",
    }
}

/// The subresources of `nodes` of which each alone opens a path.
fn subresources(path: &str) -> &'static [&'static str] {
    let below = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    PARTS.iter().find(|(root, _)| below(root)).map_or(&["proxy"], |(_, subresources)| subresources)
}

fn attributes(user: &User, verb: &str, subresources: &[&str]) -> String {
    let name = user["username"].as_str().unwrap_or_default();
    format!("user={name}, verb={verb}, resource=nodes, subresource(s)=[{}]", subresources.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_the_server_has_its_subresource() {
        for (path, expected) in [
            ("/metrics", &["metrics"][..]),
            ("/metrics/cadvisor", &["metrics"]),
            ("/metricsx", &["proxy"]),
            ("/stats/summary", &["stats"]),
            ("/logs/pods/", &["log"]),
            ("/pods", &["pods", "proxy"]),
            ("/configz", &["configz", "proxy"]),
            ("/exec/ns/pod/container", &["proxy"]),
            ("/containerLogs/ns/pod/container", &["proxy"]),
        ] {
            assert_eq!(subresources(path), expected, "{path}");
        }
    }
}

//! The audit log: one JSON line for each stage of a request that the policy wants to know about.

mod policy;

use crate::auth::PeerAddress;
use crate::pipeline::header;
use crate::prelude::*;
use http::header::{CONTENT_TYPE, USER_AGENT};
use policy::{Level, Stage, Verdict};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The header that names a request.
pub(crate) const ID: HeaderName = HeaderName::from_static("audit-id");

/// The name of a request whose client gave it none.
pub(crate) fn new_id() -> HeaderValue {
    HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()).expect("hexadecimal digits and dashes")
}

/// Writes the log as the policy says.
pub struct Audit {
    policy: Value,
    log: Mutex<Box<dyn Write + Send>>,
}

/// Why there is no audit log.
#[derive(Debug, thiserror::Error)]
#[error("failed to open the audit log {path}: {source}")]
pub struct AuditError {
    path: String,
    source: std::io::Error,
}

impl Audit {
    /// Appends to the file `log`, or writes to the standard output, what a `Policy` of `audit.k8s.io/v1` wants.
    pub fn new(policy: Value, log: Option<&Path>) -> Result<Self, AuditError> {
        let log: Box<dyn Write + Send> = match log {
            None => Box::new(std::io::stdout()),
            Some(path) => {
                // What requests hold is nobody else's business.
                let opened = File::options().create(true).append(true).mode(0o600).open(path);
                Box::new(opened.map_err(|source| AuditError { path: path.display().to_string(), source })?)
            }
        };
        Ok(Self { policy, log: Mutex::new(log) })
    }

    fn write(&self, event: &Value) {
        if let Err(error) = writeln!(self.log.lock(), "{event}") {
            tracing::error!(%error, "failed to write the audit log");
        }
    }
}

/// The log of one request on its way. Dropped, it says that the request is complete.
pub(crate) struct Trail {
    audit: Arc<Audit>,
    verdict: Verdict,
    event: Value,
    notes: Arc<Notes>,
}

/// Who sends a request, and as whom when that is somebody else.
pub(crate) struct Who<'a> {
    pub(crate) caller: &'a UserInfo,
    pub(crate) user: Option<&'a UserInfo>,
}

/// Takes down what the authorizer said, and why.
pub(crate) fn decided(notes: &Notes, decision: &Decision) {
    let (word, reason) = match decision {
        Decision::Allow(reason) => ("allow", reason),
        Decision::Deny(reason) => ("forbid", reason),
    };
    for (key, value) in [("decision", word), ("reason", reason)] {
        notes.annotate(format!("authorization.k8s.io/{key}"), value.to_owned());
    }
}

/// Starts the trail of a request, and gives its body back. `None` when the policy does not want to know.
pub(crate) async fn begin(
    audit: &Arc<Audit>,
    who: &Who<'_>,
    info: &RequestInfo,
    parts: &Parts,
    body: Body,
    notes: &Arc<Notes>,
) -> Result<(Option<Trail>, Body), Status> {
    let verdict = policy::decide(&audit.policy, who.caller, info);
    if verdict.level == Level::None {
        return Ok((None, body));
    }
    let uri = parts.uri.path_and_query().map_or("", |uri| uri.as_str());
    let mut event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": verdict.level,
        "auditID": header(&parts.headers, ID), "requestURI": uri, "verb": info.verb, "user": who.caller.to_json(),
        "userAgent": header(&parts.headers, USER_AGENT), "requestReceivedTimestamp": meta::now_micro(),
    });
    if let Some(user) = who.user {
        event["impersonatedUser"] = user.to_json();
    }
    if let Some(PeerAddress(address)) = parts.extensions.get() {
        event["sourceIPs"] = json!([address]);
    }
    if info.is_resource {
        event["objectRef"] = object_ref(info);
    }
    let mut trail = Trail { audit: Arc::clone(audit), verdict, event, notes: Arc::clone(notes) };
    trail.log(Stage::RequestReceived);
    let carries = matches!(&*info.verb, "create" | "update" | "patch" | "delete" | "deletecollection");
    let streams = is_long_running(info) || header(&parts.headers, CONTENT_TYPE).is_empty();
    if trail.verdict.level < Level::Request || !carries || streams {
        return Ok((Some(trail), body));
    }
    let bytes = request::read(body).await?;
    trail.event["requestObject"] = trail.object(&bytes);
    Ok((Some(trail), Body::from(bytes)))
}

/// Whether the answer may go on for as long as the client likes.
pub(crate) fn is_long_running(info: &RequestInfo) -> bool {
    info.verb == "watch" || matches!(info.subresource.as_str(), "attach" | "exec" | "log" | "portforward" | "proxy")
}

fn object_ref(info: &RequestInfo) -> Value {
    let mut reference = json!({"resource": info.resource, "apiVersion": info.version});
    let fields = [
        ("apiGroup", &info.group),
        ("namespace", &info.namespace),
        ("name", &info.name),
        ("subresource", &info.subresource),
    ];
    for (field, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        reference[field] = value.as_str().into();
    }
    reference
}

impl Trail {
    fn log(&self, stage: Stage) {
        if !self.verdict.logs(stage) {
            return;
        }
        let mut event = self.event.clone();
        event["stage"] = json!(stage);
        event["stageTimestamp"] = meta::now_micro().into();
        let annotations = self.notes.annotations();
        if !annotations.is_empty() {
            event["annotations"] = json!(annotations);
        }
        self.audit.write(&event);
    }

    /// Puts the object of a JSON text into the event; null for other texts.
    fn object(&self, bytes: &[u8]) -> Value {
        let mut object: Value = serde_json::from_slice(bytes).unwrap_or_default();
        if self.verdict.omit_managed_fields {
            drop(meta::remove(&mut object, "metadata.managedFields"));
        }
        object
    }

    /// Takes down the outcome. The answer of a stream carries the trail on to its end.
    pub(crate) async fn end(mut self, info: &RequestInfo, response: Response<Body>) -> Response<Body> {
        let code = response.status().as_u16();
        self.event["responseStatus"] = json!({"metadata": {}, "code": code});
        if is_long_running(info) {
            self.log(Stage::ResponseStarted);
            // The closure lives as long as the body, and with it the trail.
            return response.map(|body| {
                Body::new(body.map_frame(move |frame| {
                    let _ = &self;
                    frame
                }))
            });
        }
        if self.verdict.level < Level::RequestResponse && code < 400 {
            return response;
        }
        let (parts, body) = response.into_parts();
        let Ok(collected) = body.collect().await else { return Response::from_parts(parts, Body::empty()) };
        let bytes: Bytes = collected.to_bytes();
        let object = self.object(&bytes);
        if meta::kind(&object) == "Status" {
            self.event["responseStatus"] = object.clone();
        }
        if self.verdict.level == Level::RequestResponse {
            self.event["responseObject"] = object;
        }
        Response::from_parts(parts, Body::from(bytes))
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.log(Stage::ResponseComplete);
    }
}

//! What users may tell the API server: the flags of kube-apiserver that ours has, in one table.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What differs from the API server's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ApiServer {
    /// `oidc-*`: an issuer of ID tokens.
    pub oidc: Oidc,
    /// The `clientConfig` of `authentication-token-webhook-config-file`.
    pub token_webhook: Option<Value>,
    /// The `clientConfig` of `authorization-webhook-config-file`.
    pub authorization_webhook: Option<Value>,
    /// The content of `audit-policy-file`.
    pub audit_policy: Option<Value>,
    /// `audit-log-path`: a file in the node, or `-` for the node's own log.
    pub audit_log: Option<String>,
    /// `service-account-issuer`
    pub issuer: Option<String>,
    /// `max-requests-inflight`
    pub reading: Option<usize>,
    /// `max-mutating-requests-inflight`
    pub mutating: Option<usize>,
    /// `request-timeout`, in seconds.
    pub timeout_seconds: Option<u64>,
    /// `service-node-port-range`: the first and the last.
    pub node_ports: Option<(u16, u16)>,
}

/// The `oidc-*` flags by their names; empty where they were not given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the names are the flags'")]
pub struct Oidc {
    pub issuer_url: String,
    pub client_id: String,
    pub username_claim: String,
    pub username_prefix: String,
    pub groups_claim: String,
    pub groups_prefix: String,
    pub required_claims: Vec<(String, String)>,
    pub signing_algorithms: Vec<String>,
    /// The content of `oidc-ca-file`.
    pub ca: String,
}

/// How a file that a flag names is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileForm {
    /// As a string.
    Text,
    /// As the value of its one YAML document.
    Yaml,
}

/// What a flag does with its value.
enum Takes {
    /// The value itself; an error reads after "it must be".
    Value(fn(&mut ApiServer, &str) -> Option<()>, &'static str),
    /// The content of the file that it names; an error reads after "the file ".
    File(FileForm, fn(&mut ApiServer, Value) -> Result<(), &'static str>),
}

const TEXT: &str = "a text";
const URL: &str = "an https URL";
const COUNT: &str = "a number above 0";
const ALGORITHMS: [&str; 8] = ["RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "PS384", "PS512"];

const FLAGS: [(&str, Takes); 18] = [
    ("audit-log-path", Takes::Value(|s, v| put(&mut s.audit_log, log_path(v)), "an absolute path in the node, or `-`")),
    ("audit-policy-file", Takes::File(FileForm::Yaml, audit_policy)),
    ("authentication-token-webhook-config-file", Takes::File(FileForm::Yaml, |s, v| webhook(&mut s.token_webhook, &v))),
    (
        "authorization-webhook-config-file",
        Takes::File(FileForm::Yaml, |s, v| webhook(&mut s.authorization_webhook, &v)),
    ),
    ("max-mutating-requests-inflight", Takes::Value(|s, v| put(&mut s.mutating, count(v)), COUNT)),
    ("max-requests-inflight", Takes::Value(|s, v| put(&mut s.reading, count(v)), COUNT)),
    ("oidc-ca-file", Takes::File(FileForm::Text, authority)),
    ("oidc-client-id", Takes::Value(|s, v| text(&mut s.oidc.client_id, v), TEXT)),
    ("oidc-groups-claim", Takes::Value(|s, v| text(&mut s.oidc.groups_claim, v), TEXT)),
    ("oidc-groups-prefix", Takes::Value(|s, v| text(&mut s.oidc.groups_prefix, v), TEXT)),
    ("oidc-issuer-url", Takes::Value(|s, v| text(&mut s.oidc.issuer_url, https(v)?), URL)),
    ("oidc-required-claim", Takes::Value(required_claim, "CLAIM=VALUE")),
    ("oidc-signing-algs", Takes::Value(algorithms, "of RS256, RS384, RS512, ES256, ES384, PS256, PS384 and PS512")),
    ("oidc-username-claim", Takes::Value(|s, v| text(&mut s.oidc.username_claim, v), TEXT)),
    ("oidc-username-prefix", Takes::Value(|s, v| text(&mut s.oidc.username_prefix, v), TEXT)),
    (
        "request-timeout",
        Takes::Value(|s, v| put(&mut s.timeout_seconds, seconds(v)), "a time such as 60s, 5m or 1m30s"),
    ),
    ("service-account-issuer", Takes::Value(|s, v| put(&mut s.issuer, https(v).map(str::to_owned)), URL)),
    ("service-node-port-range", Takes::Value(|s, v| put(&mut s.node_ports, range(v)), "a range such as 30000-32767")),
];

impl ApiServer {
    /// Reads arguments of the form `KEY=VALUE`, with `read` for the files that they name. The error is for the user.
    pub fn parse(arguments: &[String], read: impl Fn(&str, FileForm) -> Result<Value, String>) -> Result<Self, String> {
        let mut parsed = Self::default();
        for argument in arguments {
            let pair = argument.trim_start_matches("--").split_once('=');
            let (key, value) = pair.ok_or_else(|| format!("`{argument}` is not of the form KEY=VALUE"))?;
            let takes = FLAGS.iter().find(|(name, _)| *name == key).map(|(_, takes)| takes);
            match takes.ok_or_else(|| format!("`{key}` is not supported; there are {}", names()))? {
                Takes::Value(set, form) => {
                    set(&mut parsed, value).ok_or_else(|| format!("`{argument}`: it must be {form}"))?;
                }
                Takes::File(form, set) => {
                    let content = read(value, *form).map_err(|why| format!("`{argument}`: {why}"))?;
                    set(&mut parsed, content).map_err(|why| format!("`{argument}`: the file {why}"))?;
                }
            }
        }
        parsed.check()?;
        Ok(parsed)
    }

    fn check(&self) -> Result<(), String> {
        if self.oidc != Oidc::default() && (self.oidc.issuer_url.is_empty() || self.oidc.client_id.is_empty()) {
            return Err("OIDC needs both oidc-issuer-url and oidc-client-id".to_owned());
        }
        if self.audit_log.is_some() && self.audit_policy.is_none() {
            return Err("audit-log-path needs audit-policy-file".to_owned());
        }
        Ok(())
    }
}

fn names() -> String {
    FLAGS.map(|(name, _)| name).join(", ")
}

fn put<T>(target: &mut Option<T>, value: Option<T>) -> Option<()> {
    *target = Some(value?);
    Some(())
}

fn text(target: &mut String, value: &str) -> Option<()> {
    value.clone_into(target);
    (!value.is_empty()).then_some(())
}

fn https(value: &str) -> Option<&str> {
    value.strip_prefix("https://").filter(|rest| !rest.is_empty()).map(|_| value)
}

fn log_path(value: &str) -> Option<String> {
    (value == "-" || value.starts_with('/')).then(|| value.to_owned())
}

fn count(value: &str) -> Option<usize> {
    value.parse().ok().filter(|count| *count > 0)
}

fn range(value: &str) -> Option<(u16, u16)> {
    let (first, last) = value.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (0 < first && first <= last).then_some((first, last))
}

/// Go's way to write times, in whole seconds.
fn seconds(value: &str) -> Option<u64> {
    let (mut rest, mut total) = (value, 0u64);
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !c.is_ascii_digit())?;
        let factor = match rest.as_bytes()[unit] {
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        total = total.checked_add(rest[..unit].parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = &rest[unit + 1..];
    }
    (total > 0).then_some(total)
}

fn required_claim(server: &mut ApiServer, value: &str) -> Option<()> {
    for pair in value.split(',') {
        let (claim, value) = pair.split_once('=')?;
        server.oidc.required_claims.push((claim.to_owned(), value.to_owned()));
    }
    Some(())
}

fn algorithms(server: &mut ApiServer, value: &str) -> Option<()> {
    let named = |name: &str| ALGORITHMS.contains(&name).then(|| name.to_owned());
    server.oidc.signing_algorithms = value.split(',').map(named).collect::<Option<_>>()?;
    Some(())
}

fn authority(server: &mut ApiServer, content: Value) -> Result<(), &'static str> {
    let pem = content.as_str().filter(|text| text.contains("-----BEGIN CERTIFICATE-----"));
    pem.ok_or("holds no certificate in PEM")?.clone_into(&mut server.oidc.ca);
    Ok(())
}

fn audit_policy(server: &mut ApiServer, policy: Value) -> Result<(), &'static str> {
    if policy["apiVersion"] != "audit.k8s.io/v1" || policy["kind"] != "Policy" || !policy["rules"].is_array() {
        return Err("must be a Policy of audit.k8s.io/v1 with rules");
    }
    server.audit_policy = Some(policy);
    Ok(())
}

/// The `clientConfig` that the current context of a kubeconfig comes to.
fn webhook(target: &mut Option<Value>, config: &Value) -> Result<(), &'static str> {
    let entry = |list: &str, field: &str, name: &Value| {
        let found = config[list].as_array().and_then(|entries| entries.iter().find(|entry| entry["name"] == *name));
        found.map(|entry| entry[field].clone()).unwrap_or_default()
    };
    let context = entry("contexts", "context", &config["current-context"]);
    let (cluster, user) = (entry("clusters", "cluster", &context["cluster"]), entry("users", "user", &context["user"]));
    let server = cluster["server"].as_str().and_then(https);
    let server = server.ok_or("must be a kubeconfig whose current context leads to an https server")?;
    if cluster.get("certificate-authority").is_some() {
        return Err("must hold its authority itself, as certificate-authority-data");
    }
    if user.as_object().is_some_and(|user| !user.is_empty()) {
        return Err("names credentials, and none are sent to webhooks");
    }
    *target = Some(json!({"url": server, "caBundle": cluster["certificate-authority-data"]}));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<ApiServer, String> {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        ApiServer::parse(&arguments, |path, form| match (path, form) {
            ("policy", FileForm::Yaml) => Ok(json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": []})),
            ("ca", FileForm::Text) => Ok("-----BEGIN CERTIFICATE-----".into()),
            ("hook", FileForm::Yaml) => Ok(json!({
                "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                "clusters": [{"name": "k", "cluster": {"server": "https://h/x", "certificate-authority-data": "QQ=="}}],
            })),
            _ => Err("there is no such file".to_owned()),
        })
    }

    #[test]
    fn arguments_become_options() {
        let arguments = [
            "oidc-issuer-url=https://i/x=y",
            "--oidc-client-id=c",
            "oidc-required-claim=a=b",
            "oidc-required-claim=c=d",
            "oidc-signing-algs=RS256,ES256",
            "oidc-ca-file=ca",
            "audit-policy-file=policy",
            "authorization-webhook-config-file=hook",
            "request-timeout=1m30s",
            "service-node-port-range=30000-30100",
            "max-requests-inflight=7",
        ];
        let parsed = parse(&arguments).expect("all of them are fine");
        assert_eq!(parsed.oidc.issuer_url, "https://i/x=y");
        assert_eq!(parsed.oidc.required_claims.len(), 2);
        assert_eq!((parsed.timeout_seconds, parsed.node_ports), (Some(90), Some((30000, 30100))));
        assert_eq!(parsed.authorization_webhook, Some(json!({"url": "https://h/x", "caBundle": "QQ=="})));
        let carried = serde_json::to_string(&parsed).expect("JSON");
        assert_eq!(serde_json::from_str::<ApiServer>(&carried).expect("the same"), parsed);
    }

    #[test]
    fn what_is_wrong_is_told_before_anything_starts() {
        for (argument, reason) in [
            ("oidc-issuer-url", "is not of the form KEY=VALUE"),
            ("feature-gates=A=true", "`feature-gates` is not supported; there are audit-log-path, "),
            ("oidc-issuer-url=http://i", "it must be an https URL"),
            ("oidc-signing-algs=HS256", "it must be of RS256"),
            ("audit-policy-file=none", "there is no such file"),
            ("audit-policy-file=hook", "the file must be a Policy"),
            ("authorization-webhook-config-file=policy", "the file must be a kubeconfig"),
            ("request-timeout=1x", "it must be a time"),
            ("request-timeout=0s", "it must be a time"),
            ("service-node-port-range=2-1", "it must be a range"),
            ("max-requests-inflight=0", "a number above 0"),
            ("oidc-client-id=c", "needs both"),
            ("audit-log-path=-", "needs audit-policy-file"),
        ] {
            let error = parse(&[argument]).expect_err(argument);
            assert!(error.contains(reason), "{argument}: {error}");
        }
    }
}

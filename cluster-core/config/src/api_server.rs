//! What users may tell the API server: the flags of kube-apiserver that ours has, in one table.

use crate::webhook::{user, webhook};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

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
    /// `disable-admission-plugins`
    pub disabled_plugins: Vec<String>,
    /// From `admission-control-config-file`: the users that admission webhooks are met as, by the names of their servers.
    pub webhook_users: Vec<(String, Value)>,
}

/// An issuer of ID tokens: the `oidc-*` flags by their names; empty where they were not given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Oidc {
    /// `oidc-issuer-url`
    pub issuer_url: String,
    /// `oidc-client-id`: the audience that tokens must be for.
    pub client_id: String,
    /// `oidc-username-claim`
    pub username_claim: String,
    /// `oidc-username-prefix`; `-` for none. Empty means the issuer and `#`, but for e-mail addresses nothing.
    pub username_prefix: String,
    /// `oidc-groups-claim`; empty for no groups.
    pub groups_claim: String,
    /// `oidc-groups-prefix`
    pub groups_prefix: String,
    /// `oidc-required-claim`
    pub required_claims: Vec<(String, String)>,
    /// `oidc-signing-algs`
    pub signing_algorithms: Vec<String>,
    /// The content of `oidc-ca-file`; empty for the authorities that the machine trusts.
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
    Plain(fn(&mut ApiServer, &str) -> Option<()>, &'static str),
    /// The content of the file that it names; an error reads after "the file ".
    File(FileForm, fn(&mut ApiServer, Value, Read<'_>) -> Result<(), String>),
}

/// Reads a file that another one names, from beside it.
pub(crate) type Read<'a> = &'a dyn Fn(&str, FileForm) -> Result<Value, String>;

const TEXT: &str = "a text";
const URL: &str = "an https URL";
const COUNT: &str = "a number above 0";
const ALGORITHMS: [&str; 8] = ["RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "PS384", "PS512"];

/// The admission plugins that the API server has; all of them run unless they are disabled.
const PLUGINS: &str = "CertificateApproval CertificateSigning CertificateSubjectRestriction ClusterTrustBundleAttest \
    DefaultIngressClass DefaultStorageClass DefaultTolerationSeconds LimitRanger MutatingAdmissionPolicy \
    MutatingAdmissionWebhook NamespaceLifecycle NodeRestriction PersistentVolumeClaimResize PodResizeValidator \
    PodSecurity PodTopologyLabels Priority ResourceQuota RuntimeClass ServiceAccount StorageObjectInUseProtection TaintNodesByCondition \
    ValidatingAdmissionPolicy ValidatingAdmissionWebhook";
const PLUGIN: &str = "of the names of the admission plugins there are, separated by commas";

use Takes::{File, Plain};

const FLAGS: [(&str, Takes); 21] = [
    ("admission-control-config-file", File(FileForm::Yaml, admission)),
    ("audit-log-path", Plain(|s, v| put(&mut s.audit_log, log_path(v)), "an absolute path in the node, or `-`")),
    ("audit-policy-file", File(FileForm::Yaml, audit_policy)),
    ("authentication-token-webhook-config-file", File(FileForm::Yaml, |s, v, r| webhook(&mut s.token_webhook, &v, r))),
    ("authorization-webhook-config-file", File(FileForm::Yaml, |s, v, r| webhook(&mut s.authorization_webhook, &v, r))),
    ("disable-admission-plugins", Plain(|s, v| plugins(v).map(|names| s.disabled_plugins.extend(names)), PLUGIN)),
    // All that there are run unless they are disabled.
    ("enable-admission-plugins", Plain(|_, v| plugins(v).map(drop), PLUGIN)),
    ("max-mutating-requests-inflight", Plain(|s, v| put(&mut s.mutating, count(v)), COUNT)),
    ("max-requests-inflight", Plain(|s, v| put(&mut s.reading, count(v)), COUNT)),
    ("oidc-ca-file", File(FileForm::Text, authority)),
    ("oidc-client-id", Plain(|s, v| text(&mut s.oidc.client_id, v), TEXT)),
    ("oidc-groups-claim", Plain(|s, v| text(&mut s.oidc.groups_claim, v), TEXT)),
    ("oidc-groups-prefix", Plain(|s, v| text(&mut s.oidc.groups_prefix, v), TEXT)),
    ("oidc-issuer-url", Plain(|s, v| text(&mut s.oidc.issuer_url, https(v)?), URL)),
    ("oidc-required-claim", Plain(required_claim, "CLAIM=VALUE")),
    ("oidc-signing-algs", Plain(algorithms, "of RS256, RS384, RS512, ES256, ES384, PS256, PS384 and PS512")),
    ("oidc-username-claim", Plain(|s, v| text(&mut s.oidc.username_claim, v), TEXT)),
    ("oidc-username-prefix", Plain(|s, v| text(&mut s.oidc.username_prefix, v), TEXT)),
    ("request-timeout", Plain(|s, v| put(&mut s.timeout_seconds, seconds(v)), "a time such as 60s, 5m or 1m30s")),
    ("service-account-issuer", Plain(|s, v| put(&mut s.issuer, https(v).map(str::to_owned)), URL)),
    ("service-node-port-range", Plain(|s, v| put(&mut s.node_ports, range(v)), "a range such as 30000-32767")),
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
                Plain(set, form) => {
                    set(&mut parsed, value).ok_or_else(|| format!("`{argument}`: it must be {form}"))?;
                }
                File(form, set) => {
                    let content = read(value, *form).map_err(|why| format!("`{argument}`: {why}"))?;
                    let beside = |name: &str, form| {
                        let path = Path::new(value).parent().unwrap_or(Path::new("")).join(name);
                        read(&path.to_string_lossy(), form).map_err(|why| format!("names {name:?}: {why}"))
                    };
                    set(&mut parsed, content, &beside).map_err(|why| format!("`{argument}`: the file {why}"))?;
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

fn seconds(value: &str) -> Option<u64> {
    let time: jiff::SignedDuration = value.parse().ok()?;
    u64::try_from(time.as_secs()).ok().filter(|seconds| *seconds > 0)
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

/// Plugins by their names.
fn plugins(value: &str) -> Option<Vec<String>> {
    value.split(',').map(|name| PLUGINS.split(' ').any(|known| known == name).then(|| name.to_owned())).collect()
}

fn authority(server: &mut ApiServer, content: Value, _: Read<'_>) -> Result<(), String> {
    let pem = content.as_str().filter(|text| text.contains("-----BEGIN CERTIFICATE-----"));
    pem.ok_or("holds no certificate in PEM")?.clone_into(&mut server.oidc.ca);
    Ok(())
}

fn audit_policy(server: &mut ApiServer, policy: Value, _: Read<'_>) -> Result<(), String> {
    if policy["apiVersion"] != "audit.k8s.io/v1" || policy["kind"] != "Policy" || !policy["rules"].is_array() {
        return Err("must be a Policy of audit.k8s.io/v1 with rules".to_owned());
    }
    server.audit_policy = Some(policy);
    Ok(())
}

/// The users that admission webhooks are met as: those of the kubeconfigs that their plugins' configurations name.
fn admission(server: &mut ApiServer, config: Value, read: Read<'_>) -> Result<(), String> {
    if config["apiVersion"] != "apiserver.config.k8s.io/v1" || config["kind"] != "AdmissionConfiguration" {
        return Err("must be an AdmissionConfiguration of apiserver.config.k8s.io/v1".to_owned());
    }
    for plugin in config["plugins"].as_array().into_iter().flatten() {
        let name = plugin["name"].as_str().unwrap_or_default();
        if !matches!(name, "MutatingAdmissionWebhook" | "ValidatingAdmissionWebhook") {
            return Err(format!("configures {name:?}, and there is nothing to configure but admission webhooks"));
        }
        let configuration = match plugin["path"].as_str() {
            Some(path) => read(path, FileForm::Yaml)?,
            None => plugin["configuration"].clone(),
        };
        let Some(path) = configuration["kubeConfigFile"].as_str() else { continue };
        for entry in read(path, FileForm::Yaml)?["users"].as_array().into_iter().flatten() {
            let name = entry["name"].as_str().unwrap_or_default().to_owned();
            server.webhook_users.push((name, user(&entry["user"], read)?));
        }
    }
    Ok(())
}
#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(arguments: &[&str]) -> Result<ApiServer, String> {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        ApiServer::parse(&arguments, |path, form| match (path, form) {
            ("policy", FileForm::Yaml) => Ok(json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": []})),
            ("ca", FileForm::Text) => Ok("-----BEGIN CERTIFICATE-----".into()),
            ("hook", FileForm::Yaml) => Ok(json!({
                "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                "clusters": [{"name": "k", "cluster": {"server": "https://h/x", "certificate-authority-data": "QQ=="}}],
            })),
            ("folder/secret-hook", FileForm::Yaml) => Ok(json!({
                "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                "clusters": [{"name": "k", "cluster": {"server": "https://h", "insecure-skip-tls-verify": true}}],
                "users": [{"name": "u", "user": {"client-certificate": "cert", "client-key-data": "aw==", "tokenFile": "t"}}],
            })),
            ("folder/cert" | "folder/t", FileForm::Text) => Ok("text\n".into()),
            ("admission", FileForm::Yaml) => Ok(json!({
                "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration",
                "plugins": [{"name": "ValidatingAdmissionWebhook", "configuration": {"kubeConfigFile": "users"}}],
            })),
            ("users", FileForm::Yaml) => Ok(json!({"users": [
                {"name": "*.example.com", "user": {"username": "u", "password": "p"}}]})),
            ("exec", FileForm::Yaml) => Ok(json!({
                "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                "clusters": [{"name": "k", "cluster": {"server": "https://h"}}],
                "users": [{"name": "u", "user": {"exec": {}}}],
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
            "authentication-token-webhook-config-file=folder/secret-hook",
            "disable-admission-plugins=LimitRanger,PodSecurity",
            "enable-admission-plugins=NodeRestriction",
            "admission-control-config-file=admission",
        ];
        let parsed = parse(&arguments).expect("all of them are fine");
        assert_eq!(parsed.oidc.issuer_url, "https://i/x=y");
        assert_eq!(parsed.oidc.required_claims.len(), 2);
        assert_eq!((parsed.timeout_seconds, parsed.node_ports), (Some(90), Some((30000, 30100))));
        assert_eq!(parsed.authorization_webhook, Some(json!({"url": "https://h/x", "caBundle": "QQ=="})));
        let user = json!({"client-certificate-data": "dGV4dAo=", "client-key-data": "aw==", "token": "text"});
        let client = json!({"url": "https://h", "insecureSkipTLSVerify": true, "user": user});
        assert_eq!(parsed.token_webhook, Some(client));
        assert_eq!(parsed.disabled_plugins, ["LimitRanger", "PodSecurity"]);
        let user = json!({"username": "u", "password": "p"});
        assert_eq!(parsed.webhook_users, [("*.example.com".to_owned(), user)]);
        let carried = serde_json::to_string(&parsed).expect("JSON");
        assert_eq!(serde_json::from_str::<ApiServer>(&carried).expect("the same"), parsed);
    }

    #[test]
    fn what_is_wrong_is_told_before_anything_starts() {
        for (argument, reason) in [
            ("oidc-issuer-url", "is not of the form KEY=VALUE"),
            ("feature-gates=A=true", "`feature-gates` is not supported; there are admission-control-config-file, "),
            ("disable-admission-plugins=Unicorn", "it must be of the names of the admission plugins"),
            ("authorization-webhook-config-file=exec", "the file has a user with \"exec\""),
            ("authorization-webhook-config-file=other/secret-hook", "there is no such file"),
            ("admission-control-config-file=policy", "must be an AdmissionConfiguration"),
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

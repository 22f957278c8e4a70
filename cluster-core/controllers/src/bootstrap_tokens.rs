//! Tokens with which new nodes join: those that expired go, the others sign what a node must trust before it can.

use crate::prelude::*;
use aws_lc_rs::hmac;
use base64::prelude::*;

const NAMESPACE: &str = "kube-system";
/// The signed object, and the names of what it holds.
const INFO: (&str, &str) = ("kube-public", "cluster-info");
const SIGNED: &str = "kubeconfig";
const SIGNATURE: &str = "jws-kubeconfig-";

pub(crate) fn runner(context: &Context) -> Runner<Tokens> {
    let secrets = context.informers.scoped("", "type=bootstrap.kubernetes.io/token");
    let maps = context.informers.scoped("", "metadata.name=cluster-info");
    let controller = Arc::new(Tokens { client: context.client.clone(), secrets, maps });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on(&controller.secrets, |_, change| [change.object().key(), ObjectKey::new(INFO.0, INFO.1)])
        .on_each(&controller.maps)
}

pub(crate) struct Tokens {
    client: Client,
    secrets: Informer<Secret>,
    maps: Informer<ConfigMap>,
}

fn text<'a>(secret: &'a Secret, field: &str) -> Option<&'a str> {
    std::str::from_utf8(&secret.data.as_ref()?.get(field)?.0).ok()
}

/// How long a token has left; zero when it expired or says nonsense, `None` for one that lasts.
fn left(secret: &Secret, now: &Time) -> Option<Duration> {
    let expires = text(secret, "expiration").filter(|expires| !expires.is_empty())?.parse::<Timestamp>();
    Some(expires.map_or(Duration::ZERO, |expires| expires.duration_since(now.0).try_into().unwrap_or_default()))
}

/// The id and the secret of a token that may sign.
fn signer<'a>(secret: &'a Secret, now: &Time) -> Option<(&'a str, &'a str)> {
    let id = text(secret, "token-id")?;
    let valid = secret.name().strip_prefix("bootstrap-token-") == Some(id)
        && secret.metadata.namespace.as_deref() == Some(NAMESPACE)
        && text(secret, "usage-bootstrap-signing") == Some("true")
        && left(secret, now).is_none_or(|left| !left.is_zero());
    valid.then(|| text(secret, "token-secret").map(|key| (id, key))).flatten()
}

/// A JWS (HS256) whose content stands elsewhere.
fn sign(content: &str, id: &str, key: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"HS256","kid":"{id}"}}"#));
    let signed = format!("{header}.{}", BASE64_URL_SAFE_NO_PAD.encode(content));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), signed.as_bytes());
    format!("{header}..{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
}

/// The map's data with a signature of each token and no others.
fn with_signatures(data: &BTreeMap<String, String>, tokens: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut signed = data.clone();
    signed.retain(|name, _| !name.starts_with(SIGNATURE));
    if let Some(content) = data.get(SIGNED) {
        signed.extend(tokens.iter().map(|(id, key)| (format!("{SIGNATURE}{id}"), sign(content, id, key))));
    }
    signed
}

impl Tokens {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let now = meta::now();
        if (key.namespace.as_ref(), key.name.as_ref()) == INFO {
            let Some(map) = self.maps.get(key) else { return Ok(None) };
            let secrets = self.secrets.list();
            let tokens: Vec<_> = secrets.iter().filter_map(|secret| signer(secret, &now)).collect();
            let before = map.data.clone().unwrap_or_default();
            let data = with_signatures(&before, &tokens);
            if data != before {
                ignore_gone(self.client.update(&ConfigMap { data: Some(data), ..(*map).clone() }).await)?;
            }
            return Ok(None);
        }
        let Some(secret) = self.secrets.get(key).filter(|_| key.namespace.as_ref() == NAMESPACE) else {
            return Ok(None);
        };
        match left(&secret, &now) {
            Some(left) if left.is_zero() => {
                delete(&self.client, secret.as_ref()).await?;
                Ok(None)
            }
            left => Ok(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::ByteString;

    fn token(id: &str, expiration: &str) -> Secret {
        let mut secret = Secret::default();
        secret.metadata.name = Some(format!("bootstrap-token-{id}"));
        secret.metadata.namespace = Some(NAMESPACE.to_owned());
        let fields = [
            ("token-id", id),
            ("token-secret", "f395accd246ae52d"),
            ("usage-bootstrap-signing", "true"),
            ("expiration", expiration),
        ];
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        secret.data = Some(fields.iter().map(|(name, value)| ((*name).to_owned(), bytes(value))).collect());
        secret
    }

    #[test]
    fn only_living_tokens_sign() {
        let now = Time("2026-01-01T00:00:00Z".parse().expect("a time"));
        let (living, expired) = (token("abcdef", "2026-01-01T01:00:00Z"), token("fedcba", "2025-12-31T00:00:00Z"));
        assert_eq!(left(&living, &now), Some(Duration::from_hours(1)));
        assert_eq!(left(&expired, &now), Some(Duration::ZERO));
        assert_eq!(left(&token("abcdef", "tomorrow"), &now), Some(Duration::ZERO));
        assert_eq!(left(&token("abcdef", ""), &now), None);
        assert_eq!(signer(&living, &now), Some(("abcdef", "f395accd246ae52d")));
        assert_eq!(signer(&expired, &now), None);

        let data = [(SIGNED.to_owned(), "x".to_owned()), (format!("{SIGNATURE}fedcba"), "old".to_owned())].into();
        let signed = with_signatures(&data, &[("abcdef", "key")]);
        assert_eq!(signed.keys().collect::<Vec<_>>(), ["jws-kubeconfig-abcdef", "kubeconfig"]);
        let parts: Vec<&str> = signed["jws-kubeconfig-abcdef"].split('.').collect();
        assert_eq!((parts.len(), parts[1]), (3, ""));
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(parts[0]).expect("base64"), br#"{"alg":"HS256","kid":"abcdef"}"#);
        assert_ne!(sign("x", "abcdef", "key"), sign("y", "abcdef", "key"));
    }
}

//! Bootstrap tokens: secrets of the type `bootstrap.kubernetes.io/token` by which nodes join.
//!
//! Facts: <https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/>.

use crate::kinds::prelude::*;

const GROUP: &str = "system:bootstrappers";

/// The user of `ID.SECRET`, when there is such a secret in `kube-system` and it may still be used.
pub(super) fn user(lookup: &dyn Lookup, token: &str) -> Option<UserInfo> {
    let (id, secret) = token.split_once('.')?;
    if id.len() != 6 || secret.len() != 16 {
        return None;
    }
    let stored = lookup.find("secrets", "kube-system", &format!("bootstrap-token-{id}"))?;
    by_secret(&stored, id, secret, jiff::Timestamp::now())
}

fn by_secret(stored: &Value, id: &str, secret: &str, now: jiff::Timestamp) -> Option<UserInfo> {
    let data = |key: &str| {
        let decoded = BASE64_STANDARD.decode(text(&stored["data"][key])).unwrap_or_default();
        String::from_utf8(decoded).unwrap_or_default()
    };
    let expiration = data("expiration");
    let expired = !expiration.is_empty() && expiration.parse::<jiff::Timestamp>().map_or(true, |at| at <= now);
    let usable = stored["type"] == "bootstrap.kubernetes.io/token"
        && stored["metadata"].get("deletionTimestamp").is_none()
        && data("token-id") == id
        // Hashed, so that the time of the comparison tells nothing.
        && Sha256::digest(data("token-secret")) == Sha256::digest(secret)
        && data("usage-bootstrap-authentication") == "true"
        && !expired;
    let extra = data("auth-extra-groups");
    let extra: Vec<&str> = extra.split(',').map(str::trim).filter(|group| !group.is_empty()).collect();
    let allowed = extra.iter().all(|group| group.starts_with("system:bootstrappers:"));
    let groups: Vec<&str> = std::iter::once(GROUP).chain(extra.iter().copied()).collect();
    (usable && allowed).then(|| UserInfo::authenticated(&format!("system:bootstrap:{id}"), &groups))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_token_that_is_whole_meant_for_it_and_not_expired_is_taken() {
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        let user = |changes: &[(&str, &str)], secret: &str| {
            let mut stored = json!({"type": "bootstrap.kubernetes.io/token", "data": {}});
            let given = [
                ("token-id", "abcdef"),
                ("token-secret", "0123456789abcdef"),
                ("usage-bootstrap-authentication", "true"),
            ];
            for (key, value) in given.iter().chain(changes) {
                stored["data"][*key] = BASE64_STANDARD.encode(value).into();
            }
            by_secret(&stored, "abcdef", secret, now)
        };
        let right = "0123456789abcdef";
        let found = user(&[("auth-extra-groups", "system:bootstrappers:worker")], right).expect("a user");
        assert_eq!(found.name, "system:bootstrap:abcdef");
        assert_eq!(found.groups, ["system:bootstrappers", "system:bootstrappers:worker", "system:authenticated"]);
        assert!(user(&[("expiration", "2026-01-01T00:00:01Z")], right).is_some());
        for (changes, secret) in [
            (&[][..], "0123456789abcdee"),
            (&[("expiration", "2025-12-31T23:59:59Z")][..], right),
            (&[("expiration", "soon")][..], right),
            (&[("usage-bootstrap-authentication", "false")][..], right),
            (&[("auth-extra-groups", "system:masters")][..], right),
        ] {
            assert_eq!(user(changes, secret), None, "{changes:?}");
        }
    }
}

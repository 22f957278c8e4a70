//! Continue tokens: where the next page of a list starts, and at which revision.

use crate::prelude::*;

/// The content of a continue token, in upstream's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    v: String,
    pub(super) rv: i64,
    start: String,
    /// When the first page was taken, in seconds. A token that does not say is old.
    #[serde(default)]
    since: i64,
}

/// How long the pages of one state are served. Upstream's server forgets states of five to ten minutes ago.
const LIFETIME: i64 = 300;

impl Token {
    /// After the object `namespace/name`, at `revision`; `before` led to the page that ends there.
    pub(super) fn after(before: Option<&Self>, revision: Revision, namespace: &str, name: &str, now: i64) -> Self {
        let since = before.filter(|token| token.rv > 0).map_or(now, |token| token.since);
        Self { v: "meta.k8s.io/v1".to_owned(), rv: revision as i64, start: format!("{namespace}/{name}\0"), since }
    }

    /// Whether the first page was long ago.
    pub(super) fn is_old(&self, now: i64) -> bool {
        now - self.since > LIFETIME
    }

    /// At the same place of whatever the collection is by then.
    pub(super) fn at_present(&self) -> Self {
        Self { rv: -1, ..self.clone() }
    }

    pub(super) fn encode(&self) -> Result<String, Status> {
        Ok(BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).map_err(Status::internal)?))
    }

    pub(super) fn decode(text: &str) -> Result<Self, Status> {
        let invalid = || Status::bad_request("continue key is not valid: token is malformed");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| invalid())?;
        let token: Self = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
        if token.v == "meta.k8s.io/v1" && token.start.contains('/') { Ok(token) } else { Err(invalid()) }
    }

    /// The object the page starts behind.
    pub(super) fn position(&self) -> (&str, &str) {
        self.start.trim_end_matches('\0').split_once('/').unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_token_is_followed_by_one_at_the_present() {
        let token = Token::after(None, 7, "n", "a", 1000);
        let next = Token::after(Some(&token), 7, "n", "b", 1200);
        assert_eq!((next.is_old(1300), next.is_old(1301)), (false, true));
        let fresh = Token::decode(&token.at_present().encode().expect("a token")).expect("a token");
        assert_eq!((fresh.rv, fresh.position()), (-1, ("n", "a")));
        assert!(!Token::after(Some(&fresh), 9, "n", "b", 1301).is_old(1600), "the pages of a new state");
    }
}

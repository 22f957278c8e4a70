//! OpenID Connect: ID tokens of an outside issuer, by keys that are fetched when the first one comes.
//!
//! Facts: <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#openid-connect-tokens>.

use crate::kinds::prelude::*;
use cluster_config::Oidc;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

const TIMEOUT: Duration = Duration::from_secs(10);
/// A token with an unknown key makes the keys be fetched anew, but not more often than this, even if that failed.
const KEYS_PERIOD: Duration = Duration::from_secs(10);

/// Verifies tokens of one issuer.
pub(super) struct Issuer {
    options: Oidc,
    algorithms: Vec<Algorithm>,
    keys: Mutex<JwkSet>,
    /// When they were fetched last, well or not. Whoever fetches them holds it, and the others wait for what comes.
    fetched: tokio::sync::Mutex<Option<Instant>>,
}

impl Issuer {
    /// Where nothing is said, users are called by `sub` and tokens signed by RS256. Names of algorithms that nobody knows
    /// were refused where they were given.
    pub(super) fn new(mut options: Oidc) -> Self {
        if options.username_claim.is_empty() {
            "sub".clone_into(&mut options.username_claim);
        }
        let mut algorithms: Vec<Algorithm> =
            options.signing_algorithms.iter().filter_map(|name| name.parse().ok()).collect();
        if algorithms.is_empty() {
            algorithms.push(Algorithm::RS256);
        }
        let keys = Mutex::new(JwkSet { keys: Vec::new() });
        Self { options, algorithms, keys, fetched: tokio::sync::Mutex::default() }
    }

    /// The user of a token; `None` for tokens of other issuers.
    pub(super) async fn user(&self, lookup: &dyn Lookup, token: &str) -> Option<Result<UserInfo, String>> {
        (issuer(token)? == self.options.issuer_url).then_some(())?;
        Some(self.verified(lookup, token).await)
    }

    async fn verified(&self, lookup: &dyn Lookup, token: &str) -> Result<UserInfo, String> {
        let header = jsonwebtoken::decode_header(token).map_err(|e| e.to_string())?;
        if !self.algorithms.contains(&header.alg) {
            return Err(format!("the algorithm {:?} is not accepted", header.alg));
        }
        let key = self.key(lookup, header.kid.as_deref().unwrap_or_default()).await?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.options.issuer_url]);
        validation.set_audience(&[&self.options.client_id]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        let claims = jsonwebtoken::decode::<Value>(token, &key, &validation).map_err(|e| e.to_string())?.claims;
        mapped(&self.options, &claims)
    }

    /// The key of this id. One that is known waits for nobody.
    async fn key(&self, lookup: &dyn Lookup, id: &str) -> Result<DecodingKey, String> {
        if let Some(key) = self.known(id) {
            return DecodingKey::from_jwk(&key).map_err(|e| e.to_string());
        }
        let mut fetched = self.fetched.lock().await;
        if self.known(id).is_none() && fetched.is_none_or(|at| at.elapsed() >= KEYS_PERIOD) {
            let set = self.fetch(lookup).await;
            *fetched = Some(Instant::now());
            *self.keys.lock() = set?;
        }
        let key = self.known(id).ok_or_else(|| format!("the issuer has no key {id:?}"))?;
        DecodingKey::from_jwk(&key).map_err(|e| e.to_string())
    }

    fn known(&self, id: &str) -> Option<Jwk> {
        let keys = self.keys.lock();
        if id.is_empty() { keys.keys.first().cloned() } else { keys.find(id).cloned() }
    }

    async fn fetch(&self, lookup: &dyn Lookup) -> Result<JwkSet, String> {
        let bundle = BASE64_STANDARD.encode(&self.options.ca);
        let client = |url: &str| json!({"url": url, "caBundle": bundle});
        let url = format!("{}/.well-known/openid-configuration", self.options.issuer_url.trim_end_matches('/'));
        let configuration = backend::ask(lookup, &client(&url), None, TIMEOUT).await?;
        if configuration["issuer"] != self.options.issuer_url.as_str() {
            return Err(format!("the issuer calls itself {}", configuration["issuer"]));
        }
        let keys = configuration["jwks_uri"].as_str().ok_or("the issuer names no jwks_uri")?;
        let set = backend::ask(lookup, &client(keys), None, TIMEOUT).await?;
        serde_json::from_value(set).map_err(|e| e.to_string())
    }
}

/// Who issued a token, as it says itself.
fn issuer(token: &str) -> Option<String> {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    claims["iss"].as_str().map(str::to_owned)
}

/// The user that verified claims name.
fn mapped(options: &Oidc, claims: &Value) -> Result<UserInfo, String> {
    let claim = options.username_claim.as_str();
    let name = claims[claim].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| format!("oidc: parse username claims {claim:?}: claim not present"))?;
    if claim == "email" && claims["email_verified"] == false {
        return Err("oidc: email not verified".to_owned());
    }
    for (claim, value) in &options.required_claims {
        if claims[claim] != value.as_str() {
            return Err(format!("oidc: required claim {claim} value does not match"));
        }
    }
    let prefix = match (options.username_prefix.as_str(), claim) {
        ("-", _) | ("", "email") => String::new(),
        ("", _) => format!("{}#", options.issuer_url),
        (prefix, _) => prefix.to_owned(),
    };
    let given = if options.groups_claim.is_empty() { &Value::Null } else { &claims[&options.groups_claim] };
    let groups = given.as_str().into_iter().chain(texts(given));
    let groups: Vec<String> = groups.map(|group| format!("{}{group}", options.groups_prefix)).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    Ok(UserInfo::authenticated(&format!("{prefix}{name}"), &groups))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_become_a_user_by_the_flags() {
        let (issuer_url, username_claim) = ("https://i".to_owned(), "sub".to_owned());
        let options = Oidc { issuer_url, username_claim, ..Oidc::default() };
        let with = |change: fn(&mut Oidc)| {
            let mut changed = options.clone();
            change(&mut changed);
            changed
        };
        let claims = json!({"sub": "s", "email": "a@b", "email_verified": true, "roles": ["x", "y"], "team": "red"});
        let user = |options: &Oidc| mapped(options, &claims).map(|u| (u.name, u.groups));
        let name = |options: &Oidc| user(options).map(|(name, _)| name);
        assert_eq!(name(&options), Ok("https://i#s".to_owned()));
        assert_eq!(name(&with(|o| o.username_prefix = "-".to_owned())), Ok("s".to_owned()));
        assert_eq!(name(&with(|o| o.username_claim = "email".to_owned())), Ok("a@b".to_owned()));
        let grouped = with(|o| (o.groups_claim, o.groups_prefix) = ("roles".to_owned(), "g:".to_owned()));
        let expected = ["g:x", "g:y", "system:authenticated"].map(str::to_owned).to_vec();
        assert_eq!(user(&grouped).map(|(_, groups)| groups), Ok(expected));
        assert!(name(&with(|o| o.username_claim = "none".to_owned())).is_err());
        assert!(name(&with(|o| o.required_claims = vec![("team".to_owned(), "blue".to_owned())])).is_err());
    }
}

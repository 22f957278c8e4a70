//! Finds the user of a request: client certificate, service account token, or nobody.

use super::tokens::Tokens;
use super::user::{PeerCertificate, UserInfo};
use cluster_object::status::Status;
use cluster_store::Store;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use std::sync::Arc;

/// Authenticates requests.
pub struct Authenticator {
    store: Arc<dyn Store>,
    tokens: Arc<Tokens>,
}

impl Authenticator {
    /// Tokens are verified against the objects in `store`.
    pub fn new(store: Arc<dyn Store>, tokens: Arc<Tokens>) -> Self {
        Self { store, tokens }
    }

    /// The user of a request. Without credentials that is `system:anonymous`; with a bad token the request fails, as
    /// upstream, even if the connection has a certificate.
    pub fn authenticate(&self, headers: &HeaderMap, peer: Option<&PeerCertificate>) -> Result<UserInfo, Status> {
        if let Some(token) = bearer(headers) {
            return self.user_of_token(token, &[]).map(|(user, _)| user).ok_or_else(Status::unauthorized);
        }
        Ok(peer.map_or_else(UserInfo::anonymous, |peer| peer.user.clone()))
    }

    /// The user of a token and the audiences it is good for, for `TokenReview`.
    pub fn user_of_token(&self, token: &str, audiences: &[String]) -> Option<(UserInfo, Vec<String>)> {
        match self.tokens.verify(&*self.store, token, audiences) {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::debug!(%error, "refused a token");
                None
            }
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

//! Finds the user of a request: client certificate, one of the kinds of tokens, or nobody.

use super::oidc::Issuer;
use super::tokens::Tokens;
use super::user::{PeerCertificate, UserInfo};
use super::webhook::Webhook;
use super::{Options, bootstrap_token};
use crate::prelude::*;

/// Authenticates requests.
pub struct Authenticator {
    store: Arc<dyn Store>,
    tokens: Arc<Tokens>,
    oidc: Option<Issuer>,
    webhook: Option<Webhook>,
}

impl Authenticator {
    /// Tokens are verified against the objects in `store`, and by whom `options` name.
    pub fn new(store: Arc<dyn Store>, tokens: Arc<Tokens>, options: &Options) -> Self {
        let oidc = options.oidc.clone().map(Issuer::new);
        Self { store, tokens, oidc, webhook: options.token_webhook.clone().map(Webhook::of_tokens) }
    }

    /// The user of a request: of the connection's certificate, which upstream too asks first, or of a token, and with a
    /// bad one the request fails. Without credentials that is `system:anonymous`.
    pub async fn authenticate(&self, headers: &HeaderMap, peer: Option<&PeerCertificate>) -> Result<UserInfo, Status> {
        if let Some(peer) = peer {
            return Ok(peer.user.clone());
        }
        let Some(token) = bearer(headers) else { return Ok(UserInfo::anonymous()) };
        self.user_of_token(token, &[]).await.map(|(user, _)| user).ok_or_else(Status::unauthorized)
    }

    /// The user of a token and the audiences it is good for, for `TokenReview`.
    pub async fn user_of_token(&self, token: &str, audiences: &[String]) -> Option<(UserInfo, Vec<String>)> {
        let mut errors = match self.tokens.verify(&*self.store, token, audiences) {
            Ok(found) => return Some(found),
            Err(error) => vec![error.to_string()],
        };
        // The other kinds of tokens are for the API server alone.
        let own = [self.tokens.issuer.clone()];
        let for_us = audiences.is_empty() || audiences.contains(&own[0]);
        if let Some(user) = bootstrap_token::user(&self.store, token).filter(|_| for_us) {
            return Some((user, own.to_vec()));
        }
        if let Some(oidc) = self.oidc.as_ref().filter(|_| for_us)
            && let Some(found) = oidc.user(&self.store, token).await
        {
            match found {
                Ok(user) => return Some((user, own.to_vec())),
                Err(error) => errors.push(error),
            }
        }
        if let Some(webhook) = &self.webhook {
            let wanted = if audiences.is_empty() { &own[..] } else { audiences };
            match webhook.user(&self.store, token, wanted).await {
                Ok(found) => return Some(found),
                Err(error) => errors.push(error),
            }
        }
        tracing::debug!(?errors, "refused a token");
        None
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

//! Finds the user of a request: client certificate, one of the kinds of tokens, or nobody.

use super::oidc::Issuer;
use super::tokens::Tokens;
use super::webhook::Webhook;
use super::{Options, bootstrap_token};
use crate::prelude::*;
use http::header::SEC_WEBSOCKET_PROTOCOL;

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

    /// The user of a token, and with a bad one the request fails. Without any that is `system:anonymous`. A token among
    /// the subprotocols of a WebSocket is taken out.
    pub async fn authenticate(&self, headers: &mut HeaderMap) -> Result<UserInfo, Status> {
        let protocol = subprotocol(headers)?;
        let Some(token) = bearer(headers).or(protocol.as_deref()) else { return Ok(UserInfo::anonymous()) };
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

/// A token as scripts of browsers send it, which can set no header: one of several subprotocols, here taken out of them.
fn subprotocol(headers: &mut HeaderMap) -> Result<Option<String>, Status> {
    const PREFIX: &str = "base64url.bearer.authorization.k8s.io.";
    let given = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let all: Vec<String> = given.flat_map(|list| list.split(',')).map(|one| one.trim().to_owned()).collect();
    let (tokens, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.starts_with(PREFIX));
    let [token] = tokens.as_slice() else {
        return if tokens.is_empty() { Ok(None) } else { Err(Status::unauthorized()) };
    };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(&token[PREFIX.len()..]).ok().filter(|_| !others.is_empty());
    let token = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(Status::unauthorized)?;
    headers.insert(SEC_WEBSOCKET_PROTOCOL, others.join(", ").parse().map_err(Status::internal)?);
    Ok(Some(token))
}

//! JSON to another server and its answer. Redirects are not followed.

use super::identity::authorization;
use super::{fetch, of_client_config};
use crate::prelude::*;

/// Posts `body` to what `config` (a `clientConfig`) names, or without one gets what is there. The error is worded as
/// upstream's client words it.
pub(crate) async fn ask(
    lookup: &dyn Lookup,
    config: &Value,
    body: Option<&Value>,
    timeout: Duration,
) -> Result<Value, String> {
    let (mut target, url) = of_client_config(lookup, config)?;
    let mut limit = String::new();
    if body.is_some() {
        let joint = if target.path_and_query.contains('?') { '&' } else { '?' };
        limit = format!("{joint}timeout={}s", timeout.as_secs());
        target.path_and_query.push_str(&limit);
    }
    let (method, verb) = if body.is_some() { (Method::POST, "Post") } else { (Method::GET, "Get") };
    let kind = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let headers = authorization(&config["user"]).map(|said| (AUTHORIZATION, said)).into_iter().chain([kind]);
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let answered = fetch(&target, method, headers, body, timeout).await;
    let (code, answer) = answered.map_err(|why| format!("{verb} \"{url}{limit}\": {why}"))?;
    if !code.is_success() {
        return Err(refusal(code.as_u16(), String::from_utf8_lossy(&answer).trim()));
    }
    serde_json::from_slice(&answer).map_err(|e| format!("couldn't get version/kind; json parse error: {e}"))
}

/// What upstream's client says of a bad code.
fn refusal(code: u16, body: &str) -> String {
    let body = if body.is_empty() { "unknown" } else { body };
    match code {
        400 => "the server rejected our request for an unknown reason".to_owned(),
        401 => "the server has asked for the client to provide credentials".to_owned(),
        403 => body.to_owned(),
        404 => "the server could not find the requested resource".to_owned(),
        405 => "the server does not allow this method on the requested resource".to_owned(),
        429 => "the server has received too many requests and has asked us to try again later".to_owned(),
        503 => "the server is currently unable to handle the request".to_owned(),
        500.. => format!("an error on the server ({body:?}) has prevented the request from succeeding"),
        _ => format!("the server responded with the status code {code} but did not return more information"),
    }
}

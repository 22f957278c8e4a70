//! Who the server says it is to a webhook: a user of a kubeconfig.
//!
//! Facts: <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#authenticate-apiservers>.

use crate::kinds::prelude::*;

/// The user for the server that a `clientConfig` leads to: named by `host:port`, by `*.` and the end of that, or by `*`;
/// the port 443 may be left out.
pub(crate) fn user<'a>(users: &'a [(String, Value)], config: &Value) -> Option<&'a Value> {
    if users.is_empty() {
        return None;
    }
    let service = &config["service"];
    let target = if service.is_object() {
        let port = service["port"].as_u64().unwrap_or(443);
        format!("{}.{}.svc:{port}", text(&service["name"]), text(&service["namespace"]))
    } else {
        let url: url::Url = text(&config["url"]).parse().ok()?;
        format!("{}:{}", url.host_str()?, url.port_or_known_default().unwrap_or(443))
    };
    let find = |name: &str| users.iter().find(|(known, _)| known == name).map(|(_, user)| user);
    let named = |target: &str| {
        let ends = target.match_indices('.').map(|(dot, _)| format!("*{}", &target[dot..]));
        std::iter::once(target.to_owned()).chain(ends).find_map(|name| find(&name))
    };
    named(&target).or_else(|| named(target.strip_suffix(":443")?)).or_else(|| find("*"))
}

/// The `Authorization` of a user with a token or a password.
pub(super) fn authorization(user: &Value) -> Option<HeaderValue> {
    let said = match (text(&user["token"]), text(&user["username"])) {
        ("", "") => return None,
        ("", name) => format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{}", text(&user["password"])))),
        (token, _) => format!("Bearer {token}"),
    };
    let mut value = HeaderValue::from_str(&said).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The certificate of a user that has one.
pub(super) fn certificate(user: &Value) -> Result<Option<Pair>, String> {
    let read = |field: &str| {
        let bytes = BASE64_STANDARD.decode(text(&user[field])).map_err(|e| format!("{field} is not base64: {e}"))?;
        String::from_utf8(bytes).map_err(|e| format!("{field} is not PEM: {e}"))
    };
    let (cert, key) = (read("client-certificate-data")?, read("client-key-data")?);
    Ok(if cert.is_empty() { None } else { Some(Pair { cert, key }) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_webhook_is_met_as_the_user_that_is_named_like_its_server() {
        let of = |names: &[&str], config: Value| {
            let users: Vec<(String, Value)> = names.iter().map(|name| ((*name).to_owned(), json!(name))).collect();
            user(&users, &config).and_then(Value::as_str).map(str::to_owned)
        };
        let url = |url: &str| json!({"url": url});
        let service = json!({"service": {"name": "hook", "namespace": "ns"}});
        for (names, config, expected) in [
            (&["a.b.c", "*"][..], url("https://a.b.c/x"), Some("a.b.c")),
            (&["a.b.c", "*.b.c:8443", "*"], url("https://a.b.c:8443/"), Some("*.b.c:8443")),
            (&["*.c", "*.b.c"], url("https://a.b.c"), Some("*.b.c")),
            (&["hook.ns.svc"], service, Some("hook.ns.svc")),
            (&["other"], url("https://a.b.c"), None),
        ] {
            assert_eq!(of(names, config.clone()).as_deref(), expected, "{names:?} {config}");
        }
    }

    #[test]
    fn users_show_tokens_passwords_or_certificates() {
        let said = |user: Value| authorization(&user).and_then(|value| value.to_str().ok().map(str::to_owned));
        assert_eq!(said(json!({"token": "t", "username": "u"})).as_deref(), Some("Bearer t"));
        assert_eq!(said(json!({"username": "u", "password": "p"})).as_deref(), Some("Basic dTpw"));
        assert_eq!(said(Value::Null), None);
        let read = |user: Value| certificate(&user).map(|pair| pair.map(|pair| pair.cert + &pair.key));
        let user = json!({"client-certificate-data": "Yw==", "client-key-data": "aw=="});
        assert_eq!((read(user), read(Value::Null)), (Ok(Some("ck".to_owned())), Ok(None)));
    }
}

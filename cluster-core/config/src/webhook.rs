//! What a kubeconfig says of a webhook: where it is, whom to trust there and who the API server is to it.

use crate::api_server::{FileForm, Read};
use base64::prelude::*;
use serde_json::{Map, Value, json};

/// What is sent of a user, and the field that names a file for it.
const USER: [(&str, &str); 5] = [
    ("client-certificate-data", "client-certificate"),
    ("client-key-data", "client-key"),
    ("token", "tokenFile"),
    ("username", ""),
    ("password", ""),
];

/// The `clientConfig` that the current context of a kubeconfig comes to.
pub(crate) fn webhook(target: &mut Option<Value>, config: &Value, read: Read<'_>) -> Result<(), String> {
    let entry = |list: &str, field: &str, name: &Value| {
        let found = config[list].as_array().and_then(|entries| entries.iter().find(|entry| entry["name"] == *name));
        found.map(|entry| entry[field].clone()).unwrap_or_default()
    };
    let context = entry("contexts", "context", &config["current-context"]);
    let cluster = entry("clusters", "cluster", &context["cluster"]);
    let server = cluster["server"].as_str().filter(|server| server.starts_with("https://") && server.len() > 8);
    let server = server.ok_or("must be a kubeconfig whose current context leads to an https server")?;
    let mut client = json!({"url": server});
    let authority = data(&cluster, ("certificate-authority-data", "certificate-authority"), read)?;
    let skip = cluster.get("insecure-skip-tls-verify").filter(|skip| **skip == true).cloned();
    let name = cluster.get("tls-server-name").cloned();
    let user = Some(user(&entry("users", "user", &context["user"]), read)?).filter(|user| *user != json!({}));
    for (field, value) in
        [("caBundle", authority), ("insecureSkipTLSVerify", skip), ("tlsServerName", name), ("user", user)]
    {
        if let Some(value) = value {
            client[field] = value;
        }
    }
    *target = Some(client);
    Ok(())
}

/// The user with all that the entry of a kubeconfig has in files.
pub(crate) fn user(entry: &Value, read: Read<'_>) -> Result<Value, String> {
    let known = |key: &str| USER.iter().any(|(data, file)| *data == key || *file == key);
    if let Some(other) = entry.as_object().into_iter().flat_map(Map::keys).find(|key| !known(key)) {
        return Err(format!(
            "has a user with {other:?}; there may be a certificate, a token, or a name and a password"
        ));
    }
    let mut user = json!({});
    for names in USER {
        if let Some(value) = data(entry, names, read)? {
            user[names.0] = value;
        }
    }
    Ok(user)
}

/// A value, or that of the file which is named in its place: base64 where the name ends in `-data`.
fn data(entry: &Value, (field, file): (&str, &str), read: Read<'_>) -> Result<Option<Value>, String> {
    let Some(path) = entry[file].as_str().filter(|_| entry[field].is_null()) else {
        return Ok(entry.get(field).filter(|value| !value.is_null()).cloned());
    };
    let text = read(path, FileForm::Text)?;
    let text = text.as_str().unwrap_or_default();
    Ok(Some(if field.ends_with("-data") { BASE64_STANDARD.encode(text).into() } else { text.trim().into() }))
}

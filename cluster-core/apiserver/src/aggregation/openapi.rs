//! What extension servers say of themselves, merged into our OpenAPI documents.

use super::Remote;
use super::available::discover;
use crate::kinds::prelude::*;

/// Adds the documents to the index of OpenAPI v3.
pub(crate) fn add_to_openapi(index: &mut Value, remotes: &[Arc<Remote>]) {
    for remote in remotes.iter().filter(|remote| !remote.openapi.is_empty()) {
        index["paths"][remote.path().trim_start_matches('/')] = json!({"serverRelativeURL": remote.openapi});
    }
}

/// Our OpenAPI v2 document with what the other servers say of themselves. They are asked each time: hardly anybody wants
/// this document since there is version 3.
pub(crate) async fn swagger(server: &ApiServer, mut document: Value) -> Value {
    let remotes = server.remotes.all();
    let asked = remotes.iter().filter(|remote| remote.available);
    let asked = asked.map(|remote| async move { (remote, discover(server, remote, "/openapi/v2").await) });
    for (remote, theirs) in join_all(asked).await {
        match theirs {
            Ok(theirs) => add_to_swagger(&mut document, remote, &theirs),
            Err(why) => tracing::debug!(group = remote.group, why, "an extension server gives no OpenAPI v2 document"),
        }
    }
    document
}

fn add_to_swagger(document: &mut Value, remote: &Remote, theirs: &Value) {
    let root = remote.path();
    let of_remote = |path: &str| path.strip_prefix(&root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    for (path, item) in entries(&theirs["paths"]).filter(|(path, _)| of_remote(path)) {
        document["paths"][path] = item.clone();
    }
    for list in ["definitions", "parameters"] {
        for (name, value) in entries(&theirs[list]) {
            default(&mut document[list], name, value.clone());
        }
    }
}

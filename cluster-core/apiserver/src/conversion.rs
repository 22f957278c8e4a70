//! Custom objects in another of their versions, by the definition's webhook.
//!
//! Facts: <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion>.

use crate::kinds::prelude::*;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Turns those of `objects` that are of another version into `wanted` (`group/version`), all with one question to the
/// `webhook` of the definition.
pub(crate) async fn convert(
    lookup: &dyn Lookup,
    webhook: &Value,
    mut objects: Vec<Value>,
    wanted: &str,
) -> Result<Vec<Value>, Status> {
    let others: Vec<&mut Value> = objects.iter_mut().filter(|o| meta::api_version(o) != wanted).collect();
    let Some(first) = others.first() else { return Ok(objects) };
    let kind = format!("{}, Kind={}", meta::api_version(first), meta::kind(first));
    let failed = |why: String| Status::new(500, "", format!("conversion webhook for {kind} {why}"));
    // The first one of the versions that the webhook speaks which the server speaks too.
    let version = texts(&webhook["conversionReviewVersions"]).find(|v| ["v1", "v1beta1"].contains(v)).unwrap_or("v1");
    let uid = uuid::Uuid::new_v4().to_string();
    let question = json!({
        "kind": "ConversionReview", "apiVersion": format!("apiextensions.k8s.io/{version}"),
        "request": {"uid": uid, "desiredAPIVersion": wanted, "objects": others},
    });
    let review = backend::ask(lookup, &webhook["clientConfig"], Some(&question), TIMEOUT)
        .await
        .map_err(|e| failed(format!("failed: {e}")))?;
    let converted = answer(&review, &uid).map_err(|e| failed(format!("failed: {e}")))?;
    if converted.len() != others.len() {
        return Err(failed(format!("returned {} objects, expected {}", converted.len(), others.len())));
    }
    for (index, (object, converted)) in others.into_iter().zip(converted).enumerate() {
        let invalid = |why| failed(format!("returned invalid converted object at index {index}: {why}"));
        *object = accepted(object, converted, wanted).map_err(invalid)?;
    }
    Ok(objects)
}

/// The converted objects in a review that answers this question.
fn answer<'a>(review: &'a Value, uid: &str) -> Result<&'a [Value], String> {
    let response = &review["response"];
    if response["uid"] != uid {
        return Err(format!("expected response.uid={uid:?}, got {:?}", text(&response["uid"])));
    }
    let result = &response["result"];
    match (text(&result["status"]), text(&result["message"])) {
        ("Success", _) => Ok(items(&response["convertedObjects"])),
        (status, "") => Err(format!("response.result.status was '{status}', not 'Success'")),
        (_, message) => Err(message.to_owned()),
    }
}

/// The converted object under the original's metadata: a webhook may change labels and annotations alone.
fn accepted(original: &Value, converted: &Value, wanted: &str) -> Result<Value, String> {
    if meta::api_version(converted) != wanted {
        let given = meta::api_version(converted);
        return Err(format!("invalid groupVersion (expected {wanted}, received {given})"));
    }
    for field in ["kind", "metadata.name", "metadata.namespace", "metadata.uid"] {
        let (expected, given) = (meta::text(original, field), meta::text(converted, field));
        if expected != given {
            return Err(format!("{field} changed (expected {expected}, received {given})"));
        }
    }
    let mut metadata = original["metadata"].clone();
    for field in ["labels", "annotations"] {
        copy(&mut metadata, field, &converted["metadata"]);
    }
    let mut object = converted.clone();
    object["metadata"] = metadata;
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_converter_changes_no_identity_and_keeps_metadata() {
        let original = json!({"apiVersion": "g/v1", "kind": "K", "spec": {"a": 1},
            "metadata": {"name": "x", "resourceVersion": "7", "labels": {"a": "b"}}});
        let converted =
            |metadata: Value| json!({"apiVersion": "g/v2", "kind": "K", "spec": {"b": 1}, "metadata": metadata});
        let good = accepted(&original, &converted(json!({"name": "x", "annotations": {"c": "d"}})), "g/v2");
        let expected = converted(json!({"name": "x", "resourceVersion": "7", "annotations": {"c": "d"}}));
        assert_eq!(good, Ok(expected));
        let renamed = accepted(&original, &converted(json!({"name": "y"})), "g/v2");
        assert_eq!(renamed, Err("metadata.name changed (expected x, received y)".to_owned()));
        let stale = accepted(&original, &original, "g/v2");
        assert_eq!(stale, Err("invalid groupVersion (expected g/v2, received g/v1)".to_owned()));
    }
}

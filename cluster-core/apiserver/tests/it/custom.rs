//! Custom resources.

use super::Api;
use serde_json::json;

#[tokio::test]
async fn a_definition_is_served_at_once_and_until_it_goes() {
    let api = Api::start().await;
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "replicas": {"type": "integer", "default": 1}, "image": {"type": "string"},
        }},
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
    }});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "cats.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "cats", "singular": "cat", "kind": "Cat", "listKind": "CatList", "shortNames": ["ca"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
                "additionalPrinterColumns": [{"name": "Image", "type": "string", "jsonPath": ".spec.image"}],
            }],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let created = api.post(definitions, &definition).await.ok();
    assert!(created["status"]["conditions"].as_array().is_some_and(|c| c.iter().any(|c| c["type"] == "Established")));

    let cats = "/apis/example.com/v1/namespaces/default/cats";
    let cat = json!({"apiVersion": "example.com/v1", "kind": "Cat", "metadata": {"name": "tom"}, "spec": {"image": "x", "bogus": 1}});
    let made = api.post(cats, &cat).await.ok();
    assert_eq!(made["spec"], json!({"image": "x", "replicas": 1}));
    let scale =
        api.patch(&format!("{cats}/tom/scale"), "merge-patch+json", &json!({"spec": {"replicas": 4}})).await.ok();
    assert_eq!(scale["spec"]["replicas"], 4);
    let table = api.accepting(cats, "application/json;as=Table;v=v1;g=meta.k8s.io").await.ok();
    assert_eq!(
        (&table["columnDefinitions"][1]["name"], &table["rows"][0]["cells"]),
        (&json!("Image"), &json!(["tom", "x"]))
    );
    let groups = api.get("/apis").await.ok();
    assert!(groups["groups"].as_array().is_some_and(|g| g.iter().any(|g| g["name"] == "example.com")));

    api.delete(&format!("{definitions}/cats.example.com"), &json!({})).await.ok();
    assert_eq!(api.get(cats).await.code, 404);
}

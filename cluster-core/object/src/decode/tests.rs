//! Strict checks and pruning against the schemas of built-in kinds.

use super::*;
use cluster_schema::builtin;
use serde_json::json;

#[test]
fn unknown_fields_have_their_paths() {
    let object = json!({
        "kind": "Deployment", "apiVersion": "apps/v1", "foo": 1,
        "metadata": {"labels": {"any": "x"}, "bar": 1},
        "spec": {"template": {"spec": {"containers": [{"name": "a"}, {"name": "b", "imagee": "x"}]}}},
    });
    let found = check(&object, builtin("apps", "v1", "Deployment").unwrap());
    assert_eq!(found.unknown, ["foo", "metadata.bar", "spec.template.spec.containers[1].imagee"]);
    assert!(found.type_errors.is_empty(), "{:?}", found.type_errors);
    let of = |duplicates| strict_error("Deployment", "v1", &found.unknown[..1], &duplicates).unwrap().message;
    let start = "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: ";
    assert_eq!(
        of(Duplicates::Json(vec!["spec.x".to_owned()])),
        format!("{start}unknown field \"foo\", duplicate field \"spec.x\"")
    );
    let lines = ["line 2: key \"a\" already set in map", "line 5: key \"b\" already set in map"].map(str::to_owned);
    assert_eq!(
        of(Duplicates::Yaml(lines.to_vec())),
        format!("{start}yaml: unmarshal errors:\n  {}\n  {}, unknown field \"foo\"", lines[0], lines[1])
    );
    assert_eq!(strict_error("Deployment", "v1", &[], &Duplicates::Yaml(Vec::new())), None);
}

#[test]
fn type_errors_are_worded_as_gos() {
    let template = |container: serde_json::Value| json!({"template": {"spec": {"containers": [container]}}});
    let field = "Go struct field";
    let table = [
        (json!({"replicas": "3"}), format!("string into {field} DeploymentSpec.spec.replicas of type int32")),
        (json!({"replicas": 1.5}), format!("number 1.5 into {field} DeploymentSpec.spec.replicas of type int32")),
        (
            json!({"replicas": 5_000_000_000_i64}),
            format!("number 5000000000 into {field} DeploymentSpec.spec.replicas of type int32"),
        ),
        (json!({"paused": "x"}), format!("string into {field} DeploymentSpec.spec.paused of type bool")),
        (json!([]), format!("array into {field} Deployment.spec of type v1.DeploymentSpec")),
        (
            template(json!({"name": 1})),
            format!("number into {field} Container.spec.template.spec.containers.name of type string"),
        ),
        (
            template(json!({"args": "x"})),
            format!("string into {field} Container.spec.template.spec.containers.args of type []string"),
        ),
        (
            template(json!({"env": {}})),
            format!("object into {field} Container.spec.template.spec.containers.env of type []v1.EnvVar"),
        ),
    ];
    for (spec, want) in table {
        let found = check(&json!({"kind": "Deployment", "spec": spec}), builtin("apps", "v1", "Deployment").unwrap());
        assert_eq!(found.type_errors, [format!("json: cannot unmarshal {want}")]);
    }
}

#[test]
fn scalars_with_a_form_of_their_own_are_checked() {
    let fine =
        json!({"resources": {"limits": {"cpu": 1, "memory": "1Gi"}}, "livenessProbe": {"httpGet": {"port": "http"}}});
    let bad = json!({"resources": {"limits": {"cpu": "one"}}, "livenessProbe": {"httpGet": {"port": true}}});
    for (container, faults) in [(fine, 0), (bad, 2)] {
        let pod = json!({"kind": "Pod", "spec": {"containers": [container]}});
        assert_eq!(check(&pod, builtin("", "v1", "Pod").unwrap()).type_errors.len(), faults);
    }
}

#[test]
fn times_must_have_the_form_that_go_reads() {
    let fault = |field: &str, text: &str| {
        let lease = json!({"spec": {field: text}, "metadata": {"creationTimestamp": text}});
        let lease =
            if field.is_empty() { json!({"metadata": lease["metadata"]}) } else { json!({"spec": lease["spec"]}) };
        let found = check(&lease, builtin("coordination.k8s.io", "v1", "Lease").unwrap()).type_errors;
        found.first().map(|fault| fault.split_once("cannot parse ").unwrap().1.to_owned())
    };
    for (field, text, expected) in [
        ("", "2026-01-02T03:04:05Z", None),
        ("", "2026-01-02T03:04:05.1234+02:00", None),
        ("", "yesterday", Some(r#""yesterday" as "2006""#)),
        ("", "2026-01-02 03:04:05Z", Some(r#"" 03:04:05Z" as "T""#)),
        ("", "2026-01-02T03:04Z", Some(r#""Z" as ":""#)),
        ("", "20260102T030405Z", Some(r#""0102T030405Z" as "-""#)),
        ("", "2026-01-02T03:04:05", Some(r#""" as "Z07:00""#)),
        ("", "2026-13-02T03:04:05Z", Some(r#""2026-13-02T03:04:05Z" as "2006""#)),
        ("renewTime", "2026-01-02T03:04:05.123456Z", None),
        ("renewTime", "2026-01-02T03:04:05Z", Some(r#""Z" as ".000000""#)),
        ("renewTime", "2026-01-02T03:04:05.123Z", Some(r#"".123Z" as ".000000""#)),
        ("renewTime", "2026-01-02T03:04:05.1234567Z", Some(r#""7Z" as "Z07:00""#)),
    ] {
        assert_eq!(fault(field, text).as_deref(), expected, "{text}");
    }
}

#[test]
fn pruning_drops_unknown_fields_and_nulls() {
    let mut object = json!({
        "kind": "Pod", "foo": 1, "status": null,
        "metadata": {"creationTimestamp": null, "annotations": {"a": null}},
        "spec": {"containers": [{"name": "a", "x": 1, "args": [null]}]},
    });
    prune(&mut object, builtin("", "v1", "Pod").unwrap());
    assert_eq!(
        object,
        json!({"kind": "Pod", "metadata": {"annotations": {"a": ""}}, "spec": {"containers": [{"name": "a", "args": [""]}]}})
    );
}

#[test]
fn strictness_is_read_from_the_parameter() {
    assert_eq!(Strictness::parse("").unwrap(), Strictness::Warn);
    assert_eq!(Strictness::parse("Strict").unwrap(), Strictness::Strict);
    assert_eq!(Strictness::parse("x").unwrap_err().code, 400);
}

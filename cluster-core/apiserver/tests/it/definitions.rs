//! What a CustomResourceDefinition may say.

use super::Api;
use super::custom::{DEFINITIONS, definition, faults, spec, with_spec};
use serde_json::{Value, json};

#[tokio::test]
async fn a_definition_is_replaced_only_by_who_knows_it() {
    let api = with_spec(&json!({"name": {"type": "string"}})).await;
    let replaced = api.put(&format!("{DEFINITIONS}/cats.example.com"), &definition(&spec(&json!({})))).await;
    let why = "customresourcedefinitions.apiextensions.k8s.io \"cats.example.com\" is invalid: \
               metadata.resourceVersion: Invalid value: 0: must be specified for an update";
    assert_eq!(replaced.failure(), (422, "Invalid", why));
    // Nobody serves other resources of its group, while the built-in groups have a Status for theirs.
    let missing = api.get("/apis/example.com/v1/dogs").await;
    assert_eq!((missing.code, missing.body), (404, json!("404 page not found\n")));
}

#[tokio::test]
async fn definitions_are_validated() {
    let api = Api::start().await;
    let root = "spec.validation.openAPIV3Schema";
    let table = [
        (
            json!({"x": {}}),
            format!(
                "{root}.properties[spec].properties[x].type: Required value: must not be empty for specified object fields"
            ),
        ),
        (
            json!({"x": {"type": "array"}}),
            format!("{root}.properties[spec].properties[x].items: Required value: must be specified"),
        ),
        (
            json!({"x": {"type": "array", "items": {"type": "string"}, "uniqueItems": true}}),
            format!(
                "{root}.properties[spec].properties[x].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
            ),
        ),
        (
            json!({"x": {"type": "integer", "default": "1"}}),
            format!(
                "{root}.properties[spec].properties[x].default: Invalid value: \"string\":  in body must be of type integer: \"string\""
            ),
        ),
        (
            json!({"x": {"type": "string", "anyOf": [{"type": "string"}]}}),
            format!("{root}.properties[spec].properties[x].anyOf[0].type: Forbidden: must be empty to be structural"),
        ),
        (
            json!({"x": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"], "items": {"type": "object", "properties": {"a": {"type": "string"}}}}}),
            format!(
                "{root}.properties[spec].properties[x].items.properties[a].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            ),
        ),
    ];
    for (properties, expected) in table {
        assert_eq!(faults(&api.post(DEFINITIONS, &definition(&spec(&properties))).await), expected);
    }
    let mut two = definition(&json!({"type": "object"}));
    let first = two["spec"]["versions"][0].clone();
    two["spec"]["versions"] = json!([first, {"name": "v2", "served": true, "storage": true}]);
    let message = faults(&api.post(DEFINITIONS, &two).await);
    assert!(message.contains("must have exactly one version marked as storage version"), "{message}");
    assert!(message.contains("spec.versions[1].schema.openAPIV3Schema: Required value"), "{message}");
}

/// What upstream says of each of these; nothing where it takes them.
#[tokio::test]
async fn definitions_are_refused_as_upstream_refuses_them() {
    let api = Api::start().await;
    let of = |property: Value| json!({"type": "object", "properties": {"a": property}});
    let (any_of, rule) = (json!([{"type": "string"}, {"type": "integer"}]), |rule: Value| {
        of(json!({"type": "string", "x-kubernetes-validations": [rule]}))
    });
    let schemas = [
        (of(json!({"type": "string", "x-kubernetes-int-or-string": true})), ""),
        (
            of(json!({"x-kubernetes-int-or-string": true, "anyOf": any_of})),
            "properties[a].anyOf[0].type: Forbidden: must be empty to be structural",
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            ".additionalProperties: Forbidden: must not be used at the root",
        ),
        (of(json!({"type": "string", "$schema": "x"})), "OpenAPIV3Schema 'schema' is not supported"),
        (of(json!({"type": "string", "pattern": "["})), "error parsing regexp: missing closing ]: `[`"),
        (of(json!({"type": "string", "pattern": "(?=a)"})), "invalid or unsupported Perl syntax: `(?=`"),
        (json!({"type": "object", "default": {}}), "default.apiVersion: Required value"),
        (
            json!({"type": "object", "properties": {"metadata": {"type": "string"}}}),
            "properties[metadata].type: Invalid value: \"string\": must be object",
        ),
        (
            json!({"type": "object", "properties": {"metadata": {"type": "object", "properties": {"name": {"type": "string", "default": "a"}}}}}),
            "properties[name].default: Forbidden: must not be set in top-level metadata",
        ),
        (
            of(json!({"type": "object", "default": {"y": 1}})),
            "default: Invalid value: {\"y\":1}: must not have unknown fields",
        ),
        (
            of(json!({"type": "string", "default": "a", "x-kubernetes-validations": [{"rule": "self == 'b'"}]})),
            "properties[a].default: Invalid value: ",
        ),
        (
            of(
                json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string", "nullable": true}}),
            ),
            "items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set",
        ),
        (rule(json!({"rule": "true", "reason": ""})), "reason: Unsupported value: \"\": supported values: "),
        (rule(json!({"rule": "true", "message": ""})), ""),
        (
            rule(json!({"rule": "true", "message": " "})),
            "message: Invalid value: \" \": must be non-empty if specified",
        ),
        (rule(json!({"rule": "true", "fieldPath": "b"})), "fieldPath: Invalid value: \"b\": must be a valid path"),
        (
            rule(json!({"rule": "true", "optionalOldSelf": true})),
            "optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule",
        ),
        (
            rule(json!({"rule": "true", "messageExpression": "1"})),
            r#"messageExpression: Invalid value: {"Rule":"true","Message":"","MessageExpression":"1","Reason":null,"FieldPath":"","OptionalOldSelf":null}: messageExpression must evaluate to a string"#,
        ),
        (
            of(
                json!({"type": "array", "items": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}}),
            ),
            "oldSelf cannot be used on the uncorrelatable portion of the schema within spec.validation.openAPIV3Schema.properties[a]",
        ),
        (
            of(
                json!({"type": "array", "items": {"type": "string"}, "x-kubernetes-validations": [{"rule": "self.isSorted()"}]}),
            ),
            "rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x",
        ),
    ];
    let mut table: Vec<(Value, &str)> =
        schemas.into_iter().map(|(schema, expected)| (definition(&schema), expected)).collect();
    let mut change = |pointer: &str, field: &str, value: Value, expected| {
        let mut changed = definition(&of(json!({"type": "string"})));
        changed.pointer_mut(pointer).expect("a part")[field] = value;
        table.push((changed, expected));
    };
    let version = "/spec/versions/0";
    change(version, "deprecationWarning", json!("x"), "Invalid value: \"x\": can only be set for deprecated versions");
    change(version, "name", json!("V"), "spec.version: Invalid value: \"V\": a DNS-1035 label must");
    change(
        version,
        "storage",
        json!(false),
        r#"spec.versions: Invalid value: [{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}]: must have exactly one"#,
    );
    let column = |path: &str| json!([{"name": "a", "type": "string", "jsonPath": path}]);
    let columns = "additionalPrinterColumns";
    change(version, columns, column(""), "spec.additionalPrinterColumns[0].JSONPath: Required value");
    change(version, columns, column(".a[*"), "");
    change(version, "selectableFields", json!([{"jsonPath": ".a[0]"}]), "array notation is not allowed");
    change(version, "selectableFields", json!([{"jsonPath": "a"}]), "is an invalid path: expected [ or . but got: a");
    let hook = |config: Value| json!({"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": config}});
    change(
        "/spec",
        "conversion",
        json!({"strategy": "Webhook"}),
        "webhookClientConfig: Required value: required when strategy is set to Webhook",
    );
    change(
        "/spec",
        "conversion",
        hook(json!({})),
        "webhookClientConfig: Required value: exactly one of url or service is required",
    );
    change(
        "/spec",
        "conversion",
        hook(json!({"url": "http://a"})),
        "webhookClientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired",
    );
    change(
        "/spec",
        "conversion",
        hook(json!({"url": "https://a/b#d"})),
        "Invalid value: \"d\": fragments are not permitted in the URL",
    );
    change(
        "/spec",
        "conversion",
        hook(json!({"service": {"name": "a", "namespace": "b", "path": "/a//b"}})),
        "segment[1] may not be empty",
    );
    for (definition, expected) in table {
        let answer = api.post(&format!("{DEFINITIONS}?dryRun=All"), &definition).await;
        if expected.is_empty() {
            answer.ok();
        } else {
            let found = faults(&answer);
            assert!(found.contains(expected), "{expected}: {found}");
        }
    }
    let odd = definition(&of(json!({"type": "string", "format": "int32", "enum": [], "anyOf": []})));
    let answer = api.post(&format!("{DEFINITIONS}?dryRun=All"), &odd).await;
    assert_eq!(answer.warnings, ["299 - \"unrecognized format \\\"int32\\\"\""]);
    let schema = &answer.ok()["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    assert_eq!(schema["properties"]["a"], json!({"type": "string", "format": "int32"}));
}

#[tokio::test]
async fn rules_that_cannot_work_are_refused_with_the_definition() {
    let api = Api::start().await;
    let list = json!({"type": "array", "items": {"type": "string"}});
    let at = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule";
    let shown = |rule: &str| {
        let rest = r#""Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null"#;
        format!(r#"{at}: Invalid value: {{"Rule":"{rule}",{rest}}}"#)
    };
    for (rule, expected) in [
        (
            "self.z == 100",
            shown("self.z == 100")
                + ": compilation failed: ERROR: <input>:1:5: undefined field 'z'\n | self.z == 100\n | ....^",
        ),
        ("self.x + 1", shown("self.x + 1") + ": cel expression must evaluate to a bool"),
        ("authorizer.path('/').check('get').allowed()", "undeclared reference to 'authorizer'".to_owned()),
        ("self.x = 1", "Syntax error: ".to_owned()),
        (
            "self.l.all(a, self.l.all(b, self.l.all(c, a == b && b == c)))",
            format!("{at}: Forbidden: estimated rule cost exceeds budget by factor of more than 100x"),
        ),
    ] {
        let mut schema = spec(&json!({"x": {"type": "integer"}, "l": list}));
        schema["properties"]["spec"]["x-kubernetes-validations"] = json!([{"rule": rule}]);
        let message = faults(&api.post(DEFINITIONS, &definition(&schema)).await);
        assert!(message.contains(&expected), "{rule}: {message}");
    }
}

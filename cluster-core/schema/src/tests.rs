//! Table tests of the schema: the generated facts and structural schemas.

use std::time::Instant;

use serde_json::json;

use super::*;

/// The schema at a path of fields; `[]` and `{}` step into items and values.
fn at(group: &str, version: &str, path: &str) -> Schema {
    let mut parts = path.split('.');
    let kind = parts.next().expect("a kind");
    let root = builtin(group, version, kind).unwrap_or_else(|| panic!("no kind {kind}"));
    descend(root, parts).clone()
}

fn descend<'a, 's>(root: &'s Schema, parts: impl Iterator<Item = &'a str>) -> &'s Schema {
    parts.fold(root, |schema, part| match part {
        "[]" => schema.items().expect("a list"),
        "{}" => schema.values().expect("a map"),
        name => &schema.field(name).unwrap_or_else(|| panic!("no field {name}")).schema,
    })
}

fn keys(names: &[(&str, Option<&str>)]) -> ListKind {
    let key =
        |(name, default): &(&str, Option<&str>)| MapKey { name: (*name).into(), default: default.map(Into::into) };
    ListKind::Map(names.iter().map(key).collect())
}

#[test]
fn list_kinds_are_those_of_server_side_apply() {
    let cases = [
        ("", "Pod.spec.containers", keys(&[("name", None)])),
        ("", "Pod.spec.containers.[].ports", keys(&[("containerPort", None), ("protocol", Some("TCP"))])),
        ("", "Pod.spec.ephemeralContainers.[].ports", keys(&[("containerPort", None), ("protocol", Some("TCP"))])),
        ("", "Service.spec.ports", keys(&[("port", None), ("protocol", Some("TCP"))])),
        ("", "Pod.spec.topologySpreadConstraints", keys(&[("topologyKey", None), ("whenUnsatisfiable", None)])),
        ("", "Pod.spec.containers.[].command", ListKind::Atomic),
        ("", "Pod.status.hostIPs", ListKind::Atomic),
        ("batch", "Job.status.conditions", ListKind::Atomic),
        ("apps", "Deployment.metadata.finalizers", ListKind::Set),
        ("apps", "Deployment.metadata.ownerReferences", keys(&[("uid", None)])),
        ("apps", "Deployment.status.conditions", keys(&[("type", None)])),
    ];
    for (group, path, expected) in cases {
        assert_eq!(at(group, "v1", path).list_kind(), Some(&expected), "{path}");
    }
}

#[test]
fn strategic_merge_has_its_own_keys_and_strategies() {
    let strategy = |group: &str, path: &str| {
        let (parent, name) = path.rsplit_once('.').expect("a field");
        at(group, "v1", parent).field(name).expect("the field").patch.clone()
    };
    let merge = |key: &str| PatchStrategy { merge_key: Some(key.into()), ..PatchStrategy::default() };
    let retain = PatchStrategy { retain_keys: true, ..PatchStrategy::default() };
    let cases = [
        ("", "Pod.spec.containers.[].ports", merge("containerPort")),
        ("", "Service.spec.ports", merge("port")),
        ("", "Pod.spec.topologySpreadConstraints", merge("topologyKey")),
        ("", "Pod.status.hostIPs", merge("ip")),
        ("batch", "Job.status.conditions", merge("type")),
        ("", "Pod.metadata.finalizers", merge("")),
        ("", "Pod.spec.volumes", PatchStrategy { retain_keys: true, ..merge("name") }),
        ("", "Pod.spec.tolerations", PatchStrategy::default()),
        ("apps", "Deployment.spec.strategy", retain),
        ("policy", "PodDisruptionBudget.spec.selector", PatchStrategy { replace: true, ..PatchStrategy::default() }),
    ];
    for (group, path, expected) in cases {
        assert_eq!(strategy(group, path), expected, "{path}");
    }
}

#[test]
fn shapes_are_told_apart() {
    let cases = [
        ("", "Pod.metadata.creationTimestamp", "Time"),
        ("", "Event.eventTime", "MicroTime"),
        ("", "Pod.spec.containers.[].resources.limits.{}", "Quantity"),
        ("", "Service.spec.ports.[].targetPort", "IntOrString"),
        ("", "Secret.data.{}", "Bytes"),
        ("", "Pod.spec.hostNetwork", "Boolean"),
        ("", "Pod.spec.priority", "Integer"),
        ("apps", "ControllerRevision.data", "Any"),
        ("", "Pod.metadata.managedFields.[].fieldsV1", "Any"),
        ("apiextensions.k8s.io", "CustomResourceDefinition.spec.versions.[].schema.openAPIV3Schema.default", "Any"),
    ];
    for (group, path, expected) in cases {
        let schema = at(group, "v1", path);
        assert_eq!(format!("{:?}", schema.resolve().shape), expected, "{path}");
    }
    assert_eq!(&*at("apps", "v1", "Deployment.spec.replicas").format, "int32");
    assert_eq!(&*at("", "v1", "Pod.metadata.generation").format, "int64");
}

#[test]
fn atomic_objects_and_their_exception() {
    let atomic = |path: &str| match &at("", "v1", path).resolve().shape {
        Shape::Object(object) => object.atomic,
        Shape::Map(map) => map.atomic,
        other => panic!("{path} is {other:?}"),
    };
    for (path, expected) in [
        ("Service.spec.selector", true),
        ("Pod.spec.containers.[].env.[].valueFrom.fieldRef", true),
        ("PersistentVolumeClaim.spec.selector", true),
        ("Event.involvedObject", true),
        ("PersistentVolume.spec.claimRef", false),
        ("Pod.metadata.labels", false),
    ] {
        assert_eq!(atomic(path), expected, "{path}");
    }
}

#[test]
fn recursion_is_broken_by_references() {
    let path = "CustomResourceDefinition.spec.versions.[].schema.openAPIV3Schema.properties.{}.properties.{}.type";
    assert!(matches!(at("apiextensions.k8s.io", "v1", path).shape, Shape::String));
}

#[test]
fn every_definition_parses_and_every_reference_leads_somewhere() {
    fn check(schema: &Schema, place: &str) {
        match &schema.shape {
            Shape::Reference(to) => assert!(definition(&to.name).is_some(), "{place} refers to {to:?}"),
            Shape::List(list) => check(&list.items, place),
            Shape::Map(map) => check(&map.values, place),
            Shape::Object(object) => {
                assert!(object.fields.is_sorted_by(|a, b| a.name < b.name), "{place} is not sorted");
                object.fields.iter().for_each(|field| check(&field.schema, &format!("{place}.{}", field.name)));
            }
            _ => {}
        }
    }
    let start = Instant::now();
    let described = definitions().iter().filter(|definition| definition.schema().object().is_some()).count();
    println!("all parsed in {:?}", start.elapsed());
    assert_eq!(described, 851);
    assert_eq!(definitions().len(), 862);
    let kinds = definitions().iter().map(|definition| definition.kinds.len()).sum::<usize>();
    assert_eq!(kinds, 325);
    for definition in definitions() {
        check(definition.schema(), &definition.name);
        for kind in &definition.kinds {
            let found = builtin_definition(kind.group, kind.version, kind.kind).expect("the kind");
            assert_eq!(found.name, definition.name);
        }
    }
}

#[test]
fn unknown_names_have_no_schema() {
    assert!(builtin("apps", "v1", "Pod").is_none());
    assert!(definition("io.k8s.api.core.v1.Nothing").is_none());
    assert!(builtin("", "v1", "Pod").and_then(|pod| pod.field("bogus")).is_none());
    assert!(builtin("", "v1", "DeleteOptions").is_some());
}

#[test]
fn required_fields_are_marked() {
    let containers = at("", "v1", "Pod.spec").field("containers").expect("containers").required;
    let volumes = at("", "v1", "Pod.spec").field("volumes").expect("volumes").required;
    assert_eq!((containers, volumes), (true, false));
}

fn widget() -> Schema {
    custom_resource(&json!({"type": "object", "required": ["spec"], "properties": {
        "spec": {"type": "object", "required": ["size"], "properties": {
            "size": {"type": "string", "enum": ["small", "large"], "default": "small"},
            "port": {"x-kubernetes-int-or-string": true},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}, "x-kubernetes-map-type": "atomic"},
            "closed": {"type": "object"},
            "template": {"type": "object", "x-kubernetes-embedded-resource": true},
            "count": {"type": "integer", "format": "int32", "nullable": true},
            "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"],
                "items": {"type": "object", "properties":
                    {"port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}}}},
        }},
    }}))
}

#[test]
fn structural_schemas_become_the_same_type() {
    let widget = widget();
    let find = |path: &str| descend(&widget, path.split('.'));
    assert!(matches!(find("metadata.labels").shape, Shape::Map(_)));
    assert!(matches!(find("spec.port").shape, Shape::IntOrString));
    assert_eq!(*find("spec.size").enumeration, ["small".into(), "large".into()]);
    assert_eq!(find("spec.ports").list_kind(), Some(&keys(&[("port", None), ("protocol", Some("TCP"))])));
    assert_eq!(find("spec.tags").list_kind(), Some(&ListKind::Set));
    assert!(find("spec.count").nullable);
    assert!(find("spec.free").object().is_some_and(|object| object.preserve_unknown));
    assert!(find("spec.closed").object().is_some_and(|object| object.fields.is_empty() && !object.preserve_unknown));
    assert!(matches!(&find("spec.labels").shape, Shape::Map(map) if map.atomic));
    assert!(find("spec.template").field("kind").is_some_and(|kind| kind.required));
    let size = find("spec").field("size").expect("size");
    assert_eq!((size.required, size.default.clone()), (true, Some(json!("small"))));
}

#[test]
fn a_schema_without_properties_keeps_everything_when_told_to() {
    let schema = custom_resource(&json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}));
    assert!(schema.object().is_some_and(|object| object.preserve_unknown && object.fields.len() == 3));
    assert!(matches!(from_openapi(&json!({"x-kubernetes-preserve-unknown-fields": true})).shape, Shape::Any));
}

//! Bodies written by hand, field by field, and what they are as JSON.

use super::*;
use cluster_schema::protobuf::tags;
use proptest::prelude::*;
use serde_json::json;

fn number(field: u32, value: i64) -> Vec<u8> {
    let mut out = Message::default();
    out.integer(field, value);
    out.0
}

fn bytes(field: u32, value: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = Message::default();
    out.bytes(field, value.as_ref());
    out.0
}

fn parts(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

fn body(api_version: &str, kind: &str, object: &[Vec<u8>]) -> Vec<u8> {
    let kind = parts(&[bytes(1, api_version), bytes(2, kind)]);
    [MAGIC.to_vec(), bytes(1, kind), bytes(2, object.concat()), bytes(3, ""), bytes(4, "")].concat()
}

fn check(api_version: &str, kind: &str, object: &[Vec<u8>], mut expected: Value) {
    expected["apiVersion"] = api_version.into();
    expected["kind"] = kind.into();
    assert_eq!(decode(&body(api_version, kind, object)).expect("a body"), expected);
    assert_eq!(decode(&encode(&expected).expect("a kind with a message")).expect("a body"), expected);
}

#[test]
fn names_texts_maps_and_bytes_are_read() {
    let created = bytes(8, number(1, 1_767_225_600));
    let metadata = parts(&[bytes(1, "s"), bytes(2, ""), bytes(11, parts(&[bytes(1, "a"), bytes(2, "b")])), created]);
    let data = parts(&[bytes(1, "k"), bytes(2, [0xff, 0])]);
    let expected = json!({"metadata": {"name": "s", "labels": {"a": "b"}, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "data": {"k": "/wA="}, "type": "Opaque"});
    check("v1", "Secret", &[bytes(1, metadata), bytes(2, data), bytes(3, "Opaque")], expected);
}

#[test]
fn zero_is_kept_where_it_differs_from_absence_alone() {
    let container = parts(&[bytes(1, "c"), bytes(5, ""), number(16, 0)]);
    let volume = parts(&[bytes(1, "v"), bytes(2, bytes(2, ""))]);
    let pod = parts(&[bytes(1, volume), bytes(2, container), number(4, 0), number(11, 0)]);
    let expected = json!({"spec": {"replicas": 0, "template": {"spec": {"terminationGracePeriodSeconds": 0,
        "volumes": [{"name": "v", "emptyDir": {}}], "containers": [{"name": "c"}]}}}});
    check("apps/v1", "Deployment", &[bytes(2, parts(&[number(1, 0), bytes(3, bytes(2, pod))]))], expected);
}

#[test]
fn what_is_no_plain_value_in_json_is_read() {
    let port = parts(&[bytes(2, "TCP"), number(3, 80), bytes(4, parts(&[number(1, 1), bytes(3, "http")]))]);
    let other = parts(&[number(3, 81), bytes(4, parts(&[number(1, 0), number(2, 8080)]))]);
    let expected = json!({"spec": {"ports": [{"protocol": "TCP", "port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8080}]}});
    check("v1", "Service", &[bytes(2, parts(&[bytes(1, port), bytes(1, other)]))], expected);
    let hard = parts(&[bytes(1, "cpu"), bytes(2, bytes(1, "500m"))]);
    check("v1", "ResourceQuota", &[bytes(2, bytes(1, hard))], json!({"spec": {"hard": {"cpu": "500m"}}}));
    let extra = parts(&[bytes(1, "k"), bytes(2, parts(&[bytes(1, "x"), bytes(1, "y")]))]);
    let review = json!({"spec": {"user": "jane", "extra": {"k": ["x", "y"]}}});
    check(
        "authorization.k8s.io/v1",
        "SubjectAccessReview",
        &[bytes(2, parts(&[bytes(3, "jane"), bytes(5, extra)]))],
        review,
    );
    let revision = json!({"data": {"a": 1}, "revision": -1});
    check("apps/v1", "ControllerRevision", &[bytes(2, bytes(1, br#"{"a":1}"#)), number(3, -1)], revision);
    check(
        "apps/v1",
        "DeleteOptions",
        &[number(1, 0), bytes(4, "Orphan")],
        json!({"gracePeriodSeconds": 0, "propagationPolicy": "Orphan"}),
    );
    let renewed = bytes(2, bytes(4, parts(&[number(1, 1_767_225_600), number(2, 1_500_000)])));
    check("coordination.k8s.io/v1", "Lease", &[renewed], json!({"spec": {"renewTime": "2026-01-01T00:00:00.001500Z"}}));
}

#[test]
fn schemas_of_custom_resources_keep_their_forms() {
    let props = json!({"type": "object", "additionalProperties": {"$ref": "#/a"}, "x-kubernetes-int-or-string": true,
        "properties": {"a": {"additionalProperties": false, "items": {"type": "string"}, "default": {"k": [1, null]}},
            "b": {"items": [{"type": "integer"}], "dependencies": {"c": ["d"], "e": {"type": "string"}}}}});
    let versions = json!([{"name": "v1", "served": true, "storage": false, "schema": {"openAPIV3Schema": props}, "subresources": {"status": {}}}]);
    let object = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "a"}, "spec": {"group": "g", "versions": versions}});
    assert_eq!(decode(&encode(&object).expect("a message")).expect("a body"), object);
}

#[test]
fn bodies_that_are_none_are_refused() {
    for wrong in [b"".to_vec(), b"{}".to_vec(), b"k8s\0\x0a\xff".to_vec(), body("v1", "Unicorn", &[])] {
        assert_eq!(decode(&wrong).expect_err("it is no object").code, 400);
    }
    let cut = body("v1", "ConfigMap", &[vec![0x0a, 0x05, 1]]);
    let error = decode(&cut).expect_err("it ends too early");
    assert_eq!(error.message, "unable to decode the protobuf body: unexpected EOF");
}

#[test]
fn lists_and_events_hold_objects_in_their_envelopes() {
    let map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    let head = json!({"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {"resourceVersion": "7"}});
    let list = encode_list(&head, ["a", "b"].map(map).into_iter()).expect("a list").concat();
    let list = decode(&list).expect("a body");
    assert_eq!(
        (&list["metadata"]["resourceVersion"], &list["items"][1]["metadata"]["name"]),
        (&json!("7"), &json!("b"))
    );
    let frame = encode_event("ADDED", &map("a")).expect("a frame");
    let (length, event) = frame.split_first_chunk().expect("a length");
    assert_eq!(u32::from_be_bytes(*length) as usize, event.len());
    let object = sole(sole(Wire::Bytes(event), 2).expect("a message").expect("an object"), 1);
    assert_eq!(decode(object.expect("a message").expect("bytes").bytes().expect("bytes")).expect("a body"), map("a"));
    let partial = json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {"name": "a"}});
    assert!(encode(&partial).is_some() && encode(&json!({"apiVersion": "a.b/v1", "kind": "Custom"})).is_none());
}

/// Numbers without end from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A value of the schema in which nothing is empty, with fields that have numbers alone.
fn some(name: &str, schema: &Schema, dice: &mut Dice, depth: usize) -> Value {
    let mut fields = Map::new();
    for tag in tags(name) {
        match &tag.field {
            TaggedField::Embedded(inner) => {
                fields.extend(some(inner, schema, dice, depth).as_object().expect("an object").clone());
            }
            TaggedField::Named { name, .. } => {
                let field = schema.field(name).filter(|_| dice.below(4) == 0);
                let value = field.and_then(|field| any_value(&field.schema, dice, depth + 1));
                fields.extend(value.map(|value| ((*name).to_owned(), value)));
            }
        }
    }
    Value::Object(fields)
}

fn any_value(schema: &Schema, dice: &mut Dice, depth: usize) -> Option<Value> {
    let number = dice.below(1 << 31) as i64 + 1;
    Some(match &schema.resolve().shape {
        Shape::String => format!("text {number}").into(),
        Shape::Integer => (-number).into(),
        Shape::Number => (number as f64 / 4.0).into(),
        Shape::Boolean => true.into(),
        Shape::Bytes => BASE64_STANDARD.encode(number.to_string()).into(),
        Shape::Quantity => format!("{number}m").into(),
        Shape::IntOrString if number % 2 == 0 => format!("{number}%").into(),
        Shape::IntOrString => number.into(),
        Shape::Time => "2026-01-01T00:00:01Z".into(),
        Shape::MicroTime => format!("2026-01-01T00:00:01.{:06}Z", number % 1_000_000).into(),
        Shape::Any => match alternative(schema) {
            Some(Alternative::Bool) => true.into(),
            Some(Alternative::Schemas) => json!([{"type": "string"}]),
            Some(Alternative::Texts) => json!(["a"]),
            None => json!({"a": [number]}),
        },
        Shape::List(list) => vec![any_value(&list.items, dice, depth)?].into(),
        Shape::Map(map) => json!({format!("key-{number}"): any_value(&map.values, dice, depth)?}),
        Shape::Object(_) if depth > 4 => return None,
        Shape::Object(object) => match &schema.shape {
            Shape::Reference(to) => some(&to.name, schema, dice, depth),
            _ => some(&object.copy_of, schema, dice, depth),
        },
        Shape::Reference(_) => return None,
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(seed in any::<u64>()) {
        let mut dice = Dice(seed);
        for definition in cluster_schema::definitions() {
            let Some(kind) = definition.kinds.first().filter(|_| cluster_schema::protobuf::is_known(&definition.name)) else { continue };
            let mut object = some(&definition.name, definition.schema(), &mut dice, 0);
            let group = if kind.group.is_empty() { String::new() } else { format!("{}/", kind.group) };
            object["apiVersion"] = format!("{group}{}", kind.version).into();
            object["kind"] = kind.kind.into();
            prop_assert_eq!(decode(&encode(&object).expect("a message")).expect("a body"), object);
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(object in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(decode(&body("v1", "Pod", &[object])));
    }
}

//! Bodies written by hand, field by field, and what they are as JSON.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn number(field: u64, value: i64) -> Vec<u8> {
    [varint(field << 3), varint(value as u64)].concat()
}

fn bytes(field: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
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
fn bodies_that_are_none_are_refused() {
    for wrong in [b"".to_vec(), b"{}".to_vec(), b"k8s\0\x0a\xff".to_vec(), body("v1", "Unicorn", &[])] {
        assert_eq!(decode(&wrong).expect_err("it is no object").code, 400);
    }
    let cut = body("v1", "ConfigMap", &[vec![0x0a, 0x05, 1]]);
    let error = decode(&cut).expect_err("it ends too early");
    assert_eq!(error.message, "unable to decode the protobuf body: unexpected EOF");
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(object in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(decode(&body("v1", "Pod", &[object])));
    }
}

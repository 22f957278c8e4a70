//! The type check, limits and evaluation against what cel-go is documented to do.

use super::*;
use serde_json::{Value as Json, json};
use std::sync::Arc;

fn variables() -> Declarations {
    let schema = json!({"type": "object", "properties": {
        "x": {"type": "integer"}, "ratio": {"type": "number"}, "name": {"type": "string", "maxLength": 20},
        "when": {"type": "string", "format": "date-time"}, "for": {"type": "string", "format": "duration"},
        "tags": {"type": "array", "items": {"type": "string"}}, "few": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 5}},
        "map": {"type": "object", "additionalProperties": {"type": "integer"}}, "a-b": {"type": "boolean"},
        "any": {"x-kubernetes-int-or-string": true}}});
    vec![("self", Type::from_openapi(&schema, true)), ("object", Type::Dyn)]
}

fn evaluate(source: &str, this: &Json) -> Result<Json, Failure> {
    let variables = variables();
    let program = compile(source, &variables).unwrap_or_else(|error| panic!("{source}: {error}"));
    let mut activation = Activation::new(&Arc::default());
    activation.bind("self", typed(this, &variables[0].1));
    activation.bind("object", dynamic(this));
    activation.evaluate(&program).map(|value| to_json(&value).expect("JSON"))
}

#[test]
fn expressions_evaluate() {
    let this = json!({"x": 3, "ratio": 1, "name": "abc", "when": "2026-01-02T00:00:00Z", "for": "1h30m", "tags": ["a", "b"],
        "map": {"a-1": 1, "b": 2}, "a-b": true, "any": "5%", "metadata": {"name": "n", "namespace": "ns"}});
    let table = [
        ("self.x > 2 && self.ratio < 1.5", json!(true)),
        ("self.name.startsWith('a') ? 'yes' : 'no'", json!("yes")),
        ("self.when < timestamp('2026-01-03T00:00:00Z')", json!(true)),
        ("self.__for__ == duration('90m')", json!(true)),
        ("self.tags.map(t, t + '!').join(',')", json!("a!,b!")),
        ("self.tags.exists(t, t == 'b') && self.tags.all(t, size(t) == 1)", json!(true)),
        ("self.map.exists(k, self.map[k] == 2) && 'a-1' in self.map", json!(true)),
        ("self.a__dash__b", json!(true)),
        ("type(self.any) == string || true", json!(null)),
        ("has(self.any) && !has(self.few)", json!(true)),
        ("object.?spec.?replicas.orValue(7)", json!(7)),
        ("object.?metadata.name.orValue('none')", json!("n")),
        ("object.metadata.namespace", json!("ns")),
        ("object.map[?'b'].hasValue()", json!(true)),
        ("self.tags.filter(t, t != 'a')", json!(["b"])),
        ("{'a': 1, ?'b': optional.none()}", json!({"a": 1})),
        ("quantity('1Gi').isGreaterThan(quantity('500Mi'))", json!(true)),
        ("self.metadata.name + '-' + string(self.x)", json!("n-3")),
        ("dyn(self.x) == 3 && bool('true')", json!(true)),
    ];
    for (source, expected) in table {
        if expected.is_null() {
            assert!(compile(source, &variables()).is_err(), "{source}");
        } else {
            assert_eq!(evaluate(source, &this), Ok(expected), "{source}");
        }
    }
    assert_eq!(evaluate("object.nope == 1", &this), Err(Failure::Error("no such key: nope".to_owned())));
    assert_eq!(evaluate("object.name.first == 1", &this), Err(Failure::Error("no such overload".to_owned())));
}

#[test]
fn faults_read_as_cel_gos() {
    let table = [
        ("self.z == 100", "ERROR: <input>:1:5: undefined field 'z'\n | self.z == 100\n | ....^"),
        (
            "self.x > 0 && self.z",
            "ERROR: <input>:1:19: undefined field 'z'\n | self.x > 0 && self.z\n | ..................^",
        ),
        (
            "self.x > '1'",
            "ERROR: <input>:1:8: found no matching overload for '_>_' applied to '(int, string)'\n | self.x > '1'\n | .......^",
        ),
        (
            "'a' + self.x",
            "ERROR: <input>:1:5: found no matching overload for '_+_' applied to '(string, int)'\n | 'a' + self.x\n | ....^",
        ),
        ("oops > 1", "ERROR: <input>:1:1: undeclared reference to 'oops' (in container '')\n | oops > 1\n | ^"),
        (
            "self.name.frob()",
            "ERROR: <input>:1:15: undeclared reference to 'frob' (in container '')\n | self.name.frob()\n | ..............^",
        ),
        (
            "self.x.all(y, true)",
            "ERROR: <input>:1:5: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)\n | self.x.all(y, true)\n | ....^",
        ),
        ("self.x.y", "ERROR: <input>:1:7: type 'int' does not support field selection\n | self.x.y\n | ......^"),
        (
            "Foo{a: 1}.a == 1",
            "ERROR: <input>:1:1: undeclared reference to 'Foo' (in container '')\n | Foo{a: 1}.a == 1\n | ^",
        ),
    ];
    for (source, expected) in table {
        assert_eq!(compile(source, &variables()).expect_err(source), expected);
    }
    for (source, part) in
        [("self.x >", "Syntax error: "), ("self.x == (1", "Syntax error: "), ("!!true", "not supported")]
    {
        let error = compile(source, &variables()).expect_err(source);
        assert!(error.starts_with("ERROR: <input>:1:") && error.contains(part), "{error}");
    }
}

#[test]
fn the_estimate_follows_the_bounds_of_the_schema() {
    let cost = |source| compile(source, &variables()).unwrap().estimated_cost();
    assert!(cost("self.few.all(a, self.few.all(b, a == b))") < 1000);
    assert!(cost("self.tags.all(a, self.tags.all(b, a == b))") > STATIC_LIMIT);
}

#[test]
fn an_endless_evaluation_is_stopped_whatever_surrounds_it() {
    let many: Vec<u32> = (0..3000).collect();
    let this = json!({"tags": many.iter().map(ToString::to_string).collect::<Vec<_>>()});
    for source in [
        "self.tags.all(a, self.tags.all(b, a + b != ''))",
        "true || self.tags.all(a, self.tags.all(b, a + b != '')) || true",
        "self.tags.exists(a, self.tags.exists(b, a == '' + b + '?')) || true",
    ] {
        let result = evaluate(source, &this);
        let short_cut = source.starts_with("true");
        assert_eq!(result, if short_cut { Ok(json!(true)) } else { Err(Failure::CallCost) }, "{source}");
    }
}

#[test]
fn monstrous_expressions_are_refused_without_harm() {
    let deep = ["1+".repeat(40_000), "(".repeat(5_000), "[".repeat(5_000), "a.".repeat(30_000), "!".repeat(50_000)];
    for source in deep.iter().map(|text| format!("{text}1")).chain(["x".repeat(200_000)]) {
        assert!(compile(&source, &variables()).is_err());
    }
}

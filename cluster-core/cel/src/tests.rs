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
        ("!!self.a__dash__b && ! !true && !!!false && self.name != '!!' && 1 != 2", json!(true)),
        ("--self.x == 3 && - - -self.x == -3 && self.x--1 == 4 && self.x - --1 == 2 && '--' != '-'", json!(true)),
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
        ("dyn(1) == 1.0 && 1 == dyn(1.0) && dyn([1]) == [1.0] && dyn(1) != 1.5 && dyn(2) + 1 == 3", json!(true)),
        ("{'a': dyn(1)} == {'a': 1u} && dyn('a') != dyn(1) && dyn(null) == null", json!(true)),
        ("optional.of(1) == optional.of(1) && optional.of(1) != optional.none()", json!(true)),
        ("[optional.of(1), optional.none()].unwrapOpt() == [1]", json!(true)),
        ("optional.unwrap([optional.none(), optional.of('a')])", json!(["a"])),
    ];
    for (source, expected) in table {
        assert_eq!(evaluate(source, &this), Ok(expected), "{source}");
    }
    assert_eq!(evaluate("object.nope == 1", &this), Err(Failure::Error("no such key: nope".to_owned())));
    assert_eq!(evaluate("object.name.first == 1", &this), Err(Failure::Error("no such overload".to_owned())));
}

#[test]
fn what_the_parser_lacks_is_unfolded() {
    let this = json!({"x": 3, "tags": ["b", "a"], "map": {"a": 1, "b": 2}, "pods": [{"n": 2}, {"n": 1}]});
    let table = [
        ("object.?x.optMap(y, y + 1).orValue(0)", json!(4)),
        ("object.?nope.optMap(y, y + 1).orValue(0)", json!(0)),
        ("object.?map.optFlatMap(m, m[?'b']).orValue(0)", json!(2)),
        ("object.?map.optFlatMap(m, m[?'c']).hasValue()", json!(false)),
        ("object.?x.optMap(y, y + 1).optMap(z, z * 2).value()", json!(8)),
        ("object.pods.sortBy(p, p.n).map(p, p.n)", json!([1, 2])),
        ("self.tags.sortBy(t, t)", json!(["a", "b"])),
        ("self.tags.all(i, t, i < 2 && t != 'c')", json!(true)),
        ("self.map.all(k, v, v < 2)", json!(false)),
        ("self.map.exists(k, v, k == 'b' && v == 2)", json!(true)),
        ("self.tags.existsOne(i, t, i == 0) && !self.tags.exists_one(i, t, true)", json!(true)),
        ("self.tags.transformList(i, t, t + string(i))", json!(["b0", "a1"])),
        ("self.map.transformList(k, v, v > 1, k)", json!(["b"])),
        ("self.map.transformMap(k, v, v * 10)", json!({"a": 10, "b": 20})),
        ("self.map.transformMap(k, v, v > 1, v)", json!({"b": 2})),
        ("self.map.transformMapEntry(k, v, {string(v): k})", json!({"1": "a", "2": "b"})),
        ("self.map.transformMapEntry(k, v, v > 1, {k + k: v})", json!({"bb": 2})),
        ("self.tags.all(i, t, self.tags.exists(j, u, i != j && t != u))", json!(true)),
        ("type(self.x) == int && type('') != int && type(type(1)) == type", json!(true)),
        ("type(timestamp('2026-01-03T00:00:00Z')) == google.protobuf.Timestamp", json!(true)),
        (
            "[dyn([]), dyn({}), dyn(null), dyn(1.5), dyn(b''), dyn(true)].map(v, type(v)) == [list, map, null_type, double, bytes, bool]",
            json!(true),
        ),
    ];
    for (source, expected) in table {
        assert_eq!(evaluate(source, &this), Ok(expected), "{source}");
    }
    for (source, why) in [
        ("self.map.transformMapEntry(k, v, {'same': v})", "insert failed: key 'same' already exists"),
        ("[dyn(1), dyn('a')].sortBy(v, v)", "list elements must have the same type and be comparable"),
        ("{'a': 1}.exists(k, v, dyn(v) + dyn(k) > 1)", "no such overload"),
    ] {
        let Err(Failure::Error(found)) = evaluate(source, &this) else { panic!("{source} has a value") };
        assert!(found.contains(why), "{source}: {found}");
    }
    for (source, why) in [
        ("self.x.all(i, v, true)", "expression of type 'int' cannot be range of a comprehension"),
        ("self.tags.transformList(i, t, t + 1)", "found no matching overload for '_+_' applied to '(string, int)'"),
        ("[[1]].sortBy(1, 2)", "argument must be a simple name"),
    ] {
        let error = compile(source, &variables()).expect_err(source);
        assert!(error.contains(why), "{source}: {error}");
    }
}

#[test]
fn the_standard_functions_answer_as_cel_gos() {
    let this = json!({"x": 3, "tags": ["b", "a"]});
    let table = [
        ("'äöü'.size() == 3 && size('äöü') == 3 && [1].size() == 1 && {'a': 1}.size() == 1", json!(true)),
        ("string(true) + string(1.5) + string(5.0) + string(b'x')", json!("true1.55x")),
        ("string(1e30) + ' ' + string(1234567.0) + ' ' + string(0.00001)", json!("1e+30 1.234567e+06 1e-05")),
        ("string(duration('90s')) + string(duration('-1.5h'))", json!("90s-5400s")),
        ("string(timestamp('2020-01-01T01:00:00.5+01:00'))", json!("2020-01-01T00:00:00.5Z")),
        ("string(ip('2001:db8:0::1')) + string(cidr('1.2.3.4/24'))", json!("2001:db8::11.2.3.4/24")),
        ("int(timestamp('2020-01-01T00:00:00Z'))", json!(1_577_836_800)),
        ("timestamp(0) == timestamp('1970-01-01T00:00:00Z')", json!(true)),
        ("timestamp('2020-01-01T10:20:30.123Z').getMinutes('+01:30')", json!(50)),
        ("timestamp('2020-07-01T10:20:30+02:00').getHours()", json!(8)),
        ("timestamp('2020-01-01T00:20:30Z').getFullYear('-08:00')", json!(2019)),
        ("duration('1h30m').getMinutes()", json!(90)),
        ("'aaa'.replace('a', 'b', -1) + 'aaa'.replace('a', 'b', 1) + 'aa'.replace('a', 'c')", json!("bbbbaacc")),
        ("[duration('1s'), duration('2s')].sum() == duration('3s') && [1, 2].sum() == 3", json!(true)),
        (
            "'%s %d %.2f %x %X %o %b %%'.format(['a', 1, 1234.5, 255, 'hi', 8, true])",
            json!("a 1 1,234.50 ff 6869 10 1 %"),
        ),
        (
            "'%s'.format([[1, 'a', 2.5, {'b': true, 'a': null}]])",
            json!("[1, \"a\", 2.500000, {\"a\":null, \"b\":true}]"),
        ),
        ("'%s %s'.format([type(1), [duration('1s')]])", json!("int [duration(\"1s\")]")),
        ("'%e'.format([1052.032911275])", json!("1.052033×10⁰³")),
        ("{1: 2}[1] + {true: 1}[true]", json!(3)),
        // An error counts only when no other item decides.
        ("[0, 1].exists(x, 1 / x > 0) && !['a', 'b'].all(t, t != 'b' && dyn(t) > 1)", json!(true)),
        ("[{'a': 1}, {'b': 2}].exists(m, m.b == 2) && {'x': 0, 'y': 1}.exists(k, v, 1 / v > 0)", json!(true)),
    ];
    for (source, expected) in table {
        assert_eq!(evaluate(source, &this), Ok(expected), "{source}");
    }
    for (source, why) in [
        ("-(-9223372036854775807 - 1) == 0", "integer overflow"),
        ("1 % (self.x - 3) == 0", "modulus by zero"),
        ("[0, 1].exists(x, 1 / x > 5)", "division by zero"),
        ("[{'a': 1}].all(m, m.b == 2)", "no such key: b"),
        ("size({'a': 'x'}.b) > 0 || {'a': 'x'}.b.size() > 0", "no such key: b"),
        ("1 / (self.x - self.x) > 0 || {'a': 1}.b > 0", "division by zero"),
        ("{'a': 1}.b > 0 && 1 / (self.x - self.x) > 0", "no such key: b"),
        ("string({'a': 1}.b) + string(int({'a': 1}.b)) == ''", "no such key: b"),
        ("timestamp({'a': ''}.b).getHours() == 1", "no such key: b"),
        ("sign(quantity({'a': ''}.b)) == 1", "no such key: b"),
        ("semver({'a': ''}.b).major() == 1", "no such key: b"),
        ("1u - 2u == 0u", "unsigned integer overflow"),
        ("'%d'.format([dyn('a')]) == ''", "decimal clause can only be used on integers, was given string"),
        ("('%s' + ' %s').format(['a']) == ''", "index 1 out of range"),
        ("('%' + 'q').format([1]) == ''", "unrecognized formatting clause \"q\""),
        ("('%.' + '999999999f').format([1.5]) == ''", "exceeds the maximum of 100"),
        ("timestamp('2020-01-01T10:20:30Z').getHours('nowhere') == 1", "unknown time zone nowhere"),
    ] {
        let Err(Failure::Error(found)) = evaluate(source, &this) else { panic!("{source} has a value") };
        assert!(found.contains(why), "{source}: {found}");
    }
    for (source, why) in [
        (
            "'%d'.format(['a'])",
            "1:14: error during formatting: decimal clause can only be used on integers, was given string",
        ),
        ("'%s'.format([])", "index 0 out of range"),
        ("'%q'.format([1])", "could not parse formatting clause: unrecognized formatting clause \"q\""),
        ("'%s'.format([optional.of(1)])", "was given optional_type"),
        ("'%s'.format([self])", "string clause can only be used on strings, bools"),
    ] {
        let error = compile(source, &variables()).expect_err(source);
        assert!(error.contains(why), "{source}: {error}");
    }
    for source in ["optional.of(1).optMap(x, x + 1).hasValue()", "['b', 'a'].sort() == ['a', 'b']"] {
        let cost = compile(source, &variables()).expect(source).estimated_cost();
        assert!(cost < 1000, "{source}: {cost}");
    }
}

#[test]
fn the_documented_libraries_are_there() {
    let table = [
        "[1, 2, 3].sum() == 6 && [2, 1].min() == 1 && [1, 2].isSorted() && ['a', 'b'].indexOf('b') == 1",
        "'abc 123'.find('[0-9]+') == '123' && 'a1b2'.findAll('[0-9]') == ['1', '2']",
        "url('https://example.com:80/p?k=v').getHost() == 'example.com:80' && isURL('https://a.b') && !isURL('nope')",
        "url('https://example.com:80/p?k=v').getQuery() == {'k': ['v']}",
        "ip('127.0.0.1').isLoopback() && ip('::1').family() == 6 && !isIP('300.0.0.1')",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.1.0.0/8').masked() == cidr('10.0.0.0/8')",
        "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && cidr('10.0.0.0/8').prefixLength() == 8",
        "quantity('50k').add(20) == quantity('50020') && quantity('1Mi').compareTo(quantity('1M')) == 1",
        "isQuantity('1.3G') && !isQuantity('200K') && quantity('50000000G').isInteger()",
        "semver('1.2.3').isLessThan(semver('1.3.0')) && semver('v1.0', true).major() == 1 && !isSemver('1.0')",
        "!format.dns1123Label().validate('my-label').hasValue() && format.dns1123Label().validate('No').hasValue()",
        "format.named('dns1123Subdomain').hasValue() && !format.named('nope').hasValue()",
        "sets.contains([1, 2], [1]) && sets.equivalent([1], [1, 1]) && sets.intersects([1], [1, 2])",
        "'%s is %d, %.1f, %x'.format([dyn('a'), dyn(1), dyn(1.25), dyn(255)]) == 'a is 1, 1.2, ff'",
        "!'٣'.matches('^\\\\d$') && '٣4'.find('\\\\d') == '4' && '[4'.findAll('[^[]') == ['4']",
        "'a-b'.split('-') == ['a', 'b'] && 'AbC'.lowerAscii() == 'abc' && ' x '.trim() == 'x'",
    ];
    for source in table {
        assert_eq!(evaluate(source, &json!({})), Ok(json!(true)), "{source}");
    }
}

/// Allows what is asked for group `apps`, and service accounts everything.
struct Apps;

impl Authorizer for Apps {
    fn decide(&self, check: &Check) -> (bool, String) {
        let allowed = check.group == "apps" || check.service_account.is_some();
        (allowed, format!("{check:?}"))
    }
}

#[test]
fn the_authorizer_is_asked_with_all_that_was_said() {
    let declared = AUTHORIZER_VARIABLES.to_vec();
    let own = Check { group: "apps".to_owned(), resource: "deployments".to_owned(), ..Check::default() };
    let mut activation = Activation::new(&Arc::default());
    activation.bind("authorizer", authorizer(Arc::new(Apps), Check::default()));
    activation.bind("authorizer.requestResource", authorizer(Arc::new(Apps), own));
    let table = [
        ("authorizer.group('apps').resource('deployments').namespace('x').check('create').allowed()", true),
        ("authorizer.group('').resource('pods').subresource('log').name('n').check('get').allowed()", false),
        ("authorizer.path('/healthz').check('get').allowed()", false),
        ("authorizer.path('/healthz').check('get').reason().contains('/healthz')", true),
        ("authorizer.serviceAccount('ns', 'robot').group('').resource('pods').check('get').allowed()", true),
        ("authorizer.requestResource.check('update').allowed()", true),
        ("authorizer.group('').resource('a').fieldSelector('x=y').labelSelector('a').check('get').errored()", false),
        ("authorizer.requestResource.subresource('scale').check('update').reason().contains('scale')", true),
    ];
    for (source, expected) in table {
        let program = compile(source, &declared).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(activation.evaluate(&program), Ok(Value::Bool(expected)), "{source}");
    }
    assert!(compile("authorizer.check('get')", &declared).is_err(), "a check is of a path or a resource");
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
            "math.greatest(1, 2) == 2",
            "ERROR: <input>:1:1: undeclared reference to 'math' (in container '')\n | math.greatest(1, 2) == 2\n | ^\nERROR: <input>:1:14: undeclared reference to 'greatest' (in container '')\n | math.greatest(1, 2) == 2\n | .............^",
        ),
        (
            "self.name.matches('[')",
            "ERROR: <input>:1:19: invalid matches argument\n | self.name.matches('[')\n | ..................^",
        ),
        (
            "self.tags.flatten() == []",
            "ERROR: <input>:1:18: found no matching overload for 'flatten' applied to 'list(string).()'\n | self.tags.flatten() == []\n | .................^",
        ),
        ("[1, 'a'] == []", "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a'] == []\n | ....^"),
        (
            "Foo{a: 1}.a == 1",
            "ERROR: <input>:1:1: undeclared reference to 'Foo' (in container '')\n | Foo{a: 1}.a == 1\n | ^",
        ),
    ];
    for (source, expected) in table {
        assert_eq!(compile(source, &variables()).expect_err(source), format!("compilation failed: {expected}"));
    }
    for (source, part) in [("self.x >", "Syntax error: "), ("self.x == (1", "Syntax error: ")] {
        let error = compile(source, &variables()).expect_err(source);
        assert!(error.starts_with("compilation failed: ERROR: <input>:1:") && error.contains(part), "{error}");
    }
    for (source, why) in [
        ("self.x == int('a')", "type conversion error from 'string' to 'int'"),
        ("[int(dyn('a'))].size() == 0", "type conversion error from 'string' to 'int'"),
        ("self.x > 5 || uint(-5) == 1u", "unsigned integer overflow"),
        ("self.name.find(')') == ''", "error parsing regexp: "),
    ] {
        let error = compile(source, &variables()).expect_err(source);
        assert!(error.starts_with(&format!("program instantiation failed: {why}")), "{source}: {error}");
    }
}

#[test]
fn the_estimate_follows_the_bounds_of_the_schema() {
    let cost = |source| compile(source, &variables()).unwrap().estimated_cost();
    // What upstream reckons for the same expressions.
    for (source, expected) in [
        ("self.x > 2", 3),
        ("self.name == 'abc'", 3),
        ("self.few.all(a, a == 'x')", 18),
        ("has(self.x) && self.name.startsWith('ab')", 4),
        ("[1, 2, 3].size() == 3", 12),
    ] {
        assert_eq!(cost(source), expected, "{source}");
    }
    assert!(cost("self.few.all(a, self.few.all(b, a == b))") < 1000);
    assert!(cost("self.tags.all(a, self.tags.all(b, a == b))") > STATIC_LIMIT);
    assert!(cost("self.tags.sort() == self.tags") > STATIC_LIMIT);
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
fn values_that_grow_without_bound_are_stopped_before_they_are_made() {
    let this = json!({"name": "0123456789abcdef", "tags": ["0123456789abcdef"]});
    let doubled = |step: &str| format!("size({}{})", "self.tags.map(x, dyn(x))", format!(".map(x, {step})").repeat(30));
    let quoted = format!("size({}'\"'{})", "strings.quote(".repeat(40), ")".repeat(40));
    let sources = ["x + x", "x.replace('', x)", "[x, x]", "'%s%s'.format([x, x])", "[x, x].join(x)"];
    let sources = sources.map(doubled).into_iter().chain([quoted, "size(lists.range(1000000000000))".to_owned()]);
    for source in sources {
        assert_eq!(evaluate(&source, &this), Err(Failure::CallCost), "{source}");
    }
    let large = json!({"tags": vec!["0123456789".repeat(10); 200]});
    assert_eq!(evaluate("size(self.tags.map(t, t + t).filter(t, t != ''))", &large), Ok(json!(200)));
}

#[test]
fn monstrous_expressions_are_refused_without_harm() {
    let deep = ["1+".repeat(40_000), "(".repeat(5_000), "[".repeat(5_000), "a.".repeat(30_000), "!".repeat(50_000)];
    for source in deep.iter().map(|text| format!("{text}1")).chain(["x".repeat(200_000)]) {
        assert!(compile(&source, &variables()).is_err());
    }
}

#[test]
fn lists_of_the_types_set_and_map_know_no_order() {
    let schema = json!({"type": "object", "properties": {
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "properties": {"name": {"type": "string"}, "port": {"type": "integer"}}}},
        "plain": {"type": "array", "items": {"type": "string"}}}});
    let kind = Type::from_openapi(&schema, false);
    let new =
        json!({"set": ["a", "b"], "ports": [{"name": "x", "port": 1}, {"name": "y", "port": 2}], "plain": ["a", "b"]});
    let old =
        json!({"set": ["b", "a"], "ports": [{"name": "y", "port": 2}, {"name": "x", "port": 1}], "plain": ["b", "a"]});
    let variables = vec![("self", kind.clone()), ("oldSelf", kind.clone())];
    for (source, expected) in [
        ("self.set == oldSelf.set && self.ports == oldSelf.ports", json!(true)),
        ("self.set != ['b', 'a'] || self.set == ['a', 'c'] || self.set == ['a']", json!(false)),
        ("self.plain == oldSelf.plain || self == oldSelf", json!(false)),
        ("self.ports == oldSelf.ports.filter(p, p.port == 2)", json!(false)),
        ("self.set + ['c', 'a']", json!(["a", "b", "c"])),
        ("(self.ports + [{'name': dyn('x'), 'port': dyn(7)}]).map(p, p.port)", json!([7, 2])),
        ("self.plain + ['a']", json!(["a", "b", "a"])),
    ] {
        let program = compile(source, &variables).unwrap_or_else(|error| panic!("{source}: {error}"));
        let mut activation = Activation::new(&Arc::default());
        activation.bind("self", typed(&new, &kind));
        activation.bind("oldSelf", typed(&old, &kind));
        assert_eq!(activation.evaluate(&program).map(|value| to_json(&value)), Ok(Some(expected)), "{source}");
    }
}

#[test]
fn what_is_nested_deeply_needs_no_stack_of_its_caller() {
    let source = format!("{}1{}{} == 1", "{'a': ".repeat(45), "}".repeat(45), ".a".repeat(45));
    let work = move || evaluate(&source, &json!({}));
    let small = std::thread::Builder::new().stack_size(512 * 1024).spawn(work).expect("a thread");
    assert_eq!(small.join().expect("an end"), Ok(json!(true)));
}

//! `x-kubernetes-validations`: rules in CEL, compiled once per definition.

use super::structural;
use super::validate::nowhere;
use super::walk::{Part, inner, type_name};
use crate::kinds::walk::{At, items, text};
use cluster_cel::{
    Activation, Budget, Declarations, Failure, Program, STATIC_LIMIT, STATIC_TOTAL, Type, Value as CelValue,
};
use cluster_object::field::{Error, Errors, Path, Reason};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// The compiled rules of a schema, as a tree along it.
#[derive(Debug)]
pub(crate) struct Rules {
    kind: Type,
    here: Vec<Rule>,
    inside: HashMap<String, Rules>,
}

#[derive(Debug)]
struct Rule {
    program: Program,
    message: Option<Program>,
    spec: Value,
}

impl Rule {
    /// A rule about a change is asked only when there is one.
    fn transition(&self) -> bool {
        self.program.uses("oldSelf")
    }

    fn optional_old(&self) -> bool {
        self.spec["optionalOldSelf"] == true
    }
}

/// Compiles the rules of a schema; `None` when it has none that compile.
pub(super) fn compile(props: &Value) -> Option<Rules> {
    compile_node(props, true)
}

fn compile_node(props: &Value, root: bool) -> Option<Rules> {
    let kind = Type::from_openapi(props, root);
    let rule = |spec: &Value| {
        let variables = variables(&kind, spec);
        let message = text(&spec["messageExpression"]);
        Some(Rule {
            program: cluster_cel::compile(text(&spec["rule"]), &variables).ok()?,
            message: if message.is_empty() { None } else { cluster_cel::compile(message, &variables).ok() },
            spec: spec.clone(),
        })
    };
    let here: Vec<Rule> = items(&props["x-kubernetes-validations"]).iter().filter_map(rule).collect();
    let inside: HashMap<String, Rules> =
        inner(props).filter_map(|(step, props)| Some((step, compile_node(props, false)?))).collect();
    (!here.is_empty() || !inside.is_empty()).then_some(Rules { kind, here, inside })
}

fn variables(kind: &Type, spec: &Value) -> Declarations {
    let optional = spec["optionalOldSelf"] == true;
    let old = if optional { Type::Optional(Arc::new(kind.clone())) } else { kind.clone() };
    vec![("self", kind.clone()), ("oldSelf", old)]
}

/// The faults of the rules themselves, found when the definition is written.
pub(super) fn check(at: &At<'_>) -> Errors {
    let (mut errors, mut total) = (Errors::new(), Vec::new());
    check_node(at, true, 1, true, &mut errors, &mut total);
    let sum = total.iter().map(|(_, cost)| *cost).fold(0, u64::saturating_add);
    if sum > STATIC_TOTAL {
        for (path, _) in total.iter().filter(|(_, cost)| *cost > STATIC_TOTAL / 100) {
            let why = "contributed to estimated rule & messageExpression cost total exceeding cost limit for entire \
                       OpenAPIv3 schema";
            errors.push(Error::forbidden(path, why));
        }
        let factor = excess(sum, STATIC_TOTAL);
        let why = format!(
            "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor \
             of {factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, \
             maps, and strings are declared)"
        );
        errors.push(at.forbidden(&why));
    }
    errors
}

fn check_node(
    at: &At<'_>,
    root: bool,
    times: u64,
    correlatable: bool,
    errors: &mut Errors,
    total: &mut Vec<(Path, u64)>,
) {
    let kind = Type::from_openapi(at.value, root);
    for spec in at.get("x-kubernetes-validations").items() {
        let variables = variables(&kind, spec.value);
        let expressions = [
            ("rule", Type::Bool, "cel expression must evaluate to a bool"),
            ("messageExpression", Type::String(0), "must evaluate to a string"),
        ];
        if text(&spec.value["rule"]).trim().is_empty() {
            errors.push(spec.get("rule").missing("rule is not specified"));
            continue;
        }
        for (field, wanted, otherwise) in expressions {
            let expression = spec.get(field);
            if expression.is_empty() {
                continue;
            }
            let program = match cluster_cel::compile(expression.text(), &variables) {
                Ok(program) if wanted.accepts(program.result()) => program,
                Ok(_) => {
                    errors.push(expression.invalid(otherwise));
                    continue;
                }
                Err(why) => {
                    let what =
                        if field == "rule" { "compilation failed" } else { "messageExpression compilation failed" };
                    errors.push(expression.invalid(&format!("{what}: {why}")));
                    continue;
                }
            };
            if program.uses("oldSelf") && !correlatable && field == "rule" {
                errors.push(expression.invalid("oldSelf cannot be used on the uncorrelatable portion of the schema"));
            }
            let cost = program.estimated_cost().saturating_mul(times);
            if cost > STATIC_LIMIT {
                let factor = excess(cost, STATIC_LIMIT);
                let why = format!(
                    "estimated rule cost exceeds budget by factor of {factor} (try simplifying the rule, or adding \
                     maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
                );
                errors.push(expression.forbidden(&why));
            }
            total.push((expression.path, cost));
        }
        shape(&spec, at, correlatable, errors);
    }
    let size = match &kind {
        Type::List(_, size) | Type::Map(_, size) => *size,
        _ => 1,
    };
    for (inside, item) in structural::children(at) {
        let known = correlatable && (!item || at.value["x-kubernetes-list-type"] == "map");
        check_node(&inside, false, times.saturating_mul(size), known, errors, total);
    }
}

/// The other fields of a rule.
fn shape(spec: &At<'_>, at: &At<'_>, correlatable: bool, errors: &mut Errors) {
    let (message, reason, path) = (spec.get("message"), spec.get("reason"), spec.get("fieldPath"));
    if message.is_set() && message.text().trim().is_empty() {
        errors.push(message.invalid("message must be non-empty if specified"));
    } else if message.text().contains('\n') {
        errors.push(message.invalid("message must not contain line breaks"));
    } else if message.is_empty() && text(&spec.value["rule"]).contains('\n') && spec.get("messageExpression").is_empty()
    {
        errors.push(message.missing("message must be specified if rule contains line breaks"));
    }
    let reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
    reason.optional_one_of(&reasons, errors);
    if !path.is_empty() && field(at.value, path.text()).is_none() {
        errors.push(path.invalid("fieldPath must be a valid path"));
    }
    if spec.value["optionalOldSelf"] == true && !correlatable {
        errors.push(spec.get("optionalOldSelf").invalid("may not be set on the uncorrelatable portion of the schema"));
    }
}

/// Follows a `fieldPath` (`.a.b`, `['c']`) through a schema; the names on the way.
fn field<'a>(props: &Value, path: &'a str) -> Option<Vec<&'a str>> {
    let names = path.split(['.', '[', ']']).map(|name| name.trim_matches(['\'', '"'])).filter(|name| !name.is_empty());
    let names: Vec<&str> = names.collect();
    let found = names.iter().try_fold(props, |props, name| {
        let known = props["properties"].get(*name);
        known.or_else(|| Some(&props["additionalProperties"]).filter(|props| props.is_object()))
    });
    found.map(|_| names)
}

fn excess(cost: u64, limit: u64) -> String {
    let factor = cost as f64 / limit as f64;
    if factor > 100.0 { "more than 100x".to_owned() } else { format!("{factor:.1}x") }
}

/// The rules that an object breaks.
pub(super) fn evaluate(rules: &Rules, part: &Part<'_>) -> Errors {
    let mut run = Run { budget: Arc::default(), errors: Errors::new() };
    // A budget that is used up has said so; nothing follows it.
    let _spent = run.node(rules, part).is_err();
    run.errors
}

struct Spent;

struct Run {
    budget: Arc<Budget>,
    errors: Errors,
}

impl Run {
    fn node(&mut self, rules: &Rules, part: &Part<'_>) -> Result<(), Spent> {
        if part.value.is_null() && part.props["nullable"] == true {
            return Ok(());
        }
        let unchanged = part.old == Some(part.value);
        if !rules.here.is_empty() {
            let this = cluster_cel::typed(part.value, &rules.kind);
            let old = part.old.map(|old| cluster_cel::typed(old, &rules.kind));
            for rule in &rules.here {
                self.rule(rule, part, &this, old.as_ref(), unchanged)?;
            }
        }
        for child in part.children() {
            if let Some(inside) = rules.inside.get(&child.step) {
                self.node(inside, &child)?;
            }
        }
        Ok(())
    }

    fn rule(
        &mut self,
        rule: &Rule,
        part: &Part<'_>,
        this: &CelValue,
        old: Option<&CelValue>,
        unchanged: bool,
    ) -> Result<(), Spent> {
        // What an update leaves alone may stay invalid, but for rules about the change itself.
        let skipped = if rule.transition() { old.is_none() && !rule.optional_old() } else { unchanged };
        if skipped {
            return Ok(());
        }
        let mut activation = Activation::new(&self.budget);
        activation.bind("self", this.clone());
        match (rule.optional_old(), old) {
            (true, old) => activation.bind("oldSelf", cluster_cel::optional(old.cloned())),
            (false, Some(old)) => activation.bind("oldSelf", old.clone()),
            (false, None) => {}
        }
        let value = Value::from(type_name(part.value));
        let here = if part.keyed == Path::default() { nowhere() } else { part.keyed.clone() };
        let source = rule.program.source().trim();
        let said = text(&rule.spec["message"]).trim();
        let shown = if said.is_empty() { source } else { said };
        let detail = match activation.evaluate(&rule.program) {
            Ok(CelValue::Bool(true)) => return Ok(()),
            Ok(CelValue::Bool(false)) => {
                let computed = rule.message.as_ref().and_then(|message| message_of(activation.evaluate(message).ok()?));
                let otherwise = if said.is_empty() { format!("failed rule: {source}") } else { said.to_owned() };
                let named = field(part.props, text(&rule.spec["fieldPath"])).unwrap_or_default();
                let at = named.iter().fold(part.keyed.clone(), |path, name| path.child(name));
                let at = if named.is_empty() { here } else { at };
                let scalar = Some(part.value).filter(|value| !value.is_object() && !value.is_array());
                self.errors.push(worded(&at, scalar, &computed.unwrap_or(otherwise), text(&rule.spec["reason"])));
                return Ok(());
            }
            Ok(_) => format!("rule evaluated to a non-bool: {shown}"),
            Err(Failure::Error(why)) if why == "no such overload" => format!(
                "'{why}': call arguments did not match a supported operator, function or macro signature for rule: {shown}"
            ),
            Err(Failure::Error(why)) => format!("{why} evaluating rule: {shown}"),
            Err(Failure::CallCost) => format!(
                "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to \
                 call cost exceeds limit for rule: {shown}"
            ),
            Err(Failure::Budget) => {
                "validation failed due to running out of cost budget, no further validation rules will be run"
                    .to_owned()
            }
        };
        let last = detail.contains("no further validation rules");
        self.errors.push(Error::invalid(&here, &value, &detail));
        if last { Err(Spent) } else { Ok(()) }
    }
}

/// A message that is empty or has line breaks is no message.
pub(crate) fn message_of(said: CelValue) -> Option<String> {
    let CelValue::String(said) = said else { return None };
    Some(said.trim().to_owned()).filter(|said| !said.is_empty() && !said.contains('\n'))
}

/// What is said of a broken rule; objects and lists are not printed.
fn worded(path: &Path, value: Option<&Value>, detail: &str, reason: &str) -> Error {
    match (reason, value) {
        ("FieldValueForbidden", _) => Error::forbidden(path, detail),
        ("FieldValueRequired", _) => Error::required(path, detail),
        ("FieldValueDuplicate", Some(value)) => Error::duplicate(path, value),
        ("FieldValueDuplicate", None) => Error::new(path, Reason::Duplicate, "Duplicate value".to_owned()),
        (_, Some(value)) => Error::invalid(path, value, detail),
        (_, None) => Error::new(path, Reason::Invalid, format!("Invalid value: {detail}")),
    }
}

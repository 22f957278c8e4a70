//! `x-kubernetes-validations`: rules in CEL, compiled once per definition.

use super::internal;
use super::validate::nowhere;
use super::walk::{Part, inner, type_name};
use crate::kinds::prelude::*;
use cluster_cel::{
    Activation, Budget, Declarations, Failure, Program, STATIC_LIMIT, STATIC_TOTAL, Type, Value as CelValue,
};

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
pub(super) fn compile(props: &Value, root: bool) -> Option<Rules> {
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
        inner(props).filter_map(|(step, props)| Some((step, compile(props, false)?))).collect();
    (!here.is_empty() || !inside.is_empty()).then_some(Rules { kind, here, inside })
}

fn variables(kind: &Type, spec: &Value) -> Declarations {
    let optional = spec["optionalOldSelf"] == true;
    let old = if optional { Type::Optional(Arc::new(kind.clone())) } else { kind.clone() };
    vec![("self", kind.clone()), ("oldSelf", old)]
}

/// How often a part may be in an object; `None` when nothing bounds that.
#[derive(Clone)]
pub(super) struct Estimate(Option<u64>);

impl Estimate {
    /// Of what is there once.
    pub(super) const ONCE: Self = Self(Some(1));

    /// Of the parts inside of what `props` describes.
    pub(super) fn inside(&self, props: &Value) -> Self {
        let most = |keyword: &str| props[keyword].as_i64().map(|most| most.max(0).unsigned_abs());
        let factor = match text(&props["type"]) {
            "array" => most("maxItems"),
            "object" if !props["additionalProperties"].is_null() => most("maxProperties"),
            _ => Some(1),
        };
        Self(self.0.zip(factor).map(|(times, factor)| times.saturating_mul(factor)))
    }
}

/// What all rules of a schema are estimated to cost.
#[derive(Default)]
pub(super) struct Total(Vec<(Path, u64)>);

impl Total {
    /// Adds the cost of one expression.
    fn observe(&mut self, path: Path, cost: u64) {
        self.0.push((path, cost));
    }

    /// Refuses what costs too much together.
    pub(super) fn check(mut self, at: &At<'_>, errors: &mut Errors) {
        let sum = self.0.iter().map(|(_, cost)| *cost).fold(0, u64::saturating_add);
        if sum <= STATIC_TOTAL {
            return;
        }
        self.0.retain(|(_, cost)| *cost >= STATIC_TOTAL / 100);
        self.0.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
        for (path, _) in self.0.iter().take(4) {
            let why = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
            errors.push(Error::forbidden(path, why));
        }
        let what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
        errors.extend(too_dear(at, what, sum, STATIC_TOTAL));
    }
}

fn too_dear(at: &At<'_>, what: &str, cost: u64, limit: u64) -> Option<Error> {
    let factor = cost as f64 / limit as f64;
    let factor = match factor {
        _ if factor > 100.0 => "more than 100x".to_owned(),
        _ if factor < 1.5 => format!("{factor:.6}x"),
        _ => format!("{factor:.1}x"),
    };
    let why = format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, \
         and maxLength where arrays, maps, and strings are declared)"
    );
    (cost > limit).then(|| at.forbidden(&why))
}

/// Finds the faults of the rules of one schema, when the definition is written.
pub(super) fn check(
    at: &At<'_>,
    root: bool,
    estimate: &Estimate,
    uncorrelated: Option<&Path>,
    errors: &mut Errors,
    total: &mut Total,
) {
    let validations = at.get("x-kubernetes-validations");
    if validations.is_empty() {
        return;
    }
    let kind = Type::from_openapi(at.value, root);
    for spec in validations.items() {
        let variables = variables(&kind, spec.value);
        let (rule, message) = (spec.get("rule"), spec.get("messageExpression"));
        let compile = |of: &At<'_>, prefix: &str, wanted: &str| {
            let program = cluster_cel::compile(of.text(), &variables);
            let program = program.map_err(|why| format!("{prefix}compilation failed: {why}"));
            program.and_then(|program| match program.result().to_string() == wanted {
                true => Ok(program),
                false if prefix.is_empty() => Err(format!("cel expression must evaluate to a {wanted}")),
                false => Err(format!("{prefix}must evaluate to a {wanted}")),
            })
        };
        let wrong = |of: &At<'_>, why: &str| internal::invalid(&of.path, "Rule", spec.value, why);
        let mut uses_old = false;
        match compile(&rule, "", "bool") {
            Err(why) => errors.push(wrong(&rule, &why)),
            Ok(program) => {
                uses_old = program.uses("oldSelf");
                let times = estimate.0.unwrap_or_else(|| cluster_cel::most_of(at.value));
                let cost = program.estimated_cost().saturating_mul(times);
                errors.extend(too_dear(&rule, "estimated rule cost", cost, STATIC_LIMIT));
                total.observe(rule.path.clone(), cost);
                match (!message.is_empty()).then(|| compile(&message, "messageExpression ", "string")) {
                    Some(Err(why)) => errors.push(wrong(&message, &why)),
                    Some(Ok(program)) => {
                        let cost = program.estimated_cost();
                        errors.extend(too_dear(&message, "estimated messageExpression cost", cost, STATIC_LIMIT));
                        total.observe(message.path.clone(), cost);
                    }
                    None => {}
                }
            }
        }
        if let Some(path) = uncorrelated.filter(|_| uses_old) {
            let why = format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {path}");
            errors.push(rule.invalid(&why));
        } else if !uses_old && spec.get("optionalOldSelf").is_set() {
            errors.push(spec.get("optionalOldSelf").invalid("may not be set if oldSelf is not used in rule"));
        }
    }
}

/// A name on the way of a `fieldPath`, and whether it is a key of a map.
type Step = (String, bool);

/// Follows a `fieldPath` (`.a.b`, `['c']`) through a schema: the way, and the schema it leads to.
pub(super) fn follow<'a>(props: &'a Value, path: &str, arrays: bool) -> Result<(Vec<Step>, &'a Value), String> {
    let (mut props, mut steps, mut rest) = (props, Vec::new(), path);
    let mut token = || {
        let quoted = rest.starts_with('\'');
        let mut before = ' ';
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let escaped = std::mem::replace(&mut before, *c) == '\\';
            if quoted { *c == '\'' && !escaped } else { matches!(c, '.' | '[' | ']') }
        });
        let end = end.map_or(rest.len(), |(end, _)| end + usize::from(quoted));
        let end = if rest.starts_with(['.', '[', ']']) { 1 } else { end };
        let (token, tail) = rest.split_at(end);
        rest = tail;
        (!token.is_empty()).then_some(token)
    };
    let ended = || "unexpected end of JSON path".to_owned();
    while let Some(sign) = token() {
        let name = match sign {
            "." => token().ok_or_else(ended)?.to_owned(),
            "[" if !arrays => return Err("array notation is not allowed".to_owned()),
            "[" => {
                let quoted = token().ok_or_else(ended)?;
                let name = quoted.strip_prefix('\'').and_then(|name| name.strip_suffix('\''));
                let name = name.ok_or_else(|| format!("expected single quoted string but got {quoted}"))?;
                name.replace("\\'", "'").replace("\\\\", "\\")
            }
            other => return Err(format!("expected [ or . but got: {other}")),
        };
        let (known, additional) = (&props["properties"], &props["additionalProperties"]);
        let keyed = is_empty(known);
        props = if keyed { Some(additional).filter(|props| props.is_object()) } else { known.get(&name) }
            .ok_or("does not refer to a valid field")?;
        steps.push((name, keyed));
        if sign == "[" {
            let close = token().ok_or_else(ended)?;
            if close != "]" {
                return Err(format!("expected ] but got {close}"));
            }
        }
    }
    Ok((steps, props))
}

/// The rules that an object breaks, and those that it broke before an update that leaves the part alone.
pub(super) fn evaluate(rules: &Rules, part: &Part<'_>) -> (Errors, Errors) {
    let mut run = Run { budget: Arc::default(), errors: Errors::new(), warnings: Errors::new() };
    // A budget that is used up has said so; nothing follows it.
    let _spent = run.node(rules, part).is_err();
    (run.errors, run.warnings)
}

struct Spent;

struct Run {
    budget: Arc<Budget>,
    errors: Errors,
    warnings: Errors,
}

impl Run {
    fn node(&mut self, rules: &Rules, part: &Part<'_>) -> Result<(), Spent> {
        if part.value.is_null() && part.props["nullable"] == true {
            return Ok(());
        }
        let unchanged = part.unchanged();
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
        if rule.transition() && old.is_none() && !rule.optional_old() {
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
                let steps = follow(part.props, text(&rule.spec["fieldPath"]), true)
                    .map_or_else(|_| Vec::new(), |found| found.0);
                let step = |path: Path, (name, keyed): &Step| if *keyed { path.key(name) } else { path.child(name) };
                let at = if steps.is_empty() { here } else { steps.iter().fold(part.keyed.clone(), step) };
                let scalar = Some(part.value).filter(|value| !value.is_object() && !value.is_array());
                let broken = worded(&at, scalar, &computed.unwrap_or(otherwise), text(&rule.spec["reason"]));
                // What an update leaves alone may stay invalid, but for rules about the change itself.
                let kept = unchanged && !rule.transition();
                if kept { &mut self.warnings } else { &mut self.errors }.push(broken);
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

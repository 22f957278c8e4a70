//! Compiled policies, kept by UID and generation.

use crate::kinds::walk::{items, text};
use cluster_cel::{Declarations, Object, Program, Type};
use cluster_object::meta;
use cluster_object::status::Status;
use cluster_store::Entry;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// How many policies are kept before the cache starts anew: more than any cluster has at once.
const KEPT: usize = 1024;

/// An expression, or what is wrong with it.
pub(super) type Expression = Result<Program, String>;

/// A policy with its expressions.
pub(super) struct Compiled {
    pub(super) name: String,
    pub(super) spec: Value,
    pub(super) variables: Vec<(String, Expression)>,
    pub(super) conditions: Vec<Expression>,
    /// Expression and message expression.
    pub(super) validations: Vec<(Expression, Option<Expression>)>,
    pub(super) annotations: Vec<Expression>,
    pub(super) mutations: Vec<Expression>,
}

/// The variables that policies have, with `variables` as `composed` says. Types are not known before a request: they
/// are checked apart.
pub(super) fn environment(
    kind: &Type,
    params: &Type,
    composed: BTreeMap<String, Type>,
    mutating: bool,
) -> Declarations {
    let mut known: Declarations = ["request", "namespaceObject"].map(|name| (name, Type::Dyn)).to_vec();
    known.extend([("object", kind.clone()), ("oldObject", kind.clone()), ("params", params.clone())]);
    let fields = Object { name: "kubernetes.variables".to_owned(), fields: composed };
    known.push(("variables", Type::Object(Arc::new(fields))));
    if mutating {
        known.extend(["Object", "JSONPatch"].map(|name| (name, Type::Dyn)));
    }
    known
}

impl Compiled {
    /// Compiles all of a policy for objects of this type.
    pub(super) fn new(policy: &Value, kind: &Type, params: &Type) -> Self {
        let spec = policy["spec"].clone();
        let mutating = meta::kind(policy).starts_with("Mutating");
        let mut composed = BTreeMap::new();
        let mut variables = Vec::new();
        for variable in items(&spec["variables"]) {
            let known = environment(kind, params, composed.clone(), mutating);
            let program = cluster_cel::compile(text(&variable["expression"]), &known);
            let result = program.as_ref().map_or(Type::Dyn, |program| program.result().clone());
            composed.insert(text(&variable["name"]).to_owned(), result);
            variables.push((text(&variable["name"]).to_owned(), program));
        }
        let known = environment(kind, params, composed, mutating);
        let compile = |expression: &Value| cluster_cel::compile(text(expression), &known);
        let each = |list: &str, field: &str| items(&spec[list]).iter().map(|one| compile(&one[field])).collect();
        let mutation = |one: &Value| {
            let body = if one["patchType"] == "JSONPatch" { &one["jsonPatch"] } else { &one["applyConfiguration"] };
            compile(&body["expression"])
        };
        let validation = |one: &Value| {
            let message = &one["messageExpression"];
            (compile(&one["expression"]), (!text(message).is_empty()).then(|| compile(message)))
        };
        Self {
            name: meta::name(policy).to_owned(),
            conditions: each("matchConditions", "expression"),
            validations: items(&spec["validations"]).iter().map(validation).collect(),
            annotations: each("auditAnnotations", "valueExpression"),
            mutations: items(&spec["mutations"]).iter().map(mutation).collect(),
            variables,
            spec,
        }
    }
}

/// The compiled policies of a server.
#[derive(Default)]
pub(crate) struct Cache(Mutex<HashMap<(String, i64), Arc<Compiled>>>);

impl Cache {
    /// The policy of an entry, compiled by the first who asks.
    pub(super) fn get(&self, entry: &Entry) -> Result<Arc<Compiled>, Status> {
        let policy: Value = serde_json::from_slice(&entry.bytes).map_err(Status::internal)?;
        let key = (meta::uid(&policy).to_owned(), meta::generation(&policy));
        if let Some(found) = self.0.lock().get(&key) {
            return Ok(Arc::clone(found));
        }
        let compiled = Arc::new(Compiled::new(&policy, &Type::Dyn, &Type::Dyn));
        let mut kept = self.0.lock();
        kept.retain(|(uid, _), _| *uid != key.0);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&compiled));
        Ok(compiled)
    }
}

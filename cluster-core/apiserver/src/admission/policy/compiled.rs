//! Compiled policies and match conditions of webhooks, kept by revision.

use crate::kinds::prelude::*;
use cluster_cel::{AUTHORIZER_VARIABLES, Declarations, Object, Program, Type};

/// How many objects are kept before the cache starts anew: more than any cluster has at once.
const KEPT: usize = 1024;

/// An expression, or what is wrong with it.
pub(super) type Expression = Result<Program, String>;

/// A policy with its expressions, or a webhook with its match conditions.
#[derive(Default)]
pub(in crate::admission) struct Compiled {
    pub(super) name: String,
    pub(in crate::admission) spec: Value,
    pub(super) variables: Vec<(String, Expression)>,
    pub(super) conditions: Vec<Expression>,
    /// Expression and message expression.
    pub(super) validations: Vec<(Expression, Option<Expression>)>,
    pub(super) annotations: Vec<Expression>,
    pub(super) mutations: Vec<Expression>,
}

/// The variables that every expression has. Types are not known before a request: they are checked apart.
fn common(kind: &Type) -> Declarations {
    let mut known: Declarations = ["request", "namespaceObject"].map(|name| (name, Type::Dyn)).to_vec();
    known.extend(["object", "oldObject"].map(|name| (name, kind.clone())));
    known.extend(AUTHORIZER_VARIABLES);
    known
}

/// These variables and `variables` as `composed` says.
fn with_composed(mut known: Declarations, composed: &BTreeMap<String, Type>) -> Declarations {
    let fields = Object { name: "kubernetes.variables".to_owned(), fields: composed.clone() };
    known.push(("variables", Type::Object(Arc::new(fields))));
    known
}

fn each(spec: &Value, list: &str, field: &str, known: &Declarations) -> Vec<Expression> {
    items(&spec[list]).iter().map(|one| cluster_cel::compile(text(&one[field]), known)).collect()
}

impl Compiled {
    /// Compiles all of a policy for objects of this type.
    pub(super) fn new(policy: &Value, kind: &Type, params: &Type) -> Self {
        let spec = policy["spec"].clone();
        let mut known = common(kind);
        if !spec["paramKind"].is_null() {
            known.push(("params", params.clone()));
        }
        if meta::kind(policy).starts_with("Mutating") {
            known.extend(["Object", "JSONPatch"].map(|name| (name, Type::Dyn)));
        }
        let mut composed = BTreeMap::new();
        let mut variables = Vec::new();
        for variable in items(&spec["variables"]) {
            let known = with_composed(known.clone(), &composed);
            let program = cluster_cel::compile(text(&variable["expression"]), &known);
            let result = program.as_ref().map_or(Type::Dyn, |program| program.result().clone());
            composed.insert(text(&variable["name"]).to_owned(), result);
            variables.push((text(&variable["name"]).to_owned(), program));
        }
        let known = with_composed(known, &composed);
        let compile = |expression: &Value| cluster_cel::compile(text(expression), &known);
        // A message may say nothing of what somebody is allowed.
        let mut of_messages = known.clone();
        of_messages.retain(|(name, _)| !name.starts_with("authorizer"));
        let mutation = |one: &Value| {
            let body = if one["patchType"] == "JSONPatch" { &one["jsonPatch"] } else { &one["applyConfiguration"] };
            compile(&body["expression"])
        };
        let validation = |one: &Value| {
            let message = text(&one["messageExpression"]);
            let message = (!message.is_empty()).then(|| cluster_cel::compile(message, &of_messages));
            (compile(&one["expression"]), message)
        };
        Self {
            name: meta::name(policy).to_owned(),
            conditions: each(&spec, "matchConditions", "expression", &known),
            validations: items(&spec["validations"]).iter().map(validation).collect(),
            annotations: each(&spec, "auditAnnotations", "valueExpression", &known),
            mutations: items(&spec["mutations"]).iter().map(mutation).collect(),
            variables,
            spec,
        }
    }

    /// Compiles the match conditions of a webhook.
    pub(super) fn webhook(hook: &Value) -> Self {
        let conditions = each(hook, "matchConditions", "expression", &common(&Type::Dyn));
        Self { name: text(&hook["name"]).to_owned(), conditions, spec: hook.clone(), ..Self::default() }
    }
}

/// What an object holds in compiled form: one policy, or any number of webhooks.
type Parts = Arc<[Arc<Compiled>]>;

/// The compiled policies and webhooks of a server.
#[derive(Default)]
pub(crate) struct Cache(Mutex<HashMap<Key, (Revision, Parts)>>);

impl Cache {
    /// What an entry holds, compiled by the first who asks.
    pub(in crate::admission) fn get(&self, entry: &Entry) -> Result<Parts, Status> {
        if let Some((revision, parts)) = self.0.lock().get(&entry.key)
            && *revision == entry.revision
        {
            return Ok(Arc::clone(parts));
        }
        let object: Value = serde_json::from_slice(&entry.bytes).map_err(Status::internal)?;
        let parts: Parts = if meta::kind(&object).ends_with("Configuration") {
            items(&object["webhooks"]).iter().map(|hook| Arc::new(Compiled::webhook(hook))).collect()
        } else {
            [Arc::new(Compiled::new(&object, &Type::Dyn, &Type::Dyn))].into()
        };
        let mut kept = self.0.lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(entry.key.clone(), (entry.revision, Arc::clone(&parts)));
        Ok(parts)
    }
}

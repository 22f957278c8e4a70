//! The variable `authorizer`: what somebody may do, asked from within an expression.
//!
//! Facts: <https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library>.

use crate::prelude::*;
use std::fmt;

use crate::macros::REQUEST_RESOURCE;

/// The variables that expressions about requests have: `authorizer` itself and the check of what is requested.
pub const AUTHORIZER_VARIABLES: [(&str, Type); 2] = [
    ("authorizer", Type::Opaque("authorization.Authorizer")),
    (REQUEST_RESOURCE, Type::Opaque("authorization.ResourceCheck")),
];

/// What is asked: a path, or else a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    /// Namespace and name of the service account that is asked about; nobody is who makes the request.
    pub service_account: Option<(String, String)>,
    /// A path that is no resource's.
    pub path: Option<String>,
    /// API group.
    pub group: String,
    /// Plural name.
    pub resource: String,
    /// Empty for the resource itself.
    pub subresource: String,
    /// Empty for all of them, or for what is in none.
    pub namespace: String,
    /// Empty for all objects.
    pub name: String,
    /// The verb, of the API or of HTTP.
    pub verb: String,
    /// What a list or watch is limited to; empty for no limit.
    pub fields: String,
    /// As [`Self::fields`], by labels.
    pub labels: String,
}

/// Who decides: whether it is allowed, and the reason, which may be empty.
pub trait Authorizer: Send + Sync {
    /// Decides.
    fn decide(&self, check: &Check) -> (bool, String);
}

/// A question on its way: `authorizer` itself, and what its functions give.
#[derive(Clone)]
struct Question {
    authorizer: Arc<dyn Authorizer>,
    check: Check,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.check.fmt(f)
    }
}

impl PartialEq for Question {
    fn eq(&self, other: &Self) -> bool {
        self.check == other.check
    }
}

impl Eq for Question {}

impl Opaque for Question {
    fn runtime_type_name(&self) -> &'static str {
        "kubernetes.authorization.Authorizer"
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Decision {
    allowed: bool,
    reason: String,
}

impl Opaque for Decision {
    fn runtime_type_name(&self) -> &'static str {
        "kubernetes.authorization.Decision"
    }
}

/// The value of `authorizer`, or with `check` that of `authorizer.requestResource`.
pub fn authorizer(authorizer: Arc<dyn Authorizer>, check: Check) -> Value {
    Value::Opaque(Arc::new(Question { authorizer, check }))
}

fn of<T: 'static>(value: &Value) -> Result<&T, ExecutionError> {
    let Value::Opaque(inner) = value else { return Err(ExecutionError::NoSuchOverload) };
    inner.downcast_ref().ok_or(ExecutionError::NoSuchOverload)
}

/// Adds a function that narrows the question by one word.
fn narrows(context: &mut Context<'_>, name: &str, set: fn(&mut Check, String)) {
    context.add_function(name, move |This(this): This<Value>, word: Arc<String>| -> Result<Value, ExecutionError> {
        let mut question = of::<Question>(&this)?.clone();
        set(&mut question.check, word.to_string());
        Ok(Value::Opaque(Arc::new(question)))
    });
}

/// Adds a function that reads a decision.
fn reads(context: &mut Context<'_>, name: &str, read: fn(&Decision) -> Value) {
    context
        .add_function(name, move |This(this): This<Value>| -> Result<Value, ExecutionError> { Ok(read(of(&this)?)) });
}

fn text(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}

/// Adds the functions of the library.
pub(crate) fn register(context: &mut Context<'_>) {
    narrows(context, "path", |check, path| check.path = Some(path));
    narrows(context, "group", |check, group| check.group = group);
    narrows(context, "resource", |check, resource| check.resource = resource);
    narrows(context, "subresource", |check, subresource| check.subresource = subresource);
    narrows(context, "namespace", |check, namespace| check.namespace = namespace);
    narrows(context, "name", |check, name| check.name = name);
    narrows(context, "fieldSelector", |check, fields| check.fields = fields);
    narrows(context, "labelSelector", |check, labels| check.labels = labels);
    context.add_function(
        "serviceAccount",
        |This(this): This<Value>, namespace: Arc<String>, name: Arc<String>| -> Result<Value, ExecutionError> {
            let mut question = of::<Question>(&this)?.clone();
            question.check.service_account = Some((namespace.to_string(), name.to_string()));
            Ok(Value::Opaque(Arc::new(question)))
        },
    );
    context.add_function("check", |This(this): This<Value>, verb: Arc<String>| -> Result<Value, ExecutionError> {
        let question = of::<Question>(&this)?;
        let check = Check { verb: verb.to_string(), ..question.check.clone() };
        let (allowed, reason) = question.authorizer.decide(&check);
        Ok(Value::Opaque(Arc::new(Decision { allowed, reason })))
    });
    reads(context, "allowed", |decision| Value::Bool(decision.allowed));
    reads(context, "reason", |decision| text(&decision.reason));
    // An authorizer that cannot decide does not allow.
    reads(context, "errored", |_| Value::Bool(false));
    reads(context, "error", |_| text(""));
}

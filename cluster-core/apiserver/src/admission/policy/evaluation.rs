//! One evaluation of a policy: its variables, bound when they are first needed, and its match conditions.

use super::authorizer;
use super::compiled::{Compiled, Expression};
use crate::admission::webhook::question;
use crate::prelude::*;
use cluster_cel::{Activation, Budget, Failure, Program, Value as CelValue, dynamic};

/// A policy, or a webhook with its conditions, at work on a request.
pub(in crate::admission) struct Evaluation<'a> {
    policy: &'a Compiled,
    activation: Activation,
    /// What the composed variables are, as far as somebody asked.
    composed: Vec<(String, CelValue)>,
    unknown: authorizer::Unknown,
}

/// How often an evaluation is tried at most: each time it may ask the authorization webhook something new.
const TRIES: usize = 8;

/// What `work` makes of an evaluation that knows all it asks about rights.
pub(in crate::admission) async fn settled<'a, T>(
    server: &ApiServer,
    make: impl Fn() -> Evaluation<'a>,
    work: impl Fn(&mut Evaluation<'a>) -> T,
) -> T {
    let mut tries = 0;
    loop {
        let (result, unknown) = {
            let mut run = make();
            (work(&mut run), std::mem::take(&mut *run.unknown.lock()))
        };
        tries += 1;
        if unknown.is_empty() || tries == TRIES {
            return result;
        }
        for (user, asked) in unknown {
            server.authorizer.decide(&user, &asked).await;
        }
    }
}

impl<'a> Evaluation<'a> {
    /// Binds object, old object and request, as the resource that the policy names, and the parameters.
    pub(in crate::admission) fn new(
        server: &ApiServer,
        request: &AdmissionRequest<'_>,
        policy: &'a Compiled,
        matched: &Resource,
        (object, old): (&Value, &Value),
        params: &Value,
        budget: &Arc<Budget>,
    ) -> Self {
        let mut activation = Activation::new(budget);
        activation.bind("object", dynamic(object));
        activation.bind("oldObject", dynamic(old));
        activation.bind("params", dynamic(params));
        let asked = question("", request, matched, &Value::Null, &Value::Null)["request"].take();
        activation.bind("request", dynamic(&asked));
        let unknown = authorizer::bind(&mut activation, server, request);
        let namespaced = !request.namespace.is_empty() && request.resource.storage != "namespaces";
        let namespace = namespaced.then(|| server.find("namespaces", "", request.namespace)).flatten();
        activation.bind("namespaceObject", dynamic(&namespace.unwrap_or_default()));
        Self { policy, activation, composed: Vec::new(), unknown }
    }

    /// The value of an expression of the policy; an error is in upstream's words.
    pub(super) fn value(&mut self, expression: &Expression) -> Result<CelValue, String> {
        let program = expression.as_ref().map_err(|why| format!("compilation error: compilation failed: {why}"))?;
        let said = |why| format!("expression '{}' resulted in error: {why}", program.source());
        self.plain(program).map_err(said)
    }

    /// As [`Self::value`], with nothing but the fault itself as error.
    fn plain(&mut self, program: &Program) -> Result<CelValue, String> {
        let policy = self.policy;
        for (name, variable) in &policy.variables {
            let known = self.composed.iter().any(|(known, _)| known == name);
            if program.uses(&format!("variables.{name}")) && !known {
                let variable = variable.as_ref().map_err(|why| format!("compilation failed: {why}"));
                let value = variable.and_then(|variable| self.plain(variable));
                let value = value.map_err(|why| format!("composited variable {name:?} fails to evaluate: {why}"))?;
                self.composed.push((name.clone(), value));
                self.activation.bind("variables", cluster_cel::object(self.composed.clone()));
            }
        }
        self.activation.evaluate(program).map_err(|failure| match failure {
            Failure::Error(why) => why,
            Failure::CallCost => "operation cancelled: actual cost limit exceeded".to_owned(),
            Failure::Budget => {
                "validation failed due to running out of cost budget, no further validation rules will be run"
                    .to_owned()
            }
        })
    }

    /// Whether all match conditions hold. A condition that is false decides, whatever others failed.
    pub(in crate::admission) fn concerned(&mut self) -> Result<bool, String> {
        let policy = self.policy;
        let mut fault = None;
        for (index, condition) in policy.conditions.iter().enumerate() {
            match self.value(condition) {
                Ok(CelValue::Bool(true)) => {}
                Ok(CelValue::Bool(false)) => return Ok(false),
                Ok(_) => fault = Some(format!("match condition {index} did not evaluate to a bool")),
                Err(why) => fault = Some(why),
            }
        }
        fault.map_or(Ok(true), Err)
    }
}

//! Admission by webhooks: mutating ones one after the other before validation, validating ones side by side after it.
//!
//! Facts: <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>.

mod review;

pub(super) use review::question;

use super::matching;
use super::policy::{Compiled, Evaluation, settled};
use crate::kinds::prelude::*;
use cluster_cel::Budget;
use cluster_object::apply::managed_fields_fault;
use review::Answer;

const MUTATING: &str = "admissionregistration.k8s.io/mutatingwebhookconfigurations";
const VALIDATING: &str = "admissionregistration.k8s.io/validatingwebhookconfigurations";
const DEFAULT_TIMEOUT: u64 = 10;

/// One entry of a configuration.
struct Hook {
    configuration: String,
    compiled: Arc<Compiled>,
    mutating: bool,
}

impl Hook {
    fn spec(&self) -> &Value {
        &self.compiled.spec
    }

    fn name(&self) -> &str {
        text(&self.spec()["name"])
    }

    fn fails_open(&self) -> bool {
        self.spec()["failurePolicy"] == "Ignore"
    }

    /// Under which resource the request is this webhook's business, and both objects as that; `None` when it is not.
    async fn matches(&self, call: &Call<'_>, request: &AdmissionRequest<'_>) -> Result<Option<Matched>, Status> {
        let (server, spec) = (call.server, self.spec());
        let found = matching::resource(&spec["rules"], &spec["matchPolicy"], request, &server.registry);
        let Some(resource) = found else { return Ok(None) };
        if !matching::selected(spec, request, server)? {
            return Ok(None);
        }
        let (object, old) = versions(call, request, &resource).await?;
        let (budget, objects) = (Arc::new(Budget::default()), (&object, &old));
        let mut concerned = Ok(true);
        if !items(&spec["matchConditions"]).is_empty() {
            let make = || Evaluation::new(server, request, &self.compiled, &resource, objects, &Value::Null, &budget);
            concerned = settled(server, make, Evaluation::concerned).await;
        }
        let concerned = match concerned {
            Ok(concerned) => concerned,
            Err(_) if self.fails_open() => false,
            Err(why) => return Err(request.forbidden(&why)),
        };
        Ok(concerned.then_some(Matched { resource, object, old }))
    }
}

/// A request as a webhook sees it.
struct Matched {
    resource: Arc<Resource>,
    object: Value,
    old: Value,
}

/// All webhooks in the order of their configurations' names. Until the server is ready it writes only what every
/// cluster has, and no webhook can be asked.
fn hooks(server: &ApiServer, storage: &str) -> Result<Vec<Hook>, Status> {
    let snapshot = server.store.snapshot(storage);
    let mut hooks = Vec::new();
    if !server.is_ready() {
        return Ok(hooks);
    }
    for entry in snapshot.range(None, None) {
        hooks.extend(server.policies.get(&entry)?.iter().map(|compiled| Hook {
            configuration: entry.key.name.to_string(),
            compiled: Arc::clone(compiled),
            mutating: storage == MUTATING,
        }));
    }
    Ok(hooks)
}

/// Lets the mutating webhooks change the object. When one did, the plugins see the object again, and so do, once, the
/// webhooks before it that ask for that.
pub(super) async fn mutate(call: &Call<'_>, request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
    let hooks = hooks(call.server, MUTATING)?;
    if hooks.is_empty() {
        return Ok(());
    }
    let owned = meta::get(request.object, "metadata.managedFields").clone();
    ask_all(&hooks, call, request).await?;
    if let Some(fault) = managed_fields_fault(meta::get(request.object, "metadata.managedFields")) {
        meta::set(request.object, "metadata.managedFields", owned);
        request.notes.warn(&format!(
            ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated \
             mutating admission controller; please fix your requests: {fault}"
        ));
    }
    Ok(())
}

async fn ask_all(hooks: &[Hook], call: &Call<'_>, request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
    let mut due: BTreeSet<usize> = (0..hooks.len()).collect();
    let (mut called, mut again) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..2 {
        let mut changed = false;
        for index in due {
            let hook = &hooks[index];
            let Some(matched) = hook.matches(call, request).await? else { continue };
            if change(call, hook, request, matched, (round, index)).await? {
                changed = true;
                again.extend(called.iter().copied());
            }
            if hook.spec()["reinvocationPolicy"] == "IfNeeded" {
                called.insert(index);
            }
        }
        if !changed {
            break;
        }
        let before = request.object.clone();
        super::admit(request, call.server, &call.server.config.admission)?;
        if *request.object != before {
            again.extend(called.iter().copied());
        }
        due = std::mem::take(&mut again);
    }
    Ok(())
}

/// Asks the validating webhooks, all at once. The first refusal in their order counts.
pub(super) async fn validate(call: &Call<'_>, request: &AdmissionRequest<'_>) -> Result<(), Status> {
    let hooks = hooks(call.server, VALIDATING)?;
    let mut matching = Vec::new();
    for (index, hook) in hooks.iter().enumerate() {
        if let Some(matched) = hook.matches(call, request).await? {
            matching.push((index, hook, matched));
        }
    }
    let asked = matching.iter().map(|(index, hook, matched)| ask(call, hook, request, matched, (0, *index)));
    let answers: Vec<_> = futures::future::join_all(asked).await;
    answers.into_iter().try_for_each(|answer| answer.map(drop))
}

/// Lets one webhook change the object. Returns whether it did.
async fn change(
    call: &Call<'_>,
    hook: &Hook,
    request: &mut AdmissionRequest<'_>,
    matched: Matched,
    place: (usize, usize),
) -> Result<bool, Status> {
    let answer = ask(call, hook, request, &matched, place).await?;
    let Matched { resource: matched, mut object, .. } = matched;
    let Some(Answer { patch, .. }) = answer else { return Ok(false) };
    if !items(&patch).is_empty() {
        if request.operation == Operation::Delete {
            return Err(Status::internal(format!(
                "admission webhook {:?} attempted to modify the object, which is not supported for this operation",
                hook.name()
            )));
        }
        json_patch(&mut object, &patch).map_err(|status| Status::internal(status.message))?;
        if converts(request, &matched) {
            object = verbs::converted(call.server, object, &matched, &call.resource).await?;
        }
        if own_kind(request) {
            verbs::complete(&call.resource, &mut object)?;
        }
    }
    // Without a patch it may still be in another version.
    let changed = !items(&patch).is_empty() && object != *request.object;
    let ((round, index), name) = (place, hook.name());
    let mut note = json!({"configuration": hook.configuration, "webhook": name, "mutated": changed});
    call.notes.annotate(format!("mutation.webhook.admission.k8s.io/round_{round}_index_{index}"), note.to_string());
    if changed {
        note = json!({"configuration": hook.configuration, "webhook": name, "patch": patch, "patchType": "JSONPatch"});
        call.notes.annotate(format!("patch.webhook.admission.k8s.io/round_{round}_index_{index}"), note.to_string());
        *request.object = object;
    }
    Ok(changed)
}

/// Whether the request carries an object of the resource's own kind.
fn own_kind(request: &AdmissionRequest<'_>) -> bool {
    request.subresource.is_empty()
        || request.resource.subresource(request.subresource).is_some_and(|sub| sub.kind == request.resource.kind)
}

fn converts(request: &AdmissionRequest<'_>, matched: &Resource) -> bool {
    let own = request.resource;
    own_kind(request) && (&own.group, &own.version) != (&matched.group, &matched.version)
}

/// Object and old object in the version that the webhook knows.
pub(super) async fn versions(
    call: &Call<'_>,
    request: &AdmissionRequest<'_>,
    matched: &Resource,
) -> Result<(Value, Value), Status> {
    let mut both = [request.object.clone(), request.old.cloned().unwrap_or_default()];
    for value in both.iter_mut().filter(|value| value.is_object() && converts(request, matched)) {
        *value = verbs::converted(call.server, value.take(), &call.resource, matched).await?;
    }
    let [object, old] = both;
    Ok((object, old))
}

/// Asks one webhook; `None` when that fails and its policy is to ignore failures. Err is its refusal.
async fn ask(
    call: &Call<'_>,
    hook: &Hook,
    request: &AdmissionRequest<'_>,
    matched: &Matched,
    (round, index): (usize, usize),
) -> Result<Option<Answer>, Status> {
    let uid = uuid::Uuid::new_v4().to_string();
    let mut question = review::question(&uid, request, &matched.resource, &matched.object, &matched.old);
    let version = texts(&hook.spec()["admissionReviewVersions"]).find(|version| matches!(*version, "v1" | "v1beta1"));
    question["apiVersion"] = format!("admission.k8s.io/{}", version.unwrap_or("v1")).into();
    let seconds = u64::try_from(int(&hook.spec()["timeoutSeconds"])).ok().filter(|s| *s > 0).unwrap_or(DEFAULT_TIMEOUT);
    let config = &hook.spec()["clientConfig"];
    let known = backend::user(&call.server.config.admission.webhook_users, config).map(|user| {
        let mut config = config.clone();
        config["user"] = user.clone();
        config
    });
    let (config, timeout) = (known.as_ref().unwrap_or(config), Duration::from_secs(seconds));
    let answer = match backend::ask(call.server, config, Some(&question), timeout).await {
        Ok(review) => review::answer(&review, &question, hook.mutating)
            .map_err(|why| format!("received invalid webhook response: {why}")),
        Err(why) => Err(format!("failed to call webhook: {why}")),
    };
    let name = hook.name();
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) if hook.fails_open() => {
            tracing::warn!(webhook = name, why, "failed calling webhook, failing open");
            let kind = if hook.mutating { "mutating" } else { "validating" };
            let key = format!("failed-open.{kind}.webhook.admission.k8s.io/round_{round}_index_{index}");
            call.notes.annotate(key, name.to_owned());
            return Ok(None);
        }
        Err(why) => return Err(Status::internal(format!("failed calling webhook {name:?}: {why}"))),
    };
    answer.warnings.iter().for_each(|warning| call.notes.warn(warning));
    for (key, value) in &answer.annotations {
        call.notes.annotate(format!("{name}/{key}"), value.clone());
    }
    if answer.allowed { Ok(Some(answer)) } else { Err(review::denied(name, &answer.status)) }
}

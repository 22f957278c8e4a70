//! Admission: what a write may still change in an object, and what forbids it, beyond the rules of its kind.

mod certificates;
mod lifecycle;
mod limits;
mod matching;
mod node_restriction;
mod notes;
mod pod_security;
mod pods;
pub(crate) mod policy;
pub(crate) mod quota;
mod service_account;
mod storage;
#[cfg(test)]
mod tests;
mod webhook;

pub use notes::Notes;

use crate::kinds::prelude::*;
use crate::request::Query;

/// What is done to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A new object, or the use of a subresource with a body (binding, eviction, token).
    Create,
    /// A change.
    Update,
    /// A delete; the object is the one that goes.
    Delete,
    /// exec, attach, port-forward, proxy.
    Connect,
}

/// One write on its way in.
pub struct AdmissionRequest<'a> {
    /// Who asks.
    pub user: &'a UserInfo,
    /// What for.
    pub operation: Operation,
    /// Of which resource.
    pub resource: &'a Resource,
    /// Of which subresource; empty for the object itself.
    pub subresource: &'a str,
    /// In which namespace; empty for cluster-wide ones.
    pub namespace: &'a str,
    /// The object's name; may be empty on create with generateName.
    pub name: &'a str,
    /// The new object; null on delete, the options on connect.
    pub object: &'a mut Value,
    /// What is stored now.
    pub old: Option<&'a Value>,
    /// The request's options; with `dryRun` nothing will be stored.
    pub query: &'a Query,
    /// Takes what there is to say about the request.
    pub notes: &'a Notes,
}

/// Read access to stored objects.
pub trait Lookup: Sync {
    /// One object by its storage (`pods`, `apps/deployments`), namespace and name.
    fn find(&self, storage: &str, namespace: &str, name: &str) -> Option<Arc<Value>>;
    /// All objects of a storage, in one namespace or in all.
    fn list(&self, storage: &str, namespace: Option<&str>) -> Vec<Arc<Value>>;
}

/// What may be set on the plugins.
#[derive(Debug, Clone)]
pub struct Options {
    /// Seconds a pod without tolerations of its own stays on a node that is not ready or unreachable.
    pub default_toleration_seconds: i64,
    /// Whether claims and volumes get the finalizers that keep them while they are used; wants the controllers that
    /// take them away again.
    pub storage_protection: bool,
    /// `--disable-admission-plugins`: by their names.
    pub disabled: Vec<String>,
    /// How the server identifies itself to webhooks: names of their servers, which may begin with `*.`, and users of a
    /// kubeconfig.
    pub webhook_users: Vec<(String, Value)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            default_toleration_seconds: 300,
            storage_protection: false,
            disabled: Vec::new(),
            webhook_users: Vec::new(),
        }
    }
}

impl Options {
    /// Whether a plugin takes part.
    pub(crate) fn runs(&self, plugin: &str) -> bool {
        !self.disabled.iter().any(|name| name == plugin)
    }
}

/// The whole of mutating admission: the plugins, the policies, then the webhooks. The plugins see again what a policy
/// changed.
pub(crate) async fn mutate(call: &Call<'_>, request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
    let options = &call.server.config.admission;
    if options.runs("ServiceAccount") {
        service_account::wait(call.server, request).await;
    }
    admit(request, call.server, options)?;
    if options.runs("MutatingAdmissionPolicy") && policy::mutate(call, request).await? {
        admit(request, call.server, options)?;
    }
    if options.runs("MutatingAdmissionWebhook") { webhook::mutate(call, request).await } else { Ok(()) }
}

/// Validating admission but for quotas, which are charged right before the write: the plugins, the policies, the webhooks.
pub(crate) async fn check(call: &Call<'_>, request: &AdmissionRequest<'_>) -> Result<(), Status> {
    let options = &call.server.config.admission;
    validate(request, call.server, options)?;
    certificates::check(call, request).await?;
    warn(request);
    if options.runs("ValidatingAdmissionPolicy") {
        policy::validate(call, request).await?;
    }
    if options.runs("ValidatingAdmissionWebhook") { webhook::validate(call, request).await } else { Ok(()) }
}

/// Runs the mutating plugins: completes `request.object` or refuses it. Runs before validation.
pub fn admit(request: &mut AdmissionRequest<'_>, lookup: &dyn Lookup, options: &Options) -> Result<(), Status> {
    let runs = |plugin| options.runs(plugin);
    if runs("NamespaceLifecycle") {
        lifecycle::check(request, lookup)?;
    }
    if runs("NodeRestriction") {
        node_restriction::check(request, lookup)?;
    }
    if request.operation == Operation::Create && request.subresource.is_empty() {
        match request.resource.storage.as_str() {
            "pods" => new_pod(request, lookup, options)?,
            "nodes" if runs("TaintNodesByCondition") => pods::taint_new_node(request.object),
            "persistentvolumeclaims" | "persistentvolumes"
                if options.storage_protection && runs("StorageObjectInUseProtection") =>
            {
                storage::protect(request.object, &request.resource.storage);
            }
            "certificates.k8s.io/certificatesigningrequests" => requestor(request),
            _ => {}
        }
        storage::default_class(request, lookup, options);
    }
    if request.operation == Operation::Create && runs("PodTopologyLabels") {
        pods::topology(request, lookup);
    }
    let pod = request.resource.storage == "pods" && request.subresource.is_empty();
    if let (true, Some(old)) = (pod && runs("Priority"), request.old) {
        pods::keep_priority(request.object, old);
    }
    if pod && request.operation != Operation::Delete && runs("DefaultTolerationSeconds") {
        pods::default_tolerations(request.object, options.default_toleration_seconds);
    }
    Ok(())
}

fn new_pod(request: &mut AdmissionRequest<'_>, lookup: &dyn Lookup, options: &Options) -> Result<(), Status> {
    if options.runs("LimitRanger") {
        limits::complete(request, lookup);
    }
    if options.runs("ServiceAccount") {
        service_account::complete(request, lookup)?;
    }
    if options.runs("Priority") {
        pods::priority(request, lookup)?;
    }
    if options.runs("RuntimeClass") { pods::runtime_class(request, lookup) } else { Ok(()) }
}

/// Runs the validating plugins on the final object. Runs after the kind's own validation.
pub fn validate(request: &AdmissionRequest<'_>, lookup: &dyn Lookup, options: &Options) -> Result<(), Status> {
    type Plugin = fn(&AdmissionRequest<'_>, &dyn Lookup) -> Result<(), Status>;
    const PLUGINS: [(&str, Plugin); 6] = [
        ("LimitRanger", limits::check),
        ("Priority", pods::one_default_priority),
        ("PersistentVolumeClaimResize", storage::resize),
        ("PodResizeValidator", pods::resize),
        ("CertificateSubjectRestriction", certificates::subject),
        ("PodSecurity", pod_security::check),
    ];
    let mut plugins = PLUGINS.into_iter().filter(|(name, _)| options.runs(name));
    plugins.try_for_each(|(_, check)| check(request, lookup))
}

/// Tells of what the kind warns of in what somebody wrote; nobody reads what the cluster's own controllers are told, and
/// what they write is most. Pods and ingresses are judged when they are made alone.
fn warn(request: &AdmissionRequest<'_>) {
    let (resource, strategy) = (request.resource, &request.resource.strategy);
    let once = matches!(resource.storage.as_str(), "pods" | "networking.k8s.io/ingresses");
    let same = |old: &Value| strategy.has_generation && meta::generation(old) == meta::generation(request.object);
    let ours = request.user.name == "system:kube-controller-manager";
    if ours || !request.subresource.is_empty() || request.object.is_null() {
        return;
    }
    let mut warnings = Vec::new();
    if resource.storage == crate::custom::STORAGE {
        warnings = crate::custom::warnings(request.object, request.old);
    }
    if request.old.is_none_or(|old| !once && !same(old)) {
        warnings.extend(strategy.warnings(request.object));
    }
    for warning in &warnings {
        request.notes.warn(warning);
    }
}

impl Operation {
    /// As rules and reviews name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

impl<'a> AdmissionRequest<'a> {
    /// What a call does to an object that is not there yet, or that has no earlier state.
    pub(crate) fn new(call: &'a Call<'_>, operation: Operation, name: &'a str, object: &'a mut Value) -> Self {
        let (user, resource, query, notes) = (&call.user, &*call.resource, &call.query, &*call.notes);
        let (subresource, namespace) = ("", call.info.namespace.as_str());
        Self { user, operation, resource, subresource, namespace, name, object, old: None, query, notes }
    }

    /// Of a subresource.
    pub(crate) fn of(self, subresource: &'a str) -> Self {
        Self { subresource, ..self }
    }

    /// Of an object that is stored.
    pub(crate) fn over(self, old: &'a Value) -> Self {
        Self { old: Some(old), ..self }
    }

    /// The options as `meta.k8s.io/v1` objects have them; null on connect.
    pub fn options(&self) -> Value {
        let (kind, mut options) = match self.operation {
            Operation::Connect => return Value::Null,
            Operation::Create => ("CreateOptions", json!({})),
            Operation::Update => ("UpdateOptions", json!({})),
            Operation::Delete => ("DeleteOptions", json!(self.query.delete)),
        };
        options["kind"] = kind.into();
        options["apiVersion"] = "meta.k8s.io/v1".into();
        if self.operation != Operation::Delete && self.query.manager_given {
            options["fieldManager"] = self.query.field_manager.as_str().into();
        }
        if self.query.dry_run {
            options["dryRun"] = json!(["All"]);
        }
        options
    }

    /// The refusal of this request.
    pub(crate) fn forbidden(&self, why: &str) -> Status {
        Status::forbidden(self.resource.group_resource(), self.name, why)
    }

    /// Whether an object of `storage` comes to be.
    fn creates(&self, storage: &str) -> bool {
        self.operation == Operation::Create && self.subresource.is_empty() && self.resource.storage == storage
    }
}

/// Puts an item into a list, which is made when it is missing, unless it is there.
fn include(object: &mut Value, list: &str, item: Value) {
    default(object, list, json!([]));
    if let Some(list) = object[list].as_array_mut().filter(|list| !list.contains(&item)) {
        list.push(item);
    }
}

/// Notes in a certificate request who made it.
fn requestor(request: &mut AdmissionRequest<'_>) {
    let user = request.user;
    if let Some(spec) = child(request.object, "spec") {
        spec["username"] = user.name.clone().into();
        spec["groups"] = user.groups.clone().into();
        for (field, value) in [("uid", json!(user.uid)), ("extra", json!(user.extra))] {
            drop(remove(spec, field));
            if !is_empty(&value) {
                spec[field] = value;
            }
        }
    }
}

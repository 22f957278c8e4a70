//! One served resource: names, verbs, columns and the rules of its kind.

use super::custom::Custom;
use crate::kinds::Cell;
use crate::kinds::prelude::*;
use crate::kinds::rules::{self, Rules};

/// A served resource of one group and version. Several versions of one kind share [`Resource::storage`].
#[derive(Debug, Clone)]
pub struct Resource {
    /// API group; empty for core.
    pub group: String,
    /// Version, for example `v1`.
    pub version: String,
    /// Kind, for example `Deployment`.
    pub kind: String,
    /// Plural name, for example `deployments`.
    pub plural: String,
    /// Singular name, for example `deployment`.
    pub singular: String,
    /// Short names, for example `deploy`.
    pub short_names: Vec<String>,
    /// Categories, for example `all`.
    pub categories: Vec<String>,
    /// Namespaced or cluster-wide.
    pub scope: Scope,
    /// What may be done with it.
    pub verbs: Verbs,
    /// Served below an object, for example `status`.
    pub subresources: Vec<Subresource>,
    /// Where the objects live in the store, for example `apps/deployments`.
    pub storage: String,
    /// What `kubectl get` shows.
    pub columns: Vec<Column>,
    /// What every answer warns of; empty for nothing.
    pub warning: String,
    /// The rules of the kind.
    pub strategy: Strategy,
    /// Set for a version that upstream removed.
    pub legacy: Option<Legacy>,
    /// What a CustomResourceDefinition says of it; `None` for built-in ones.
    pub custom: Option<Arc<Custom>>,
}

impl Resource {
    /// `group/version`, or the version alone for core.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Group and plural, as errors name the resource.
    pub fn group_resource(&self) -> GroupResource<'_> {
        GroupResource { group: &self.group, resource: &self.plural }
    }

    /// What is known of the fields of its objects.
    pub fn schema(&self) -> Option<&Schema> {
        match &self.custom {
            Some(custom) => Some(&custom.schema),
            None => {
                let (group, version) = self.modern();
                cluster_schema::builtin(group, version, &self.kind)
            }
        }
    }

    /// Group and version of the kind's description: its own ones unless they are removed.
    pub(crate) fn modern(&self) -> (&str, &str) {
        match &self.legacy {
            Some(legacy) => (&legacy.group, &legacy.version),
            None => (&self.group, &self.version),
        }
    }

    /// The subresource `name`, when it is served.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|s| s.name == name)
    }

    /// The faults of an object, of a change when `old` is what it was before; those of the strategy are left out.
    pub(crate) fn custom_faults(&self, object: &Value, old: Option<&Value>, notes: &Notes) -> Errors {
        self.custom.as_ref().map(|custom| custom.validation.check(object, old, notes)).unwrap_or_default()
    }

    /// Whether objects live in namespaces.
    pub fn namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }
}

/// A version that upstream removed, kept for old manifests.
#[derive(Debug, Clone)]
pub struct Legacy {
    /// The group of the stored version.
    pub group: String,
    /// The stored version.
    pub version: String,
    /// Gives an object of the removed version the shape of the stored one; idempotent.
    pub upgrade: fn(&mut Value),
    /// Gives a stored object the shape of the removed version.
    pub downgrade: fn(&mut Value),
}

/// Where objects of a resource live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// Beside the namespaces.
    Cluster,
}

/// Which generic verbs are served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Verbs {
    /// create, delete, deletecollection, get, list, patch, update, watch.
    #[default]
    All,
    /// The same of a custom resource, which discovery has in another order.
    Custom,
    /// All but deletecollection (namespaces).
    NoDeleteCollection,
    /// All, but discovery keeps silent about those on collections: removed versions.
    Unlisted,
    /// create only: reviews that are answered, not stored.
    CreateOnly,
    /// get and list only.
    ReadOnly,
}

/// A subresource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subresource {
    /// For example `status`, `scale`, `exec`.
    pub name: String,
    /// The kind it speaks, for example `Scale`.
    pub kind: String,
    /// That kind's group when it is not the resource's own.
    pub group: Option<String>,
    /// That kind's version when it is not the resource's own.
    pub version: Option<String>,
    /// Verbs as discovery lists them.
    pub verbs: Vec<String>,
}

impl Subresource {
    /// Whether a method with this verb is for it. What proxies take, OPTIONS has no verb for, and discovery is silent
    /// about.
    pub(crate) fn takes(&self, verb: &str, method: &http::Method) -> bool {
        self.verbs.iter().any(|known| known == verb) || (self.name == "proxy" && method == http::Method::OPTIONS)
    }
}

/// How a delete of the kind goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Deletion {
    /// At once, or when the last finalizer is gone.
    #[default]
    Immediate,
    /// In grace: the object stays with a deletionTimestamp until the kubelet deletes it with grace 0 (pods).
    Graceful,
    /// After its content: stays `Terminating` until `spec.finalizers` is empty (namespaces).
    Finalized,
}

/// A printer column of `kubectl get`.
#[derive(Debug, Clone)]
pub struct Column {
    /// Heading, for example `Ready`.
    pub name: String,
    /// `string`, `integer`, `date`, ...
    pub kind: String,
    /// OpenAPI format, for example `name`.
    pub format: String,
    /// 0 is always shown, 1 with `-o wide`.
    pub priority: i64,
    /// What it says.
    pub description: String,
    /// The cell: a JSON value computed from the object as it is stored (dates as `3d4h` ages relative to now).
    pub cell: Cell,
}

/// A field that selectors may name, JSON pointers to where its value is looked for, and what it is when nothing is there.
pub type SelectableField = (String, Vec<String>, String);

/// The rules of a kind. Values are complete objects, apiVersion and kind included, in the resource's own version.
#[derive(Debug, Clone)]
pub struct Strategy {
    /// The rules of single fields. They run before the functions below.
    pub(crate) fields: &'static Rules,
    /// The same for the status, which only writes of the status look at.
    pub(crate) status: &'static Rules,
    /// What is worth a warning though it is right.
    pub(crate) warnings: &'static Rules,
    /// Fills in what upstream's defaulting fills in. Runs on everything that comes in, and must be idempotent.
    pub defaults: fn(&mut Value),
    /// Sets what a create must set (generation is set and a status subresource dropped by the generic code).
    pub prepare_create: fn(&mut Value),
    /// Carries over from `old` what an update of the main resource may not change (status is restored by the generic
    /// code when the resource has a status subresource).
    pub prepare_update: fn(&mut Value, &Value),
    /// Carries over from `old` what an update of the status may not change.
    pub prepare_status: fn(&mut Value, &Value),
    /// Faults of a new object; generic metadata is checked by the generic code.
    pub(crate) validate: fn(&At<'_>, &mut Errors),
    /// Faults of a change, immutable fields for example; `validate` runs too.
    pub(crate) validate_update: fn(&At<'_>, &Value, &mut Errors),
    /// Faults of a status update.
    pub(crate) validate_status: fn(&At<'_>, &Value, &mut Errors),
    /// Fields a field selector may name beside metadata.name and metadata.namespace.
    pub selectable_fields: &'static [SelectableField],
    /// `metadata.name` must be this: a DNS subdomain, label, path segment, ... Returns the fault in words.
    pub validate_name: fn(&str) -> Result<(), String>,
    /// Whether a change of spec raises metadata.generation.
    pub has_generation: bool,
    /// The metadata a status update leaves as it was, in words.
    pub status_resets: &'static str,
    /// The status of a new object; null when `prepare_create` sets it.
    pub new_status: &'static Value,
    /// Whether a create may bring a status although that is a subresource.
    pub status_on_create: bool,
    /// Whether PUT creates what does not exist.
    pub create_on_update: bool,
    /// Whether PUT may come without resourceVersion.
    pub unconditional_update: bool,
    /// Whether a delete answers with the object even when it is gone, where others answer with a Status.
    pub returns_deleted: bool,
    /// How a delete goes.
    pub deletion: Deletion,
    /// How this version and the stored one become each other; `None` when this is the stored version.
    pub conversion: Option<Conversion>,
}

/// Both ways between a served version and the stored one; each sets `apiVersion` too.
#[derive(Debug, Clone, Copy)]
pub struct Conversion {
    /// Turns an object of the served version into the stored one; runs after `defaults`.
    pub to_storage: fn(&mut Value),
    /// Turns a stored object into the served version.
    pub from_storage: fn(&mut Value),
}

impl Strategy {
    /// No rules beyond the generic ones.
    pub const NONE: Self = Self {
        fields: &rules::NONE,
        status: &rules::NONE,
        warnings: &rules::NONE,
        defaults: |_| {},
        prepare_create: |_| {},
        prepare_update: |_, _| {},
        prepare_status: |_, _| {},
        validate: |_, _| {},
        validate_update: |_, _, _| {},
        validate_status: |_, _, _| {},
        selectable_fields: &[],
        validate_name: name::dns_subdomain,
        has_generation: true,
        status_resets: "",
        new_status: &Value::Null,
        status_on_create: false,
        create_on_update: false,
        unconditional_update: true,
        returns_deleted: false,
        deletion: Deletion::Immediate,
        conversion: None,
    };

    /// Fills in all defaults.
    pub(crate) fn complete(&self, object: &mut Value) {
        self.fields.fill(object);
        (self.defaults)(object);
    }

    /// Makes an object a new one.
    pub(crate) fn start(&self, object: &mut Value) {
        if !self.new_status.is_null() {
            object["status"] = self.new_status.clone();
        }
        (self.prepare_create)(object);
    }

    /// What the object has in each of the fields that selectors may name.
    pub(crate) fn selected(&self, object: &Value) -> impl Iterator<Item = String> {
        let value =
            |pointers: &[String]| pointers.iter().filter_map(|at| object.pointer(at)).find(|found| !is_empty(found));
        let fields = self.selectable_fields.iter();
        fields.map(move |(_, at, otherwise)| value(at).map_or_else(|| otherwise.clone(), plain))
    }

    /// All faults of an object.
    pub(crate) fn faults(&self, object: &Value) -> Errors {
        let mut errors = At::root(object).faults(self.fields);
        (self.validate)(&At::root(object), &mut errors);
        order::sort(self.fields, &Path::default(), &mut errors);
        errors
    }

    /// What there is to warn of, each said of its field. A text that goes on from the path begins with a bracket.
    pub(crate) fn warnings(&self, object: &Value) -> impl Iterator<Item = String> + use<> {
        At::root(object).faults(self.warnings).into_iter().map(|Error { path, body, .. }| match path.to_string() {
            path if path.is_empty() || body.starts_with('[') => path + &body,
            path => format!("{path}: {body}"),
        })
    }

    /// All faults of a change.
    pub(crate) fn update_faults(&self, new: &Value, old: &Value) -> Errors {
        let mut errors = At::root(new).update_faults(self.fields, old, [new, old]);
        (self.validate_update)(&At::root(new), old, &mut errors);
        order::sort(self.fields, &Path::default(), &mut errors);
        errors
    }

    /// All faults of a change of the status.
    pub(crate) fn status_faults(&self, new: &Value, old: &Value) -> Errors {
        let mut errors = self.fields_of_status(new, old);
        (self.validate_status)(&At::root(new), old, &mut errors);
        errors
    }

    /// Those of single fields of a status.
    pub(crate) fn fields_of_status(&self, new: &Value, old: &Value) -> Errors {
        let status = At::root(new).get("status");
        let changes = status.update_faults(self.status, &old["status"], [new, old]);
        [status.faults_within(self.status, new), changes].concat()
    }
}

//! What is served: one declarative entry per resource, built-in or custom, and its lookup.

mod custom;
mod resource;

pub use custom::{Custom, Scale, resources as custom_resources};
pub use resource::{
    Column, Conversion, Deletion, Legacy, Resource, Scope, SelectableField, Strategy, Subresource, Verbs,
};

use crate::openapi::Documents;
use crate::prelude::*;
use arc_swap::ArcSwap;

/// All served resources. Reads are lock-free; a change swaps the table.
#[derive(Debug)]
pub struct Registry {
    table: ArcSwap<Table>,
    writing: Mutex<()>,
}

/// The resources at one moment, and the OpenAPI documents that describe them.
#[derive(Debug)]
pub struct Table {
    resources: Vec<Arc<Resource>>,
    by_path: HashMap<String, HashMap<String, HashMap<String, Arc<Resource>>>>,
    by_storage: HashMap<String, Arc<Resource>>,
    documents: Documents,
}

impl Registry {
    /// Serves `resources`, listed in this order by discovery.
    pub fn new(resources: Vec<Resource>) -> Self {
        let table = Table::build(resources.into_iter().map(Arc::new).collect(), &Documents::default());
        Self { table: ArcSwap::from_pointee(table), writing: Mutex::new(()) }
    }

    /// The present table.
    pub fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// The resource of this group, version and plural name.
    pub fn get(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        self.table.load().by_path.get(group)?.get(version)?.get(plural).cloned()
    }

    /// The resource whose own version is the one stored as `storage`.
    pub fn stored(&self, storage: &str) -> Option<Arc<Resource>> {
        self.table.load().by_storage.get(storage).cloned()
    }

    /// The resource that speaks `kind` in this group and version.
    pub fn by_kind(&self, group: &str, version: &str, kind: &str) -> Option<Arc<Resource>> {
        let table = self.table.load();
        table.by_path.get(group)?.get(version)?.values().find(|r| r.kind == kind).cloned()
    }

    /// Replaces every custom resource that lives in `storage` by these; an empty list stops serving them.
    pub fn replace(&self, storage: &str, resources: Vec<Resource>) {
        let guard = self.writing.lock();
        let present = self.table.load();
        let (kept, replaced): (Vec<_>, Vec<_>) = present.resources.iter().cloned().partition(|r| r.storage != storage);
        let identity = |r: &Resource| r.custom.as_ref().map(|custom| custom.identity.clone());
        let says = |r: &Resource| (r.version.clone(), r.custom.as_ref().map(|c| (c.identity.clone(), c.terminating)));
        if replaced.iter().map(|r| says(r)).eq(resources.iter().map(says)) {
            return;
        }
        let staying: Vec<_> = resources.iter().map(identity).collect();
        let ended = replaced.iter().filter(|r| !staying.contains(&identity(r))).filter_map(|r| r.custom.clone());
        let ended: Vec<_> = ended.collect();
        let resources = kept.into_iter().chain(resources.into_iter().map(Arc::new)).collect();
        self.table.store(Arc::new(Table::build(resources, &present.documents)));
        drop(guard);
        for custom in ended {
            custom.changed.cancel();
        }
    }
}

impl Table {
    fn build(resources: Vec<Arc<Resource>>, before: &Documents) -> Self {
        let documents = Documents::new(&resources, before);
        let mut table = Self { resources, by_path: HashMap::new(), by_storage: HashMap::new(), documents };
        for resource in &table.resources {
            let versions = table.by_path.entry(resource.group.clone()).or_default();
            let plurals = versions.entry(resource.version.clone()).or_default();
            plurals.insert(resource.plural.clone(), Arc::clone(resource));
            let stored = match &resource.custom {
                Some(custom) => custom.storage_version == resource.version,
                None => resource.strategy.conversion.is_none() && resource.legacy.is_none(),
            };
            if stored || (resource.custom.is_some() && !table.by_storage.contains_key(&resource.storage)) {
                table.by_storage.insert(resource.storage.clone(), Arc::clone(resource));
            }
        }
        table
    }

    /// The OpenAPI documents of these resources.
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// All resources in the order of discovery.
    pub fn resources(&self) -> &[Arc<Resource>] {
        &self.resources
    }

    /// Whether the server itself serves this group and version.
    pub fn built_in(&self, group: &str, version: &str) -> bool {
        let below = self.by_path.get(group).and_then(|versions| versions.get(version));
        below.is_some_and(|resources| resources.values().any(|resource| resource.custom.is_none()))
    }

    /// Whether anything is served below this group and version.
    pub fn serves(&self, group: &str, version: &str) -> bool {
        self.by_path.get(group).is_some_and(|versions| versions.contains_key(version))
    }
}

//! Shared caches of what the API server holds, one watch per kind and process, with indexes and subscribers.

use crate::client::path_of;
use crate::follow::follow;
use crate::prelude::*;
use crate::reflector::Reflector;
use futures::FutureExt as _;
use parking_lot::{Mutex, RwLock};
use std::any::{Any, TypeId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

/// Namespace and name; the namespace is empty for cluster-scoped kinds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Empty for cluster-scoped kinds.
    pub namespace: Arc<str>,
    /// The object's name.
    pub name: Arc<str>,
}

impl ObjectKey {
    /// The key of a name in a namespace.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() { f.write_str(&self.name) } else { write!(f, "{}/{}", self.namespace, self.name) }
    }
}

/// What happened to an object.
#[derive(Debug, Clone)]
pub enum Change<K> {
    /// It appeared.
    Added(Arc<K>),
    /// It changed.
    Updated {
        /// Before.
        old: Arc<K>,
        /// After.
        new: Arc<K>,
    },
    /// It is gone; its last known state.
    Deleted(Arc<K>),
}

impl<K> Change<K> {
    /// The newest state in the change.
    pub fn object(&self) -> &Arc<K> {
        match self {
            Self::Added(object) | Self::Updated { new: object, .. } | Self::Deleted(object) => object,
        }
    }

    /// The last state of an object that is gone.
    pub fn gone(&self) -> Option<&Arc<K>> {
        match self {
            Self::Deleted(object) => Some(object),
            Self::Added(_) | Self::Updated { .. } => None,
        }
    }

    /// The newest state, but of an update that leaves all as it was that `same` compares.
    pub fn unless(&self, same: impl FnOnce(&K, &K) -> bool) -> Option<&Arc<K>> {
        match self {
            Self::Updated { old, new } if same(old, new) => None,
            change => Some(change.object()),
        }
    }
}

/// What one watch fills a cache with.
type Watched = (TypeId, WatchScope);

/// The caches of one process. Clones share them; a cache lives as long as a handle to it or to this.
#[derive(Clone)]
pub struct Informers {
    client: Client,
    /// By kind, the function that [`Informers::trimmed`] was given.
    trims: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    shared: Arc<Mutex<HashMap<Watched, Box<dyn Any + Send + Sync>>>>,
}

impl fmt::Debug for Informers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Informers").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Informers {
    /// Caches that are filled through `client`.
    pub fn new(client: Client) -> Self {
        Self { client, trims: HashMap::new(), shared: Arc::default() }
    }

    /// What fills the caches.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Leaves out of every cached object of a kind what `trim` takes away, to save memory.
    #[must_use]
    pub fn trimmed<K: Object>(mut self, trim: fn(&mut K)) -> Self {
        self.trims.insert(TypeId::of::<K>(), Arc::new(trim));
        self
    }

    /// The cache of all objects of a kind. Starts its watch on the first call; needs a tokio runtime.
    pub fn informer<K: Object>(&self) -> Informer<K> {
        self.scoped("", "")
    }

    /// The cache of the objects two selectors pick, for example `""` and `spec.nodeName=worker-1`.
    pub fn scoped<K: Object>(&self, label_selector: &str, field_selector: &str) -> Informer<K> {
        self.watching(WatchScope {
            path: path_of::<K>(""),
            label_selector: label_selector.to_owned(),
            field_selector: field_selector.to_owned(),
        })
    }

    /// The cache of any collection whose items decode as `K`.
    pub fn watching<K: Object>(&self, scope: WatchScope) -> Informer<K> {
        let mut shared = self.shared.lock();
        let key = (TypeId::of::<K>(), scope.clone());
        if let Some(informer) = shared.get(&key).and_then(|any| any.downcast_ref::<Informer<K>>()) {
            return informer.clone();
        }
        let trim = self.trims.get(&key.0).and_then(|any| any.downcast_ref::<fn(&mut K)>()).copied();
        let informer = Informer::start(&self.client, scope, trim);
        shared.insert(key, Box::new(informer.clone()));
        informer
    }

    /// Drops this process's hold on a cache that [`Informers::watching`] made; its watch ends with the last handle.
    pub fn forget<K: Object>(&self, scope: &WatchScope) {
        self.shared.lock().remove(&(TypeId::of::<K>(), scope.clone()));
    }
}

/// A handle to one shared cache. Reads never block on the network.
pub struct Informer<K>(Arc<Shared<K>>);

impl<K> Clone for Informer<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K> fmt::Debug for Informer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Informer").field("objects", &self.0.cache.read().objects.len()).finish()
    }
}

struct Shared<K> {
    cache: Arc<RwLock<Cache<K>>>,
    synced: watch::Receiver<bool>,
    /// Fills the cache as long as this is held.
    _task: AbortOnDropHandle<()>,
}

impl<K: Object> Informer<K> {
    fn start(client: &Client, scope: WatchScope, trim: Option<fn(&mut K)>) -> Self {
        let cache = Arc::new(RwLock::new(Cache::default()));
        let (synced_tx, synced) = watch::channel(false);
        let (backend, filled) = (client.backend().clone(), cache.clone());
        let reflector = Reflector { backend, scope, trim, cache: filled, synced: synced_tx };
        let task = tokio::spawn(follow(reflector).boxed());
        Self(Arc::new(Shared { cache, synced, _task: AbortOnDropHandle::new(task) }))
    }

    /// The object under a key.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<K>> {
        self.0.cache.read().objects.get(key).cloned()
    }

    /// All objects, by namespace and name.
    pub fn list(&self) -> Vec<Arc<K>> {
        self.0.cache.read().objects.values().cloned().collect()
    }

    /// The objects of a namespace, by name.
    pub fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        let cache = self.0.cache.read();
        let from = cache.objects.range(ObjectKey::new(namespace, "")..);
        from.take_while(|(key, _)| *key.namespace == *namespace).map(|(_, object)| object.clone()).collect()
    }

    /// How many objects there are.
    pub fn count(&self) -> usize {
        self.0.cache.read().objects.len()
    }

    /// Files every object, present and future, under the values `extract` gives. A second call with a known name does
    /// nothing, so that several users of a kind can ask for the same index.
    pub fn add_index(&self, name: &'static str, extract: impl Fn(&K) -> Vec<String> + Send + Sync + 'static) {
        self.0.cache.write().add_index(name, Box::new(extract));
    }

    /// The objects filed under a value, by namespace and name; none when there is no such index.
    pub fn by_index(&self, name: &str, value: &str) -> Vec<Arc<K>> {
        self.0.cache.read().by_index(name, value)
    }

    /// Every change from now on, in order; first the present state as [`Change::Added`].
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<Change<K>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut cache = self.0.cache.write();
        let replayed = cache.objects.values().all(|object| sender.send(Change::Added(object.clone())).is_ok());
        if replayed {
            cache.subscribers.push(sender);
        }
        receiver
    }

    /// Waits until the first list is in the cache.
    pub async fn synced(&self) {
        // The sender lives in the task, which only ends when this handle is dropped too.
        drop(self.0.synced.clone().wait_for(|synced| *synced).await);
    }

    /// Whether the first list is in the cache.
    pub fn is_synced(&self) -> bool {
        *self.0.synced.borrow()
    }
}

type Extract<K> = Box<dyn Fn(&K) -> Vec<String> + Send + Sync>;

/// The objects, the indexes over them and who listens; changed only by the reflector.
pub(crate) struct Cache<K> {
    objects: BTreeMap<ObjectKey, Arc<K>>,
    indexes: HashMap<&'static str, Index<K>>,
    subscribers: Vec<mpsc::UnboundedSender<Change<K>>>,
}

struct Index<K> {
    extract: Extract<K>,
    filed: HashMap<String, BTreeMap<ObjectKey, Arc<K>>>,
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), indexes: HashMap::new(), subscribers: Vec::new() }
    }
}

impl<K> Index<K> {
    fn file(&mut self, key: &ObjectKey, object: &Arc<K>) {
        for value in (self.extract)(object) {
            self.filed.entry(value).or_default().insert(key.clone(), object.clone());
        }
    }

    fn unfile(&mut self, key: &ObjectKey, object: &K) {
        for value in (self.extract)(object) {
            if let Some(objects) = self.filed.get_mut(&value) {
                objects.remove(key);
                if objects.is_empty() {
                    self.filed.remove(&value);
                }
            }
        }
    }
}

impl<K: Object> Cache<K> {
    fn add_index(&mut self, name: &'static str, extract: Extract<K>) {
        if self.indexes.contains_key(name) {
            return;
        }
        let mut index = Index { extract, filed: HashMap::new() };
        for (key, object) in &self.objects {
            index.file(key, object);
        }
        self.indexes.insert(name, index);
    }

    fn by_index(&self, name: &str, value: &str) -> Vec<Arc<K>> {
        let filed = self.indexes.get(name).and_then(|index| index.filed.get(value));
        filed.into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// Takes in an object's new state and tells the subscribers what that meant.
    pub(crate) fn put(&mut self, object: K) {
        let key = object.key();
        let same_object = |old: &Arc<K>| old.metadata().uid == object.metadata().uid;
        if !self.objects.get(&key).is_none_or(same_object) {
            self.remove(&key, None);
        }
        let new = Arc::new(object);
        let old = self.objects.insert(key.clone(), new.clone());
        for index in self.indexes.values_mut() {
            if let Some(old) = &old {
                index.unfile(&key, old);
            }
            index.file(&key, &new);
        }
        match old {
            None => self.tell(&Change::Added(new)),
            Some(old) if old.metadata().resource_version == new.metadata().resource_version => {}
            Some(old) => self.tell(&Change::Updated { old, new }),
        }
    }

    /// Drops an object; `last` is its last state where that is newer than the known one.
    pub(crate) fn remove(&mut self, key: &ObjectKey, last: Option<K>) {
        let Some(old) = self.objects.remove(key) else { return };
        for index in self.indexes.values_mut() {
            index.unfile(key, &old);
        }
        self.tell(&Change::Deleted(last.map_or(old, Arc::new)));
    }

    /// Takes in a whole new list: what it lacks is gone.
    pub(crate) fn replace(&mut self, objects: Vec<K>) {
        let kept: BTreeSet<ObjectKey> = objects.iter().map(Object::key).collect();
        let gone: Vec<ObjectKey> = self.objects.keys().filter(|key| !kept.contains(key)).cloned().collect();
        for key in gone {
            self.remove(&key, None);
        }
        for object in objects {
            self.put(object);
        }
    }

    fn tell(&mut self, change: &Change<K>) {
        self.subscribers.retain(|subscriber| subscriber.send(change.clone()).is_ok());
    }
}

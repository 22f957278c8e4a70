//! The ConfigMaps and Secrets that this node's pods name: one watch per object, shared by its users, ended with the last.

use crate::prelude::*;
use cluster_client::{Informers, WatchScope};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use std::collections::BTreeSet;
use std::sync::Weak;

/// How long a new watch may take to show its object.
const FIRST_LOOK: Duration = Duration::from_secs(30);

/// What is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    ConfigMap,
    Secret,
}

impl Kind {
    /// As messages call it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }
}

/// An object in a pod's namespace.
pub(crate) type Reference = (Kind, String);

/// The objects that pods here watch.
pub(crate) struct Objects {
    client: Client,
    watched: Mutex<HashMap<(String, Reference), Weak<Watched>>>,
}

/// The cache of one object; its watch ends with the last user.
enum Watched {
    ConfigMap(Informer<ConfigMap>),
    Secret(Informer<Secret>),
}

fn changes<K: Object>(informer: &Informer<K>) -> BoxStream<'static, ()> {
    let stream = tokio_stream::wrappers::UnboundedReceiverStream::new(informer.subscribe());
    stream.map(|_: Change<K>| ()).boxed()
}

async fn look<K: Object>(informer: &Informer<K>, key: &ObjectKey) -> Result<Option<Arc<K>>, String> {
    if tokio::time::timeout(FIRST_LOOK, informer.synced()).await.is_err() {
        return Err("timed out waiting for the condition".to_owned());
    }
    Ok(informer.get(key))
}

impl Watched {
    fn changes(&self) -> BoxStream<'static, ()> {
        match self {
            Self::ConfigMap(informer) => changes(informer),
            Self::Secret(informer) => changes(informer),
        }
    }

    async fn data(&self, key: &ObjectKey) -> Result<Option<Data>, String> {
        match self {
            Self::ConfigMap(informer) => Ok(look(informer, key).await?.map(|map| {
                let text = map.data.iter().flatten().map(|(key, text)| (key.clone(), text.clone().into_bytes()));
                Data { own: text.collect(), binary: bytes(map.binary_data.as_ref()) }
            })),
            Self::Secret(informer) => {
                let found = look(informer, key).await?;
                Ok(found.map(|secret| Data { own: bytes(secret.data.as_ref()), binary: BTreeMap::new() }))
            }
        }
    }
}

impl Objects {
    pub(crate) fn new(client: Client) -> Arc<Self> {
        Arc::new(Self { client, watched: Mutex::default() })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Follows these objects until the answer is dropped.
    pub(crate) fn follow(&self, namespace: &str, references: BTreeSet<Reference>) -> Following {
        let watched: Vec<_> = references.into_iter().map(|reference| self.watch(namespace, reference)).collect();
        let changes = futures::stream::select_all(watched.iter().map(|one| one.changes())).boxed();
        Following { _watched: watched, changes }
    }

    fn watch(&self, namespace: &str, (kind, name): Reference) -> Arc<Watched> {
        let mut all = self.watched.lock();
        let key = (namespace.to_owned(), (kind, name));
        if let Some(known) = all.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        all.retain(|_, watched| watched.strong_count() > 0);
        let scope = WatchScope {
            path: format!("/api/v1/namespaces/{namespace}/{}s", kind.word()),
            field_selector: format!("metadata.name={}", key.1.1),
            ..WatchScope::default()
        };
        let informers = Informers::new(self.client.clone());
        let made = Arc::new(match kind {
            Kind::ConfigMap => Watched::ConfigMap(informers.watching(scope)),
            Kind::Secret => Watched::Secret(informers.watching(scope)),
        });
        all.insert(key, Arc::downgrade(&made));
        made
    }

    /// What a ConfigMap or Secret holds; nothing when it does not exist.
    pub(crate) async fn data(&self, namespace: &str, kind: Kind, name: &str) -> Result<Option<Data>, String> {
        self.watch(namespace, (kind, name.to_owned())).data(&ObjectKey::new(namespace, name)).await
    }
}

/// What an object holds, by key.
#[derive(Default)]
pub(crate) struct Data {
    pub(crate) own: BTreeMap<String, Vec<u8>>,
    /// The `binaryData` of a ConfigMap, which only volumes show.
    pub(crate) binary: BTreeMap<String, Vec<u8>>,
}

fn bytes(data: Option<&BTreeMap<String, ByteString>>) -> BTreeMap<String, Vec<u8>> {
    data.into_iter().flatten().map(|(key, value)| (key.clone(), value.0.clone())).collect()
}

/// A pod's interest in objects.
pub(crate) struct Following {
    _watched: Vec<Arc<Watched>>,
    /// One item for each change.
    pub(crate) changes: BoxStream<'static, ()>,
}

/// All ConfigMaps and Secrets that a pod names in volumes, environment and pull secrets.
pub(crate) fn references(spec: &PodSpec) -> BTreeSet<Reference> {
    let spec = serde_json::to_value(spec).unwrap_or_default();
    let kind = |resource: &str| match resource {
        "configmaps" => Some(Kind::ConfigMap),
        "secrets" => Some(Kind::Secret),
        _ => None,
    };
    let named = cluster_object::pod::references(&spec).into_iter();
    named.filter_map(|(resource, name)| Some((kind(resource)?, name.to_owned()))).collect()
}

//! The ConfigMaps and Secrets that this node's pods name: one watch per object, shared by its users, ended with the last.

use crate::prelude::*;
use cluster_client::{Change, Informer, Informers, ObjectKey, WatchScope};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use std::collections::BTreeSet;

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

/// The watched objects of all pods here.
pub(crate) struct Objects {
    client: Client,
    informers: Informers,
    users: Mutex<HashMap<(String, Reference), usize>>,
}

fn scope(namespace: &str, (kind, name): &Reference) -> WatchScope {
    WatchScope {
        path: format!("/api/v1/namespaces/{namespace}/{}s", kind.word()),
        field_selector: format!("metadata.name={name}"),
        ..WatchScope::default()
    }
}

fn changes<K: Object>(informer: &Informer<K>) -> BoxStream<'static, ()> {
    let stream = tokio_stream::wrappers::UnboundedReceiverStream::new(informer.subscribe());
    stream.map(|_: Change<K>| ()).boxed()
}

impl Objects {
    pub(crate) fn new(client: Client) -> Arc<Self> {
        Arc::new(Self { informers: Informers::new(client.clone()), client, users: Mutex::default() })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Follows these objects until the answer is dropped.
    pub(crate) fn follow(self: &Arc<Self>, namespace: &str, references: BTreeSet<Reference>) -> Following {
        let mut streams = Vec::new();
        let mut users = self.users.lock();
        for reference in &references {
            *users.entry((namespace.to_owned(), reference.clone())).or_default() += 1;
            let scope = scope(namespace, reference);
            streams.push(match reference.0 {
                Kind::ConfigMap => changes(&self.informers.watching::<ConfigMap>(scope)),
                Kind::Secret => changes(&self.informers.watching::<Secret>(scope)),
            });
        }
        drop(users);
        let changes = futures::stream::select_all(streams).boxed();
        Following { objects: self.clone(), namespace: namespace.to_owned(), references, changes }
    }

    fn leave(&self, namespace: &str, references: &BTreeSet<Reference>) {
        let mut users = self.users.lock();
        for reference in references {
            let key = (namespace.to_owned(), reference.clone());
            let Some(count) = users.get_mut(&key) else { continue };
            *count -= 1;
            if *count > 0 {
                continue;
            }
            users.remove(&key);
            match reference.0 {
                Kind::ConfigMap => self.informers.forget::<ConfigMap>(&scope(namespace, reference)),
                Kind::Secret => self.informers.forget::<Secret>(&scope(namespace, reference)),
            }
        }
    }

    async fn look<K: Object>(&self, namespace: &str, reference: Reference) -> Result<Option<Arc<K>>, String> {
        let informer = self.informers.watching::<K>(scope(namespace, &reference));
        if tokio::time::timeout(FIRST_LOOK, informer.synced()).await.is_err() {
            return Err("timed out waiting for the condition".to_owned());
        }
        Ok(informer.get(&ObjectKey::new(namespace, &reference.1)))
    }

    /// What a ConfigMap or Secret holds; nothing when it does not exist.
    pub(crate) async fn data(&self, namespace: &str, kind: Kind, name: &str) -> Result<Option<Data>, String> {
        let reference = (kind, name.to_owned());
        if kind == Kind::Secret {
            let found = self.look::<Secret>(namespace, reference).await?;
            return Ok(found.map(|secret| Data { own: bytes(secret.data.as_ref()), binary: BTreeMap::new() }));
        }
        let found = self.look::<ConfigMap>(namespace, reference).await?;
        Ok(found.map(|map| {
            let text = map.data.iter().flatten().map(|(key, text)| (key.clone(), text.clone().into_bytes()));
            Data { own: text.collect(), binary: bytes(map.binary_data.as_ref()) }
        }))
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
    objects: Arc<Objects>,
    namespace: String,
    references: BTreeSet<Reference>,
    /// One item for each change.
    pub(crate) changes: BoxStream<'static, ()>,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.objects.leave(&self.namespace, &self.references);
    }
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

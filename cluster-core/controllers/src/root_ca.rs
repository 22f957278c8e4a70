//! The ConfigMap `kube-root-ca.crt` in every namespace, with which pods check the API server's certificate.

use crate::runner::{Controller, Runner};
use crate::{Context, Error, meta};
use async_trait::async_trait;
use cluster_client::{Client, Informer, ObjectKey};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::time::Duration;

const NAME: &str = "kube-root-ca.crt";
const ABOUT: (&str, &str) = (
    "kubernetes.io/description",
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the \
     internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes \
     clusters.",
);

pub(crate) async fn run(context: Context) {
    if context.options.ca_pem.is_empty() {
        return context.cancel.cancelled().await;
    }
    let namespaces = context.informers.informer::<Namespace>();
    let maps = context.informers.watching::<ConfigMap>(cluster_client::WatchScope {
        path: "/api/v1/configmaps".to_owned(),
        field_selector: format!("metadata.name={NAME}"),
        ..cluster_client::WatchScope::default()
    });
    let (client, ca_pem) = (context.client.clone(), context.options.ca_pem.clone());
    Runner::new(RootCa { client, ca_pem, namespaces: namespaces.clone(), maps: maps.clone() })
        .on_each(&namespaces)
        .on(&maps, |change| {
            let map = change.object();
            (meta::name(map.as_ref()) == NAME).then(|| ObjectKey::new("", meta::namespace(map.as_ref())))
        })
        .run(context.cancel)
        .await;
}

struct RootCa {
    client: Client,
    ca_pem: String,
    namespaces: Informer<Namespace>,
    maps: Informer<ConfigMap>,
}

#[async_trait]
impl Controller for RootCa {
    const NAME: &'static str = "root-ca-certificate-publisher";

    async fn reconcile(&self, key: &ObjectKey) -> Result<Option<Duration>, Error> {
        let data = Some([("ca.crt".to_owned(), self.ca_pem.clone())].into());
        if self.namespaces.get(key).is_none_or(|namespace| meta::is_deleting(namespace.as_ref())) {
            return Ok(None);
        }
        let written = match self.maps.get(&ObjectKey::new(&key.name, NAME)) {
            Some(map) if map.data == data => return Ok(None),
            Some(map) => self.client.update(&ConfigMap { data, ..(*map).clone() }).await,
            None => {
                let metadata = ObjectMeta {
                    namespace: Some(key.name.to_string()),
                    name: Some(NAME.to_owned()),
                    annotations: Some([(ABOUT.0.to_owned(), ABOUT.1.to_owned())].into()),
                    ..ObjectMeta::default()
                };
                self.client.create(&ConfigMap { metadata, data, ..ConfigMap::default() }).await
            }
        };
        match written {
            Err(error) if error.is_already_exists() || error.is_not_found() => Ok(None),
            other => Ok(other.map(|_| None)?),
        }
    }
}

//! The ConfigMap `kube-root-ca.crt` in every namespace, with which pods check the API server's certificate.

use crate::meta::Meta;
use crate::runner::{Controller, Outcome, Runner};
use crate::{Context, namespace_of, written_or_needless};
use cluster_client::{Client, Informer, ObjectKey};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

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
    let controller = RootCa {
        client: context.client.clone(),
        ca_pem: context.options.ca_pem.clone(),
        namespaces: context.informers.informer(),
        maps: context.informers.scoped("", &format!("metadata.name={NAME}")),
    };
    Runner::new(controller)
        .on_each(|c| &c.namespaces)
        .on(|c| &c.maps, |_, change| namespace_of(change.object().as_ref(), NAME))
        .run(context.cancel)
        .await;
}

struct RootCa {
    client: Client,
    ca_pem: String,
    namespaces: Informer<Namespace>,
    maps: Informer<ConfigMap>,
}

impl Controller for RootCa {
    const NAME: &'static str = "root-ca-certificate-publisher";

    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let data = Some([("ca.crt".to_owned(), self.ca_pem.clone())].into());
        if self.namespaces.get(key).is_none_or(|namespace| namespace.is_deleting()) {
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
        written_or_needless(written)
    }
}

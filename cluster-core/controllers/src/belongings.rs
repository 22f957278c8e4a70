//! What every namespace has one of: the service account `default`, and the ConfigMap `kube-root-ca.crt`, with which pods
//! check the API server's certificate.

use crate::prelude::*;

const ROOT_CA: &str = "kube-root-ca.crt";
const ABOUT: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal \
     service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

pub(crate) async fn run_service_accounts(context: Context) {
    let metadata = ObjectMeta { name: Some("default".to_owned()), ..ObjectMeta::default() };
    let wanted = ServiceAccount { metadata, ..ServiceAccount::default() };
    run(context.informers.informer(), wanted, |_, _| {}, context).await;
}

pub(crate) async fn run_root_ca(context: Context) {
    let ca = context.options.ca_pem.clone();
    if ca.is_empty() {
        return context.cancel.cancelled().await;
    }
    let annotations = Some([("kubernetes.io/description".to_owned(), ABOUT.to_owned())].into());
    let metadata = ObjectMeta { name: Some(ROOT_CA.to_owned()), annotations, ..ObjectMeta::default() };
    let wanted = ConfigMap { metadata, data: Some([("ca.crt".to_owned(), ca)].into()), ..ConfigMap::default() };
    let owned = context.informers.scoped("", &format!("metadata.name={ROOT_CA}"));
    run(owned, wanted, |present, wanted| present.data.clone_from(&wanted.data), context).await;
}

/// `complete` makes what is there what is wanted.
async fn run<K: Object + PartialEq>(owned: Informer<K>, wanted: K, complete: fn(&mut K, &K), context: Context) {
    let (client, namespaces) = (context.client.clone(), context.informers.informer());
    let controller = Arc::new(Belongings { client, namespaces, owned, wanted, complete });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on_each(&controller.namespaces)
        .on(&controller.owned, |c, change| {
            let object = change.object();
            (object.name() == c.wanted.name()).then(|| ObjectKey::new("", object.namespace()))
        })
        .run(context.cancel)
        .await;
}

struct Belongings<K> {
    client: Client,
    namespaces: Informer<Namespace>,
    owned: Informer<K>,
    wanted: K,
    complete: fn(&mut K, &K),
}

impl<K: Object + PartialEq> Belongings<K> {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        if self.namespaces.get(key).is_none_or(|namespace| namespace.is_deleting()) {
            return Ok(None);
        }
        let old = self.owned.get(&ObjectKey::new(&key.name, self.wanted.name()));
        let mut new = old.as_deref().unwrap_or(&self.wanted).clone();
        (self.complete)(&mut new, &self.wanted);
        let written = match old {
            Some(old) if *old == new => return Ok(None),
            Some(_) => self.client.update(&new).await,
            None => {
                new.metadata_mut().namespace = Some(key.name.to_string());
                self.client.create(&new).await
            }
        };
        match written {
            // It may be there already, or its namespace gone.
            Err(error) if error.is_already_exists() || error.is_not_found() => Ok(None),
            other => Ok(other.map(|_| None)?),
        }
    }
}

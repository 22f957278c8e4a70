//! What every namespace has one of: the service account `default`, and the ConfigMap `kube-root-ca.crt`, with which pods
//! check the API server's certificate.

use crate::prelude::*;

/// A kind of which every namespace has one.
trait Belonging: Object + Default + PartialEq {
    const NAME: &'static str;
    const ABOUT: Option<&'static str>;

    /// Makes it what it has to be.
    fn complete(&mut self, ca_pem: &str);
}

impl Belonging for ServiceAccount {
    const NAME: &'static str = "default";
    const ABOUT: Option<&'static str> = None;

    fn complete(&mut self, _: &str) {}
}

impl Belonging for ConfigMap {
    const NAME: &'static str = "kube-root-ca.crt";
    const ABOUT: Option<&'static str> = Some(
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the \
         internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes \
         clusters.",
    );

    fn complete(&mut self, ca_pem: &str) {
        self.data = Some([("ca.crt".to_owned(), ca_pem.to_owned())].into());
    }
}

pub(crate) async fn run_service_accounts(context: Context) {
    run::<ServiceAccount>(context.informers.informer(), context).await;
}

pub(crate) async fn run_root_ca(context: Context) {
    if context.options.ca_pem.is_empty() {
        return context.cancel.cancelled().await;
    }
    let named = format!("metadata.name={}", ConfigMap::NAME);
    run::<ConfigMap>(context.informers.scoped("", &named), context).await;
}

async fn run<K: Belonging>(owned: Informer<K>, context: Context) {
    let (client, namespaces) = (context.client.clone(), context.informers.informer());
    let controller = Arc::new(Belongings { client, ca_pem: context.options.ca_pem, namespaces, owned });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on_each(&controller.namespaces)
        .on(&controller.owned, |_, change| {
            let object = change.object();
            (object.name() == K::NAME).then(|| ObjectKey::new("", object.namespace()))
        })
        .run(context.cancel)
        .await;
}

struct Belongings<K> {
    client: Client,
    ca_pem: String,
    namespaces: Informer<Namespace>,
    owned: Informer<K>,
}

impl<K: Belonging> Belongings<K> {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        if self.namespaces.get(key).is_none_or(|namespace| namespace.is_deleting()) {
            return Ok(None);
        }
        let old = self.owned.get(&ObjectKey::new(&key.name, K::NAME));
        let mut new = old.as_deref().cloned().unwrap_or_default();
        new.complete(&self.ca_pem);
        let written = match old {
            Some(old) if *old == new => return Ok(None),
            Some(_) => self.client.update(&new).await,
            None => {
                let metadata = new.metadata_mut();
                (metadata.namespace, metadata.name) = (Some(key.name.to_string()), Some(K::NAME.to_owned()));
                let about = K::ABOUT.map(|about| [("kubernetes.io/description".to_owned(), about.to_owned())].into());
                metadata.annotations = about;
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

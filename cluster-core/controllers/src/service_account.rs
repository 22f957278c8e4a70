//! The service account `default` in every namespace.

use crate::meta::Meta;
use crate::runner::{Controller, Outcome, Runner};
use crate::{Context, namespace_of, written_or_needless};
use cluster_client::{Client, Informer, ObjectKey};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

const NAME: &str = "default";

pub(crate) async fn run(context: Context) {
    let (namespaces, accounts) = (context.informers.informer(), context.informers.informer());
    Runner::new(Accounts { client: context.client.clone(), namespaces, accounts })
        .on_each(|c| &c.namespaces)
        .on(|c| &c.accounts, |_, change| namespace_of(change.object().as_ref(), NAME))
        .run(context.cancel)
        .await;
}

struct Accounts {
    client: Client,
    namespaces: Informer<Namespace>,
    accounts: Informer<ServiceAccount>,
}

impl Controller for Accounts {
    const NAME: &'static str = "serviceaccount";

    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let wanted = self.namespaces.get(key).is_some_and(|namespace| !namespace.is_deleting());
        if !wanted || self.accounts.get(&ObjectKey::new(&key.name, NAME)).is_some() {
            return Ok(None);
        }
        let (namespace, name) = (Some(key.name.to_string()), Some(NAME.to_owned()));
        let metadata = ObjectMeta { namespace, name, ..ObjectMeta::default() };
        let account = ServiceAccount { metadata, ..ServiceAccount::default() };
        written_or_needless(self.client.create(&account).await)
    }
}

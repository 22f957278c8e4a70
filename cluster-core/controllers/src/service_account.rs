//! The service account `default` in every namespace.

use crate::runner::{Controller, Runner};
use crate::{Context, Error, meta};
use async_trait::async_trait;
use cluster_client::{Client, Informer, ObjectKey};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::time::Duration;

const NAME: &str = "default";

pub(crate) async fn run(context: Context) {
    let namespaces = context.informers.informer::<Namespace>();
    let accounts = context.informers.informer::<ServiceAccount>();
    let controller =
        Accounts { client: context.client.clone(), namespaces: namespaces.clone(), accounts: accounts.clone() };
    Runner::new(controller)
        .on_each(&namespaces)
        .on(&accounts, |change| {
            let account = change.object();
            (meta::name(account.as_ref()) == NAME).then(|| ObjectKey::new("", meta::namespace(account.as_ref())))
        })
        .run(context.cancel)
        .await;
}

struct Accounts {
    client: Client,
    namespaces: Informer<Namespace>,
    accounts: Informer<ServiceAccount>,
}

#[async_trait]
impl Controller for Accounts {
    const NAME: &'static str = "serviceaccount";

    async fn reconcile(&self, key: &ObjectKey) -> Result<Option<Duration>, Error> {
        let wanted = self.namespaces.get(key).is_some_and(|namespace| !meta::is_deleting(namespace.as_ref()));
        if !wanted || self.accounts.get(&ObjectKey::new(&key.name, NAME)).is_some() {
            return Ok(None);
        }
        let (namespace, name) = (Some(key.name.to_string()), Some(NAME.to_owned()));
        let metadata = ObjectMeta { namespace, name, ..ObjectMeta::default() };
        let account = ServiceAccount { metadata, ..ServiceAccount::default() };
        match self.client.create(&account).await {
            Err(error) if error.is_already_exists() || error.is_not_found() => Ok(None),
            other => Ok(other.map(|_| None)?),
        }
    }
}

//! Deletes the token secrets of service accounts that are gone.

use crate::meta::{annotation, namespace, uid};
use crate::runner::{Controller, Runner};
use crate::{Context, Error, ignore_gone};
use async_trait::async_trait;
use cluster_client::{Change, Client, DeleteOptions, Informer, ObjectKey};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use std::time::Duration;

const ACCOUNT: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
/// The index of secrets by their account.
const BY_ACCOUNT: &str = "account";

pub(crate) async fn run(context: Context) {
    let secrets = context.informers.scoped::<Secret>("", "type=kubernetes.io/service-account-token");
    let accounts = context.informers.informer::<ServiceAccount>();
    secrets.add_index(BY_ACCOUNT, |secret| account(secret).map(|key| key.to_string()).into_iter().collect());
    let by_account = secrets.clone();
    let controller = Tokens { client: context.client.clone(), secrets: secrets.clone(), accounts: accounts.clone() };
    Runner::new(controller)
        .on_each(&secrets)
        .on(&accounts, move |change| match change {
            Change::Deleted(account) => {
                let secrets = by_account.by_index(BY_ACCOUNT, &ObjectKey::of(account.as_ref()).to_string());
                secrets.iter().map(|secret| ObjectKey::of(secret.as_ref())).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        })
        .run(context.cancel)
        .await;
}

fn account(secret: &Secret) -> Option<ObjectKey> {
    Some(ObjectKey::new(namespace(secret), annotation(secret, ACCOUNT)?))
}

/// Whether a secret is for this very account.
fn is_of(secret: &Secret, account: &ServiceAccount) -> bool {
    annotation(secret, ACCOUNT_UID).is_none_or(|wanted| wanted.is_empty() || wanted == uid(account))
}

struct Tokens {
    client: Client,
    secrets: Informer<Secret>,
    accounts: Informer<ServiceAccount>,
}

#[async_trait]
impl Controller for Tokens {
    const NAME: &'static str = "serviceaccount-token-cleaner";

    async fn reconcile(&self, key: &ObjectKey) -> Result<Option<Duration>, Error> {
        let Some(secret) = self.secrets.get(key) else { return Ok(None) };
        let Some(owner) = account(&secret) else { return Ok(None) };
        if self.accounts.get(&owner).is_some_and(|account| is_of(&secret, &account)) {
            return Ok(None);
        }
        // The cache may not have an account yet that was made just before its secret.
        match self.client.get::<ServiceAccount>(&owner.namespace, &owner.name).await {
            Ok(account) if is_of(&secret, &account) => return Ok(None),
            Err(error) if !error.is_not_found() => return Err(error.into()),
            _ => {}
        }
        let options = DeleteOptions { uid: secret.metadata.uid.clone(), ..DeleteOptions::default() };
        ignore_gone(self.client.delete::<Secret>(&key.namespace, &key.name, &options).await)?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_is_of_the_account_with_its_uid() {
        let present: ServiceAccount =
            serde_json::from_value(json!({"metadata": {"name": "a", "uid": "1"}})).expect("an account");
        for (uid, expected) in [(None, true), (Some(""), true), (Some("1"), true), (Some("2"), false)] {
            let annotations = uid.map(|uid| json!({ACCOUNT_UID: uid}));
            let secret = json!({"metadata": {"name": "s", "annotations": annotations}});
            let secret: Secret = serde_json::from_value(secret).expect("a secret");
            assert_eq!(is_of(&secret, &present), expected, "{uid:?}");
        }
    }
}

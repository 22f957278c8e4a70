//! Deletes the token secrets of service accounts that are gone.

use crate::prelude::*;

const ACCOUNT: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
/// The index of secrets by their account.
const BY_ACCOUNT: &str = "account";

pub(crate) fn runner(context: &Context) -> Runner<Tokens> {
    let secrets = context.informers.scoped("", "type=kubernetes.io/service-account-token");
    let (client, accounts) = (context.client.clone(), context.informers.informer());
    let controller = Arc::new(Tokens { client, secrets, accounts });
    let by_account = |secret: &Secret| account(secret).map(|key| key.to_string()).into_iter().collect();
    controller.secrets.add_index(BY_ACCOUNT, by_account);
    Runner::new(&controller, |c, key| c.reconcile(key).boxed()).on_each(&controller.secrets).on(
        &controller.accounts,
        |c, change| {
            let secrets = change.gone().map(|account| c.secrets.by_index(BY_ACCOUNT, &account.key().to_string()));
            meta::keys(&secrets.unwrap_or_default())
        },
    )
}

fn account(secret: &Secret) -> Option<ObjectKey> {
    Some(ObjectKey::new(secret.namespace(), secret.annotation(ACCOUNT)?))
}

/// Whether a secret is for this very account.
fn is_of(secret: &Secret, account: &ServiceAccount) -> bool {
    secret.annotation(ACCOUNT_UID).is_none_or(|wanted| wanted.is_empty() || wanted == account.uid())
}

pub(crate) struct Tokens {
    client: Client,
    secrets: Informer<Secret>,
    accounts: Informer<ServiceAccount>,
}

impl Tokens {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(secret) = self.secrets.get(key) else { return Ok(None) };
        let Some(owner) = account(&secret) else { return Ok(None) };
        if self.accounts.get(&owner).is_some_and(|account| is_of(&secret, &account)) {
            return Ok(None);
        }
        // The cache may not have an account yet that was made just before its secret.
        let live = ignore_gone(self.client.get::<ServiceAccount>(&owner.namespace, &owner.name).await)?;
        if live.is_some_and(|account| is_of(&secret, &account)) {
            return Ok(None);
        }
        delete(&self.client, secret.as_ref()).await?;
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

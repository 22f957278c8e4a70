//! Writes all objects of a resource again, so that they are stored as the server stores them now.

use crate::prelude::*;
use crate::resources::{CUSTOM_RESOURCES, Resource, discover};
use k8s_openapi::api::storagemigration::v1::StorageVersionMigration as Migration;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition as Definition;

const MANAGER: &str = "storage-version-migrator-controller";
const FAILED: &str = "StorageVersionMigrationFailed";
/// How many objects are read at once.
const PAGE: usize = 500;

pub(crate) fn runner(context: &Context) -> Runner<Migrator> {
    let controller = Arc::new(Migrator { client: context.client.clone(), migrations: context.informers.informer() });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on(&controller.migrations, |c, change| c.next(change.object()).map(|next| next.key()))
}

pub(crate) struct Migrator {
    client: Client,
    migrations: Informer<Migration>,
}

impl Migrator {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(migration) = self.migrations.get(key).filter(|migration| !is_over(migration)) else {
            return Ok(None);
        };
        let (group, name) = target(&migration);
        let (resources, _) = discover(&self.client).await?;
        let Some(resource) = resources.iter().find(|r| r.group == group && r.name == name) else {
            return self.report(&migration, "Failed", (FAILED, "resource not found"), "").await;
        };
        let revision = self.page(resource, 1, "").await?["metadata"]["resourceVersion"].take();
        let revision = revision.as_str().unwrap_or_default();
        let generation = self.begin_definition(resource, key).await?;
        self.report(&migration, "Running", ("MigrationRunning", "The migration is running"), revision).await?;
        let result = self.rewrite(resource).await;
        if let Some(generation) = generation {
            self.end_definition(resource, generation, result.is_ok()).await?;
        }
        let Err(error) = result else {
            return self.report(&migration, "Succeeded", ("StorageVersionMigrationSucceeded", ""), revision).await;
        };
        tracing::warn!(migration = %key.name, %error, "objects could not be migrated");
        self.report(&migration, "Failed", (FAILED, "migration encountered unhandled error"), revision).await
    }

    /// The migration whose turn it is among those of the same resource: the oldest.
    fn next(&self, changed: &Migration) -> Option<Arc<Migration>> {
        let all = self.migrations.list().into_iter();
        let waiting = all.filter(|other| target(other) == target(changed) && !is_over(other));
        waiting.min_by_key(|other| (other.created(), other.name().to_owned()))
    }

    async fn report(&self, migration: &Migration, kind: &str, why: (&str, &str), revision: &str) -> Outcome {
        let condition = json!({"type": kind, "status": "True", "reason": why.0, "message": why.1,
            "lastTransitionTime": meta::now()});
        let mut status = json!({"conditions": [condition]});
        if !revision.is_empty() {
            // It is said once and for all.
            let known = migration.status.as_ref().and_then(|status| status.resource_version.as_deref());
            status["resourceVersion"] = known.unwrap_or(revision).into();
        }
        let patch = Patch::Merge(json!({"status": status}));
        let written = self.client.patch::<Migration>("", migration.name(), "status", &patch).await;
        ignore_gone(written).map(|_| None)
    }

    async fn page(&self, resource: &Resource, limit: usize, token: &str) -> Result<Value, Error> {
        let path = format!("{}?limit={limit}&continue={}", resource.path(""), cluster_client::escape(token));
        Ok(self.client.raw(Method::GET, &path, None).await?)
    }

    async fn rewrite(&self, resource: &Resource) -> Result<(), Error> {
        let mut token = String::new();
        loop {
            let page = self.page(resource, PAGE, &token).await?;
            for item in page["items"].as_array().into_iter().flatten() {
                self.touch(resource, item).await?;
            }
            token = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
            if token.is_empty() {
                return Ok(());
            }
        }
    }

    /// Applies nothing to this very state of the object. One that has changed meanwhile was stored anew by that.
    async fn touch(&self, resource: &Resource, item: &Value) -> Result<(), Error> {
        let field = |name: &str| item["metadata"][name].as_str().unwrap_or_default();
        let body = json!({"apiVersion": item["apiVersion"], "kind": item["kind"],
            "metadata": {"uid": field("uid"), "resourceVersion": field("resourceVersion")}});
        let path = resource.object(field("namespace"), field("name"));
        let path = format!("{path}?fieldManager={MANAGER}");
        match self.client.raw_patch::<Value>(&path, &Patch::Apply(body)).await {
            Err(error) if !error.is_conflict() && !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Says of a custom resource's definition that its objects are on their way; gives its generation.
    async fn begin_definition(&self, resource: &Resource, key: &ObjectKey) -> Result<Option<i64>, Error> {
        let found = self.client.get::<Definition>("", &resource.qualified()).await;
        let Some(definition) = ignore_gone(found)? else { return Ok(None) };
        let message = format!("Migration {} is running", key.name);
        self.tell(&definition, true, ("MigrationRunning", &message), json!({})).await?;
        Ok(Some(definition.generation()))
    }

    /// Nothing is stored in the older versions any more, unless the definition changed meanwhile.
    async fn end_definition(&self, resource: &Resource, generation: i64, success: bool) -> Result<(), Error> {
        let definition = self.client.get::<Definition>("", &resource.qualified()).await?;
        let (mut status, unchanged) = (json!({}), definition.generation() == generation);
        if success && unchanged {
            let stored = definition.spec.versions.iter().filter(|version| version.storage);
            status["storedVersions"] = stored.map(|version| version.name.as_str()).collect();
        }
        let message = match (success, unchanged) {
            (false, _) => "The migration has failed",
            (_, true) => "The migration has succeeded and the stored versions have been updated",
            _ => {
                "The migration has succeeded but the stored versions have not been updated due to a generation mismatch"
            }
        };
        let reason = if success { "MigrationSucceeded" } else { "MigrationFailed" };
        self.tell(&definition, false, (reason, message), status).await
    }

    async fn tell(
        &self,
        definition: &Definition,
        holds: bool,
        why: (&str, &str),
        mut rest: Value,
    ) -> Result<(), Error> {
        let (status, generation) = (if holds { "True" } else { "False" }, definition.metadata.generation);
        rest["conditions"] = json!([{"type": "StorageMigrating", "status": status, "reason": why.0, "message": why.1,
            "observedGeneration": generation, "lastTransitionTime": meta::now()}]);
        let name = definition.name();
        let patch = Patch::Apply(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": name}, "status": rest}));
        let path = format!("{CUSTOM_RESOURCES}/{name}/status?fieldManager={MANAGER}&force=true");
        Ok(self.client.raw_patch::<Value>(&path, &patch).await.map(drop)?)
    }
}

/// Group and name of the resource that is to be migrated.
fn target(migration: &Migration) -> (&str, &str) {
    let resource = migration.spec.as_ref().map(|spec| &spec.resource);
    resource.map_or(("", ""), |resource| (resource.group.as_str(), resource.resource.as_str()))
}

fn is_over(migration: &Migration) -> bool {
    let conditions = migration.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ends = |kind: &str| matches!(kind, "Succeeded" | "Failed");
    conditions.into_iter().flatten().any(|condition| ends(&condition.type_) && condition.status == "True")
}

//! The files of configMap, secret, downwardAPI and projected volumes.

use super::VolumeContext;
use super::atomic::{File, Owner, Payload};
use crate::prelude::*;
use crate::spec::field_ref::{field, resource};
use k8s_openapi::api::core::v1 as core;

/// Files, and when they must be made anew because a token ages.
#[derive(Default)]
pub(crate) struct Content {
    pub(crate) files: Payload,
    pub(crate) refresh_at: Option<Timestamp>,
    pub(crate) owner: Owner,
}

type Data = BTreeMap<String, Vec<u8>>;

/// Makes the files of a pod's volumes.
struct Files<'a> {
    context: &'a VolumeContext,
    pod: &'a core::Pod,
    /// Of files that name no mode of their own.
    mode: Option<i32>,
}

/// The content of a volume, or nothing when it is of another kind.
pub(crate) async fn content(
    context: &VolumeContext,
    pod: &core::Pod,
    volume: &core::Volume,
) -> Result<Option<Content>, String> {
    let files = |mode| Files { context, pod, mode };
    let mut content = Content { owner: Owner { user: None, group: context.fs_group }, ..Content::default() };
    if let Some(s) = &volume.config_map {
        let keys = files(s.default_mode).object(Kind::ConfigMap, &s.name, s.items.as_deref(), s.optional).await;
        content.files = keys?;
    } else if let Some(s) = &volume.secret {
        let name = s.secret_name.as_deref().unwrap_or_default();
        content.files = files(s.default_mode).object(Kind::Secret, name, s.items.as_deref(), s.optional).await?;
    } else if let Some(s) = &volume.downward_api {
        content.files = files(s.default_mode).downward(s.items.as_deref())?;
    } else if let Some(s) = &volume.projected {
        files(s.default_mode).projected(s, &mut content).await?;
    } else {
        return Ok(None);
    }
    Ok(Some(content))
}

fn mode(own: Option<i32>, default: Option<i32>) -> u32 {
    own.or(default).unwrap_or(0o644).unsigned_abs()
}

impl Files<'_> {
    /// Chooses the keys that are asked for.
    fn choose(
        &self,
        data: Data,
        items: Option<&[core::KeyToPath]>,
        optional: bool,
        missing: &str,
    ) -> Result<Payload, String> {
        let Some(items) = items.filter(|items| !items.is_empty()) else {
            let file = |(name, bytes)| (name, File { bytes, mode: mode(None, self.mode) });
            return Ok(data.into_iter().map(file).collect());
        };
        let mut files = Payload::new();
        for item in items {
            match data.get(&item.key) {
                Some(bytes) => {
                    let file = File { bytes: bytes.clone(), mode: mode(item.mode, self.mode) };
                    files.insert(item.path.clone(), file);
                }
                None if optional => {}
                None => return Err(format!("{missing}: {}", item.key)),
            }
        }
        Ok(files)
    }

    /// The keys of a ConfigMap or Secret.
    async fn object(
        &self,
        kind: Kind,
        name: &str,
        items: Option<&[core::KeyToPath]>,
        optional: Option<bool>,
    ) -> Result<Payload, String> {
        let optional = optional.unwrap_or_default();
        let Some(found) = self.context.objects.data(&self.context.namespace, kind, name).await? else {
            return if optional { Ok(Payload::new()) } else { Err(format!("{} {name:?} not found", kind.word())) };
        };
        let missing = match kind {
            Kind::ConfigMap => "configmap references non-existent config key",
            Kind::Secret => "references non-existent secret key",
        };
        self.choose(found.own.into_iter().chain(found.binary).collect(), items, optional, missing)
    }

    fn downward(&self, items: Option<&[core::DownwardAPIVolumeFile]>) -> Result<Payload, String> {
        let (mut files, place) = (Payload::new(), &self.context.place);
        for item in items.unwrap_or_default() {
            let value = match (&item.field_ref, &item.resource_field_ref, self.pod.spec.as_ref()) {
                (Some(reference), _, _) => field(self.pod, place, &reference.field_path)?,
                (None, Some(selector), Some(spec)) => resource(spec, place, selector, "")?,
                _ => continue,
            };
            files.insert(item.path.clone(), File { bytes: value.into_bytes(), mode: mode(item.mode, self.mode) });
        }
        Ok(files)
    }

    async fn projected(&self, source: &core::ProjectedVolumeSource, content: &mut Content) -> Result<(), String> {
        for part in source.sources.iter().flatten() {
            if part.cluster_trust_bundle.is_some() || part.pod_certificate.is_some() {
                return Err("this node has no clusterTrustBundle and no podCertificate to project".to_owned());
            }
            if let Some(s) = &part.config_map {
                content.files.extend(self.object(Kind::ConfigMap, &s.name, s.items.as_deref(), s.optional).await?);
            }
            if let Some(s) = &part.secret {
                content.files.extend(self.object(Kind::Secret, &s.name, s.items.as_deref(), s.optional).await?);
            }
            if let Some(s) = &part.downward_api {
                content.files.extend(self.downward(s.items.as_deref())?);
            }
            if let Some(s) = &part.service_account_token {
                let (token, refresh_at) = self.token(s).await?;
                let private = content.owner.group.is_some() || self.context.only_user.is_some();
                content.owner.user = self.context.only_user;
                let mode = if private { 0o600 } else { mode(None, self.mode) };
                content.files.insert(s.path.clone(), File { bytes: token.into_bytes(), mode });
                content.refresh_at = content.refresh_at.into_iter().chain([refresh_at]).min();
            }
        }
        Ok(())
    }

    /// A token for the pod's service account, bound to the pod, and when 80 % of its life are over.
    async fn token(&self, source: &core::ServiceAccountTokenProjection) -> Result<(String, Timestamp), String> {
        let context = self.context;
        let key = (source.audience.clone().unwrap_or_default(), source.expiration_seconds.unwrap_or(3600));
        if let Some((token, at)) = context.tokens.lock().get(&key).filter(|(_, at)| *at > Timestamp::now()) {
            return Ok((token.clone(), *at));
        }
        let meta = &self.pod.metadata;
        let account = self.pod.spec.as_ref().and_then(|s| s.service_account_name.as_deref()).unwrap_or("default");
        let audiences: Vec<&str> = source.audience.iter().map(String::as_str).collect();
        let request = serde_json::json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {
                "audiences": audiences, "expirationSeconds": key.1,
                "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": meta.name, "uid": meta.uid},
            },
        });
        let asked = context.objects.client().create_subresource::<core::ServiceAccount, _, serde_json::Value>(
            &context.namespace,
            account,
            "token",
            &request,
        );
        let answer = asked.await.map_err(|e| format!("failed to fetch token: {e}"))?;
        let token = answer["status"]["token"].as_str().unwrap_or_default().to_owned();
        let now = Timestamp::now();
        let ends = answer["status"]["expirationTimestamp"].as_str().and_then(|t| t.parse::<Timestamp>().ok());
        let life = ends.map_or(key.1, |end| end.duration_since(now).as_secs());
        let refresh_at = now + SignedDuration::from_secs(life * 4 / 5);
        context.tokens.lock().insert(key, (token.clone(), refresh_at));
        Ok((token, refresh_at))
    }
}

//! Claims that live and die with a pod: made for each of its generic ephemeral volumes.

use crate::prelude::*;
use cluster_client::volumes::claim_name;

pub(crate) fn runner(context: &Context) -> Runner<Ephemeral> {
    let (pods, claims) = (context.informers.informer(), context.informers.informer());
    let controller = Arc::new(Ephemeral { client: context.client.clone(), pods, claims });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on(&controller.pods, |_, change| match change {
            Change::Added(pod) if !wanted(pod).is_empty() => Some(pod.key()),
            _ => None,
        })
        .on(&controller.claims, |_, change| controller_key::<Pod>(change.gone()?.as_ref()))
}

pub(crate) struct Ephemeral {
    client: Client,
    pods: Informer<Pod>,
    claims: Informer<PersistentVolumeClaim>,
}

/// The claims a pod needs for its own.
fn wanted(pod: &Pod) -> Vec<PersistentVolumeClaim> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let claim = |volume: &Volume| {
        let template = volume.ephemeral.as_ref()?.volume_claim_template.as_ref()?;
        let meta = template.metadata.clone().unwrap_or_default();
        let metadata = ObjectMeta {
            name: claim_name(pod, volume),
            labels: meta.labels,
            annotations: meta.annotations,
            ..meta::made_by(pod)
        };
        Some(PersistentVolumeClaim { metadata, spec: Some(template.spec.clone()), status: None })
    };
    volumes.filter_map(claim).collect()
}

impl Ephemeral {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(pod) = self.pods.get(key).filter(|pod| !pod.is_deleting() && !is_finished(pod)) else {
            return Ok(None);
        };
        for claim in wanted(&pod) {
            let present = match self.claims.get(&claim.key()) {
                Some(present) => present,
                None => match self.client.create(&claim).await {
                    Err(error) if error.is_already_exists() => self.client.get(claim.namespace(), claim.name()).await?,
                    other => other?,
                }
                .into(),
            };
            if present.controller().is_none_or(|owner| owner.uid != pod.uid()) {
                let claim = claim.key();
                return Err(Error::Object(format!("PVC {claim} was not created for pod {key} (pod is not owner)")));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::tests::pod;
    use serde_json::json;

    #[test]
    fn an_ephemeral_volume_becomes_a_claim_of_the_pod() {
        let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"accessModes": ["ReadWriteOnce"]}});
        let pod = pod(json!({"metadata": {"name": "p", "namespace": "ns", "uid": "1"}, "spec": {"containers": [],
            "volumes": [{"name": "plain", "emptyDir": {}}, {"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}]}}));
        let claims = wanted(&pod);
        assert_eq!(claims.len(), 1);
        assert_eq!(claims[0].key().to_string(), "ns/p-scratch");
        assert_eq!(claims[0].controller().map(|owner| owner.uid.as_str()), Some("1"));
        assert_eq!(claims[0].metadata.labels, Some([("a".to_owned(), "b".to_owned())].into()));
    }
}

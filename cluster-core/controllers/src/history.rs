//! The revisions of a pod template that stateful sets and daemon sets go back to.

use crate::prelude::*;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;

/// The label of pods with the revision they were made from, and of a daemon set's revisions.
pub(crate) const REVISION: &str = "controller-revision-hash";
/// The label of a stateful set's revisions.
pub(crate) const HASH: &str = "controller.kubernetes.io/hash";
/// Names of equal hash that are tried before giving up.
const COLLISIONS: i32 = 16;

/// The revision that a pod was made from, or the hash of a revision's object.
pub(crate) fn revision<K: Object>(object: &K) -> &str {
    object.label(REVISION).unwrap_or_default()
}

/// The part of a name that tells templates apart. It only has to be stable and rarely equal for different templates:
/// what carries it is found by its content.
pub(crate) fn hash(text: &str, collisions: i32) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let suffix = if collisions > 0 { collisions.to_string() } else { String::new() };
    let bytes = text.bytes().chain(suffix.bytes());
    let fnv = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    fnv.to_string().bytes().map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()])).collect()
}

/// All revisions of one owner.
pub(crate) struct Revisions {
    /// The one of the present template.
    pub(crate) update: Arc<ControllerRevision>,
    /// All, oldest first.
    pub(crate) all: Vec<Arc<ControllerRevision>>,
}

impl Revisions {
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<ControllerRevision>> {
        self.all.iter().find(|revision| revision.name() == name)
    }
}

/// The template a revision holds.
pub(crate) fn template(revision: &ControllerRevision) -> Option<PodTemplateSpec> {
    let mut template = revision.data.0.pointer("/spec/template")?.clone();
    template.as_object_mut()?.remove("$patch");
    serde_json::from_value(template).ok()
}

fn data(template: &PodTemplateSpec) -> Value {
    let mut template = serde_json::to_value(template).unwrap_or_default();
    template["$patch"] = "replace".into();
    json!({"spec": {"template": template}})
}

/// Reads and writes revisions for one controller.
pub(crate) struct History {
    client: Client,
    /// What revisions have their hash under.
    label: &'static str,
    pub(crate) revisions: Informer<ControllerRevision>,
}

impl History {
    pub(crate) fn new(client: &Client, informers: &Informers, label: &'static str) -> Self {
        let revisions = informers.informer::<ControllerRevision>();
        index::by_owner(&revisions);
        Self { client: client.clone(), label, revisions }
    }

    /// The revisions of `owner`, after making the one of `template`, or making it the newest again.
    pub(crate) async fn sync<O: Object>(
        &self,
        owner: &O,
        selector: &Selector,
        template: &PodTemplateSpec,
    ) -> Result<Revisions, Error> {
        let mut all = claim(&self.client, owner, selector, &self.revisions, None).await?;
        all.sort_by_key(|revision| (revision.revision, revision.created(), revision.name().to_owned()));
        let wanted = data(template);
        let next = all.last().and_then(|newest| newest.revision).unwrap_or_default() + 1;
        let newest = all.len().saturating_sub(1);
        let update = match all.iter().rposition(|revision| revision.data.0 == wanted) {
            Some(index) if index == newest => return Ok(Revisions { update: all[index].clone(), all }),
            Some(index) => {
                let old = all.remove(index);
                self.client.update(&ControllerRevision { revision: Some(next), ..(*old).clone() }).await?
            }
            None => self.create(owner, template, wanted, next).await?,
        };
        let update = Arc::new(update);
        all.push(update.clone());
        Ok(Revisions { update, all })
    }

    async fn create<O: Object>(
        &self,
        owner: &O,
        template: &PodTemplateSpec,
        data: Value,
        revision: i64,
    ) -> Result<ControllerRevision, Error> {
        let text = data.to_string();
        for collisions in 0..COLLISIONS {
            let hash = hash(&text, collisions);
            let mut labels: Labels =
                template.metadata.as_ref().and_then(|meta| meta.labels.clone()).unwrap_or_default();
            labels.insert(self.label.to_owned(), hash.clone());
            let new = ControllerRevision {
                metadata: ObjectMeta {
                    name: Some(format!("{}-{hash}", owner.name())),
                    labels: Some(labels),
                    // Among them is the cause of the change, which `kubectl rollout history` shows.
                    annotations: owner.metadata().annotations.clone(),
                    ..meta::made_by(owner)
                },
                data: RawExtension(data.clone()),
                revision: Some(revision),
            };
            match self.client.create(&new).await {
                Err(error) if error.is_already_exists() => {
                    let present: ControllerRevision = self.client.get(owner.namespace(), new.name()).await?;
                    let ours = present.controller().is_some_and(|by| by.uid == owner.uid());
                    if ours && present.data.0 == data {
                        return Ok(present);
                    }
                }
                other => return Ok(other?),
            }
        }
        Err(Error::Object(format!("no name is left for a revision of {}", owner.name())))
    }

    /// Deletes the oldest revisions that are neither `live` nor within the limit.
    pub(crate) async fn truncate(&self, revisions: &Revisions, live: &[&str], limit: i32) -> Result<(), Error> {
        for revision in spent(&revisions.all, live, limit) {
            delete(&self.client, revision.as_ref()).await?;
        }
        Ok(())
    }
}

fn spent<'a>(
    all: &'a [Arc<ControllerRevision>],
    live: &[&str],
    limit: i32,
) -> impl Iterator<Item = &'a Arc<ControllerRevision>> {
    let old: Vec<_> = all.iter().filter(|revision| !live.contains(&revision.name())).collect();
    let count = old.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
    old.into_iter().take(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_revisions_beyond_the_limit_go_and_live_ones_stay() {
        let revision = |name: &str| {
            let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
            Arc::new(ControllerRevision { metadata, data: RawExtension(Value::Null), revision: None })
        };
        let all: Vec<_> = ["a", "b", "c", "d", "e"].into_iter().map(revision).collect();
        let cases: [(&[&str], i32, &[&str]); 3] =
            [(&["e"], 10, &[]), (&["a", "e"], 1, &["b", "c"]), (&["e"], 0, &["a", "b", "c", "d"])];
        for (live, limit, expected) in cases {
            let found: Vec<_> = spent(&all, live, limit).map(|revision| revision.name()).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_template_comes_back_from_its_revision() {
        let wanted = PodTemplateSpec::default();
        let revision = ControllerRevision { data: RawExtension(data(&wanted)), ..ControllerRevision::default() };
        assert_eq!(template(&revision), Some(wanted));
    }
}

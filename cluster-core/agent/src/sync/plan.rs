//! What has to be done to a cluster so that it is as the files say: pure functions.

use super::load::Document;
use crate::prelude::*;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::BTreeSet;

/// Kinds that others need, before those; what is not named comes last but for webhooks, which judge all the rest.
const FIRST: &str = "Namespace CustomResourceDefinition PriorityClass StorageClass ServiceAccount Secret ConfigMap \
    PersistentVolume PersistentVolumeClaim ClusterRole Role ClusterRoleBinding RoleBinding NetworkPolicy Service LimitRange";
const WORKLOADS: [&str; 7] = ["Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"];
const HASH_ANNOTATION: &str = "devcluster.io/config-hash";

/// An object's identity, which is the same in all versions that its kind is served in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) group: String,
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    pub(super) fn of(object: &Value) -> Self {
        Self {
            group: meta::api_version(object).rsplit_once('/').map_or("", |(group, _)| group).to_owned(),
            kind: meta::kind(object).to_owned(),
            namespace: meta::namespace(object).to_owned(),
            name: meta::name(object).to_owned(),
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind.to_lowercase(), self.name)
    }
}

/// When an object of a kind is applied; equal numbers in the order of the files.
pub(super) fn rank(kind: &str) -> usize {
    match FIRST.split(' ').position(|first| first == kind) {
        Some(place) => place,
        None if kind.ends_with("WebhookConfiguration") || kind.starts_with("ValidatingAdmissionPolicy") => usize::MAX,
        None if WORKLOADS.contains(&kind) => FIRST.len(),
        None => FIRST.len() + 1,
    }
}

/// The objects that are not in the cluster as they are in the files, in the order of their dependencies.
pub(super) fn changed<'a>(documents: &'a [Document], applied: &HashMap<Key, Value>) -> Vec<&'a Document> {
    let is_new = |document: &&Document| applied.get(&Key::of(&document.object)) != Some(&document.object);
    let mut changed: Vec<&Document> = documents.iter().filter(is_new).collect();
    changed.sort_by_key(|document| rank(meta::kind(&document.object)));
    changed
}

/// The objects that are in the cluster by our doing and in no file any more, those that need others first.
pub(super) fn leftovers<'a>(ours: impl IntoIterator<Item = &'a Key>, documents: &[Document]) -> Vec<Key> {
    let wanted: BTreeSet<Key> = documents.iter().map(|document| Key::of(&document.object)).collect();
    let mut left: Vec<Key> = ours.into_iter().filter(|key| !wanted.contains(key)).cloned().collect();
    left.sort_by_key(|key| std::cmp::Reverse(rank(&key.kind)));
    left
}

/// Two documents of one object: the second would undo the first.
pub(super) fn twice(documents: &[Document]) -> Vec<&Document> {
    let mut seen = BTreeSet::new();
    documents.iter().filter(|document| !seen.insert(Key::of(&document.object))).collect()
}

/// Writes into each workload what the ConfigMaps and Secrets hold that it only reads when it starts, so that a change of
/// those rolls it out anew. Files of mounted ones change in the running containers.
pub(super) fn stamp(documents: &mut [Document]) {
    let content: HashMap<Key, String> = documents
        .iter()
        .filter(|document| matches!(meta::kind(&document.object), "ConfigMap" | "Secret"))
        .map(|document| {
            let object = &document.object;
            let fields = ["data", "binaryData", "stringData"].map(|field| object[field].to_string());
            (Key::of(object), fields.concat())
        })
        .collect();
    for document in documents {
        let (kind, namespace) = (meta::kind(&document.object), meta::namespace(&document.object).to_owned());
        if !matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet") {
            continue;
        }
        let mut read = String::new();
        for (kind, name) in read_at_start(meta::get(&document.object, "spec.template.spec")) {
            let key = Key { group: String::new(), kind, namespace: namespace.clone(), name };
            read.extend(content.get(&key).map(String::as_str));
        }
        if !read.is_empty() {
            let metadata = object_at(&mut document.object["spec"]["template"], "metadata");
            object_at(metadata, "annotations")[HASH_ANNOTATION] = short_hash(&read).into();
        }
    }
}

/// The object in a field of an object; made when there is none.
pub(super) fn object_at<'a>(object: &'a mut Value, field: &str) -> &'a mut Value {
    let inner = &mut object[field];
    if !inner.is_object() {
        *inner = json!({});
    }
    inner
}

/// The ConfigMaps and Secrets that a pod reads into its environment, or mounts file by file.
fn read_at_start(pod: &Value) -> BTreeSet<(String, String)> {
    let containers = ["initContainers", "containers"].iter().flat_map(|list| meta::items(&pod[*list]));
    let mounts = containers.flat_map(|container| meta::items(&container["volumeMounts"]));
    let single: Vec<&Value> = mounts.filter(|mount| mount["subPath"].is_string()).map(|mount| &mount["name"]).collect();
    let volumes: Value =
        meta::items(&pod["volumes"]).iter().filter(|volume| single.contains(&&volume["name"])).cloned().collect();
    let read = json!({"initContainers": pod["initContainers"], "containers": pod["containers"], "volumes": volumes});
    let kind = |resource| match resource {
        "configmaps" => Some("ConfigMap"),
        "secrets" => Some("Secret"),
        _ => None,
    };
    let named = cluster_object::pod::references(&read).into_iter();
    named.filter_map(|(resource, name)| Some((kind(resource)?.to_owned(), name.to_owned()))).collect()
}

/// Enough of a hash to tell contents apart, as a label may hold it.
pub(super) fn short_hash(text: &str) -> String {
    let start =
        digest(&SHA256, text.as_bytes()).as_ref().iter().take(8).fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
    format!("{start:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn document(object: Value) -> Document {
        Document { object, file: PathBuf::from("x.yaml"), line: 1, text: String::new() }
    }

    fn named(kind: &str, name: &str) -> Document {
        document(json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}))
    }

    fn kinds(documents: &[&Document]) -> Vec<String> {
        documents.iter().map(|document| meta::kind(&document.object).to_owned()).collect()
    }

    #[test]
    fn what_others_need_comes_first_and_goes_last() {
        let documents = ["Deployment", "Gadget", "ValidatingWebhookConfiguration", "ConfigMap", "Namespace"]
            .map(|kind| named(kind, "a"));
        let order = ["Namespace", "ConfigMap", "Deployment", "Gadget", "ValidatingWebhookConfiguration"];
        assert_eq!(kinds(&changed(&documents, &HashMap::new())), order);
        let ours: Vec<Key> = documents.iter().map(|document| Key::of(&document.object)).collect();
        let left: Vec<String> = leftovers(&ours, &[]).into_iter().map(|key| key.kind).collect();
        assert_eq!(left, order.iter().rev().copied().collect::<Vec<_>>());
    }

    #[test]
    fn only_what_differs_is_applied_and_only_what_is_ours_is_left_over() {
        let (a, b) = (named("ConfigMap", "a"), named("ConfigMap", "b"));
        let applied = HashMap::from([(Key::of(&a.object), a.object.clone())]);
        let documents = [a.clone(), b.clone()];
        assert_eq!(changed(&documents, &applied), [&b]);
        assert_eq!(leftovers(applied.keys(), std::slice::from_ref(&b)), [Key::of(&a.object)]);
        assert_eq!(twice(&[a.clone(), b, a.clone()]), [&a]);
    }

    #[test]
    fn an_object_in_another_version_is_the_same_object() {
        let scaler = |version: &str| {
            document(json!({"apiVersion": version, "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}}))
        };
        let [one, two] = ["autoscaling/v1", "autoscaling/v2"].map(scaler);
        assert_eq!(leftovers([&Key::of(&one.object)], std::slice::from_ref(&two)), []);
        assert_eq!(twice(&[one, two.clone()]), [&two]);
    }

    #[test]
    fn a_workload_is_stamped_with_what_it_reads_only_at_its_start() {
        let map = |value: &str| {
            document(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": value}}))
        };
        let workload = |pod: Value| {
            document(
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": {"spec": pod}}}),
            )
        };
        let stamped = |value: &str, pod: Value| {
            let mut documents = [map(value), workload(pod)];
            stamp(&mut documents);
            documents[1].object["spec"]["template"]["metadata"]["annotations"][HASH_ANNOTATION].clone()
        };
        let env = json!({"containers": [{"envFrom": [{"configMapRef": {"name": "m"}}]}]});
        assert!(stamped("1", env.clone()).is_string());
        assert_ne!(stamped("1", env.clone()), stamped("2", env));
        let volume = json!([{"name": "v", "configMap": {"name": "m"}}]);
        let mounted = json!({"volumes": volume, "containers": [{"volumeMounts": [{"name": "v"}]}]});
        assert!(stamped("1", mounted).is_null(), "a mounted one follows by itself");
        let single = json!({"volumes": volume, "containers": [{"volumeMounts": [{"name": "v", "subPath": "a"}]}]});
        assert!(stamped("1", single).is_string(), "a single file does not");
    }
}

//! Empties namespaces that are being deleted, pods first, and lets them go when nothing is left.

use crate::prelude::*;
use std::sync::LazyLock;

const FINALIZER: &str = "kubernetes";
/// Upstream's conditions: type, the reason when it holds, the reason and message when it does not.
static CONDITIONS: LazyLock<Vec<[&str; 4]>> =
    LazyLock::new(|| serde_json::from_str(include_str!("namespace.json")).expect("a table of texts, which tests read"));
/// When to look again while objects are on their way out; a pod that is gone brings the namespace back at once.
const RECHECK: Duration = Duration::from_secs(1);

pub(crate) fn runner(context: &Context) -> Runner<Emptier> {
    let (namespaces, pods) = (context.informers.informer(), context.informers.informer());
    let controller = Arc::new(Emptier { client: context.client.clone(), namespaces, pods });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed()).on_each(&controller.namespaces).on(
        &controller.pods,
        |c, change| {
            let key = ObjectKey::new("", change.gone()?.namespace());
            c.namespaces.get(&key).filter(|namespace| namespace.is_deleting()).map(|_| key)
        },
    )
}

pub(crate) struct Emptier {
    client: Client,
    namespaces: Informer<Namespace>,
    pods: Informer<Pod>,
}

/// What a round of deletion left behind.
#[derive(Debug, Default, PartialEq, Eq)]
struct Findings {
    /// Which kinds the server does not tell, and why.
    undiscovered: Vec<String>,
    /// What could not be deleted.
    failures: Vec<String>,
    /// How many objects remain, by resource.
    remaining: BTreeMap<String, usize>,
    /// How many of them wait for a finalizer.
    finalizers: BTreeMap<String, usize>,
}

impl Findings {
    fn is_empty(&self) -> bool {
        self.undiscovered.is_empty() && self.failures.is_empty() && self.remaining.is_empty()
    }

    /// Upstream's five conditions.
    fn conditions(&self) -> Vec<NamespaceCondition> {
        let remaining = self.remaining.iter().map(|(what, count)| format!("{what} has {count} resource instances"));
        let finalizers = self.finalizers.iter().map(|(name, count)| format!("{name} in {count} resource instances"));
        let [failures, remaining, finalizers]: [Vec<String>; 3] =
            [self.failures.clone(), remaining.collect(), finalizers.collect()];
        let undiscovered = format!(
            "Discovery failed for some groups, {} failing: unable to retrieve the complete list of server APIs",
            self.undiscovered.len()
        );
        let list = |what: &str, all: &[String]| (!all.is_empty()).then(|| format!("{what}: {}", all.join(", ")));
        let faults = [
            list(&undiscovered, &self.undiscovered),
            None,
            list(&format!("Failed to delete all resource types, {} remaining", failures.len()), &failures),
            list("Some resources are remaining", &remaining),
            list("Some content in the namespace has finalizers remaining", &finalizers),
        ];
        let condition = |([kind, bad, well, good], fault): (&[&str; 4], Option<String>)| match fault {
            Some(message) => NamespaceCondition::build(kind, "True", bad, message),
            None => NamespaceCondition::build(kind, "False", well, (*good).to_owned()),
        };
        CONDITIONS.iter().zip(faults).map(condition).collect()
    }
}

impl Emptier {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(namespace) = self.namespaces.get(key).filter(|namespace| namespace.is_deleting()) else {
            return Ok(None);
        };
        let finalizers = namespace.spec.as_ref().and_then(|spec| spec.finalizers.clone()).unwrap_or_default();
        if !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
            return Ok(None);
        }
        let findings = self.empty(&key.name).await?;
        let namespace = self.report(&namespace, &findings).await?;
        if !findings.is_empty() {
            return Ok(Some(RECHECK));
        }
        let mut done = namespace;
        done.spec.get_or_insert_default().finalizers =
            Some(finalizers.into_iter().filter(|f| f != FINALIZER).collect());
        ignore_gone(self.client.update_subresource(&done, "finalize").await)?;
        Ok(None)
    }

    async fn report(&self, namespace: &Namespace, findings: &Findings) -> Result<Namespace, Error> {
        let mut updated = namespace.clone();
        let status = updated.status.get_or_insert_default();
        for condition in findings.conditions() {
            let old = conditions::get(status.conditions.as_ref(), condition.kind());
            if !old.is_some_and(|old| old.status == condition.status && old.message == condition.message) {
                conditions::set(&mut status.conditions, condition);
            }
        }
        if updated == *namespace {
            return Ok(updated);
        }
        Ok(self.client.update_status(&updated).await?)
    }

    /// One round: pods first, because what they use should outlive them, then everything else.
    async fn empty(&self, namespace: &str) -> Result<Findings, Error> {
        let (resources, undiscovered) = discover(&self.client).await?;
        let mut findings = Findings { undiscovered, ..Findings::default() };
        let deletable = |resource: &&Resource| resource.namespaced && resource.can(&["list", "delete"]);
        let (pods, others): (Vec<_>, Vec<_>) = resources
            .iter()
            .filter(deletable)
            .partition(|resource| resource.group.is_empty() && resource.name == "pods");
        for resources in [pods, others] {
            let results = join_all(resources.iter().map(|resource| self.clear(resource, namespace))).await;
            for (resource, result) in resources.iter().zip(results) {
                match result {
                    Ok(items) => count(&mut findings, resource, &items),
                    Err(error) => findings.failures.push(format!("{}: {error}", resource.qualified())),
                }
            }
            if !findings.remaining.is_empty() {
                break;
            }
        }
        Ok(findings)
    }

    /// Deletes a whole collection; gives what is still there.
    async fn clear(&self, resource: &Resource, namespace: &str) -> Result<Vec<Value>, Error> {
        let path = resource.path(namespace);
        let items = self.items(&path).await?;
        if items.is_empty() {
            return Ok(items);
        }
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
        if resource.can(&["deletecollection"]) {
            self.client.raw(Method::DELETE, &path, Some(&options)).await?;
        } else {
            for item in &items {
                let name = item["metadata"]["name"].as_str().unwrap_or_default();
                ignore_gone(self.client.raw(Method::DELETE, &format!("{path}/{name}"), Some(&options)).await)?;
            }
        }
        self.items(&path).await
    }

    async fn items(&self, path: &str) -> Result<Vec<Value>, Error> {
        let list = ignore_gone(self.client.raw(Method::GET, path, None).await)?;
        Ok(list.and_then(|mut list| list["items"].as_array_mut().map(std::mem::take)).unwrap_or_default())
    }
}

fn count(findings: &mut Findings, resource: &Resource, items: &[Value]) {
    if items.is_empty() {
        return;
    }
    findings.remaining.insert(format!("{}.{}", resource.name, resource.group), items.len());
    let names = items.iter().flat_map(|item| item["metadata"]["finalizers"].as_array().into_iter().flatten());
    for name in names.filter_map(Value::as_str) {
        *findings.finalizers.entry(name.to_owned()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_say_what_holds_a_namespace() {
        let texts = |findings: &Findings| -> Vec<String> {
            let text =
                |c: &NamespaceCondition| format!("{} {} {}", c.type_, c.status, c.message.clone().unwrap_or_default());
            findings.conditions().iter().map(text).collect()
        };
        let mut findings = Findings::default();
        assert!(findings.is_empty());
        assert!(texts(&findings).iter().all(|text| text.contains(" False ")));
        findings.remaining.insert("pods.".into(), 2);
        findings.finalizers.insert("x/y".into(), 1);
        findings.undiscovered.push("metrics.k8s.io/v1beta1: the server is down".into());
        assert!(!findings.is_empty());
        let found = texts(&findings);
        assert_eq!(
            found[0],
            "NamespaceDeletionDiscoveryFailure True Discovery failed for some groups, 1 failing: unable to retrieve the \
             complete list of server APIs: metrics.k8s.io/v1beta1: the server is down"
        );
        assert_eq!(
            found[3],
            "NamespaceContentRemaining True Some resources are remaining: pods. has 2 resource instances"
        );
        assert_eq!(
            found[4],
            "NamespaceFinalizersRemaining True Some content in the namespace has finalizers remaining: \
            x/y in 1 resource instances"
        );
    }
}

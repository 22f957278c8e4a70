//! The plugins against a few stored objects.

use super::*;
use crate::kinds;
use serde_json::json;

struct Stored(Vec<(&'static str, Value)>);

impl Lookup for Stored {
    fn find(&self, storage: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.list(storage, Some(namespace)).into_iter().find(|o| o["metadata"]["name"] == name)
    }

    fn list(&self, storage: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let inside =
            |o: &Value| namespace.is_none_or(|ns| o["metadata"]["namespace"].as_str().unwrap_or_default() == ns);
        self.0.iter().filter(|(s, o)| *s == storage && inside(o)).map(|(_, o)| Arc::new(o.clone())).collect()
    }
}

fn stored(more: Vec<(&'static str, Value)>) -> Stored {
    let mut all = vec![
        ("namespaces", json!({"metadata": {"name": "default"}, "status": {"phase": "Active"}})),
        ("namespaces", json!({"metadata": {"name": "going"}, "status": {"phase": "Terminating"}})),
        ("serviceaccounts", json!({"metadata": {"name": "default", "namespace": "default"}})),
    ];
    all.extend(more);
    Stored(all)
}

/// Admits a new object of `plural`; returns it or the message of the refusal.
fn create(plural: &str, namespace: &str, mut object: Value, lookup: &Stored) -> Result<Value, String> {
    let resource = kinds::builtin().into_iter().find(|r| r.plural == plural).unwrap();
    let user = UserInfo { name: "u".to_owned(), ..UserInfo::default() };
    let mut request = AdmissionRequest {
        user: &user,
        operation: Operation::Create,
        resource: &resource,
        subresource: "",
        namespace,
        name: "x",
        object: &mut object,
        old: None,
        query: &Query::default(),
        notes: &Notes::default(),
    };
    let options = Options { storage_protection: true, ..Options::default() };
    admit(&mut request, lookup, &options).map_err(|status| status.message)?;
    validate(&request, lookup, &options)
        .and_then(|()| quota::check(&request, lookup))
        .map_err(|status| status.message)?;
    Ok(object)
}

fn pod() -> Value {
    json!({"metadata": {"name": "x"}, "spec": {"containers": [{"name": "a", "image": "a"}]}})
}

#[test]
fn a_pod_gets_account_token_priority_and_tolerations() {
    let pod = create("pods", "default", pod(), &stored(vec![])).unwrap();
    let spec = &pod["spec"];
    let volume = spec["volumes"][0]["name"].as_str().unwrap();
    assert!(volume.starts_with("kube-api-access-") && volume.len() == "kube-api-access-".len() + 5, "{volume}");
    assert_eq!(spec["containers"][0]["volumeMounts"][0]["name"], volume);
    assert_eq!((&spec["serviceAccountName"], &spec["priority"]), (&json!("default"), &json!(0)));
    assert_eq!(spec["preemptionPolicy"], "PreemptLowerPriority");
    assert_eq!(spec["tolerations"][1]["tolerationSeconds"], 300);
}

#[test]
fn a_pod_keeps_its_priority_where_an_update_leaves_it_out_and_is_not_given_another_policy() {
    let old = json!({"spec": {"priority": 7, "preemptionPolicy": "Never"}});
    let mut new = pod();
    pods::keep_priority(&mut new, &old);
    assert_eq!((&new["spec"]["priority"], &new["spec"]["preemptionPolicy"]), (&json!(7), &json!("Never")));
    new["spec"]["priority"] = 8.into();
    pods::keep_priority(&mut new, &old);
    assert_eq!(new["spec"]["priority"], 8, "for validation to refuse");
    let mut object = pod();
    object["spec"]["preemptionPolicy"] = "Never".into();
    assert_eq!(
        create("pods", "default", object, &stored(vec![])).unwrap_err(),
        "pods \"x\" is forbidden: the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority \
         admission controller computed PreemptLowerPriority from the given PriorityClass name"
    );
}

#[test]
fn namespaces_must_be_there_and_alive() {
    let lookup = stored(vec![]);
    assert_eq!(create("pods", "nope", pod(), &lookup).unwrap_err(), "namespaces \"nope\" not found");
    assert_eq!(
        create("pods", "going", pod(), &lookup).unwrap_err(),
        "pods \"x\" is forbidden: unable to create new content in namespace going because it is being terminated"
    );
}

#[test]
fn a_pod_without_its_account_or_class_is_refused() {
    let lookup = stored(vec![]);
    let mut object = pod();
    object["spec"]["serviceAccountName"] = "robot".into();
    assert_eq!(
        create("pods", "default", object, &lookup).unwrap_err(),
        "pods \"x\" is forbidden: error looking up service account default/robot: serviceaccount \"robot\" not found"
    );
    let mut object = pod();
    object["spec"]["priorityClassName"] = "high".into();
    assert_eq!(
        create("pods", "default", object, &lookup).unwrap_err(),
        "pods \"x\" is forbidden: no PriorityClass with name high was found"
    );
}

#[test]
fn limit_ranges_fill_in_and_refuse() {
    let range = json!({"metadata": {"name": "l", "namespace": "default"}, "spec": {"limits": [{"type": "Container",
        "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m"}, "max": {"cpu": "1"}}]}});
    let lookup = stored(vec![("limitranges", range)]);
    let done = create("pods", "default", pod(), &lookup).unwrap();
    assert_eq!(
        done["spec"]["containers"][0]["resources"],
        json!({"requests": {"cpu": "100m"}, "limits": {"cpu": "500m"}})
    );
    let mut big = pod();
    big["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "2"}});
    assert_eq!(
        create("pods", "default", big, &lookup).unwrap_err(),
        "pods \"x\" is forbidden: maximum cpu usage per Container is 1, but limit is 2"
    );
    let mut first = pod();
    first["spec"]["initContainers"] = json!([{"name": "i", "resources": {"limits": {"cpu": "3"}}}]);
    assert_eq!(
        create("pods", "default", first, &lookup).unwrap_err(),
        "pods \"x\" is forbidden: maximum cpu usage per Container is 1, but limit is 3"
    );
}

#[test]
fn a_limit_range_of_pods_looks_at_init_containers_too() {
    let range = json!({"metadata": {"name": "l", "namespace": "default"},
        "spec": {"limits": [{"type": "Pod", "max": {"cpu": "1"}}]}});
    let lookup = stored(vec![("limitranges", range)]);
    let mut first = pod();
    first["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "1"}});
    create("pods", "default", first.clone(), &lookup).unwrap();
    first["spec"]["initContainers"] = json!([{"name": "i", "image": "i", "resources": {"limits": {"cpu": "3"}}}]);
    assert_eq!(
        create("pods", "default", first, &lookup).unwrap_err(),
        "pods \"x\" is forbidden: maximum cpu usage per Pod is 1, but limit is 3"
    );
}

#[test]
fn quotas_hold() {
    let quota = json!({"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": {"pods": "1"}}});
    let other = json!({"metadata": {"name": "y", "namespace": "default"}});
    assert_eq!(
        create("pods", "default", pod(), &stored(vec![("resourcequotas", quota), ("pods", other)])).unwrap_err(),
        "pods \"x\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
    );
}

#[test]
fn quotas_count_by_scope_and_by_every_resource() {
    let pod = |requests: Value, more: Value| {
        let mut pod = json!({"metadata": {"name": "x"}, "spec": more});
        pod["spec"]["containers"] = json!([{"name": "a", "image": "a", "resources": {"requests": requests}}]);
        pod
    };
    let quota = |hard: Value, scopes: Value| json!({"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": hard, "scopes": scopes}});
    let cpu = || json!({"cpu": "1"});
    let dongles = || json!({"example.com/dongle": "2"});
    let none = || json!({});
    let cases = [
        (quota(json!({"requests.example.com/dongle": "1"}), json!([])), pod(dongles(), none()), Some("dongle=2")),
        (quota(json!({"requests.example.com/dongle": "2"}), json!([])), pod(dongles(), none()), None),
        (quota(json!({"pods": "0"}), json!(["BestEffort"])), pod(cpu(), none()), None),
        (quota(json!({"pods": "0"}), json!(["BestEffort"])), pod(none(), none()), Some("pods=1")),
        (quota(json!({"pods": "0"}), json!(["NotBestEffort"])), pod(cpu(), none()), Some("pods=1")),
        (quota(json!({"pods": "0"}), json!(["Terminating"])), pod(none(), none()), None),
        (
            quota(json!({"pods": "0"}), json!(["Terminating"])),
            pod(none(), json!({"activeDeadlineSeconds": 9})),
            Some("pods=1"),
        ),
        (
            quota(json!({"limits.cpu": "1", "requests.memory": "1"}), json!([])),
            pod(cpu(), none()),
            Some("must specify limits.cpu for: a; requests.memory for: a"),
        ),
        (
            quota(json!({"limits.cpu": "1", "requests.memory": "1"}), json!([])),
            pod(cpu(), json!({"resources": {"limits": {"cpu": "1"}}})),
            None,
        ),
        (quota(json!({"ephemeral-storage": "1"}), json!([])), pod(cpu(), none()), None),
    ];
    for (quota, pod, expected) in cases {
        let about = format!("{} {}", quota["spec"], pod["spec"]);
        let got = create("pods", "default", pod, &stored(vec![("resourcequotas", quota)]));
        match (got, expected) {
            (Ok(_), None) => {}
            (Err(message), Some(part)) if message.contains(part) => {}
            (got, _) => panic!("{about}: {got:?}"),
        }
    }
}

#[test]
fn security_levels_hold() {
    let safe = json!({"metadata": {"name": "safe", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}});
    let account = json!({"metadata": {"name": "default", "namespace": "safe"}});
    let mut host = pod();
    host["spec"]["hostNetwork"] = true.into();
    assert_eq!(
        create("pods", "safe", host, &stored(vec![("namespaces", safe), ("serviceaccounts", account)])).unwrap_err(),
        "pods \"x\" is forbidden: violates PodSecurity \"baseline:latest\": host namespaces (hostNetwork=true)"
    );
}

#[test]
fn claims_get_the_default_class_and_protection() {
    let class = json!({"metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}});
    let claim = json!({"metadata": {"name": "x"}, "spec": {}});
    let done =
        create("persistentvolumeclaims", "default", claim, &stored(vec![("storage.k8s.io/storageclasses", class)]))
            .unwrap();
    assert_eq!(done["spec"]["storageClassName"], "standard");
    assert_eq!(done["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
}

#[test]
fn a_ratio_of_limits_to_requests_binds_who_says_nothing_and_claims_ask() {
    let range = |kind: &str, more: Value| {
        let mut limit = more;
        limit["type"] = kind.into();
        json!({"metadata": {"name": "l", "namespace": "default"}, "spec": {"limits": [limit]}})
    };
    let lookup = stored(vec![("limitranges", range("Pod", json!({"maxLimitRequestRatio": {"cpu": "2"}})))]);
    let head = "pods \"x\" is forbidden: cpu max limit to request ratio per Pod is 2, but";
    for (resources, why) in [
        (json!({"requests": {"cpu": "1"}}), "no limit is specified or limit is 0"),
        (json!({"limits": {"cpu": "1"}}), "no request is specified or request is 0"),
        (json!({"requests": {"cpu": "1"}, "limits": {"cpu": "3"}}), "provided ratio is 3.000000"),
        (json!({"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}), ""),
    ] {
        let mut object = pod();
        object["spec"]["containers"][0]["resources"] = resources;
        let refused = create("pods", "default", object, &lookup).err().unwrap_or_default();
        assert_eq!(refused, if why.is_empty() { String::new() } else { format!("{head} {why}") });
    }
    let most = range("PersistentVolumeClaim", json!({"max": {"storage": "2Gi"}}));
    let claim = json!({"metadata": {"name": "x"}, "spec": {"resources": {"requests": {"storage": "3Gi"}}}});
    let refused = create("persistentvolumeclaims", "default", claim, &stored(vec![("limitranges", most)]));
    assert!(
        refused.unwrap_err().ends_with("maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi")
    );
}

#[test]
fn overhead_is_what_the_class_says() {
    let class = |name: &str, more: Value| {
        let mut class = more;
        class["metadata"] = json!({"name": name});
        ("node.k8s.io/runtimeclasses", class)
    };
    let overhead = json!({"overhead": {"podFixed": {"cpu": "1"}}});
    let lookup = stored(vec![class("vm", overhead), class("bare", json!({}))]);
    let undefined =
        "pods \"x\" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
    let other = "pods \"x\" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
    for (name, given, why) in [
        ("vm", json!({}), ""),
        ("vm", json!({"cpu": "1"}), ""),
        ("vm", json!({"cpu": "2"}), other),
        ("bare", json!({"cpu": "1"}), undefined),
        ("", json!({"cpu": "1"}), undefined),
    ] {
        let mut object = pod();
        object["spec"]["runtimeClassName"] = name.into();
        object["spec"]["overhead"] = given;
        let refused = create("pods", "default", object, &lookup).err().unwrap_or_default();
        assert_eq!(refused, why, "{name}");
    }
}

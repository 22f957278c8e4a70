//! Admission plugins as clients meet them.

use super::hook::{Hook, Seen};
use super::{Answer, Api, CONFIG_MAPS, PODS, UserInfo, config_map, pod};
use serde_json::{Value, json};

const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";

/// A PEM request of `/O=dev/O=system:masters/CN=eve`.
const MASTERS: &str = concat!(
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIdk1JR1hBZ0VBTURVeEREQUtCZ05WQkFvTUEyUmxkakVYTUJV",
    "R0ExVUVDZ3dPYzNsemRHVnRPbTFoYzNSbApjbk14RERBS0JnTlZCQU1NQTJWMlpUQlpNQk1HQnlxR1NNNDlBZ0VHQ0NxR1NNNDlB",
    "d0VIQTBJQUJJb0FUUGlaCmxHVkhvY1I0dWhGRUNJWHdjamI3ZWVqN2U3dkJOWERDaWU0WVdGb3dLSm43NEhpUkdXMU96MVp6SjBi",
    "aTF5aW8Kc1lFR0t1YUxsczZ2ekRXZ0FEQUtCZ2dxaGtqT1BRUURBZ05IQURCRUFpQk1BdTZZZmZkWXZiTk9MK09LcGJyMQpRbE5B",
    "ZllGQ09DS2VPV001a0xlRDJBSWdlNE01ZUVJcGRDR3F6REdZdjBkcVhlU3ZTZTBhNlg4ekRRSXp4NlN5CnhURT0KLS0tLS1FTkQg",
    "Q0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==",
);

pub(crate) fn request(name: &str, signer: &str) -> Value {
    json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name},
        "spec": {"request": MASTERS, "signerName": signer, "usages": ["client auth"]}})
}

/// Lets the user `signer-of-one` do anything with requests for certificates, and these verbs with this signer.
async fn grant(api: &Api, signer: &str, verbs: &[&str]) -> UserInfo {
    let group = "certificates.k8s.io";
    let rules = json!([
        {"apiGroups": [group], "resources": ["*"], "verbs": ["get", "update", "create"]},
        {"apiGroups": [group], "resources": ["signers"], "resourceNames": [signer], "verbs": verbs},
    ]);
    let role = json!({"metadata": {"name": "signers"}, "rules": rules});
    let root = "/apis/rbac.authorization.k8s.io/v1";
    api.post(&format!("{root}/clusterroles"), &role).await.ok();
    let binding = json!({"metadata": {"name": "signers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "signers"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "u"}]});
    api.post(&format!("{root}/clusterrolebindings"), &binding).await.ok();
    UserInfo::authenticated("u", &[])
}

#[tokio::test]
async fn requests_are_approved_and_signed_by_those_who_may_for_their_signer() {
    let api = Api::start().await;
    let user = grant(&api, "example.com/*", &["approve"]).await;
    let update = async |name: &str, part: &str, status: Value| {
        let mut object = api.get(&format!("{REQUESTS}/{name}")).await.ok();
        object["status"] = status;
        api.call_as(&user, "PUT", &format!("{REQUESTS}/{name}/{part}"), &object).await
    };
    let approved = json!({"conditions": [{"type": "Approved", "status": "True", "reason": "a", "message": "a"}]});
    for (name, signer, allowed) in [("a", "example.com/x", true), ("b", "example.org/x", false)] {
        api.post(REQUESTS, &request(name, signer)).await.ok();
        let answer = update(name, "approval", approved.clone()).await;
        assert_eq!(answer.code == 200, allowed, "{answer:?}");
        if !allowed {
            let why = "is forbidden: user not permitted to approve requests with signerName \"example.org/x\"";
            assert!(answer.failure().2.ends_with(why), "{answer:?}");
        }
    }
    let mut signed = approved;
    signed["certificate"] = "LS0=".into();
    let answer = update("a", "status", signed).await;
    let why = "is forbidden: user not permitted to sign requests with signerName \"example.com/x\"";
    assert!(answer.failure().2.ends_with(why), "{answer:?}");

    let bundle = json!({"metadata": {"name": "example.com:x:a"},
        "spec": {"signerName": "example.com/x", "trustBundle": "x"}});
    let bundles = "/apis/certificates.k8s.io/v1/clustertrustbundles";
    let answer = api.call_as(&user, "POST", bundles, &bundle).await;
    assert!(answer.failure().2.contains("user not permitted to attest for signerName"), "{answer:?}");
}

#[tokio::test]
async fn nobody_may_ask_for_a_client_certificate_of_the_masters() {
    let api = Api::start().await;
    let answer = api.post(REQUESTS, &request("a", "kubernetes.io/kube-apiserver-client")).await;
    let why = "certificatesigningrequests.certificates.k8s.io \"a\" is forbidden: use of \
               kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed";
    assert_eq!(answer.failure(), (403, "Forbidden", why));
    api.post(REQUESTS, &request("a", "example.com/x")).await.ok();
}

#[tokio::test]
async fn a_claim_grows_only_where_its_class_lets_it() {
    let api = Api::start().await;
    for (name, grows) in [("fixed", false), ("elastic", true)] {
        let class = json!({"metadata": {"name": name}, "provisioner": "example.com/p", "allowVolumeExpansion": grows});
        api.post("/apis/storage.k8s.io/v1/storageclasses", &class).await.ok();
        let claim = json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"],
            "storageClassName": name, "resources": {"requests": {"storage": "1Gi"}}}});
        api.post(CLAIMS, &claim).await.ok();
        let claim = format!("{CLAIMS}/{name}");
        let bound = json!({"status": {"phase": "Bound"}});
        api.patch(&format!("{claim}/status"), "merge-patch+json", &bound).await.ok();
        let more = json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}});
        let answer = api.patch(&claim, "merge-patch+json", &more).await;
        assert_eq!(answer.code, if grows { 200 } else { 403 }, "{answer:?}");
        assert!(grows || answer.failure().2.contains("only dynamically provisioned pvc can be resized"), "{answer:?}");
    }
}

async fn labelled(api: &Api, labels: &Value) -> Answer {
    api.patch("/api/v1/namespaces/default", "merge-patch+json", &json!({"metadata": {"labels": labels}})).await
}

#[tokio::test]
async fn a_namespace_enforces_warns_of_and_names_what_its_pods_do() {
    let api = Api::start().await;
    api.ready_for_pods().await;
    let mut host = pod("host");
    host["spec"]["hostPID"] = true.into();
    api.post(PODS, &host).await.ok();
    labelled(&api, &json!({"pod-security.kubernetes.io/warn": "baseline"})).await.ok();
    host["metadata"]["name"] = "second".into();
    let warned = api.post(PODS, &host).await;
    let why = "299 - \"would violate PodSecurity \\\"baseline:latest\\\": host namespaces (hostPID=true)\"";
    assert_eq!((warned.code, warned.warnings), (201, vec![why.to_owned()]));
    let labels = json!({"app": "d"});
    let template = json!({"metadata": {"labels": labels}, "spec": host["spec"]});
    let deployment =
        json!({"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": labels}, "template": template}});
    let warned = api.post("/apis/apps/v1/namespaces/default/deployments", &deployment).await;
    assert_eq!((warned.code, warned.warnings), (201, vec![why.to_owned()]));

    let enforced = labelled(&api, &json!({"pod-security.kubernetes.io/enforce": "baseline"})).await;
    let said = [
        "299 - \"existing pods in namespace \\\"default\\\" violate the new PodSecurity enforce level \\\"baseline:latest\\\"\"",
        "299 - \"host (and 1 other pod): host namespaces (hostPID=true)\"",
    ];
    assert_eq!((enforced.code, enforced.warnings), (200, said.map(str::to_owned).to_vec()));
    host["metadata"]["name"] = "third".into();
    let refused = api.post(PODS, &host).await;
    assert!(refused.failure().2.contains("violates PodSecurity \"baseline:latest\": host namespaces (hostPID=true)"));
    let change = async |spec: Value| {
        api.patch(&format!("{PODS}/host"), "strategic-merge-patch+json", &json!({"spec": spec})).await
    };
    change(json!({"activeDeadlineSeconds": 9})).await.ok();
    let other = change(json!({"containers": [{"name": "c", "image": "y"}]})).await;
    assert!(other.failure().2.contains("violates PodSecurity"), "what it runs is judged again: {other:?}");
    let unknown = labelled(&api, &json!({"pod-security.kubernetes.io/audit": "none"})).await;
    assert!(unknown.failure().2.contains("must be one of privileged, baseline, restricted"), "{unknown:?}");
}

#[tokio::test]
async fn a_plugin_that_is_switched_off_does_nothing() {
    let api = Api::start_with(|config| config.admission.disabled = vec!["ServiceAccount".to_owned()]).await;
    let made = api.post(PODS, &pod("a")).await.ok();
    assert!(made["spec"].get("serviceAccountName").is_none(), "{made}");
    assert_eq!(made["spec"]["priority"], 0, "others still run");
}

#[tokio::test]
async fn new_objects_get_what_classes_and_the_cluster_say() {
    let api = Api::start().await;
    api.ready_for_pods().await;
    let class = json!({"metadata": {"name": "web", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
        "spec": {"controller": "example.com/c"}});
    api.post("/apis/networking.k8s.io/v1/ingressclasses", &class).await.ok();
    let ingress = json!({"metadata": {"name": "a"}, "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}});
    let ingress = api.post("/apis/networking.k8s.io/v1/namespaces/default/ingresses", &ingress).await.ok();
    assert_eq!(ingress["spec"]["ingressClassName"], "web");

    let class = json!({"metadata": {"name": "vm"}, "handler": "h", "overhead": {"podFixed": {"memory": "64Mi"}},
        "scheduling": {"nodeSelector": {"vm": "yes"}}});
    api.post("/apis/node.k8s.io/v1/runtimeclasses", &class).await.ok();
    let mut object = pod("a");
    object["spec"]["runtimeClassName"] = "vm".into();
    let made = api.post(PODS, &object).await.ok();
    assert_eq!(
        (&made["spec"]["overhead"]["memory"], &made["spec"]["nodeSelector"]["vm"]),
        (&json!("64Mi"), &json!("yes"))
    );

    let node = api.post("/api/v1/nodes", &json!({"metadata": {"name": "n"}})).await.ok();
    assert_eq!(node["spec"]["taints"][0]["key"], "node.kubernetes.io/not-ready");
}

#[tokio::test]
async fn a_kubelet_names_its_node_but_not_where_workloads_are_kept_apart() {
    let api = Api::start().await;
    let kubelet = UserInfo::authenticated("system:node:n", &["system:nodes"]);
    let node = |labels: Value| json!({"metadata": {"name": "n", "labels": labels}});
    let guarded = json!({"node-restriction.kubernetes.io/fips": "yes"});
    let answer = api.call_as(&kubelet, "POST", "/api/v1/nodes", &node(guarded.clone())).await;
    let why = "node \"n\" is not allowed to set the following labels: node-restriction.kubernetes.io/fips";
    assert!(answer.code == 403 && answer.failure().2.ends_with(why), "{answer:?}");
    api.call_as(&kubelet, "POST", "/api/v1/nodes", &node(json!({"a": "b"}))).await.ok();
    api.patch("/api/v1/nodes/n", "merge-patch+json", &node(guarded)).await.ok();
    let mut stored = api.get("/api/v1/nodes/n").await.ok();
    stored["metadata"]["labels"]["a"] = "c".into();
    api.call_as(&kubelet, "PUT", "/api/v1/nodes/n", &stored).await.ok();
    stored["metadata"] = json!({"name": "n", "labels": {}});
    assert_eq!(api.call_as(&kubelet, "PUT", "/api/v1/nodes/n", &stored).await.code, 403);
    stored["metadata"]["labels"] = json!({"node-restriction.kubernetes.io/fips": "yes",
        "node-role.kubernetes.io/control-plane": "", "a.k8s.io/b": "", "kubernetes.io/os": "linux",
        "x.node.kubernetes.io/y": "", "topology.kubernetes.io/zone": "z"});
    let answer = api.call_as(&kubelet, "PUT", "/api/v1/nodes/n", &stored).await;
    let why = "is not allowed to modify labels: a.k8s.io/b, node-role.kubernetes.io/control-plane";
    assert!(answer.failure().2.ends_with(why), "{answer:?}");
}

#[tokio::test]
async fn a_kubelet_mirrors_pods_that_refer_to_nothing() {
    let api = Api::start().await;
    let kubelet = UserInfo::authenticated("system:node:n", &["system:nodes"]);
    let node = api.post("/api/v1/nodes", &json!({"metadata": {"name": "n"}})).await.ok();
    let mut good = pod("m");
    good["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
    good["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "Node", "name": "n",
        "uid": node["metadata"]["uid"], "controller": true}]);
    good["spec"]["nodeName"] = "n".into();
    let table = [
        ("/spec/nodeName", json!("o"), "can only create pods with spec.nodeName set to itself"),
        ("/metadata/ownerReferences", json!([]), "can only create pods with an owner reference set to itself"),
        ("/metadata/ownerReferences/0/name", json!("o"), "can only create pods with an owner reference set to itself"),
        ("/metadata/ownerReferences/0/controller", json!(false), "with a controller owner reference set to itself"),
        ("/metadata/ownerReferences/0/uid", json!("u"), "node n UID mismatch: expected u got "),
        ("/spec/serviceAccountName", json!("a"), "can not create pods that reference a service account"),
        ("/spec/volumes", json!([{"name": "v", "secret": {"secretName": "s"}}]), "that reference secrets"),
        ("/spec/containers/0/envFrom", json!([{"configMapRef": {"name": "c"}}]), "that reference configmaps"),
        (
            "/spec/volumes",
            json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]),
            "that reference persistentvolumeclaims",
        ),
        (
            "/spec/volumes",
            json!([{"name": "v", "projected": {"sources": [{"clusterTrustBundle": {"name": "b", "path": "p"}}]}}]),
            "that reference clustertrustbundles",
        ),
    ];
    for (place, value, why) in table {
        let mut bad = good.clone();
        let (parent, field) = place.rsplit_once('/').expect("a pointer");
        bad.pointer_mut(parent).expect("a parent")[field] = value;
        let answer = api.call_as(&kubelet, "POST", PODS, &bad).await;
        assert!(answer.code == 403 && answer.failure().2.contains(why), "{place}: {answer:?}");
    }
    api.call_as(&kubelet, "POST", PODS, &good).await.ok();
}

#[tokio::test]
async fn a_kubelet_tells_how_its_pods_are_and_gets_their_tokens() {
    let api = Api::start().await;
    api.ready_for_pods().await;
    let kubelet = UserInfo::authenticated("system:node:n", &["system:nodes"]);
    let mut object = pod("p");
    object["spec"]["nodeName"] = "n".into();
    let mut stored = api.post(PODS, &object).await.ok();
    stored["status"]["message"] = "hello".into();
    let status = format!("{PODS}/p/status");
    stored = api.call_as(&kubelet, "PUT", &status, &stored).await.ok();
    stored["metadata"]["labels"]["app"] = "other".into();
    let answer = api.call_as(&kubelet, "PUT", &status, &stored).await;
    assert!(answer.failure().2.ends_with("node \"n\" cannot update labels through pod status"), "{answer:?}");

    let uid = &stored["metadata"]["uid"];
    let table = [
        (json!(null), "node requested token not bound to a pod"),
        (
            json!({"apiVersion": "v1", "kind": "Pod", "name": "p"}),
            "node requested token with a pod binding without a uid",
        ),
        (json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}), "does not match the UID in record"),
        (json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": uid}), ""),
    ];
    for (bound, why) in table {
        let request = json!({"spec": {"audiences": [], "boundObjectRef": bound}});
        let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
        let answer = api.call_as(&kubelet, "POST", path, &request).await;
        assert!(if why.is_empty() { answer.code == 201 } else { answer.failure().2.contains(why) }, "{answer:?}");
    }
    let csi = json!({"metadata": {"name": "o"}, "spec": {"drivers": []}});
    let answer = api.call_as(&kubelet, "POST", "/apis/storage.k8s.io/v1/csinodes", &csi).await;
    assert!(answer.failure().2.contains("can only access CSINode with the same name"), "{answer:?}");
}

#[tokio::test]
async fn a_pod_waits_for_the_first_account_of_its_namespace() {
    let api = Api::start().await;
    let account = json!({"metadata": {"name": "default"}});
    let path = "/api/v1/namespaces/default/serviceaccounts";
    let wanted = pod("a");
    let (made, _) = tokio::join!(api.post(PODS, &wanted), api.post(path, &account));
    assert_eq!(made.ok()["spec"]["serviceAccountName"], "default");
}

#[tokio::test]
async fn a_pod_is_told_where_its_node_is() {
    let api = Api::start().await;
    api.ready_for_pods().await;
    let labels = json!({"topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r", "other": "o"});
    api.post("/api/v1/nodes", &json!({"metadata": {"name": "n", "labels": labels}})).await.ok();
    api.post(PODS, &pod("a")).await.ok();
    let binding = json!({"metadata": {"name": "a"}, "target": {"kind": "Node", "name": "n"}});
    api.post(&format!("{PODS}/a/binding"), &binding).await.ok();
    let mut placed = pod("b");
    placed["spec"]["nodeName"] = "n".into();
    api.post(PODS, &placed).await.ok();
    for name in ["a", "b"] {
        let labels = &api.get(&format!("{PODS}/{name}")).await.ok()["metadata"]["labels"];
        let wanted = json!({"app": name, "topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r"});
        assert_eq!(*labels, wanted);
    }
}

fn allow(seen: &Seen) -> (u16, Value) {
    let response = json!({"uid": seen.body["request"]["uid"], "allowed": true});
    (200, json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response}))
}

#[tokio::test]
async fn an_admission_webhook_is_met_as_the_user_that_is_set_for_it() {
    let hook = Hook::start(allow).await;
    let users = vec![("*".to_owned(), json!({"username": "u", "password": "p"}))];
    let api = Api::start_with(|config| config.admission.webhook_users = users).await;
    let webhook = json!({"name": "a.example.com", "clientConfig": hook.by_url("/"), "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}]});
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    api.post(path, &json!({"metadata": {"name": "a"}, "webhooks": [webhook]})).await.ok();
    api.post(CONFIG_MAPS, &config_map("a", &json!({}))).await.ok();
    let seen = hook.seen().pop().expect("a question");
    assert_eq!(seen.headers.get("authorization").and_then(|said| said.to_str().ok()), Some("Basic dTpw"));
}

#[tokio::test]
async fn a_resize_stays_within_what_its_node_has_and_the_namespace_allows() {
    let api = Api::start().await;
    api.ready_for_pods().await;
    api.post("/api/v1/nodes", &json!({"metadata": {"name": "n"}})).await.ok();
    let status = json!({"status": {"allocatable": {"cpu": "2", "memory": "1Gi"}}});
    api.patch("/api/v1/nodes/n/status", "merge-patch+json", &status).await.ok();
    let mut object = pod("a");
    object["spec"]["nodeName"] = json!("n");
    object["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "1", "memory": "1Mi"}});
    api.post(PODS, &object).await.ok();
    let asking = async |requests: Value| {
        let mut wanted = object["spec"]["containers"].clone();
        wanted[0]["resources"]["requests"] = requests;
        let path = format!("{PODS}/a/resize");
        api.patch(&path, "strategic-merge-patch+json", &json!({"spec": {"containers": wanted}})).await
    };
    let refused = asking(json!({"cpu": "3", "memory": "2Gi"})).await;
    let why = "pods \"a\" is forbidden: node didn't have enough allocatable resources: cpu, requested: 3000, \
               allocatable: 2000; memory, requested: 2147483648, allocatable: 1073741824";
    assert_eq!(refused.failure(), (403, "Forbidden", why));
    assert_eq!(refused.body["details"]["causes"], json!([{"reason": "NodeCapacity"}]));
    asking(json!({"cpu": "2"})).await.ok();

    let limits = json!([{"type": "Container", "min": {"cpu": "500m"}}]);
    let range = json!({"metadata": {"name": "l"}, "spec": {"limits": limits}});
    api.post("/api/v1/namespaces/default/limitranges", &range).await.ok();
    let why = "pods \"a\" is forbidden: minimum cpu usage per Container is 500m, but request is 100m";
    assert_eq!(asking(json!({"cpu": "100m"})).await.failure(), (403, "Forbidden", why));
}

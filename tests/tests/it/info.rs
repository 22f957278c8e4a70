//! What a cluster tells of itself: explain, api-resources, auth, describe, events.

use crate::support::{IDLE, Space};

#[test]
fn explain_knows_every_field() {
    let t = Space::new("explain");
    t.shows(
        "kubectl explain pod.spec.containers.livenessProbe",
        &["KIND:       Pod\nVERSION:    v1\n", "FIELD: livenessProbe <Probe>", "periodSeconds", "httpGet"],
    );
    t.shows(
        "kubectl explain deployment.spec.replicas",
        &["GROUP:      apps\nKIND:       Deployment\n", "FIELD: replicas <integer>"],
    );
    t.shows("kubectl explain cronjob --recursive", &["concurrencyPolicy", "jobTemplate", "backoffLimit"]);
    t.refuses("kubectl explain pod.spec.nothing", &["field \"nothing\" does not exist"]);
}

#[test]
fn resources_and_versions_are_listed() {
    let t = Space::new("api-resources");
    let resources = t.ok("kubectl api-resources");
    for row in [
        "pods po v1 true Pod",
        "deployments deploy apps/v1 true Deployment",
        "nodes no v1 false Node",
        "ingresses ing networking.k8s.io/v1 true Ingress",
    ] {
        let found = resources.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") == row);
        assert!(found, "{row}:\n{resources}");
    }
    t.shows("kubectl api-resources --namespaced=false -o name", &["nodes\n", "clusterroles.rbac.authorization.k8s.io"]);
    t.shows(
        "kubectl api-resources --api-group=batch -o wide",
        &["create,delete,deletecollection,get,list,patch,update,watch"],
    );
    t.shows(
        "kubectl api-resources --verbs=create --namespaced -o name",
        &["localsubjectaccessreviews.authorization.k8s.io"],
    );
    let versions = t.ok("kubectl api-versions");
    let groups = "admissionregistration.k8s.io/v1 apiextensions.k8s.io/v1 apiregistration.k8s.io/v1 apps/v1 authentication.k8s.io/v1 \
        authorization.k8s.io/v1 autoscaling/v2 batch/v1 certificates.k8s.io/v1 coordination.k8s.io/v1 discovery.k8s.io/v1 events.k8s.io/v1 \
        networking.k8s.io/v1 node.k8s.io/v1 policy/v1 rbac.authorization.k8s.io/v1 scheduling.k8s.io/v1 storage.k8s.io/v1 v1";
    for group in groups.split_whitespace() {
        assert!(versions.lines().any(|line| line == group), "{group}:\n{versions}");
    }
    t.shows("kubectl cluster-info", &["Kubernetes control plane", "is running at", "https://127.0.0.1:"]);
    t.shows("kubectl version", &["Server Version: v1.37"]);
    t.prints(&[("kubectl get --raw /readyz", "ok"), ("kubectl get --raw /livez", "ok")]);
}

#[test]
fn rights_can_be_asked_for() {
    let t = Space::new("can-i");
    t.prints(&[
        ("kubectl auth can-i '*' '*'", "yes"),
        ("kubectl auth can-i create pods", "yes"),
        ("kubectl auth can-i get pods --as=jane || true", "no"),
        ("kubectl create role r --verb=get --resource=pods", "role.rbac.authorization.k8s.io/r created"),
        ("kubectl create rolebinding b --role=r --user=jane", "rolebinding.rbac.authorization.k8s.io/b created"),
        ("kubectl auth can-i get pods --as=jane", "yes"),
        ("kubectl auth can-i get pods --subresource=log --as=jane || true", "no"),
        ("kubectl auth can-i list secrets --as=jane --quiet || echo denied", "denied"),
    ]);
    t.shows(
        "kubectl auth can-i --list --as=jane",
        &["pods ", "[get]", "selfsubjectaccessreviews.authorization.k8s.io"],
    );
    t.shows("kubectl auth whoami", &["Username", "kubernetes-admin", "system:masters"]);
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nrules: [{apiGroups: [''], resources: [pods], verbs: [list]}]\n";
    t.file("role.yaml", format!("{role}metadata: {{name: r, namespace: {}}}\n", t.namespace));
    t.shows("kubectl auth reconcile -f role.yaml", &["role.rbac.authorization.k8s.io/r reconciled"]);
}

#[test]
fn describe_tells_state_and_events() {
    let t = Space::new("describe");
    t.ok(&format!(
        "kubectl create configmap c --from-literal=a=b && kubectl create deployment web --image=$BUSYBOX -- {IDLE}"
    ));
    t.ok("kubectl expose deploy web --port=80 && kubectl rollout status deploy/web");
    t.shows(
        "kubectl describe pod -l app=web",
        &[
            "Status:           Running",
            "Controlled By:  ReplicaSet/web-",
            "QoS Class:                   BestEffort",
            "Scheduled",
            "Successfully assigned",
            "Pulled",
            "Created",
            "Started",
            "Type    Reason     Age",
            "kube-api-access-",
            "/var/run/secrets/kubernetes.io/serviceaccount",
        ],
    );
    t.shows(
        "kubectl describe deploy web",
        &["Replicas:               1 desired | 1 updated | 1 total | 1 available | 0 unavailable", "ScalingReplicaSet"],
    );
    t.shows("kubectl describe rs -l app=web", &["SuccessfulCreate", "Created pod: web-"]);
    t.shows("kubectl describe svc web", &["Type:                     ClusterIP", "Endpoints:                10.244."]);
    t.shows("kubectl describe cm c", &["a:\n----\nb\n"]);
    t.shows(
        "kubectl describe nodes",
        &[
            "Ready            True",
            "KubeletReady",
            "Allocated resources:",
            "PodCIDR:",
            "node-role.kubernetes.io/control-plane:NoSchedule",
        ],
    );
    t.shows(
        "kubectl describe ns $(kubectl config view --minify -o 'jsonpath={..namespace}')",
        &["Status:       Active"],
    );
    t.shows("kubectl events --for deployment/web", &["ScalingReplicaSet"]);
    t.ok("kubectl run big --image=$BUSYBOX --overrides='{\"spec\":{\"containers\":[{\"name\":\"big\",\"image\":\"devcluster/busybox:1\",\"resources\":{\"requests\":{\"cpu\":\"999\"}}}]}}'");
    t.event("big", "FailedScheduling");
    t.shows(
        "kubectl describe pod big",
        &[
            "Status:           Pending",
            "FailedScheduling",
            "0/3 nodes are available:",
            "2 Insufficient cpu",
            "1 node(s) had untolerated taint",
        ],
    );
}

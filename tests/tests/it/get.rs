//! `kubectl get` in all its forms.

use crate::support::Space;

#[test]
fn every_output_form_shows_the_object() {
    let t = Space::new("get-forms");
    t.ok("kubectl create configmap one --from-literal=color=red && kubectl label configmap one tier=front");
    t.ok("kubectl create configmap two --from-literal=color=blue --from-literal=size=big");
    t.prints(&[
        ("kubectl get cm one -o name", "configmap/one"),
        ("kubectl get cm one -o jsonpath='{.data.color}'", "red"),
        ("kubectl get cm -l tier -o jsonpath='{range .items[*]}{.metadata.name}={.data.color}{end}'", "one=red"),
        ("kubectl get cm one two -o custom-columns=N:.metadata.name,C:.data.color", "N     C\none   red\ntwo   blue"),
        ("kubectl get cm two -o go-template='{{len .data}} {{.data.size}}'", "2 big"),
        ("kubectl get cm -l tier=front,tier!=back -o name", "configmap/one"),
        ("kubectl get cm -l 'tier in (front,back)' -o name", "configmap/one"),
        ("kubectl get cm -l '!tier' --field-selector metadata.name=two -o name", "configmap/two"),
        ("kubectl get cm --field-selector metadata.name=one -o name", "configmap/one"),
        ("kubectl get cm --field-selector metadata.name!=one -o name | grep -v kube-root-ca", "configmap/two"),
        ("kubectl get cm one -o json | grep -E '^ {4}\"(kind|apiVersion)'", "    \"apiVersion\": \"v1\",\n    \"kind\": \"ConfigMap\","),
        ("kubectl get configmaps/one configmap/two -o name | tr '\\n' ' '", "configmap/one configmap/two"),
        ("kubectl get cm --sort-by=.data.color -o name | grep -v kube-root-ca | tr '\\n' ' '", "configmap/two configmap/one"),
        ("kubectl get cm one --no-headers | awk '{print $1, $2}'", "one 1"),
        ("kubectl get --raw /api/v1/namespaces/$(kubectl config view --minify -o 'jsonpath={..namespace}')/configmaps/one \
          | grep -o '\"data\":{\"color\":\"red\"}'", r#""data":{"color":"red"}"#),
        ("kubectl get cm nothing --ignore-not-found", ""),
    ]);
    t.shows(
        "kubectl get cm one -o yaml",
        &["apiVersion: v1\n", "data:\n  color: red\n", "  labels:\n    tier: front\n"],
    );
    t.shows("kubectl get cm one two", &["NAME   DATA   AGE\n", "two    2 "]);
    t.shows("kubectl get cm one two --show-labels -L tier", &["NAME   DATA   AGE ", "TIER", "LABELS", "tier=front"]);
    t.shows("kubectl get cm -A", &["NAMESPACE ", "kube-system ", "kube-root-ca.crt"]);
    let managers = "kubectl get cm two --show-managed-fields -o jsonpath='{.metadata.managedFields[*].manager}'";
    t.prints(&[(managers, "kubectl-create")]);
}

#[test]
fn what_does_not_exist_is_named() {
    let t = Space::new("get-nothing");
    for (command, said) in [
        ("kubectl get pod x", "Error from server (NotFound): pods \"x\" not found"),
        ("kubectl get deploy x", "Error from server (NotFound): deployments.apps \"x\" not found"),
        ("kubectl get unicorns", "error: the server doesn't have a resource type \"unicorns\""),
        ("kubectl get pods -n nowhere x", "Error from server (NotFound): namespaces \"nowhere\" not found"),
    ] {
        assert_eq!(t.fails(command), said, "$ {command}");
    }
    assert_eq!(t.run("kubectl get pods").stderr, format!("No resources found in {} namespace.", t.namespace));
    t.refuses("kubectl get cm --field-selector color=red", &["field label not supported: color"]);
    t.refuses("kubectl get cm -l 'a b'", &["unable to parse requirement"]);
}

#[test]
fn tables_have_the_columns_of_upstream() {
    let t = Space::new("get-tables");
    t.ok("kubectl create deployment web --image=$CATS:v1 --replicas=2 --port 80 -- cats auth && kubectl expose deployment web");
    t.ok("kubectl create job once --image=$BUSYBOX -- true && kubectl create cronjob tick --schedule='0 0 1 1 *' --image=$BUSYBOX");
    t.ok("kubectl rollout status deployment web && kubectl wait --for=condition=complete job/once --timeout=60s");
    for (kind, columns) in [
        ("pods", "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES"),
        ("deployments", "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR"),
        ("replicasets", "NAME DESIRED CURRENT READY AGE CONTAINERS IMAGES SELECTOR"),
        ("services", "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR"),
        ("endpoints", "NAME ENDPOINTS AGE"),
        ("endpointslices", "NAME ADDRESSTYPE PORTS ENDPOINTS AGE"),
        ("jobs", "NAME STATUS COMPLETIONS DURATION AGE CONTAINERS IMAGES SELECTOR"),
        ("cronjobs", "NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE CONTAINERS IMAGES SELECTOR"),
        ("events", "LAST SEEN TYPE REASON OBJECT SUBOBJECT SOURCE MESSAGE FIRST SEEN COUNT NAME"),
        ("nodes", "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME"),
        ("namespaces", "NAME STATUS AGE"),
        ("serviceaccounts", "NAME SECRETS AGE"),
    ] {
        let shown = t.ok(&format!("kubectl get {kind} -o wide 2>/dev/null | sed -n 1p"));
        assert_eq!(shown.split_whitespace().collect::<Vec<_>>().join(" "), columns, "{kind}");
    }
    t.shows("kubectl get deploy web", &["web    2/2     2            2 "]);
    t.shows("kubectl get pods -l app=web", &["1/1     Running   0 "]);
    t.shows("kubectl get job once", &["once   Complete   1/1 "]);
    t.shows(
        "kubectl get all",
        &[
            "pod/web-",
            "service/web ",
            "deployment.apps/web ",
            "replicaset.apps/web-",
            "job.batch/once",
            "cronjob.batch/tick",
        ],
    );
    t.shows("kubectl get pods --field-selector=status.phase=Succeeded", &["once-", "0/1     Completed "]);
    t.shows("kubectl get nodes", &["master-1 ", "control-plane", "Ready "]);
    let placed = "kubectl get pods -l app=web -o jsonpath='{.items[*].spec.nodeName}'";
    let node = t.ok(placed).split(' ').next().unwrap_or_default().to_owned();
    t.shows(&format!("kubectl get pods --field-selector spec.nodeName={node} -o name"), &["pod/web-"]);
}

#[test]
fn a_watch_shows_what_happens() {
    let t = Space::new("get-watch");
    t.ok("kubectl create configmap first");
    let events = "-o jsonpath='{.type} {.object.metadata.name} {.object.data.k}{\"\\n\"}'";
    let mut watch = t.start(&format!("kubectl get configmaps -w --output-watch-events {events}"));
    watch.line("ADDED first");
    t.ok("kubectl create configmap second --from-literal=k=1");
    watch.line("ADDED second 1");
    t.ok("kubectl patch configmap second -p '{\"data\":{\"k\":\"2\"}}'");
    watch.line("MODIFIED second 2");
    t.ok("kubectl delete configmap second");
    watch.line("DELETED second 2");
    let mut table = t.start("kubectl get pods -w");
    t.ok("kubectl run p --image=$BUSYBOX --restart=Never -- true");
    table.line("Completed");
}

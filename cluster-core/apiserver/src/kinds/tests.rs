//! The table as a whole, and the faults of the kinds people write most.

mod faults;
mod pods;
mod status;
mod warnings;

use super::{Shown, builtin, rules};
use crate::registry::Resource;
use serde_json::{Value, json};

fn kind(kind: &str) -> Resource {
    builtin().into_iter().find(|r| r.kind == kind).unwrap()
}

#[test]
fn every_cell_has_something_plain_to_show_of_an_empty_object() {
    for resource in builtin() {
        for column in &resource.columns {
            // An expression is compiled when it is first asked.
            let shown = column.cell.of(&Shown::new(&json!({})));
            assert!(!shown.is_object() && !shown.is_array(), "{} {}: {shown}", resource.kind, column.name);
        }
    }
}

#[test]
fn cells_that_are_expressions_show_what_upstream_shows() {
    let gone = "2026-01-01T00:00:00Z";
    let owner = |version: &str| json!([{"controller": true, "apiVersion": version, "kind": "DaemonSet", "name": "d"}]);
    let table = [
        ("Job", json!({"metadata": {}, "spec": {"completions": 1}}), vec!["Running", "0/1"]),
        (
            "Job",
            json!({"metadata": {}, "spec": {"parallelism": 3}, "status": {"succeeded": 2}}),
            vec!["Running", "2/1 of 3"],
        ),
        (
            "Job",
            json!({"metadata": {"deletionTimestamp": gone}, "spec": {"parallelism": 1}}),
            vec!["Terminating", "0/1"],
        ),
        (
            "Job",
            json!({"metadata": {"deletionTimestamp": gone}, "spec": {"completions": 2}, "status": {"succeeded": 2,
                "conditions": [{"type": "SuccessCriteriaMet", "status": "True"}, {"type": "Complete", "status": "True"}]}}),
            vec!["Complete", "2/2"],
        ),
        (
            "Job",
            json!({"metadata": {}, "spec": {"completions": 2}, "status": {"conditions": [
                {"type": "Failed", "status": "False"}, {"type": "Suspended", "status": "True"}]}}),
            vec!["Suspended", "0/2"],
        ),
        (
            "PersistentVolume",
            json!({"metadata": {"deletionTimestamp": gone}, "spec": {"accessModes": ["ReadWriteMany", "ReadWriteOnce"],
                "claimRef": {"namespace": "n", "name": "c"}, "storageClassName": "fast"}}),
            vec!["RWO,RWX", "Terminating", "n/c", "fast"],
        ),
        (
            "PersistentVolume",
            json!({"metadata": {"annotations": {"volume.beta.kubernetes.io/storage-class": "old"}}, "spec": {},
                "status": {"phase": "Available"}}),
            vec!["", "Available", "", "old"],
        ),
        (
            "PersistentVolumeClaim",
            json!({"metadata": {}, "spec": {"volumeName": "v", "storageClassName": "fast"},
                "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOncePod"]}}),
            vec!["Bound", "1Gi", "RWOP", "fast"],
        ),
        (
            "PersistentVolumeClaim",
            json!({"metadata": {}, "spec": {}, "status": {"phase": "Pending", "accessModes": ["ReadWriteOnce"]}}),
            vec!["Pending", "", "", ""],
        ),
        ("ControllerRevision", json!({"metadata": {"ownerReferences": owner("apps/v1")}}), vec!["daemonset.apps/d"]),
        ("ControllerRevision", json!({"metadata": {"ownerReferences": owner("v1")}}), vec!["daemonset/d"]),
        ("ControllerRevision", json!({"metadata": {}}), vec!["<none>"]),
        ("Ingress", json!({"metadata": {}, "spec": {"ingressClassName": "c", "tls": [{}]}}), vec!["c", "80, 443"]),
        (
            "Ingress",
            json!({"metadata": {"annotations": {"kubernetes.io/ingress.class": "old"}}, "spec": {"ingressClassName": "c"}}),
            vec!["old", "80"],
        ),
        ("Ingress", json!({"metadata": {}, "spec": {}}), vec!["<none>", "80"]),
        (
            "Node",
            json!({"metadata": {"labels": {"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "a", "b": "c",
                    "node-role.kubernetes.io/": "d"}}, "spec": {"unschedulable": true},
                "status": {"conditions": [{"type": "Ready", "status": "True"}],
                    "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}}),
            vec!["Ready,SchedulingDisabled", "a,worker", "10.0.0.1", "<none>"],
        ),
        ("Node", json!({"metadata": {}}), vec!["Unknown", "<none>", "<none>", "<none>"]),
        (
            "Event",
            json!({"metadata": {}, "involvedObject": {"kind": "Pod", "name": "p"}, "message": " m\n", "count": 3,
                "source": {"component": "kubelet"}, "reportingInstance": "n"}),
            vec!["<unknown>", "pod/p", "kubelet, n", "m", "3"],
        ),
        (
            "Event",
            json!({"metadata": {}, "involvedObject": {"kind": "Pod"}, "series": {"count": 2}, "eventTime": "2999-01-01T00:00:00Z"}),
            vec!["<invalid>", "pod", "", "", "2"],
        ),
        ("Event", json!({"metadata": {}}), vec!["<unknown>", "", "", "", "1"]),
        (
            "Service",
            json!({"metadata": {}, "spec": {"type": "LoadBalancer", "externalIPs": ["9.9.9.9"], "ports": [
                    {"port": 80, "nodePort": 30000, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]},
                "status": {"loadBalancer": {"ingress": [{"ip": "2.2.2.2"}, {"hostname": "a"}, {"ip": "2.2.2.2"}, {}]}}}),
            vec!["2.2.2.2,a,9.9.9.9", "80:30000/TCP,53/UDP"],
        ),
        ("Service", json!({"metadata": {}, "spec": {"type": "LoadBalancer"}}), vec!["<pending>", "<none>"]),
        ("Service", json!({"metadata": {}, "spec": {"type": "ClusterIP"}}), vec!["<none>", "<none>"]),
        (
            "Service",
            json!({"metadata": {}, "spec": {"type": "ExternalName", "externalName": "a.b"}}),
            vec!["a.b", "<none>"],
        ),
        (
            "Endpoints",
            json!({"subsets": [{"addresses": [{"ip": "1.1.1.1"}, {"ip": "::1"}], "ports": [{"port": 1}, {"port": 2}]},
                {"addresses": [{"ip": "2.2.2.2"}]}]}),
            vec!["1.1.1.1:1,1.1.1.1:2,[::1]:1 + 2 more..."],
        ),
        ("Endpoints", json!({"metadata": {}}), vec!["<none>"]),
        (
            "EndpointSlice",
            json!({"ports": [{"port": 1}, {}], "endpoints": [{"addresses": ["1.1.1.1"]}, {"addresses": ["2.2.2.2"]}]}),
            vec!["1,*", "1.1.1.1,2.2.2.2"],
        ),
        ("EndpointSlice", json!({"endpoints": []}), vec!["<unset>", "<unset>"]),
        (
            "ResourceQuota",
            json!({"status": {"hard": {"pods": "4", "limits.cpu": "2", "cpu": "1"}, "used": {"pods": "1"}}}),
            vec!["cpu: 0/1, pods: 1/4", "limits.cpu: 0/2"],
        ),
        ("CronJob", json!({"metadata": {}, "spec": {}}), vec!["<none>"]),
        ("Deployment", json!({"spec": {"replicas": 2}, "status": {"readyReplicas": 1}}), vec!["1/2"]),
    ];
    let shown = |name: &str| match name {
        "Node" => vec!["Status", "Roles", "Internal-IP", "External-IP"],
        "Event" => vec!["Last Seen", "Object", "Source", "Message", "Count"],
        "Service" => vec!["External-IP", "Port(s)"],
        "Endpoints" => vec!["Endpoints"],
        "EndpointSlice" => vec!["Ports", "Endpoints"],
        "ResourceQuota" => vec!["Request", "Limit"],
        "CronJob" => vec!["Last Schedule"],
        "Deployment" => vec!["Ready"],
        "Job" => vec!["Status", "Completions"],
        "PersistentVolume" => vec!["Access Modes", "Status", "Claim", "StorageClass"],
        "PersistentVolumeClaim" => vec!["Status", "Capacity", "Access Modes", "StorageClass"],
        "ControllerRevision" => vec!["Controller"],
        _ => vec!["Class", "Ports"],
    };
    for (name, object, expected) in table {
        let resource = kind(name);
        let cell = |wanted: &&str| {
            let column = resource.columns.iter().find(|column| column.name == *wanted).expect("a column");
            column.cell.of(&Shown::new(&object))
        };
        let found: Vec<Value> = shown(name).iter().map(cell).collect();
        let found: Vec<String> =
            found.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
        assert_eq!(found, expected, "{name} {object}");
    }
}

/// Defaults a new object of the kind and returns it with its faults.
fn create(name: &str, mut object: Value) -> (Value, Vec<String>) {
    let strategy = kind(name).strategy;
    object["kind"] = name.into();
    strategy.complete(&mut object);
    let once = object.clone();
    strategy.complete(&mut object);
    assert_eq!(object, once, "defaulting {name} is idempotent");
    strategy.start(&mut object);
    let faults = strategy.faults(&object).iter().map(ToString::to_string).collect();
    (object, faults)
}

fn template() -> Value {
    json!({"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}})
}

fn workload() -> Value {
    json!({"metadata": {"name": "a"}, "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": template()}})
}

#[test]
fn every_kind_is_known_to_the_schema_and_listed_once() {
    let all = builtin();
    for resource in &all {
        // Metrics are answered by the kubelets and never decoded.
        let known = resource.schema().is_some() || resource.group == crate::usage::GROUP;
        assert!(known, "no schema for {} {}", resource.api_version(), resource.kind);
        let twins = all.iter().filter(|r| r.group == resource.group && r.version == resource.version);
        assert_eq!(twins.filter(|r| r.plural == resource.plural).count(), 1, "{}", resource.plural);
        assert!(!resource.columns.is_empty());
        for column in &resource.columns {
            column.cell.of(&Shown::new(&json!({})));
        }
    }
}

/// Tables of rules for parts that several kinds have.
const PARTS: [&str; 61] = [
    "AccessModes",
    "BindingOfRole",
    "ClaimSpec",
    "ClaimWarnings",
    "Container",
    "ContainerWarnings",
    "CustomScale",
    "DaemonSetRollingUpdate",
    "DataSource",
    "DeviceClaim",
    "DeviceConfig",
    "DeviceRequest",
    "DeviceSelectors",
    "DeviceTaint",
    "DownwardFile",
    "ExitCodes",
    "FieldOfMetadata",
    "FieldOfPod",
    "FieldRef",
    "Handler",
    "IngressBackend",
    "IngressService",
    "JobSpec",
    "KeyToPath",
    "LabelSelector",
    "LinuxPod",
    "MatchResources",
    "MatchRule",
    "Metric",
    "MetricOfContainers",
    "MetricOfObject",
    "MetricOfOthers",
    "MetricOfPods",
    "MetricOfResource",
    "MetricTarget",
    "NodeLabelWarnings",
    "NodeTerm",
    "NotForWindows",
    "PodAffinityTerm",
    "PodAlone",
    "PodSpec",
    "PolicyPeer",
    "PolicyPort",
    "PrinterColumn",
    "Probe",
    "Requirement",
    "ResourceFieldRef",
    "ResourceNames",
    "RestartRules",
    "SecretReference",
    "SecurityContext",
    "TargetOfResource",
    "TemplateWarnings",
    "Toleration",
    "TopologySpreadConstraint",
    "Volume",
    "VolumeProjection",
    "VolumeSource",
    "VolumeWarnings",
    "WebhookService",
    "WindowsPod",
];

#[test]
fn every_table_of_rules_belongs_to_a_kind_or_a_part_of_some() {
    let all = builtin();
    let is_used = |name: &str| {
        let fields = rules::named(name);
        PARTS.contains(&name)
            || all.iter().any(|resource| {
                [resource.strategy.fields, resource.strategy.status, resource.strategy.warnings]
                    .iter()
                    .any(|own| std::ptr::eq(*own, fields))
            })
    };
    let unused: Vec<&str> = rules::names().filter(|name| !is_used(name)).collect();
    assert_eq!(unused, Vec::<&str>::new());
    assert!(PARTS.iter().all(|part| !rules::named(part).paths.is_empty()));
}

#[test]
fn the_numbers_of_a_rolling_update_are_judged_only_where_there_is_one() {
    for (kind, faults) in
        [("RollingUpdate", vec!["spec.updateStrategy.rollingUpdate.maxUnavailable"]), ("OnDelete", vec![])]
    {
        let mut set = workload();
        set["spec"]["updateStrategy"] = json!({"type": kind, "rollingUpdate": {"maxUnavailable": "200%"}});
        let (_, found) = create("DaemonSet", set);
        let places: Vec<&str> = found.iter().filter_map(|fault| fault.split(':').next()).collect();
        assert_eq!(places, faults, "{kind}");
    }
}

#[test]
fn minimal_objects_are_valid_after_defaulting() {
    let bare = json!({"metadata": {"name": "a"}});
    let mut set = workload();
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]);
    set["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/d"}]);
    let mut job = json!({"metadata": {"name": "a", "uid": "u"}, "spec": {"template": template()}});
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never".into();
    let cron =
        json!({"metadata": {"name": "a"}, "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job["spec"]}}});
    let table = [
        ("Pod", json!({"metadata": {"name": "a"}, "spec": template()["spec"]})),
        ("Deployment", workload()),
        ("ReplicaSet", workload()),
        ("DaemonSet", workload()),
        ("StatefulSet", set),
        ("ReplicationController", json!({"spec": {"template": template()}})),
        ("Job", job),
        ("CronJob", cron),
        ("ConfigMap", bare.clone()),
        ("Secret", bare.clone()),
        ("Namespace", bare.clone()),
        ("Node", bare),
        (
            "PersistentVolumeClaim",
            json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
        ),
        (
            "PersistentVolume",
            json!({"spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/d"}}}),
        ),
        ("StorageClass", json!({"provisioner": "example.com/p"})),
        ("NetworkPolicy", json!({"spec": {}})),
        ("RoleBinding", json!({"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "u"}]})),
        (
            "HorizontalPodAutoscaler",
            json!({"spec": {"maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "d"}}}),
        ),
    ];
    for (name, object) in table {
        assert_eq!(create(name, object).1, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn faults_read_as_upstreams() {
    let pod = |spec: Value| ("Pod", json!({"metadata": {"name": "a"}, "spec": spec}));
    let mut wrong = workload();
    wrong["spec"]["template"]["metadata"]["labels"]["app"] = "b".into();
    wrong["spec"]["replicas"] = (-1).into();
    let table = [
        (pod(json!({"containers": []})), vec!["spec.containers: Required value"]),
        (pod(json!({"containers": [{"name": "a"}]})), vec!["spec.containers[0].image: Required value"]),
        (
            pod(json!({"containers": [{"name": "a", "image": "a", "securityContext": {"procMount": "Unmasked"}}]})),
            vec![
                "spec.containers[0].securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use `Unmasked`",
            ],
        ),
        (
            pod(
                json!({"containers": [{"name": "a", "image": "a", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]}),
            ),
            vec!["spec.containers[0].volumeMounts[0].name: Not found: \"v\""],
        ),
        (
            pod(
                json!({"containers": [{"name": "a", "image": "a"}, {"name": "a", "image": "a"}], "restartPolicy": "Maybe"}),
            ),
            vec![
                "spec.containers[1].name: Duplicate value: \"a\"",
                "spec.restartPolicy: Unsupported value: \"Maybe\": supported values: \"Always\", \"OnFailure\", \"Never\"",
            ],
        ),
        (
            pod(
                json!({"containers": [{"name": "a", "image": "a", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}]}),
            ),
            vec![
                "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
            ],
        ),
        (
            pod(json!({
                "containers": [{"name": "a", "image": "a"}],
                "securityContext": {"sysctls": [{"name": "foo-"}, {"name": "net/ipv4.tcp_rmem"}]},
            })),
            vec![
                r#"spec.securityContext.sysctls[0].name: Invalid value: "foo-": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"#,
            ],
        ),
        (
            ("Deployment", wrong),
            vec![
                "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
                "spec.template.metadata.labels: Invalid value: {\"app\":\"b\"}: `selector` does not match template `labels`",
            ],
        ),
    ];
    for ((name, object), expected) in table {
        assert_eq!(create(name, object).1, expected, "{name}");
    }
}

#[test]
fn what_is_left_out_has_the_faults_of_something_empty() {
    const UNSELECTED: &str =
        "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`";
    const NO_CONTAINERS: &str = "spec.template.spec.containers: Required value";
    let table: [(&str, &[&str]); 9] = [
        ("Deployment", &["spec.selector: Required value", UNSELECTED, NO_CONTAINERS]),
        ("StatefulSet", &["spec.selector: Required value", UNSELECTED, NO_CONTAINERS]),
        ("DaemonSet", &[UNSELECTED, NO_CONTAINERS]),
        ("ReplicationController", &["spec.selector: Required value", "spec.template: Required value"]),
        ("Pod", &["spec.containers: Required value"]),
        ("Ingress", &["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]),
        (
            "RoleBinding",
            &[
                "roleRef.kind: Unsupported value: null: supported values: \"Role\", \"ClusterRole\"",
                "roleRef.name: Required value",
            ],
        ),
        (
            "PersistentVolume",
            &[
                "spec.accessModes: Required value",
                "spec.capacity: Required value",
                "spec.capacity: Unsupported value: null: supported values: \"storage\"",
                "spec: Required value: must specify a volume type",
            ],
        ),
        (
            "HorizontalPodAutoscaler",
            &[
                "spec.maxReplicas: Invalid value: 0: must be greater than 0",
                "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
                "spec.scaleTargetRef.kind: Required value",
                "spec.scaleTargetRef.name: Required value",
            ],
        ),
    ];
    for (name, expected) in table {
        assert_eq!(create(name, json!({"metadata": {"name": "a"}})).1, expected, "{name}");
    }
}

#[test]
fn a_selector_does_not_change() {
    let (old, _) = create("Deployment", workload());
    let mut new = old.clone();
    new["spec"]["selector"]["matchLabels"]["app"] = "b".into();
    let faults = kind("Deployment").strategy.update_faults(&new, &old);
    assert_eq!(
        faults[0].to_string(),
        "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"b\"}}: field is immutable"
    );
}

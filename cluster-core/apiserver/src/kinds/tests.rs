//! The table as a whole, and the faults of the kinds people write most.

use super::{builtin, rules};
use crate::registry::Resource;
use serde_json::{Value, json};

fn kind(kind: &str) -> Resource {
    builtin().into_iter().find(|r| r.kind == kind).unwrap()
}

/// Defaults a new object of the kind and returns it with its faults.
fn create(name: &str, mut object: Value) -> (Value, Vec<String>) {
    let strategy = kind(name).strategy;
    object["kind"] = name.into();
    strategy.complete(&mut object);
    let once = object.clone();
    strategy.complete(&mut object);
    assert_eq!(object, once, "defaulting {name} is idempotent");
    (strategy.prepare_create)(&mut object);
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
            column.cell.of(&json!({}));
        }
    }
}

/// Tables of rules for parts that several kinds have.
const PARTS: [&str; 11] = [
    "Container",
    "DeviceClaim",
    "Handler",
    "JobSpec",
    "PodAffinityTerm",
    "PodSpec",
    "Probe",
    "SecurityContext",
    "TopologySpreadConstraint",
    "Volume",
    "VolumeSource",
];

#[test]
fn every_table_of_rules_belongs_to_a_kind_or_a_part_of_some() {
    let all = builtin();
    let is_used = |name: &str| {
        let fields = rules::named(name);
        PARTS.contains(&name) || all.iter().any(|resource| std::ptr::eq(resource.strategy.fields, fields))
    };
    let unused: Vec<&str> = rules::names().filter(|name| !is_used(name)).collect();
    assert_eq!(unused, Vec::<&str>::new());
    assert!(PARTS.iter().all(|part| !rules::named(part).paths.is_empty()));
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
fn what_is_wrong_in_several_fields_is_told_in_upstreams_words_and_order() {
    let mut job = json!({"metadata": {"name": "j", "uid": "u"}, "spec": {"parallelism": -1, "template": template()}});
    job["spec"]["selector"] = json!({"matchLabels": {"app": "a"}});
    job["spec"]["template"]["metadata"]["labels"]["job-name"] = "k".into();
    let cron = json!({"spec": {"schedule": "@every x", "timeZone": "Local", "failedJobsHistoryLimit": -1,
        "jobTemplate": {"spec": {"manualSelector": true, "template": template()}}}});
    let mut update = workload();
    update["spec"]["updateStrategy"] = json!({"type": "Never"});
    update["spec"]["podManagementPolicy"] = "x".into();
    let mut claims = workload();
    claims["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "d"}, "spec": {}}]);
    let metrics = json!([{"type": "Pods", "resource": {}, "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue"}}}]);
    let behavior = json!({"scaleUp": {"stabilizationWindowSeconds": 4000,
        "policies": [{"type": "X", "value": 0, "periodSeconds": 2000}]}});
    let table: [(&str, Value, &[&str]); 16] = [
        (
            "StatefulSet",
            claims,
            &[
                "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required",
                "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
            ],
        ),
        (
            "HorizontalPodAutoscaler",
            json!({"spec": {"maxReplicas": 2, "scaleTargetRef": {"kind": "K", "name": "n"}, "metrics": metrics, "behavior": behavior}}),
            &[
                "spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target averageValue",
                "spec.metrics[0].resource: Forbidden: must populate the given metric source only",
                "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to 3600",
                "spec.behavior.scaleUp.policies[0].type: Unsupported value: \"X\": supported values: \"Pods\", \"Percent\"",
                "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
                "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 2000: must be less than or equal to 1800",
            ],
        ),
        (
            "ResourceQuota",
            json!({"spec": {"hard": {"secrets": "1", "pods": "2"}, "scopes": ["BestEffort", "NotBestEffort"],
                "scopeSelector": {"matchExpressions": [{"scopeName": "Terminating", "operator": "In"}]}}}),
            &[
                "spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\"]: unsupported scope applied to resource",
                "spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\"]: unsupported scope applied to resource",
                "spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\"]: conflicting scopes",
                "spec.scopeSelector.matchExpressions: Invalid value: {\"MatchExpressions\":[",
                "spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exist' when",
                "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value",
            ],
        ),
        (
            "Node",
            json!({"spec": {"podCIDRs": ["10.0.0.0/24", "10.0.1.0/24"],
                "taints": [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"}, {"effect": "x"}]}}),
            &[
                "spec.taints[1]: Duplicate value: {",
                "spec.taints[2].key: Invalid value: \"\": name part must be non-empty",
                "spec.taints[2].effect: Unsupported value: \"x\"",
                "spec.podCIDRs: Invalid value: [\"10.0.0.0/24\",\"10.0.1.0/24\"]: may specify no more than one CIDR",
            ],
        ),
        (
            "Service",
            json!({"spec": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["x"],
                "externalIPs": ["127.0.0.1"], "ports": [{"port": 10250}]}}),
            &[
                "spec.ports[0]: Invalid value: 10250: may not expose port 10250 externally since it is used by kubelet",
                "spec.externalIPs[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range",
                "spec.LoadBalancerSourceRanges[0]: Invalid value: \"x\": must be a valid CIDR value",
            ],
        ),
        (
            "Service",
            json!({"spec": {"allocateLoadBalancerNodePorts": true, "loadBalancerClass": "a.b/c",
                "externalTrafficPolicy": "Local", "healthCheckNodePort": 1, "ports": [{"port": 1}]}}),
            &[
                "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
                "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
                "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for externally-accessible services",
                "spec.healthCheckNodePort: Invalid value: 1: may only be set when",
            ],
        ),
        (
            "CertificateSigningRequest",
            json!({"spec": {"request": "eA==", "signerName": "a.b/c", "usages": ["client auth", "x", "x"]}}),
            &[
                "spec.request: Invalid value: \"eA==\": PEM block type must be CERTIFICATE REQUEST",
                "spec.usages[1]: Unsupported value: \"x\": supported values: \"any\"",
                "spec.usages[2]: Unsupported value: \"x\"",
                "spec.usages[2]: Duplicate value: \"x\"",
            ],
        ),
        (
            "Pod",
            json!({"spec": {"containers": template()["spec"]["containers"], "hostAliases": [{}], "readinessGates": [{}]}}),
            &[
                "spec.readinessGates[0].conditionType: Invalid value: \"\": name part must be non-empty",
                "spec.hostAliases[0].ip: Invalid value: \"\": must be a valid IP address",
            ],
        ),
        (
            "Job",
            job,
            &[
                "spec.template.metadata.labels[job-name]: Invalid value: ",
                "spec.parallelism: Invalid value: -1: must be greater than or equal to 0",
                "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
                "spec.selector: Invalid value: ",
            ],
        ),
        (
            "CronJob",
            cron,
            &[
                "spec.schedule: Invalid value: \"@every x\": failed to parse duration @every x: time: invalid duration \"x\"",
                "spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit time zone",
                "spec.jobTemplate.spec.template.spec.restartPolicy: Required value",
                "spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: \"nil\", \"false\"",
                "spec.failedJobsHistoryLimit: Invalid value: -1",
            ],
        ),
        (
            "StatefulSet",
            update,
            &[
                "spec.podManagementPolicy: Invalid value: \"x\": must be 'OrderedReady' or 'Parallel'",
                "spec.updateStrategy: Invalid value: {\"RollingUpdate\":null,\"Type\":\"Never\"}: must be 'RollingUpdate' or 'OnDelete'",
            ],
        ),
        (
            "Service",
            json!({"spec": {"ipFamilies": ["IPv5"], "externalIPs": [""], "ports": [{"port": 0}, {"port": 1, "name": "b"}]}}),
            &[
                "spec.ports[0].name: Required value",
                "spec.ports[0].port: Invalid value: 0",
                "spec.ports[0].targetPort: Invalid value: 0",
                "spec.ipFamilies[0]: Unsupported value: \"IPv5\": supported values: \"IPv4\", \"IPv6\"",
                "spec.externalIPs[0]: Invalid value: \"\": must be a valid IP address",
            ],
        ),
        (
            "Ingress",
            json!({"spec": {"tls": [{"secretName": "A"}], "defaultBackend": {},
                "rules": [{"http": {"paths": [{"path": "a", "pathType": "Exact", "backend": {"resource": {"kind": "K"}}}]}}]}}),
            &[
                "spec.defaultBackend: Invalid value: \"\": resource or service backend is required",
                "spec.rules[0].http.paths[0].path: Invalid value: \"a\": must be an absolute path",
                "spec.rules[0].http.paths[0].backend.resource.name: Required value: name is required",
                "spec.tls[0].secretName: Invalid value: \"A\"",
            ],
        ),
        (
            "ValidatingWebhookConfiguration",
            json!({"webhooks": [{"name": "a.b.c", "clientConfig": {}, "sideEffects": "None", "admissionReviewVersions": ["v1"]},
                {"name": "a.b.c", "clientConfig": {"service": {"name": "s"}}, "rules": [{"operations": ["GET"]}]}]}),
            &[
                "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
                "webhooks[1].name: Duplicate value: \"a.b.c\"",
                "webhooks[1].rules[0].operations[0]: Unsupported value: \"GET\"",
                "webhooks[1].rules[0].apiGroups: Required value",
                "webhooks[1].rules[0].apiVersions: Required value",
                "webhooks[1].rules[0].resources: Required value",
                "webhooks[1].sideEffects: Required value",
                "webhooks[1].clientConfig.service.namespace: Required value: service namespace is required",
                "webhooks[1].admissionReviewVersions: Required value",
            ],
        ),
        (
            "NetworkPolicy",
            json!({"spec": {"policyTypes": [""]}}),
            &["spec.policyTypes[0]: Unsupported value: \"\": supported values: \"Ingress\", \"Egress\""],
        ),
        (
            "PersistentVolumeClaim",
            json!({"spec": {"accessModes": ["Read"], "resources": {"requests": {"storage": "-1"}}}}),
            &[
                "spec.accessModes: Unsupported value: \"Read\"",
                "spec.resources[storage]: Invalid value: \"-1\": must be greater than zero",
            ],
        ),
    ];
    for (name, object, expected) in table {
        let faults = create(name, object).1;
        assert_eq!(faults.len(), expected.len(), "{name}: {faults:?}");
        assert!(faults.iter().zip(expected).all(|(fault, text)| fault.starts_with(text)), "{name}: {faults:?}");
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

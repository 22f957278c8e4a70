//! Objects that are wrong in several fields.

use super::{create, kind, template, workload};
use serde_json::{Value, json};

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
    let table: [(&str, Value, &[&str]); 19] = [
        (
            "ResourceClaim",
            json!({"spec": {"devices": {
                "requests": [{"name": "a", "exactly": {"deviceClassName": "c", "allocationMode": "X"}}, {"name": "a"}],
                "constraints": [{"requests": ["a", "b"], "matchAttribute": "1"}]}}}),
            &[
                "spec.devices.requests[0].exactly.allocationMode: Unsupported value: \"X\"",
                "spec.devices.requests[1]: Duplicate value",
                "spec.devices.requests[1]: Required value: exactly one of `exactly` or `firstAvailable` is required",
                "spec.devices.constraints[0].requests[1]: Invalid value: \"b\": must be the name of a request in the claim",
                "spec.devices.constraints[0].matchAttribute: Invalid value",
            ],
        ),
        (
            "ResourceSlice",
            json!({"spec": {"driver": "d", "pool": {"name": "p", "resourceSliceCount": 0}, "nodeName": "n", "allNodes": true,
                "devices": [{"name": "a"}, {"name": "a", "allNodes": true}]}}),
            &[
                "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
                "spec: Invalid value: \"{`nodeName`, `allNodes`}\": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set",
                "spec.devices[1]: Duplicate value: \"a\"",
                "spec.devices[1]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if",
            ],
        ),
        (
            "DeviceClass",
            json!({"spec": {"selectors": [{"cel": {"expression": "device.driver"}}, {"cel": {"expression": "device.driver == 'd'"}}, {}],
                "extendedResourceName": "x"}}),
            &[
                "spec.selectors[0].cel.expression: Invalid value: \"device.driver\": must evaluate to bool or the unknown type, not string",
                "spec.selectors[2].cel: Required value",
                "spec.extendedResourceName: Invalid value: \"x\": must be a valid extended resource name",
            ],
        ),
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
                "spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exists' when",
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
fn what_a_pod_cannot_run_with_is_told_before_it_starts() {
    let containers = |more: Value| {
        let mut container = more;
        (container["name"], container["image"]) = ("c".into(), "i".into());
        json!({"containers": [container]})
    };
    let with = |field: &str, value: Value| {
        let mut spec = containers(json!({}));
        spec[field] = value;
        spec
    };
    let variable = |resource: &str, divisor: &str| {
        let from = json!({"resourceFieldRef": {"resource": resource, "divisor": divisor}});
        containers(json!({"env": [{"name": "A", "valueFrom": from}]}))
    };
    let affinity = |field: Value| {
        let terms = json!({"nodeSelectorTerms": [{"matchFields": [field]}]});
        with("affinity", json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}))
    };
    let mut shared = with("hostPID", true.into());
    shared["shareProcessNamespace"] = true.into();
    let mut gated = with("nodeName", "n".into());
    gated["schedulingGates"] = json!([{"name": "a.b/c"}]);
    let whole = |own: Value, container: Value| {
        let mut spec = containers(json!({"resources": container}));
        spec["resources"] = own;
        spec
    };
    let fields =
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0]";
    let table = [
        (variable("limits.cpu", "1m"), String::new()),
        (variable("requests.hugepages-2Mi", "1Mi"), String::new()),
        (variable("cpu", "1"), "resourceFieldRef.resource: Unsupported value: \"cpu\"".into()),
        (variable("limits.cpu", "2"), "only divisor's values 1m and 1 are supported with the cpu resource".into()),
        (variable("limits.memory", "2Mi"), "are supported with the memory resource".into()),
        (affinity(json!({"key": "metadata.name", "operator": "In", "values": ["n"]})), String::new()),
        (
            affinity(json!({"key": "metadata.name", "operator": "Exists"})),
            format!("{fields}.operator: Invalid value: \"Exists\": not a valid selector operator"),
        ),
        (
            affinity(json!({"key": "spec.x", "operator": "In", "values": ["n"]})),
            format!("{fields}.key: Invalid value: \"spec.x\": not a valid field selector key"),
        ),
        (
            affinity(json!({"key": "metadata.name", "operator": "In"})),
            format!("{fields}.values: Required value: must be only one value when `operator` is 'In' or 'NotIn'"),
        ),
        (
            with("resourceClaims", json!([{"name": "a"}])),
            "spec.resourceClaims[0]: Invalid value: {\"Name\":\"a\",\"ResourceClaimName\":null,\"ResourceClaimTemplateName\":null}: \
             must specify one of: `resourceClaimName`".into(),
        ),
        (
            containers(json!({"resources": {"claims": [{"name": "a"}]}})),
            "spec.containers[0].resources.claims[0].name: Not found: \"a\"".into(),
        ),
        (
            shared,
            "spec.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID".into(),
        ),
        (gated, "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared".into()),
        (
            whole(json!({"requests": {"cpu": "1"}}), json!({"requests": {"cpu": "1500m"}})),
            "spec.resources.requests[cpu]: Invalid value: \"1\": must be greater than or equal to aggregate container \
             requests of 1500m"
                .into(),
        ),
        (
            whole(json!({"limits": {"cpu": "1"}}), json!({"limits": {"cpu": "2"}, "requests": {"cpu": "1"}})),
            "Invalid value: \"2\": must be less than or equal to pod limits of 1".into(),
        ),
        (
            whole(json!({"limits": {"example.com/d": "1"}}), json!({})),
            "spec.resources.limits[example.com/d]: Unsupported value: \"example.com/d\"".into(),
        ),
        (
            with("ephemeralContainers", json!([{"name": "e", "image": "e", "ports": [{"containerPort": 1}]}])),
            "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container".into(),
        ),
        (
            with("ephemeralContainers", json!([{"name": "e", "image": "e", "targetContainerName": "x"}])),
            "spec.ephemeralContainers[0].targetContainerName: Not found: \"x\"".into(),
        ),
        (
            with("ephemeralContainers", json!([{"name": "e", "image": "e"}])),
            "spec.ephemeralContainers: Forbidden: cannot be set on create".into(),
        ),
    ];
    for (spec, fault) in table {
        let faults = create("Pod", json!({"metadata": {"name": "a"}, "spec": spec})).1.join(", ");
        assert!(faults.contains(&fault) && faults.is_empty() == fault.is_empty(), "{spec}: {faults}");
    }
}

#[test]
fn addresses_and_credentials_are_of_their_type() {
    let slice = |kind: &str, address: &str| {
        ("EndpointSlice", json!({"addressType": kind, "endpoints": [{"addresses": [address]}]}))
    };
    let config = |content: &str| {
        let data = json!({".dockerconfigjson": content});
        ("Secret", json!({"type": "kubernetes.io/dockerconfigjson", "data": data}))
    };
    for ((kind, object), fault) in [
        (slice("IPv4", "10.0.0.1"), ""),
        (slice("IPv6", "2001:db8::1"), ""),
        (slice("IPv4", "2001:db8::1"), "must be a valid IPv4 address"),
        (slice("IPv6", "10.0.0.1"), "must be a valid IPv6 address"),
        (slice("IPv4", "127.0.0.1"), "may not be in the loopback range"),
        (config("e30="), ""),
        (config("e30"), "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\""),
        (config("W10="), "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\""),
    ] {
        let faults = create(kind, object.clone()).1.join(", ");
        assert!(faults.contains(fault) && faults.is_empty() == fault.is_empty(), "{object}: {faults}");
    }
}

#[test]
fn a_class_of_ingresses_finds_its_parameters_where_its_scope_says() {
    for (scope, namespace, fault) in [
        ("Cluster", json!(null), ""),
        ("Cluster", json!("a"), "parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"),
        ("Namespace", json!("a"), ""),
        ("Namespace", json!(null), "parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"),
    ] {
        let mut spec = json!({"controller": "a.b/c", "parameters": {"kind": "K", "name": "n", "scope": scope}});
        if !namespace.is_null() {
            spec["parameters"]["namespace"] = namespace;
        }
        let faults = create("IngressClass", json!({"metadata": {"name": "a"}, "spec": spec})).1.join(", ");
        assert!(faults.contains(fault) && faults.is_empty() == fault.is_empty(), "{scope}: {faults}");
    }
}

#[test]
fn the_pods_of_an_indexed_job_need_names_that_fit() {
    let job = |name: String| {
        let mut spec =
            json!({"completionMode": "Indexed", "completions": 11, "parallelism": 1, "template": template()});
        spec["template"]["spec"]["restartPolicy"] = "Never".into();
        create("Job", json!({"metadata": {"name": name, "uid": "u"}, "spec": spec})).1.join(", ")
    };
    assert_eq!(job("a".repeat(60)), "");
    assert!(job("a".repeat(61)).contains("will not able to create pod with invalid DNS label: aa"));
}

#[test]
fn where_a_job_that_waits_may_run_can_change() {
    let job = |affinity: Value| {
        let mut job = json!({"metadata": {"name": "j", "uid": "u"}, "spec": {"suspend": true, "template": template()}});
        job["spec"]["template"]["spec"]["restartPolicy"] = "Never".into();
        job["spec"]["template"]["spec"]["affinity"] = affinity;
        create("Job", job).0
    };
    let terms = json!([{"topologyKey": "k", "labelSelector": {}}]);
    let of_pods = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}});
    let of_nodes = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
        {"nodeSelectorTerms": [{"matchExpressions": [{"key": "k", "operator": "Exists"}]}]}}});
    let never = Value::Null;
    for (affinity, started, stays) in
        [(&of_nodes, never.clone(), false), (&of_pods, never, true), (&of_nodes, "2020-01-01T00:00:00Z".into(), true)]
    {
        let (mut old, new) = (job(Value::Null), job(affinity.clone()));
        old["status"]["startTime"] = started;
        let faults = kind("Job").strategy.update_faults(&new, &old);
        let faults: Vec<String> = faults.iter().map(|fault| fault.path.to_string()).collect();
        assert_eq!(faults, vec!["spec.template"; usize::from(stays)], "{affinity}");
    }
}

#[test]
fn a_stateful_set_is_without_at_least_one_pod_while_it_changes() {
    let mut set = workload();
    assert_eq!(create("StatefulSet", set.clone()).0["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"], 1);
    for (most, fault) in
        [(json!(0), "cannot be 0"), (json!("0%"), "cannot be 0"), (json!("101%"), "must not be greater than 100%")]
    {
        set["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxUnavailable": most}});
        let faults = create("StatefulSet", set.clone()).1.join(", ");
        assert!(faults.contains(fault), "{faults}");
    }
}

#[test]
fn what_an_autoscaler_looks_at_has_a_name_and_a_target() {
    let target = json!({"type": "Value"});
    for (field, kind, source, fault) in [
        (
            "object",
            "Object",
            json!({"metric": {"name": "m"}, "describedObject": {"kind": "K", "name": "a/b"}, "target": target}),
            "describedObject.name: Invalid value: \"a/b\": may not contain '/'",
        ),
        (
            "object",
            "Object",
            json!({"metric": {"name": "m"}, "describedObject": {"kind": "K", "name": "n"}, "target": target}),
            "averageValue: Required value: must set either a target value or averageValue",
        ),
        (
            "external",
            "External",
            json!({"metric": {"name": "m"}, "target": target}),
            "averageValue: Required value: must set either a target value for metric or a per-pod target",
        ),
        (
            "containerResource",
            "ContainerResource",
            json!({"name": "disk", "container": "A", "target": {"type": "Utilization", "averageUtilization": 0}}),
            "name: Invalid value: \"disk\": must be a standard resource type or fully qualified",
        ),
    ] {
        let metrics = json!([{"type": kind, field: source}]);
        let spec = json!({"maxReplicas": 1, "scaleTargetRef": {"kind": "K", "name": "n"}, "metrics": metrics});
        let faults = create("HorizontalPodAutoscaler", json!({"metadata": {"name": "a"}, "spec": spec})).1.join(", ");
        assert!(faults.contains(fault), "{faults}");
    }
}

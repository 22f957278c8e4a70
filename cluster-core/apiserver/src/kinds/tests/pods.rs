//! Pods, what holds their data and what bounds them, that upstream refuses.

use super::{create, kind, workload};
use crate::kinds::cel::EVALUATED;
use serde_json::{Value, json};

#[test]
fn what_upstream_refuses_of_pods_and_their_volumes_is_refused() {
    let spec = |more: Value| {
        let mut spec = json!({"containers": [{"name": "c", "image": "i"}]});
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        spec
    };
    let container = |more: Value| {
        let mut container = more;
        (container["name"], container["image"]) = ("c".into(), "i".into());
        json!({"containers": [container]})
    };
    let volume = |source: Value| {
        let mut volume = source;
        volume["name"] = "v".into();
        spec(json!({"volumes": [volume]}))
    };
    let projection = |source: Value| volume(json!({"projected": {"sources": [source]}}));
    let variable = |from: Value| container(json!({"env": [{"name": "A", "valueFrom": from}]}));
    let profile = |kind: &str, profile: Value| container(json!({"securityContext": {kind: profile}}));
    let resources = |resources: Value| container(json!({"resources": resources}));
    let spread = |more: Value| {
        let mut constraint = more;
        (constraint["maxSkew"], constraint["topologyKey"]) = (1.into(), "k".into());
        spec(json!({"topologySpreadConstraints": [constraint]}))
    };
    let device = json!({"volumeDevices": [{"name": "v", "devicePath": "/a/../b"}]});
    let table = [
        (spec(json!({"hostUsers": false, "hostPID": true})), "spec.HostPID: Forbidden: when `hostUsers` is false"),
        (spec(json!({"hostUsers": false})), ""),
        (profile("appArmorProfile", json!({"type": "Localhost"})), "must be set when AppArmor type is Localhost"),
        (profile("appArmorProfile", json!({"type": "RuntimeDefault"})), ""),
        (
            profile("seccompProfile", json!({"type": "RuntimeDefault", "localhostProfile": "a"})),
            "can only be set when seccomp type is",
        ),
        (
            profile("procMount", "Some".into()),
            "Unsupported value: \"Some\": supported values: \"Default\", \"Unmasked\"",
        ),
        (
            container(
                json!({"securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"add": ["CAP_SYS_ADMIN"]}}}),
            ),
            "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
        ),
        (
            container(json!({"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}})),
            "spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than \
             terminationGracePeriodSeconds (30)",
        ),
        (container(json!({"lifecycle": {"preStop": {"sleep": {"seconds": 30}}}})), ""),
        (
            container(json!({"resizePolicy": [{"resourceName": "disk", "restartPolicy": "NotRequired"}]})),
            "spec.containers[0].resizePolicy: Unsupported value: \"disk\"",
        ),
        (
            container(json!({"readinessProbe": {"exec": {"command": ["a"]}, "terminationGracePeriodSeconds": 1}})),
            "must not be set for readinessProbes",
        ),
        (
            container(json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "A", "key": "k"}}}]})),
            "secretKeyRef.name: Invalid value: \"A\"",
        ),
        (
            resources(json!({"requests": {"a.b/c": "1"}})),
            "Required value: Limit must be set for non overcommitable resources",
        ),
        (resources(json!({"limits": {"a.b/c": "500m"}})), "[a.b/c]: Invalid value: \"500m\": must be an integer"),
        (resources(json!({"limits": {"a.b/c": "1"}})), ""),
        (
            resources(json!({"limits": {"hugepages-2Mi": "2Mi"}})),
            "resources: Forbidden: HugePages require cpu or memory",
        ),
        (
            container(device),
            "volumeDevices[0].devicePath: Invalid value: \"/a/../b\": can not contain backsteps ('..')",
        ),
        (
            json!({"os": {"name": "windows"}, "containers": container(json!({"securityContext": {"runAsUser": 1}}))["containers"]}),
            "spec.containers[0].securityContext.runAsUser: Forbidden: cannot be set for a windows pod",
        ),
        (
            spec(json!({"os": {"name": "linux"}, "securityContext": {"windowsOptions": {}}})),
            "spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod",
        ),
        (spec(json!({"dnsConfig": {"searches": ["a_b.c", ".", "x."]}})), ""),
        (
            spec(json!({"dnsConfig": {"searches": ["A"]}})),
            "spec.dnsConfig.searches[0]: Invalid value: \"A\": a lowercase RFC 1123 subdomain",
        ),
        (spec(json!({"dnsConfig": {"options": [{}]}})), "spec.dnsConfig.options[0]: Required value: must not be empty"),
        (
            spread(json!({"whenUnsatisfiable": "ScheduleAnyway", "minDomains": 2})),
            "can only use minDomains if whenUnsatisfiable=DoNotSchedule",
        ),
        (
            spread(json!({"whenUnsatisfiable": "DoNotSchedule", "matchLabelKeys": ["a"]})),
            "must not be specified when labelSelector is not set",
        ),
        (
            volume(json!({"emptyDir": {}, "hostPath": {"path": "/a"}})),
            "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
        ),
        (
            projection(json!({"configMap": {"name": "a"}, "secret": {"name": "a"}})),
            "projected.sources[0]: Forbidden: may not specify more than 1 volume type per source",
        ),
        (
            volume(json!({"projected": {"sources": [
                {"secret": {"name": "s", "items": [{"key": "k", "path": "a"}]}},
                {"downwardAPI": {"items": [{"path": "b", "fieldRef": {"fieldPath": "metadata.name"}}]}},
                {"configMap": {"name": "c", "items": [{"key": "k", "path": "a"}, {"key": "l", "path": "b"}]}},
            ]}})),
            "spec.volumes[0].projected: Invalid value: \"c\": conflicting duplicate paths, spec.volumes[0].projected: \
             Invalid value: \"c\": conflicting duplicate paths",
        ),
        (
            volume(json!({"projected": {"sources": [
                {"serviceAccountToken": {"path": "a"}}, {"configMap": {"name": "c", "items": [{"key": "k", "path": "b"}]}},
            ]}})),
            "",
        ),
        (projection(json!({"podCertificate": {"signerName": "a.b/c", "keyType": "ED25519", "keyPath": "k"}})), ""),
        (
            projection(json!({"podCertificate": {"signerName": "a.b/c", "keyType": "DSA"}})),
            "sources[0].podCertificate.keyType: Unsupported value: \"DSA\": supported values: \"RSA3072\", \"RSA4096\", \
             \"ECDSAP256\", \"ECDSAP384\", \"ECDSAP521\", \"ED25519\", spec.volumes[0].projected.sources[0].podCertificate: \
             Required value: specify at least one of credentialBundlePath, keyPath, and certificateChainPath",
        ),
        (
            projection(
                json!({"podCertificate": {"signerName": "kubernetes.io/c", "keyType": "ED25519", "keyPath": "../k",
                "maxExpirationSeconds": 86401}}),
            ),
            "maxExpirationSeconds: Invalid value: 86401: if provided, maxExpirationSeconds must be <= 86400, \
             spec.volumes[0].projected.sources[0].podCertificate.keyPath: Invalid value: \"../k\": must not contain '..'",
        ),
        (
            projection(json!({"serviceAccountToken": {"path": "/a"}})),
            "spec.volumes[0].projected.path: Invalid value: \"/a\": must be a relative path",
        ),
        (
            variable(json!({"fieldRef": {"fieldPath": "metadata.labels"}})),
            "env[0].valueFrom.fieldRef.fieldPath: Unsupported value: \"metadata.labels\": supported values: \"metadata.name\"",
        ),
        (variable(json!({"fieldRef": {"fieldPath": "metadata.annotations['A.b/C']"}})), ""),
        (
            variable(json!({"fieldRef": {"fieldPath": "metadata.labels['a b']"}})),
            "env[0].valueFrom.fieldRef: Invalid value: \"a b\": name part must consist of",
        ),
        (
            variable(json!({"fieldRef": {"fieldPath": "metadata.name['a']"}})),
            "fieldPath: Invalid value: \"metadata.name['a']\": error converting fieldPath: field label does not support \
             subscript: metadata.name['a']",
        ),
        (
            variable(json!({"fieldRef": {"fieldPath": "status.x"}})),
            "error converting fieldPath: field label not supported: status.x",
        ),
        (
            variable(json!({})),
            "env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`",
        ),
        (
            container(json!({"envFrom": [{}]})),
            "spec.containers[0].envFrom: Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`",
        ),
        (
            container(json!({"ports": [{"containerPort": 70000}]})),
            "ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        (
            spec(json!({"initContainers": [
                {"name": "a", "image": "i", "ports": [{"containerPort": 1, "hostPort": 80}]},
                {"name": "b", "image": "i", "ports": [{"containerPort": 1, "hostPort": 80}]},
            ]})),
            "",
        ),
        (
            spec(json!({"initContainers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i",
                "ports": [{"containerPort": 1, "hostPort": 80}, {"containerPort": 2, "hostPort": 80}]}]})),
            "spec.initContainers[0].ports[1].hostPort: Duplicate value: \"TCP//80\"",
        ),
        (
            container(json!({"restartPolicyRules": [{"action": "Stop"}]})),
            "spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used, \
             spec.containers[0].restartPolicyRules[0].action: Unsupported value: \"Stop\": supported values: \"Restart\", \
             \"RestartAllContainers\", spec.containers[0].restartPolicyRules[0].exitCodes: Required value: must be specified",
        ),
        (
            spec(
                json!({"initContainers": [{"name": "a", "image": "i", "restartPolicy": "Always", "restartPolicyRules": [
                {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}]}]}),
            ),
            "",
        ),
        (
            spec(json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "i",
                "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]}]})),
            "spec.containers[0].resizePolicy: Invalid value: \"RestartContainer\": must be 'NotRequired' when pod `restartPolicy` \
             is 'Never'",
        ),
        (
            spec(json!({"hostnameOverride": "a", "hostNetwork": true})),
            "spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true",
        ),
        (
            spec(
                json!({"hostNetwork": true, "securityContext": {"sysctls": [{"name": "net/core/somaxconn", "value": "1"}]}}),
            ),
            "sysctls[0].name: Invalid value: \"net/core/somaxconn\": may not be specified when 'hostNetwork' is true",
        ),
        (
            spec(json!({"schedulingGates": [{"name": ""}]})),
            "spec.schedulingGates[0]: Invalid value: \"\": name part must be",
        ),
        (
            container(json!({"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "/s"}]})),
            "spec.containers[0].volumeMounts.subPath: Invalid value: \"/s\": must be a relative path",
        ),
        (
            spec(json!({"volumes": [{"name": "v", "emptyDir": {}}],
                "containers": [{"name": "c", "image": "i", "volumeDevices": [{"name": "v", "devicePath": "/d"}]}]})),
            "volumeDevices[0].name: Invalid value: \"v\": can only use volume source type of PersistentVolumeClaim or",
        ),
        (
            spec(json!({"os": {"name": "windows"}, "resources": {"limits": {"cpu": "1"}}})),
            "spec.resources: Forbidden: may not be set for a windows pod",
        ),
        (
            spec(
                json!({"resources": {"limits": {"cpu": "1", "hugepages-2Mi": "2Mi"}}, "containers": [{"name": "c", "image": "i",
                "resources": {"limits": {"cpu": "1", "hugepages-2Mi": "4Mi"}}}]}),
            ),
            "spec.resources.limits[hugepages-2Mi]: Invalid value: \"2Mi\": must be greater than or equal to aggregate container \
             limits of 4Mi",
        ),
        (projection(json!({"serviceAccountToken": {"path": "a"}})), ""),
        (
            projection(json!({"serviceAccountToken": {"path": "a", "expirationSeconds": 1_i64 << 33}})),
            "may not specify a duration larger than 2^32 seconds",
        ),
        (
            projection(json!({"clusterTrustBundle": {"path": "a"}})),
            "clusterTrustBundle: Required value: either name or signerName must be specified",
        ),
        (
            volume(json!({"downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "spec.nodeName"}}]}})),
            "spec.volumes[0].downwardAPI.fieldRef.fieldPath: Unsupported value: \"spec.nodeName\"",
        ),
        (
            volume(json!({"iscsi": {"targetPortal": "p", "iqn": "x", "lun": 0}})),
            "iqn: Invalid value: \"x\": must be valid format starting with iqn, eui, or naa",
        ),
        (volume(json!({"iscsi": {"targetPortal": "p", "iqn": "iqn.2001-04.com.example:storage", "lun": 0}})), ""),
        (
            volume(json!({"fc": {"targetWWNs": ["a"]}})),
            "fc.lun: Required value: lun is required if targetWWNs is specified",
        ),
        (
            volume(json!({"ephemeral": {"volumeClaimTemplate": {"spec": {}}}})),
            "spec.accessModes: Required value: at least 1 access mode",
        ),
    ];
    for (spec, fault) in table {
        let faults = create("Pod", json!({"metadata": {"name": "a"}, "spec": spec})).1.join(", ");
        assert!(faults.contains(fault) && faults.is_empty() == fault.is_empty(), "{spec}: {faults}");
    }
    for (cost, valid) in [("-5", true), ("0", true), ("+5", false), ("05", false), ("x", false)] {
        let annotations = json!({"controller.kubernetes.io/pod-deletion-cost": cost});
        let pod = json!({"metadata": {"name": "a", "annotations": annotations}, "spec": spec(json!({}))});
        assert_eq!(create("Pod", pod).1.is_empty(), valid, "{cost}");
    }
    let mut open = workload();
    open["spec"]["template"]["spec"]["hostNetwork"] = true.into();
    open["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{"containerPort": 80}]);
    assert_eq!(
        create("Deployment", open).1,
        Vec::<String>::new(),
        "the ports of a template become the host's in its pods"
    );
}

#[test]
fn a_claim_is_filled_from_one_source() {
    let claim = |more: Value| {
        let mut spec = more;
        spec["accessModes"] = json!(["ReadWriteOnce"]);
        spec["resources"] = json!({"requests": {"storage": "1Gi"}});
        json!({"metadata": {"name": "a"}, "spec": spec})
    };
    let source = |name: &str| json!({"kind": "PersistentVolumeClaim", "name": name});
    let (same, faults) = create("PersistentVolumeClaim", claim(json!({"dataSource": source("b")})));
    assert_eq!((&same["spec"]["dataSourceRef"], faults), (&source("b"), Vec::new()));
    for (more, fault) in [
        (
            json!({"dataSource": source("b"), "dataSourceRef": source("c")}),
            "spec: Invalid value: \"dataSource\": must match dataSourceRef",
        ),
        (
            json!({"dataSource": {"kind": "Pod", "name": "b"}}),
            "must be 'PersistentVolumeClaim' when referencing the default apiGroup",
        ),
        (json!({"storageClassName": "A"}), "spec.storageClassName: Invalid value: \"A\""),
    ] {
        let faults = create("PersistentVolumeClaim", claim(more)).1.join(", ");
        assert!(faults.contains(fault), "{faults}");
    }
}

#[test]
fn the_limits_of_a_range_go_together() {
    for (item, fault) in [
        (
            json!({"type": "Container", "min": {"cpu": "1"}, "max": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "2"}}),
            "",
        ),
        (
            json!({"type": "Pod", "min": {"cpu": "2"}, "max": {"cpu": "1"}}),
            "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1",
        ),
        (
            json!({"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "2"}}),
            "spec.limits[0].defaultRequest[cpu]: Invalid value: \"2\": default request value 2 is greater than default limit value 1",
        ),
        (json!({"type": "Pod", "maxLimitRequestRatio": {"cpu": "500m"}}), "ratio 500m is less than 1"),
        (
            json!({"type": "Pod", "min": {"cpu": "1"}, "max": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "3"}}),
            "ratio 3 is greater than max/min = 2.000000",
        ),
        (json!({"type": "Pod", "max": {"storage": "1"}}), "must be a standard resource for containers"),
        (json!({"type": "PersistentVolumeClaim"}), "spec.limits[0].limits: Required value: either minimum or maximum"),
    ] {
        let range = json!({"metadata": {"name": "a"}, "spec": {"limits": [item]}});
        let found = create("LimitRange", range).1.join(", ");
        assert!(found.contains(fault) && found.is_empty() == fault.is_empty(), "{item}: {found}");
    }
}

/// Expressions cost more than all other rules together.
#[test]
fn a_pod_as_most_are_is_judged_without_an_expression() {
    let container = json!({
        "name": "c", "image": "i", "ports": [{"name": "http", "containerPort": 80}],
        "env": [{"name": "A", "value": "1"},
            {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
        "volumeMounts": [{"name": "m", "mountPath": "/m"}, {"name": "access", "mountPath": "/a"}],
    });
    let sources = json!([
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "ns", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]);
    let pod = json!({
        "metadata": {"name": "a", "annotations": {"prometheus.io/scrape": "true"}, "labels": {"app": "a"}},
        "spec": {
            "containers": [container],
            "volumes": [{"name": "m", "configMap": {"name": "m"}}, {"name": "e", "emptyDir": {}},
                {"name": "access", "projected": {"sources": sources}}],
            "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
        },
    });
    let (pod, _) = create("Pod", pod);
    let before = EVALUATED.get();
    assert_eq!(kind("Pod").strategy.faults(&pod), vec![]);
    assert_eq!(kind("Pod").strategy.warnings(&pod).next(), None);
    assert_eq!(EVALUATED.get() - before, 0);
}

//! What is right and yet worth a warning.

use super::{create, kind, workload};
use serde_json::{Value, json};

#[test]
fn what_upstream_warns_of_is_warned_of_in_its_words() {
    let pod = |more: Value| {
        let mut spec = json!({"containers": [{"name": "c", "image": "i"}]});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ("Pod", json!({"metadata": {"name": "a"}, "spec": spec}))
    };
    let container = |more: Value| {
        let mut container = more;
        (container["name"], container["image"]) = ("c".into(), "i".into());
        pod(json!({"containers": [container]}))
    };
    let terms = |key: &str| {
        let expressions = json!([{"key": key, "operator": "Exists"}]);
        let required = json!({"nodeSelectorTerms": [{"matchExpressions": expressions}]});
        pod(json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}))
    };
    let service = |spec: Value| ("Service", json!({"metadata": {"name": "a"}, "spec": spec}));
    let mut template = workload();
    template["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = (-1).into();
    template["metadata"]["name"] = "a.b".into();
    let table: [((&str, Value), &[&str]); 21] = [
        (pod(json!({})), &[]),
        (("Deployment", workload()), &[]),
        (
            pod(json!({"nodeSelector": {"beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}})),
            &[r#"spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead"#],
        ),
        (
            terms("beta.kubernetes.io/arch"),
            &[
                r#"spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/arch is deprecated since v1.14; use "kubernetes.io/arch" instead"#,
            ],
        ),
        (terms("kubernetes.io/arch"), &[]),
        (
            pod(json!({"topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "failure-domain.beta.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}]})),
            &[
                r#"spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead"#,
                "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
            ],
        ),
        (
            pod(json!({"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"topologyKey": "k"}}]}}})),
            &[
                "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector: a null labelSelector results in matching no pod",
            ],
        ),
        (
            (
                "Pod",
                json!({"metadata": {"name": "a", "annotations": {"a": "b", "container.apparmor.security.beta.kubernetes.io/c": "unconfined"}},
                "spec": pod(json!({})).1["spec"]}),
            ),
            &[
                r#"metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead"#,
            ],
        ),
        (
            pod(json!({"volumes": [{"name": "v", "cephfs": {"monitors": ["m"]}}]})),
            &["spec.volumes[0].cephfs: deprecated in v1.28, non-functional in v1.31+"],
        ),
        (
            pod(json!({"hostAliases": [{"ip": "1.1.1.1"}, {"ip": "1.1.1.2"}, {"ip": "1.1.1.1"}]})),
            &[r#"spec.hostAliases[2].ip: duplicate ip "1.1.1.1""#],
        ),
        (
            pod(json!({"imagePullSecrets": [{"name": "a"}, {"name": ""}, {"name": "a"}]})),
            &[
                r#"spec.imagePullSecrets[1].name: invalid empty name """#,
                r#"spec.imagePullSecrets[2].name: duplicate name "a""#,
            ],
        ),
        (
            container(json!({"resources": {"requests": {"memory": "1500m"}, "limits": {"memory": "2"}}})),
            &[
                r#"spec.containers[0].resources.requests[memory]: fractional byte value "1500m" is invalid, must be an integer"#,
            ],
        ),
        (
            container(
                json!({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}, {"name": "A", "value": "3"}]}),
            ),
            &[r#"spec.containers[0].env[2]: hides previous definition of "A", which may be dropped when using apply"#],
        ),
        (
            ("Deployment", template.clone()),
            &[
                "spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
                "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
            ],
        ),
        (
            (
                "Ingress",
                json!({"metadata": {"name": "a", "annotations": {"kubernetes.io/ingress.class": "c"}}, "spec": {}}),
            ),
            &[r#"annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead"#],
        ),
        (service(json!({"ports": [{"port": 80}]})), &[]),
        (
            service(
                json!({"ports": [{"port": 80}], "externalName": "a", "externalIPs": ["1.1.1.1"], "trafficDistribution": "PreferClose"}),
            ),
            &[
                "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
                r#"spec.externalName is ignored when spec.type is not "ExternalName""#,
                r#"spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone""#,
            ],
        ),
        (
            service(json!({"clusterIP": "None", "sessionAffinity": "ClientIP", "loadBalancerIP": "1.1.1.1"})),
            &[
                "spec.loadBalancerIP is ignored for headless services",
                "spec.SessionAffinity is ignored for headless services",
            ],
        ),
        (
            (
                "PersistentVolume",
                json!({"metadata": {"name": "a", "annotations": {"volume.beta.kubernetes.io/storage-class": "c"}},
                "spec": {"persistentVolumeReclaimPolicy": "Recycle", "nfs": {}}}),
            ),
            &[
                r#"metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead"#,
                "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
            ],
        ),
        (
            ("PersistentVolumeClaim", json!({"spec": {"resources": {"requests": {"storage": "1m"}}}})),
            &[r#"spec.resources.requests[storage]: fractional byte value "1m" is invalid, must be an integer"#],
        ),
        (
            (
                "CronJob",
                json!({"metadata": {"name": "a"}, "spec": {"jobTemplate": {"spec": {"template": {"spec": {"volumes": [{"name": "v", "gitRepo": {}}]}}}}}}),
            ),
            &[
                "spec.jobTemplate.spec.template.spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
            ],
        ),
    ];
    for ((name, object), expected) in table {
        let (object, _) = create(name, object);
        let found: Vec<String> = kind(name).strategy.warnings(&object).collect();
        assert_eq!(found, expected, "{name}");
    }
}

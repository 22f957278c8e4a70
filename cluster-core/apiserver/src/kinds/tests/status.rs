//! What a status may become.

use super::kind;
use serde_json::{Value, json};

fn faults(name: &str, new: &Value, old: &Value) -> Vec<String> {
    kind(name).strategy.status_faults(new, old).iter().map(ToString::to_string).collect()
}

#[test]
fn a_status_has_the_faults_that_upstream_finds_in_it() {
    let none = json!({});
    let table: [(&str, Value, &[&str]); 14] = [
        (
            "ReplicaSet",
            json!({"replicas": 1, "readyReplicas": 2, "availableReplicas": 3, "observedGeneration": -1}),
            &[
                "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
                "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
                "status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas",
                "status.observedGeneration: Invalid value: -1: must be greater than or equal to 0",
            ],
        ),
        (
            "Deployment",
            json!({"replicas": 3, "readyReplicas": 2, "availableReplicas": 1, "unavailableReplicas": 2}),
            &[],
        ),
        (
            "Deployment",
            json!({"updatedReplicas": 1}),
            &["status.updatedReplicas: Invalid value: 1: cannot be greater than status.replicas"],
        ),
        (
            "StatefulSet",
            json!({"replicas": 2, "readyReplicas": 1, "availableReplicas": 2}),
            &["status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas"],
        ),
        (
            "DaemonSet",
            json!({"numberReady": -1}),
            &["status.numberReady: Invalid value: -1: must be greater than or equal to 0"],
        ),
        (
            "Job",
            json!({"failed": -1}),
            &[
                "status.failed: Invalid value: -1: must be greater than or equal to 0",
                "status.failed: Invalid value: -1: cannot decrease the failed counter",
            ],
        ),
        (
            "PodDisruptionBudget",
            json!({"currentHealthy": -1, "conditions": [{"type": "A", "status": "Maybe", "reason": "no reason"}]}),
            &[
                "status.conditions[0].status: Unsupported value: \"Maybe\": supported values: \"False\", \"True\", \"Unknown\"",
                "status.conditions[0].lastTransitionTime: Required value: must be set",
                "status.conditions[0].reason: Invalid value: \"no reason\": a condition reason must start with",
                "status.currentHealthy: Invalid value: -1: must be greater than or equal to 0",
            ],
        ),
        (
            "Ingress",
            json!({"loadBalancer": {"ingress": [{"ip": "300.1.1.1"}, {"hostname": "1.2.3.4"}]}}),
            &[
                "status.loadBalancer.ingress[0].ip: Invalid value: \"300.1.1.1\": must be a valid IP address",
                "status.loadBalancer.ingress[1].hostname: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address",
            ],
        ),
        (
            "Service",
            json!({"loadBalancer": {"ingress": [{"hostname": "a", "ipMode": "VIP"}]}}),
            &[
                "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is \"LoadBalancer\"",
                "status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` is not set",
            ],
        ),
        ("Namespace", json!({"phase": "Active"}), &[]),
        (
            "Namespace",
            json!({"phase": "Terminating"}),
            &["status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"],
        ),
        (
            "Node",
            json!({"capacity": {"cpu": "-1"}}),
            &["status.capacity.cpu: Invalid value: \"-1\": must be greater than or equal to 0"],
        ),
        (
            "CertificateSigningRequest",
            json!({"conditions": [{"type": "Approved", "status": "False"}, {"type": "Denied", "status": "True"}]}),
            &[
                "status.conditions[0].status: Unsupported value: \"False\": supported values: \"True\"",
                "status.conditions[1].type: Invalid value: \"Denied\": Approved and Denied conditions are mutually exclusive",
                "status.conditions: Forbidden: updates may not add a condition of type \"Approved\"",
                "status.conditions: Forbidden: updates may not add a condition of type \"Denied\"",
            ],
        ),
        (
            "Pod",
            json!({"hostIP": "1.1.1.1", "hostIPs": [{"ip": "1.1.1.2"}], "podIPs": [{"ip": "1.1.1.3"}, {"ip": "1.1.1.4"}],
                "resourceClaimStatuses": [{"name": "a"}], "nominatedNodeName": "A"}),
            &[
                "status.nominatedNodeName: Invalid value: \"A\": a lowercase RFC 1123 subdomain",
                "status.resourceClaimStatuses[0].name: Invalid value: \"a\": must match the name of an entry",
                "status.hostIPs[0].ip: Invalid value: \"1.1.1.2\": must be equal to `hostIP`",
                "status.podIPs: Invalid value: [{\"ip\":\"1.1.1.3\"},{\"ip\":\"1.1.1.4\"}]: may specify no more than one IP",
            ],
        ),
    ];
    for (name, status, expected) in table {
        let found = faults(name, &json!({"status": status}), &none);
        assert_eq!(found.len(), expected.len(), "{name}: {found:?}");
        assert!(found.iter().zip(expected).all(|(fault, text)| fault.starts_with(text)), "{name}: {found:?}");
    }
}

#[test]
fn a_status_that_only_others_write_is_there_from_the_start() {
    // A JSON patch can only add to what is there.
    for name in ["CertificateSigningRequest", "Job", "PodCertificateRequest", "ResourceClaim"] {
        let mut object = json!({});
        kind(name).strategy.start(&mut object);
        assert_eq!(object["status"], json!({}), "{name}");
    }
}

#[test]
fn what_a_status_says_for_good_stays() {
    let of = |status: Value| json!({"spec": {}, "status": status});
    let counted = of(json!({"collisionCount": 2}));
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        assert_eq!(faults(kind, &counted, &of(json!({"collisionCount": 1}))), Vec::<String>::new());
        assert_eq!(
            faults(kind, &of(json!({})), &counted),
            ["status.collisionCount: Invalid value: 0: cannot be decremented"]
        );
    }
    let signed = of(json!({"certificate": "a", "conditions": [{"type": "Failed", "status": "True"}]}));
    assert_eq!(
        faults("CertificateSigningRequest", &of(json!({"certificate": "b"})), &signed),
        [
            "status.conditions: Forbidden: updates may not remove a condition of type \"Failed\"",
            "status.certificate: Forbidden: updates may not modify existing certificate content",
        ]
    );
    let class = |class: &str| of(json!({"qosClass": class}));
    assert_eq!(
        faults("Pod", &class("Burstable"), &class("BestEffort")),
        ["status.qosClass: Invalid value: \"Burstable\": field is immutable"]
    );
}

#[test]
fn a_container_that_ended_runs_again_only_where_its_pod_lets_it() {
    let pod = |policy: &str, container: Value, state: Value| {
        json!({"spec": {"restartPolicy": policy, "containers": [container]},
            "status": {"containerStatuses": [{"name": "a", "state": state}]}})
    };
    let (plain, own) = (json!({"name": "a"}), json!({"name": "a", "restartPolicy": "Always"}));
    let all = json!({"name": "b", "restartPolicyRules": [{"action": "RestartAllContainers"}]});
    let table = [
        ("Always", &plain, 0, true),
        ("OnFailure", &plain, 0, false),
        ("OnFailure", &plain, 1, true),
        ("Never", &plain, 1, false),
        ("Never", &own, 1, true),
        ("Never", &all, 1, true),
    ];
    for (policy, container, code, expected) in table {
        let old = pod(policy, container.clone(), json!({"terminated": {"exitCode": code}}));
        let new = pod(policy, container.clone(), json!({"running": {}}));
        let fault = "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state";
        assert_eq!(
            faults("Pod", &new, &old),
            if expected { vec![] } else { vec![fault.to_owned()] },
            "{policy} {code}"
        );
    }
}

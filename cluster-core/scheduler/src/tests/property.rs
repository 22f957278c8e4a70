//! Random clusters: what is chosen obeys every hard rule, and nothing is refused that would have been allowed.

use crate::Chooser;
use crate::model::{Cluster, PodInfo};
use crate::profile::Profile;
use crate::tests::{cluster, node, pod};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

const ZONE: &str = "topology.kubernetes.io/zone";

#[derive(Debug, Clone)]
struct ANode {
    cpu: i64,
    slots: usize,
    gpus: i64,
    zone: u8,
    tainted: bool,
    closed: bool,
}

#[derive(Debug, Clone)]
struct APod {
    cpu: i64,
    app: u8,
    port: Option<u16>,
    gpus: i64,
    disk: Option<u8>,
    zone: Option<u8>,
    tolerant: bool,
    hermit: bool,
    spread: bool,
    leaves: bool,
}

fn nodes() -> impl Strategy<Value = Vec<ANode>> {
    let one = (500_i64..4000, 1_usize..6, 0_i64..4, 0_u8..3, any::<bool>(), prop::bool::weighted(0.1));
    let one =
        one.prop_map(|(cpu, slots, gpus, zone, tainted, closed)| ANode { cpu, slots, gpus, zone, tainted, closed });
    prop::collection::vec(one, 1..7)
}

fn pods() -> impl Strategy<Value = Vec<APod>> {
    let shape = (100_i64..1500, 0_u8..3, prop::option::of(80_u16..82), prop::option::weighted(0.3, 0_u8..3));
    let flags = (any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.3), prop::bool::weighted(0.2));
    let things = (prop_oneof![3 => Just(0_i64), 1 => 1_i64..3], prop::option::weighted(0.2, 0_u8..2));
    let one =
        (shape, flags, things).prop_map(|((cpu, app, port, zone), (tolerant, hermit, spread, leaves), things)| APod {
            gpus: things.0,
            disk: things.1,
            cpu,
            app,
            port,
            zone,
            tolerant,
            hermit,
            spread,
            leaves,
        });
    prop::collection::vec(one, 1..30)
}

impl ANode {
    fn object(&self, number: usize) -> k8s_openapi::api::core::v1::Node {
        let taints = if self.tainted { json!([{"key": "k", "effect": "NoSchedule"}]) } else { json!([]) };
        let allocatable =
            json!({"cpu": format!("{}m", self.cpu), "pods": self.slots.to_string(), "x.io/gpu": self.gpus.to_string()});
        node(
            &format!("n{number}"),
            json!({
                "metadata": {"labels": {ZONE: self.zone.to_string()}},
                "spec": {"taints": taints, "unschedulable": self.closed},
                "status": {"allocatable": allocatable},
            }),
        )
    }
}

impl APod {
    fn object(&self, number: usize) -> Arc<PodInfo> {
        let like = json!({"matchLabels": {"app": self.app.to_string()}});
        let mut spec = json!({"containers": [{
            "name": "c", "image": "app", "resources": {"requests": {"cpu": format!("{}m", self.cpu), "x.io/gpu": self.gpus.to_string()}},
            "ports": self.port.map(|port| vec![json!({"containerPort": port, "hostPort": port})]),
        }]});
        if let Some(disk) = self.disk {
            spec["volumes"] = json!([{"name": "d", "gcePersistentDisk": {"pdName": disk.to_string()}}]);
        }
        if let Some(zone) = self.zone {
            spec["nodeSelector"] = json!({ZONE: zone.to_string()});
        }
        if self.tolerant {
            spec["tolerations"] = json!([{"key": "k", "operator": "Exists"}]);
        }
        if self.hermit {
            let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": like});
            let rule = json!({"requiredDuringSchedulingIgnoredDuringExecution": [term]});
            spec["affinity"] = json!({"podAntiAffinity": rule});
        }
        if self.spread {
            spec["topologySpreadConstraints"] = json!([{
                "maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": like,
            }]);
        }
        let labels = json!({"labels": {"app": self.app.to_string()}});
        pod(&format!("p{number}"), json!({"metadata": labels, "spec": spec}))
    }
}

/// The rules again, in the plainest way: may the pod go to `nodes[at]`, where `placed` pods are?
fn allowed(nodes: &[ANode], placed: &[(usize, APod)], pod: &APod, at: usize) -> bool {
    let node = &nodes[at];
    let here: Vec<&APod> = placed.iter().filter(|(n, _)| *n == at).map(|(_, pod)| pod).collect();
    let selected = |node: &ANode| pod.zone.is_none_or(|zone| zone == node.zone);
    let in_zone = |zone: u8| {
        placed.iter().filter(|(n, p)| nodes[*n].zone == zone && selected(&nodes[*n]) && p.app == pod.app).count()
    };
    let least = nodes.iter().filter(|n| selected(n)).map(|n| in_zone(n.zone)).min().unwrap_or_default();
    here.len() < node.slots
        && here.iter().map(|p| p.cpu).sum::<i64>() + pod.cpu <= node.cpu
        && (pod.gpus == 0 || here.iter().map(|p| p.gpus).sum::<i64>() + pod.gpus <= node.gpus)
        && !here.iter().any(|p| p.disk.is_some() && p.disk == pod.disk)
        && (!node.tainted || pod.tolerant)
        && !node.closed
        && selected(node)
        && !here.iter().any(|p| p.port.is_some() && p.port == pod.port)
        && !here.iter().any(|p| p.app == pod.app && (p.hermit || pod.hermit))
        && (!pod.spread || in_zone(node.zone) + 1 - least <= 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_choice_is_allowed_and_only_the_impossible_is_refused(nodes in nodes(), pods in pods()) {
        let objects: Vec<_> = nodes.iter().enumerate().map(|(number, node)| node.object(number)).collect();
        let mut cluster: Cluster = cluster(&objects);
        let (mut chooser, mut placed) = (Chooser::new(7), Vec::<(usize, APod)>::new());
        for (number, pod) in pods.iter().enumerate() {
            let info = pod.object(number);
            match chooser.choose(&cluster, &Profile::default(), &info) {
                Ok(id) => {
                    let name = cluster.node(id).name().to_owned();
                    let at: usize = name[1..].parse().expect("a number");
                    prop_assert!(allowed(&nodes, &placed, pod, at), "{pod:?} on {name}");
                    cluster.place(info.clone(), &name, true);
                    if pod.leaves {
                        cluster.remove_pod(&info.uid);
                    } else {
                        placed.push((at, pod.clone()));
                    }
                }
                Err(diagnosis) => {
                    let missed = (0..nodes.len()).find(|at| allowed(&nodes, &placed, pod, *at));
                    prop_assert_eq!(missed, None, "{:?}: {}", pod, diagnosis);
                }
            }
        }
    }
}

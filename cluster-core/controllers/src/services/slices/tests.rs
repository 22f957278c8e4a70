//! Which slices hold which endpoints, and what a pod is in one.

use super::super::labels;
use super::*;
use serde_json::json;

fn service() -> Service {
    serde_json::from_value(json!({"metadata": {"name": "web", "namespace": "ns", "uid": "u", "labels": {"a": "b"}},
        "spec": {"clusterIP": "None", "selector": {"app": "web"}}}))
    .expect("a service")
}

fn origin() -> ObjectMeta {
    let labels = labels(&service(), &[(SERVICE, "web"), MANAGED_BY]);
    pattern(&service(), labels, None)
}

fn group(range: std::ops::Range<usize>) -> Groups {
    let port = Port { name: "http".into(), protocol: "TCP".into(), number: 80, app_protocol: None };
    let endpoint =
        |n: usize| Endpoint { addresses: vec![format!("10.0.{}.{}", n / 256, n % 256)], ..Endpoint::default() };
    [(("IPv4".to_owned(), vec![port]), range.map(endpoint).collect())].into()
}

fn apply(current: &mut Vec<Arc<EndpointSlice>>, actions: Vec<Action>) {
    for action in actions {
        match action {
            Action::Create(mut slice) => {
                slice.metadata.name = Some(format!("s{}", current.len()));
                current.push(Arc::new(slice));
            }
            Action::Update(slice) => {
                let at = current.iter().position(|s| s.metadata.name == slice.metadata.name).expect("known");
                current[at] = Arc::new(slice);
            }
            Action::Delete(slice) => current.retain(|s| s.metadata.name != slice.metadata.name),
        }
    }
}

fn sizes(slices: &[Arc<EndpointSlice>]) -> Vec<usize> {
    slices.iter().map(|slice| slice.endpoints.as_ref().map_or(0, Vec::len)).collect()
}

#[test]
fn slices_hold_a_hundred_and_move_little() {
    let (origin, mut slices) = (origin(), Vec::new());
    apply(&mut slices, plan(&origin, group(0..250), &[]));
    assert_eq!(sizes(&slices), [100, 100, 50]);
    let again = plan(&origin, group(0..250), &slices);
    assert_eq!(again, [], "nothing changes when all is right");
    let actions = plan(&origin, group(0..252), &slices);
    assert_eq!(actions.len(), 1, "only the slice with room changes");
    apply(&mut slices, actions);
    assert_eq!(sizes(&slices), [100, 100, 52]);
    let actions = plan(&origin, group(0..3), &slices);
    apply(&mut slices, actions);
    assert_eq!(sizes(&slices), [2, 1], "empty slices go, endpoints stay where they are");
}

#[test]
fn pods_that_share_an_address_are_endpoints_of_their_own() {
    let origin = origin();
    let pod = |(name, ready): (&str, &str)| -> Pod {
        serde_json::from_value(json!({"metadata": {"name": name, "namespace": "ns"},
            "status": {"podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": ready}]}}))
        .expect("a pod")
    };
    let endpoints = |pods: &[(&str, &str)]| {
        let made = pods.iter().map(|state| endpoint(&service(), &pod(*state), "10.0.0.1".into())).collect();
        Groups::from([(("IPv4".to_owned(), vec![]), made)])
    };
    let mut slices = Vec::new();
    apply(&mut slices, plan(&origin, endpoints(&[("a", "True"), ("b", "False")]), &[]));
    let ready = |slices: &[Arc<EndpointSlice>]| -> Vec<_> {
        let endpoints = slices.iter().flat_map(|slice| slice.endpoints.iter().flatten());
        endpoints.map(|endpoint| endpoint.conditions.as_ref().and_then(|c| c.ready)).collect()
    };
    assert_eq!(ready(&slices), [Some(true), Some(false)]);
    let actions = plan(&origin, endpoints(&[("a", "True"), ("b", "True")]), &slices);
    apply(&mut slices, actions);
    assert_eq!(ready(&slices), [Some(true), Some(true)]);
}

#[test]
fn a_service_without_pods_has_one_empty_slice() {
    let origin = origin();
    let empty = || Groups::from([(("IPv4".to_owned(), vec![]), vec![])]);
    let mut slices = Vec::new();
    apply(&mut slices, plan(&origin, empty(), &[]));
    assert_eq!(sizes(&slices), [0]);
    assert_eq!(plan(&origin, empty(), &slices), []);
    let labels = slices[0].metadata.labels.clone().expect("labels");
    let wanted = [(HEADLESS_LABEL, ""), (SERVICE, "web"), MANAGED_BY, ("a", "b")];
    assert!(wanted.iter().all(|(name, value)| labels.get(*name).is_some_and(|found| found == value)), "{labels:?}");
}

#[test]
fn a_new_slice_takes_the_place_of_one_that_goes() {
    let origin = origin();
    let mut slices = Vec::new();
    apply(&mut slices, plan(&origin, Groups::from([(("IPv4".to_owned(), vec![]), vec![])]), &[]));
    for wanted in [0..2, 7..9] {
        let actions = plan(&origin, group(wanted), &slices);
        assert!(matches!(&actions[..], [Action::Update(slice)] if slice.name() == "s0"), "{actions:?}");
        apply(&mut slices, actions);
        assert_eq!((sizes(&slices), slices[0].ports.as_ref().map(Vec::len)), (vec![2], Some(1)));
    }
    let mut other = group(0..1);
    other.insert(("IPv6".to_owned(), vec![]), vec![]);
    let kinds = plan(&origin, other, &slices).iter().map(|a| matches!(a, Action::Create(_))).collect::<Vec<_>>();
    assert_eq!(kinds, [false, true], "a slice never changes its family");
}

const HEADLESS_LABEL: &str = crate::services::HEADLESS;

#[test]
fn a_terminating_pod_serves_but_is_not_ready() {
    let value = json!({"metadata": {"name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}});
    let pod: Pod = serde_json::from_value(value).expect("a pod");
    let conditions = endpoint(&service(), &pod, "10.0.0.1".into()).conditions.expect("conditions");
    assert_eq!((conditions.ready, conditions.serving, conditions.terminating), (Some(false), Some(true), Some(true)));
}

#[test]
fn slices_of_an_earlier_service_of_the_name_go_with_it() {
    let mut earlier = origin();
    earlier.owner_references.as_mut().expect("owners")[0].uid = "earlier".to_owned();
    let mut slices = Vec::new();
    apply(&mut slices, plan(&earlier, group(0..3), &[]));
    let actions = plan(&origin(), group(0..3), &slices);
    assert!(matches!(&actions[..], [Action::Create(_), Action::Delete(_)]), "{actions:?}");
    apply(&mut slices, actions);
    assert_eq!(slices[0].owners()[0].uid, "u");
}

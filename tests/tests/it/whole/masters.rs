//! Several masters, one of which dies.

use super::launcher::Launch;
use crate::support::IDLE;

/// kubectl at one master, past what is published.
fn at(master: u8) -> String {
    let address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    format!("kubectl --server https://$(docker inspect -f '{address}' $name-master-{master}):6443")
}

#[test]
fn three_masters_share_one_state_and_go_on_without_one_of_them() {
    let l = Launch::new("masters");
    l.ok("$devcluster up --masters 3 --workers 1");
    l.shows("kubectl get --raw '/readyz?verbose'", &["[+]etcd ok"]);
    for (writer, reader) in [(1, 2), (2, 3), (3, 1)] {
        let (write, read) = (at(writer), at(reader));
        let text = l.ok(&format!("{write} create cm from-{writer} -o name >&2; {read} get cm from-{writer} -o name"));
        assert_eq!(text, format!("configmap/from-{writer}"));
    }
    l.ok("docker kill $name-master-1");
    let create = format!("create deployment web --image=devcluster/busybox:1 --replicas=2 -- {IDLE}");
    l.ok(&format!("{two} {create} && {two} rollout status deploy/web --timeout=60s", two = at(2)));
    l.shows("$devcluster status", &["stopped", "-worker-1"]);
    l.ok("$devcluster node start master-1");
    let state = "get deploy,pods,cm,nodes -o jsonpath='{range .items[*]}{.metadata.uid}{\"\\n\"}{end}' | sort";
    let states = [1, 2, 3].map(|master| l.ok(&format!("{} {state}", at(master))));
    assert!(states.iter().all(|other| *other == states[0]), "{states:?}");
    l.ok("kubectl scale deploy web --replicas=1 && kubectl rollout status deploy/web --timeout=60s");
}

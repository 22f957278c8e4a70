//! `kubectl logs` in all its forms.

use crate::support::Space;

#[test]
fn logs_come_whole_cut_followed_and_from_many() {
    let t = Space::new("logs");
    t.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: talker, labels: {app: t}}, spec: {initContainers: [{name: init, \
         image: devcluster/busybox:1, command: [echo, prepared]}], containers: [{name: main, image: devcluster/busybox:1, command: \
         [sh, -c, 'trap exit TERM; for i in 1 2 3; do echo line $i; done; echo problem >&2; while [ ! -e /tmp/go ]; do usleep 20000; done; \
         echo went; sleep 1000 & wait']}, {name: side, image: devcluster/busybox:1, command: [sh, -c, 'echo beside; exec tail -f /dev/null']}]}}",
    );
    t.ok("kubectl wait --for=condition=Ready pod/talker --timeout=60s");
    let raw = format!("/api/v1/namespaces/{}/pods/talker/log?container=main", t.namespace);
    t.prints(&[
        ("kubectl logs talker -c side", "beside"),
        ("kubectl logs talker -c init", "prepared"),
        ("kubectl logs talker -c main | sort", "line 1\nline 2\nline 3\nproblem"),
        ("kubectl logs talker 2>/dev/null | grep -c line", "3"),
        ("kubectl logs talker main --tail=1 --since=1h | wc -l", "1"),
        ("kubectl logs talker main --tail=0", ""),
        ("kubectl logs talker main --limit-bytes=6 | wc -c", "6"),
        ("kubectl logs talker main --since-time=2999-01-01T00:00:00Z", ""),
        (&format!("kubectl get --raw '{raw}&stream=Stderr'"), "problem"),
        (&format!("kubectl get --raw '{raw}&stream=Stdout' | grep -c line"), "3"),
        ("kubectl logs -l app=t -c main --tail=-1 | wc -l", "4"),
        ("kubectl logs talker --all-containers --prefix | grep beside", "[pod/talker/side] beside"),
    ]);
    assert!(
        t.run("kubectl logs talker").stderr.contains("Defaulted container \"main\" out of: main, side, init (init)")
    );
    t.refuses(&format!("kubectl get --raw '{raw}&stream=Stdout&tailLines=1'"), &["mutually exclusive for now"]);
    let stamped = t.ok("kubectl logs talker -c side --timestamps");
    assert!(stamped.starts_with("20") && stamped.ends_with("Z beside"), "{stamped}");
    let mut follow = t.start("kubectl logs -f talker -c main --tail=1");
    t.ok("kubectl exec talker -c main -- touch /tmp/go");
    follow.line("went");
    t.ok("kubectl delete pod talker --wait=false");
    assert_eq!(follow.end().0, 0, "the end of the container ends the logs");
    t.refuses("kubectl logs nothing", &["(NotFound): pods \"nothing\" not found"]);
}

#[test]
fn logs_of_a_former_container_and_of_one_that_does_not_exist() {
    let t = Space::new("logs-previous");
    t.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: devcluster/busybox:1, command: \
         [sh, -c, 'if [ -e /data/x ]; then echo second; exec tail -f /dev/null; fi; touch /data/x; echo first; exit 1'], \
         volumeMounts: [{name: d, mountPath: /data}]}], terminationGracePeriodSeconds: 0, volumes: [{name: d, emptyDir: {}}]}}",
    );
    t.ok("kubectl wait --for=jsonpath='{.status.containerStatuses[0].restartCount}'=1 pod/p --timeout=60s");
    t.ok("kubectl wait --for=condition=Ready pod/p --timeout=60s");
    t.prints(&[("kubectl logs p --previous", "first"), ("kubectl logs p", "second")]);
    t.refuses("kubectl logs p -c x", &["container x is not valid for pod p"]);
    t.ok("kubectl run q --image=$BUSYBOX --restart=Never -- echo only && kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/q --timeout=60s");
    t.prints(&[("kubectl logs q", "only"), ("kubectl logs -f q", "only")]);
    t.refuses("kubectl logs q --previous", &["previous terminated container \"q\" in pod \"q\" not found"]);
    t.ok("kubectl run r --image=devcluster/missing:1 && kubectl wait --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}' pod/r --timeout=60s");
    t.refuses("kubectl logs r", &["container \"r\" in pod \"r\" is waiting to start"]);
}

#[test]
fn collectors_find_logs_on_the_node_while_the_pod_is_there() {
    let t = Space::new("logs-files");
    t.ok("kubectl run talker --image=$BUSYBOX -- sh -c 'echo said; trap exit TERM; sleep 100000 & wait' && kubectl wait --for=condition=Ready pod/talker --timeout=60s");
    let node = t.ok("kubectl get pod talker -o jsonpath='{.spec.nodeName}'");
    let uid = t.ok("kubectl get pod talker -o jsonpath='{.metadata.uid}'");
    let ns = &t.namespace;
    let on_node = |command: &str| t.ok(&format!("docker exec {node} sh -c '{command}'"));
    for path in [format!("pods/{ns}_talker_{uid}/talker/0.log"), format!("containers/talker_{ns}_talker-*.log")] {
        assert!(on_node(&format!("cat /var/log/{path}")).contains(r#"{"log":"said\n","stream":"stdout","#), "{path}");
    }
    t.shows(
        &format!("kubectl get --raw /api/v1/nodes/{node}/proxy/logs/pods/"),
        &[&format!("<a href=\"{ns}_talker_{uid}/\">")],
    );
    t.ok("kubectl delete pod talker");
    assert_eq!(on_node(&format!("find /var/log/pods /var/log/containers -name \"*{ns}_*\"")), "");
}

//! The example application, as README's reader meets it.

use crate::support::{Space, checkout, cluster};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn cats_for_gold_runs() {
    let t = Space::new("cats");
    t.ok(&format!("kubectl apply -f {}/examples/cats-for-gold/", checkout().display()));
    t.ok("kubectl rollout status deploy/auth --timeout=90s && kubectl rollout status deploy/front --timeout=90s");
    let nodes = t.ok("kubectl get nodes -o jsonpath='{.items[*].status.addresses[?(@.type==\"InternalIP\")].address}'");
    let curl = |node: &str, path: &str| format!("curl -sS -m 10 'http://{node}:30080{path}'");
    for node in nodes.split(' ') {
        t.shows(&curl(node, "/"), &["Cats for gold", "Version v1", &format!("on node <b>{}-worker-", cluster())]);
        // The front end finds the authentication service by its name; that knows the Secret from environment and file.
        t.prints(&[
            (&curl(node, "/login?user=admin&password=gold"), "welcome, admin"),
            (&curl(node, "/login?user=admin&password=silver"), "wrong user name or password"),
        ]);
        t.shows(&format!("curl -sS -m 10 http://{node}:30081/cat.svg"), &["goldenrod"]);
    }
    let pod = t.ok("kubectl get pods -l app=auth -o name | sed -n 1p");
    t.prints(&[
        (&format!("kubectl exec {pod} -- sh -c 'echo $USERNAME $PASSWORD'"), "admin gold"),
        (
            &format!("kubectl exec {pod} -- sh -c 'ls /etc/secret; cat /etc/secret/password.txt'"),
            "password.txt\nusername.txt\ngold",
        ),
        ("kubectl get svc auth-service -o jsonpath='{.spec.ports[0].port} {.spec.ports[0].targetPort}'", "8080 80"),
        ("kubectl get pods -l app=front -o jsonpath='{.items[0].spec.containers[*].name}'", "front static"),
    ]);
    let node = nodes.split(' ').next().unwrap_or_default().to_owned();
    a_config_map_edit_shows_without_a_restart(&t, &node);
    a_rolling_update_loses_no_request(&t, &node);
}

fn a_config_map_edit_shows_without_a_restart(t: &Space, node: &str) {
    let pods = "kubectl get pods -l app=front -o jsonpath='{.items[*].metadata.name} {.items[*].status.containerStatuses[*].restartCount}'";
    let before = t.ok(pods);
    t.ok("kubectl patch cm front-config -p '{\"data\":{\"greeting\":\"Dogs for silver\"}}'");
    t.ok(&format!("timeout 30 bash -c 'until curl -sS -m 5 http://{node}:30080/config | grep -q Dogs; do :; done'"));
    assert_eq!(t.ok(pods), before);
}

fn a_rolling_update_loses_no_request(t: &Space, node: &str) {
    let over = Arc::new(AtomicBool::new(false));
    let asking = {
        let (over, agent) = (over.clone(), format!("{node}:30080"));
        std::thread::spawn(move || {
            let mut answers = Vec::new();
            while !over.load(Ordering::Relaxed) {
                answers.push(version(&agent));
            }
            answers
        })
    };
    t.ok("kubectl set image deploy/front '*='$CATS:v2 && kubectl rollout status deploy/front --timeout=90s");
    t.ok("kubectl wait --for=jsonpath='{.status.replicas}'=2 deploy/front --timeout=60s");
    t.shows(&format!("curl -sS -m 10 http://{node}:30080/"), &["Version v2", "seagreen"]);
    over.store(true, Ordering::Relaxed);
    let answers = asking.join().expect("no panic");
    let failed: Vec<_> = answers.iter().filter(|answer| !matches!(answer.as_deref(), Ok("v1" | "v2"))).collect();
    println!("rolling update: {} of {} requests failed", failed.len(), answers.len());
    assert!(failed.is_empty(), "{failed:?}");
    t.ok("kubectl rollout undo deploy/front && kubectl rollout status deploy/front --timeout=90s");
    t.shows(&format!("curl -sS -m 10 http://{node}:30080/"), &["Version v1"]);
}

fn version(address: &str) -> std::io::Result<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(5)))?;
    stream.write_all(b"GET /version HTTP/1.1\r\nHost: cats\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.rsplit("\r\n").next().unwrap_or_default().to_owned())
}

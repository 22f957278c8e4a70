//! The agent, as programs of its user meet it: localhost forwards, and what the dashboard asks for.

use crate::support::{Space, cluster};

/// Asks the agent's API: `agent METHOD PATH [BODY]`, with `$memory` as its file.
const AGENT: &str = r#"memory=${DEVCLUSTER_HOME:-$HOME/.local/share/devcluster}/agent.json
field() { sed -n 's/^  "'$1'": "\{0,1\}\([^",]*\)"\{0,1\},\{0,1\}$/\1/p' "$memory"; }
agent() { curl -fsS -m 20 -X $1 -H "Authorization: Bearer $(field bearer)" -H 'Content-Type: application/json' \
  ${3:+-d "$3"} "http://127.0.0.1:$(field port)$2"; }
"#;

#[test]
fn services_answer_on_localhost_and_heal_with_their_pods() {
    let t = Space::new("agent-forward");
    let name = cluster();
    t.ok("kubectl create deployment web --image=$CATS:v1 -- cats auth && kubectl rollout status deploy/web");
    t.ok("kubectl expose deployment web --type=NodePort --port=80");
    let port = t.ok("kubectl get svc web -o jsonpath='{.spec.ports[0].nodePort}'");
    let answers =
        format!("timeout 30 bash -c 'until curl -fsS -m 5 http://127.0.0.1:{port}/version; do :; done 2>/dev/null'");
    t.ok(&answers);
    t.ok("kubectl delete pod -l app=web --wait && kubectl rollout status deploy/web");
    t.ok(&answers);
    t.shows(&format!("$devcluster status --name {name}"), &[&format!("localhost:{port}"), "service/web", "listening"]);
    let forward = format!("$devcluster forward --name {name} --namespace {} deployment/web 80", t.namespace);
    let local = t.ok(&format!("{forward} -o json | grep -o '\"local\": [0-9]*' | grep -o '[0-9]*'"));
    t.ok(&format!("curl -fsS -m 10 http://127.0.0.1:{local}/version"));
    t.ok(&format!("{forward} --remove"));
    t.fails(&format!("curl -fsS -m 10 http://127.0.0.1:{local}/version"));
}

#[test]
fn the_dashboards_server_speaks_for_the_cluster() {
    let t = Space::new("agent-api");
    let name = cluster();
    let address = t.ok(&format!("$devcluster dashboard --no-open --name {name}"));
    assert!(address.contains("/#t="), "{address}");
    let ask = |line: &str| t.ok(&format!("{AGENT} {line}"));
    // An agent that has just started gets to know its clusters in a moment.
    let known = format!("\"name\":\"{name}\",\"nodes\":.*\"state\":\"running\",\"uid\":\"[0-9a-f]");
    ask(&format!("until agent GET /api/clusters | grep -q '{known}'; do :; done"));
    assert!(ask(&format!("agent GET /api/clusters/{name}/k8s/version")).contains("v1.37"));
    assert!(ask(&format!("agent GET /api/clusters/{name}/images")).contains("devcluster/busybox:1"));
    t.fails(&format!("{AGENT} curl -fsS http://127.0.0.1:$(field port)/api/clusters"));
}

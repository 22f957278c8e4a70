//! `devcluster` itself: clusters of its own come, change and go.

use crate::support::{IDLE, Space, program};
use nix::sys::signal::Signal;
use std::net::TcpListener;

/// A cluster's name in a folder with a kubeconfig of its own; `$name` in scripts. Goes with all it has.
pub(super) struct Launch {
    pub(super) t: Space,
    name: String,
}

impl Launch {
    pub(super) fn new(kind: &str) -> Self {
        Self { t: Space::without_cluster(), name: format!("e2e-{kind}-{}", std::process::id() % 10_000) }
    }

    fn script(&self, script: &str) -> String {
        format!("export DEVCLUSTER_NAME={} name={}; {script}", self.name, self.name)
    }

    #[track_caller]
    pub(super) fn ok(&self, script: &str) -> String {
        self.t.ok(&self.script(script))
    }

    #[track_caller]
    pub(super) fn shows(&self, script: &str, parts: &[&str]) {
        self.t.shows(&self.script(script), parts);
    }

    #[track_caller]
    fn refuses(&self, script: &str, parts: &[&str]) {
        self.t.refuses(&self.script(script), parts);
    }

    /// Neither containers, volumes, networks nor a kubeconfig entry has the cluster's name.
    #[track_caller]
    fn leaves_nothing(&self) {
        for list in [
            "docker ps -a --format '{{.Names}}'",
            "docker volume ls -q",
            "docker network ls --format '{{.Name}}'",
            "kubectl config get-contexts -o name",
            "$devcluster list",
        ] {
            assert_eq!(self.ok(&format!("{list} | grep -F $name || true")), "", "{list}");
        }
    }
}

impl Drop for Launch {
    fn drop(&mut self) {
        self.t.run(&self.script("$devcluster down"));
    }
}

#[test]
fn a_cluster_lives_through_all_that_its_user_does() {
    let l = Launch::new("life");
    l.t.file("kubeconfig", "{apiVersion: v1, kind: Config, current-context: other, clusters: [], users: [], contexts: [{name: other, context: {cluster: c, user: u}}]}");
    l.shows("$devcluster up --workers 1 2>&1", &["-master-1", "-worker-1", "is ready after"]);
    l.shows("kubectl config current-context", &[&format!("devcluster-{}", l.name)]);
    let containers = "docker ps -q --no-trunc --filter label=devcluster.io/cluster=$name | sort";
    let before = l.ok(containers);
    l.shows("$devcluster up", &["runs already"]);
    l.shows("$devcluster up --workers 1", &["runs already"]);
    assert_eq!(l.ok(containers), before, "a second up changes nothing");
    l.refuses("$devcluster up --workers 2", &["exists with"]);

    l.shows("$devcluster status", &["running", "-worker-1"]);
    l.shows("$devcluster list -o json", &["\"name\"", &l.name]);
    l.shows(
        "$devcluster image list",
        &["devcluster/busybox:1", "devcluster/cats-for-gold:v2", "registry.k8s.io/pause:3.10"],
    );
    l.shows("$devcluster logs master-1", &["api server ready"]);
    l.shows("$devcluster kubeconfig", &["certificate-authority-data", "client-key-data"]);
    l.shows("$devcluster exec worker-1 -- hostname", &["-worker-1"]);
    assert_eq!(l.t.run(&l.script("$devcluster exec worker-1 -- sh -c 'exit 9'")).code, 9);
    assert_eq!(l.t.run(&l.script("$devcluster ssh worker-1 sh -c 'exit 8'")).code, 8);
    l.refuses("$devcluster exec nothing -- true", &["has no node"]);

    l.ok("kubectl create configmap kept --from-literal=a=b");
    l.ok(&format!("kubectl create deployment web --image=devcluster/busybox:1 --replicas=2 -- {IDLE} && kubectl rollout status deploy/web"));
    let addresses = "kubectl get nodes -o jsonpath='{.items[*].status.addresses[0].address} {.items[*].metadata.uid} {.items[*].spec.podCIDR}'";
    let before = l.ok(addresses);
    l.ok("$devcluster stop");
    l.shows("$devcluster status", &["stopped"]);
    l.refuses("$devcluster node add", &["no master of cluster", "hint: Start it with `devcluster start"]);
    l.refuses("$devcluster exec worker-1 true", &["is not running", "hint: "]);
    l.ok("$devcluster start && kubectl wait --for=condition=Ready node --all --timeout=60s");
    assert_eq!(l.ok(addresses), before, "addresses and objects survive a stop");
    l.shows("kubectl get cm kept -o jsonpath='{.data.a}'", &["b"]);
    l.ok("kubectl rollout status deploy/web --timeout=90s && kubectl wait --for=condition=Ready pod -l app=web --timeout=90s");

    l.ok("$devcluster pause");
    l.shows("$devcluster status", &["paused"]);
    l.ok("$devcluster unpause && kubectl get nodes");

    l.shows("$devcluster node add 2>&1", &["-worker-2"]);
    l.ok("kubectl wait --for=condition=Ready node/$name-worker-2 --timeout=60s");
    l.ok("kubectl scale deploy web --replicas=6 && kubectl rollout status deploy/web");
    l.shows("kubectl get pods -o wide", &["-worker-2"]);
    l.ok("$devcluster node remove worker-2");
    l.refuses("kubectl get node $name-worker-2", &["NotFound"]);
    l.ok("$devcluster node add && docker rm -f $name-worker-2 && $devcluster node remove worker-2");
    l.refuses("kubectl get node $name-worker-2", &["NotFound"]);
    l.ok("kubectl rollout status deploy/web --timeout=90s");
    l.ok("$devcluster node stop worker-1 && $devcluster node start worker-1 && kubectl wait --for=condition=Ready node/$name-worker-1 --timeout=60s");

    l.t.file("app/Dockerfile", "FROM scratch\nARG TAG\nLABEL tag=$TAG\nCOPY . /app\n");
    l.t.file("app/.dockerignore", "secret\n");
    l.t.file("app/secret", "");
    l.t.file("app/kept", "");
    let built = format!("{}-image:1: loaded into 2 nodes, 0 had it", l.name);
    l.shows("$devcluster image build --tag $name-image:1 app -- --build-arg TAG=x", &[&built]);
    l.shows("docker inspect $name-image:1", &["\"tag\": \"x\""]);
    let files = l.ok("id=$(docker create $name-image:1 none) && docker export $id | tar t; docker rm $id >/dev/null");
    assert!(files.contains("app/kept") && !files.contains("app/secret"), "{files}");
    l.shows("$devcluster image load $name-image:1; docker rmi $name-image:1", &["loaded into 0 nodes, 2 had it"]);
    l.refuses("$devcluster image build --tag x none", &["`docker build` failed"]);
    l.refuses("$devcluster image build --name none app", &["there is no cluster `none`"]);
    l.shows("$devcluster image list", &[&format!("{}-image:1", l.name)]);
    l.ok("for n in 2 3; do printf 'FROM scratch\\nCOPY kubeconfig /only\\n' | docker build -q -t $name-image:$n -f - .; done");
    l.ok("docker save $name-image:2 >two.tar; docker save $name-image:3 >three.tar; docker rmi $name-image:2 $name-image:3");
    l.shows("$devcluster image load two.tar", &[&format!("{}-image:2: loaded into 2 nodes", l.name)]);
    l.shows("$devcluster image load - <three.tar", &[&format!("{}-image:3: loaded into 2 nodes", l.name)]);
    l.refuses("$devcluster image load - </dev/null", &["docker load"]);
    l.shows("$devcluster image list", &[&format!("{}-image:2", l.name), &format!("{}-image:3", l.name)]);
    l.ok("$devcluster demo 2>&1 | grep -o 'http://[0-9.:]*' | tail -1 | xargs curl -fsS -m 10 >/dev/null");

    l.ok("$devcluster down");
    l.leaves_nothing();
    l.shows("kubectl config current-context", &["other"]);
    l.refuses("$devcluster down", &["there is no cluster"]);
    l.refuses("$devcluster status", &["there is no cluster"]);
}

#[test]
fn what_stands_in_the_way_is_said_and_nothing_is_left() {
    let l = Launch::new("bad");
    l.refuses("DOCKER_HOST=unix:///no/such/socket $devcluster up", &["no Docker engine answers", "hint: Start Docker"]);
    l.refuses("DOCKER_HOST=tcp://127.0.0.1:1 $devcluster up", &["no Docker engine answers"]);
    l.refuses("$devcluster up --name 'Bad Name'", &["Bad Name"]);
    l.refuses(
        "$devcluster up --image devcluster/none:0",
        &["the node image `devcluster/none:0` is not in the Docker engine", "hint: "],
    );
    l.refuses("$devcluster up --node-binary /no/such/file", &["the node program is not at `/no/such/file`"]);
    l.refuses("$devcluster up --workers 70000", &["70000"]);
    l.leaves_nothing();

    l.ok("docker create --name $name-worker-1 $(docker images -q devcluster/node | sed -n 1p) true");
    l.refuses("$devcluster up", &[&format!("{}-worker-1", l.name), "hint: "]);
    l.ok("docker rm $name-worker-1 >/dev/null");
    l.leaves_nothing();

    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    l.t.file(
        "kind.yaml",
        format!(
            "{{kind: Cluster, apiVersion: kind.x-k8s.io/v1alpha4, nodes: [{{role: control-plane}}, {{role: worker, \
        extraPortMappings: [{{containerPort: 30080, hostPort: {port}, listenAddress: 127.0.0.1}}]}}]}}"
        ),
    );
    l.refuses("$devcluster up --config kind.yaml", &["hint: ", "port"]);
    l.leaves_nothing();
    l.t.file("wrong.yaml", "{kind: Cluster, apiVersion: kind.x-k8s.io/v1alpha4, nodes: [{role: unicorn}]}");
    l.refuses("$devcluster up --config wrong.yaml", &["unicorn"]);
}

#[test]
fn an_interrupt_leaves_nothing() {
    let l = Launch::new("stop");
    // The first lines of progress are the first steps; later ones come while nodes start.
    for steps in 1..=4 {
        let mut up = l.t.start(&l.script(&format!("exec {} up --workers 1", program().display())));
        for _ in 0..steps {
            up.line(" ");
        }
        up.signal(Signal::SIGINT);
        let (code, shown) = up.end();
        assert_eq!(code, 130, "after {steps} steps: {shown}");
        assert!(shown.contains("interrupted"), "{shown}");
        l.leaves_nothing();
    }
}

/// Interrupts a command once the engine tells of an event of the cluster; its exit code and what it said.
fn interrupted(l: &Launch, command: &str, event: &str) -> (i32, String) {
    let events = "exec docker events --since 0s --filter type=container --filter label=devcluster.io/cluster=$name";
    let mut engine = l.t.start(&l.script(&format!("{events} --filter event={event}")));
    let command = l.t.start(&l.script(&format!("exec {} {command}", program().display())));
    engine.line(&l.name);
    command.signal(Signal::SIGINT);
    command.end()
}

#[test]
fn what_an_interrupted_command_leaves_the_same_command_takes_up() {
    let l = Launch::new("again");
    l.ok("$devcluster up --workers 1");
    let (code, shown) = interrupted(&l, "node add", "start");
    assert_eq!((code, shown.contains("error: interrupted")), (130, true), "{shown}");
    assert_eq!(l.ok("$devcluster node list | grep -c worker-; docker ps -aq --filter name=$name-worker-2"), "1");
    l.ok("$devcluster node add && kubectl wait --for=condition=Ready node/$name-worker-2 --timeout=60s");

    // A budget holds up the drain.
    l.ok(&format!(
        "kubectl create deployment web --image=devcluster/busybox:1 -- {IDLE} && kubectl rollout status deploy/web"
    ));
    l.ok("kubectl create pdb web --selector=app=web --min-available=1");
    let node = l.ok("kubectl get pods -o jsonpath='{.items[0].spec.nodeName}'");
    let remove = l.t.start(&l.script(&format!("exec {} node remove {node}", program().display())));
    l.ok(&format!("kubectl wait node/{node} --for=jsonpath='{{.spec.unschedulable}}'=true --timeout=60s"));
    remove.signal(Signal::SIGINT);
    let (code, shown) = remove.end();
    assert_eq!((code, shown.contains(&format!("`{node}` takes no new pods"))), (130, true), "{shown}");
    l.ok(&format!("kubectl delete pdb web && $devcluster node remove {node}"));

    // An archive of which half has come.
    l.ok("printf 'FROM scratch\\nCOPY kubeconfig /only\\n' | docker build -q -t $name-image:1 -f - .");
    l.ok("docker save $name-image:1 >image.tar; docker rmi $name-image:1");
    let half = "(head -c 2000 image.tar; echo sent >&2; sleep 100)";
    let mut load = l.t.start(&l.script(&format!("{half} | {} image load -", program().display())));
    load.line("sent");
    load.signal(Signal::SIGINT);
    load.end();
    l.shows("$devcluster image load image.tar", &[&format!("{}-image:1: loaded into 2 nodes", l.name)]);

    l.ok("$devcluster stop");
    let (code, shown) = interrupted(&l, "start", "start");
    assert_eq!((code, shown.contains("what was started goes on")), (130, true), "{shown}");
    l.ok("$devcluster start && kubectl get nodes");
    let (code, shown) = interrupted(&l, "down", "destroy");
    assert_eq!(code, 0, "{shown}");
    l.leaves_nothing();
}

#[test]
fn a_kind_configuration_is_followed() {
    let l = Launch::new("kind");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    l.t.file("mounted/file", "from the host");
    l.t.file("kind.yaml", format!(
        "{{kind: Cluster, apiVersion: kind.x-k8s.io/v1alpha4, networking: {{podSubnet: 10.50.0.0/16, serviceSubnet: 10.60.0.0/16}}, nodes: [\
         {{role: control-plane, kubeadmConfigPatches: ['x']}}, {{role: worker, labels: {{tier: front}}, \
         extraMounts: [{{hostPath: {}/mounted, containerPath: /mounted}}], extraPortMappings: [{{containerPort: 30123, hostPort: {port}}}]}}]}}", l.t.path().display()
    ));
    l.shows("$devcluster up --config - <kind.yaml 2>&1", &["kubeadmConfigPatches", "is ready after"]);
    l.shows("$devcluster up --config kind.yaml", &["runs already"]);
    l.refuses(
        "sed 's/tier: front/tier: back/' kind.yaml | $devcluster up --config -",
        &["exists with other labels, mounts or ports of workers"],
    );
    l.shows("kubectl get nodes -l tier=front -o name", &["-worker-1"]);
    l.shows("$devcluster exec worker-1 -- cat /mounted/file", &["from the host"]);
    l.shows("kubectl get svc kubernetes -o jsonpath='{.spec.clusterIP}'", &["10.60.0.1"]);
    l.ok("kubectl create deployment web --image=devcluster/cats-for-gold:v1 -- cats auth && kubectl rollout status deploy/web");
    l.ok("kubectl create service nodeport web --tcp=80 --node-port=30123");
    l.shows("kubectl get pods -o jsonpath='{.items[0].status.podIP}'", &["10.50."]);
    l.ok(&format!("timeout 30 bash -c 'until curl -fsS -m 5 http://127.0.0.1:{port}/version; do :; done 2>/dev/null'"));
    l.ok("$devcluster down");
    l.leaves_nothing();
}

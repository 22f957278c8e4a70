//! Pods reach each other, services and names from every node; nodes lead to services.

use crate::support::{BUSYBOX, CATS, Space, cluster};

/// A web server on each worker, told apart by their names, and a pod that asks.
fn space(name: &str) -> Space {
    let t = Space::new(name);
    for worker in [1, 2] {
        t.apply(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: web-{worker}, labels: {{app: web}}}}, spec: {{nodeName: {}-worker-{worker}, hostname: h{worker}, subdomain: head, \
             terminationGracePeriodSeconds: 1, containers: [{{name: c, image: devcluster/busybox:1, \
             command: [sh, -c, 'hostname > /tmp/index.html; exec httpd -f -p 8080 -h /tmp']}}]}}}}",
            cluster()
        ));
    }
    t.ok("kubectl wait --for=condition=Ready pod --all --timeout=60s");
    t
}

fn addresses(t: &Space, kind: &str, path: &str) -> Vec<String> {
    let list = t.ok(&format!("kubectl get {kind} -o jsonpath='{{.items[*]{path}}}'"));
    list.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn pods_reach_pods_on_every_node() {
    let t = space("pod-network");
    let pods = addresses(&t, "pods", ".status.podIP");
    assert!(pods.iter().all(|ip| ip.starts_with("10.244.")), "{pods:?}");
    for from in ["web-1", "web-2"] {
        for (name, ip) in ["h1", "h2"].iter().zip(&pods) {
            assert_eq!(t.ok(&format!("kubectl exec {from} -- wget -T 5 -qO- http://{ip}:8080/")), *name);
        }
    }
    // Pods see each other's own addresses, and nodes reach pods.
    t.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: listen}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, \
         image: devcluster/busybox:1, command: [httpd, -f, -vv, -p, '9', -h, /tmp]}]}}",
    );
    t.ok("kubectl wait --for=condition=Ready pod/listen --timeout=60s");
    let listen = t.ok("kubectl get pod listen -o jsonpath='{.status.podIP}'");
    let mut logs = t.start("kubectl logs -f listen");
    t.ok(&format!("kubectl exec web-2 -- wget -T 5 -qO- http://{listen}:9/ || true"));
    logs.line(&pods[1]);
    for node in ["master-1", "worker-1", "worker-2"] {
        t.ok(&format!("docker exec {}-{node} bash -c 'exec 3<>/dev/tcp/{}/8080'", cluster(), pods[0]));
    }
}

#[test]
fn services_balance_over_all_nodes() {
    let t = space("services");
    t.ok("kubectl create service clusterip web --tcp=80:8080");
    t.ok("kubectl create service nodeport out --tcp=80:8080 && kubectl set selector service out app=web");
    t.ok("kubectl wait --for=jsonpath='{.endpoints[1].conditions.ready}'=true endpointslice --all --timeout=30s");
    for from in ["web-1", "web-2"] {
        let seen = t.ok(&format!(
            "kubectl exec {from} -- sh -c 'for i in $(seq 30); do wget -T 5 -qO- http://web/; done | sort -u'"
        ));
        assert_eq!(seen, "h1\nh2", "from {from}");
    }
    let port = t.ok("kubectl get svc out -o jsonpath='{.spec.ports[0].nodePort}'");
    let nodes = addresses(&t, "nodes", ".status.addresses[?(@.type==\"InternalIP\")].address");
    assert_eq!(nodes.len(), 3);
    for node in &nodes {
        let answers = t.ok(&format!("for i in $(seq 20); do curl -sS -m 5 http://{node}:{port}/; done | sort -u"));
        assert_eq!(answers, "h1\nh2", "through {node}");
        assert!(
            t.ok(&format!("kubectl exec web-1 -- wget -T 5 -qO- http://{node}:{port}/")).starts_with('h'),
            "from a pod through {node}"
        );
    }
    // A service without pods refuses at once, and follows its selector.
    t.ok("kubectl create service clusterip none --tcp=80:8080");
    t.refuses("kubectl exec web-1 -- wget -T 5 -qO- http://none/", &["refused"]);
    t.ok("kubectl set selector service none app=web && kubectl wait --for=jsonpath='{.endpoints[0].conditions.ready}'=true endpointslice -l kubernetes.io/service-name=none --timeout=30s");
    t.ok("kubectl exec web-1 -- timeout 10 sh -c 'until wget -T 5 -qO- http://none/; do usleep 20000; done'");
    t.ok("kubectl patch svc web -p '{\"spec\":{\"sessionAffinity\":\"ClientIP\"}}'");
    t.ok("kubectl exec web-1 -- timeout 10 sh -c 'until [ \"$(for i in 1 2 3 4 5 6 7 8 9 10; do wget -qO- http://web/; done | sort -u | wc -l)\" = 1 ]; do :; done'");
}

#[test]
fn load_balancers_learn_which_nodes_have_a_pod_of_the_service() {
    let t = space("health-checks");
    t.ok("kubectl delete pod web-2 --wait=false");
    let service = |policy: &str| {
        t.apply(&format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: web}}, spec: {{type: LoadBalancer, selector: {{app: web}}, \
             externalTrafficPolicy: {policy}, ports: [{{port: 80, targetPort: 8080}}]}}}}"
        ));
    };
    service("Local");
    let port = t.ok("kubectl get svc web -o jsonpath='{.spec.healthCheckNodePort}'");
    let ask = |node: &str, port: &str| {
        let address = "jsonpath='{.status.addresses[?(@.type==\"InternalIP\")].address}'";
        let address = t.ok(&format!("kubectl get node {}-{node} -o {address}", cluster()));
        format!("curl -s -m 5 -i http://{address}:{port}/healthz")
    };
    for (node, code, count) in [("worker-1", 200, 1), ("worker-2", 503, 0), ("master-1", 503, 0)] {
        let service = ask(node, &port);
        t.ok(&format!("timeout 20 sh -c 'until {service} | grep Endpoints.:{count}; do :; done'"));
        let (status, weight) = (format!("HTTP/1.1 {code} "), format!("x-load-balancing-endpoint-weight: {count}\r"));
        t.shows(&service, &[&status, &weight, "\"name\":\"web\"", "\"serviceProxyHealthy\":true"]);
        t.shows(&ask(node, "10256"), &["HTTP/1.1 200 ", "\"nodeEligible\":true"]);
    }
    let told = format!("docker exec {}-worker-1 busybox wget -qO- http://127.0.0.1:10249/proxyMode", cluster());
    assert_eq!(t.ok(&told), "nftables");
    service("Cluster");
    t.ok(&format!("timeout 20 sh -c 'while {}; do :; done'", ask("worker-1", &port)));
}

#[test]
fn names_are_answered_in_pods() {
    let t = space("dns");
    let ns = &t.namespace;
    t.ok("kubectl create service clusterip web --tcp=80:8080 && kubectl create service externalname ext --external-name=web");
    t.apply("{apiVersion: v1, kind: Service, metadata: {name: head}, spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 8080}]}}");
    t.ok("kubectl wait --for=jsonpath='{.endpoints[1].conditions.ready}'=true endpointslice --all --timeout=30s");
    let ip = t.ok("kubectl get svc web -o jsonpath='{.spec.clusterIP}'");
    let lookup = |from: &str, name: &str| {
        t.ok(&format!(
            "kubectl exec {from} -- timeout 10 sh -c 'until nslookup {name} 2>&1; do usleep 50000; done' | grep -v :53"
        ))
    };
    for from in ["web-1", "web-2"] {
        for name in [format!("web.{ns}.svc.cluster.local"), "kubernetes.default.svc.cluster.local".to_owned()] {
            let expected = if name.starts_with("web") { ip.as_str() } else { "10.96.0.1" };
            let answer = lookup(from, &name);
            assert!(
                answer.lines().any(|line| line.trim_end() == format!("Address: {expected}")),
                "{from} {name}: {answer}"
            );
        }
        for host in ["web", &format!("web.{ns}"), &format!("web.{ns}.svc"), &format!("web.{ns}.svc.cluster.local.")] {
            assert!(t.ok(&format!("kubectl exec {from} -- wget -T 5 -qO- http://{host}/")).starts_with('h'), "{host}");
        }
    }
    let pods = addresses(&t, "pods", ".status.podIP");
    let head = lookup("web-1", &format!("head.{ns}.svc.cluster.local"));
    assert!(pods.iter().all(|ip| head.contains(ip.as_str())), "{head}");
    let one = lookup("web-1", &format!("h2.head.{ns}.svc.cluster.local"));
    assert!(one.contains(&pods[1]) && !one.contains(&format!("Address: {}\n", pods[0])), "{one}");
    t.shows(
        "kubectl exec web-1 -- cat /etc/resolv.conf",
        &[
            "nameserver 10.96.0.10",
            &format!("search {ns}.svc.cluster.local svc.cluster.local cluster.local"),
            "options ndots:5",
        ],
    );
    let missing = t.fails("kubectl exec web-1 -- nslookup nothing.default.svc.cluster.local 1>&2");
    assert!(missing.contains("NXDOMAIN"), "{missing}");
    t.shows(
        &format!("kubectl exec web-1 -- nslookup -type=srv _http._tcp.head.{ns}.svc.cluster.local"),
        &["8080 h1.head."],
    );
    t.shows(
        "kubectl exec web-1 -- nslookup -type=ptr 1.0.96.10.in-addr.arpa",
        &["kubernetes.default.svc.cluster.local"],
    );
}

#[test]
fn what_leaves_the_cluster_comes_from_the_node() {
    let t = space("egress");
    // The host is outside: it sees the node's address, not the pod's.
    let master = format!("{}-master-1", cluster());
    let address = t.ok(&format!("kubectl get node {master} -o jsonpath='{{.status.addresses[0].address}}'"));
    let gateway = format!("{}.1", address.rsplit_once('.').expect("an address").0);
    let listener =
        std::net::TcpListener::bind((gateway.as_str(), 0)).expect("the network's gateway is an address of this host");
    let port = listener.local_addr().expect("it is bound").port();
    let accept = std::thread::spawn(move || listener.accept().map(|(_, peer)| peer.ip().to_string()));
    t.ok(&format!("kubectl exec web-1 -- timeout 10 nc -w 5 {gateway} {port} </dev/null || true"));
    let peer = accept.join().expect("no panic").expect("a connection");
    let node = t.ok("kubectl get pod web-1 -o jsonpath='{.status.hostIP}'");
    assert_eq!(peer, node);
}

#[test]
fn network_policies_let_through_only_what_they_allow() {
    let t = space("policies");
    let pods = addresses(&t, "pods", ".status.podIP");
    let ask =
        |from: &str, ip: &str| t.run(&format!("kubectl exec {from} -- wget -T 2 -qO- http://{ip}:8080/")).code == 0;
    assert!(ask("web-1", &pods[1]) && ask("web-2", &pods[0]), "all is open without a policy");
    t.ok("kubectl label pod web-2 role=client");
    t.apply(
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: {podSelector: {matchLabels: {role: client}}, \
         policyTypes: [Ingress, Egress], egress: [{to: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8080}]}]}}",
    );
    t.ok("until ! kubectl exec web-1 -- wget -T 1 -qO- http://$(kubectl get pod web-2 -o jsonpath='{.status.podIP}'):8080/ 2>/dev/null; do :; done");
    assert!(ask("web-2", &pods[0]), "what the policy allows goes through, and the answer comes back");
    let name = "kubectl exec web-2 -- nslookup kubernetes.default.svc.cluster.local";
    assert!(t.run(name).code == 0, "names are answered in an isolated pod");
    t.ok("kubectl delete networkpolicy p");
    t.ok(&format!("until kubectl exec web-1 -- wget -T 1 -qO- http://{}:8080/ 2>/dev/null; do :; done", pods[1]));
}

#[test]
fn a_load_balancer_gets_an_address_that_answers() {
    let t = space("balancer");
    t.ok("kubectl create service loadbalancer web --tcp=80:8080");
    t.ok("kubectl wait --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' service/web --timeout=30s");
    let ip = t.ok("kubectl get service web -o jsonpath='{.status.loadBalancer.ingress[0].ip}'");
    let ask = format!("kubectl exec web-1 -- wget -T 2 -qO- http://{ip}/");
    assert!(t.ok(&format!("until {ask}; do :; done")).starts_with('h'));
    // This machine is on the nodes' network; to whom the address goes next is the one that has a pod.
    let from_here = |answer: &str| {
        t.ok(&format!("timeout 60 sh -c 'until curl -s -m 2 http://{ip}/ | grep {answer}; do :; done'"));
    };
    from_here("h1");
    from_here("h2");
    t.ok("kubectl delete pod web-1 --wait=false");
    t.ok("kubectl patch service web -p '{\"spec\":{\"externalTrafficPolicy\":\"Local\"}}'");
    from_here("h2");
    t.ok(&format!("docker exec {}-worker-2 ip -4 address show dev lo | grep -F {ip}/32", cluster()));
    // At a node without a pod of it, what comes from outside is dropped, and what comes from the node goes to any pod.
    let without = format!("{}-worker-1", cluster());
    let address = t.ok(&format!(
        "kubectl get node {without} -o jsonpath='{{.status.addresses[?(@.type==\"InternalIP\")].address}}'"
    ));
    let port = t.ok("kubectl get service web -o jsonpath='{.spec.ports[0].nodePort}'");
    t.ok(&format!("timeout 60 sh -c 'until curl -s -m 2 http://{address}:{port}/; [ $? = 28 ]; do :; done'"));
    t.ok(&format!("docker exec {without} busybox wget -T 10 -qO- http://{address}:{port}/ | grep h2"));
}

#[test]
fn a_host_port_leads_to_its_pod_from_near_and_far() {
    let t = space("host-port");
    let serve = "command: [cats, auth], ports: [{containerPort: 80, hostPort: 18080}]";
    t.apply(&format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: served}}, spec: {{containers: [{{name: c, image: {CATS}:v1, {serve}}}]}}}}"
    ));
    t.ok("kubectl wait --for=condition=Ready pod/served --timeout=60s");
    let node = t.ok("kubectl get pod served -o jsonpath='{.spec.nodeName}'");
    t.apply(&format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: near}}, spec: {{hostNetwork: true, nodeName: {node}, terminationGracePeriodSeconds: 0, \
         containers: [{{name: c, image: {BUSYBOX}, command: [tail, -f, /dev/null]}}]}}}}"
    ));
    t.ok("kubectl wait --for=condition=Ready pod/near --timeout=60s");
    let address = t.ok("kubectl get pod served -o jsonpath='{.status.hostIP}'");
    for (from, to) in [("web-1", address.as_str()), ("web-2", &address), ("near", &address), ("near", "127.0.0.1")] {
        t.ok(&format!("kubectl exec {from} -- wget -T 5 -qO- http://{to}:18080/healthz"));
    }
}

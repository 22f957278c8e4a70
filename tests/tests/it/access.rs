//! Who may do what: no certificate, wrong tokens, service accounts and users without rights.

use crate::support::{IDLE, Space};

#[test]
fn strangers_get_unauthorized_and_users_without_rights_forbidden() {
    let t = Space::new("access");
    let ns = &t.namespace;
    // The same server, and nobody who asks it.
    t.ok("kubectl config view --minify --raw | sed '/client-.*-data:/d' > stranger");
    let stranger = "kubectl --kubeconfig stranger";
    t.refuses(&format!("{stranger} --token wrong get pods"), &["You must be logged in to the server"]);
    t.refuses(&format!("{stranger} --token wrong get --raw /api/v1/pods"), &["You must be logged in to the server"]);
    t.ok("kubectl config view --minify --raw -o 'jsonpath={..certificate-authority-data}' | base64 -d > ca.crt");
    let nobody = |path: &str| {
        t.ok(&format!("curl -sS --cacert ca.crt $(kubectl config view --minify -o 'jsonpath={{..server}}'){path}"))
    };
    assert_eq!(nobody("/readyz"), "ok");
    let refused = "pods is forbidden: User \\\"system:anonymous\\\" cannot list resource \\\"pods\\\" in API group \\\"\\\" at the cluster scope";
    assert!(nobody("/api/v1/pods").contains(refused), "{}", nobody("/api/v1/pods"));
    t.ok("kubectl create serviceaccount robot && kubectl create role r --verb=get,list --resource=configmaps && kubectl create rolebinding b --role=r --serviceaccount=$(kubectl config view --minify -o 'jsonpath={..namespace}'):robot");
    let robot = format!("{stranger} -n {ns} --token $(kubectl create token robot)");
    t.shows(&format!("{robot} get cm"), &["kube-root-ca.crt"]);
    let user = format!("system:serviceaccount:{ns}:robot");
    for (command, said) in [
        (
            "get secrets",
            format!(
                "Error from server (Forbidden): secrets is forbidden: User \"{user}\" cannot list resource \"secrets\" in API group \"\" in the namespace \"{ns}\""
            ),
        ),
        (
            "delete cm kube-root-ca.crt",
            format!(
                "Error from server (Forbidden): configmaps \"kube-root-ca.crt\" is forbidden: User \"{user}\" cannot delete resource \"configmaps\" in API group \"\" in the namespace \"{ns}\""
            ),
        ),
        (
            "get nodes",
            format!(
                "Error from server (Forbidden): nodes is forbidden: User \"{user}\" cannot list resource \"nodes\" in API group \"\" at the cluster scope"
            ),
        ),
        (
            "create deployment x --image=y",
            format!(
                "deployments.apps is forbidden: User \"{user}\" cannot create resource \"deployments\" in API group \"apps\" in the namespace \"{ns}\""
            ),
        ),
    ] {
        t.refuses(&format!("{robot} {command}"), &[&said]);
    }
    // Nobody gives away more than they have, nor acts as somebody else.
    t.refuses(&format!("{robot} create role more --verb=* --resource=*"), &["cannot create resource \"roles\""]);
    t.refuses(&format!("{robot} get cm --as=admin"), &["cannot impersonate resource \"users\""]);
    t.ok(&format!("kubectl create role boss --verb=get,create,update --resource=roles.rbac.authorization.k8s.io && kubectl create rolebinding boss --role=boss --serviceaccount={ns}:robot"));
    t.refuses(
        &format!("{robot} create role more --verb=get --resource=secrets"),
        &["attempting to grant RBAC permissions not currently held"],
    );
}

#[test]
fn a_node_may_only_touch_its_own() {
    let t = Space::new("access-node");
    t.ok(&format!("kubectl create secret generic s && kubectl run p --image=$BUSYBOX -- {IDLE} && kubectl wait --for=condition=Ready pod/p --timeout=60s"));
    let node = t.ok("kubectl get pod p -o jsonpath='{.spec.nodeName}'");
    let other =
        t.ok(&format!("kubectl get nodes -o jsonpath='{{.items[?(@.metadata.name!=\"{node}\")].metadata.name}}'"));
    let other = other.split(' ').next().unwrap_or_default();
    let as_node =
        |name: &str| format!("kubectl --as=system:node:{name} --as-group=system:nodes --as-group=system:authenticated");
    t.ok(&format!("{} get pod p", as_node(&node)));
    t.refuses(&format!("{} get secret s", as_node(&node)), &["forbidden", "no relationship found between node"]);
    t.refuses(&format!("{} delete pod p", as_node(other)), &["forbidden"]);
    t.refuses(&format!("{} get node {other}", as_node(&node)), &["forbidden", "only its own Node object"]);
    t.refuses(&format!("{} get pods", as_node(&node)), &["can only list/watch pods with spec.nodeName field selector"]);
    t.ok(&format!("{} get pods --field-selector=spec.nodeName={node}", as_node(&node)));
    let replace =
        format!("kubectl get node {other} -o json | {} replace --raw /api/v1/nodes/{other} -f -", as_node(&node));
    t.refuses(&replace, &["forbidden", "is not allowed to modify node"]);
}

#[test]
fn a_pods_token_is_its_own_and_leads_to_the_api() {
    let t = Space::new("access-token");
    let ns = &t.namespace;
    t.ok("kubectl create role r --verb=list --resource=pods");
    t.ok(&format!("kubectl create rolebinding b --role=r --serviceaccount={ns}:default"));
    t.apply(&format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{containers: [{{name: c, image: devcluster/busybox:1, command: {command}, volumeMounts: \
         [{{name: vault, mountPath: /vault}}]}}], volumes: [{{name: vault, projected: {{sources: [{{serviceAccountToken: {{audience: vault, \
         expirationSeconds: 600, path: token}}}}]}}}}]}}}}",
        command = "[sh, -c, 'trap exit TERM; sleep 100000 & wait']"
    ));
    t.ok("kubectl wait --for=condition=Ready pod/p --timeout=60s");
    let mounted = "/var/run/secrets/kubernetes.io/serviceaccount";
    t.prints(&[
        (&format!("kubectl exec p -- cat {mounted}/namespace"), ns),
        (&format!("kubectl exec p -- ls {mounted}"), "ca.crt\nnamespace\ntoken"),
    ]);
    let claims = |path: &str| {
        // A token is three parts of unpadded base64url.
        let decode = "cut -d. -f2 | tr _- /+ | sed 's/$/==/' | base64 -d 2>/dev/null || true";
        t.ok(&format!("kubectl exec p -- cat {path} | {decode}"))
    };
    let own = claims(&format!("{mounted}/token"));
    for part in [format!("system:serviceaccount:{ns}:default"), "\"name\":\"p\"".to_owned(), "kubernetes.io".to_owned()]
    {
        assert!(own.contains(&part), "{part}: {own}");
    }
    assert!(claims("/vault/token").contains("\"vault\""));
    t.ok("kubectl exec p -- nc -w 5 kubernetes.default.svc 443 </dev/null");
    t.ok("kubectl config view --minify --raw | sed '/client-.*-data:/d' > stranger");
    t.ok(&format!("kubectl exec p -- cat {mounted}/token > token"));
    let own = "kubectl --kubeconfig stranger --token $(cat token)";
    t.shows(&format!("{own} get pods"), &["Running"]);
    t.refuses(
        &format!("{own} get secrets"),
        &[&format!("User \"system:serviceaccount:{ns}:default\" cannot list resource \"secrets\"")],
    );
    t.ok("kubectl exec p -- cat /vault/token > vault");
    t.refuses("kubectl --kubeconfig stranger --token $(cat vault) get pods", &["You must be logged in"]);
}

#[test]
fn a_kubelet_answers_whom_the_api_server_lets_ask_about_its_node() {
    let t = Space::new("access-kubelet");
    let ns = &t.namespace;
    t.ok("kubectl create serviceaccount scraper && kubectl create serviceaccount nobody");
    t.ok(&format!(
        "kubectl create clusterrole {ns} --verb=get --resource=nodes/metrics && kubectl create clusterrolebinding {ns} --clusterrole={ns} --serviceaccount={ns}:scraper"
    ));
    t.ok("kubectl config view --minify --raw -o 'jsonpath={..certificate-authority-data}' | base64 -d > ca.crt");
    t.ok("kubectl create token scraper > scraper && kubectl create token nobody > nobody && echo no-token > stranger");
    let address =
        t.ok("kubectl get nodes -o 'jsonpath={.items[0].status.addresses[?(@.type==\"InternalIP\")].address}'");
    let ask = |who: &str, path: &str| {
        t.ok(&format!(
            "curl -sS --cacert ca.crt -H \"Authorization: Bearer $(cat {who})\" https://{address}:10250{path}"
        ))
    };
    assert_eq!(t.ok(&format!("curl -sS --cacert ca.crt https://{address}:10250/metrics")), "Unauthorized");
    assert_eq!(ask("stranger", "/metrics"), "Unauthorized");
    let refused = |who, subresources| {
        format!(
            "Forbidden (user=system:serviceaccount:{ns}:{who}, verb=get, resource=nodes, subresource(s)=[{subresources}])"
        )
    };
    assert_eq!(ask("nobody", "/metrics/cadvisor"), refused("nobody", "metrics"));
    assert_eq!(ask("scraper", "/pods"), refused("scraper", "pods proxy"));
    assert_eq!(ask("scraper", "/nowhere"), refused("scraper", "proxy"));
    for (path, families) in [
        ("/metrics", &["kubelet_node_name{node=", "kubelet_running_pods "][..]),
        (
            "/metrics/resource",
            &["node_cpu_usage_seconds_total ", "node_memory_working_set_bytes ", "resource_scrape_error 0"],
        ),
        ("/metrics/cadvisor", &["machine_cpu_cores ", "# TYPE container_memory_working_set_bytes gauge"]),
    ] {
        let told = ask("scraper", path);
        for family in families {
            assert!(told.contains(family), "{path} lacks {family}: {told}");
        }
    }
    t.ok(&format!("kubectl delete clusterrole,clusterrolebinding {ns}"));
}

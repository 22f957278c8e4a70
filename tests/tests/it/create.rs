//! Every generator of `kubectl create`, and `run` and `expose`.

use crate::support::Space;

#[test]
fn generators_make_what_they_say() {
    let t = Space::new("create");
    t.file("app.properties", "color=red\nsize=big\n");
    t.file("conf/a.txt", "A");
    t.file("conf/b.bin", [0, 159, 146, 150]);
    let certificate = rcgen::generate_simple_self_signed(["x".to_owned()]).expect("a certificate");
    t.file("tls.crt", certificate.cert.pem());
    t.file("tls.key", certificate.signing_key.serialize_pem());
    let table = [
        // what to create, the answer, a JSONPath into it, and what is there
        (
            "deployment web --image=nginx --replicas=3 --port=80",
            "deployment.apps/web",
            "{.spec.replicas} {.spec.selector.matchLabels.app} {..containerPort} {..name}",
            "3 web 80 ",
        ),
        (
            "service clusterip ip --tcp=80:8080",
            "service/ip",
            "{.spec.type} {.spec.ports[0].name} {.spec.ports[0].targetPort}",
            "ClusterIP 80-8080 8080",
        ),
        ("service clusterip headless --clusterip=None", "service/headless", "{.spec.clusterIP}", "None"),
        (
            "service nodeport np --tcp=80 --node-port=31999",
            "service/np",
            "{.spec.type} {.spec.ports[0].nodePort}",
            "NodePort 31999",
        ),
        (
            "service loadbalancer lb --tcp=80",
            "service/lb",
            "{.spec.type} {.spec.allocateLoadBalancerNodePorts}",
            "LoadBalancer true",
        ),
        ("service externalname ext --external-name=example.com", "service/ext", "{.spec.externalName}", "example.com"),
        ("configmap literal --from-literal=a=1 --from-literal=b=2", "configmap/literal", "{.data.a}{.data.b}", "12"),
        (
            "configmap file --from-file=app.properties",
            "configmap/file",
            "{.data.app\\.properties}",
            "color=red\nsize=big\n",
        ),
        ("configmap key --from-file=conf=app.properties", "configmap/key", "{.data.conf}", "color=red\nsize=big\n"),
        (
            "configmap folder --from-file=conf",
            "configmap/folder",
            "{.data.a\\.txt} {.binaryData.b\\.bin}",
            "A AJ+Slg==",
        ),
        ("configmap env --from-env-file=app.properties", "configmap/env", "{.data.color}", "red"),
        (
            "secret generic pass --from-literal=password=gold --from-file=app.properties",
            "secret/pass",
            "{.type} {.data.password}",
            "Opaque Z29sZA==",
        ),
        (
            "secret generic envs --from-env-file=app.properties --type=x/y",
            "secret/envs",
            "{.type} {.data.size}",
            "x/y Ymln",
        ),
        (
            "secret docker-registry reg --docker-server=r --docker-username=u --docker-password=p",
            "secret/reg",
            "{.type}",
            "kubernetes.io/dockerconfigjson",
        ),
        ("secret tls cert --cert=tls.crt --key=tls.key", "secret/cert", "{.type}", "kubernetes.io/tls"),
        (
            "job once --image=nginx -- true",
            "job.batch/once",
            "{.spec.completions} {.spec.template.spec.restartPolicy} {..command}",
            "1 Never [\"true\"]",
        ),
        (
            "cronjob tick --image=nginx --schedule='*/5 * * * *'",
            "cronjob.batch/tick",
            "{.spec.schedule} {.spec.concurrencyPolicy}",
            "*/5 * * * * Allow",
        ),
        ("job manual --from=cronjob/tick", "job.batch/manual", "{.metadata.ownerReferences[0].name}", "tick"),
        (
            "role reader --verb=get,list --resource=pods,deployments.apps",
            "role.rbac.authorization.k8s.io/reader",
            "{.rules[*].resources}",
            "[\"pods\"] [\"deployments\"]",
        ),
        (
            "rolebinding read --role=reader --user=jane --group=devs",
            "rolebinding.rbac.authorization.k8s.io/read",
            "{.roleRef.kind} {.subjects[*].name}",
            "Role jane devs",
        ),
        ("serviceaccount robot", "serviceaccount/robot", "{.metadata.name}", "robot"),
        ("quota q --hard=pods=99", "resourcequota/q", "{.spec.hard.pods}", "99"),
        (
            "pdb budget --selector=app=web --min-available=1",
            "poddisruptionbudget.policy/budget",
            "{.spec.minAvailable}",
            "1",
        ),
        (
            "ingress in --rule=a.example/*=web:80",
            "ingress.networking.k8s.io/in",
            "{.spec.rules[0].host} {..pathType}",
            "a.example Prefix",
        ),
    ];
    for (what, answer, path, there) in table {
        assert_eq!(t.ok(&format!("kubectl create {what}")), format!("{answer} created"), "{what}");
        let got = t.ok(&format!("kubectl get {answer} -o jsonpath='{path}'"));
        assert!(got.starts_with(there.trim_end()), "{what}: {path} is {got:?}, not {there:?}");
    }
    t.refuses(
        "kubectl create service nodeport again --tcp=80 --node-port=31999",
        &["provided port is already allocated"],
    );
    t.refuses(
        "kubectl create service nodeport far --tcp=80 --node-port=99",
        &["The range of valid ports is 30000-32767"],
    );
}

#[test]
fn generators_for_the_whole_cluster_make_what_they_say() {
    let t = Space::new("create-cluster");
    let name = &t.namespace;
    for what in [
        format!("namespace {name}-b"),
        format!("clusterrole {name} --verb=get --resource=nodes"),
        format!("clusterrolebinding {name} --clusterrole={name} --serviceaccount={name}:default"),
        format!("priorityclass {name} --value=1000"),
    ] {
        t.shows(&format!("kubectl create {what}"), &[&format!("/{name}"), " created"]);
    }
    t.prints(&[(&format!("kubectl auth can-i get nodes --as=system:serviceaccount:{name}:default"), "yes")]);
    t.ok(&format!(
        "kubectl delete namespace/{name}-b clusterrole/{name} clusterrolebinding/{name} priorityclass/{name}"
    ));
    t.refuses(&format!("kubectl get namespace {name}-b"), &["NotFound"]);
}

#[test]
fn a_dry_run_creates_nothing() {
    let t = Space::new("dry-run");
    for mode in ["client", "server"] {
        let answer = format!("configmap/c created ({})", if mode == "client" { "dry run" } else { "server dry run" });
        t.prints(&[(&format!("kubectl create configmap c --dry-run={mode}"), &answer)]);
        t.prints(&[(
            &format!("kubectl run p --image=$BUSYBOX --dry-run={mode} -o jsonpath='{{.spec.containers[0].name}}'"),
            "p",
        )]);
    }
    t.refuses("kubectl get configmap c", &["NotFound"]);
    t.refuses(
        "kubectl create configmap Bad_Name --dry-run=server",
        &["Invalid value: \"Bad_Name\"", "RFC 1123 subdomain"],
    );
}

#[test]
fn run_and_expose_make_a_pod_with_a_service() {
    let t = Space::new("run");
    t.prints(&[
        (
            "kubectl run web --image=$CATS:v1 --port=80 --labels=app=web,tier=x --env=GREETING=hello --expose -- auth",
            "service/web created\npod/web created",
        ),
        ("kubectl wait --for=condition=Ready pod/web --timeout=60s", "pod/web condition met"),
        ("kubectl exec web -- sh -c 'echo $GREETING'", "hello"),
        ("kubectl expose pod web --name=other --port=8080 --target-port=80 --type=NodePort", "service/other exposed"),
        (
            "kubectl get service other -o jsonpath='{.spec.selector} {.spec.ports[0].targetPort}'",
            r#"{"app":"web","tier":"x"} 80"#,
        ),
    ]);
    t.ok("kubectl wait --for=jsonpath='{.endpoints[0].conditions.ready}'=true endpointslice -l kubernetes.io/service-name=other --timeout=30s");
    t.prints(&[
        ("kubectl run ask --image=$BUSYBOX --restart=Never --rm -i --quiet -- wget -qO- http://web/version", "v1"),
        (
            "kubectl run ask2 --image=$BUSYBOX --restart=Never --rm -i --quiet -- wget -qO- http://other:8080/version",
            "v1",
        ),
    ]);
    t.refuses("kubectl get pod ask", &["NotFound"]);
    assert_eq!(t.run("kubectl run bad --image=$BUSYBOX --restart=Never --rm -i --quiet -- sh -c 'exit 3'").code, 3);
}

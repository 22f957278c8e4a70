//! A pod's life on a node: restarts, probes, init containers, hooks, limits, volumes, environment.

use crate::support::{IDLE, Space};

#[test]
fn a_killed_process_comes_back_and_a_crashing_one_backs_off() {
    let t = Space::new("restart");
    t.ok(&format!(
        "kubectl run p --image=$BUSYBOX -- {IDLE} && kubectl wait --for=condition=Ready pod/p --timeout=60s"
    ));
    // The command may end with the container it ends, before it can tell that it succeeded.
    let killed = t.run("kubectl exec p -- kill 1");
    assert!([0, 137].contains(&killed.code), "{killed:?}");
    t.ok("kubectl wait --for=jsonpath='{.status.containerStatuses[0].restartCount}'=1 pod/p --timeout=60s");
    t.ok("kubectl wait --for=condition=Ready pod/p --timeout=60s");
    t.shows("kubectl get pod p", &["1/1     Running   1 ("]);
    t.ok("kubectl run crash --image=$BUSYBOX -- sh -c 'echo oh no; exit 3'");
    t.ok("kubectl wait --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=CrashLoopBackOff pod/crash --timeout=60s");
    t.prints(&[(
        "kubectl get pod crash -o jsonpath='{.status.containerStatuses[0].lastState.terminated.exitCode}'",
        "3",
    )]);
    t.ok("kubectl wait --for=jsonpath='{.status.containerStatuses[0].restartCount}'=2 pod/crash --timeout=90s");
    t.event("crash", "BackOff");
    t.ok("kubectl wait --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=CrashLoopBackOff pod/crash --timeout=60s");
    t.shows(
        "kubectl describe pod crash",
        &["Back-off restarting failed container crash in pod crash_", "CrashLoopBackOff", "Exit Code:    3"],
    );
    t.shows("kubectl get pod crash", &["0/1     "]);
}

#[test]
fn restart_policies_decide_what_comes_back() {
    let t = Space::new("policy");
    let run = |name: &str, policy: &str, script: &str| {
        t.ok(&format!("kubectl run {name} --image=$BUSYBOX --restart={policy} -- sh -c '{script}'"))
    };
    run("never", "Never", "exit 4");
    run("failure", "OnFailure", "exit 0");
    t.ok("kubectl wait --for=jsonpath='{.status.phase}'=Failed pod/never --timeout=60s && kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/failure --timeout=60s");
    t.prints(&[("kubectl get pod never -o jsonpath='{.status.containerStatuses[0].state.terminated.reason} {.status.containerStatuses[0].restartCount}'", "Error 0")]);
    t.shows("kubectl get pods", &["never     0/1     Error ", "failure   0/1     Completed "]);
}

#[test]
fn a_container_over_its_memory_limit_is_killed() {
    let t = Space::new("oom");
    t.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {restartPolicy: Never, containers: [{name: c, image: devcluster/busybox:1, \
         command: [sh, -c, 'tail /dev/zero'], resources: {limits: {memory: 16Mi}}}]}}",
    );
    t.ok("kubectl wait --for=jsonpath='{.status.phase}'=Failed pod/p --timeout=60s");
    t.prints(&[
        ("kubectl get pod p -o jsonpath='{.status.containerStatuses[0].state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode} {.status.qosClass}'", "OOMKilled 137 Burstable"),
    ]);
    t.shows("kubectl get pod p", &["OOMKilled"]);
}

#[test]
fn limits_reach_the_control_groups() {
    let t = Space::new("limits");
    t.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: devcluster/busybox:1, \
         command: [tail, -f, /dev/null], resources: {limits: {memory: 32Mi, cpu: 250m}}}]}}",
    );
    t.ok("kubectl wait --for=condition=Ready pod/p --timeout=60s");
    let limits = "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max 2>/dev/null; cat cpu/cpu.cfs_quota_us cpu.max 2>/dev/null | cut -d\" \" -f1";
    t.prints(&[
        (&format!("kubectl exec p -- sh -c '{limits}'"), "33554432\n25000"),
        (
            "kubectl get pod p -o jsonpath='{.status.qosClass} {.spec.containers[0].resources.requests}'",
            r#"Guaranteed {"cpu":"250m","memory":"32Mi"}"#,
        ),
    ]);
}

#[test]
fn probes_decide_readiness_and_restarts() {
    let t = Space::new("probes");
    let pod = |name: &str, probes: &str| {
        t.apply(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{app: {name}}}}}, spec: {{terminationGracePeriodSeconds: 1, containers: [{{name: c, \
             image: devcluster/cats-for-gold:v1, args: [auth], {probes}}}]}}}}"
        ));
    };
    pod(
        "ready",
        "readinessProbe: {exec: {command: [test, '!', -e, /tmp/busy]}, periodSeconds: 1, failureThreshold: 1}",
    );
    pod("live", "livenessProbe: {exec: {command: [test, '!', -e, /tmp/dead]}, periodSeconds: 1, failureThreshold: 1}");
    pod(
        "http",
        "readinessProbe: {httpGet: {path: /healthz, port: 80}, periodSeconds: 1}, startupProbe: {tcpSocket: {port: 80}, periodSeconds: 1}",
    );
    pod("wrong", "readinessProbe: {httpGet: {path: /nothing, port: 80}, periodSeconds: 1}");
    t.ok("kubectl wait --for=condition=Ready pod/ready pod/live pod/http --timeout=60s");
    t.ok("kubectl expose pod ready --port=80");
    let address = "kubectl wait endpointslice -l kubernetes.io/service-name=ready --timeout=30s --for=jsonpath='{.endpoints[0].conditions.ready}'";
    t.ok(&format!("{address}=true"));
    t.ok(&format!("kubectl exec ready -- touch /tmp/busy && kubectl wait --for=condition=Ready=false pod/ready --timeout=30s && {address}=false"));
    t.ok(&format!("kubectl exec ready -- rm /tmp/busy && kubectl wait --for=condition=Ready pod/ready --timeout=30s && {address}=true"));
    t.ok("kubectl exec live -- touch /tmp/dead");
    t.ok("kubectl wait --for=jsonpath='{.status.containerStatuses[0].restartCount}'=1 pod/live --timeout=60s");
    t.shows(
        "kubectl describe pod live",
        &["Liveness probe failed", "Container c failed liveness probe, will be restarted"],
    );
    t.event("wrong", "Readiness probe failed: HTTP probe failed with statuscode: 404");
    t.shows("kubectl get pod wrong", &["0/1     Running"]);
}

#[test]
fn init_containers_run_in_order_and_sidecars_stay() {
    let t = Space::new("init");
    t.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {terminationGracePeriodSeconds: 1, volumes: [{name: d, emptyDir: {}}], initContainers: [\
         {name: one, image: devcluster/busybox:1, command: [sh, -c, 'echo one >> /d/log'], volumeMounts: [{name: d, mountPath: /d}]}, \
         {name: side, image: devcluster/busybox:1, restartPolicy: Always, command: [sh, -c, 'echo side >> /d/log; exec tail -f /dev/null'], volumeMounts: [{name: d, mountPath: /d}], \
         startupProbe: {exec: {command: [grep, side, /d/log]}, periodSeconds: 1}}, \
         {name: two, image: devcluster/busybox:1, command: [sh, -c, 'echo two >> /d/log'], volumeMounts: [{name: d, mountPath: /d}]}], \
         containers: [{name: main, image: devcluster/busybox:1, command: [tail, -f, /dev/null], volumeMounts: [{name: d, mountPath: /d}]}]}}",
    );
    t.ok("kubectl wait --for=condition=Ready pod/p --timeout=60s");
    t.prints(&[
        ("kubectl exec p -c main -- cat /d/log", "one\nside\ntwo"),
        ("kubectl get pod p --no-headers | awk '{print $2, $3}'", "2/2 Running"),
        (
            "kubectl get pod p -o jsonpath='{.status.initContainerStatuses[*].state.terminated.reason}'",
            "Completed Completed",
        ),
    ]);
    t.ok("kubectl run bad --image=$BUSYBOX --restart=Never --overrides='{\"spec\":{\"initContainers\":[{\"name\":\"i\",\"image\":\"devcluster/busybox:1\",\"command\":[\"false\"]}]}}'");
    t.ok("kubectl wait --for=jsonpath='{.status.phase}'=Failed pod/bad --timeout=60s");
    t.shows("kubectl get pod bad", &["Init:Error"]);
}

#[test]
fn hooks_run_after_the_start_and_before_the_end() {
    let t = Space::new("hooks");
    t.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: devcluster/busybox:1, \
         command: [sh, -c, 'trap \"exit 0\" TERM; tail -F /tmp/log 2>/dev/null & wait'], lifecycle: {\
         postStart: {exec: {command: [sh, -c, 'echo started >> /tmp/log']}}, preStop: {exec: {command: [sh, -c, 'echo stopping >> /tmp/log; sleep 1']}}}}]}}",
    );
    t.ok("kubectl wait --for=condition=Ready pod/p --timeout=60s");
    let mut logs = t.start("kubectl logs -f p");
    logs.line("started");
    t.ok("kubectl delete pod p --wait=false");
    logs.line("stopping");
    t.ok("kubectl wait --for=delete pod/p --timeout=30s");
}

#[test]
fn the_environment_and_volumes_come_from_everywhere() {
    let t = Space::new("sources");
    t.ok("kubectl create configmap c --from-literal=color=red --from-literal=SIZE=big && kubectl create secret generic s --from-literal=pass=gold");
    t.file(
        "pod.yaml",
        r#"
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: x}, annotations: {note: hi}}
spec:
  terminationGracePeriodSeconds: 1
  securityContext: {fsGroup: 3000}
  hostAliases: [{ip: 10.1.2.3, hostnames: [alias.example]}]
  initContainers:
  - name: first
    image: devcluster/busybox:1
    command: [sh, -c, "echo \"FILED='here'\" > /tmp/vars"]
    volumeMounts: [{name: tmp, mountPath: /tmp}]
  containers:
  - name: c
    image: devcluster/busybox:1
    command: [tail, -f, /dev/null]
    workingDir: /tmp
    terminationMessagePath: /tmp/last
    securityContext: {runAsUser: 1000, runAsGroup: 3000, readOnlyRootFilesystem: true}
    resources: {limits: {memory: 32Mi}}
    envFrom: [{configMapRef: {name: c}, prefix: C_}, {secretRef: {name: missing, optional: true}}]
    env:
    - {name: PLAIN, value: "a $(COLOR) $$(X)"}
    - {name: COLOR, valueFrom: {configMapKeyRef: {name: c, key: color}}}
    - {name: AGAIN, value: "is $(COLOR)"}
    - {name: PASS, valueFrom: {secretKeyRef: {name: s, key: pass}}}
    - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: FILED, valueFrom: {fileKeyRef: {volumeName: tmp, path: vars, key: FILED}}}
    - {name: LIMIT, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}
    volumeMounts:
    - {name: all, mountPath: /all}
    - {name: tmp, mountPath: /tmp}
    - {name: one, mountPath: /one/color, subPath: color}
  volumes:
  - {name: tmp, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
  - {name: one, configMap: {name: c}}
  - name: all
    projected:
      defaultMode: 0440
      sources:
      - {configMap: {name: c, items: [{key: color, path: deep/color, mode: 0400}]}}
      - {secret: {name: s}}
      - downwardAPI:
          items:
          - {path: labels, fieldRef: {fieldPath: metadata.labels}}
          - {path: note, fieldRef: {fieldPath: "metadata.annotations['note']"}}
"#,
    );
    t.ok("kubectl apply -f pod.yaml && kubectl wait --for=condition=Ready pod/p --timeout=60s");
    t.prints(&[
        (
            "kubectl exec p -- sh -c 'echo $PLAIN/$COLOR/$AGAIN/$PASS/$NAME/$LIMIT/$C_color/$C_SIZE/$FILED'",
            "a $(COLOR) $(X)/red/is red/gold/p/32/red/big/here",
        ),
        ("kubectl exec p -- sh -c 'cat /all/deep/color /all/pass /all/note /one/color'", "redgoldhired"),
        ("kubectl exec p -- cat /all/labels", "app=\"x\""),
        ("kubectl exec p -- sh -c 'id -u; id -g; pwd; mount | grep -c \"on /tmp type tmpfs\"'", "1000\n3000\n/tmp\n1"),
        ("kubectl exec p -- grep alias.example /etc/hosts | tr '\\t' ' '", "10.1.2.3 alias.example"),
        ("kubectl exec p -- stat -c %a /tmp", "3777"),
        ("kubectl exec p -- hostname", "p"),
        ("kubectl exec p -- sh -c 'grep -c \" /\\(all\\|one/color\\) .* ro,\" /proc/mounts'", "2"),
        ("kubectl get pod p -o jsonpath='{.status.containerStatuses[0].user.linux.uid}'", "1000"),
    ]);
    assert_eq!(
        t.ok("kubectl exec p -- sh -c 'echo $NODE; echo $IP'"),
        t.ok("kubectl get pod p -o jsonpath='{.spec.nodeName}{\"\\n\"}{.status.podIP}'")
    );
    t.refuses("kubectl exec p -- touch /x", &["Read-only file system"]);
    // Labels and a ConfigMap are followed while the pod runs.
    t.ok("kubectl label pod p more=yes && kubectl patch cm c -p '{\"data\":{\"color\":\"blue\"}}'");
    t.ok("kubectl exec p -- timeout 30 sh -c 'until grep -q more=.yes /all/labels && grep -q blue /all/deep/color; do usleep 10000; done'");
}

#[test]
fn what_is_missing_is_waited_for_and_named() {
    let t = Space::new("missing");
    t.apply("{apiVersion: v1, kind: Pod, metadata: {name: env}, spec: {containers: [{name: c, image: devcluster/busybox:1, command: [tail, -f, /dev/null], \
        envFrom: [{configMapRef: {name: late}}]}], terminationGracePeriodSeconds: 0}}");
    t.apply("{apiVersion: v1, kind: Pod, metadata: {name: mount}, spec: {containers: [{name: c, image: devcluster/busybox:1, command: [tail, -f, /dev/null], \
        volumeMounts: [{name: v, mountPath: /v}]}], terminationGracePeriodSeconds: 0, volumes: [{name: v, secret: {secretName: late}}]}}");
    t.ok("kubectl run image --image=devcluster/missing:1");
    t.ok("kubectl run never --image=devcluster/missing:1 --image-pull-policy=Never");
    t.apply("{apiVersion: v1, kind: Pod, metadata: {name: name}, spec: {containers: [{name: c, image: UPPER}]}}");
    let reason = |pod: &str, reason: &str| {
        t.ok(&format!("kubectl wait --for=jsonpath='{{.status.containerStatuses[0].state.waiting.reason}}'={reason} pod/{pod} --timeout=60s"));
    };
    reason("env", "CreateContainerConfigError");
    t.shows("kubectl describe pod env", &["configmap \"late\" not found"]);
    reason("image", "ImagePullBackOff");
    // Its event comes after the status, so what was told before is there too.
    t.event("image", "Back-off pulling image \"devcluster/missing:1\"");
    t.shows("kubectl describe pod image", &["Failed to pull image \"devcluster/missing:1\"", "ErrImagePull"]);
    reason("never", "ErrImageNeverPull");
    reason("name", "InvalidImageName");
    t.event("mount", "MountVolume.SetUp failed for volume \"v\" : secret \"late\" not found");
    t.shows("kubectl get pod mount", &["ContainerCreating"]);
    t.ok("kubectl create configmap late && kubectl create secret generic late");
    t.ok("kubectl wait --for=condition=Ready pod/env pod/mount --timeout=90s");
}

#[test]
fn a_runtime_class_names_what_runs_its_pods() {
    let t = Space::new("runtime");
    let ns = &t.namespace;
    for handler in ["test-handler", "nobody"] {
        t.apply(&format!(
            "{{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {{name: {ns}-{handler}}}, handler: {handler}}}"
        ));
        t.apply(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {handler}}}, spec: {{runtimeClassName: {ns}-{handler}, \
             restartPolicy: Never, containers: [{{name: c, image: devcluster/busybox:1, command: ['true']}}]}}}}"
        ));
    }
    t.ok("kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/test-handler --timeout=60s");
    t.event("nobody", "FailedCreatePodSandBox");
    t.ok(&format!("kubectl delete runtimeclass {ns}-test-handler {ns}-nobody"));
}

#[test]
fn jobs_run_to_their_end() {
    let t = Space::new("jobs");
    t.apply(
        "{apiVersion: batch/v1, kind: Job, metadata: {name: many}, spec: {completions: 3, parallelism: 2, template: {spec: {restartPolicy: Never, \
         containers: [{name: c, image: devcluster/busybox:1, command: [echo, done]}]}}}}",
    );
    t.apply(
        "{apiVersion: batch/v1, kind: Job, metadata: {name: bad}, spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, \
         containers: [{name: c, image: devcluster/busybox:1, command: [sh, -c, 'exit 1']}]}}}}",
    );
    t.apply(
        "{apiVersion: batch/v1, kind: Job, metadata: {name: indexed}, spec: {completions: 2, parallelism: 2, completionMode: Indexed, \
         ttlSecondsAfterFinished: 1, template: {spec: {restartPolicy: Never, containers: [{name: c, image: devcluster/busybox:1, command: \
         [sh, -c, 'echo $JOB_COMPLETION_INDEX']}]}}}}",
    );
    let mut gone = t.start("kubectl wait --for=delete job/indexed --timeout=90s");
    t.ok("kubectl wait --for=condition=complete job/many --timeout=90s && kubectl wait --for=condition=failed job/bad --timeout=60s");
    t.prints(&[
        ("kubectl get job many -o jsonpath='{.status.succeeded}'", "3"),
        (
            "kubectl get job bad -o jsonpath='{.status.failed} {.status.conditions[?(@.type==\"Failed\")].reason}'",
            "1 BackoffLimitExceeded",
        ),
        ("kubectl logs job/many --tail=-1 | sed -n 1p", "done"),
    ]);
    t.shows(
        "kubectl describe job many",
        &["SuccessfulCreate", "Completed", "0 Active (0 Ready) / 3 Succeeded / 0 Failed"],
    );
    gone.line("condition met");
    t.ok("kubectl create job stop --image=$BUSYBOX -- sleep 1000");
    t.ok("kubectl patch job stop -p '{\"spec\":{\"suspend\":true}}' && kubectl wait --for=condition=Suspended job/stop --timeout=60s");
    t.ok("kubectl delete job many --cascade=foreground");
    t.prints(&[("kubectl get pods -l job-name=many -o name", "")]);
}

#[test]
fn a_debug_container_joins_a_running_pod_and_sees_its_processes() {
    let t = Space::new("debug");
    t.ok(&format!(
        "kubectl run p --image=$BUSYBOX -- {IDLE} && kubectl wait --for=condition=Ready pod/p --timeout=60s"
    ));
    t.ok(&format!("kubectl debug p --image=$BUSYBOX --target=p --container=tools --profile=general -- {IDLE}"));
    t.ok("kubectl wait --for=jsonpath='{.status.ephemeralContainerStatuses[0].state.running.startedAt}' pod/p --timeout=60s");
    assert!(t.ok("kubectl exec p -c tools -- ps").contains("sleep 100000"), "the target's processes are seen");
    t.prints(&[(
        "kubectl get pod p -o jsonpath='{.status.containerStatuses[0].restartCount} {.status.phase}'",
        "0 Running",
    )]);
}

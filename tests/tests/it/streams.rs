//! exec, attach, cp, port-forward: over WebSocket as kubectl does by default, and over SPDY as older clients do.

use crate::support::{BUSYBOX, IDLE, Space};
use std::io::{Read, Write};
use std::net::TcpStream;

/// What makes kubectl speak each protocol.
const PROTOCOLS: [(&str, &str); 2] = [
    ("websocket", "export KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true KUBECTL_PORT_FORWARD_WEBSOCKETS=true;"),
    ("spdy", "export KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false KUBECTL_PORT_FORWARD_WEBSOCKETS=false;"),
];

fn idle(t: &Space) {
    t.ok(&format!(
        "kubectl run p --image={BUSYBOX} -- {IDLE} && kubectl wait --for=condition=Ready pod/p --timeout=60s"
    ));
}

#[test]
fn exec_carries_output_input_errors_and_exit_codes() {
    let t = Space::new("exec");
    idle(&t);
    for (name, protocol) in PROTOCOLS {
        let run = |script: &str| t.run(&format!("{protocol} {script}"));
        let out = run("kubectl exec p -- sh -c 'echo out; echo err >&2; exit 7'");
        assert_eq!((out.code, out.stdout.as_str()), (7, "out"), "{name}: {out:?}");
        assert_eq!(out.stderr, "err\ncommand terminated with exit code 7", "{name}");
        let echoed = t.ok_with(&format!("{protocol} kubectl exec -i p -- cat"), "what was typed");
        assert_eq!(echoed, "what was typed", "{name}");
        let sum = "head -c 3000000 /dev/urandom > big; sha256sum < big; kubectl exec -i p -- sha256sum < big";
        let sums = t.ok(&format!("{protocol} {sum}"));
        let (sent, arrived) = sums.split_once('\n').expect("two sums");
        assert_eq!(sent, arrived, "{name}: three megabytes arrive as they were sent");
        let back = "kubectl exec p -- sh -c 'head -c 3000000 /dev/zero' | wc -c";
        assert_eq!(t.ok(&format!("{protocol} {back}")), "3000000", "{name}");
        let missing = run("kubectl exec p -- /no/such/program 2>&1");
        assert!(missing.code != 0 && missing.stdout.contains("o such file or directory"), "{name}: {missing:?}");
    }
    t.refuses("kubectl exec nothing -- true", &["Error from server (NotFound): pods \"nothing\" not found"]);
    t.refuses("kubectl exec p -c nothing -- true", &["container nothing is not valid for pod p"]);
}

#[test]
fn exec_gives_a_terminal() {
    let t = Space::new("exec-tty");
    idle(&t);
    for (name, protocol) in PROTOCOLS {
        let script = "script -qec 'stty rows 33 cols 77; kubectl exec -it p -- sh' /dev/null";
        let mut shell = t.start(&format!("{protocol} {script}"));
        // The size comes beside what is typed, so what is typed first may come first.
        shell.send("until [ \"$(stty size 2>/dev/null)\" = '33 77' ]; do :; done; tty; echo $((6*7))\n");
        shell.line("/dev/pts/");
        shell.line_where("42", |line| line.trim() == "42");
        shell.send("exit 5\n");
        let (code, shown) = shell.end();
        assert_eq!(code, 5, "{name}: {shown}");
    }
}

#[test]
fn cp_takes_files_and_folders_both_ways() {
    let t = Space::new("cp");
    idle(&t);
    t.file("dir/a", "A");
    t.file("dir/sub/b", vec![7; 500_000]);
    for (name, protocol) in PROTOCOLS {
        t.ok(&format!(
            "{protocol} kubectl cp dir p:/tmp/{name} && kubectl cp p:/tmp/{name} back-{name} && diff -r dir back-{name}"
        ));
        t.ok(&format!("{protocol} kubectl cp dir/a $(kubectl config view --minify -o 'jsonpath={{..namespace}}')/p:/tmp/file-{name}"));
        assert_eq!(t.ok(&format!("kubectl exec p -- cat /tmp/file-{name}")), "A");
    }
}

#[test]
fn attach_joins_a_running_process() {
    let t = Space::new("attach");
    t.apply(&format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{terminationGracePeriodSeconds: 0, containers: [{{name: c, \
         image: {BUSYBOX}, stdin: true, command: [sh, -c, 'while read x; do echo got $x; done']}}]}}}}"
    ));
    t.ok("kubectl wait --for=condition=Ready pod/p --timeout=60s");
    for (name, protocol) in PROTOCOLS {
        let mut attached = t.start(&format!("{protocol} kubectl attach -i p"));
        attached.send(&format!("{name}\n"));
        attached.line(&format!("got {name}"));
    }
    t.shows("kubectl logs p", &["got websocket\ngot spdy"]);
    let mut run = t.start("script -qec 'kubectl run -it q --image=$BUSYBOX --restart=Never --rm -- sh' /dev/null");
    run.line("If you don't see a command prompt, try pressing enter.");
    run.send("echo $((40+2)); exit\n");
    run.line_where("42", |line| line.trim() == "42");
    run.line("deleted");
}

fn ask(port: &str, text: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.write_all(text.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn ports_are_forwarded_to_pods_services_and_deployments() {
    let t = Space::new("forward");
    t.ok("kubectl create deployment web --image=$CATS:v1 --port=80 -- cats auth && kubectl expose deploy web --port=8080 --target-port=80");
    t.ok("kubectl rollout status deploy/web");
    let pod = t.ok("kubectl get pods -o name");
    for (name, protocol) in PROTOCOLS {
        for target in [format!("{pod} :80"), "deploy/web :80".to_owned(), "svc/web :8080".to_owned()] {
            let mut forward = t.start(&format!("{protocol} kubectl port-forward {target}"));
            let line = forward.line("Forwarding from 127.0.0.1:");
            let port = line.split([':', ' ']).nth(3).expect("the line has a port").to_owned();
            let many: Vec<_> = (0..8)
                .map(|_| {
                    let port = port.clone();
                    std::thread::spawn(move || ask(&port, "GET /version HTTP/1.1\r\nHost: x\r\n\r\n"))
                })
                .collect();
            for answer in many {
                let answer = answer.join().expect("no panic").unwrap_or_else(|e| panic!("{name} {target}: {e}"));
                assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("v1"), "{name} {target}: {answer:?}");
            }
        }
    }
    let mut closed = t.start(&format!("kubectl port-forward {pod} :81"));
    let line = closed.line("Forwarding from 127.0.0.1:");
    let port = line.split([':', ' ']).nth(3).expect("the line has a port");
    assert_eq!(ask(port, "x").unwrap_or_default(), "", "nobody listens there");
    closed.line("an error occurred forwarding");
}

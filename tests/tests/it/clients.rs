//! Other people's client libraries: the scripts in `tests/clients`, with what `.ci/clients` installs.

use std::process::Command;

use crate::support::{BUSYBOX, Space, checkout, program};

#[track_caller]
fn passes(name: &str, program: &str, script: &str) {
    let t = Space::new(name);
    let (root, namespace) = (checkout(), &t.namespace);
    let root = root.display();
    t.ok(&format!(
        "PATH={root}/target/clients/bin:$PATH {program} {root}/tests/clients/{script} {namespace} {BUSYBOX}"
    ));
}

#[test]
fn the_python_client_is_at_home() {
    passes("python", "python", "client.py");
}

#[test]
fn the_javascript_client_is_at_home() {
    passes("javascript", "node", "client.mjs");
}

/// They go to a server of their own, of which they leave nothing standing.
#[test]
fn random_requests_by_the_published_schema_get_no_server_error() {
    let root = checkout();
    let mut python = Command::new(root.join("target/clients/bin/python"));
    let done = python.arg(root.join("tests/clients/schema.py")).arg(program()).status().expect("the clients are there");
    assert!(done.success(), "{done}");
}

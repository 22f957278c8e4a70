//! Other people's client libraries: the scripts in `tests/clients`, with what `.ci/clients` installs.

use crate::support::{BUSYBOX, Space, checkout};

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

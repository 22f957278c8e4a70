//! What makes containers faulty: names, images, ports, environment, mounts, probes, hooks, resources.

use super::validation::security_context;
use crate::kinds::prelude::*;

/// Which list a container stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Main,
    Init,
    Ephemeral,
}

/// Faults of all containers of a pod spec; `volumes` are the names mounts may use.
pub(crate) fn validate(spec: &At<'_>, volumes: &[String], errors: &mut Errors) {
    spec.get("containers").required(errors);
    let (mut names, mut host_ports) = (Vec::new(), Vec::new());
    let own_users = spec.get("hostUsers").value == false;
    for (list, role) in
        [("containers", Role::Main), ("initContainers", Role::Init), ("ephemeralContainers", Role::Ephemeral)]
    {
        for container in spec.get(list).items() {
            one(&container, role, volumes, errors);
            let name = container.get("name");
            name.required_rule(name::dns_label, errors);
            if !name.is_empty() {
                name.unique(&mut names, name.text().to_owned(), errors);
            }
            let proc = container.get("securityContext.procMount");
            if proc.text() == "Unmasked" && !own_users {
                errors.push(proc.invalid("`hostUsers` must be false to use `Unmasked`"));
            }
            for port in container.get("ports").items().filter(|_| role == Role::Main) {
                host_port(&port, spec.get("hostNetwork").value == true, &mut host_ports, errors);
            }
        }
    }
}

fn one(container: &At<'_>, role: Role, volumes: &[String], errors: &mut Errors) {
    errors.extend(container.faults(named("Container")));
    let image = container.get("image");
    if image.text().trim() != image.text() {
        errors.push(image.invalid("must not have leading or trailing whitespace"));
    }
    ports(&container.get("ports"), errors);
    environment(container, errors);
    mounts(container, volumes, errors);
    resources(&container.get("resources"), errors);
    security_context(&container.get("securityContext"), errors);
    let escalation = container.get("securityContext");
    if escalation.get("privileged").value == true && escalation.get("allowPrivilegeEscalation").value == false {
        errors.push(escalation.invalid("cannot set `allowPrivilegeEscalation` to false and `privileged` to true"));
    }
    let sidecar = container.get("restartPolicy").text() == "Always";
    let allowed = match role {
        Role::Main => true,
        Role::Init => sidecar,
        Role::Ephemeral => false,
    };
    let why = if role == Role::Init {
        "may not be set for init containers without restartPolicy=Always"
    } else {
        "cannot be set for an Ephemeral Container"
    };
    for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
        let field = container.get(field);
        if field.is_set() && !allowed {
            errors.push(field.forbidden(why));
        }
    }
    for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
        probe(&container.get(kind), kind != "readinessProbe", errors);
    }
    for hook in ["lifecycle.postStart", "lifecycle.preStop"] {
        let hook = container.get(hook);
        if hook.is_set() {
            handler(&hook, &["exec", "httpGet", "tcpSocket", "sleep"], errors);
        }
    }
}

fn ports(list: &At<'_>, errors: &mut Errors) {
    let mut names = Vec::new();
    for name in list.items().map(|port| port.get("name")).filter(|name| !name.is_empty()) {
        name.unique(&mut names, name.text().to_owned(), errors);
    }
    let numbers = list.items().flat_map(|port| ["containerPort", "hostPort"].map(|field| port.get(field)));
    numbers.filter(|number| !number.is_empty()).for_each(|number| number.port(errors));
}

fn host_port(port: &At<'_>, host_network: bool, seen: &mut Vec<String>, errors: &mut Errors) {
    let host = port.get("hostPort");
    if host_network && host.value != port.get("containerPort").value {
        errors.push(port.get("containerPort").invalid("must match `hostPort` when `hostNetwork` is true"));
    }
    if host.is_empty() {
        return;
    }
    let key = format!("{}/{}/{}", port.get("protocol").text(), port.get("hostIP").text(), host.int());
    let shown = Value::from(key.as_str());
    At { value: &shown, ..host }.unique(seen, key, errors);
}

fn environment(container: &At<'_>, errors: &mut Errors) {
    for variable in container.get("env").items() {
        let source = variable.get("valueFrom");
        if !source.is_set() {
            continue;
        }
        let kinds = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];
        let given = kinds.iter().filter(|kind| source.get(kind).is_set()).count();
        if !variable.get("value").is_empty() {
            errors.push(source.invalid("may not be specified when `value` is not empty"));
        } else if given == 0 {
            errors.push(source.invalid("must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"));
        } else if given > 1 {
            errors.push(source.invalid("may not have more than one field specified at a time"));
        }
        field_ref(&source.get("fieldRef"), errors);
    }
    for source in container.get("envFrom").items() {
        let references: Vec<_> =
            ["configMapRef", "secretRef"].iter().map(|k| source.get(k)).filter(At::is_set).collect();
        match references.as_slice() {
            [] => errors.push(source.invalid("must specify one of: `configMapRef` or `secretRef`")),
            [one] => one.get("name").required_rule(name::dns_subdomain, errors),
            _ => errors.push(source.invalid("may not have more than one field specified at a time")),
        }
    }
}

/// Faults of a reference to the pod's own fields.
pub(crate) fn field_ref(reference: &At<'_>, errors: &mut Errors) {
    const FIELDS: [&str; 9] = [
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    ];
    if !reference.is_set() {
        return;
    }
    let path = reference.get("fieldPath");
    reference.get("apiVersion").required(errors);
    if path.required(errors) {
        let base = path.text().split('[').next().unwrap_or_default();
        if !matches!(base, "metadata.labels" | "metadata.annotations") && !FIELDS.contains(&base) {
            path.one_of(&FIELDS, errors);
        }
    }
}

fn mounts(container: &At<'_>, volumes: &[String], errors: &mut Errors) {
    let mut paths = Vec::new();
    for mount in container.get("volumeMounts").items() {
        let (name, path, sub) = (mount.get("name"), mount.get("mountPath"), mount.get("subPath"));
        if name.required(errors) && !volumes.iter().any(|v| v == name.text()) {
            errors.push(Error::not_found(&name.path, name.value));
        }
        if path.required(errors) {
            if paths.contains(&path.text()) {
                errors.push(path.invalid("must be unique"));
            }
            paths.push(path.text());
        }
        relative_path(&sub, errors);
        let expression = mount.get("subPathExpr");
        if !sub.is_empty() && !expression.is_empty() {
            errors.push(expression.invalid("subPathExpr and subPath are mutually exclusive"));
        }
    }
    let mut devices = Vec::new();
    for device in container.get("volumeDevices").items() {
        let (name, path) = (device.get("name"), device.get("devicePath"));
        if name.required(errors) && !volumes.iter().any(|v| v == name.text()) {
            errors.push(Error::not_found(&name.path, name.value));
        }
        if path.required(errors) {
            path.unique(&mut devices, path.text().to_owned(), errors);
        }
    }
}

/// Demands a relative path that does not climb.
pub(crate) fn relative_path(path: &At<'_>, errors: &mut Errors) {
    if path.text().starts_with('/') {
        errors.push(path.invalid("must be a relative path"));
    }
    if path.text().split('/').any(|part| part == "..") {
        errors.push(path.invalid("must not contain '..'"));
    }
}

fn probe(probe: &At<'_>, only_one_success: bool, errors: &mut Errors) {
    if !probe.is_set() {
        return;
    }
    handler(probe, &["exec", "httpGet", "tcpSocket", "grpc"], errors);
    errors.extend(probe.faults(named("Probe")));
    if only_one_success && probe.get("successThreshold").int() != 1 {
        errors.push(probe.get("successThreshold").invalid("must be 1"));
    }
}

fn handler(handler: &At<'_>, kinds: &[&str], errors: &mut Errors) {
    let mut given = kinds.iter().map(|kind| (*kind, handler.get(kind))).filter(|(_, at)| at.is_set());
    let Some((kind, action)) = given.next() else {
        errors.push(handler.missing("must specify a handler type"));
        return;
    };
    for (_, other) in given {
        errors.push(other.forbidden("may not specify more than 1 handler type"));
    }
    errors.extend(handler.faults(named("Handler")));
    match kind {
        "exec" | "sleep" => {}
        "grpc" => action.get("port").port(errors),
        _ => action.get("port").port_or_name(errors),
    }
}

/// Faults of resource requests and limits.
pub(crate) fn resources(resources: &At<'_>, errors: &mut Errors) {
    let (requests, limits) = (resources.get("requests"), resources.get("limits"));
    for list in [&limits, &requests] {
        for (resource, amount) in list.entries() {
            amount.quantity(errors);
            resource_name(&amount, resource, errors);
        }
    }
    let amount = |value: &Value| Quantity::from_value(value).ok();
    for (resource, request) in entries(requests.value) {
        let limit = &limits.value[resource];
        let (Some(requested), Some(limited)) = (amount(request), amount(limit)) else { continue };
        let overcommit = matches!(resource.as_str(), "cpu" | "memory" | "ephemeral-storage");
        if requested > limited {
            let detail = format!("must be less than or equal to {resource} limit of {}", text(limit));
            errors.push(Error::invalid(&requests.path, request, &detail));
        } else if requested != limited && !overcommit {
            errors.push(Error::invalid(
                &requests.path,
                request,
                &format!("must be equal to {resource} limit of {}", text(limit)),
            ));
        }
    }
    for claim in resources.get("claims").items() {
        claim.get("name").required(errors);
    }
}

fn resource_name(at: &At<'_>, resource: &str, errors: &mut Errors) {
    let standard = matches!(resource, "cpu" | "memory" | "ephemeral-storage") || resource.starts_with("hugepages-");
    if let Err(why) = name::qualified_name(resource) {
        errors.push(Error::invalid(&at.path, &resource.into(), &why));
    } else if !standard && !resource.contains('/') {
        errors.push(Error::invalid(&at.path, &resource.into(), "must be a standard resource type or fully qualified"));
    }
}

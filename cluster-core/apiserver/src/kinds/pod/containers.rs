//! What makes containers faulty: names, images, ports, environment, mounts, probes, hooks, resources.

use crate::kinds::prelude::*;
use std::cmp::Ordering;

/// How the names of resources begin that are large pages of memory.
pub(super) const HUGE_PAGES: &str = "hugepages-";

/// Faults of all containers of a pod spec.
pub(crate) fn validate(spec: &At<'_>, errors: &mut Errors) {
    spec.get("volumes").items().for_each(|volume| projections(&volume.get("projected"), errors));
    spec.get("containers").required(errors);
    let mut names = Vec::new();
    let own_users = spec.get("hostUsers").value == false;
    let claims = items(&spec.value["resourceClaims"]);
    let volumes = items(&spec.value["volumes"]);
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in spec.get(list).items() {
            mounts(&container, volumes, errors);
            resources(&container.get("resources"), errors);
            for claim in container.get("resources.claims").items().map(|claim| claim.get("name")) {
                if claim.required(errors) && !claims.iter().any(|known| known["name"] == *claim.value) {
                    errors.push(Error::not_found(&claim.path, claim.value));
                }
            }
            let name = container.get("name");
            if !name.is_empty() {
                name.unique(&mut names, name.text().to_owned(), errors);
            }
            let target = container.get("targetContainerName");
            let regular = ["containers", "initContainers"].into_iter().flat_map(|list| items(&spec.value[list]));
            if !target.is_empty() && !regular.into_iter().any(|container| container["name"] == *target.value) {
                errors.push(Error::not_found(&target.path, target.value));
            }
            let proc = container.get("securityContext.procMount");
            if proc.text() == "Unmasked" && !own_users {
                errors.push(proc.invalid("`hostUsers` must be false to use `Unmasked`"));
            }
            if list == "initContainers" {
                // They run one after another, and upstream's path calls each of them the first.
                host_ports([At { path: spec.path.child(list).index(0), ..container }], errors);
            }
        }
    }
    host_ports(spec.get("containers").items(), errors);
}

/// Refuses ports of the node that several containers want, or one of them twice.
fn host_ports<'a>(containers: impl IntoIterator<Item = At<'a>>, errors: &mut Errors) {
    let mut seen = Vec::new();
    for port in containers.into_iter().flat_map(|container| container.get("ports").items()) {
        let host = port.get("hostPort");
        let key = format!("{}/{}/{}", port.get("protocol").text(), port.get("hostIP").text(), host.int());
        if !host.is_empty() {
            let shown = Value::from(key.as_str());
            At { value: &shown, ..host }.unique(&mut seen, key, errors);
        }
    }
}

/// Refuses what several sources of a volume put at one path.
fn projections(volume: &At<'_>, errors: &mut Errors) {
    let mut seen = Vec::new();
    for source in items(&volume.value["sources"]) {
        let files = ["secret", "configMap", "downwardAPI"].into_iter().flat_map(|kind| {
            let named = source[kind].get("name");
            items(&source[kind]["items"]).iter().map(move |file| (&file["path"], named.unwrap_or(&file["path"])))
        });
        let certificate =
            ["credentialBundlePath", "keyPath", "certificateChainPath"].map(|field| ("podCertificate", field));
        let single = [("clusterTrustBundle", "path")].into_iter().chain(certificate);
        let single = single.map(|(kind, field)| (&source[kind][field], &source[kind][field]));
        for (path, shown) in files.chain(single).filter(|(path, _)| !is_empty(path)) {
            if seen.contains(&path) {
                errors.push(Error::invalid(&volume.path, shown, "conflicting duplicate paths"));
            }
            seen.push(path);
        }
    }
}

fn mounts(container: &At<'_>, volumes: &[Value], errors: &mut Errors) {
    let mut paths = Vec::new();
    for mount in container.get("volumeMounts").items() {
        volume(&mount, volumes, errors);
        let path = mount.get("mountPath");
        path.required(errors);
        if paths.contains(&path.text()) {
            errors.push(path.invalid("must be unique"));
        }
        paths.push(path.text());
    }
    for device in container.get("volumeDevices").items() {
        let is_block = |volume: &Value| !volume["persistentVolumeClaim"].is_null() || !volume["ephemeral"].is_null();
        if volume(&device, volumes, errors).is_some_and(|volume| !is_block(volume)) {
            let why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
            errors.push(device.get("name").invalid(why));
        }
    }
}

/// The volume that a mount or a device names.
fn volume<'a>(user: &At<'_>, volumes: &'a [Value], errors: &mut Errors) -> Option<&'a Value> {
    let name = user.get("name");
    name.required(errors);
    let found = volumes.iter().find(|volume| volume["name"] == *name.value);
    if found.is_none() {
        errors.push(Error::not_found(&name.path, &name.text().into()));
    }
    found
}

/// Faults of resource requests and limits.
pub(crate) fn resources(resources: &At<'_>, errors: &mut Errors) {
    let (requests, limits) = (resources.get("requests"), resources.get("limits"));
    for list in [&limits, &requests] {
        for (resource, amount) in list.entries() {
            let quantity = amount.quantity(errors);
            resource_name(&amount, resource, true, errors);
            // Nobody can have a part of a device.
            if is_extended(resource) && quantity.is_some_and(|quantity| quantity.milli_value() % 1000 != 0) {
                errors.push(amount.invalid("must be an integer"));
            }
        }
    }
    let amount = |value: &Value| Quantity::from_value(value).ok();
    for (resource, request) in entries(requests.value) {
        let (limit, exact) = (&limits.value[resource], is_extended(resource) || resource.starts_with(HUGE_PAGES));
        if limit.is_null() && exact {
            errors.push(limits.missing("Limit must be set for non overcommitable resources"));
        }
        let (Some(requested), Some(limited)) = (amount(request), amount(limit)) else { continue };
        let must = match requested.cmp(&limited) {
            Ordering::Equal => continue,
            _ if exact => "equal to",
            Ordering::Less => continue,
            Ordering::Greater => "less than or equal to",
        };
        let why = format!("must be {must} {resource} limit of {}", text(limit));
        errors.push(Error::invalid(&requests.path, request, &why));
    }
    let has =
        |is: fn(&str) -> bool| [&limits, &requests].into_iter().any(|list| list.entries().any(|(name, _)| is(name)));
    if has(|name| name.starts_with(HUGE_PAGES)) && !has(|name| matches!(name, "cpu" | "memory")) {
        errors.push(resources.forbidden("HugePages require cpu or memory"));
    }
}

/// Whether the resource is one that Kubernetes knows nothing of.
fn is_extended(resource: &str) -> bool {
    resource.contains('/') && !resource.contains("kubernetes.io/")
}

/// Faults of the resources of a pod as a whole: its containers may not ask for more.
pub(super) fn whole(spec: &At<'_>, errors: &mut Errors) {
    let own = spec.get("resources");
    if meta::text(spec.value, "os.name") == "windows" {
        errors.push(own.forbidden("may not be set for a windows pod"));
        return;
    }
    resources(&own, errors);
    let mut containers = spec.value.clone();
    drop(remove(&mut containers, "resources"));
    for list in ["requests", "limits"] {
        for (resource, at) in own.get(list).entries() {
            if !is_of_pods(resource) {
                errors.push(Error::not_supported(&at.path, &resource.into(), &["cpu", HUGE_PAGES, "memory"]));
            }
            let sum = cluster_object::pod::asked(&containers, list, resource);
            let adds_up = list == "requests" || resource.starts_with(HUGE_PAGES);
            let sum = sum.filter(|sum| adds_up && Quantity::from_value(at.value).is_ok_and(|own| *sum > own));
            if let Some(sum) = sum {
                errors
                    .push(at.invalid(&format!("must be greater than or equal to aggregate container {list} of {sum}")));
            }
        }
    }
    for (index, container) in items(&spec.value["containers"]).iter().enumerate() {
        for (resource, limit) in entries(&container["resources"]["limits"]) {
            let pair = [limit, &own.value["limits"][resource]].map(|limit| Quantity::from_value(limit).ok());
            if let [Some(given), Some(most)] = pair
                && given > most
            {
                // Upstream goes on from the path of the pod's own resources.
                let path = own.path.child("containers").index(index).key(resource).child("limits");
                errors.push(Error::invalid(
                    &path,
                    limit,
                    &format!("must be less than or equal to pod limits of {most}"),
                ));
            }
        }
    }
}

/// Whether a pod as a whole can have some of a resource.
pub(super) fn is_of_pods(resource: &str) -> bool {
    matches!(resource, "cpu" | "memory") || resource.starts_with(HUGE_PAGES)
}

/// Faults of the name of a resource, which may be one `of_containers`.
pub(crate) fn resource_name(at: &At<'_>, resource: &str, of_containers: bool, errors: &mut Errors) {
    let plain = !resource.contains('/');
    let native = matches!(resource, "cpu" | "memory" | "ephemeral-storage") || resource.starts_with(HUGE_PAGES);
    let mut wrong = |why: &str| errors.push(Error::invalid(&at.path, &resource.into(), why));
    match name::qualified_name(resource) {
        Err(why) => wrong(&why),
        Ok(()) if plain && !native => {
            if resource != "storage" {
                wrong("must be a standard resource type or fully qualified");
            }
            if of_containers {
                wrong("must be a standard resource for containers");
            }
        }
        Ok(()) => {}
    }
}

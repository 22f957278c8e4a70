//! A pod's own /etc/hosts and /etc/resolv.conf.

use crate::prelude::*;
use cluster_config::CLUSTER_DOMAIN;
use std::collections::HashSet;
use std::fmt::Write;
use std::net::Ipv4Addr;

/// The pod's host name: what overrides all else, or at most 63 characters of `spec.hostname` or of its name.
fn hostname(pod: &Pod) -> String {
    let spec = pod.spec.as_ref();
    if let Some(name) = spec.and_then(|s| s.hostname_override.clone()) {
        return name;
    }
    let own = spec.and_then(|s| s.hostname.as_deref()).filter(|h| !h.is_empty());
    let cut: String = own.unwrap_or(pod.name()).chars().take(63).collect();
    cut.trim_end_matches(['-', '.']).to_owned()
}

/// What a pod's processes take for their host's name: with `setHostnameAsFQDN` the full one.
pub(crate) fn kernel_hostname(pod: &Pod) -> String {
    let full = pod.spec.as_ref().and_then(|spec| spec.set_hostname_as_fqdn) == Some(true);
    if full { full_name(pod) } else { hostname(pod) }
}

/// The pod's name in DNS when it has a subdomain, else its host name.
fn full_name(pod: &Pod) -> String {
    let (name, namespace, spec) = (hostname(pod), pod.namespace(), pod.spec.as_ref());
    let subdomain = spec.filter(|s| s.hostname_override.is_none()).and_then(|s| s.subdomain.as_deref());
    match subdomain.filter(|s| !s.is_empty()) {
        Some(subdomain) => format!("{name}.{subdomain}.{namespace}.svc.{CLUSTER_DOMAIN}"),
        None => name,
    }
}

/// The content of /etc/hosts; `node` is the node's own file.
pub(crate) fn hosts(pod: &Pod, ip: &str, node: &str) -> String {
    let Some(spec) = pod.spec.as_ref() else { return String::new() };
    let mut out;
    if spec.host_network == Some(true) {
        out = format!("# Kubernetes-managed hosts file (host network).\n{node}");
    } else {
        out = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
               fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
            .to_owned();
        let (name, full) = (hostname(pod), full_name(pod));
        let line = if name == full { format!("{ip}\t{name}\n") } else { format!("{ip}\t{full}\t{name}\n") };
        out.push_str(&line);
    }
    if let Some(aliases) = spec.host_aliases.as_ref().filter(|a| !a.is_empty()) {
        out.push_str("\n# Entries added by HostAliases.\n");
        for alias in aliases {
            let names = alias.hostnames.as_deref().unwrap_or_default().join("\t");
            writeln!(out, "{}\t{names}", alias.ip).ok();
        }
    }
    out
}

#[derive(Default)]
struct Resolver {
    servers: Vec<String>,
    searches: Vec<String>,
    options: Vec<String>,
}

/// The content of /etc/resolv.conf; `node` is the node's own file.
pub(crate) fn resolv_conf(spec: &PodSpec, namespace: &str, dns: Ipv4Addr, node: &str) -> String {
    let policy = spec.dns_policy.as_deref().unwrap_or("ClusterFirst");
    let cluster = match policy {
        "ClusterFirst" => spec.host_network != Some(true),
        "ClusterFirstWithHostNet" => true,
        _ => false,
    };
    let mut resolver = match policy {
        "None" => Resolver::default(),
        _ if cluster => {
            let domain = CLUSTER_DOMAIN;
            let own = [format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.to_owned()];
            let searches = own.into_iter().chain(parse(node, None).searches).collect();
            Resolver { servers: vec![dns.to_string()], searches, options: vec!["ndots:5".to_owned()] }
        }
        // The engine's resolver on loopback does not answer in a pod's network; the cluster's forwards to it.
        _ => parse(node, (spec.host_network != Some(true)).then_some(dns)),
    };
    if let Some(config) = &spec.dns_config {
        resolver.servers.extend(config.nameservers.iter().flatten().cloned());
        resolver.searches.extend(config.searches.iter().flatten().cloned());
        for option in config.options.iter().flatten() {
            let Some(name) = &option.name else { continue };
            let text = option.value.as_ref().map_or_else(|| name.clone(), |value| format!("{name}:{value}"));
            resolver.options.retain(|o| o.split(':').next() != Some(name));
            resolver.options.push(text);
        }
    }
    render(resolver)
}

fn parse(text: &str, instead_of_loopback: Option<Ipv4Addr>) -> Resolver {
    let mut out = Resolver::default();
    for line in text.lines() {
        let mut words = line.split_whitespace().map(str::to_owned);
        match words.next().as_deref() {
            Some("nameserver") => out.servers.extend(words.take(1).map(|server| match instead_of_loopback {
                Some(other) if server.starts_with("127.") => other.to_string(),
                _ => server,
            })),
            Some("search") => out.searches = words.filter(|w| w != ".").collect(),
            Some("options") => out.options.extend(words),
            _ => {}
        }
    }
    out
}

fn dedup(mut list: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    list.retain(|item| seen.insert(item.clone()));
    list
}

fn render(resolver: Resolver) -> String {
    let mut out = String::new();
    let searches = dedup(resolver.searches);
    if !searches.is_empty() {
        writeln!(out, "search {}", searches.join(" ")).ok();
    }
    for server in dedup(resolver.servers).into_iter().take(3) {
        writeln!(out, "nameserver {server}").ok();
    }
    if !resolver.options.is_empty() {
        writeln!(out, "options {}", resolver.options.join(" ")).ok();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_goes_by_its_name_its_host_name_or_what_overrides_them() {
        for (spec, kernel, hosts) in [
            (json!({}), "p", "1.2.3.4\tp\n"),
            (json!({"hostname": "h"}), "h", "1.2.3.4\th\n"),
            (json!({"hostname": "h", "subdomain": "s"}), "h", "1.2.3.4\th.s.n.svc.cluster.local\th\n"),
            (
                json!({"subdomain": "s", "setHostnameAsFQDN": true}),
                "p.s.n.svc.cluster.local",
                "1.2.3.4\tp.s.n.svc.cluster.local\tp\n",
            ),
            (
                json!({"hostname": "h", "subdomain": "s", "hostnameOverride": "o.example"}),
                "o.example",
                "1.2.3.4\to.example\n",
            ),
        ] {
            let mut pod = json!({"metadata": {"name": "p", "namespace": "n"}, "spec": spec});
            pod["spec"]["containers"] = json!([]);
            let pod: Pod = serde_json::from_value(pod).expect("a pod");
            assert_eq!(kernel_hostname(&pod), kernel, "{spec}");
            assert!(super::hosts(&pod, "1.2.3.4", "").ends_with(hosts), "{spec}");
        }
    }

    #[test]
    fn dns_policies_choose_servers_and_searches() {
        let cases = [
            (
                json!({}),
                "search n.svc.cluster.local svc.cluster.local cluster.local lan\nnameserver 10.96.0.10\noptions ndots:5\n",
            ),
            (json!({"dnsPolicy": "Default"}), "search lan\nnameserver 10.96.0.10\noptions ndots:0\n"),
            (json!({"hostNetwork": true}), "search lan\nnameserver 127.0.0.11\noptions ndots:0\n"),
            (
                json!({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"], "options": [{"name": "ndots", "value": "2"}]}}),
                "nameserver 1.1.1.1\noptions ndots:2\n",
            ),
        ];
        for (mut spec, wanted) in cases {
            spec["containers"] = json!([]);
            let parsed: PodSpec = serde_json::from_value(spec.clone()).expect("a pod spec");
            let node = "search lan\nnameserver 127.0.0.11\noptions ndots:0\n";
            let dns = "10.96.0.10".parse().expect("an address");
            assert_eq!(resolv_conf(&parsed, "n", dns, node), wanted, "{spec}");
        }
    }
}

//! From what objects say of a backend (`clientConfig`, a service) to its address and TLS.

use super::identity::certificate;
use super::{Target, Tls};
use crate::kinds::prelude::*;
use cluster_pki::{Pair, tls};
use std::sync::OnceLock;

/// The public authorities that this machine trusts, for backends without a `caBundle`.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Host and port.
type Address = (String, u16);

/// Where a `clientConfig` (`url`, or `service`; `caBundle`) points, and its URL as messages show it. Those that are
/// made of kubeconfigs may have `user`, `insecureSkipTLSVerify` and `tlsServerName`, which no object's schema lets in.
pub(crate) fn of_client_config(lookup: &dyn Lookup, config: &Value) -> Result<(Target, String), String> {
    let identity = certificate(&config["user"])?;
    let anybody = config["insecureSkipTLSVerify"] == true;
    let trust = Trust { bundle: text(&config["caBundle"]), anybody, identity: identity.as_ref() };
    let tls = |name: &str| {
        let name = config["tlsServerName"].as_str().unwrap_or(name).to_owned();
        Ok::<_, String>(Some(Tls { config: trust.config()?, name }))
    };
    let service = &config["service"];
    if service.is_object() {
        let (namespace, name) = (text(&service["namespace"]), text(&service["name"]));
        let port = service["port"].as_u64().unwrap_or(443).to_string();
        let path = format!("/{}", text(&service["path"]).trim_start_matches('/'));
        let dns = format!("{name}.{namespace}.svc");
        let url = format!("https://{dns}:{port}{path}");
        let (host, port) = of_service(lookup, namespace, name, &port).map_err(|status| status.message)?;
        return Ok((Target { host, port, tls: tls(&dns)?, path_and_query: path }, url));
    }
    let url: url::Url = text(&config["url"]).parse().map_err(|e| format!("invalid URL: {e}"))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let path_and_query = url[url::Position::BeforePath..url::Position::AfterQuery].to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let tls = if url.scheme() == "https" { tls(&host)? } else { None };
    Ok((Target { host, port, tls, path_and_query }, url.to_string()))
}

/// Whom a connection trusts, and who it says it is.
pub(crate) struct Trust<'a> {
    /// Authorities, base64 of PEM; empty for those that the machine trusts.
    pub(crate) bundle: &'a str,
    /// Whether anybody is trusted.
    pub(crate) anybody: bool,
    /// The certificate that is shown.
    pub(crate) identity: Option<&'a Pair>,
}

impl Trust<'_> {
    /// The TLS configuration.
    pub(crate) fn config(&self) -> Result<Arc<rustls::ClientConfig>, String> {
        static SYSTEM: OnceLock<Result<String, String>> = OnceLock::new();
        let unreadable = |e: &dyn std::fmt::Display| format!("unable to load root certificates: {e}");
        if self.anybody {
            return tls::client_of_anybody(self.identity).map(Arc::new).map_err(|e| e.to_string());
        }
        let pem = if self.bundle.is_empty() {
            let read = || std::fs::read_to_string(SYSTEM_ROOTS).map_err(|e| unreadable(&e));
            SYSTEM.get_or_init(read).clone()?
        } else {
            let pem = BASE64_STANDARD.decode(self.bundle).map_err(|e| unreadable(&e))?;
            String::from_utf8_lossy(&pem).into_owned()
        };
        tls::client(&pem, self.identity).map(Arc::new).map_err(|e| unreadable(&e))
    }
}

/// Where a service leads that a webhook or an extension names: whoever may write those may send the server anywhere.
pub(crate) fn of_service(lookup: &dyn Lookup, namespace: &str, name: &str, port: &str) -> Result<Address, Status> {
    let service = service(lookup, namespace, name)?;
    if service["spec"]["type"] == "ExternalName" {
        return Ok((meta::text(&service, "spec.externalName").to_owned(), port.parse().unwrap_or(443)));
    }
    endpoint(lookup, &service, port, |_| true)
}

/// A pod behind a service that a client wants to reach through the server: whoever may write services and slices must not
/// send the server anywhere else. As upstream's `ResourceLocation` of services.
pub(crate) fn of_pods(lookup: &dyn Lookup, namespace: &str, name: &str, port: &str) -> Result<Address, Status> {
    let of_pod = |endpoint: &Value| {
        let (address, target) = (text(&endpoint["addresses"][0]), &endpoint["targetRef"]);
        let own = is_proxyable(address) && target["kind"] == "Pod" && target["namespace"] == namespace;
        let pod = own.then(|| lookup.find("pods", namespace, text(&target["name"]))).flatten();
        pod.is_some_and(|pod| items(meta::get(&pod, "status.podIPs")).iter().any(|ip| ip["ip"] == address))
    };
    let service = service(lookup, namespace, name)?;
    endpoint(lookup, &service, port, of_pod)
}

fn service(lookup: &dyn Lookup, namespace: &str, name: &str) -> Result<Arc<Value>, Status> {
    let services = GroupResource { group: "", resource: "services" };
    lookup.find("services", namespace, name).ok_or_else(|| Status::not_found(services, name))
}

/// The address of one ready endpoint behind a port of a service: its number or name, or empty for the first one.
fn endpoint(
    lookup: &dyn Lookup,
    service: &Value,
    port: &str,
    fits: impl Fn(&Value) -> bool,
) -> Result<Address, Status> {
    let (namespace, name) = (meta::namespace(service), meta::name(service));
    let number = |port: &Value| port.as_u64().and_then(|port| u16::try_from(port).ok());
    let unavailable = |why: String| Status::new(503, "ServiceUnavailable", why);
    let wanted: Option<u64> = port.parse().ok();
    let found = items(&service["spec"]["ports"]).iter().find(|p| {
        port.is_empty() || p["name"] == port || wanted.is_some_and(|wanted| p["port"].as_u64() == Some(wanted))
    });
    let found = found.ok_or_else(|| unavailable(format!("no service port {port:?} found for service {name:?}")))?;
    let mut candidates = Vec::new();
    for slice in lookup.list("discovery.k8s.io/endpointslices", Some(namespace)) {
        if meta::label(&slice, "kubernetes.io/service-name") != Some(name) {
            continue;
        }
        let same_name = |p: &&Value| meta::text(p, "name") == meta::text(found, "name");
        let Some(port) = items(&slice["ports"]).iter().filter(same_name).find_map(|p| number(&p["port"])) else {
            continue;
        };
        let ready = items(&slice["endpoints"]).iter().filter(|e| e["conditions"]["ready"] != false);
        for endpoint in ready.filter(|endpoint| fits(endpoint)) {
            candidates.extend(endpoint["addresses"][0].as_str().map(|address| (address.to_owned(), port)));
        }
    }
    if candidates.is_empty() {
        return Err(unavailable(format!("no endpoints available for service {name:?}")));
    }
    Ok(candidates.swap_remove(rand::random_range(0..candidates.len())))
}

/// Whether the server may connect to an address that an object tells: none of its own machine, of the link or of groups.
/// As upstream's `IsProxyableIP`.
pub(crate) fn is_proxyable(address: &str) -> bool {
    match address.parse() {
        Ok(IpAddr::V4(ip)) => {
            !(ip.is_unspecified() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast() || ip.is_broadcast())
        }
        Ok(IpAddr::V6(ip)) => {
            !(ip.is_unspecified() || ip.is_loopback() || ip.is_unicast_link_local() || ip.is_multicast())
        }
        Err(_) => false,
    }
}

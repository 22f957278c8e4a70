//! Service addresses, and the texts of ingresses and network policies.

use crate::allocate::CIDR_FINALIZER;
use crate::kinds::prelude::*;

pub(super) const SERVICE_CIDR: Strategy = Strategy {
    prepare_create: |object| {
        // It is usable at once, and is let go when no address needs it any more.
        let ready = json!({"type": "Ready", "status": "True", "reason": "", "lastTransitionTime": meta::now(),
            "message": "Kubernetes Service CIDR is ready"});
        object["status"] = json!({"conditions": [ready]});
        let mut finalizers: Vec<Value> = meta::finalizers(object).into_iter().map(Value::from).collect();
        if !finalizers.iter().any(|known| known == CIDR_FINALIZER) {
            finalizers.push(CIDR_FINALIZER.into());
            meta::set(object, "metadata.finalizers", finalizers);
        }
    },
    ..Strategy::NONE
};

/// Whether the text is the name of a machine, or `*` and a domain.
pub(super) fn ingress_host(text: &str) -> Result<(), String> {
    if text.starts_with('*') { name::wildcard_dns_subdomain(text) } else { dns_name(text) }
}

/// Whether the text is the name of a machine, and not its address.
pub(super) fn dns_name(text: &str) -> Result<(), String> {
    match text.parse::<std::net::IpAddr>() {
        Ok(_) => Err("must be a DNS name, not an IP address".to_owned()),
        Err(_) => name::dns_subdomain(text),
    }
}

/// Whether the text is a network.
pub(super) fn is_cidr(text: &str) -> Result<(), String> {
    let fault = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    text.parse::<ipnet::IpNet>().map(|_| ()).map_err(|_| fault.to_owned())
}

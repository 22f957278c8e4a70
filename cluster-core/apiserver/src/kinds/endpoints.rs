//! Endpoints and endpoint slices.

use super::pod::validation::is_ip;
use super::walk::TextRule;
use crate::kinds::prelude::*;

pub(super) const ENDPOINTS: Strategy = Strategy { validate: endpoints, ..Strategy::NONE };

pub(super) const ENDPOINT_SLICE: Strategy = Strategy {
    validate: |at, errors| {
        let rule: TextRule = match at.get("addressType").text() {
            "FQDN" => name::dns_subdomain,
            "IPv4" => |text| family(text, "4"),
            "IPv6" => |text| family(text, "6"),
            _ => open_ip,
        };
        for endpoint in at.get("endpoints").items() {
            for address in endpoint.get("addresses").items() {
                address.rule(rule, errors);
            }
        }
    },
    ..Strategy::NONE
};

fn family(text: &str, version: &str) -> Result<(), String> {
    if text.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4() == (version == "4")) {
        return open_ip(text);
    }
    Err(format!("must be a valid IPv{version} address"))
}

/// Whether the text is an IP address that can be of something beyond the node.
pub(super) fn open_ip(text: &str) -> Result<(), String> {
    is_ip(text)?;
    let fault = match text.parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() => "may not be unspecified (0.0.0.0 or ::)",
        Ok(ip) if ip.is_loopback() => "may not be in the loopback range (127.0.0.0/8, ::1/128)",
        Ok(IpAddr::V4(ip)) if ip.is_link_local() => "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
        Ok(IpAddr::V6(ip)) if ip.is_unicast_link_local() => {
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
        }
        Ok(IpAddr::V4(ip)) if ip.octets()[..3] == [224, 0, 0] => {
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        }
        Ok(IpAddr::V6(ip)) if ip.segments()[0] & 0xff0f == 0xff02 => {
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        }
        _ => return Ok(()),
    };
    Err(fault.to_owned())
}

fn endpoints(at: &At<'_>, errors: &mut Errors) {
    for subset in at.get("subsets").items() {
        let several = items(&subset.value["ports"]).len() > 1;
        for port in subset.get("ports").items() {
            if several && port.get("name").is_empty() {
                errors.push(port.get("name").missing(""));
            }
        }
    }
}

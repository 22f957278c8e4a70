//! Asks a DNS server for a name, as a pod would.

use crate::Error;
use hickory_resolver::Resolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use std::net::{IpAddr, Ipv4Addr};

/// The addresses of an absolute name, asked of `server` alone.
pub async fn resolve(name: &str, server: Ipv4Addr) -> Result<Vec<IpAddr>, Error> {
    let mut config = ResolverConfig::default();
    config.add_name_server(NameServerConfig::udp_and_tcp(server.into()));
    let failed = |error: hickory_resolver::net::NetError| Error::Resolver(format!("{name} at {server}: {error}"));
    let resolver = Resolver::builder_with_config(config, TokioRuntimeProvider::default()).build().map_err(failed)?;
    let absolute = format!("{}.", name.trim_end_matches('.'));
    Ok(resolver.lookup_ip(absolute).await.map_err(failed)?.iter().collect())
}

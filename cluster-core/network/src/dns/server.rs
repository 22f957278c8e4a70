//! The wire side of DNS: UDP and TCP, the cluster's answers, forwarding.

use super::answer::{Reply, TTL, answer};
use super::zone::Zone;
use crate::Error;
use cluster_config::CLUSTER_DOMAIN;
use hickory_resolver::TokioResolver;
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Metadata, ResponseCode};
use hickory_server::proto::rr::rdata::{CNAME, SOA};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const TCP_TIMEOUT: Duration = Duration::from_secs(10);
const TCP_BUFFER: usize = 32;
/// How many names in a row may be others' names. Source: CoreDNS.
const MOST_ALIASES: usize = 8;

/// Serves until `cancel`.
pub(super) async fn run(
    zone: Zone,
    udp: UdpSocket,
    tcp: TcpListener,
    ready: watch::Sender<bool>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let upstream = TokioResolver::builder_tokio().and_then(hickory_resolver::ResolverBuilder::build);
    let upstream = upstream.map_err(|e| Error::Resolver(e.to_string()))?;
    let mut server = Server::new(Handler { zone, upstream });
    server.register_socket(udp);
    server.register_listener(tcp, TCP_TIMEOUT, TCP_BUFFER);
    ready.send_replace(true);
    cancel.cancelled().await;
    server.shutdown_gracefully().await.map_err(|e| Error::Resolver(e.to_string()))
}

struct Handler {
    zone: Zone,
    upstream: TokioResolver,
}

#[async_trait::async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, mut response: R) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        let reply = match request.request_info() {
            Ok(info) => self.reply(&Name::from(info.query.name()), info.query.query_type()).await,
            Err(_) => Reply::empty(ResponseCode::FormErr, false),
        };
        metadata.response_code = reply.code;
        metadata.authoritative = reply.authoritative;
        metadata.recursion_available = true;
        // A negative answer carries the zone's SOA, so that resolvers know how long to keep it (RFC 2308).
        let soa: Vec<Record> =
            (reply.authoritative && reply.answers.is_empty()).then(soa).flatten().into_iter().collect();
        let message = MessageResponseBuilder::from_message_request(request).build(
            metadata,
            &reply.answers,
            std::iter::empty(),
            &soa,
            &reply.additionals,
        );
        match response.send_response(message).await {
            Ok(info) => info,
            Err(error) => {
                tracing::debug!(%error, "failed to send a DNS answer");
                ResponseInfo::from(hickory_server::proto::op::Header { metadata, counts: Default::default() })
            }
        }
    }
}

impl Handler {
    /// Follows names that are others' names; services may name each other in a circle.
    async fn reply(&self, name: &Name, kind: RecordType) -> Reply {
        let (mut reply, mut alias) = self.look_up(name, kind).await;
        for _ in 0..MOST_ALIASES {
            let Some(target) = alias else { break };
            let further;
            (further, alias) = self.look_up(&target, kind).await;
            reply.answers.extend(further.answers);
        }
        reply
    }

    /// What one name answers, and whose name it is instead.
    async fn look_up(&self, name: &Name, kind: RecordType) -> (Reply, Option<Name>) {
        let text = name.to_ascii().to_ascii_lowercase();
        let Some(reply) = answer(text.trim_end_matches('.'), kind, &self.zone) else {
            return (self.forward(name.clone(), kind).await, None);
        };
        let alias = match reply.answers.as_slice() {
            [Record { data: RData::CNAME(CNAME(target)), .. }] => Some(target.clone()),
            _ => None,
        };
        (reply, alias)
    }

    async fn forward(&self, mut name: Name, kind: RecordType) -> Reply {
        name.set_fqdn(true);
        match self.upstream.lookup(name, kind).await {
            Ok(found) => Reply { answers: found.answers().to_vec(), ..Reply::empty(ResponseCode::NoError, false) },
            Err(error) if error.is_nx_domain() => Reply::empty(ResponseCode::NXDomain, false),
            Err(error) if error.is_no_records_found() => Reply::empty(ResponseCode::NoError, false),
            Err(error) => {
                tracing::debug!(%error, "failed to forward a DNS question");
                Reply::empty(ResponseCode::ServFail, false)
            }
        }
    }
}

fn soa() -> Option<Record> {
    let zone = Name::from_ascii(format!("{CLUSTER_DOMAIN}.")).ok()?;
    let server = Name::from_ascii(format!("ns.dns.{CLUSTER_DOMAIN}.")).ok()?;
    let mailbox = Name::from_ascii(format!("hostmaster.{CLUSTER_DOMAIN}.")).ok()?;
    let data = SOA::new(server, mailbox, 1, 7200, 1800, 86400, TTL);
    Some(Record::from_rdata(zone, TTL, RData::SOA(data)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_client::Informers;
    use cluster_fake_server::FakeServer;
    use k8s_openapi::api::core::v1::Service;
    use serde_json::json;

    #[tokio::test]
    async fn services_that_name_each_other_in_a_circle_are_followed_to_an_end() {
        let upstream = TokioResolver::builder_with_config(Default::default(), Default::default()).build();
        let client = FakeServer::new().client();
        for name in ["first", "loop"] {
            let spec = json!({"type": "ExternalName", "externalName": format!("loop.default.svc.{CLUSTER_DOMAIN}")});
            let service = json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec});
            client.create::<Service>(&serde_json::from_value(service).expect("a service")).await.expect("created");
        }
        let zone = Zone::new(&Informers::new(client));
        zone.synced().await;
        let handler = Handler { zone, upstream: upstream.expect("a resolver") };
        let name = Name::from_ascii(format!("first.default.svc.{CLUSTER_DOMAIN}.")).expect("a name");
        let reply = handler.reply(&name, RecordType::A).await;
        assert_eq!((reply.code, reply.answers.len()), (ResponseCode::NoError, MOST_ALIASES + 1));
    }
}

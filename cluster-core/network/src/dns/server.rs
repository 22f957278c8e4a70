//! The wire side of DNS: UDP and TCP, the cluster's answers, forwarding.

use super::answer::{Answer, Data, RecordData, RecordType, answer};
use super::zone::Zone;
use crate::Error;
use cluster_config::CLUSTER_DOMAIN;
use hickory_resolver::TokioResolver;
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Metadata, ResponseCode};
use hickory_server::proto::rr::rdata::{A, CNAME, PTR, SOA, SRV, TXT};
use hickory_server::proto::rr::{self, Name, RData, Record};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Seconds a client may keep an answer; services move, so it is short, as CoreDNS's default.
const TTL: u32 = 5;
const TCP_TIMEOUT: Duration = Duration::from_secs(10);
const TCP_BUFFER: usize = 32;

/// Serves until `cancel`.
pub(super) async fn run<Z: Zone>(
    zone: Z,
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

struct Handler<Z> {
    zone: Z,
    upstream: TokioResolver,
}

/// An answer ready to be sent.
struct Reply {
    code: ResponseCode,
    authoritative: bool,
    answers: Vec<Record>,
    additionals: Vec<Record>,
}

impl Reply {
    fn empty(code: ResponseCode, authoritative: bool) -> Self {
        Self { code, authoritative, answers: Vec::new(), additionals: Vec::new() }
    }
}

#[async_trait::async_trait]
impl<Z: Zone> RequestHandler for Handler<Z> {
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

impl<Z: Zone> Handler<Z> {
    async fn reply(&self, name: &Name, kind: rr::RecordType) -> Reply {
        let text = name.to_ascii().to_ascii_lowercase();
        let wanted = match kind {
            rr::RecordType::A => RecordType::A,
            rr::RecordType::SRV => RecordType::Srv,
            rr::RecordType::PTR => RecordType::Ptr,
            rr::RecordType::TXT => RecordType::Txt,
            _ => RecordType::Other,
        };
        match answer(text.trim_end_matches('.'), wanted, &self.zone) {
            Answer::Forward => self.forward(name.clone(), kind).await,
            Answer::NameError => Reply::empty(ResponseCode::NXDomain, true),
            Answer::NoData => Reply::empty(ResponseCode::NoError, true),
            Answer::Records(answers, additionals) => {
                let mut reply = Reply {
                    answers: answers.iter().filter_map(to_wire).collect(),
                    additionals: additionals.iter().filter_map(to_wire).collect(),
                    ..Reply::empty(ResponseCode::NoError, true)
                };
                if let [RecordData { data: Data::Cname(target), .. }] = answers.as_slice()
                    && let Ok(target) = Name::from_ascii(format!("{target}."))
                {
                    reply.answers.extend(Box::pin(self.reply(&target, kind)).await.answers);
                }
                reply
            }
        }
    }

    async fn forward(&self, mut name: Name, kind: rr::RecordType) -> Reply {
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

/// `None` when a name is too long for DNS.
fn to_wire(record: &RecordData) -> Option<Record> {
    let name = |text: &str| Name::from_ascii(format!("{}.", text.trim_end_matches('.'))).ok();
    let data = match &record.data {
        Data::A(address) => RData::A(A(*address)),
        Data::Srv { port, target } => RData::SRV(SRV::new(0, 100, *port, name(target)?)),
        Data::Cname(target) => RData::CNAME(CNAME(name(target)?)),
        Data::Ptr(target) => RData::PTR(PTR(name(target)?)),
        Data::Txt(text) => RData::TXT(TXT::new(vec![text.clone()])),
    };
    Some(Record::from_rdata(name(&record.name)?, TTL, data))
}

fn soa() -> Option<Record> {
    let zone = Name::from_ascii(format!("{CLUSTER_DOMAIN}.")).ok()?;
    let server = Name::from_ascii(format!("ns.dns.{CLUSTER_DOMAIN}.")).ok()?;
    let mailbox = Name::from_ascii(format!("hostmaster.{CLUSTER_DOMAIN}.")).ok()?;
    let data = SOA::new(server, mailbox, 1, 7200, 1800, 86400, TTL);
    Some(Record::from_rdata(zone, TTL, RData::SOA(data)))
}

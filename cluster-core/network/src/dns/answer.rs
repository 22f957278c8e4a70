//! The answer to one question, from the cluster's names alone.

use super::zone::{Backing, EndpointName, Port, ServiceEntry, Zone};
use crate::prelude::*;
use cluster_config::CLUSTER_DOMAIN;
use hickory_server::proto::op::ResponseCode;
use hickory_server::proto::rr::rdata::{A, CNAME, PTR, SRV, TXT};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};

/// Seconds a client may keep an answer; services move, so it is short, as CoreDNS's default.
pub(super) const TTL: u32 = 5;

/// An answer ready to be sent.
#[derive(Debug, PartialEq)]
pub(super) struct Reply {
    pub(super) code: ResponseCode,
    pub(super) authoritative: bool,
    pub(super) answers: Vec<Record>,
    /// Addresses of the targets of SRV records.
    pub(super) additionals: Vec<Record>,
}

impl Reply {
    pub(super) fn empty(code: ResponseCode, authoritative: bool) -> Self {
        Self { code, authoritative, answers: Vec::new(), additionals: Vec::new() }
    }

    /// The name exists, but has nothing of this type.
    fn no_data() -> Self {
        Self::empty(ResponseCode::NoError, true)
    }

    /// The name does not exist.
    fn name_error() -> Self {
        Self::empty(ResponseCode::NXDomain, true)
    }

    /// These records; those whose names are too long for DNS are left out.
    fn of(records: impl IntoIterator<Item = Option<Record>>) -> Self {
        Self { answers: records.into_iter().flatten().collect(), ..Self::no_data() }
    }
}

/// Answers for `name` (lower case, without the last dot), if it is the cluster's.
pub(super) fn answer(name: &str, kind: RecordType, zone: &dyn Zone) -> Option<Reply> {
    if let Some(reversed) = name.strip_suffix(".in-addr.arpa") {
        return reverse(name, reversed, kind, zone);
    }
    let relative = match name.strip_suffix(CLUSTER_DOMAIN) {
        Some("") => return Some(Reply::no_data()),
        Some(relative) => relative.strip_suffix('.')?,
        None => return None,
    };
    let about = |namespace, service| Question { name, kind, namespace, service, zone };
    let labels: Vec<&str> = relative.split('.').collect();
    Some(match labels.as_slice() {
        ["dns-version"] if kind == RecordType::TXT => {
            Reply::of([record(name, RData::TXT(TXT::new(vec!["1.1.0".to_owned()])))])
        }
        ["dns-version" | "svc" | "pod"] => Reply::no_data(),
        [namespace, "svc" | "pod"] if zone.has_namespace(namespace) => Reply::no_data(),
        [service, namespace, "svc"] => about(namespace, service).of_service(),
        [endpoint, service, namespace, "svc"] => about(namespace, service).of_endpoint(endpoint),
        [port, protocol, service, namespace, "svc"] => about(namespace, service).of_port(port, protocol),
        [dashed, _, "pod"] => match (dashed.replace('-', ".").parse(), kind) {
            (Ok(address), RecordType::A) => Reply::of([record(name, RData::A(A(address)))]),
            (Ok(_), _) => Reply::no_data(),
            (Err(_), _) => Reply::name_error(),
        },
        _ => Reply::name_error(),
    })
}

fn absolute(name: &str) -> Option<Name> {
    Name::from_ascii(format!("{}.", name.trim_end_matches('.'))).ok()
}

/// Nothing when a name is too long for DNS.
fn record(name: &str, data: RData) -> Option<Record> {
    Some(Record::from_rdata(absolute(name)?, TTL, data))
}

/// What is asked about one service.
#[derive(Clone, Copy)]
struct Question<'a> {
    name: &'a str,
    kind: RecordType,
    namespace: &'a str,
    service: &'a str,
    zone: &'a dyn Zone,
}

impl Question<'_> {
    fn of_service(self) -> Reply {
        let Self { name, kind, .. } = self;
        let Some(entry) = self.zone.service(self.namespace, self.service) else { return Reply::name_error() };
        match (entry.backing, kind) {
            (Backing::External(target), _) => {
                Reply::of([absolute(&target).and_then(|target| record(name, RData::CNAME(CNAME(target))))])
            }
            (Backing::ClusterIp(ips), RecordType::A) => {
                Reply::of(ips.into_iter().map(|ip| record(name, RData::A(A(ip)))))
            }
            (Backing::ClusterIp(_), _) => Reply::no_data(),
            (Backing::Headless, _) => {
                let endpoints = self.zone.endpoints(self.namespace, self.service);
                match kind {
                    // A headless service without endpoints does not exist, so that clients may fail fast (section 2.4.1).
                    _ if endpoints.is_empty() => Reply::name_error(),
                    RecordType::A => addresses(name, &endpoints),
                    _ => Reply::no_data(),
                }
            }
        }
    }

    fn of_endpoint(self, endpoint: &str) -> Reply {
        let Some(entry) = self.zone.service(self.namespace, self.service) else { return Reply::name_error() };
        // `_tcp.web.default.svc` is a name on the way to `_http._tcp.web.default.svc`.
        if entry.ports.iter().any(|port| endpoint.strip_prefix('_') == Some(&port.protocol)) {
            return Reply::no_data();
        }
        let mut found = self.zone.endpoints(self.namespace, self.service);
        found.retain(|e| e.name == endpoint);
        match (found.is_empty(), self.kind) {
            (true, _) => Reply::name_error(),
            (false, RecordType::A) => addresses(self.name, &found),
            (false, _) => Reply::no_data(),
        }
    }

    fn of_port(self, port: &str, protocol: &str) -> Reply {
        let (Some(port), Some(protocol)) = (port.strip_prefix('_'), protocol.strip_prefix('_')) else {
            return Reply::name_error();
        };
        let Some(entry) = self.zone.service(self.namespace, self.service) else { return Reply::name_error() };
        let wanted = |p: &&Port| p.name == port && p.protocol == protocol;
        let base = format!("{}.{}.svc.{CLUSTER_DOMAIN}", self.service, self.namespace);
        let (answers, additionals) = match entry {
            ServiceEntry { backing: Backing::Headless, .. } => self.ports_of_endpoints(&base, wanted),
            ServiceEntry { backing: Backing::ClusterIp(ips), ports } => {
                let found = ports.iter().find(wanted);
                let answers = found.into_iter().filter_map(|p| srv(self.name, p.number, &base)).collect();
                (answers, ips.into_iter().filter_map(|ip| record(&base, RData::A(A(ip)))).collect())
            }
            ServiceEntry { backing: Backing::External(_), .. } => return Reply::name_error(),
        };
        match (answers.is_empty(), self.kind) {
            (true, _) => Reply::name_error(),
            (false, RecordType::SRV) => Reply { answers, additionals, ..Reply::no_data() },
            (false, _) => Reply::no_data(),
        }
    }

    fn ports_of_endpoints(self, base: &str, wanted: impl Fn(&&Port) -> bool) -> (Vec<Record>, Vec<Record>) {
        let (mut answers, mut additionals) = (Vec::new(), Vec::new());
        for endpoint in self.zone.endpoints(self.namespace, self.service) {
            let target = format!("{}.{base}", endpoint.name);
            if let Some(port) = endpoint.ports.iter().find(&wanted) {
                answers.extend(srv(self.name, port.number, &target));
                additionals.extend(record(&target, RData::A(A(endpoint.address))));
            }
        }
        (answers, additionals)
    }
}

fn addresses(name: &str, endpoints: &[EndpointName]) -> Reply {
    let ips: BTreeSet<Ipv4Addr> = endpoints.iter().map(|e| e.address).collect();
    Reply::of(ips.into_iter().map(|ip| record(name, RData::A(A(ip)))))
}

fn srv(name: &str, port: u16, target: &str) -> Option<Record> {
    record(name, RData::SRV(SRV::new(0, 100, port, absolute(target)?)))
}

fn reverse(name: &str, reversed: &str, kind: RecordType, zone: &dyn Zone) -> Option<Reply> {
    let mut octets: Vec<&str> = reversed.split('.').collect();
    octets.reverse();
    let names = zone.names_of(octets.join(".").parse().ok()?);
    let of = |n: &String| record(name, RData::PTR(PTR(absolute(&format!("{n}.{CLUSTER_DOMAIN}"))?)));
    let reply = if kind == RecordType::PTR { Reply::of(names.iter().map(of)) } else { Reply::no_data() };
    (!names.is_empty()).then_some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture;

    fn port(number: u16) -> Vec<Port> {
        vec![Port { name: "http".to_owned(), protocol: "tcp".to_owned(), number }]
    }

    fn ip(text: &str) -> Ipv4Addr {
        text.parse().expect("address")
    }

    impl Zone for Fixture {
        fn has_namespace(&self, namespace: &str) -> bool {
            namespace == "default"
        }
        fn service(&self, namespace: &str, name: &str) -> Option<ServiceEntry> {
            let backing = match (namespace, name) {
                ("default", "web") => Backing::ClusterIp(vec![ip("10.96.0.7")]),
                ("default", "db" | "empty") => Backing::Headless,
                ("default", "out") => Backing::External("example.org".to_owned()),
                _ => return None,
            };
            Some(ServiceEntry { backing, ports: port(80) })
        }
        fn endpoints(&self, _: &str, name: &str) -> Vec<EndpointName> {
            let endpoint = |name: &str, address| EndpointName { name: name.to_owned(), address, ports: port(5432) };
            if name == "db" {
                vec![endpoint("db-0", ip("10.244.1.2")), endpoint("db-1", ip("10.244.2.2"))]
            } else {
                Vec::new()
            }
        }
        fn names_of(&self, address: Ipv4Addr) -> Vec<String> {
            if address == ip("10.96.0.7") { vec!["web.default.svc".to_owned()] } else { Vec::new() }
        }
    }

    #[test]
    fn the_cluster_zone_answers_as_the_dns_specification_says() {
        use RecordType as Type;
        let a = |name: &str, text: &str| record(name, RData::A(A(ip(text))));
        let (web, db) = ("web.default.svc.cluster.local", "db.default.svc.cluster.local");
        let srv_db = "_http._tcp.db.default.svc.cluster.local";
        let srv_web = "_http._tcp.web.default.svc.cluster.local";
        let db0 = "db-0.db.default.svc.cluster.local";
        let db1 = "db-1.db.default.svc.cluster.local";
        let arpa = "7.0.96.10.in-addr.arpa";
        let plain = |records: Vec<Option<Record>>| Some(Reply::of(records));
        let both = |answers: [Option<Record>; 2], additionals: [Option<Record>; 2]| {
            let additionals = additionals.into_iter().flatten().collect();
            Some(Reply { additionals, ..Reply::of(answers) })
        };
        let (nothing, none) = (|| plain(vec![]), || Some(Reply::name_error()));
        let cases = [
            (web, Type::A, plain(vec![a(web, "10.96.0.7")])),
            (web, Type::MX, nothing()),
            (db, Type::A, plain(vec![a(db, "10.244.1.2"), a(db, "10.244.2.2")])),
            (db1, Type::A, plain(vec![a(db1, "10.244.2.2")])),
            ("db-7.db.default.svc.cluster.local", Type::A, none()),
            ("empty.default.svc.cluster.local", Type::A, none()),
            ("none.default.svc.cluster.local", Type::A, none()),
            (
                "out.default.svc.cluster.local",
                Type::A,
                plain(vec![record(
                    "out.default.svc.cluster.local",
                    RData::CNAME(CNAME(absolute("example.org").expect("a name"))),
                )]),
            ),
            (srv_web, Type::SRV, both([srv(srv_web, 80, web), None], [a(web, "10.96.0.7"), None])),
            (
                srv_db,
                Type::SRV,
                both([srv(srv_db, 5432, db0), srv(srv_db, 5432, db1)], [a(db0, "10.244.1.2"), a(db1, "10.244.2.2")]),
            ),
            ("_tcp.web.default.svc.cluster.local", Type::A, nothing()),
            (
                "10-244-1-2.default.pod.cluster.local",
                Type::A,
                plain(vec![a("10-244-1-2.default.pod.cluster.local", "10.244.1.2")]),
            ),
            ("default.svc.cluster.local", Type::A, nothing()),
            ("nowhere.svc.cluster.local", Type::A, none()),
            (
                "dns-version.cluster.local",
                Type::TXT,
                plain(vec![record("dns-version.cluster.local", RData::TXT(TXT::new(vec!["1.1.0".to_owned()])))]),
            ),
            (arpa, Type::PTR, plain(vec![record(arpa, RData::PTR(PTR(absolute(web).expect("a name"))))])),
            ("9.9.9.9.in-addr.arpa", Type::PTR, None),
            ("example.org", Type::A, None),
            ("notcluster.local", Type::A, None),
        ];
        for (name, kind, expected) in cases {
            assert_eq!(answer(name, kind, &Fixture), expected, "{name} {kind:?}");
        }
    }
}

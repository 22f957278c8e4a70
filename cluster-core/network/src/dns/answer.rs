//! The answer to one question, from the cluster's names alone.

use super::zone::{Zone, published};
use crate::prelude::*;
use cluster_config::CLUSTER_DOMAIN;
use hickory_server::proto::op::ResponseCode;
use hickory_server::proto::rr::rdata::{A, CNAME, PTR, SRV, TXT};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};
use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};

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
pub(super) fn answer(name: &str, kind: RecordType, zone: &Zone) -> Option<Reply> {
    if let Some(reversed) = name.strip_suffix(".in-addr.arpa") {
        return reverse(name, reversed, kind, zone);
    }
    let relative = match name.strip_suffix(CLUSTER_DOMAIN) {
        Some("") => return Some(Reply::no_data()),
        Some(relative) => relative.strip_suffix('.')?,
        None => return None,
    };
    let about = |namespace, service| {
        let (service, slices) = zone.service(namespace, service)?;
        Some(Question { name, kind, service, slices })
    };
    let labels: Vec<&str> = relative.split('.').collect();
    Some(match labels.as_slice() {
        ["dns-version"] if kind == RecordType::TXT => {
            Reply::of([record(name, RData::TXT(TXT::new(vec!["1.1.0".to_owned()])))])
        }
        ["dns-version" | "svc" | "pod"] => Reply::no_data(),
        [namespace, "svc" | "pod"] if zone.has_namespace(namespace) => Reply::no_data(),
        [service, namespace, "svc"] => about(namespace, service).map_or_else(Reply::name_error, |q| q.of_service()),
        [endpoint, service, namespace, "svc"] => {
            about(namespace, service).map_or_else(Reply::name_error, |q| q.of_endpoint(endpoint))
        }
        [port, protocol, service, namespace, "svc"] => {
            let asked = about(namespace, service).zip(port.strip_prefix('_')).zip(protocol.strip_prefix('_'));
            asked.map_or_else(Reply::name_error, |((q, port), protocol)| q.of_port(port, protocol))
        }
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
struct Question<'a> {
    name: &'a str,
    kind: RecordType,
    service: Arc<Service>,
    slices: Vec<Arc<EndpointSlice>>,
}

/// Name, protocol and number of a port.
type Port<'a> = (Option<&'a str>, Option<&'a str>, Option<i32>);

impl Question<'_> {
    fn spec(&self) -> ServiceSpec {
        self.service.spec.clone().unwrap_or_default()
    }

    /// The name that the service is another's.
    fn external(&self) -> Option<String> {
        let spec = self.spec();
        spec.external_name.filter(|_| spec.type_.as_deref() == Some("ExternalName"))
    }

    fn cluster_ips(&self) -> Vec<Ipv4Addr> {
        self.spec().cluster_ips.iter().flatten().filter_map(|ip| ip.parse().ok()).collect()
    }

    /// Its endpoints that have names, and the slice of each.
    fn endpoints(&self) -> impl Iterator<Item = (String, Ipv4Addr, &EndpointSlice)> {
        let all = self.spec().publish_not_ready_addresses == Some(true);
        self.slices.iter().flat_map(move |slice| published(slice, all).map(|(name, address)| (name, address, &**slice)))
    }

    fn addresses(&self, addresses: impl IntoIterator<Item = Ipv4Addr>) -> Reply {
        let addresses: BTreeSet<Ipv4Addr> = addresses.into_iter().collect();
        match self.kind {
            // A headless service without endpoints does not exist, so that clients may fail fast (section 2.4.1).
            _ if addresses.is_empty() => Reply::name_error(),
            RecordType::A => Reply::of(addresses.into_iter().map(|ip| record(self.name, RData::A(A(ip))))),
            _ => Reply::no_data(),
        }
    }

    fn of_service(&self) -> Reply {
        if let Some(target) = self.external() {
            return Reply::of([absolute(&target).and_then(|target| record(self.name, RData::CNAME(CNAME(target))))]);
        }
        match self.cluster_ips() {
            none if none.is_empty() => self.addresses(self.endpoints().map(|(_, address, _)| address)),
            ips => self.addresses(ips),
        }
    }

    fn of_endpoint(&self, endpoint: &str) -> Reply {
        // `_tcp.web.default.svc` is a name on the way to `_http._tcp.web.default.svc`.
        let protocol = |p: &ServicePort| p.protocol.as_deref().unwrap_or("TCP").to_ascii_lowercase();
        if self.spec().ports.iter().flatten().any(|p| endpoint.strip_prefix('_') == Some(&protocol(p))) {
            return Reply::no_data();
        }
        self.addresses(self.endpoints().filter(|(name, ..)| name == endpoint).map(|(_, address, _)| address))
    }

    fn of_port(&self, port: &str, protocol: &str) -> Reply {
        let number = |(name, of, number): Port<'_>| {
            let found = name == Some(port) && of.unwrap_or("TCP").eq_ignore_ascii_case(protocol);
            u16::try_from(number.filter(|_| found)?).ok()
        };
        let base = format!("{}.{}.svc.{CLUSTER_DOMAIN}", self.service.name(), self.service.namespace());
        let (mut answers, mut additionals) = (Vec::new(), Vec::new());
        let mut add = |number: u16, target: &str, addresses: &[Ipv4Addr]| {
            answers.extend(srv(self.name, number, target));
            additionals.extend(addresses.iter().filter_map(|ip| record(target, RData::A(A(*ip)))));
        };
        let ips = self.cluster_ips();
        if !ips.is_empty() {
            let spec = self.spec();
            let mut ports =
                spec.ports.iter().flatten().map(|p| (p.name.as_deref(), p.protocol.as_deref(), Some(p.port)));
            if let Some(number) = ports.find_map(number) {
                add(number, &base, &ips);
            }
        } else if self.external().is_none() {
            for (name, address, slice) in self.endpoints() {
                let mut ports =
                    slice.ports.iter().flatten().map(|p| (p.name.as_deref(), p.protocol.as_deref(), p.port));
                if let Some(number) = ports.find_map(number) {
                    add(number, &format!("{name}.{base}"), &[address]);
                }
            }
        }
        match (answers.is_empty(), self.kind) {
            (true, _) => Reply::name_error(),
            (false, RecordType::SRV) => Reply { answers, additionals, ..Reply::no_data() },
            (false, _) => Reply::no_data(),
        }
    }
}

fn srv(name: &str, port: u16, target: &str) -> Option<Record> {
    record(name, RData::SRV(SRV::new(0, 100, port, absolute(target)?)))
}

fn reverse(name: &str, reversed: &str, kind: RecordType, zone: &Zone) -> Option<Reply> {
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
    use cluster_fake_server::FakeServer;
    use serde_json::json;

    fn ip(text: &str) -> Ipv4Addr {
        text.parse().expect("address")
    }

    /// A service with an address, two without, of which one has endpoints, and one that is another name.
    async fn zone() -> Zone {
        let client = FakeServer::new().client();
        let ports = json!([{"name": "http", "port": 80}]);
        for (name, spec) in [
            ("web", json!({"clusterIPs": ["10.96.0.7"], "ports": ports})),
            ("db", json!({"clusterIPs": ["None"], "ports": ports})),
            ("empty", json!({"clusterIPs": ["None"], "ports": ports})),
            ("out", json!({"type": "ExternalName", "externalName": "example.org"})),
        ] {
            let service = json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec});
            client.create::<Service>(&serde_json::from_value(service).expect("a service")).await.expect("created");
        }
        let slice = json!({
            "metadata": {"name": "db-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "db"}},
            "addressType": "IPv4", "ports": [{"name": "http", "port": 5432, "protocol": "TCP"}],
            "endpoints": [
                {"addresses": ["10.244.1.2"], "hostname": "db-0"},
                {"addresses": ["10.244.2.2"], "hostname": "db-1"},
                {"addresses": ["10.244.2.3"], "conditions": {"ready": false}},
            ],
        });
        client.create::<EndpointSlice>(&serde_json::from_value(slice).expect("a slice")).await.expect("created");
        let zone = Zone::new(&Informers::new(client));
        zone.synced().await;
        zone
    }

    #[tokio::test]
    async fn the_cluster_zone_answers_as_the_dns_specification_says() {
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
        let zone = zone().await;
        for (name, kind, expected) in cases {
            assert_eq!(answer(name, kind, &zone), expected, "{name} {kind:?}");
        }
    }
}

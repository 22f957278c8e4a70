//! The answer to one question, from the cluster's names alone.

use super::zone::{Backing, EndpointName, Port, ServiceEntry, Zone};
use cluster_config::CLUSTER_DOMAIN;
use std::net::Ipv4Addr;

/// The types that the cluster's zone has records of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordType {
    /// IPv4 address.
    A,
    /// Service location.
    Srv,
    /// Name of an address.
    Ptr,
    /// Text.
    Txt,
    /// Any other type: a name that exists answers with no data.
    Other,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// An address.
    A(Ipv4Addr),
    /// A port at a name.
    Srv {
        /// The port.
        port: u16,
        /// The name, absolute.
        target: String,
    },
    /// The name is another's.
    Cname(String),
    /// The name of an address.
    Ptr(String),
    /// Text.
    Txt(String),
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordData {
    /// The owner, absolute, without the last dot.
    pub name: String,
    /// What it says.
    pub data: Data,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These records, and these beside them (addresses of SRV targets).
    Records(Vec<RecordData>, Vec<RecordData>),
    /// The name exists, but has nothing of this type.
    NoData,
    /// The name does not exist.
    NameError,
    /// The name is not the cluster's: ask upstream.
    Forward,
}

/// Answers for `name` (lower case, without the last dot).
pub fn answer(name: &str, kind: RecordType, zone: &dyn Zone) -> Answer {
    if let Some(reversed) = name.strip_suffix(".in-addr.arpa") {
        return reverse(name, reversed, kind, zone);
    }
    let relative = match name.strip_suffix(CLUSTER_DOMAIN) {
        Some("") => return Answer::NoData,
        Some(relative) if relative.ends_with('.') => &relative[..relative.len() - 1],
        _ => return Answer::Forward,
    };
    let about = |namespace, service| Question { name, kind, namespace, service, zone };
    let labels: Vec<&str> = relative.split('.').collect();
    match labels.as_slice() {
        ["dns-version"] => match kind {
            RecordType::Txt => Answer::Records(vec![record(name, Data::Txt("1.1.0".to_owned()))], Vec::new()),
            _ => Answer::NoData,
        },
        ["svc" | "pod"] => Answer::NoData,
        [namespace, "svc" | "pod"] => exists(zone.has_namespace(namespace)),
        [service, namespace, "svc"] => about(namespace, service).of_service(),
        [endpoint, service, namespace, "svc"] => about(namespace, service).of_endpoint(endpoint),
        [port, protocol, service, namespace, "svc"] => about(namespace, service).of_port(port, protocol),
        [dashed, _, "pod"] => match (dashed.replace('-', ".").parse(), kind) {
            (Ok(address), RecordType::A) => Answer::Records(vec![record(name, Data::A(address))], Vec::new()),
            (Ok(_), _) => Answer::NoData,
            (Err(_), _) => Answer::NameError,
        },
        _ => Answer::NameError,
    }
}

fn exists(exists: bool) -> Answer {
    if exists { Answer::NoData } else { Answer::NameError }
}

fn record(name: &str, data: Data) -> RecordData {
    RecordData { name: name.to_owned(), data }
}

fn records(records: Vec<RecordData>) -> Answer {
    if records.is_empty() { Answer::NoData } else { Answer::Records(records, Vec::new()) }
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
    fn of_service(self) -> Answer {
        let Self { name, kind, .. } = self;
        let Some(entry) = self.zone.service(self.namespace, self.service) else { return Answer::NameError };
        match (entry.backing, kind) {
            (Backing::External(target), _) => Answer::Records(vec![record(name, Data::Cname(target))], Vec::new()),
            (Backing::ClusterIp(ips), RecordType::A) => {
                records(ips.into_iter().map(|ip| record(name, Data::A(ip))).collect())
            }
            (Backing::ClusterIp(_), _) => Answer::NoData,
            (Backing::Headless, _) => {
                let endpoints = self.zone.endpoints(self.namespace, self.service);
                match kind {
                    // A headless service without endpoints does not exist, so that clients may fail fast (section 2.4.1).
                    _ if endpoints.is_empty() => Answer::NameError,
                    RecordType::A => records(addresses(name, &endpoints)),
                    _ => Answer::NoData,
                }
            }
        }
    }

    fn of_endpoint(self, endpoint: &str) -> Answer {
        let Some(entry) = self.zone.service(self.namespace, self.service) else { return Answer::NameError };
        // `_tcp.web.default.svc` is a name on the way to `_http._tcp.web.default.svc`.
        if entry.ports.iter().any(|port| endpoint.strip_prefix('_') == Some(&port.protocol)) {
            return Answer::NoData;
        }
        let mut found = self.zone.endpoints(self.namespace, self.service);
        found.retain(|e| e.name == endpoint);
        match (found.is_empty(), self.kind) {
            (true, _) => Answer::NameError,
            (false, RecordType::A) => records(addresses(self.name, &found)),
            (false, _) => Answer::NoData,
        }
    }

    fn of_port(self, port: &str, protocol: &str) -> Answer {
        let (Some(port), Some(protocol)) = (port.strip_prefix('_'), protocol.strip_prefix('_')) else {
            return Answer::NameError;
        };
        let Some(entry) = self.zone.service(self.namespace, self.service) else { return Answer::NameError };
        let wanted = |p: &&Port| p.name == port && p.protocol == protocol;
        let base = format!("{}.{}.svc.{CLUSTER_DOMAIN}", self.service, self.namespace);
        let (answers, additional) = match entry {
            ServiceEntry { backing: Backing::Headless, .. } => self.ports_of_endpoints(&base, wanted),
            ServiceEntry { backing: Backing::ClusterIp(ips), ports } => {
                let found = ports.iter().find(wanted);
                let answers: Vec<RecordData> = found.into_iter().map(|p| srv(self.name, p.number, &base)).collect();
                (answers, ips.into_iter().map(|ip| record(&base, Data::A(ip))).collect())
            }
            ServiceEntry { backing: Backing::External(_), .. } => return Answer::NameError,
        };
        match (answers.is_empty(), self.kind) {
            (true, _) => Answer::NameError,
            (false, RecordType::Srv) => Answer::Records(answers, additional),
            (false, _) => Answer::NoData,
        }
    }

    fn ports_of_endpoints(self, base: &str, wanted: impl Fn(&&Port) -> bool) -> (Vec<RecordData>, Vec<RecordData>) {
        let mut answers = Vec::new();
        let mut additional = Vec::new();
        for endpoint in self.zone.endpoints(self.namespace, self.service) {
            let target = format!("{}.{base}", endpoint.name);
            if let Some(port) = endpoint.ports.iter().find(&wanted) {
                answers.push(srv(self.name, port.number, &target));
                additional.push(record(&target, Data::A(endpoint.address)));
            }
        }
        (answers, additional)
    }
}

fn addresses(name: &str, endpoints: &[EndpointName]) -> Vec<RecordData> {
    let mut ips: Vec<Ipv4Addr> = endpoints.iter().map(|e| e.address).collect();
    ips.sort_unstable();
    ips.dedup();
    ips.into_iter().map(|ip| record(name, Data::A(ip))).collect()
}

fn srv(name: &str, port: u16, target: &str) -> RecordData {
    record(name, Data::Srv { port, target: target.to_owned() })
}

fn reverse(name: &str, reversed: &str, kind: RecordType, zone: &dyn Zone) -> Answer {
    let mut octets: Vec<&str> = reversed.split('.').collect();
    octets.reverse();
    let Ok(address) = octets.join(".").parse() else { return Answer::Forward };
    let names = zone.names_of(address);
    match (names.is_empty(), kind) {
        (true, _) => Answer::Forward,
        (false, RecordType::Ptr) => {
            records(names.into_iter().map(|n| record(name, Data::Ptr(format!("{n}.{CLUSTER_DOMAIN}")))).collect())
        }
        (false, _) => Answer::NoData,
    }
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
        use RecordType::{A, Other, Ptr, Srv, Txt};
        let a = |name: &str, text: &str| record(name, Data::A(ip(text)));
        let (web, db) = ("web.default.svc.cluster.local", "db.default.svc.cluster.local");
        let srv_db = "_http._tcp.db.default.svc.cluster.local";
        let srv_web = "_http._tcp.web.default.svc.cluster.local";
        let db0 = "db-0.db.default.svc.cluster.local";
        let db1 = "db-1.db.default.svc.cluster.local";
        let arpa = "7.0.96.10.in-addr.arpa";
        let plain = |records: Vec<RecordData>| Answer::Records(records, Vec::new());
        let cases = [
            (web, A, plain(vec![a(web, "10.96.0.7")])),
            (web, Other, Answer::NoData),
            (db, A, plain(vec![a(db, "10.244.1.2"), a(db, "10.244.2.2")])),
            (db1, A, plain(vec![a(db1, "10.244.2.2")])),
            ("db-7.db.default.svc.cluster.local", A, Answer::NameError),
            ("empty.default.svc.cluster.local", A, Answer::NameError),
            ("none.default.svc.cluster.local", A, Answer::NameError),
            (
                "out.default.svc.cluster.local",
                A,
                plain(vec![record("out.default.svc.cluster.local", Data::Cname("example.org".to_owned()))]),
            ),
            (srv_web, Srv, Answer::Records(vec![srv(srv_web, 80, web)], vec![a(web, "10.96.0.7")])),
            (
                srv_db,
                Srv,
                Answer::Records(
                    vec![srv(srv_db, 5432, db0), srv(srv_db, 5432, db1)],
                    vec![a(db0, "10.244.1.2"), a(db1, "10.244.2.2")],
                ),
            ),
            ("_tcp.web.default.svc.cluster.local", A, Answer::NoData),
            (
                "10-244-1-2.default.pod.cluster.local",
                A,
                plain(vec![a("10-244-1-2.default.pod.cluster.local", "10.244.1.2")]),
            ),
            ("default.svc.cluster.local", A, Answer::NoData),
            ("nowhere.svc.cluster.local", A, Answer::NameError),
            (
                "dns-version.cluster.local",
                Txt,
                plain(vec![record("dns-version.cluster.local", Data::Txt("1.1.0".to_owned()))]),
            ),
            (arpa, Ptr, plain(vec![record(arpa, Data::Ptr("web.default.svc.cluster.local".to_owned()))])),
            ("9.9.9.9.in-addr.arpa", Ptr, Answer::Forward),
            ("example.org", A, Answer::Forward),
            ("notcluster.local", A, Answer::Forward),
        ];
        for (name, kind, expected) in cases {
            assert_eq!(answer(name, kind, &Fixture), expected, "{name} {kind:?}");
        }
    }
}

//! Gives every service of type LoadBalancer an address from a pool; the proxies of the nodes answer it.

use crate::prelude::*;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

/// The addresses services of type LoadBalancer get.
pub type Pool = RangeInclusive<Ipv4Addr>;

pub(crate) async fn run(context: Context) {
    let Some(pool) = context.options.load_balancers.clone() else { return };
    let (client, recorder) = (context.client.clone(), context.recorder("service-controller"));
    let (services, nodes) = context.caches();
    let controller = Arc::new(LoadBalancers { client, recorder, pool, services, nodes, given: Mutex::default() });
    // Two services must not choose the same address at once.
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .alone()
        .on(&controller.services, LoadBalancers::concerned)
        .needs(&controller.nodes)
        .run(context.cancel)
        .await;
}

struct LoadBalancers {
    client: Client,
    recorder: Recorder,
    pool: Pool,
    services: Informer<Service>,
    nodes: Informer<Node>,
    /// What this process gave out: the cache may not show it yet.
    given: Mutex<HashMap<ObjectKey, Ipv4Addr>>,
}

/// What a service's load balancer needs.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    Assign(Ipv4Addr),
    Withdraw,
    Fail(String),
}

fn wants_address(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    spec.is_some_and(|spec| spec.type_.as_deref() == Some("LoadBalancer") && spec.load_balancer_class.is_none())
        && !service.is_deleting()
}

fn address(service: &Service) -> Option<Ipv4Addr> {
    let ingress = service.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref()?;
    ingress.first()?.ip.as_deref()?.parse().ok()
}

/// A service keeps its address as long as it is one of the pool; the one it asks for comes before the first free one.
fn plan(service: &Service, pool: &Pool, is_taken: impl Fn(Ipv4Addr) -> bool) -> Step {
    let present = address(service);
    if !wants_address(service) {
        let foreign = service.spec.as_ref().is_some_and(|spec| spec.load_balancer_class.is_some());
        return if present.is_some() && !foreign && !service.is_deleting() { Step::Withdraw } else { Step::Nothing };
    }
    let wish = service.spec.as_ref().and_then(|spec| spec.load_balancer_ip.as_deref()).filter(|ip| !ip.is_empty());
    let usable = |ip: Ipv4Addr| pool.contains(&ip) && !is_taken(ip);
    if let Some(wish) = wish {
        return match wish.parse().ok().filter(|ip| usable(*ip)) {
            Some(ip) if present == Some(ip) => Step::Nothing,
            Some(ip) => Step::Assign(ip),
            None => Step::Fail(format!("the address {wish} is taken or not one of {}-{}", pool.start(), pool.end())),
        };
    }
    if present.is_some_and(usable) {
        return Step::Nothing;
    }
    let mut all = (u32::from(*pool.start())..=u32::from(*pool.end())).map(Ipv4Addr::from);
    match all.find(|ip| !is_taken(*ip)) {
        Some(ip) => Step::Assign(ip),
        None => Step::Fail(format!("no address is left of {}-{}", pool.start(), pool.end())),
    }
}

impl LoadBalancers {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(service) = self.services.get(key).filter(|service| !service.is_deleting()) else {
            self.given.lock().remove(key);
            return Ok(None);
        };
        let taken = self.taken(key);
        let about = reference(service.as_ref());
        match plan(&service, &self.pool, |ip| taken.contains(&ip)) {
            Step::Nothing => return Ok(None),
            Step::Assign(ip) => {
                self.recorder.normal(&about, "EnsuringLoadBalancer", "Ensuring load balancer");
                self.given.lock().insert(key.clone(), ip);
                self.write(&service, Some(ip)).await?;
                self.recorder.normal(&about, "EnsuredLoadBalancer", "Ensured load balancer");
            }
            Step::Withdraw => {
                self.recorder.normal(&about, "DeletingLoadBalancer", "Deleting load balancer");
                self.write(&service, None).await?;
                self.given.lock().remove(key);
                self.recorder.normal(&about, "DeletedLoadBalancer", "Deleted load balancer");
            }
            Step::Fail(why) => {
                let text = format!("Error syncing load balancer: failed to ensure load balancer: {why}");
                self.recorder.warning(&about, "SyncLoadBalancerFailed", text);
                return Err(Error::Object(why));
            }
        }
        Ok(None)
    }

    /// A service, and those that found no address when it may have left one.
    fn concerned(&self, change: &Change<Service>) -> Vec<ObjectKey> {
        let mut keys = vec![change.object().key()];
        let is_same = |old: &Service, new: &Service| address(old) == address(new);
        if !matches!(change, Change::Added(_)) && change.unless(is_same).is_some() {
            let all = self.services.list();
            let waiting = all.iter().filter(|service| wants_address(service) && address(service).is_none());
            keys.extend(waiting.map(|service| service.key()));
        }
        keys
    }

    /// The addresses of all others: services, and nodes, which share the network.
    fn taken(&self, key: &ObjectKey) -> HashSet<Ipv4Addr> {
        let services = self.services.list();
        let others = services.iter().filter(|service| service.key() != *key);
        let mut taken: HashSet<Ipv4Addr> = others.filter_map(|service| address(service)).collect();
        taken.extend(self.given.lock().iter().filter(|(of, _)| *of != key).map(|(_, ip)| *ip));
        let nodes = self.nodes.list();
        let addresses = nodes.iter().filter_map(|node| node.status.as_ref()?.addresses.as_ref()).flatten();
        taken.extend(addresses.filter_map(|address| address.address.parse::<Ipv4Addr>().ok()));
        taken
    }

    async fn write(&self, service: &Service, ip: Option<Ipv4Addr>) -> Result<(), Error> {
        let ingress = |ip: Ipv4Addr| LoadBalancerIngress {
            ip: Some(ip.to_string()),
            ip_mode: Some("VIP".to_owned()),
            ..LoadBalancerIngress::default()
        };
        let mut updated = service.clone();
        let balancer = LoadBalancerStatus { ingress: ip.map(|ip| vec![ingress(ip)]) };
        updated.status.get_or_insert_default().load_balancer = Some(balancer);
        tracing::debug!(service = service.name(), ?ip, "writing a load balancer's address");
        ignore_gone(self.client.update_status(&updated).await).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_fake_server::FakeServer;

    #[tokio::test(start_paused = true)]
    async fn a_service_gets_the_address_that_another_leaves() {
        let server = FakeServer::new();
        let client = server.client();
        let informers = Informers::new(client.clone());
        let only = Ipv4Addr::new(172, 30, 0, 200);
        let options = crate::Options { load_balancers: Some(only..=only), ..crate::Options::default() };
        let services = informers.informer::<Service>();
        tokio::spawn(run(Context { informers, options, ..Context::of(&client) }));
        for name in ["first", "second"] {
            let service = json!({"metadata": {"name": name, "namespace": "ns"}, "spec": {"type": "LoadBalancer"}});
            client.create(&serde_json::from_value::<Service>(service).expect("a service")).await.expect("created");
            // So long that the next attempt of one that failed is far away.
            tokio::time::sleep(Duration::from_mins(12)).await;
        }
        let of = |name: &str| address(&services.get(&ObjectKey::new("ns", name)).expect("it is there"));
        assert_eq!((of("first"), of("second")), (Some(only), None));
        client.delete::<Service>("ns", "first", &DeleteOptions::default()).await.expect("deleted");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(of("second"), Some(only));
    }

    #[test]
    fn a_service_gets_one_address_and_keeps_it() {
        let ip = |last: u8| Ipv4Addr::new(172, 30, 0, last);
        let pool = ip(200)..=ip(202);
        let assign = |last: u8| Step::Assign(ip(last));
        let balancer = json!({"type": "LoadBalancer"});
        let with = |more: Value| {
            let mut spec = balancer.clone();
            spec.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
            spec
        };
        let fails = |why: &str| Step::Fail(why.to_owned());
        let cases = [
            (balancer.clone(), None, vec![], assign(200)),
            (balancer.clone(), None, vec![ip(200)], assign(201)),
            (balancer.clone(), Some("172.30.0.202"), vec![ip(200)], Step::Nothing),
            (balancer.clone(), Some("172.30.0.202"), vec![ip(202)], assign(200)),
            (balancer.clone(), Some("10.0.0.1"), vec![], assign(200)),
            (
                balancer.clone(),
                None,
                vec![ip(200), ip(201), ip(202)],
                fails("no address is left of 172.30.0.200-172.30.0.202"),
            ),
            (with(json!({"loadBalancerIP": "172.30.0.201"})), Some("172.30.0.200"), vec![], assign(201)),
            (
                with(json!({"loadBalancerIP": "9.9.9.9"})),
                None,
                vec![],
                fails("the address 9.9.9.9 is taken or not one of 172.30.0.200-172.30.0.202"),
            ),
            (with(json!({"loadBalancerClass": "example.com/own"})), Some("1.2.3.4"), vec![], Step::Nothing),
            (json!({"type": "ClusterIP"}), Some("172.30.0.200"), vec![], Step::Withdraw),
            (json!({"type": "ClusterIP"}), None, vec![], Step::Nothing),
        ];
        for (spec, present, taken, expected) in cases {
            let ingress: Vec<Value> = present.iter().map(|ip| json!({"ip": ip})).collect();
            let service = json!({"metadata": {}, "spec": spec, "status": {"loadBalancer": {"ingress": ingress}}});
            let service: Service = serde_json::from_value(service).expect("a service");
            assert_eq!(plan(&service, &pool, |ip| taken.contains(&ip)), expected, "{spec} {present:?}");
        }
    }
}

//! The table of built-in resources: their names in `table.json`, group by group, and the rules of each kind here.

use super::cells::{ColumnRow, OwnCell};
use super::{
    BASE, apps, autoscaling, batch, certificates, cluster, config, devices, endpoints, extensions, flowcontrol,
    networking, pod, quotas, rbac, rules, service, storage, volumes,
};
use crate::registry::{Resource, Scope, Strategy, Subresource, Verbs};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::sync::LazyLock;

/// The rules and the cells of the kinds that have their own, by kind; by group, version and kind where a version
/// differs from the stored one.
const STRATEGIES: &[(&str, &Strategy, &[OwnCell])] = &[
    ("ComponentStatus", &BASE, extensions::COMPONENT_CELLS),
    ("ConfigMap", &config::CONFIG_MAP, config::CONFIG_MAP_CELLS),
    ("Endpoints", &endpoints::ENDPOINTS, endpoints::ENDPOINTS_CELLS),
    ("Event", &cluster::EVENT, cluster::EVENT_CELLS),
    ("LimitRange", &quotas::LIMIT_RANGE, &[]),
    ("Namespace", &cluster::NAMESPACE, &[]),
    ("Node", &cluster::NODE, cluster::NODE_CELLS),
    ("PersistentVolumeClaim", &volumes::CLAIM, volumes::CLAIM_CELLS),
    ("PersistentVolume", &volumes::VOLUME, volumes::VOLUME_CELLS),
    ("Pod", &pod::STRATEGY, pod::columns::CELLS),
    ("PodTemplate", &pod::TEMPLATE_STRATEGY, &[]),
    ("ReplicationController", &apps::REPLICATION_CONTROLLER, &[]),
    ("ResourceQuota", &quotas::RESOURCE_QUOTA, quotas::RESOURCE_QUOTA_CELLS),
    ("Secret", &config::SECRET, &[]),
    ("Service", &service::SERVICE, service::SERVICE_CELLS),
    ("APIService", &extensions::API_SERVICE, extensions::API_SERVICE_CELLS),
    ("ControllerRevision", &BASE, apps::CONTROLLER_REVISION_CELLS),
    ("DaemonSet", &apps::DAEMON_SET, &[]),
    ("Deployment", &apps::DEPLOYMENT, apps::REPLICAS_CELLS),
    ("ReplicaSet", &apps::REPLICA_SET, &[]),
    ("StatefulSet", &apps::STATEFUL_SET, apps::REPLICAS_CELLS),
    ("events.k8s.io/v1/Event", &cluster::EVENTS_EVENT, cluster::EVENT_CELLS),
    ("HorizontalPodAutoscaler", &autoscaling::AUTOSCALER, autoscaling::AUTOSCALER_CELLS),
    ("autoscaling/v1/HorizontalPodAutoscaler", &autoscaling::AUTOSCALER_V1, autoscaling::AUTOSCALER_CELLS),
    ("CronJob", &batch::CRON_JOB, batch::CRON_JOB_CELLS),
    ("Job", &batch::JOB, batch::JOB_CELLS),
    ("CertificateSigningRequest", &certificates::CERTIFICATE_REQUEST, certificates::CERTIFICATE_REQUEST_CELLS),
    ("ClusterTrustBundle", &certificates::TRUST_BUNDLE, &[]),
    ("PodCertificateRequest", &certificates::POD_CERTIFICATE_REQUEST, &[]),
    ("IngressClass", &BASE, networking::INGRESS_CLASS_CELLS),
    ("Ingress", &networking::INGRESS, networking::INGRESS_CELLS),
    ("IPAddress", &networking::IP_ADDRESS, networking::IP_ADDRESS_CELLS),
    ("NetworkPolicy", &networking::NETWORK_POLICY, &[]),
    ("ServiceCIDR", &networking::SERVICE_CIDR, networking::SERVICE_CIDR_CELLS),
    ("PodDisruptionBudget", &networking::DISRUPTION_BUDGET, networking::DISRUPTION_BUDGET_CELLS),
    ("ClusterRoleBinding", &rbac::BINDING, rbac::BINDING_CELLS),
    ("ClusterRole", &rbac::ROLE, &[]),
    ("RoleBinding", &rbac::BINDING, rbac::BINDING_CELLS),
    ("Role", &rbac::ROLE, &[]),
    ("CSIDriver", &storage::CSI_DRIVER, storage::CSI_DRIVER_CELLS),
    ("CSINode", &storage::CSI_NODE, &[]),
    ("CSIStorageCapacity", &BASE, storage::CAPACITY_CELLS),
    ("StorageClass", &BASE, storage::STORAGE_CLASS_CELLS),
    ("VolumeAttachment", &storage::ATTACHMENT, &[]),
    ("MutatingAdmissionPolicy", &extensions::ADMISSION_POLICY, extensions::MUTATING_POLICY_CELLS),
    ("MutatingAdmissionPolicyBinding", &extensions::ADMISSION_POLICY_BINDING, extensions::POLICY_BINDING_CELLS),
    ("MutatingWebhookConfiguration", &extensions::WEBHOOKS, &[]),
    ("ValidatingAdmissionPolicy", &extensions::ADMISSION_POLICY, extensions::VALIDATING_POLICY_CELLS),
    ("ValidatingAdmissionPolicyBinding", &extensions::ADMISSION_POLICY_BINDING, extensions::POLICY_BINDING_CELLS),
    ("ValidatingWebhookConfiguration", &extensions::WEBHOOKS, &[]),
    ("CustomResourceDefinition", &extensions::DEFINITION, &[]),
    ("PriorityClass", &cluster::PRIORITY_CLASS, &[]),
    ("Lease", &cluster::LEASE, &[]),
    ("RuntimeClass", &cluster::RUNTIME_CLASS, &[]),
    ("EndpointSlice", &endpoints::ENDPOINT_SLICE, endpoints::ENDPOINT_SLICE_CELLS),
    ("DeviceTaintRule", &devices::TAINT_RULE, &[]),
    ("ResourceClaim", &devices::CLAIM, devices::CLAIM_CELLS),
    ("ResourceClaimTemplate", &devices::CLAIM_TEMPLATE, &[]),
    ("ResourceSlice", &devices::SLICE, &[]),
    ("FlowSchema", &flowcontrol::FLOW_SCHEMA, flowcontrol::FLOW_SCHEMA_CELLS),
    ("PriorityLevelConfiguration", &flowcontrol::PRIORITY_LEVEL, &[]),
    ("StorageVersionMigration", &storage::MIGRATION, &[]),
];

/// A resource in short form.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row {
    plural: String,
    kind: String,
    #[serde(default)]
    short_names: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
    /// Cluster-wide.
    #[serde(default)]
    cluster: bool,
    /// Whether a change of spec raises metadata.generation; it does by default.
    generation: Option<bool>,
    #[serde(default)]
    verbs: Verbs,
    #[serde(default)]
    subresources: Vec<Sub>,
    #[serde(default = "ColumnRow::plain")]
    columns: Vec<ColumnRow>,
    /// The other resource whose objects it is stored with.
    storage: Option<String>,
    /// The name of its rules; the kind by default.
    rules: Option<String>,
    /// In every answer.
    #[serde(default)]
    warning: String,
}

/// A subresource in short form: name, kind (empty for the resource's own), `group/version` of the kind when it is not
/// the resource's own, verbs.
type Sub = (String, String, String, String);

const TABLE: &str = include_str!("table.json");

/// The groups by falling priority.
pub(crate) static GROUPS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let groups: Vec<(&str, IgnoredAny, IgnoredAny)> =
        serde_json::from_str(TABLE).expect("a table of resources, which tests read");
    groups.into_iter().map(|(group, ..)| group).collect()
});

/// Every resource, in the order of the table.
pub(super) fn resources() -> Vec<Resource> {
    let groups: Vec<(String, String, Vec<Row>)> =
        serde_json::from_str(TABLE).expect("a table of resources, which tests read");
    let of = |(group, version, rows): (String, String, Vec<Row>)| {
        rows.into_iter().map(move |row| row.resource(&group, &version)).collect::<Vec<_>>()
    };
    groups.into_iter().flat_map(of).collect()
}

impl Row {
    /// The registry entry of this row.
    fn resource(self, group: &str, version: &str) -> Resource {
        let own = format!("{group}/{version}/{}", self.kind);
        let named = |wanted: &str| STRATEGIES.iter().find(|(name, ..)| *name == wanted);
        let (_, strategy, cells) = named(&own).or(named(&self.kind)).unwrap_or(&("", &BASE, &[]));
        let fields = rules::named(self.rules.as_ref().unwrap_or(&self.kind));
        let status = rules::named(&format!("{}Status", self.kind));
        let storage = match group {
            "" => self.plural.clone(),
            _ => format!("{group}/{}", self.plural),
        };
        Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            singular: self.kind.to_ascii_lowercase(),
            subresources: self.subresources.into_iter().map(|sub| subresource(&self.kind, sub)).collect(),
            kind: self.kind,
            plural: self.plural,
            short_names: self.short_names,
            categories: self.categories,
            scope: if self.cluster { Scope::Cluster } else { Scope::Namespaced },
            verbs: self.verbs,
            storage: self.storage.unwrap_or(storage),
            columns: self.columns.into_iter().map(|column| column.column(cells)).collect(),
            warning: self.warning,
            strategy: Strategy {
                fields,
                status,
                has_generation: self.generation.unwrap_or(true),
                ..(*strategy).clone()
            },
            legacy: None,
            custom: None,
        }
    }
}

fn subresource(of: &str, (name, kind, group_version, verbs): Sub) -> Subresource {
    let group_version = group_version.split_once('/');
    Subresource {
        name,
        kind: if kind.is_empty() { of.to_owned() } else { kind },
        group: group_version.map(|(group, _)| group.to_owned()),
        version: group_version.map(|(_, version)| version.to_owned()),
        verbs: verbs.split_whitespace().map(str::to_owned).collect(),
    }
}

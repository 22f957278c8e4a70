//! The table of built-in resources: their names in `table.json`, group by group, and the rules of each kind here.

use super::cells::PLAIN;
use super::{
    BASE, apps, autoscaling, batch, certificates, cluster, config, devices, endpoints, extensions, flowcontrol,
    networking, pod, quotas, rbac, rules, service, storage, volumes,
};
use crate::registry::{Column, Resource, Scope, Strategy, Subresource, Verbs};
use serde::Deserialize;

/// The rules and the columns of the kinds that have their own, by kind; by group, version and kind where a version
/// differs from the stored one.
const STRATEGIES: &[(&str, &Strategy, &[Column])] = &[
    ("ComponentStatus", &BASE, extensions::COMPONENT_COLUMNS),
    ("ConfigMap", &config::CONFIG_MAP, config::CONFIG_MAP_COLUMNS),
    ("Endpoints", &endpoints::ENDPOINTS, endpoints::ENDPOINTS_COLUMNS),
    ("Event", &cluster::EVENT, cluster::EVENT_COLUMNS),
    ("LimitRange", &quotas::LIMIT_RANGE, quotas::LIMIT_RANGE_COLUMNS),
    ("Namespace", &cluster::NAMESPACE, cluster::NAMESPACE_COLUMNS),
    ("Node", &cluster::NODE, cluster::NODE_COLUMNS),
    ("PersistentVolumeClaim", &volumes::CLAIM, volumes::CLAIM_COLUMNS),
    ("PersistentVolume", &volumes::VOLUME, volumes::VOLUME_COLUMNS),
    ("Pod", &pod::STRATEGY, pod::columns::COLUMNS),
    ("PodTemplate", &pod::TEMPLATE_STRATEGY, pod::columns::TEMPLATE_COLUMNS),
    ("ReplicationController", &apps::REPLICATION_CONTROLLER, apps::REPLICATION_CONTROLLER_COLUMNS),
    ("ResourceQuota", &quotas::RESOURCE_QUOTA, quotas::RESOURCE_QUOTA_COLUMNS),
    ("Secret", &config::SECRET, config::SECRET_COLUMNS),
    ("ServiceAccount", &config::SERVICE_ACCOUNT, config::SERVICE_ACCOUNT_COLUMNS),
    ("Service", &service::SERVICE, service::SERVICE_COLUMNS),
    ("APIService", &extensions::API_SERVICE, extensions::API_SERVICE_COLUMNS),
    ("ControllerRevision", &apps::CONTROLLER_REVISION, apps::CONTROLLER_REVISION_COLUMNS),
    ("DaemonSet", &apps::DAEMON_SET, apps::DAEMON_SET_COLUMNS),
    ("Deployment", &apps::DEPLOYMENT, apps::DEPLOYMENT_COLUMNS),
    ("ReplicaSet", &apps::REPLICA_SET, apps::REPLICA_SET_COLUMNS),
    ("StatefulSet", &apps::STATEFUL_SET, apps::STATEFUL_SET_COLUMNS),
    ("events.k8s.io/v1/Event", &cluster::EVENTS_EVENT, cluster::EVENT_COLUMNS),
    ("HorizontalPodAutoscaler", &autoscaling::AUTOSCALER, autoscaling::AUTOSCALER_COLUMNS),
    ("autoscaling/v1/HorizontalPodAutoscaler", &autoscaling::AUTOSCALER_V1, autoscaling::AUTOSCALER_COLUMNS),
    ("CronJob", &batch::CRON_JOB, batch::CRON_JOB_COLUMNS),
    ("Job", &batch::JOB, batch::JOB_COLUMNS),
    ("CertificateSigningRequest", &certificates::CERTIFICATE_REQUEST, certificates::CERTIFICATE_REQUEST_COLUMNS),
    ("ClusterTrustBundle", &certificates::TRUST_BUNDLE, PLAIN),
    ("PodCertificateRequest", &certificates::POD_CERTIFICATE_REQUEST, PLAIN),
    ("IngressClass", &networking::INGRESS_CLASS, networking::INGRESS_CLASS_COLUMNS),
    ("Ingress", &networking::INGRESS, networking::INGRESS_COLUMNS),
    ("IPAddress", &networking::IP_ADDRESS, networking::IP_ADDRESS_COLUMNS),
    ("NetworkPolicy", &networking::NETWORK_POLICY, networking::NETWORK_POLICY_COLUMNS),
    ("ServiceCIDR", &networking::SERVICE_CIDR, networking::SERVICE_CIDR_COLUMNS),
    ("PodDisruptionBudget", &networking::DISRUPTION_BUDGET, networking::DISRUPTION_BUDGET_COLUMNS),
    ("ClusterRoleBinding", &rbac::BINDING, rbac::BINDING_COLUMNS),
    ("ClusterRole", &rbac::ROLE, rbac::ROLE_COLUMNS),
    ("RoleBinding", &rbac::BINDING, rbac::BINDING_COLUMNS),
    ("Role", &rbac::ROLE, rbac::ROLE_COLUMNS),
    ("CSIDriver", &storage::CSI_DRIVER, storage::CSI_DRIVER_COLUMNS),
    ("CSINode", &storage::CSI_NODE, storage::CSI_NODE_COLUMNS),
    ("CSIStorageCapacity", &storage::CAPACITY, storage::CAPACITY_COLUMNS),
    ("StorageClass", &storage::STORAGE_CLASS, storage::STORAGE_CLASS_COLUMNS),
    ("VolumeAttachment", &storage::ATTACHMENT, storage::ATTACHMENT_COLUMNS),
    ("VolumeAttributesClass", &storage::ATTRIBUTES_CLASS, storage::ATTRIBUTES_CLASS_COLUMNS),
    ("MutatingAdmissionPolicy", &extensions::ADMISSION_POLICY, extensions::MUTATING_POLICY_COLUMNS),
    ("MutatingAdmissionPolicyBinding", &extensions::ADMISSION_POLICY_BINDING, extensions::POLICY_BINDING_COLUMNS),
    ("MutatingWebhookConfiguration", &extensions::WEBHOOKS, extensions::WEBHOOK_COLUMNS),
    ("ValidatingAdmissionPolicy", &extensions::ADMISSION_POLICY, extensions::VALIDATING_POLICY_COLUMNS),
    ("ValidatingAdmissionPolicyBinding", &extensions::ADMISSION_POLICY_BINDING, extensions::POLICY_BINDING_COLUMNS),
    ("ValidatingWebhookConfiguration", &extensions::WEBHOOKS, extensions::WEBHOOK_COLUMNS),
    ("CustomResourceDefinition", &extensions::DEFINITION, extensions::DEFINITION_COLUMNS),
    ("PriorityClass", &cluster::PRIORITY_CLASS, cluster::PRIORITY_CLASS_COLUMNS),
    ("Lease", &cluster::LEASE, cluster::LEASE_COLUMNS),
    ("RuntimeClass", &cluster::RUNTIME_CLASS, cluster::RUNTIME_CLASS_COLUMNS),
    ("EndpointSlice", &endpoints::ENDPOINT_SLICE, endpoints::ENDPOINT_SLICE_COLUMNS),
    ("DeviceTaintRule", &devices::TAINT_RULE, PLAIN),
    ("DeviceClass", &devices::CLASS, PLAIN),
    ("ResourceClaim", &devices::CLAIM, devices::CLAIM_COLUMNS),
    ("ResourceClaimTemplate", &devices::CLAIM_TEMPLATE, PLAIN),
    ("ResourceSlice", &devices::SLICE, devices::SLICE_COLUMNS),
    ("FlowSchema", &flowcontrol::FLOW_SCHEMA, flowcontrol::FLOW_SCHEMA_COLUMNS),
    ("PriorityLevelConfiguration", &flowcontrol::PRIORITY_LEVEL, flowcontrol::PRIORITY_LEVEL_COLUMNS),
    ("StorageVersionMigration", &storage::MIGRATION, PLAIN),
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
    #[serde(default)]
    verbs: Verbs,
    #[serde(default)]
    subresources: Vec<Sub>,
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

/// Every resource, in the order discovery lists them.
pub(super) fn resources() -> Vec<Resource> {
    let groups: Vec<(String, String, Vec<Row>)> =
        serde_json::from_str(include_str!("table.json")).expect("a table of resources, which tests read");
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
        let (_, strategy, columns) = named(&own).or(named(&self.kind)).unwrap_or(&("", &BASE, PLAIN));
        let fields = rules::named(self.rules.as_ref().unwrap_or(&self.kind));
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
            columns: columns.to_vec(),
            warning: self.warning,
            strategy: Strategy { fields, ..(*strategy).clone() },
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

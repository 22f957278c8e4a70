//! The table of built-in resources: their names in `table.json`, group by group, and the rules of each kind here.

use super::cells::ColumnRow;
use super::walk::TextRule;
use super::{
    apps, autoscaling, batch, certificates, cluster, config, devices, endpoints, extensions, flowcontrol, networking,
    pod, quotas, rules, service, volumes,
};
use crate::kinds::prelude::*;
use crate::registry::{Scope, SelectableField, Subresource, Verbs};

/// The rules that are code, by kind; by group, version and kind where a version differs from the stored one.
const STRATEGIES: &[(&str, &Strategy)] = &[
    ("ConfigMap", &config::CONFIG_MAP),
    ("Endpoints", &endpoints::ENDPOINTS),
    ("Event", &cluster::EVENT),
    ("LimitRange", &quotas::LIMIT_RANGE),
    ("Namespace", &cluster::NAMESPACE),
    ("Node", &cluster::NODE),
    ("PersistentVolumeClaim", &volumes::CLAIM),
    ("PersistentVolume", &volumes::VOLUME),
    ("Pod", &pod::STRATEGY),
    ("ReplicationController", &apps::REPLICATION_CONTROLLER),
    ("ResourceQuota", &quotas::RESOURCE_QUOTA),
    ("Secret", &config::SECRET),
    ("Service", &service::SERVICE),
    ("APIService", &extensions::API_SERVICE),
    ("DaemonSet", &apps::DAEMON_SET),
    ("Deployment", &apps::DEPLOYMENT),
    ("StatefulSet", &apps::STATEFUL_SET),
    ("events.k8s.io/v1/Event", &cluster::EVENTS_EVENT),
    ("HorizontalPodAutoscaler", &autoscaling::AUTOSCALER),
    ("autoscaling/v1/HorizontalPodAutoscaler", &autoscaling::AUTOSCALER_V1),
    ("CronJob", &batch::CRON_JOB),
    ("Job", &batch::JOB),
    ("CertificateSigningRequest", &certificates::CERTIFICATE_REQUEST),
    ("ServiceCIDR", &networking::SERVICE_CIDR),
    ("MutatingAdmissionPolicy", &extensions::ADMISSION_POLICY),
    ("MutatingWebhookConfiguration", &extensions::WEBHOOKS),
    ("ValidatingAdmissionPolicy", &extensions::ADMISSION_POLICY),
    ("ValidatingWebhookConfiguration", &extensions::WEBHOOKS),
    ("CustomResourceDefinition", &extensions::DEFINITION),
    ("EndpointSlice", &endpoints::ENDPOINT_SLICE),
    ("DeviceTaintRule", &devices::TAINT_RULE),
    ("FlowSchema", &flowcontrol::FIXED),
    ("PriorityLevelConfiguration", &flowcontrol::FIXED),
];

/// The cells that are code, by kind.
const CELLS: &[(&str, &[OwnCell])] = &[
    ("Pod", pod::columns::CELLS),
    ("HorizontalPodAutoscaler", autoscaling::AUTOSCALER_CELLS),
    ("Job", batch::JOB_CELLS),
    ("CertificateSigningRequest", certificates::CERTIFICATE_REQUEST_CELLS),
];

/// What is shown of objects.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Columns {
    /// Their names, and since when they are there.
    #[default]
    Plain,
    /// The same as of the first kind of this name.
    Of(String),
    Own(Vec<ColumnRow>),
}

/// A resource in short form.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Row {
    plural: String,
    kind: String,
    short_names: Vec<String>,
    categories: Vec<String>,
    /// Cluster-wide.
    cluster: bool,
    /// Whether a change of spec raises metadata.generation; it does by default.
    generation: Option<bool>,
    verbs: Verbs,
    subresources: Vec<Sub>,
    columns: Columns,
    /// The other resource whose objects it is stored with.
    storage: Option<String>,
    /// The name of its rules; the kind by default.
    rules: Option<String>,
    /// In every answer.
    warning: String,
    selectable: Vec<SelectableField>,
    /// The status of a new object, when that is the same for all.
    status: Value,
    /// What `metadata.name` must be, by its name among the rules of texts; a DNS subdomain by default.
    name: NameRule,
    /// The metadata that a status update leaves as it was, in words.
    status_resets: String,
    /// Whether PUT creates what does not exist.
    create_on_update: bool,
    /// Whether PUT needs a resourceVersion.
    guarded: bool,
    /// Whether a delete answers with the object.
    returned: bool,
}

#[derive(Deserialize)]
struct NameRule(#[serde(deserialize_with = "rules::text_rule")] TextRule);

impl Default for NameRule {
    fn default() -> Self {
        Self(name::dns_subdomain)
    }
}

/// A subresource in short form: name, kind (empty for the resource's own), `group/version` of the kind when it is not
/// the resource's own, verbs.
type Sub = (String, String, String, String);

/// The groups by falling priority, each with a version and its resources.
static TABLE: LazyLock<Vec<(String, String, Vec<Row>)>> =
    LazyLock::new(|| serde_json::from_str(include_str!("table.json")).expect("a table of resources, which tests read"));

/// The groups by falling priority.
pub(crate) fn groups() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(group, ..)| group.as_str())
}

/// Every resource, in the order of the table.
pub(super) fn resources() -> Vec<Resource> {
    TABLE.iter().flat_map(|(group, version, rows)| rows.iter().map(move |row| row.resource(group, version))).collect()
}

impl Row {
    fn columns(&self) -> Vec<ColumnRow> {
        match &self.columns {
            Columns::Plain => ColumnRow::plain(),
            Columns::Of(kind) => {
                let first = TABLE.iter().flat_map(|(.., rows)| rows).find(|row| row.kind == *kind);
                first.expect("a kind of the table, which tests read").columns()
            }
            Columns::Own(columns) => columns.clone(),
        }
    }

    /// The registry entry of this row.
    fn resource(&'static self, group: &str, version: &str) -> Resource {
        let own = format!("{group}/{version}/{}", self.kind);
        let named = |wanted: &str| STRATEGIES.iter().find(|(name, _)| *name == wanted);
        let strategy = named(&own).or(named(&self.kind)).map_or(&Strategy::NONE, |(_, strategy)| *strategy);
        let cells = CELLS.iter().find(|(kind, _)| *kind == self.kind).map_or(&[][..], |(_, cells)| *cells);
        let fields = rules::named(self.rules.as_ref().unwrap_or(&self.kind));
        let [status, warnings] = ["Status", "Warnings"].map(|part| rules::named(&format!("{}{part}", self.kind)));
        let storage = match group {
            "" => self.plural.clone(),
            _ => format!("{group}/{}", self.plural),
        };
        Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            singular: self.kind.to_ascii_lowercase(),
            subresources: self.subresources.iter().map(|sub| subresource(&self.kind, sub)).collect(),
            kind: self.kind.clone(),
            plural: self.plural.clone(),
            short_names: self.short_names.clone(),
            categories: self.categories.clone(),
            scope: if self.cluster { Scope::Cluster } else { Scope::Namespaced },
            verbs: self.verbs,
            storage: self.storage.clone().unwrap_or(storage),
            columns: self.columns().iter().map(|column| column.column(cells)).collect(),
            warning: self.warning.clone(),
            strategy: Strategy {
                fields,
                status,
                warnings,
                has_generation: self.generation.unwrap_or(true),
                selectable_fields: &self.selectable,
                new_status: &self.status,
                validate_name: self.name.0,
                status_resets: &self.status_resets,
                create_on_update: self.create_on_update,
                unconditional_update: !self.guarded,
                returns_deleted: self.returned,
                ..strategy.clone()
            },
            legacy: None,
            custom: None,
        }
    }
}

fn subresource(of: &str, (name, kind, group_version, verbs): &Sub) -> Subresource {
    let group_version = group_version.split_once('/');
    Subresource {
        name: name.clone(),
        kind: if kind.is_empty() { of.to_owned() } else { kind.clone() },
        group: group_version.map(|(group, _)| group.to_owned()),
        version: group_version.map(|(_, version)| version.to_owned()),
        verbs: verbs.split_whitespace().map(str::to_owned).collect(),
    }
}

//! Storage classes, and what drivers publish (`storage.k8s.io`).

use super::BASE;
use super::cells::{AGE, NAME, col, int_or_string, join, len, number, or, or_none};
use super::rules::{NON_NEGATIVE, Rule};
use super::walk::{At, text, texts};
use crate::registry::{Column, Strategy};
use cluster_object::field::{Error, Errors, Path};
use cluster_object::{meta, name};
use serde_json::{Value, json};

/// Names of drivers are subdomains in which capitals do not count.
fn driver_name(text: &str) -> Result<(), String> {
    name::dns_subdomain(&text.to_lowercase())
}

pub(super) const STORAGE_CLASS: Strategy = Strategy {
    fields: &[
        (
            "provisioner",
            &[
                Rule::Required(""),
                Rule::Text(|text| name::qualified_name(&text.to_lowercase())),
                Rule::Frozen("updates to provisioner are forbidden."),
            ],
        ),
        ("parameters", &[Rule::Frozen("updates to parameters are forbidden.")]),
        (
            "reclaimPolicy",
            &[
                Rule::Default("\"Delete\""),
                Rule::OneOf(&["Delete", "Retain"]),
                Rule::Frozen("updates to reclaimPolicy are forbidden."),
            ],
        ),
        (
            "volumeBindingMode",
            &[Rule::Default("\"Immediate\""), Rule::OneOf(&["Immediate", "WaitForFirstConsumer"]), Rule::Frozen("")],
        ),
        ("allowedTopologies[].matchLabelExpressions[].key", &[Rule::Required(""), Rule::Text(name::qualified_name)]),
        ("allowedTopologies[].matchLabelExpressions[].values", &[Rule::Required("")]),
    ],
    has_generation: false,
    ..BASE
};

pub(super) const CSI_DRIVER: Strategy = Strategy {
    fields: &[
        ("metadata.name", &[Rule::Most(63)]),
        ("spec.attachRequired", &[Rule::Default("true"), Rule::Frozen("")]),
        ("spec.podInfoOnMount", &[Rule::Default("false")]),
        ("spec.storageCapacity", &[Rule::Default("false")]),
        (
            "spec.fsGroupPolicy",
            &[Rule::Default("\"ReadWriteOnceWithFSType\""), Rule::OneOf(&["File", "None", "ReadWriteOnceWithFSType"])],
        ),
        ("spec.volumeLifecycleModes", &[Rule::Default("[\"Persistent\"]"), Rule::Frozen("")]),
        ("spec.volumeLifecycleModes[]", &[Rule::OneOf(&["Ephemeral", "Persistent"])]),
        ("spec.requiresRepublish", &[Rule::Default("false")]),
        ("spec.seLinuxMount", &[Rule::Default("false")]),
        ("spec.tokenRequests[].audience", &[Rule::Unique]),
        ("spec.tokenRequests[].expirationSeconds", &[Rule::Range(600, 1 << 32)]),
    ],
    validate_name: driver_name,
    ..BASE
};

pub(super) const CSI_NODE: Strategy = Strategy {
    fields: &[
        ("spec.drivers[].name", &[Rule::Required(""), Rule::Most(63), Rule::Text(driver_name), Rule::Unique]),
        ("spec.drivers[].nodeID", &[Rule::Required(""), Rule::Most(256)]),
        ("spec.drivers[].allocatable.count", &[NON_NEGATIVE]),
        ("spec.drivers[].topologyKeys[]", &[Rule::Required(""), Rule::Text(name::qualified_name), Rule::Unique]),
    ],
    validate_update: |new, old| {
        let (mut errors, drivers) = (Errors::new(), At::root(new).get("spec.drivers"));
        for was in super::walk::items(&old["spec"]["drivers"]) {
            let now = drivers.items().find(|driver| driver.value["name"] == was["name"]);
            let fixed = |driver: &Value| {
                let mut driver = driver.clone();
                drop(super::walk::remove(&mut driver, "allocatable"));
                driver
            };
            if let Some(now) = now.filter(|now| fixed(now.value) != fixed(was)) {
                errors.push(Error::invalid(&Path::new("CSINodeDriver"), now.value, "field is immutable"));
            }
        }
        errors
    },
    has_generation: false,
    ..BASE
};

pub(super) const MIGRATION: Strategy = Strategy {
    fields: &[("spec.resource.resource", &[Rule::Required("")]), ("spec", &[Rule::Frozen("")])],
    prepare_create: |object| object["status"] = json!({}),
    status_resets: Strategy::RESET_FOR_STATUS,
    ..BASE
};

const ONE_SOURCE: &str = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";

pub(super) const ATTACHMENT: Strategy = Strategy {
    status_resets: Strategy::RESET_FOR_STATUS,
    fields: &[
        ("spec.attacher", &[Rule::Required(""), Rule::Most(63), Rule::Text(driver_name)]),
        ("spec.nodeName", &[Rule::Required(""), Rule::Text(name::dns_subdomain)]),
        ("spec", &[Rule::Frozen("")]),
    ],
    prepare_create: |object| object["status"] = json!({"attached": false}),
    validate: |object| {
        let (mut errors, source) = (Errors::new(), At::root(object).get("spec.source"));
        match (source.get("inlineVolumeSpec").is_set(), source.get("persistentVolumeName").is_set()) {
            (false, false) => errors.push(source.missing(ONE_SOURCE)),
            (true, true) => errors.push(source.forbidden(ONE_SOURCE)),
            _ => {}
        }
        errors
    },
    has_generation: false,
    ..BASE
};

pub(super) const CAPACITY: Strategy = Strategy {
    fields: &[
        ("storageClassName", &[Rule::Required(""), Rule::Text(name::dns_subdomain), Rule::Frozen("")]),
        ("nodeTopology", &[Rule::Selector, Rule::Frozen("")]),
        ("capacity", &[Rule::Quantity]),
        ("maximumVolumeSize", &[Rule::Quantity]),
    ],
    has_generation: false,
    ..BASE
};

pub(super) const ATTRIBUTES_CLASS: Strategy = Strategy {
    fields: &[
        (
            "driverName",
            &[
                Rule::Required(""),
                Rule::Most(63),
                Rule::Text(driver_name),
                Rule::Frozen("updates to driverName are forbidden."),
            ],
        ),
        (
            "parameters",
            &[
                Rule::Required("must contain at least one key/value pair"),
                Rule::Frozen("updates to parameters are forbidden."),
            ],
        ),
    ],
    has_generation: false,
    ..BASE
};

pub(super) const STORAGE_CLASS_COLUMNS: &[Column] = &[
    NAME_WITH_DEFAULT,
    col("Provisioner", |o| text(&o["provisioner"]).into()),
    col("ReclaimPolicy", |o| or(text(&o["reclaimPolicy"]), "Delete")),
    col("VolumeBindingMode", |o| or(text(&o["volumeBindingMode"]), "Immediate")),
    Column { kind: "boolean", ..col("AllowVolumeExpansion", |o| (o["allowVolumeExpansion"] == true).into()) },
    AGE,
];
const NAME_WITH_DEFAULT: Column = Column {
    format: "name",
    ..col("Name", |o| {
        let default = meta::annotation(o, "storageclass.kubernetes.io/is-default-class") == Some("true");
        format!("{}{}", meta::name(o), if default { " (default)" } else { "" }).into()
    })
};
pub(super) const ATTACHMENT_COLUMNS: &[Column] = &[
    NAME,
    col("Attacher", |o| meta::text(o, "spec.attacher").into()),
    col("PV", |o| meta::text(o, "spec.source.persistentVolumeName").into()),
    col("Node", |o| meta::text(o, "spec.nodeName").into()),
    Column { kind: "boolean", ..col("Attached", |o| (o["status"]["attached"] == true).into()) },
    AGE,
];
pub(super) const ATTRIBUTES_CLASS_COLUMNS: &[Column] =
    &[NAME, col("DriverName", |o| text(&o["driverName"]).into()), AGE];
pub(super) const CSI_NODE_COLUMNS: &[Column] = &[NAME, number("Drivers", |o| len(o, "spec.drivers").into()), AGE];
pub(super) const CSI_DRIVER_COLUMNS: &[Column] = &[
    NAME,
    Column { kind: "boolean", ..col("AttachRequired", |o| (o["spec"]["attachRequired"] != false).into()) },
    Column { kind: "boolean", ..col("PodInfoOnMount", |o| (o["spec"]["podInfoOnMount"] == true).into()) },
    Column { kind: "boolean", ..col("StorageCapacity", |o| (o["spec"]["storageCapacity"] == true).into()) },
    col("TokenRequests", |o| {
        let audiences = super::walk::items(&o["spec"]["tokenRequests"]).iter().map(|t| text(&t["audience"]));
        or(&join(audiences), "<unset>")
    }),
    Column { kind: "boolean", ..col("RequiresRepublish", |o| (o["spec"]["requiresRepublish"] == true).into()) },
    col("Modes", |o| or(&join(texts(&o["spec"]["volumeLifecycleModes"])), "<unset>")),
    AGE,
];
pub(super) const CAPACITY_COLUMNS: &[Column] = &[
    NAME,
    col("StorageClass", |o| or_none(o, "storageClassName")),
    col("Capacity", |o| if o["capacity"].is_null() { "".into() } else { int_or_string(&o["capacity"]).into() }),
    AGE,
];

//! The table of built-in resources, group by group.

use super::row::{Row, SCALE, STATUS, Sub, row};
use super::{
    apps, autoscaling, batch, certificates, cluster, config, devices, endpoints, extensions, flowcontrol, networking,
    pod, quotas, rbac, service, storage, volumes,
};
use crate::registry::Verbs::{CreateOnly, NoDeleteCollection, ReadOnly};

/// Group, version, rows.
pub(super) const GROUPS: &[(&str, &str, &[Row])] = &[
    ("", "v1", CORE),
    ("apiregistration.k8s.io", "v1", APIREGISTRATION),
    ("apps", "v1", APPS),
    ("events.k8s.io", "v1", EVENTS),
    ("authentication.k8s.io", "v1", AUTHENTICATION),
    ("authorization.k8s.io", "v1", AUTHORIZATION),
    ("autoscaling", "v2", AUTOSCALING),
    ("autoscaling", "v1", AUTOSCALING_V1),
    ("batch", "v1", BATCH),
    ("certificates.k8s.io", "v1", CERTIFICATES),
    ("networking.k8s.io", "v1", NETWORKING),
    ("policy", "v1", POLICY),
    ("rbac.authorization.k8s.io", "v1", RBAC),
    ("storage.k8s.io", "v1", STORAGE),
    ("admissionregistration.k8s.io", "v1", ADMISSIONREGISTRATION),
    ("apiextensions.k8s.io", "v1", APIEXTENSIONS),
    ("scheduling.k8s.io", "v1", SCHEDULING),
    ("coordination.k8s.io", "v1", COORDINATION),
    ("node.k8s.io", "v1", NODE),
    ("discovery.k8s.io", "v1", DISCOVERY),
    ("resource.k8s.io", "v1", RESOURCE),
    ("flowcontrol.apiserver.k8s.io", "v1", FLOWCONTROL),
    ("storagemigration.k8s.io", "v1", STORAGEMIGRATION),
    ("metrics.k8s.io", "v1beta1", METRICS),
];

/// What can be proxied to.
const PROXY_VERBS: &str = "create delete get patch update";

const POD_SUBRESOURCES: &[Sub] = &[
    ("attach", "PodAttachOptions", "", "create get"),
    ("binding", "Binding", "", "create"),
    ("ephemeralcontainers", "", "", "get patch update"),
    ("eviction", "Eviction", "policy/v1", "create"),
    ("exec", "PodExecOptions", "", "create get"),
    ("log", "", "", "get"),
    ("portforward", "PodPortForwardOptions", "", "create get"),
    ("proxy", "PodProxyOptions", "", PROXY_VERBS),
    ("resize", "", "", "get patch update"),
    STATUS,
];

const CORE: &[Row] = &[
    row("bindings", "Binding").verbs(CreateOnly),
    row("componentstatuses", "ComponentStatus")
        .warns("v1 ComponentStatus is deprecated in v1.19+")
        .shows(extensions::COMPONENT_COLUMNS)
        .short(&["cs"])
        .cluster()
        .verbs(ReadOnly),
    row("configmaps", "ConfigMap").rules(&config::CONFIG_MAP).shows(config::CONFIG_MAP_COLUMNS).short(&["cm"]),
    row("endpoints", "Endpoints")
        .warns("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
        .rules(&endpoints::ENDPOINTS)
        .shows(endpoints::ENDPOINTS_COLUMNS)
        .short(&["ep"]),
    row("events", "Event").rules(&cluster::EVENT).shows(cluster::EVENT_COLUMNS).short(&["ev"]),
    row("limitranges", "LimitRange").rules(&quotas::LIMIT_RANGE).shows(quotas::LIMIT_RANGE_COLUMNS).short(&["limits"]),
    row("namespaces", "Namespace")
        .rules(&cluster::NAMESPACE)
        .shows(cluster::NAMESPACE_COLUMNS)
        .short(&["ns"])
        .cluster()
        .verbs(NoDeleteCollection)
        .subs(&[("finalize", "", "", "update"), STATUS]),
    row("nodes", "Node")
        .rules(&cluster::NODE)
        .shows(cluster::NODE_COLUMNS)
        .short(&["no"])
        .cluster()
        .subs(&[("proxy", "NodeProxyOptions", "", PROXY_VERBS), STATUS]),
    row("persistentvolumeclaims", "PersistentVolumeClaim")
        .rules(&volumes::CLAIM)
        .shows(volumes::CLAIM_COLUMNS)
        .short(&["pvc"])
        .subs(&[STATUS]),
    row("persistentvolumes", "PersistentVolume")
        .rules(&volumes::VOLUME)
        .shows(volumes::VOLUME_COLUMNS)
        .short(&["pv"])
        .cluster()
        .subs(&[STATUS]),
    row("pods", "Pod").rules(&pod::STRATEGY).shows(pod::columns::COLUMNS).short(&["po"]).all().subs(POD_SUBRESOURCES),
    row("podtemplates", "PodTemplate").rules(&pod::TEMPLATE_STRATEGY).shows(pod::columns::TEMPLATE_COLUMNS),
    row("replicationcontrollers", "ReplicationController")
        .rules(&apps::REPLICATION_CONTROLLER)
        .shows(apps::REPLICATION_CONTROLLER_COLUMNS)
        .short(&["rc"])
        .all()
        .subs(&[SCALE, STATUS]),
    row("resourcequotas", "ResourceQuota")
        .rules(&quotas::RESOURCE_QUOTA)
        .shows(quotas::RESOURCE_QUOTA_COLUMNS)
        .short(&["quota"])
        .subs(&[STATUS]),
    row("secrets", "Secret").rules(&config::SECRET).shows(config::SECRET_COLUMNS),
    row("serviceaccounts", "ServiceAccount")
        .rules(&config::SERVICE_ACCOUNT)
        .shows(config::SERVICE_ACCOUNT_COLUMNS)
        .short(&["sa"])
        .subs(&[("token", "TokenRequest", "authentication.k8s.io/v1", "create")]),
    row("services", "Service")
        .rules(&service::SERVICE)
        .shows(service::SERVICE_COLUMNS)
        .short(&["svc"])
        .all()
        .subs(&[("proxy", "ServiceProxyOptions", "", PROXY_VERBS), STATUS]),
];

const APPS: &[Row] = &[
    row("controllerrevisions", "ControllerRevision")
        .rules(&apps::CONTROLLER_REVISION)
        .shows(apps::CONTROLLER_REVISION_COLUMNS),
    row("daemonsets", "DaemonSet")
        .rules(&apps::DAEMON_SET)
        .shows(apps::DAEMON_SET_COLUMNS)
        .short(&["ds"])
        .all()
        .subs(&[STATUS]),
    row("deployments", "Deployment")
        .rules(&apps::DEPLOYMENT)
        .shows(apps::DEPLOYMENT_COLUMNS)
        .short(&["deploy"])
        .all()
        .subs(&[SCALE, STATUS]),
    row("replicasets", "ReplicaSet")
        .rules(&apps::REPLICA_SET)
        .shows(apps::REPLICA_SET_COLUMNS)
        .short(&["rs"])
        .all()
        .subs(&[SCALE, STATUS]),
    row("statefulsets", "StatefulSet")
        .rules(&apps::STATEFUL_SET)
        .shows(apps::STATEFUL_SET_COLUMNS)
        .short(&["sts"])
        .all()
        .subs(&[SCALE, STATUS]),
];

const BATCH: &[Row] = &[
    row("cronjobs", "CronJob")
        .rules(&batch::CRON_JOB)
        .shows(batch::CRON_JOB_COLUMNS)
        .short(&["cj"])
        .all()
        .subs(&[STATUS]),
    row("jobs", "Job").rules(&batch::JOB).shows(batch::JOB_COLUMNS).all().subs(&[STATUS]),
];

const AUTOSCALING: &[Row] = &[row("horizontalpodautoscalers", "HorizontalPodAutoscaler")
    .rules(&autoscaling::AUTOSCALER)
    .shows(autoscaling::AUTOSCALER_COLUMNS)
    .short(&["hpa"])
    .all()
    .subs(&[STATUS])];

const AUTOSCALING_V1: &[Row] = &[row("horizontalpodautoscalers", "HorizontalPodAutoscaler")
    .rules(&autoscaling::AUTOSCALER_V1)
    .shows(autoscaling::AUTOSCALER_COLUMNS)
    .short(&["hpa"])
    .all()
    .subs(&[STATUS])];

const NETWORKING: &[Row] = &[
    row("ingressclasses", "IngressClass")
        .rules(&networking::INGRESS_CLASS)
        .shows(networking::INGRESS_CLASS_COLUMNS)
        .cluster(),
    row("ingresses", "Ingress")
        .rules(&networking::INGRESS)
        .shows(networking::INGRESS_COLUMNS)
        .short(&["ing"])
        .subs(&[STATUS]),
    row("ipaddresses", "IPAddress")
        .rules(&networking::IP_ADDRESS)
        .shows(networking::IP_ADDRESS_COLUMNS)
        .short(&["ip"])
        .cluster(),
    row("networkpolicies", "NetworkPolicy")
        .rules(&networking::NETWORK_POLICY)
        .shows(networking::NETWORK_POLICY_COLUMNS)
        .short(&["netpol"]),
    row("servicecidrs", "ServiceCIDR")
        .rules(&networking::SERVICE_CIDR)
        .shows(networking::SERVICE_CIDR_COLUMNS)
        .cluster()
        .subs(&[STATUS]),
];

const POLICY: &[Row] = &[row("poddisruptionbudgets", "PodDisruptionBudget")
    .rules(&networking::DISRUPTION_BUDGET)
    .shows(networking::DISRUPTION_BUDGET_COLUMNS)
    .short(&["pdb"])
    .subs(&[STATUS])];

const RBAC: &[Row] = &[
    row("clusterrolebindings", "ClusterRoleBinding").rules(&rbac::BINDING).shows(rbac::BINDING_COLUMNS).cluster(),
    row("clusterroles", "ClusterRole").rules(&rbac::ROLE).shows(rbac::ROLE_COLUMNS).cluster(),
    row("rolebindings", "RoleBinding").rules(&rbac::BINDING).shows(rbac::BINDING_COLUMNS),
    row("roles", "Role").rules(&rbac::ROLE).shows(rbac::ROLE_COLUMNS),
];

const STORAGE: &[Row] = &[
    row("csidrivers", "CSIDriver").rules(&storage::CSI_DRIVER).shows(storage::CSI_DRIVER_COLUMNS).cluster(),
    row("csinodes", "CSINode").rules(&storage::CSI_NODE).shows(storage::CSI_NODE_COLUMNS).cluster().subs(&[STATUS]),
    row("csistoragecapacities", "CSIStorageCapacity").rules(&storage::CAPACITY).shows(storage::CAPACITY_COLUMNS),
    row("storageclasses", "StorageClass")
        .rules(&storage::STORAGE_CLASS)
        .shows(storage::STORAGE_CLASS_COLUMNS)
        .short(&["sc"])
        .cluster(),
    row("volumeattachments", "VolumeAttachment")
        .rules(&storage::ATTACHMENT)
        .shows(storage::ATTACHMENT_COLUMNS)
        .cluster()
        .subs(&[STATUS]),
    row("volumeattributesclasses", "VolumeAttributesClass")
        .rules(&storage::ATTRIBUTES_CLASS)
        .shows(storage::ATTRIBUTES_CLASS_COLUMNS)
        .short(&["vac"])
        .cluster(),
];

const SCHEDULING: &[Row] = &[row("priorityclasses", "PriorityClass")
    .rules(&cluster::PRIORITY_CLASS)
    .shows(cluster::PRIORITY_CLASS_COLUMNS)
    .short(&["pc"])
    .cluster()];

const COORDINATION: &[Row] = &[row("leases", "Lease").rules(&cluster::LEASE).shows(cluster::LEASE_COLUMNS)];

const DISCOVERY: &[Row] = &[row("endpointslices", "EndpointSlice")
    .rules(&endpoints::ENDPOINT_SLICE)
    .shows(endpoints::ENDPOINT_SLICE_COLUMNS)];

const EVENTS: &[Row] = &[row("events", "Event")
    .rules(&cluster::EVENTS_EVENT)
    .shows(cluster::EVENT_COLUMNS)
    .short(&["ev"])
    .stored_as("events")];

const NODE: &[Row] = &[row("runtimeclasses", "RuntimeClass")
    .rules(&cluster::RUNTIME_CLASS)
    .shows(cluster::RUNTIME_CLASS_COLUMNS)
    .cluster()];

const API_EXTENSIONS: &[&str] = &["api-extensions"];

const APIEXTENSIONS: &[Row] = &[row("customresourcedefinitions", "CustomResourceDefinition")
    .rules(&extensions::DEFINITION)
    .shows(extensions::DEFINITION_COLUMNS)
    .short(&["crd", "crds"])
    .category(API_EXTENSIONS)
    .cluster()
    .subs(&[STATUS])];

const ADMISSIONREGISTRATION: &[Row] = &[
    row("mutatingadmissionpolicies", "MutatingAdmissionPolicy")
        .rules(&extensions::ADMISSION_POLICY)
        .shows(extensions::MUTATING_POLICY_COLUMNS)
        .category(API_EXTENSIONS)
        .cluster(),
    row("mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding")
        .rules(&extensions::ADMISSION_POLICY_BINDING)
        .shows(extensions::POLICY_BINDING_COLUMNS)
        .category(API_EXTENSIONS)
        .cluster(),
    row("mutatingwebhookconfigurations", "MutatingWebhookConfiguration")
        .rules(&extensions::WEBHOOKS)
        .shows(extensions::WEBHOOK_COLUMNS)
        .category(API_EXTENSIONS)
        .cluster(),
    row("validatingadmissionpolicies", "ValidatingAdmissionPolicy")
        .rules(&extensions::ADMISSION_POLICY)
        .shows(extensions::VALIDATING_POLICY_COLUMNS)
        .category(API_EXTENSIONS)
        .cluster()
        .subs(&[STATUS]),
    row("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding")
        .rules(&extensions::ADMISSION_POLICY_BINDING)
        .shows(extensions::POLICY_BINDING_COLUMNS)
        .category(API_EXTENSIONS)
        .cluster(),
    row("validatingwebhookconfigurations", "ValidatingWebhookConfiguration")
        .rules(&extensions::WEBHOOKS)
        .shows(extensions::WEBHOOK_COLUMNS)
        .category(API_EXTENSIONS)
        .cluster(),
];

const APIREGISTRATION: &[Row] = &[row("apiservices", "APIService")
    .rules(&extensions::API_SERVICE)
    .shows(extensions::API_SERVICE_COLUMNS)
    .category(API_EXTENSIONS)
    .cluster()
    .subs(&[STATUS])];

/// Answered by the kubelets, not stored.
const METRICS: &[Row] =
    &[row("nodes", "NodeMetrics").cluster().verbs(ReadOnly), row("pods", "PodMetrics").verbs(ReadOnly)];

const CERTIFICATES: &[Row] = &[
    row("certificatesigningrequests", "CertificateSigningRequest")
        .rules(&certificates::CERTIFICATE_REQUEST)
        .shows(certificates::CERTIFICATE_REQUEST_COLUMNS)
        .short(&["csr"])
        .cluster()
        .subs(&[("approval", "", "", "get patch update"), STATUS]),
    row("clustertrustbundles", "ClusterTrustBundle").rules(&certificates::TRUST_BUNDLE).cluster(),
    row("podcertificaterequests", "PodCertificateRequest")
        .rules(&certificates::POD_CERTIFICATE_REQUEST)
        .subs(&[STATUS]),
];

const AUTHENTICATION: &[Row] = &[
    row("selfsubjectreviews", "SelfSubjectReview").cluster().verbs(CreateOnly),
    row("tokenreviews", "TokenReview").cluster().verbs(CreateOnly),
];

const AUTHORIZATION: &[Row] = &[
    row("localsubjectaccessreviews", "LocalSubjectAccessReview").verbs(CreateOnly),
    row("selfsubjectaccessreviews", "SelfSubjectAccessReview").cluster().verbs(CreateOnly),
    row("selfsubjectrulesreviews", "SelfSubjectRulesReview").cluster().verbs(CreateOnly),
    row("subjectaccessreviews", "SubjectAccessReview").cluster().verbs(CreateOnly),
];

const FLOWCONTROL: &[Row] = &[
    row("flowschemas", "FlowSchema")
        .rules(&flowcontrol::FLOW_SCHEMA)
        .shows(flowcontrol::FLOW_SCHEMA_COLUMNS)
        .cluster()
        .subs(&[STATUS]),
    row("prioritylevelconfigurations", "PriorityLevelConfiguration")
        .rules(&flowcontrol::PRIORITY_LEVEL)
        .shows(flowcontrol::PRIORITY_LEVEL_COLUMNS)
        .cluster()
        .subs(&[STATUS]),
];

const STORAGEMIGRATION: &[Row] =
    &[row("storageversionmigrations", "StorageVersionMigration").rules(&storage::MIGRATION).cluster().subs(&[STATUS])];

const RESOURCE: &[Row] = &[
    row("devicetaintrules", "DeviceTaintRule").rules(&devices::TAINT_RULE).cluster().subs(&[STATUS]),
    row("deviceclasses", "DeviceClass").rules(&devices::CLASS).cluster(),
    row("resourceclaims", "ResourceClaim").rules(&devices::CLAIM).shows(devices::CLAIM_COLUMNS).subs(&[STATUS]),
    row("resourceclaimtemplates", "ResourceClaimTemplate").rules(&devices::CLAIM_TEMPLATE),
    row("resourceslices", "ResourceSlice").rules(&devices::SLICE).shows(devices::SLICE_COLUMNS).cluster(),
];

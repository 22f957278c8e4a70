//! The table of built-in resources, group by group.

use super::row::{Row, SCALE, STATUS, Sub, row};
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
    row("componentstatuses", "ComponentStatus").short(&["cs"]).cluster().verbs(ReadOnly),
    row("configmaps", "ConfigMap").short(&["cm"]),
    row("endpoints", "Endpoints").short(&["ep"]),
    row("events", "Event").short(&["ev"]),
    row("limitranges", "LimitRange").short(&["limits"]),
    row("namespaces", "Namespace").short(&["ns"]).cluster().verbs(NoDeleteCollection).subs(&[
        ("finalize", "", "", "update"),
        STATUS,
    ]),
    row("nodes", "Node").short(&["no"]).cluster().subs(&[("proxy", "NodeProxyOptions", "", PROXY_VERBS), STATUS]),
    row("persistentvolumeclaims", "PersistentVolumeClaim").short(&["pvc"]).subs(&[STATUS]),
    row("persistentvolumes", "PersistentVolume").short(&["pv"]).cluster().subs(&[STATUS]),
    row("pods", "Pod").short(&["po"]).all().subs(POD_SUBRESOURCES),
    row("podtemplates", "PodTemplate"),
    row("replicationcontrollers", "ReplicationController").short(&["rc"]).all().subs(&[SCALE, STATUS]),
    row("resourcequotas", "ResourceQuota").short(&["quota"]).subs(&[STATUS]),
    row("secrets", "Secret"),
    row("serviceaccounts", "ServiceAccount").short(&["sa"]).subs(&[(
        "token",
        "TokenRequest",
        "authentication.k8s.io/v1",
        "create",
    )]),
    row("services", "Service").short(&["svc"]).all().subs(&[("proxy", "ServiceProxyOptions", "", PROXY_VERBS), STATUS]),
];

const APPS: &[Row] = &[
    row("controllerrevisions", "ControllerRevision"),
    row("daemonsets", "DaemonSet").short(&["ds"]).all().subs(&[STATUS]),
    row("deployments", "Deployment").short(&["deploy"]).all().subs(&[SCALE, STATUS]),
    row("replicasets", "ReplicaSet").short(&["rs"]).all().subs(&[SCALE, STATUS]),
    row("statefulsets", "StatefulSet").short(&["sts"]).all().subs(&[SCALE, STATUS]),
];

const BATCH: &[Row] = &[
    row("cronjobs", "CronJob").short(&["cj"]).all().subs(&[STATUS]),
    row("jobs", "Job").all().subs(&[STATUS]),
];

const AUTOSCALING: &[Row] =
    &[row("horizontalpodautoscalers", "HorizontalPodAutoscaler").short(&["hpa"]).all().subs(&[STATUS])];

const AUTOSCALING_V1: &[Row] =
    &[row("horizontalpodautoscalers", "HorizontalPodAutoscaler").short(&["hpa"]).all().subs(&[STATUS])];

const NETWORKING: &[Row] = &[
    row("ingressclasses", "IngressClass").cluster(),
    row("ingresses", "Ingress").short(&["ing"]).subs(&[STATUS]),
    row("ipaddresses", "IPAddress").short(&["ip"]).cluster(),
    row("networkpolicies", "NetworkPolicy").short(&["netpol"]),
    row("servicecidrs", "ServiceCIDR").cluster().subs(&[STATUS]),
];

const POLICY: &[Row] = &[row("poddisruptionbudgets", "PodDisruptionBudget").short(&["pdb"]).subs(&[STATUS])];

const RBAC: &[Row] = &[
    row("clusterrolebindings", "ClusterRoleBinding").cluster(),
    row("clusterroles", "ClusterRole").cluster(),
    row("rolebindings", "RoleBinding"),
    row("roles", "Role"),
];

const STORAGE: &[Row] = &[
    row("csidrivers", "CSIDriver").cluster(),
    row("csinodes", "CSINode").cluster(),
    row("csistoragecapacities", "CSIStorageCapacity"),
    row("storageclasses", "StorageClass").short(&["sc"]).cluster(),
    row("volumeattachments", "VolumeAttachment").cluster().subs(&[STATUS]),
    row("volumeattributesclasses", "VolumeAttributesClass").short(&["vac"]).cluster(),
];

const SCHEDULING: &[Row] = &[row("priorityclasses", "PriorityClass").short(&["pc"]).cluster()];

const COORDINATION: &[Row] = &[row("leases", "Lease")];

const DISCOVERY: &[Row] = &[row("endpointslices", "EndpointSlice")];

const EVENTS: &[Row] = &[row("events", "Event").short(&["ev"]).stored_as("events")];

const NODE: &[Row] = &[row("runtimeclasses", "RuntimeClass").cluster()];

const API_EXTENSIONS: &[&str] = &["api-extensions"];

const APIEXTENSIONS: &[Row] = &[row("customresourcedefinitions", "CustomResourceDefinition")
    .short(&["crd", "crds"])
    .category(API_EXTENSIONS)
    .cluster()
    .subs(&[STATUS])];

const ADMISSIONREGISTRATION: &[Row] = &[
    row("mutatingadmissionpolicies", "MutatingAdmissionPolicy").category(API_EXTENSIONS).cluster(),
    row("mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding").category(API_EXTENSIONS).cluster(),
    row("mutatingwebhookconfigurations", "MutatingWebhookConfiguration").category(API_EXTENSIONS).cluster(),
    row("validatingadmissionpolicies", "ValidatingAdmissionPolicy").category(API_EXTENSIONS).cluster().subs(&[STATUS]),
    row("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding").category(API_EXTENSIONS).cluster(),
    row("validatingwebhookconfigurations", "ValidatingWebhookConfiguration").category(API_EXTENSIONS).cluster(),
];

const APIREGISTRATION: &[Row] =
    &[row("apiservices", "APIService").category(API_EXTENSIONS).cluster().subs(&[STATUS])];

const CERTIFICATES: &[Row] = &[
    row("certificatesigningrequests", "CertificateSigningRequest").short(&["csr"]).cluster().subs(&[
        ("approval", "", "", "get patch update"),
        STATUS,
    ]),
    row("clustertrustbundles", "ClusterTrustBundle").cluster(),
    row("podcertificaterequests", "PodCertificateRequest").subs(&[STATUS]),
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
    row("flowschemas", "FlowSchema").cluster().subs(&[STATUS]),
    row("prioritylevelconfigurations", "PriorityLevelConfiguration").cluster().subs(&[STATUS]),
];

const RESOURCE: &[Row] = &[
    row("deviceclasses", "DeviceClass").cluster(),
    row("resourceclaims", "ResourceClaim").subs(&[STATUS]),
    row("resourceclaimtemplates", "ResourceClaimTemplate"),
    row("resourceslices", "ResourceSlice").cluster(),
];

//! Descriptions of the built-in definitions, taken at run time from the documented types of `k8s-openapi`.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

use k8s_openapi::Resource;
use k8s_openapi::api::{
    admissionregistration::v1 as admissionregistration, apps::v1 as apps, authentication::v1 as authentication,
    authorization::v1 as authorization, autoscaling::v1 as autoscaling_v1, autoscaling::v2 as autoscaling,
    batch::v1 as batch, certificates::v1 as certificates, coordination::v1 as coordination, core::v1 as core,
    discovery::v1 as discovery, events::v1 as events, flowcontrol::v1 as flowcontrol, networking::v1 as networking,
    node::v1 as node, policy::v1 as policy, rbac::v1 as rbac, resource::v1 as resource, scheduling::v1 as scheduling,
    storage::v1 as storage, storagemigration::v1 as storagemigration,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration;

use super::Kind;

/// Adds the schemas of a kind and of everything below it.
type Describe = fn(&mut SchemaGenerator);

macro_rules! kinds {
    ($($group:ident: $($kind:ident)+;)+) => { &[$($(entry::<$group::$kind>()),+),+] };
}

/// Group, version, kind and schemas of every kind that is described.
const KINDS: &[(&str, &str, &str, Describe)] = kinds! {
    core: Binding ComponentStatus ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume
        PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount;
    apps: ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet;
    batch: CronJob Job;
    autoscaling: HorizontalPodAutoscaler;
    autoscaling_v1: HorizontalPodAutoscaler Scale;
    networking: IngressClass Ingress IPAddress NetworkPolicy ServiceCIDR;
    policy: Eviction PodDisruptionBudget;
    rbac: ClusterRole ClusterRoleBinding Role RoleBinding;
    storage: CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment VolumeAttributesClass;
    scheduling: PriorityClass;
    coordination: Lease;
    discovery: EndpointSlice;
    events: Event;
    node: RuntimeClass;
    apiextensions: CustomResourceDefinition;
    admissionregistration: MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration
        ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration;
    apiregistration: APIService;
    certificates: CertificateSigningRequest ClusterTrustBundle PodCertificateRequest;
    authentication: SelfSubjectReview TokenRequest TokenReview;
    authorization: LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview;
    flowcontrol: FlowSchema PriorityLevelConfiguration;
    resource: DeviceClass DeviceTaintRule ResourceClaim ResourceClaimTemplate ResourceSlice;
    storagemigration: StorageVersionMigration;
};

const fn entry<K: Resource + JsonSchema>() -> (&'static str, &'static str, &'static str, Describe) {
    (K::GROUP, K::VERSION, K::KIND, |generator| drop(generator.subschema_for::<K>()))
}

/// What is said about definitions and their fields.
#[derive(Default)]
pub(super) struct Descriptions(Map<String, Value>);

impl Descriptions {
    /// The descriptions of these kinds and of everything they refer to.
    pub(super) fn of(kinds: &[Kind<'_>]) -> Self {
        let mut generator = SchemaGenerator::default();
        // Every document speaks of deletes and of metadata, and borrows the words for a custom object's own fields.
        let always = (core::ConfigMap::GROUP, core::ConfigMap::VERSION, core::ConfigMap::KIND);
        drop(generator.subschema_for::<k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions>());
        drop(generator.subschema_for::<k8s_openapi::apimachinery::pkg::apis::meta::v1::Status>());
        for &(group, version, kind, describe) in KINDS {
            let asked = |one: &Kind<'_>| (one.group, one.version, one.kind) == (group, version, kind);
            if (group, version, kind) == always || kinds.iter().any(asked) {
                describe(&mut generator);
            }
        }
        Self(generator.take_definitions(false))
    }

    /// What is said about a definition.
    pub(super) fn definition(&self, name: &str) -> Option<&str> {
        self.0.get(name)?["description"].as_str()
    }

    /// What is said about a field of a definition.
    pub(super) fn field(&self, name: &str, field: &str) -> Option<&str> {
        self.0.get(name)?["properties"][field]["description"].as_str()
    }
}

//! From what users tell the API server to the options it takes.

use crate::prelude::*;
use cluster_apiserver::audit::Audit;
use cluster_apiserver::auth;
use cluster_apiserver::{Limits, admission};
use cluster_config::{ApiServer, Oidc};
use std::ops::RangeInclusive;

/// Who else knows users and rights.
pub(crate) fn auth(told: &ApiServer) -> auth::Options {
    auth::Options {
        oidc: (told.oidc != Oidc::default()).then(|| told.oidc.clone()),
        token_webhook: told.token_webhook.clone(),
        authorization_webhook: told.authorization_webhook.clone(),
    }
}

/// The audit log; without a path it goes to the node's own log.
pub(crate) fn audit(told: &ApiServer) -> Result<Option<Arc<Audit>>> {
    let Some(policy) = &told.audit_policy else { return Ok(None) };
    let path = told.audit_log.as_deref().filter(|path| *path != "-");
    if let Some(folder) = path.and_then(|path| Path::new(path).parent()) {
        std::fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    }
    Ok(Some(Arc::new(Audit::new(policy.clone(), path.map(Path::new))?)))
}

/// How much is served at once.
pub(crate) fn limits(told: &ApiServer) -> Limits {
    let usual = Limits::default();
    Limits {
        reading: told.reading.unwrap_or(usual.reading),
        mutating: told.mutating.unwrap_or(usual.mutating),
        timeout: told.timeout_seconds.map_or(usual.timeout, Duration::from_secs),
    }
}

/// What the admission plugins are told.
pub(crate) fn admission(told: &ApiServer, default_toleration_seconds: i64) -> admission::Options {
    admission::Options {
        default_toleration_seconds,
        storage_protection: true,
        disabled: told.disabled_plugins.clone(),
        webhook_users: told.webhook_users.clone(),
    }
}

/// The ports that services may have on nodes.
pub(crate) fn node_ports(told: &ApiServer) -> RangeInclusive<u16> {
    let (first, last) = told.node_ports.unwrap_or((30000, 32767));
    first..=last
}

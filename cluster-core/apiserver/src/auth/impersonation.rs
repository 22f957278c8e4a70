//! `Impersonate-*` headers: act as somebody else, when the caller may.

use super::Authorizer;
use crate::prelude::*;
use percent_encoding::percent_decode_str;

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";
const UID: &str = "impersonate-uid";
const EXTRA: &str = "impersonate-extra-";

impl Authorizer {
    /// The user that the headers name, as whom the request is to be carried out; `None` when they name nobody.
    pub async fn impersonate(&self, caller: &UserInfo, headers: &HeaderMap) -> Result<Option<UserInfo>, Status> {
        let Some(wanted) = requested(headers)? else { return Ok(None) };
        for request in checks(&wanted) {
            self.require(caller, &request).await?;
        }
        Ok(Some(with_implied_groups(wanted)))
    }
}

/// What the headers ask for; groups as given.
fn requested(headers: &HeaderMap) -> Result<Option<UserInfo>, Status> {
    let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let mut user = UserInfo {
        name: headers.get(USER).map(text).unwrap_or_default(),
        uid: headers.get(UID).map(text).unwrap_or_default(),
        groups: headers.get_all(GROUP).iter().map(text).collect(),
        ..UserInfo::default()
    };
    for (key, value) in headers {
        if let Some(key) = key.as_str().strip_prefix(EXTRA) {
            let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
            user.extra.entry(key).or_default().push(text(value));
        }
    }
    if !user.name.is_empty() {
        return Ok(Some(user));
    }
    if user == UserInfo::default() {
        return Ok(None);
    }
    Err(Status::internal("requested impersonation of a group, UID or extra without impersonating a user"))
}

/// What the caller needs the right to.
fn checks(wanted: &UserInfo) -> Vec<RequestInfo> {
    let check = |group, resource, sub: &str, namespace: &str, name: &str| {
        RequestInfo::of("impersonate", [group, "v1", resource, sub], namespace, name)
    };
    let mut checks = vec![match service_account(&wanted.name) {
        Some((namespace, name)) => check("", "serviceaccounts", "", namespace, name),
        None => check("", "users", "", "", &wanted.name),
    }];
    checks.extend(wanted.groups.iter().map(|group| check("", "groups", "", "", group)));
    let identity = "authentication.k8s.io";
    if !wanted.uid.is_empty() {
        checks.push(check(identity, "uids", "", "", &wanted.uid));
    }
    for (key, values) in &wanted.extra {
        checks.extend(values.iter().map(|value| check(identity, "userextras", key, "", value)));
    }
    checks
}

fn service_account(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("system:serviceaccount:")?.split_once(':')
}

fn with_implied_groups(mut user: UserInfo) -> UserInfo {
    if user.groups.is_empty()
        && let Some((namespace, _)) = service_account(&user.name)
    {
        user.groups = vec![group::SERVICE_ACCOUNTS.to_owned(), format!("{}:{namespace}", group::SERVICE_ACCOUNTS)];
    }
    let implied = if user.name == "system:anonymous" { group::UNAUTHENTICATED } else { group::AUTHENTICATED };
    if !user.in_group(implied) {
        user.groups.push(implied.to_owned());
    }
    user
}

//! Devices and the claims on them (`resource.k8s.io`).

use crate::kinds::prelude::*;
use cluster_cel::Object;

pub(super) const TAINT_RULE: Strategy = Strategy {
    prepare_create: |rule| {
        if let Some(taint) = at(rule, "spec.taint") {
            default(taint, "timeAdded", meta::now());
        }
    },
    ..Strategy::NONE
};

/// Names of drivers are subdomains in which capitals do not count.
pub(super) fn driver_name(text: &str) -> Result<(), String> {
    name::dns_subdomain(&text.to_lowercase())
}

/// Whether the text names something of a device: an identifier, before which the domain of a driver may stand.
pub(super) fn key(text: &str) -> Result<(), String> {
    const IDENTIFIER: &str = "a valid C identifier must start with alphabetic character or '_', followed by a string of \
        alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is \
        '[A-Za-z_][A-Za-z0-9_]*')";
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => return Err("must not contain more than one slash".to_owned()),
        Some(("", _)) => return Err("the domain must not be empty".to_owned()),
        Some((_, "")) => return Err("the name must not be empty".to_owned()),
        Some((domain, name)) => {
            driver_name(domain)?;
            name
        }
    };
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_name = is_plain && name.starts_with(|c: char| !c.is_ascii_digit());
    if is_name { Ok(()) } else { Err(IDENTIFIER.to_owned()) }
}

/// Whether the text is an expression that is true of some devices.
pub(super) fn expression(text: &str) -> Result<(), String> {
    let fields = [("driver", Type::String(63)), ("attributes", Type::Dyn), ("capacity", Type::Dyn)];
    let fields = fields.into_iter().chain([("allowMultipleAllocations", Type::Bool)]);
    let fields = fields.map(|(name, kind)| (name.to_owned(), kind)).collect();
    let device = Type::Object(Arc::new(Object { name: "device".to_owned(), fields }));
    let program = cluster_cel::compile(text, &vec![("device", device)])?;
    let (wanted, found) = (Type::Bool, program.result());
    let why = || format!("must evaluate to {wanted} or the unknown type, not {found}");
    if wanted.accepts(found) { Ok(()) } else { Err(why()) }
}

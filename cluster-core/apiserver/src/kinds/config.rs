//! Config maps, secrets and service accounts.

use crate::kinds::prelude::*;

/// How many bytes the data of one object may have.
const MAX_DATA: usize = 1024 * 1024;

pub(super) const CONFIG_MAP: Strategy = Strategy {
    validate: |at, errors| {
        let total: usize =
            entries(&at.value["data"]).chain(entries(&at.value["binaryData"])).map(|(_, v)| text(v).len()).sum();
        if total > MAX_DATA {
            // It is no field that is too long; upstream says so with an empty key.
            errors.push(Error::too_long(&at.path.key(""), MAX_DATA));
        }
        for (key, value) in at.get("data").entries().filter(|(key, _)| at.value["binaryData"].get(*key).is_some()) {
            errors.push(Error::invalid(&value.path, &key.into(), "duplicate of key present in binaryData"));
        }
    },
    validate_update: |at, old, errors| immutable(at, old, &["immutable", "data", "binaryData"], errors),
    ..Strategy::NONE
};

pub(super) const SECRET: Strategy = Strategy {
    defaults: |object| {
        let plain = remove(object, "stringData");
        for (key, value) in plain.iter().flat_map(entries) {
            default(object, "data", Map::new());
            if let Some(data) = object["data"].as_object_mut() {
                data.insert(key.clone(), BASE64_STANDARD.encode(text(value)).into());
            }
        }
    },
    validate: secret,
    validate_update: |at, old, errors| immutable(at, old, &["immutable", "data"], errors),
    ..Strategy::NONE
};

fn immutable(at: &At<'_>, old: &Value, fields: &[&str], errors: &mut Errors) {
    let changed = fields.iter().filter(|field| old["immutable"] == true && at.value[**field] != old[**field]);
    errors.extend(changed.map(|field| at.get(field).forbidden("field is immutable when `immutable` is set")));
}

fn secret(at: &At<'_>, errors: &mut Errors) {
    let decoded = |value: &Value| text(value).trim_end_matches('=').len() * 3 / 4;
    let total: usize = entries(&at.value["data"]).map(|(_, value)| decoded(value)).sum();
    if total > MAX_DATA {
        errors.push(Error::too_long(&at.get("data").path, MAX_DATA));
    }
    for key in [".dockercfg", ".dockerconfigjson"] {
        let given = &at.value["data"][key];
        if text(&at.value["type"]) == format!("kubernetes.io/{}", &key[1..]) && !given.is_null() {
            let json = BASE64_STANDARD.decode(text(given)).unwrap_or_default();
            let fault = serde_json::from_slice::<Map<String, Value>>(&json).err();
            let (path, hidden) = (at.get("data").path.key(key), "<secret contents redacted>".into());
            errors.extend(fault.map(|why| Error::invalid(&path, &hidden, &why.to_string())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn string_data_becomes_data() {
        let mut object = json!({"data": {"a": "QQ=="}, "stringData": {"b": "B"}});
        (SECRET.defaults)(&mut object);
        assert_eq!(object, json!({"data": {"a": "QQ==", "b": "Qg=="}}));
        let mut errors = Errors::new();
        secret(&At::root(&object), &mut errors);
        assert_eq!(errors, vec![]);
    }

    #[test]
    fn immutable_objects_do_not_change() {
        let old = json!({"data": {"a": "1"}, "immutable": true});
        let faults = |new: Value| {
            let mut errors = Errors::new();
            immutable(&At::root(&new), &old, &["immutable", "data", "binaryData"], &mut errors);
            errors.len()
        };
        assert_eq!(
            (faults(old.clone()), faults(json!({"data": {"a": "2"}, "immutable": true})), faults(json!({}))),
            (0, 1, 2)
        );
    }
}

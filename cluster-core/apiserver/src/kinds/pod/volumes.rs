//! What makes the volumes of a pod faulty.

use crate::kinds::prelude::*;

/// Faults of the list of volumes; returns the names that mounts may use.
pub(crate) fn validate(volumes: &At<'_>, errors: &mut Errors) -> Vec<String> {
    let mut names = Vec::new();
    for volume in volumes.items() {
        let name = volume.get("name");
        if !name.is_empty() {
            name.unique(&mut names, name.text().to_owned(), errors);
        }
        let mut sources =
            entries(volume.value).filter(|(key, value)| *key != "name" && !value.is_null()).map(|(key, _)| key);
        match sources.next() {
            None => errors.push(volume.missing("must specify a volume type")),
            Some(_) => errors.extend(volume.faults(named("Volume"))),
        }
        for kind in sources {
            errors.push(volume.get(kind).forbidden("may not specify more than 1 volume type"));
        }
    }
    names
}

//! Which strings fields of built-in kinds may hold, as `enum` tells clients; editors and `kubectl explain` show them.

use crate::prelude::*;

/// The values, and the fields that hold one of them, or a list of them, as `GROUP.VERSION.DEFINITION.FIELD`.
type Row = (&'static str, &'static str);

static TABLE: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let rows: Vec<Row> = serde_json::from_str(include_str!("enums.json")).expect("a table of values, which tests read");
    rows.into_iter().flat_map(|(values, fields)| fields.split(' ').map(move |field| (field, values))).collect()
});

/// The values of a definition's field, sorted; nothing when any will do.
pub(super) fn values(definition: &str, field: &str) -> Vec<&'static str> {
    let name = definition.strip_prefix("io.k8s.api.").unwrap_or(definition);
    let found = TABLE.get([name, ".", field].concat().as_str());
    found.map(|values| values.split(' ').collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_schema::Shape;

    #[test]
    fn every_row_is_about_a_field_of_strings() {
        for (path, values) in &*TABLE {
            let (definition, field) = path.rsplit_once('.').expect("a definition and a field");
            let schema = cluster_schema::definition(&format!("io.k8s.api.{definition}"));
            let schema = &schema.and_then(|schema| schema.field(field)).unwrap_or_else(|| panic!("no {path}")).schema;
            assert!(matches!(schema.items().unwrap_or(schema).shape, Shape::String), "{path}");
            assert!(values.split(' ').is_sorted(), "{values}");
        }
        assert_eq!(values("io.k8s.api.core.v1.PodSpec", "restartPolicy"), ["Always", "Never", "OnFailure"]);
        assert!(values("io.k8s.api.core.v1.PodSpec", "nodeName").is_empty());
    }
}

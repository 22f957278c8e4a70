//! The order of faults: that in which upstream looks at the fields, which clients see in the message.

use super::rules::Rules;
use cluster_object::field::{Error, Path};

/// Brings the faults of what is at `base` into the order of the fields in the table; those of one item of a list stay
/// together, and what the table does not name comes last.
pub(crate) fn sort(rules: &Rules, base: &Path, errors: &mut [Error]) {
    if errors.len() < 2 {
        return;
    }
    let base = base.to_string();
    errors.sort_by_cached_key(|error| {
        let path = error.path.to_string();
        place(&rules.paths, path.strip_prefix(&base).map_or(path.as_str(), |path| path.trim_start_matches('.')))
    });
}

/// Where a path stands: for each list on the way its place in the table and the item's index, then its own place.
fn place(fields: &[String], path: &str) -> Vec<usize> {
    let (mut place, mut general, mut rest) = (Vec::new(), String::new(), path);
    loop {
        let item = rest.split_once('[').and_then(|(before, item)| Some((before, item.split_once(']')?)));
        general += item.map_or(rest, |(before, _)| before);
        if item.is_some() {
            general += "[]";
        }
        let (found, inside) = position(fields, &general);
        place.push(found);
        match item {
            Some((_, (index, after))) if inside => {
                place.push(index.parse().unwrap_or_default());
                rest = after;
            }
            _ => return place,
        }
    }
}

/// The place of a field in the table, or of what it stands in, and whether the table also names fields inside of it.
/// That a table fills in `spec` says nothing of what is in there.
fn position(fields: &[String], path: &str) -> (usize, bool) {
    let inside = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', '[']));
    let around = || {
        let all = fields.iter().enumerate().filter(|(_, field)| *field != "spec" && inside(path, field));
        all.max_by_key(|(_, field)| field.len()).map(|(index, _)| index)
    };
    let first_inside = fields.iter().position(|field| inside(field, path));
    // The last row of a field says where its own faults stand, an earlier one what is filled in before others are.
    let exact = fields.iter().rposition(|field| *field == path);
    (exact.or(first_inside).or_else(around).unwrap_or(usize::MAX), first_inside.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_the_order_of_the_table_item_by_item() {
        let rows = r#"[["spec", []], ["spec.b", []], ["spec.list[].y", []], ["spec.list[].x", []], ["other.a", [], [2, "spec.a"]]]"#;
        let rules = Rules::of(serde_json::from_str(rows).expect("rows"));
        let ordered = [
            "spec.b.c",
            "spec.list",
            "spec.list[0].x",
            "spec.list[1].y.z[3]",
            "spec.list[1].x",
            "spec.list[1].other",
            "spec.a[k].m",
            "spec.a[j]",
            "spec.c",
        ];
        let mut errors: Vec<Error> = ordered.iter().map(|path| Error::required(&Path::new(path), "")).collect();
        errors.swap(0, 8);
        errors.swap(2, 5);
        errors.swap(3, 4);
        sort(&rules, &Path::default(), &mut errors);
        assert_eq!(errors.iter().map(|error| error.path.to_string()).collect::<Vec<_>>(), ordered);
    }
}

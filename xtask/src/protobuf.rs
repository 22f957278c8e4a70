//! Writes the checked-in table of the numbers that protobuf gives the fields of the built-in kinds, from the struct tags
//! in the Go sources of k8s.io/api and k8s.io/apimachinery. The format is described in `cluster-core/schema/src/protobuf.rs`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};

const TARGET: &str = "cluster-core/schema/src/generated/protobuf.txt";
/// Only its packages are served.
const KINDS: &str = "cluster-core/schema/src/generated/kubernetes-1.37.txt";
/// Where a source tree keeps packages, and what their definitions are called.
const ROOTS: [(&str, &str); 2] = [("", "io.k8s.api"), ("pkg/apis", "io.k8s.apimachinery.pkg.apis")];

/// Package to message to field number to the rest of the line.
type Packages = BTreeMap<String, BTreeMap<String, BTreeMap<u32, String>>>;

/// Reads the two source trees and writes the table.
pub(crate) fn run(api: &Path, apimachinery: &Path, workspace: &Path) -> Result<()> {
    let mut packages = Packages::new();
    for (tree, (folder, prefix)) in [api, apimachinery].into_iter().zip(ROOTS) {
        for group in folders(&tree.join(folder))? {
            for version in folders(&group)? {
                let package = format!("{prefix}.{}.{}", file_name(&group), file_name(&version));
                for file in std::fs::read_dir(&version)? {
                    let path = file?.path();
                    let name = file_name(&path);
                    let source = path.extension().is_some_and(|extension| extension == "go");
                    if source && !name.ends_with("_test.go") && !name.contains("generated") {
                        messages(&std::fs::read_to_string(&path)?, packages.entry(package.clone()).or_default());
                    }
                }
            }
        }
    }
    let kinds = std::fs::read_to_string(workspace.join(KINDS)).context("cannot read the table of kinds")?;
    packages.retain(|package, _| kinds.contains(&format!("package {package}\n")));
    crate::write(&workspace.join(TARGET), &table(&packages))
}

fn folders(path: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Finds the structs of a source file whose fields have numbers.
fn messages(source: &str, into: &mut BTreeMap<String, BTreeMap<u32, String>>) {
    let mut message = "";
    for line in source.lines() {
        if let Some(rest) = line.strip_prefix("type ") {
            message = rest.strip_suffix(" struct {").unwrap_or_default();
        } else if let (false, Some((number, field))) = (message.is_empty(), field(line.trim())) {
            into.entry(message.to_owned()).or_default().insert(number, field);
        }
    }
}

/// The number of a struct's field, and what the table says of it.
fn field(line: &str) -> Option<(u32, String)> {
    let (declaration, tags) = line.split_once('`')?;
    let tag = |name: &str| tags.split_once(&format!("{name}:\""))?.1.split('"').next();
    let number = tag("protobuf")?.split(',').nth(1)?.parse().ok()?;
    let mut json = tag("json")?.split(',');
    let name = json.next()?;
    let words: Vec<&str> = declaration.split_whitespace().collect();
    Some(match words[..] {
        [embedded] if name.is_empty() => (number, format!("*{embedded}")),
        [_, kind] if !kind.starts_with('*') && json.any(|word| word == "omitempty") => (number, format!("{name} -")),
        _ => (number, name.to_owned()),
    })
}

fn table(packages: &Packages) -> String {
    let mut lines = Vec::new();
    for (package, messages) in packages.iter().filter(|(_, messages)| !messages.is_empty()) {
        lines.push(format!("package {package}\n"));
        for (message, fields) in messages {
            lines.push(format!("{message}\n"));
            lines.extend(fields.iter().map(|(number, field)| format!(" {number} {field}\n")));
        }
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_name_and_meaning_of_zero_come_from_the_tags() {
        let check = |line: &str, expected: Option<(u32, &str)>| {
            assert_eq!(field(line), expected.map(|(number, text)| (number, text.to_owned())), "{line}");
        };
        check(r#"Name string `json:"name" protobuf:"bytes,1,opt,name=name"`"#, Some((1, "name")));
        check(r#"TTY bool `json:"tty,omitempty" protobuf:"varint,18,opt,name=tty"`"#, Some((18, "tty -")));
        check(
            r#"Replicas *int32 `json:"replicas,omitempty" protobuf:"varint,1,opt,name=replicas"`"#,
            Some((1, "replicas")),
        );
        check(r#"VolumeSource `json:",inline" protobuf:"bytes,2,opt,name=volumeSource"`"#, Some((2, "*VolumeSource")));
        check(r#"metav1.TypeMeta `json:",inline"`"#, None);
        check("// a comment", None);
    }
}

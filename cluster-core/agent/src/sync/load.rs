//! From files to objects: manifests with their places, kustomizations, ConfigMaps and Secrets of plain files.

use super::{Fault, Spec};
use crate::prelude::*;
use base64::prelude::*;
use cluster_object::{decode, meta, yaml};
use serde_json::{Map, Value, json};
use std::process::Command;

const MANIFESTS: [&str; 3] = ["yaml", "yml", "json"];
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// An object and where it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Document {
    pub(super) object: Value,
    pub(super) file: PathBuf,
    /// The line of the file at which its text begins.
    pub(super) line: usize,
    /// Its text; empty when it was made of something else than a manifest.
    pub(super) text: String,
}

impl Document {
    /// A fault at a field of the object.
    pub(super) fn fault(&self, path: &str, message: impl Into<String>) -> Fault {
        let line = super::locate::line(&self.text, path).unwrap_or_default();
        Fault { file: self.file.clone(), line: self.line + line, message: message.into() }
    }
}

/// Everything that is to be in the cluster, as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) documents: Vec<Document>,
    pub(super) faults: Vec<Fault>,
}

/// Reads all that a specification names.
pub(super) fn load(spec: &Spec) -> Loaded {
    let mut loaded = Loaded::default();
    for path in &spec.paths {
        loaded.path(path);
    }
    for (sources, kind) in [(&spec.config_maps, "ConfigMap"), (&spec.secrets, "Secret")] {
        for (name, path) in sources {
            match files(path).map(|files| data(kind, name, &files)) {
                Ok(object) => {
                    loaded.documents.push(Document { object, file: path.clone(), line: 1, text: String::new() });
                }
                Err(error) => loaded.fault(path, 0, error),
            }
        }
    }
    for document in &loaded.documents {
        loaded.faults.extend(check(document));
    }
    loaded
}

/// All files and folders that a specification is made of, those included that kustomizations name.
pub(super) fn watched(spec: &Spec) -> Vec<PathBuf> {
    let (mut watched, mut next) = (spec.watched(), 0);
    while let Some(folder) = watched.get(next) {
        let new: Vec<PathBuf> = bases(folder).into_iter().filter(|base| !watched.contains(base)).collect();
        watched.extend(new);
        next += 1;
    }
    watched
}

/// What the kustomization of a folder takes in from this machine.
fn bases(folder: &Path) -> Vec<PathBuf> {
    let text = KUSTOMIZATIONS.iter().find_map(|name| std::fs::read_to_string(folder.join(name)).ok());
    let documents = text.and_then(|text| yaml::from_manifest(&text).ok()).unwrap_or_default();
    let lists = documents.iter().flat_map(|document| ["resources", "components", "bases"].map(|list| &document[list]));
    let names = lists.flat_map(meta::items).filter_map(Value::as_str);
    names.filter_map(|name| folder.join(name).canonicalize().ok()).collect()
}

impl Loaded {
    fn fault(&mut self, file: &Path, line: usize, message: impl std::fmt::Display) {
        self.faults.push(Fault { file: file.to_owned(), line, message: message.to_string() });
    }

    fn path(&mut self, path: &Path) {
        if let Err(error) = self.try_path(path) {
            self.fault(path, 0, error);
        }
    }

    fn try_path(&mut self, path: &Path) -> std::io::Result<()> {
        if !path.is_dir() {
            self.text(path, &std::fs::read_to_string(path)?, true);
            return Ok(());
        }
        if KUSTOMIZATIONS.iter().any(|name| path.join(name).exists()) {
            self.text(path, &kustomize(path)?, false);
            return Ok(());
        }
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        entries.sort();
        for entry in entries {
            let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            let manifest = entry.extension().is_some_and(|end| MANIFESTS.iter().any(|known| end == *known));
            if !hidden && (manifest || entry.is_dir()) {
                self.path(&entry);
            }
        }
        Ok(())
    }

    /// The documents of a file; `placed` when the lines are the file's own.
    fn text(&mut self, file: &Path, text: &str, placed: bool) {
        for (line, part) in parts(text) {
            let first = if placed { line } else { 0 };
            let objects = match yaml::from_manifest(part) {
                Ok(objects) => objects,
                Err(error) => {
                    let inside = if let yaml::Error::Read(error) = &error { error.location() } else { None };
                    let inside = inside.map_or(0, |at| (at.line() as usize).saturating_sub(1));
                    self.fault(
                        file,
                        if placed { line + inside } else { 0 },
                        error.to_string().lines().next().unwrap_or_default(),
                    );
                    continue;
                }
            };
            let text = if placed { part } else { "" };
            for object in objects.into_iter().flat_map(items) {
                self.documents.push(Document { object, file: file.to_owned(), line: first, text: text.to_owned() });
            }
        }
    }
}

/// The documents of a text with the lines at which they begin; a marker in the first column always ends one.
fn parts(text: &str) -> Vec<(usize, &str)> {
    let (mut parts, mut begin, mut first, mut at) = (Vec::new(), 0, 1, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if line.starts_with("---") && (line.trim_end() == "---" || line.starts_with("--- ")) {
            parts.push((first, &text[begin..at]));
            (begin, first) = (at + line.len(), number + 2);
        }
        at += line.len();
    }
    parts.push((first, &text[begin..]));
    parts.retain(|(_, part)| !part.trim().is_empty());
    parts
}

/// The items of a list, or the object itself.
fn items(object: Value) -> Vec<Value> {
    match object {
        Value::Object(mut list) if list.get("kind") == Some(&json!("List")) && list.contains_key("items") => {
            match list.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            }
        }
        other => vec![other],
    }
}

fn kustomize(folder: &Path) -> std::io::Result<String> {
    let output = Command::new("kubectl").arg("kustomize").arg(folder).output();
    let failed = |error| format!("kustomizations need kubectl, which cannot be run: {error}");
    let output = output.map_err(|error| std::io::Error::other(failed(error)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(std::io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// A file, or the plain files of a folder, by name.
fn files(path: &Path) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut paths = vec![path.to_owned()];
    if path.is_dir() {
        paths = std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        paths.retain(|file| file.is_file());
        paths.sort();
    }
    let name = |file: &Path| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    paths.iter().map(|file| Ok((name(file), std::fs::read(file)?))).collect()
}

/// A ConfigMap or Secret with a key for each file.
fn data(kind: &str, name: &str, files: &[(String, Vec<u8>)]) -> Value {
    let (mut texts, mut binary) = (Map::new(), Map::new());
    for (key, content) in files {
        match std::str::from_utf8(content) {
            Ok(text) if kind == "ConfigMap" => texts.insert(key.clone(), text.into()),
            _ => binary.insert(key.clone(), BASE64_STANDARD.encode(content).into()),
        };
    }
    let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
    let binary_field = if kind == "Secret" { "data" } else { "binaryData" };
    for (field, values) in [("data", texts), (binary_field, binary)] {
        if !values.is_empty() {
            object[field] = values.into();
        }
    }
    object
}

/// What is wrong with an object as far as this machine knows.
fn check(document: &Document) -> Vec<Fault> {
    let object = &document.object;
    for (field, text) in
        [("apiVersion", meta::api_version(object)), ("kind", meta::kind(object)), ("metadata.name", meta::name(object))]
    {
        if text.is_empty() {
            return vec![document.fault(field, format!("{field} is missing"))];
        }
    }
    let Some(findings) = decode::check_built_in(object) else { return Vec::new() };
    let unknown = findings.unknown.iter().map(|path| document.fault(path, format!("unknown field {path:?}")));
    unknown.chain(findings.type_errors.iter().map(|error| wrong_type(document, error))).collect()
}

/// The fault of `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`.
fn wrong_type(document: &Document, error: &str) -> Fault {
    let told = || {
        let (got, rest) = error.split_once("unmarshal ")?.1.split_once(" into ")?;
        let (path, wanted) = rest.split_once("struct field ")?.1.split_once('.')?.1.split_once(" of type ")?;
        Some(document.fault(path, format!("{path} must be {wanted}, not {got}")))
    };
    told().unwrap_or_else(|| document.fault("", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(files: &[(&str, &str)]) -> (tempfile::TempDir, Loaded) {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, content).expect("a file");
        }
        let loaded = load(&Spec { paths: vec![folder.path().to_owned()], ..Spec::default() });
        (folder, loaded)
    }

    const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

    #[test]
    fn all_documents_of_all_manifests_are_read_in_order() {
        let list = r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}]}"#;
        let two = format!("# first\n{MAP}---\n# nothing\n---\n{}", MAP.replace("name: a", "name: b"));
        let (_folder, loaded) =
            loaded(&[("b.json", list), ("a/two.yaml", &two), ("note.txt", "x"), (".hidden.yaml", "x: [")]);
        assert_eq!(loaded.faults, []);
        let names: Vec<_> = loaded.documents.iter().map(|d| (meta::name(&d.object).to_owned(), d.line)).collect();
        assert_eq!(names, [("a".to_owned(), 1), ("b".to_owned(), 8), ("s".to_owned(), 1)]);
    }

    #[test]
    fn what_a_kustomization_is_made_of_is_watched_too() {
        let overlay = "resources: [../base, https://example.com/x]\n";
        let base = "resources: [map.yaml]\nnamePrefix: x-\n";
        let files =
            [("overlay/kustomization.yaml", overlay), ("base/kustomization.yaml", base), ("base/map.yaml", MAP)];
        let (folder, _) = loaded(&files);
        let root = folder.path().canonicalize().expect("it is there");
        let spec = Spec { paths: vec![root.join("overlay")], ..Spec::default() };
        assert_eq!(watched(&spec), ["overlay", "base", "base/map.yaml"].map(|name| root.join(name)));
    }

    #[test]
    fn faults_name_the_line() {
        let table = [
            ("a: [1\n", 2, "yaml"),
            ("kind: ConfigMap\nmetadata: {name: a}\n", 1, "apiVersion is missing"),
            ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  nam: b\n", 5, "unknown field \"metadata.nam\""),
            (
                "# two\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  ports:\n  - port: 80\n  - prot: 81\n",
                10,
                "unknown field \"spec.ports[1].prot\"",
            ),
            (
                "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\nspec:\n  replicas: \"2\"\n",
                6,
                "spec.replicas must be int32, not string",
            ),
        ];
        for (text, line, message) in table {
            let (_folder, loaded) = loaded(&[("x.yaml", text)]);
            let fault = &loaded.faults[0];
            assert!(fault.message.contains(message), "{fault:?}");
            assert!(message == "yaml" || fault.line == line, "{fault:?}");
        }
    }

    #[test]
    fn plain_files_become_keys_of_config_maps_and_secrets() {
        let files = [("a.txt".to_owned(), b"text".to_vec()), ("b.bin".to_owned(), vec![0xff])];
        let map = data("ConfigMap", "m", &files);
        assert_eq!((&map["data"], &map["binaryData"]), (&json!({"a.txt": "text"}), &json!({"b.bin": "/w=="})));
        let secret = data("Secret", "s", &files);
        assert_eq!(secret["data"], json!({"a.txt": "dGV4dA==", "b.bin": "/w=="}));
    }
}

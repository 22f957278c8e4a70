//! Reads and edits kubeconfig files as kubectl does; what an edit does not name stays as it was.

mod file;

pub use file::{edit, private_folder, write_private};

use crate::Error;
use crate::http::{HttpBackend, Identity};
use base64::prelude::*;
use cluster_object::yaml;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The lists of named entries, and the field that holds an entry's content.
const LISTS: [(&str, &str); 3] = [("clusters", "cluster"), ("users", "user"), ("contexts", "context")];

/// The content of one kubeconfig file, or of several merged ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Kubeconfig(Value);

/// A cluster with its user and context, all under one name.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// The name of the cluster, the user and the context.
    pub name: String,
    /// For example `https://127.0.0.1:6443`.
    pub server: String,
    /// The certificate authority, PEM.
    pub ca_pem: Vec<u8>,
    /// The client certificate and its key, both PEM.
    pub client_certificate: Option<(Vec<u8>, Vec<u8>)>,
    /// A bearer token.
    pub token: Option<String>,
}

impl Default for Kubeconfig {
    fn default() -> Self {
        Self(json!({"apiVersion": "v1", "kind": "Config", "preferences": {}, "current-context": "",
            "clusters": [], "contexts": [], "users": []}))
    }
}

/// The files kubectl reads: those in `$KUBECONFIG`, else `~/.kube/config`.
pub fn paths() -> Vec<PathBuf> {
    let listed = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let listed: Vec<PathBuf> = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect();
    match std::env::home_dir() {
        Some(home) if listed.is_empty() => vec![home.join(".kube").join("config")],
        _ => listed,
    }
}

/// The file new entries go to: the first that exists, else the last.
pub fn path_to_edit() -> Option<PathBuf> {
    let paths = paths();
    paths.iter().find(|path| path.exists()).or(paths.last()).cloned()
}

impl Kubeconfig {
    /// All files of [`paths`] merged: of two entries with one name the first counts.
    pub fn load() -> Result<Self, Error> {
        let mut merged = Self::default();
        for path in paths().iter().filter(|path| path.exists()) {
            let mut config = Self::read(path)?;
            config.make_absolute(path.parent().unwrap_or(Path::new("")));
            merged.fill(config);
        }
        Ok(merged)
    }

    /// One file as it stands.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let named = |what: &dyn std::fmt::Display| Error::Config(format!("failed to read {}: {what}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|e| named(&e))?;
        Self::parse(&text).map_err(|e| named(&e))
    }

    /// The content of a file; an empty one is an empty configuration.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut documents = yaml::from_manifest(text).map_err(|e| Error::Config(e.to_string()))?;
        match documents.pop() {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(value) if value.is_object() && documents.is_empty() => Ok(Self(value)),
            Some(_) => Err(Error::Config("this is no kubeconfig".to_owned())),
        }
    }

    /// The file's text.
    pub fn to_yaml(&self) -> Result<String, Error> {
        yaml::to_string(&self.0).map_err(|e| Error::Config(e.to_string()))
    }

    /// The context commands use; empty for none.
    pub fn current_context(&self) -> &str {
        self.0["current-context"].as_str().unwrap_or_default()
    }

    /// Chooses the context commands use.
    pub fn set_current_context(&mut self, name: &str) {
        self.0["current-context"] = name.into();
    }

    /// The names of all contexts.
    pub fn contexts(&self) -> Vec<&str> {
        self.list("contexts").iter().filter_map(|entry| entry["name"].as_str()).collect()
    }

    /// Adds a cluster, user and context, or brings those of the same name up to date.
    pub fn merge(&mut self, entry: &Entry) {
        let cluster =
            json!({"server": entry.server, "certificate-authority-data": BASE64_STANDARD.encode(&entry.ca_pem)});
        let mut user = json!({});
        if let Some((cert, key)) = &entry.client_certificate {
            user["client-certificate-data"] = BASE64_STANDARD.encode(cert).into();
            user["client-key-data"] = BASE64_STANDARD.encode(key).into();
        }
        if let Some(token) = &entry.token {
            user["token"] = token.as_str().into();
        }
        let context = json!({"cluster": entry.name, "user": entry.name});
        for ((list, field), content) in LISTS.into_iter().zip([cluster, user, context]) {
            let new = json!({"name": entry.name, field: content});
            let entries = self.list_mut(list);
            match entries.iter_mut().find(|old| old["name"] == new["name"]) {
                Some(old) => *old = new,
                None => entries.push(new),
            }
        }
    }

    /// Removes the cluster, user and context of a name; it is no longer the current context either.
    pub fn remove(&mut self, name: &str) {
        for (list, _) in LISTS {
            self.list_mut(list).retain(|entry| entry["name"] != name);
        }
        if self.current_context() == name {
            self.set_current_context("");
        }
    }

    /// A way to the cluster of a context; without a name, of the current one.
    pub fn backend(&self, context: Option<&str>) -> Result<HttpBackend, Error> {
        let name = context.unwrap_or(self.current_context());
        let context = self.content("contexts", "context", name)?;
        let cluster = self.content("clusters", "cluster", context["cluster"].as_str().unwrap_or_default())?;
        let user = match context["user"].as_str() {
            Some(user) if !user.is_empty() => self.content("users", "user", user)?,
            _ => &Value::Null,
        };
        let server = cluster["server"].as_str().unwrap_or_default();
        let identity = identity(user)?;
        if cluster["insecure-skip-tls-verify"] == true {
            return HttpBackend::insecure(&[server], identity);
        }
        let ca = data_or_file(cluster, "certificate-authority")?.unwrap_or_default();
        HttpBackend::new(server, &ca, identity)
    }

    fn content(&self, list: &str, field: &str, name: &str) -> Result<&Value, Error> {
        let entry = self.list(list).iter().find(|entry| entry["name"] == name);
        entry.map(|entry| &entry[field]).ok_or_else(|| Error::Config(format!("{field} {name:?} does not exist")))
    }

    fn list(&self, name: &str) -> &[Value] {
        self.0[name].as_array().map_or(&[], Vec::as_slice)
    }

    fn list_mut(&mut self, name: &str) -> &mut Vec<Value> {
        if !self.0[name].is_array() {
            self.0[name] = json!([]);
        }
        self.0[name].as_array_mut().expect("it was made an array above")
    }

    /// Takes over what `other` has and this one lacks.
    fn fill(&mut self, other: Self) {
        for (list, _) in LISTS {
            let known: Vec<Value> = self.list(list).iter().map(|entry| entry["name"].clone()).collect();
            let new = other.list(list).iter().filter(|entry| !known.contains(&entry["name"])).cloned();
            self.list_mut(list).extend(new.collect::<Vec<_>>());
        }
        if self.current_context().is_empty() {
            self.set_current_context(other.current_context());
        }
    }

    /// File names in a kubeconfig are relative to it.
    fn make_absolute(&mut self, directory: &Path) {
        let files = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];
        for (list, field) in LISTS {
            for entry in self.list_mut(list).iter_mut().filter_map(|entry| entry[field].as_object_mut()) {
                let named =
                    |entry: &Map<String, Value>, file| entry.get(file)?.as_str().map(|name| directory.join(name));
                for file in files {
                    if let Some(path) = named(entry, file) {
                        entry.insert(file.to_owned(), path.to_string_lossy().into());
                    }
                }
            }
        }
    }
}

fn identity(user: &Value) -> Result<Identity, Error> {
    let certificate = (data_or_file(user, "client-certificate")?, data_or_file(user, "client-key")?);
    if let (Some(cert), Some(key)) = certificate {
        return Ok(Identity::ClientCert { cert, key });
    }
    if let Some(path) = user["tokenFile"].as_str() {
        return Ok(Identity::TokenFile(path.into()));
    }
    if let Some(token) = user["token"].as_str() {
        return Ok(Identity::Token(token.to_owned()));
    }
    match ["exec", "auth-provider", "username"].iter().find(|method| !user[**method].is_null()) {
        Some(method) => Err(Error::Config(format!("the kubeconfig user's {method:?} is not supported"))),
        None => Ok(Identity::None),
    }
}

/// `NAME-data` in base64, or the content of the file `NAME` names.
fn data_or_file(entry: &Value, name: &str) -> Result<Option<Vec<u8>>, Error> {
    if let Some(data) = entry[format!("{name}-data")].as_str() {
        let decoded =
            BASE64_STANDARD.decode(data).map_err(|e| Error::Config(format!("{name}-data is no base64: {e}")))?;
        return Ok(Some(decoded));
    }
    let Some(path) = entry[name].as_str() else { return Ok(None) };
    std::fs::read(path).map(Some).map_err(|e| Error::Config(format!("failed to read {path}: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: &str = r#"
apiVersion: v1
kind: Config
current-context: work
preferences: {colors: true}
extensions: [{name: x, extension: {a: 1}}]
clusters: [{name: work, cluster: {server: "https://work:6443", certificate-authority: ca.pem, proxy-url: "http://p"}}]
users: [{name: me, user: {exec: {command: login, args: ["yes"]}}}]
contexts: [{name: work, context: {cluster: work, user: me, namespace: "on"}}]
"#;

    fn entry(name: &str) -> Entry {
        Entry {
            name: name.into(),
            server: "https://127.0.0.1:6443".into(),
            token: Some("t".into()),
            ..Entry::default()
        }
    }

    #[test]
    fn merging_and_removing_an_entry_leaves_all_else_as_it_was() {
        let before = Kubeconfig::parse(OTHERS).expect("valid");
        let mut config = before.clone();
        config.merge(&entry("devcluster-dev"));
        config.merge(&entry("devcluster-dev"));
        assert_eq!(config.contexts(), ["work", "devcluster-dev"]);
        let mut read_back = Kubeconfig::parse(&config.to_yaml().expect("yaml")).expect("valid");
        assert_eq!(read_back, config);
        read_back.remove("devcluster-dev");
        assert_eq!(read_back, before);
    }

    #[test]
    fn removing_the_current_context_leaves_none() {
        let mut config = Kubeconfig::default();
        config.merge(&entry("a"));
        config.set_current_context("a");
        config.remove("a");
        assert_eq!(config, Kubeconfig::default());
    }

    #[test]
    fn the_first_of_two_files_counts() {
        let mut first = Kubeconfig::default();
        first.merge(&Entry { server: "https://mine".into(), ..entry("work") });
        first.fill(Kubeconfig::parse(OTHERS).expect("valid"));
        assert_eq!(first.contexts(), ["work"]);
        assert_eq!(first.current_context(), "work");
        assert_eq!(first.content("clusters", "cluster", "work").expect("known")["server"], "https://mine");
        assert_eq!(first.list("users").len(), 2);
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let config = Kubeconfig::parse(OTHERS).expect("valid");
        let text = |context| config.backend(context).expect_err("unusable").to_string();
        assert_eq!(text(Some("x")), "context \"x\" does not exist");
        assert_eq!(text(None), "the kubeconfig user's \"exec\" is not supported");
    }

    #[test]
    fn a_file_is_edited_in_place_and_only_its_owner_may_read_it() {
        let directory = std::env::temp_dir().join(format!("kubeconfig-{}", std::process::id()));
        let path = directory.join("deep").join("config");
        edit(&path, |config| config.merge(&entry("a"))).expect("written");
        edit(&path, |config| config.merge(&entry("b"))).expect("written");
        assert_eq!(Kubeconfig::read(&path).expect("read").contexts(), ["a", "b"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        }
        let files = std::fs::read_dir(path.parent().expect("it has one")).expect("there").count();
        assert_eq!(files, 1, "no lock and no half-written file is left");
        std::fs::remove_dir_all(&directory).expect("removed");
    }
}

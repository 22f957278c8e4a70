//! The OpenAPI documents: v3 per group and version, v2 for everything, built from the schema table and the resources.
//!
//! [`Documents`] belongs to one state of the registry: documents are built when they are first asked for and dropped
//! with it. The functions behind it are pure.

mod defaults;
mod descriptions;
mod document;
mod enums;
mod operations;
mod parameters;
mod paths;
mod schemas;
mod standing;
mod wire;

#[cfg(test)]
mod tests;

use crate::prelude::*;
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

pub use document::{v2_document, v3_document, v3_index};
pub(crate) use operations::uncapitalised;
pub use wire::{CONTENT_TYPE as V2_CONTENT_TYPE, MEDIA_TYPE as V2_PROTOBUF, v2_protobuf};

/// The documents of one state of the registry.
#[derive(Debug, Default)]
pub struct Documents {
    resources: Vec<Arc<Resource>>,
    /// The path of a group and version, `apis/apps/v1`, and the hash of what it serves.
    hashes: BTreeMap<String, String>,
    /// What was built last under each name, also of states before: it counts as long as the hash is the same.
    built: Arc<Mutex<HashMap<String, Arc<Document>>>>,
}

/// One document, serialised: JSON text, or protobuf.
#[derive(Debug)]
pub struct Document {
    /// Compressed, as nearly all clients want it: the text says most things many times.
    pub gzip: Bytes,
    /// The `ETag`, quotes included.
    pub etag: String,
}

impl Document {
    fn new(bytes: &[u8], etag: String) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let gzip = encoder.write_all(bytes).and_then(|()| encoder.finish());
        Self { gzip: gzip.expect("memory takes every write").into(), etag }
    }

    /// The text.
    pub fn bytes(&self) -> Bytes {
        let mut bytes = Vec::new();
        GzDecoder::new(&*self.gzip).read_to_end(&mut bytes).expect("it was compressed here");
        bytes.into()
    }
}

/// The name of the document that tells where those of version 3 are.
pub const INDEX: &str = "";
/// The name of the document of version 2.
pub const V2: &str = "openapi/v2";
/// The documents that describe everything; the others have the names of groups and versions.
const OF_ALL: [&str; 3] = [INDEX, V2, V2_PROTOBUF];

/// The two forms of OpenAPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    V2,
    V3,
}

/// A kind as `x-kubernetes-group-version-kind` names it.
#[derive(Debug, Clone, Copy)]
struct Kind<'a> {
    group: &'a str,
    version: &'a str,
    kind: &'a str,
}

impl Documents {
    /// Documents of these resources; nothing is built that was not `before`.
    pub fn new(resources: &[Arc<Resource>], before: &Self) -> Self {
        let mut digests: BTreeMap<String, Sha256> = BTreeMap::new();
        for resource in resources {
            fingerprint(digests.entry(path(&resource.group, &resource.version)).or_default(), resource);
        }
        let all: Vec<&Resource> = resources.iter().map(AsRef::as_ref).collect();
        for (path, _) in standing::operations(&all) {
            digests.entry(path).or_default().update(env!("CARGO_PKG_VERSION"));
        }
        let hashes: BTreeMap<_, _> = digests.into_iter().map(|(path, digest)| (path, hex(digest))).collect();
        let built = Arc::clone(&before.built);
        built.lock().retain(|name, _| hashes.contains_key(name) || OF_ALL.contains(&name.as_str()));
        Self { resources: resources.to_vec(), hashes, built }
    }

    /// The document of this name: [`INDEX`], [`V2`], [`V2_PROTOBUF`] or what stands below `/openapi/v3/`, for example
    /// `apis/apps/v1`. `None` when nothing is served there.
    pub fn get(&self, name: &str) -> Option<Arc<Document>> {
        let of_all = || hex(self.hashes.values().fold(Sha256::new(), Sha256::chain_update));
        let hash = if OF_ALL.contains(&name) { of_all() } else { self.hashes.get(name)?.clone() };
        let etag = format!("\"{hash}\"");
        if let Some(found) = self.built.lock().get(name).filter(|found| found.etag == etag) {
            return Some(Arc::clone(found));
        }
        // Two requests at once may both build: that costs less than making every other one wait.
        let resources: Vec<&Resource> = self.resources.iter().map(AsRef::as_ref).collect();
        let bytes = match name {
            INDEX => v3_index(&self.hashes).to_string().into(),
            V2 => v2_document(&resources).to_string().into(),
            V2_PROTOBUF => v2_protobuf(&v2_document(&resources)),
            path => v3_document(path, &resources).to_string().into(),
        };
        let document = Arc::new(Document::new(&bytes, etag));
        self.built.lock().insert(name.to_owned(), Arc::clone(&document));
        Some(document)
    }
}

/// Whether an `Accept` header takes JSON.
pub fn accepts_json(accept: &str) -> bool {
    let media = |media: &str| media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    accept.trim().is_empty()
        || accept.split(',').any(|one| matches!(media(one).as_str(), "application/json" | "application/*" | "*/*"))
}

/// The path of a group and version below `/openapi/v3/`.
fn path(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// Feeds everything a document says about a resource.
fn fingerprint(digest: &mut Sha256, resource: &Resource) {
    let Resource { kind, plural, scope, verbs, subresources, .. } = resource;
    // The schema itself would be printed anew for each of hundreds of definitions, whenever another one comes.
    let custom = resource.custom.as_ref().map(|custom| custom.identity.1);
    digest.update(env!("CARGO_PKG_VERSION"));
    digest.update(format!("{kind} {plural} {scope:?} {verbs:?} {subresources:?} {custom:?}\n"));
}

fn hex(digest: Sha256) -> String {
    format!("{:X}", digest.finalize())
}

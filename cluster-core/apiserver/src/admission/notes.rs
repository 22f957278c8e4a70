//! What there is to say of a request beside its answer: warnings for the caller, annotations for the audit log.

use crate::prelude::*;

/// Collected while a request is served; shared by all who look at it.
#[derive(Debug, Default)]
pub struct Notes {
    warnings: Mutex<Vec<String>>,
    annotations: Mutex<BTreeMap<String, String>>,
}

impl Notes {
    /// Adds a text for the `Warning` header.
    pub fn warn(&self, text: &str) {
        let mut warnings = self.warnings.lock();
        // A write that is tried again says the same again.
        if !warnings.iter().any(|known| known == text) {
            warnings.push(text.to_owned());
        }
    }

    /// Adds an annotation to the request's audit event.
    pub fn annotate(&self, key: String, value: String) {
        self.annotations.lock().insert(key, value);
    }

    /// All warnings so far.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().clone()
    }

    /// All annotations so far.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        self.annotations.lock().clone()
    }
}

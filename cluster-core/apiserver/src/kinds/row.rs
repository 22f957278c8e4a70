//! The short form in which the table of built-in kinds is written.

use super::BASE;
use super::cells::PLAIN;
use crate::registry::{Column, Resource, Scope, Strategy, Subresource, Verbs};

/// A subresource in short form: name, kind (empty for the resource's own), `group/version` of the kind when it is not
/// the resource's own, verbs.
pub(super) type Sub = (&'static str, &'static str, &'static str, &'static str);

/// The subresource `status` as every kind has it.
pub(super) const STATUS: Sub = ("status", "", "", "get patch update");
/// The subresource `scale` as every kind has it.
pub(super) const SCALE: Sub = ("scale", "Scale", "autoscaling/v1", "get patch update");

/// A row of the table; see [`row`].
pub(super) struct Row {
    plural: &'static str,
    kind: &'static str,
    short_names: &'static [&'static str],
    categories: &'static [&'static str],
    scope: Scope,
    verbs: Verbs,
    subresources: &'static [Sub],
    storage: &'static str,
    columns: &'static [Column],
    warning: &'static str,
    strategy: &'static Strategy,
}

/// A namespaced resource with all verbs.
pub(super) const fn row(plural: &'static str, kind: &'static str) -> Row {
    Row {
        plural,
        kind,
        short_names: &[],
        categories: &[],
        scope: Scope::Namespaced,
        verbs: Verbs::All,
        subresources: &[],
        storage: "",
        columns: PLAIN,
        warning: "",
        strategy: &BASE,
    }
}

impl Row {
    pub(super) const fn short(mut self, names: &'static [&'static str]) -> Self {
        self.short_names = names;
        self
    }

    /// In the category `all`.
    pub(super) const fn all(self) -> Self {
        self.category(&["all"])
    }

    pub(super) const fn category(mut self, names: &'static [&'static str]) -> Self {
        self.categories = names;
        self
    }

    /// Cluster-wide.
    pub(super) const fn cluster(mut self) -> Self {
        self.scope = Scope::Cluster;
        self
    }

    pub(super) const fn verbs(mut self, verbs: Verbs) -> Self {
        self.verbs = verbs;
        self
    }

    pub(super) const fn subs(mut self, subresources: &'static [Sub]) -> Self {
        self.subresources = subresources;
        self
    }

    /// Stored with another resource's objects.
    pub(super) const fn stored_as(mut self, storage: &'static str) -> Self {
        self.storage = storage;
        self
    }

    /// Shown with these columns.
    pub(super) const fn shows(mut self, columns: &'static [Column]) -> Self {
        self.columns = columns;
        self
    }

    /// With this warning in every answer.
    pub(super) const fn warns(mut self, warning: &'static str) -> Self {
        self.warning = warning;
        self
    }

    /// With these rules.
    pub(super) const fn rules(mut self, strategy: &'static Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// The registry entry of this row.
    pub(super) fn resource(&self, group: &str, version: &str) -> Resource {
        let owned = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect();
        let storage = match (self.storage, group) {
            ("", "") => self.plural.to_owned(),
            ("", _) => format!("{group}/{}", self.plural),
            (storage, _) => storage.to_owned(),
        };
        Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
            singular: self.kind.to_ascii_lowercase(),
            short_names: owned(self.short_names),
            categories: owned(self.categories),
            scope: self.scope,
            verbs: self.verbs,
            subresources: self.subresources.iter().map(|sub| self.subresource(sub)).collect(),
            storage,
            columns: self.columns.to_vec(),
            warning: self.warning.to_owned(),
            strategy: self.strategy.clone(),
            legacy: None,
            custom: None,
        }
    }

    fn subresource(&self, &(name, kind, group_version, verbs): &Sub) -> Subresource {
        let group_version = group_version.split_once('/');
        Subresource {
            name: name.to_owned(),
            kind: if kind.is_empty() { self.kind } else { kind }.to_owned(),
            group: group_version.map(|(group, _)| group.to_owned()),
            version: group_version.map(|(_, version)| version.to_owned()),
            verbs: verbs.split_whitespace().map(str::to_owned).collect(),
        }
    }
}

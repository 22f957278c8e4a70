//! The types of the schema: what one JSON value may look like, and the questions asked of it.

use std::sync::{Arc, OnceLock};

/// What one JSON value may look like.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// The shape of the value.
    pub shape: Shape,
    /// OpenAPI `format`, for example `int32` or `date-time`; empty when there is none.
    pub format: Arc<str>,
    /// The allowed strings; empty when any will do.
    pub enumeration: Arc<[Arc<str>]>,
    /// Whether `null` is a value of its own (CRD `nullable`).
    pub nullable: bool,
}

/// The shapes a JSON value can have.
#[derive(Debug, Clone, Default)]
pub enum Shape {
    /// Anything: `RawExtension`, `JSON`, `x-kubernetes-preserve-unknown-fields` without properties.
    #[default]
    Any,
    /// A string.
    String,
    /// An integer; `format` tells its width.
    Integer,
    /// A number.
    Number,
    /// A boolean.
    Boolean,
    /// An integer or a string (`IntOrString`).
    IntOrString,
    /// A resource quantity, for example `500m`; a number is accepted too.
    Quantity,
    /// Base64 text.
    Bytes,
    /// RFC 3339 time with second precision.
    Time,
    /// RFC 3339 time with microseconds.
    MicroTime,
    /// An object with known fields.
    Object(Arc<Object>),
    /// An object with free keys and values of one schema.
    Map(Arc<Map>),
    /// A list.
    List(Arc<List>),
    /// A built-in definition; resolves recursion. See [`Schema::resolve`].
    Reference(Reference),
}

/// A built-in definition by its full name.
#[derive(Debug, Clone)]
pub struct Reference {
    /// The full name, for example `io.k8s.api.core.v1.Pod`.
    pub name: Arc<str>,
    /// Looked up once: every walk over an object asks at every level.
    found: OnceLock<Option<&'static Schema>>,
}

impl From<&str> for Reference {
    fn from(name: &str) -> Self {
        Self { name: name.into(), found: OnceLock::new() }
    }
}

/// An object with known fields.
#[derive(Debug, Clone, Default)]
pub struct Object {
    /// The fields, sorted by name.
    pub fields: Vec<Field>,
    /// `x-kubernetes-map-type: atomic`: the object has one owner as a whole.
    pub atomic: bool,
    /// Unknown fields are kept (`x-kubernetes-preserve-unknown-fields`).
    pub preserve_unknown: bool,
    /// `x-kubernetes-embedded-resource`: carries apiVersion, kind and metadata of its own.
    pub embedded_resource: bool,
    /// The full name of the built-in definition this is a copy of; empty when it is no copy.
    pub copy_of: Arc<str>,
}

/// One field of an object.
#[derive(Debug, Clone)]
pub struct Field {
    /// The JSON name.
    pub name: Arc<str>,
    /// What the field holds.
    pub schema: Schema,
    /// Must be present.
    pub required: bool,
    /// How a strategic merge patch treats the field.
    pub patch: PatchStrategy,
    /// The value that is filled in when the field is absent (CRD `default`).
    pub default: Option<serde_json::Value>,
    /// Its zero value (`""`, `0`, `false`, an empty list or map) is the same as its absence, as Go's `omitempty` has it.
    pub omit_zero: bool,
}

/// An object with free keys.
#[derive(Debug, Clone, Default)]
pub struct Map {
    /// What every value holds.
    pub values: Schema,
    /// Has one owner as a whole.
    pub atomic: bool,
}

/// A list.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// What every item holds.
    pub items: Schema,
    /// How the items are owned and merged by server-side apply.
    pub kind: ListKind,
}

/// `x-kubernetes-list-type`.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum ListKind {
    /// One owner for the whole list; a write replaces it.
    #[default]
    Atomic,
    /// Scalars, each at most once, each with its own owners.
    Set,
    /// Objects told apart by these keys.
    Map(Vec<MapKey>),
}

/// One key of a [`ListKind::Map`].
#[derive(Debug, Clone, PartialEq)]
pub struct MapKey {
    /// The JSON name of the key field.
    pub name: Arc<str>,
    /// The value an absent key stands for, for example `TCP` for `protocol`.
    pub default: Option<serde_json::Value>,
}

/// `x-kubernetes-patch-strategy` and `x-kubernetes-patch-merge-key`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatchStrategy {
    /// Lists merge by this key; `Some("")` merges scalars.
    pub merge_key: Option<Arc<str>>,
    /// `retainKeys`: a patch may name the keys to keep.
    pub retain_keys: bool,
    /// `replace`: a patch replaces the value.
    pub replace: bool,
}

impl Schema {
    /// A schema of one shape, without format, enumeration or null.
    pub fn of(shape: Shape) -> Self {
        Self { shape, ..Self::default() }
    }

    /// The schema a [`Shape::Reference`] stands for; every other schema stands for itself.
    pub fn resolve(&self) -> &Schema {
        match &self.shape {
            Shape::Reference(to) => to.found.get_or_init(|| crate::definition(&to.name)).unwrap_or(self),
            _ => self,
        }
    }

    /// The object behind this schema, if it has known fields.
    pub fn object(&self) -> Option<&Object> {
        match &self.resolve().shape {
            Shape::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The known field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let fields = &self.object()?.fields;
        let found = fields.binary_search_by(|field| (*field.name).cmp(name)).ok()?;
        fields.get(found)
    }

    /// What the items of a list hold.
    pub fn items(&self) -> Option<&Schema> {
        self.list().map(|list| &list.items)
    }

    /// What the values of a map hold.
    pub fn values(&self) -> Option<&Schema> {
        match &self.resolve().shape {
            Shape::Map(map) => Some(&map.values),
            _ => None,
        }
    }

    /// How the items of a list are owned.
    pub fn list_kind(&self) -> Option<&ListKind> {
        self.list().map(|list| &list.kind)
    }

    fn list(&self) -> Option<&List> {
        match &self.resolve().shape {
            Shape::List(list) => Some(list),
            _ => None,
        }
    }
}

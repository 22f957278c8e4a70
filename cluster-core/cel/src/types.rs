//! The types of expressions, and how an OpenAPI schema becomes one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// The largest request a server takes, in bytes: what bounds sizes that no schema bounds.
const MAX_REQUEST: u64 = 3 * 1024 * 1024;

/// What an expression evaluates to. Sizes are the most characters or items there can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Anything; checked when it is there.
    Dyn,
    /// `null`.
    Null,
    /// `bool`.
    Bool,
    /// `int`.
    Int,
    /// `uint`.
    Uint,
    /// `double`.
    Double,
    /// `string`.
    String(u64),
    /// `bytes`.
    Bytes(u64),
    /// `timestamp`.
    Timestamp,
    /// `duration`.
    Duration,
    /// `list`.
    List(Arc<Type>, u64, Order),
    /// `map` with text as keys.
    Map(Arc<Type>, u64),
    /// An object with known fields.
    Object(Arc<Object>),
    /// An optional value.
    Optional(Arc<Type>),
    /// A type of the function library, for example `Quantity`.
    Opaque(&'static str),
}

/// What tells the items of a list apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Their places.
    Given,
    /// They themselves: `x-kubernetes-list-type: set`.
    Set,
    /// These fields of theirs: `x-kubernetes-list-type: map`.
    Keyed(Vec<String>),
}

/// An object with known fields.
#[derive(Debug, PartialEq, Eq)]
pub struct Object {
    /// The name errors show.
    pub name: String,
    /// The fields under the names that expressions use.
    pub fields: BTreeMap<String, Type>,
}

/// The variables an expression may use.
pub type Declarations = Vec<(&'static str, Type)>;

impl Type {
    /// The type behind an OpenAPI schema. The root of a custom resource, as embedded ones, has `apiVersion`, `kind` and
    /// the names of its metadata.
    pub fn from_openapi(props: &Value, root: bool) -> Self {
        Self::known(props, root).unwrap_or(Self::Dyn)
    }

    /// As [`Type::from_openapi`]; `None` for what expressions cannot see, because its type is not known.
    fn known(props: &Value, root: bool) -> Option<Self> {
        let bound =
            |name: &str, otherwise: u64| props[name].as_i64().map_or(otherwise, |max| max.max(0).unsigned_abs());
        if props["x-kubernetes-int-or-string"] == true {
            return Some(Self::Dyn);
        }
        let inside = |props: &Value| Self::known(props, false).map(Arc::new);
        Some(match props["type"].as_str()? {
            "boolean" => Self::Bool,
            "integer" => Self::Int,
            "number" => Self::Double,
            "string" => string(props),
            "array" => {
                let items = &props["items"];
                Self::List(inside(items)?, bound("maxItems", (MAX_REQUEST - 2) / (least_size(items) + 1)), order(props))
            }
            "object" if props["additionalProperties"].is_object() => {
                let values = &props["additionalProperties"];
                Self::Map(inside(values)?, bound("maxProperties", (MAX_REQUEST - 2) / (least_size(values) + 6)))
            }
            "object" => Self::object(props, root || props["x-kubernetes-embedded-resource"] == true),
            _ => return None,
        })
    }

    fn object(props: &Value, resource: bool) -> Self {
        const LONGEST: u64 = MAX_REQUEST - 2;
        let own = |name: &str| resource && matches!(name, "apiVersion" | "kind" | "metadata");
        let known = props["properties"].as_object().into_iter().flatten().filter(|(name, _)| !own(name));
        let mut fields: BTreeMap<String, Self> =
            known.filter_map(|(name, props)| Some((crate::escape(name)?, Self::known(props, false)?))).collect();
        if resource {
            let names = ["name", "generateName"].map(|name| (name.to_owned(), Self::String(LONGEST)));
            let metadata = Object { name: "object".to_owned(), fields: names.into() };
            fields.insert("metadata".to_owned(), Self::Object(Arc::new(metadata)));
            fields.extend(["apiVersion", "kind"].map(|name| (name.to_owned(), Self::String(LONGEST))));
        }
        Self::Object(Arc::new(Object { name: "object".to_owned(), fields }))
    }

    /// The most characters or items that the declaration allows.
    pub(crate) fn most(&self) -> u64 {
        match self {
            Self::String(size) | Self::Bytes(size) | Self::List(_, size, _) | Self::Map(_, size) => *size,
            Self::Dyn => MAX_REQUEST - 2,
            Self::Timestamp | Self::Duration => 32,
            _ => 0,
        }
    }

    /// Whether all values of the type are equally large.
    pub(crate) fn is_scalar(&self) -> bool {
        match self {
            Self::Bool | Self::Double | Self::Duration | Self::Int | Self::Timestamp | Self::Uint => true,
            Self::Optional(inner) => inner.is_scalar(),
            _ => false,
        }
    }

    /// Whether values of the type have no parts.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Self::String(_) | Self::Bytes(_)) || !matches!(self, Self::Optional(_)) && self.is_scalar()
    }

    /// Whether a value of type `other` may stand where this type is wanted.
    pub fn accepts(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dyn, _) | (_, Self::Dyn) => true,
            (Self::List(a, ..), Self::List(b, ..))
            | (Self::Map(a, _), Self::Map(b, _))
            | (Self::Optional(a), Self::Optional(b)) => a.accepts(b),
            (Self::Object(a), Self::Object(b)) => a.name == b.name,
            (Self::Object(_), Self::Map(..)) | (Self::Map(..), Self::Object(_)) => true,
            (Self::Null, Self::Object(_) | Self::Timestamp | Self::Duration | Self::Opaque(_)) => true,
            (Self::Object(_) | Self::Timestamp | Self::Duration | Self::Opaque(_), Self::Null) => true,
            (Self::Opaque(a), Self::Opaque(b)) => a == b,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

fn order(props: &Value) -> Order {
    let keys = || props["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str);
    match props["x-kubernetes-list-type"].as_str() {
        Some("set") => Order::Set,
        Some("map") => Order::Keyed(keys().filter_map(crate::escape).collect()),
        _ => Order::Given,
    }
}

fn string(props: &Value) -> Type {
    let longest = props["enum"].as_array().and_then(|all| all.iter().filter_map(|v| Some(v.as_str()?.len())).max());
    let given = props["maxLength"].as_i64().map(|max| max.max(0).unsigned_abs());
    let otherwise = MAX_REQUEST - 2;
    match props["format"].as_str() {
        Some("date-time" | "date") => Type::Timestamp,
        Some("duration") => Type::Duration,
        Some("byte") => Type::Bytes(given.unwrap_or(otherwise)),
        // A character has up to four bytes, which are what requests are measured in.
        _ => Type::String(given.map(|max| max * 4).or(longest.map(|n| n as u64)).unwrap_or(otherwise)),
    }
}

/// How many values of this schema there can be in an object, when nothing else bounds that.
pub fn most_of(props: &Value) -> u64 {
    MAX_REQUEST / (least_size(props) + 1)
}

/// The fewest bytes a value of this schema takes as JSON.
fn least_size(props: &Value) -> u64 {
    if props["x-kubernetes-int-or-string"] == true {
        return 1;
    }
    match (props["type"].as_str().unwrap_or_default(), props["format"].as_str().unwrap_or_default()) {
        ("boolean", _) => 4,
        ("integer" | "number", _) => 1,
        ("string", "duration") => 3,
        ("string", "date") => 12,
        ("string", "date-time") => 21,
        ("object", _) if !props["additionalProperties"].is_object() => {
            let required = props["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let needed = required.filter(|name| props["properties"][*name]["default"].is_null());
            2 + needed.map(|name| name.len() as u64 + 4 + least_size(&props["properties"][name])).sum::<u64>()
        }
        _ => 2,
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn => f.write_str("dyn"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::String(_) => f.write_str("string"),
            Self::Bytes(_) => f.write_str("bytes"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::List(items, ..) => write!(f, "list({items})"),
            Self::Map(values, _) => write!(f, "map(string, {values})"),
            Self::Object(object) => f.write_str(&object.name),
            Self::Optional(inner) => write!(f, "optional_type({inner})"),
            Self::Opaque(name) => write!(f, "kubernetes.{name}"),
        }
    }
}

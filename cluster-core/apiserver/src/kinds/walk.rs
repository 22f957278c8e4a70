//! Small helpers over JSON objects: filling in what is absent, and a cursor that knows its field path.

use crate::kinds::prelude::*;
pub(crate) use cluster_object::meta::items;

/// Sets `key` of an object when it is absent or null; anything but an object is left alone.
pub(crate) fn default(object: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(map) = object.as_object_mut()
        && map.get(key).is_none_or(Value::is_null)
    {
        map.insert(key.to_owned(), value.into());
    }
}

/// The field `key` when it is an object.
pub(crate) fn child<'a>(object: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    object.get_mut(key).filter(|value| value.is_object())
}

/// The object at a dotted path, when all on the way are objects.
pub(crate) fn at<'a>(object: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('.').try_fold(object, child)
}

/// The objects of the list `key`.
pub(crate) fn each<'a>(object: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> + use<'a> {
    let list = object.get_mut(key).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter(|item| item.is_object())
}

/// The strings of a list.
pub(crate) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    items(value).iter().filter_map(Value::as_str)
}

/// The string; empty when it is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The whole number; 0 when it is none.
pub(crate) fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// The entries of an object; nothing when it is none.
pub(crate) fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Whether a value is absent as Go's `omitempty` sees it.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Number(n) => n.as_i64() == Some(0),
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
    }
}

/// Takes a field out of an object.
pub(crate) fn remove(object: &mut Value, key: &str) -> Option<Value> {
    object.as_object_mut()?.remove(key)
}

/// Makes of the field at a dotted path what it is in another object: gone when it is nothing there.
pub(crate) fn copy(object: &mut Value, path: &str, from: &Value) {
    match meta::get(from, path) {
        Value::Null => drop(meta::remove(object, path)),
        value => meta::set(object, path, value.clone()),
    }
}

/// Brings the quantities of a resource list into canonical form.
pub(crate) fn canonical_quantities(list: Option<&mut Value>) {
    for value in list.and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        canonical_quantity(value);
    }
}

/// Brings one quantity into canonical form; what is none stays for validation to find.
pub(crate) fn canonical_quantity(value: &mut Value) {
    if let Ok(quantity) = Quantity::from_value(value) {
        *value = quantity.to_string().into();
    }
}

/// A value and the way to it.
#[derive(Debug, Clone)]
pub(crate) struct At<'a> {
    pub(crate) path: Path,
    pub(crate) value: &'a Value,
}

/// The rule a piece of text must keep.
pub(crate) type TextRule = fn(&str) -> Result<(), String>;

impl<'a> At<'a> {
    /// The object itself.
    pub(crate) fn root(value: &'a Value) -> Self {
        Self { path: Path::default(), value }
    }

    /// The field at a dotted path; a null when there is none.
    pub(crate) fn get(&self, fields: &str) -> Self {
        Self { path: self.path.child(fields), value: meta::get(self.value, fields) }
    }

    /// The same value under the name `field` of this one.
    pub(crate) fn moved(&self, field: &str, other: Self) -> Self {
        Self { path: self.path.child(field), ..other }
    }

    /// The items of this list.
    pub(crate) fn items(&self) -> impl Iterator<Item = Self> + use<'a> {
        let path = self.path.clone();
        items(self.value).iter().enumerate().map(move |(i, value)| Self { path: path.index(i), value })
    }

    /// The entries of this map, with `path[key]` as path.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, Self)> + use<'a> {
        let (path, value) = (self.path.clone(), self.value);
        value
            .as_object()
            .into_iter()
            .flatten()
            .map(move |(key, value)| (key.as_str(), Self { path: path.key(key), value }))
    }

    pub(crate) fn text(&self) -> &'a str {
        text(self.value)
    }

    pub(crate) fn int(&self) -> i64 {
        int(self.value)
    }

    /// Whether there is anything but null.
    pub(crate) fn is_set(&self) -> bool {
        !self.value.is_null()
    }

    /// Whether the field is absent, null or empty.
    pub(crate) fn is_empty(&self) -> bool {
        is_empty(self.value)
    }

    /// Whether somebody gave the value: an item of a list is given even when it is empty.
    fn is_given(&self) -> bool {
        !self.is_empty() || self.path.to_string().ends_with(']')
    }

    pub(crate) fn invalid(&self, detail: &str) -> Error {
        Error::invalid(&self.path, self.value, detail)
    }

    /// As [`At::invalid`] for a number that Go has even when nobody gives it.
    pub(crate) fn invalid_number(&self, detail: &str) -> Error {
        let zero = Value::from(0);
        Error::invalid(&self.path, if self.is_set() { self.value } else { &zero }, detail)
    }

    /// A required value is missing.
    pub(crate) fn missing(&self, detail: &str) -> Error {
        Error::required(&self.path, detail)
    }

    pub(crate) fn forbidden(&self, detail: &str) -> Error {
        Error::forbidden(&self.path, detail)
    }

    /// What somebody should know of the value.
    pub(crate) fn warning(&self, text: &str) -> Error {
        Error::new(&self.path, Reason::Invalid, text.to_owned())
    }

    /// Demands a value that is not empty; tells whether it is there.
    pub(crate) fn required(&self, errors: &mut Errors) -> bool {
        if self.is_empty() {
            errors.push(self.missing(""));
        }
        !self.is_empty()
    }

    /// Demands that the text keeps `rule`.
    pub(crate) fn rule(&self, rule: TextRule, errors: &mut Errors) {
        errors.extend(rule(self.text()).err().map(|why| Error::invalid(&self.path, &self.text().into(), &why)));
    }

    /// Demands that the text keeps `rule` when it is given.
    pub(crate) fn optional_rule(&self, rule: TextRule, errors: &mut Errors) {
        if self.is_given() {
            self.rule(rule, errors);
        }
    }

    /// Demands one of `allowed`, which the fault names in this order.
    pub(crate) fn one_of(&self, allowed: &[&str], errors: &mut Errors) {
        if !allowed.contains(&self.text()) {
            errors.push(Error::not_supported(&self.path, self.value, allowed));
        }
    }

    /// Demands one of `allowed` when the field is given.
    pub(crate) fn optional_one_of(&self, allowed: &[&str], errors: &mut Errors) {
        if self.is_given() {
            self.one_of(allowed, errors);
        }
    }

    /// Refuses a negative number.
    pub(crate) fn non_negative(&self, errors: &mut Errors) {
        if self.int() < 0 {
            errors.push(self.invalid("must be greater than or equal to 0"));
        }
    }

    /// Refuses a number outside of the range.
    pub(crate) fn in_range(&self, low: i64, high: i64, errors: &mut Errors) {
        if self.int() < low || self.int() > high {
            errors.push(self.invalid_number(&format!("must be between {low} and {high}, inclusive")));
        }
    }

    /// Demands a port number or the name of a port.
    pub(crate) fn port_or_name(&self, errors: &mut Errors) {
        match self.value {
            Value::String(_) => self.rule(cluster_object::name::port_name, errors),
            _ => self.in_range(1, 65535, errors),
        }
    }

    /// Demands a quantity that is not negative.
    pub(crate) fn quantity(&self, errors: &mut Errors) -> Option<Quantity> {
        match Quantity::from_value(self.value) {
            Ok(quantity) if quantity < Quantity::new(0) => {
                errors.push(self.invalid("must be greater than or equal to 0"));
                None
            }
            Ok(quantity) => Some(quantity),
            Err(why) => {
                errors.push(self.invalid(&why.to_string()));
                None
            }
        }
    }

    /// Refuses any change.
    pub(crate) fn unchanged(&self, old: &Value, errors: &mut Errors) {
        if self.value != old {
            errors.push(self.invalid("field is immutable"));
        }
    }

    /// Refuses a second item with the same key.
    pub(crate) fn unique(&self, seen: &mut Vec<String>, key: String, errors: &mut Errors) {
        if seen.contains(&key) {
            errors.push(Error::duplicate(&self.path, self.value));
        } else {
            seen.push(key);
        }
    }

    /// Demands what upstream demands of label maps.
    pub(crate) fn labels(&self, errors: &mut Errors) {
        for (key, entry) in self.entries() {
            let key_rule = cluster_object::name::qualified_name(key);
            errors.extend(key_rule.err().map(|why| Error::invalid(&self.path, &Value::from(key), &why)));
            let value_rule = cluster_object::name::label_value(entry.text());
            errors.extend(value_rule.err().map(|why| Error::invalid(&self.path, entry.value, &why)));
        }
    }
}

//! Rules of single fields as data: what is filled in, what must hold, what may not change.
//!
//! What involves one field at a time stands in `rules.json`, by kind, and what involves several where an expression says
//! it; the rest is code. What is right and yet worth a warning stands in `warnings.json`.

mod tree;

use super::cel::{Expression, Whole};
use super::pod;
use super::walk::{TextRule, canonical_quantities, canonical_quantity};
use crate::kinds::prelude::*;
use cluster_object::schedule::Schedule;
use jiff::tz::TimeZone;
use serde::Deserializer;
use serde::de::Error as _;
use tree::{Tree, Way};

/// A rule about each value at a path.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Rule {
    /// Filled in when nothing is given.
    Default(Value),
    /// Filled in when nothing or something empty is given.
    Otherwise(Value),
    /// Filled in likewise, with what the field beside it has.
    Copied(&'static str),
    /// Filled in when nothing is given, with when the image is pulled that the field beside it names.
    PullPolicy(&'static str),
    /// Filled in when nothing or something empty is given, with what an expression over `self` makes of the object that
    /// holds the field; a null leaves it.
    Computed(Expression),
    /// As the rules of this name say, for parts that several kinds have.
    Like(&'static str),
    /// Must not be empty; with the text of the fault.
    Required(#[serde(borrow)] Cow<'static, str>),
    /// Must keep this when it is given; by its name in [`TEXTS`].
    #[serde(deserialize_with = "text_rule")]
    Text(TextRule),
    /// Must keep this, also when it is empty.
    #[serde(deserialize_with = "text_rule")]
    Must(TextRule),
    /// Must be one of these when it is given.
    OneOf(#[serde(borrow)] Vec<&'static str>),
    /// Must be one of these, also when nothing is given.
    Is(#[serde(borrow)] Vec<&'static str>),
    /// Must be in this range when it is given.
    Range(i64, i64),
    /// Must be in this range, in which nothing counts as 0; with the text of the fault.
    Within(i64, i64, &'static str),
    /// Must not be less than this when it is given; with the text of the fault.
    AtLeast(i64, &'static str),
    /// Must not be negative.
    NonNegative,
    /// Must not be more than the field beside it; with the text of the fault.
    NotAbove(&'static str, &'static str),
    /// Must be a quantity that is not negative when it is given; gets its canonical form.
    Quantity,
    /// Is a map of quantities, which get their canonical form.
    Canonical,
    /// The same, and none of them may be negative.
    Amounts,
    /// Must be a map of labels when it is given.
    Labels,
    /// The keys of the map must keep this.
    #[serde(deserialize_with = "text_rule")]
    Keys(TextRule),
    /// Has at most so many items or bytes.
    Most(usize),
    /// No other item of the list has the same.
    Unique,
    /// An expression makes the same of no other item of the list; a null is like no other.
    UniqueBy(Expression),
    /// The same, when it is given.
    Distinct,
    /// Just one of these fields of it must be there; with the text of the fault when none is, and of those that are too
    /// many.
    Sole(#[serde(borrow)] Vec<&'static str>, &'static str, &'static str),
    /// Is a template of pods.
    Template,
    /// Is the selector of the template beside it.
    Selects,
    /// Must be a number or a percentage when it is given, at most 100 % when this is true.
    Share(bool),
    /// Must be the number or the name of a port when it is given.
    Port,
    /// Is missing when the condition holds.
    Needed(Condition),
    /// Is wrong when it is given and the condition holds.
    Wrong(Condition),
    /// May not be given when the condition holds.
    Forbidden(Condition),
    /// Is told of when the condition holds.
    Warns(Condition),
    /// Must keep these rules when the field beside it is one of these, where an empty text is nothing, `*` anything else,
    /// or none of these after a `!`.
    When(&'static str, #[serde(borrow)] Vec<&'static str>, Vec<Rule>),
    /// Must keep these rules when it is given. What most objects do not have costs them no expression.
    Given(Vec<Rule>),
    /// Must keep these rules unless just one of these fields of it is there, which it nearly always is.
    UnlessOne(#[serde(borrow)] Vec<&'static str>, Vec<Rule>),
    /// Must keep these rules when an earlier item of the list has the same.
    Repeated(Vec<Rule>),
    /// Must keep these rules when one of its keys has this in it.
    Keyed(&'static str, Vec<Rule>),
    /// Must keep these rules when it is a text with this end.
    Ending(&'static str, Vec<Rule>),
    /// Must keep these rules after a change: their expressions may also ask for `old`, all that the rules were about before
    /// it, and are asked about what is gone too.
    Update(Vec<Rule>),
    /// Does not change; with the text that forbids it, empty for upstream's usual one.
    Frozen(&'static str),
    /// Does not change once it is given; with the text that forbids it.
    Kept(#[serde(borrow)] Cow<'static, str>),
    /// Does not become less; with the text of the fault.
    Grows(&'static str),
}

/// An expression over `self`, what the field stands in or the item of a list itself, and `object`, all that the rules are
/// about (for those of a status the whole object); and the text of the fault when it is true. It may also give the text
/// itself, empty for no fault; `why`, or what is `supported`, with the value that is `shown` in place of the field's; what
/// is told with the value `omitted`; or a list of all that.
#[derive(Debug, Deserialize)]
pub(crate) struct Condition(Expression, #[serde(default)] String);

impl Condition {
    /// The faults there are, each made of its text by `told` unless it says itself what it shows.
    fn faults<'v>(&self, at: &At<'v>, this: &Value, whole: &Whole<'_>, told: fn(&At<'v>, &str) -> Error) -> Errors {
        let fault = |found: &Value| match found {
            Value::Bool(true) => Some(told(at, &self.1)),
            Value::String(why) if !why.is_empty() => Some(told(at, why)),
            Value::Object(fault) => shown(&at.path, fault),
            _ => None,
        };
        match self.0.of(this, whole) {
            Some(Value::Array(all)) => all.iter().filter_map(fault).collect(),
            found => found.as_ref().and_then(fault).into_iter().collect(),
        }
    }
}

/// A fault that says itself what it shows.
fn shown(path: &Path, fault: &Map<String, Value>) -> Option<Error> {
    let (said, value) = (|what: &str| fault.get(what).and_then(Value::as_str), fault.get("shown"));
    if let Some(supported) = fault.get("supported") {
        return Some(Error::not_supported(path, value?, &texts(supported).collect::<Vec<_>>()));
    }
    let omitted = said("omitted").map(|why| Error::new(path, Reason::Invalid, format!("Invalid value: {why}")));
    omitted.or_else(|| Some(Error::invalid(path, value?, said("why")?)))
}

/// What text may have to be.
const TEXTS: [(&str, TextRule); 40] = [
    ("absolutePath", |text| kept(text.starts_with('/'), "must be an absolute path")),
    ("attributeName", |text| {
        super::devices::key(text)?;
        kept(text.contains('/'), "a fully qualified name must be a domain and a name separated by a slash")
    }),
    ("cidr", super::networking::is_cidr),
    ("conditionReason", name::condition_reason),
    ("configKey", name::config_key),
    ("deviceExpression", super::devices::expression),
    ("deviceKey", super::devices::key),
    ("dns1035Label", name::dns1035_label),
    ("dnsLabel", name::dns_label),
    ("dnsName", super::networking::dns_name),
    ("dnsSubdomain", name::dns_subdomain),
    ("domainPrefixedPath", super::batch::domain_prefixed_path),
    ("driverName", super::devices::driver_name),
    ("envVarName", name::env_var_name),
    ("ingressHost", super::networking::ingress_host),
    ("integer", |text| kept(text.parse::<i64>().is_ok(), "value must be an integer for numeric comparison")),
    ("ip", super::pod::validation::is_ip),
    ("labelOperator", |text| operator(text, "In NotIn Exists DoesNotExist")),
    ("labelValue", name::label_value),
    ("mixedLabel", |text| {
        let why = |why| format!("may have mixed case, but should otherwise match: {why}");
        name::dns1035_label(&text.to_lowercase()).map_err(why)
    }),
    ("noExecute", |text| kept(text == "NoExecute", "effect must be 'NoExecute' when `tolerationSeconds` is set")),
    ("noParent", |text| kept(text.split('/').all(|part| part != ".."), "must not contain '..'")),
    ("noParentName", |text| kept(!text.starts_with("..") || text.starts_with("../"), "must not start with '..'")),
    ("nodeOperator", |text| operator(text, "In NotIn Exists DoesNotExist Gt Lt")),
    ("openIp", super::endpoints::open_ip),
    ("pathSegment", name::path_segment),
    ("poolName", |text| text.split('/').try_for_each(name::dns_subdomain)),
    ("portName", name::port_name),
    ("printable", crate::custom::definition::printable),
    ("provisionerName", |text| name::qualified_name(&text.to_lowercase())),
    ("qualifiedName", name::qualified_name),
    ("relativePath", |text| kept(!text.starts_with('/'), "must be a relative path")),
    ("rootedName", |text| name::dns_subdomain(text.trim_end_matches('.'))),
    ("schedule", |text| Schedule::parse(text, &TimeZone::UTC).map(drop)),
    ("servicePath", super::extensions::service_path),
    ("signerName", super::certificates::signer_name),
    ("simplePath", |text| kept(text.starts_with('.'), "must be a simple json path starting with .")),
    ("sysctl", super::pod::validation::sysctl),
    ("timeZone", super::batch::time_zone),
    ("trimmed", |text| kept(text.trim() == text, "must not have leading or trailing whitespace")),
];

fn operator(text: &str, known: &str) -> Result<(), String> {
    kept(known.split(' ').any(|known| known == text), "not a valid selector operator")
}

fn kept(is: bool, why: &str) -> Result<(), String> {
    if is { Ok(()) } else { Err(why.to_owned()) }
}

/// Reads a rule of texts by its name.
pub(super) fn text_rule<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TextRule, D::Error> {
    let wanted = <&str>::deserialize(deserializer)?;
    let found = TEXTS.iter().find(|(name, _)| *name == wanted);
    found.map(|(_, rule)| *rule).ok_or_else(|| D::Error::custom(format!("there is no rule {wanted:?} of texts")))
}

/// A row of the table: a path, in which `list[]` stands for each item of a list or entry of a map, and the rules of what is
/// there. A field is looked
/// at only when what it stands in is there.
#[derive(Debug, Deserialize)]
pub(super) struct Field(&'static str, Vec<Rule>, #[serde(default)] Option<Elsewhere>);

/// Where upstream shows the faults of a field when that is not where it stands: so many steps up the way, and on by a name,
/// empty for none.
type Elsewhere = (usize, &'static str);

/// The rules of a kind, or of a part that several kinds have.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The fields in the order in which upstream looks at them.
    pub(super) paths: Vec<String>,
    tree: Tree,
}

/// Those of a kind that no row is about.
pub(crate) static NONE: Rules = Rules { paths: Vec::new(), tree: Tree::EMPTY };

static TABLE: LazyLock<HashMap<&str, Rules>> = LazyLock::new(|| {
    let read =
        |text| -> HashMap<&str, Vec<Field>> { serde_json::from_str(text).expect("a table of rules, which tests read") };
    let rows = [include_str!("rules.json"), include_str!("warnings.json")].into_iter().flat_map(read);
    rows.map(|(name, fields)| (name, Rules::of(fields))).collect()
});

/// The rules that stand under a name.
pub(crate) fn named(name: &str) -> &'static Rules {
    TABLE.get(name).unwrap_or(&NONE)
}

/// The names under which rules stand.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.keys().copied()
}

impl Rules {
    /// Of the rows of a table.
    pub(super) fn of(fields: Vec<Field>) -> Self {
        let (paths, mut tree) = (fields.iter().map(Field::shown).collect(), Tree::EMPTY);
        for field in fields {
            tree.add(field.0, field);
        }
        Self { paths, tree }
    }

    /// Fills in what the rules fill in.
    pub(crate) fn fill(&self, object: &mut Value) {
        self.tree.fill(object);
    }
}

impl Field {
    /// The path under which faults are shown.
    fn shown(&self) -> String {
        let (levels, name) = self.2.unwrap_or_default();
        let up = |path: &'static str, _| path.rfind(['.', '[']).map_or("", |end| &path[..end]);
        on(Path::new((0..levels).fold(self.0, up)), name).to_string()
    }
}

/// The field of this name, which may be empty, below a path.
fn on(path: Path, name: &str) -> Path {
    if name.is_empty() { path } else { path.child(name) }
}

impl Rule {
    fn is_default(&self) -> bool {
        matches!(
            self,
            Self::Default(_) | Self::Otherwise(_) | Self::Copied(_) | Self::PullPolicy(_) | Self::Computed(_)
        )
    }

    fn is_of_changes(&self) -> bool {
        matches!(self, Self::Update(_) | Self::Frozen(_) | Self::Kept(_) | Self::Grows(_))
    }

    /// The rules that must be kept where this one holds, if it is such a rule.
    fn guarded(&self) -> &[Self] {
        match self {
            Self::When(.., rules)
            | Self::UnlessOne(_, rules)
            | Self::Keyed(_, rules)
            | Self::Ending(_, rules)
            | Self::Given(rules)
            | Self::Repeated(rules)
            | Self::Update(rules) => rules,
            _ => &[],
        }
    }

    /// Whether it is also about what is not there.
    fn is_of_absence(&self) -> bool {
        match self {
            Self::Required(_) | Self::Must(_) | Self::Is(_) | Self::Within(..) => true,
            Self::Unique | Self::UniqueBy(_) | Self::Needed(_) | Self::Selects => true,
            Self::When(..) | Self::UnlessOne(..) => self.guarded().iter().any(Self::is_of_absence),
            _ => false,
        }
    }

    /// Brings what is there into the form it has when it is read again, or completes it.
    fn fill(&self, value: &mut Value) {
        match self {
            Self::Like(name) => named(name).fill(value),
            Self::Quantity => canonical_quantity(value),
            Self::Canonical | Self::Amounts => canonical_quantities(Some(value)),
            Self::Template if value.is_object() => pod::defaults::template(value),
            _ => {}
        }
    }

    fn fills(&self) -> bool {
        matches!(self, Self::Like(_) | Self::Quantity | Self::Canonical | Self::Amounts | Self::Template)
    }
}

impl At<'_> {
    /// What breaks the rules of the fields below this one, in the order of the table.
    pub(crate) fn faults(&self, rules: &Rules) -> Errors {
        self.faults_within(rules, self.value)
    }

    /// As [`At::faults`], where expressions see all of an object that this is a part of.
    pub(crate) fn faults_within(&self, rules: &Rules, object: &Value) -> Errors {
        let mut errors = Errors::new();
        rules.tree.check_whole(self, &Whole::new(object, &Value::Null), &mut errors);
        order::sort(rules, &self.path, &mut errors);
        errors
    }

    /// What changed that may not in this part of an object, from what it was in the old one.
    pub(crate) fn update_faults(&self, rules: &Rules, old: &Value, [object, was]: [&Value; 2]) -> Errors {
        let mut errors = Errors::new();
        let (way, whole) = (Way::Root(&self.path), Whole::new(object, was));
        rules.tree.compare(&way, self.value, [self.value, old], &whole, &mut errors);
        errors
    }
}

#[cfg(test)]
mod tests;

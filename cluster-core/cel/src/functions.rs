//! The signatures of the function library, for the type check.

use crate::Type;
use std::sync::Arc;

/// Size of text and lists that a function makes out of nothing.
const SMALL: u64 = 64;

/// Name and overloads. An overload is `receiver.arguments>result`, a letter for each: `s`tring, `i`nt, `u`int, `d`ouble,
/// `b`ool, b`y`tes, `t`imestamp, `D`uration, `L`ist, list of strings `S`, `M`ap, `?` anything, `o`ptional, `q`uantity,
/// i`p`, `c`idr, UR`l`, `v`ersion, `f`ormat, `T`ype; `a`uthorizer, its checks of `P`aths, `g`roups and `r`esources, and a
/// d`e`cision. In results `R` is the receiver's type, `E` that of its items or its
/// optional's value, `A` that of the first argument, `I` a list of the first argument's items.
const SIGNATURES: &[(&str, &str)] = &[
    ("_+_", "ii>i uu>u dd>d ss>A yy>y LL>A tD>t Dt>t DD>D"),
    ("_-_", "ii>i uu>u dd>d tt>D tD>t DD>D"),
    ("_*_", "ii>i uu>u dd>d"),
    ("_/_", "ii>i uu>u dd>d"),
    ("_%_", "ii>i uu>u"),
    ("-_", "i>i d>d"),
    ("!_", "b>b"),
    ("_&&_", "bb>b"),
    ("_||_", "bb>b"),
    ("@not_strictly_false", "?>b"),
    ("size", "s>i y>i L>i M>i s.>i y.>i L.>i M.>i"),
    ("contains", "s.s>b"),
    ("startsWith", "s.s>b"),
    ("endsWith", "s.s>b"),
    ("matches", "s.s>b ss>b"),
    ("string", "s>s i>s u>s d>s b>s y>s t>s D>s p.>s c.>s"),
    ("int", "i>i u>i d>i s>i t>i"),
    ("uint", "u>u i>u d>u s>u"),
    ("double", "d>d i>d u>d s>d"),
    ("bytes", "y>y s>y"),
    ("bool", "b>b s>b"),
    ("dyn", "?>?"),
    ("duration", "D>D s>D"),
    ("timestamp", "t>t s>t i>t"),
    ("getFullYear", "t.>i t.s>i"),
    ("getMonth", "t.>i t.s>i"),
    ("getDayOfYear", "t.>i t.s>i"),
    ("getDayOfMonth", "t.>i t.s>i"),
    ("getDate", "t.>i t.s>i"),
    ("getDayOfWeek", "t.>i t.s>i"),
    ("getHours", "t.>i t.s>i D.>i"),
    ("getMinutes", "t.>i t.s>i D.>i"),
    ("getSeconds", "t.>i t.s>i D.>i"),
    ("getMilliseconds", "t.>i t.s>i D.>i"),
    ("optional.none", ">o"),
    ("optional.of", "?>o"),
    ("optional.ofNonZeroValue", "?>o"),
    ("hasValue", "o.>b"),
    ("value", "o.>E"),
    ("or", "o.o>R"),
    ("orValue", "o.?>E"),
    ("charAt", "s.i>s"),
    ("indexOf", "s.s>i s.si>i L.?>i"),
    ("lastIndexOf", "s.s>i s.si>i L.?>i"),
    ("lowerAscii", "s.>R"),
    ("upperAscii", "s.>R"),
    ("replace", "s.ss>R s.ssi>R"),
    ("split", "s.s>S s.si>S"),
    ("substring", "s.i>R s.ii>R"),
    ("trim", "s.>R"),
    ("join", "L.>s L.s>s"),
    ("reverse", "s.>R L.>R"),
    ("strings.quote", "s>A"),
    ("format", "s.L>s"),
    ("isSorted", "L.>b"),
    ("sum", "L.>E"),
    ("min", "L.>E"),
    ("max", "L.>E"),
    ("slice", "L.ii>R"),
    ("sort", "L.>R"),
    ("flatten", "L.>L L.i>L"),
    ("distinct", "L.>R"),
    ("first", "L.>o"),
    ("last", "L.>o"),
    ("lists.range", "i>L"),
    ("sets.contains", "LL>b"),
    ("sets.equivalent", "LL>b"),
    ("sets.intersects", "LL>b"),
    ("find", "s.s>R"),
    ("findAll", "s.s>S s.si>S"),
    ("url", "s>l"),
    ("isURL", "s>b"),
    ("getScheme", "l.>s"),
    ("getHost", "l.>s"),
    ("getHostname", "l.>s"),
    ("getPort", "l.>s"),
    ("getEscapedPath", "l.>s"),
    ("getQuery", "l.>M"),
    ("ip", "s>p c.>p"),
    ("isIP", "s>b"),
    ("ip.isCanonical", "s>b"),
    ("family", "p.>i"),
    ("isUnspecified", "p.>b"),
    ("isLoopback", "p.>b"),
    ("isLinkLocalMulticast", "p.>b"),
    ("isLinkLocalUnicast", "p.>b"),
    ("isGlobalUnicast", "p.>b"),
    ("cidr", "s>c"),
    ("isCIDR", "s>b"),
    ("containsIP", "c.p>b c.s>b"),
    ("containsCIDR", "c.c>b c.s>b"),
    ("prefixLength", "c.>i"),
    ("masked", "c.>c"),
    ("quantity", "s>q"),
    ("isQuantity", "s>b"),
    ("isInteger", "q.>b"),
    ("asInteger", "q.>i"),
    ("asApproximateFloat", "q.>d"),
    ("sign", "q.>i"),
    ("add", "q.q>q q.i>q"),
    ("sub", "q.q>q q.i>q"),
    ("isGreaterThan", "q.q>b v.v>b"),
    ("isLessThan", "q.q>b v.v>b"),
    ("compareTo", "q.q>i v.v>i"),
    ("semver", "s>v sb>v"),
    ("isSemver", "s>b sb>b"),
    ("major", "v.>i"),
    ("minor", "v.>i"),
    ("patch", "v.>i"),
    ("validate", "f.s>o"),
    ("format.named", "s>o"),
    ("base64.encode", "y>s"),
    ("base64.decode", "s>y"),
    ("jsonpatch.escapeKey", "s>A"),
    ("type", "?>T"),
    ("@mapInsert", "MM>M M??>M"),
    ("@sortByAssociatedKeys", "L.L>R"),
    ("path", "a.s>P"),
    ("group", "a.s>g"),
    ("serviceAccount", "a.ss>a"),
    ("resource", "g.s>r"),
    ("subresource", "r.s>r"),
    ("namespace", "r.s>r"),
    ("name", "r.s>r"),
    ("fieldSelector", "r.s>r"),
    ("labelSelector", "r.s>r"),
    ("check", "P.s>e r.s>e"),
    ("allowed", "e.>b"),
    ("reason", "e.>s"),
    ("errored", "e.>b"),
    ("error", "e.>s"),
];
/// `format.NAME()` for each of these is a format.
const FORMATS: &[&str] = &[
    "byte",
    "date",
    "datetime",
    "dns1035Label",
    "dns1035LabelPrefix",
    "dns1123Label",
    "dns1123LabelPrefix",
    "dns1123Subdomain",
    "dns1123SubdomainPrefix",
    "labelValue",
    "qualifiedName",
    "uri",
    "uuid",
];
const MATH: &[(&str, &str)] = &[
    ("math.greatest", "number"),
    ("math.least", "number"),
    ("math.abs", "number"),
    ("math.sign", "number"),
    ("math.ceil", "d>d"),
    ("math.floor", "d>d"),
    ("math.round", "d>d"),
    ("math.trunc", "d>d"),
    ("math.sqrt", "d>d i>d u>d"),
    ("math.isInf", "d>b"),
    ("math.isNaN", "d>b"),
    ("math.isFinite", "d>b"),
    ("math.bitAnd", "ii>i uu>u"),
    ("math.bitOr", "ii>i uu>u"),
    ("math.bitXor", "ii>i uu>u"),
    ("math.bitNot", "i>i u>u"),
    ("math.bitShiftLeft", "ii>i ui>u"),
    ("math.bitShiftRight", "ii>i ui>u"),
];

/// Whether the library has a function of that name.
pub(crate) fn exists(name: &str) -> bool {
    overloads(name).is_some()
}

fn overloads(name: &str) -> Option<&'static str> {
    if name.strip_prefix("format.").is_some_and(|format| FORMATS.contains(&format)) {
        return Some(">f");
    }
    SIGNATURES.iter().chain(MATH).find(|(known, _)| *known == name).map(|(_, overloads)| *overloads)
}

/// What a call gives; `None` when no overload takes these.
pub(crate) fn result(name: &str, receiver: Option<&Type>, arguments: &[Type]) -> Option<Type> {
    match overloads(name)? {
        "number" => arguments.first().map(|first| match first {
            Type::List(items, _) => (**items).clone(),
            other => other.clone(),
        }),
        // When several overloads take what may be anything, so may the result be.
        all => {
            let mut fit = all.split(' ').filter_map(|overload| one(overload, receiver, arguments));
            let first = fit.next()?;
            Some(if fit.all(|other| other == first) { first } else { Type::Dyn })
        }
    }
}

fn one(overload: &str, receiver: Option<&Type>, arguments: &[Type]) -> Option<Type> {
    let (taken, given) = overload.split_once('>')?;
    let (wanted, letters) = match taken.split_once('.') {
        Some((wanted, letters)) => (wanted.chars().next(), letters),
        None => (None, taken),
    };
    let fits = |letter: char, found: &Type| letter == '?' || of(letter).accepts(found);
    let receiver_fits = match (wanted, receiver) {
        (Some(letter), Some(found)) => fits(letter, found),
        (wanted, receiver) => wanted.is_none() && receiver.is_none(),
    };
    let fit = receiver_fits
        && letters.chars().count() == arguments.len()
        && letters.chars().zip(arguments).all(|(letter, found)| fits(letter, found));
    fit.then(|| match given.chars().next() {
        Some('R') => receiver.cloned().unwrap_or(Type::Dyn),
        Some('A') => larger(arguments),
        Some('E') => match receiver {
            Some(Type::List(inner, _) | Type::Optional(inner)) => (**inner).clone(),
            _ => Type::Dyn,
        },
        Some('o') => Type::Optional(Arc::new(match (receiver, arguments.first()) {
            (Some(Type::List(items, _)), _) => (**items).clone(),
            (None, Some(value)) => value.clone(),
            _ => Type::Dyn,
        })),
        Some(letter) => of(letter),
        None => Type::Dyn,
    })
}

/// The type of a joined value: as large as its parts together.
fn larger(parts: &[Type]) -> Type {
    let size = parts.iter().map(Type::size).fold(0, u64::saturating_add);
    let known = |part: &&Type| match part {
        Type::List(items, _) => **items != Type::Dyn,
        part => **part != Type::Dyn,
    };
    match parts.iter().find(known).or(parts.first()) {
        Some(Type::String(_)) => Type::String(size),
        Some(Type::List(items, _)) => Type::List(Arc::clone(items), size),
        _ => Type::Dyn,
    }
}

fn of(letter: char) -> Type {
    let list = |items| Type::List(Arc::new(items), SMALL);
    match letter {
        's' => Type::String(SMALL),
        'i' => Type::Int,
        'u' => Type::Uint,
        'd' => Type::Double,
        'b' => Type::Bool,
        'y' => Type::Bytes(SMALL),
        't' => Type::Timestamp,
        'D' => Type::Duration,
        'L' => list(Type::Dyn),
        'S' => list(Type::String(SMALL)),
        'M' => Type::Map(Arc::new(Type::Dyn), SMALL),
        'o' => Type::Optional(Arc::new(Type::Dyn)),
        'q' => Type::Opaque("Quantity"),
        'p' => Type::Opaque("IP"),
        'c' => Type::Opaque("CIDR"),
        'l' => Type::Opaque("URL"),
        'v' => Type::Opaque("Semver"),
        'f' => Type::Opaque("NamedFormat"),
        'T' => Type::Opaque("type"),
        'a' => Type::Opaque("authorization.Authorizer"),
        'P' => Type::Opaque("authorization.PathCheck"),
        'g' => Type::Opaque("authorization.GroupCheck"),
        'r' => Type::Opaque("authorization.ResourceCheck"),
        'e' => Type::Opaque("authorization.Decision"),
        _ => Type::Dyn,
    }
}

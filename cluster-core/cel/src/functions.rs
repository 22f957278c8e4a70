//! The signatures of the function library, for the type check.

use crate::prelude::*;

/// Size of text and lists that a function makes out of nothing.
const SMALL: u64 = 64;

/// The overloads of each function, by its name. An overload is `receiver.arguments>result`, a letter for each: `s`tring,
/// `i`nt, `u`int, `d`ouble, `b`ool, b`y`tes, `t`imestamp, `D`uration, `L`ist, list of strings `S`, `M`ap, `?` anything,
/// `o`ptional, `q`uantity, i`p`, `c`idr, UR`l`, `v`ersion, `f`ormat, `T`ype, lists that can be s`U`mmed,
/// `O`rdered or flatte`N`ed; `a`uthorizer, its checks of `P`aths,
/// `g`roups and `r`esources, and a d`e`cision. In results `R` is the receiver's type, `E` that of its items or its
/// optional's value, `A` that of the first argument, `F` that of its items, which are lists.
static SIGNATURES: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| serde_json::from_str(include_str!("functions.json")).expect("a table of texts, which tests read"));

/// Whether the library has a function of that name.
pub(crate) fn exists(name: &str) -> bool {
    SIGNATURES.contains_key(name)
}

/// What a call gives; `None` when no overload takes these.
pub(crate) fn result(name: &str, receiver: Option<&Type>, arguments: &[Type]) -> Option<Type> {
    // When several overloads take what may be anything, so may the result be.
    let mut fit = SIGNATURES.get(name)?.split(' ').filter_map(|overload| one(overload, receiver, arguments));
    let first = fit.next()?;
    Some(if fit.all(|other| std::mem::discriminant(&other) == std::mem::discriminant(&first)) {
        first
    } else {
        Type::Dyn
    })
}

fn one(overload: &str, receiver: Option<&Type>, arguments: &[Type]) -> Option<Type> {
    let (taken, given) = overload.split_once('>')?;
    let (wanted, letters) = match taken.split_once('.') {
        Some((wanted, letters)) => (wanted.chars().next(), letters),
        None => (None, taken),
    };
    let fits = |letter: char, found: &Type| match (letter, found) {
        ('?', _) | (_, Type::Dyn) => true,
        ('U', Type::List(items, ..)) => {
            matches!(**items, Type::Int | Type::Uint | Type::Double | Type::Duration | Type::Dyn)
        }
        ('O', Type::List(items, ..)) => {
            items.is_scalar() || matches!(**items, Type::String(_) | Type::Bytes(_) | Type::Dyn)
        }
        ('N', Type::List(items, ..)) => matches!(**items, Type::List(..) | Type::Dyn),
        ('U' | 'O' | 'N', _) => false,
        _ => of(letter).accepts(found),
    };
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
            Some(Type::List(inner, ..) | Type::Optional(inner)) => (**inner).clone(),
            _ => Type::Dyn,
        },
        Some('F') => match receiver {
            Some(Type::List(inner, ..)) => (**inner).clone(),
            _ => list(Type::Dyn),
        },
        Some('o') => Type::Optional(Arc::new(match (receiver, arguments.first()) {
            (Some(Type::List(items, ..)), _) => (**items).clone(),
            (None, Some(value)) => value.clone(),
            _ => Type::Dyn,
        })),
        Some(letter) => of(letter),
        None => Type::Dyn,
    })
}

/// The type of a joined value: that of the part of which more is known.
fn larger(parts: &[Type]) -> Type {
    let known = |part: &&Type| match part {
        Type::List(items, ..) => **items != Type::Dyn,
        part => **part != Type::Dyn,
    };
    parts.iter().find(known).or(parts.first()).cloned().unwrap_or(Type::Dyn)
}

fn list(items: Type) -> Type {
    Type::List(Arc::new(items), SMALL, Order::Given)
}

fn of(letter: char) -> Type {
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

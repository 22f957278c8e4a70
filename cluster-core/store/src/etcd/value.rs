//! How objects are kept in etcd: the key is the object's three parts, the value its text in two halves.

use crate::prelude::*;
use bytes::{Buf, Bytes};

/// All keys begin with it; the parts follow, with a NUL, which is in none of them, between two.
pub(super) const PREFIX: Bytes = Bytes::from_static(b"/devcluster/");
/// The first key after all of them.
pub(super) const PREFIX_END: Bytes = Bytes::from_static(b"/devcluster0");

/// The key under which an object is kept.
pub(super) fn path(key: &Key) -> Bytes {
    [&PREFIX[..], key.resource.as_bytes(), b"\0", key.namespace.as_bytes(), b"\0", key.name.as_bytes()].concat().into()
}

/// The object of a key; none for what is not the store's.
pub(super) fn parse(path: &[u8]) -> Option<Key> {
    let mut parts = std::str::from_utf8(path.strip_prefix(&PREFIX[..])?).ok()?.splitn(3, '\0');
    Some(Key::new(parts.next()?, parts.next()?, parts.next()?))
}

/// What is kept of a draft: both halves, sealed, with a NUL, which JSON text never holds, where the revision goes. etcd
/// tells the revision only when the value is there.
pub(super) fn pack(at_rest: &AesGcm, key: &Key, draft: &Draft) -> Result<Bytes, SealError> {
    at_rest.seal(key, &[&draft.before[..], b"\0", &draft.after[..]].concat()).map(Bytes::from)
}

pub(super) fn unpack(at_rest: &AesGcm, key: &Key, stored: Bytes) -> Result<Draft, SealError> {
    let mut after = Bytes::from(at_rest.open(key, stored.into())?);
    let gap = after.iter().position(|byte| *byte == 0);
    let gap =
        gap.ok_or_else(|| SealError { action: "open", key: key.clone(), reason: "it has no place for the revision" })?;
    let before = after.split_to(gap);
    after.advance(1);
    Ok(Draft { before, after, facts: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AesGcm;

    #[test]
    fn what_is_packed_is_unpacked_and_nothing_else_is_taken_for_an_object() {
        let draft = Draft { before: r#"{"resourceVersion":""#.into(), after: r#""}"#.into(), facts: None };
        for key in [Key::new("pods", "default", "a"), Key::new("apps/deployments", "", "x/y")] {
            assert!(PREFIX < path(&key) && path(&key) < PREFIX_END);
            assert_eq!(parse(&path(&key)), Some(key.clone()));
            let stored = pack(&AesGcm::default(), &key, &draft).expect("packed");
            let read = unpack(&AesGcm::default(), &key, stored).expect("unpacked");
            assert_eq!((read.before, read.after), (draft.before.clone(), draft.after.clone()));
            assert!(unpack(&AesGcm::default(), &key, "{}".into()).is_err());
        }
        for foreign in [&b"/devcluster/pods"[..], b"compact_rev_key", b"/devcluster/\xff\0\0"] {
            assert_eq!(parse(foreign), None);
        }
    }
}

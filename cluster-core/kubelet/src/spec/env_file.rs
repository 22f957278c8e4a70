//! Files of variables in a volume, `NAME='value'` as a shell reads it. Nothing in the volume can lead out of it.

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use std::io::Read;
use std::path::Path;

/// Most bytes that are read of a file.
const LIMIT: u64 = 1 << 20;

/// The value of a variable in the file at `path` of the volume.
pub(super) fn read(volume: &Path, path: &str, key: &str) -> Result<Option<String>, String> {
    let text = open_inside(volume, path).and_then(|file| {
        let mut text = String::new();
        file.take(LIMIT).read_to_string(&mut text).map(|_| text)
    });
    value(&text.map_err(|e| format!("couldn't parse env file: {path:?}: {e}"))?, key)
}

fn open_inside(volume: &Path, path: &str) -> std::io::Result<std::fs::File> {
    let root = open(volume, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_IN_ROOT);
    Ok(std::fs::File::from(openat2(root, path, how)?))
}

fn value(text: &str, key: &str) -> Result<Option<String>, String> {
    let mut rest = text;
    while !rest.is_empty() {
        let (assigned, behind) = assignment(rest).map_err(|why| format!("couldn't parse env file: {why}"))?;
        if let Some((_, value)) = assigned.filter(|(name, _)| *name == key) {
            return Ok(Some(value.to_owned()));
        }
        rest = behind;
    }
    Ok(None)
}

/// What the first line assigns, a name and a value, if it does; and the text behind it, or behind the lines of its value.
fn assignment(text: &str) -> Result<(Option<(&str, &str)>, &str), &'static str> {
    let text = text.trim_start_matches([' ', '\t']);
    let (line, behind) = text.split_once('\n').unwrap_or((text, ""));
    if line.trim_end_matches('\r').is_empty() || line.starts_with('#') {
        return Ok((None, behind));
    }
    let (name, assigned) = line.split_once('=').ok_or("missing '='")?;
    if name.is_empty() || name.contains([' ', '\t']) {
        return Err("empty variable name, or whitespace before '='");
    }
    // As in a shell, what stands behind a space is not assigned any more.
    if assigned.is_empty() || assigned.starts_with([' ', '\t']) {
        return Ok((Some((name, "")), behind));
    }
    let quoted = text[name.len() + 1..].strip_prefix('\'').and_then(|quoted| quoted.split_once('\''));
    let (value, behind) = quoted.ok_or("a value must be enclosed in single quotes")?;
    let (comment, behind) = behind.split_once('\n').unwrap_or((behind, ""));
    let comment = comment.trim_start();
    if !comment.is_empty() && !comment.starts_with('#') {
        return Err("unexpected content after closing quote");
    }
    Ok((Some((name, value)), behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_between_single_quotes_and_may_have_lines() {
        let text = "# note\n\n  A='1' # one\nB='two\nlines'\nC= 'x'\nD=\nE=''\n";
        let some = |text: &str| Ok(Some(text.to_owned()));
        let cases = [
            ("A", some("1")),
            ("B", some("two\nlines")),
            ("C", some("")),
            ("D", some("")),
            ("E", some("")),
            ("F", Ok(None)),
        ];
        for (key, expected) in cases {
            assert_eq!(value(text, key), expected, "{key}");
        }
        for bad in ["A", "A = '1'", "='1'", "A=1", "A='1", "A='1'x"] {
            assert!(value(bad, "B").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_link_in_a_volume_stays_inside() {
        let volume = tempfile::tempdir().expect("a folder");
        std::fs::write(volume.path().join("vars"), "A='inside'\n").expect("written");
        for (link, to) in [("near", "/vars"), ("up", "../../../vars"), ("far", "/etc/passwd")] {
            std::os::unix::fs::symlink(to, volume.path().join(link)).expect("linked");
        }
        for (path, found) in [("vars", true), ("near", true), ("up", true), ("far", false), ("nothing", false)] {
            let value = read(volume.path(), path, "A").ok().flatten();
            assert_eq!(value, found.then(|| "inside".to_owned()), "{path}");
        }
    }
}

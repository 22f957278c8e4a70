//! `format` of strings: what <https://github.com/kubernetes/kube-openapi/tree/master/pkg/validation/strfmt> checks.

use crate::prelude::*;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// Formats that are a pattern; names have no dashes here. One label of a host's name may have a dash as its second letter
/// only, and the last of several has no digits.
static COMPILED: LazyLock<HashMap<&str, Regex>> = LazyLock::new(|| {
    let patterns: HashMap<&str, Cow<'_, str>> =
        serde_json::from_str(include_str!("formats.json")).expect("a table of patterns, which tests read");
    let compiled = |pattern: &str| Regex::new(pattern).expect("a pattern, which tests compile");
    patterns.into_iter().map(|(name, pattern)| (name, compiled(&pattern))).collect()
});

/// Whether text has a format; formats nobody knows are no rule.
pub(super) fn fits(format: &str, given: &str) -> bool {
    // `date-time` is `datetime`, and so on.
    let format = format.replace('-', "");
    let pattern = |name: &str, text: &str| COMPILED.get(name).is_some_and(|pattern| pattern.is_match(text));
    match format.as_str() {
        "datetime" => {
            given.parse::<jiff::Timestamp>().is_ok()
                && given.as_bytes().get(10).is_some_and(|t| t.eq_ignore_ascii_case(&b't'))
        }
        "date" => given.parse::<jiff::civil::Date>().is_ok() && given.len() == 10,
        "duration" => cluster_cel::is_duration(given) || has_spans(given),
        "mac" => is_mac(given),
        "ipv4" => given.contains('.') && ip(given).is_some(),
        "ipv6" => given.parse::<Ipv6Addr>().is_ok(),
        "cidr" => given.split_once('/').is_some_and(|(address, length)| {
            ip(address).is_some_and(|address| format!("{address}/{length}").parse::<IpNet>().is_ok())
        }),
        "email" => given.rsplit_once('@').is_some_and(|(user, host)| is_mailbox(user) && is_domain(host)),
        "uri" => url::Url::parse(given).is_ok() || given.starts_with('/'),
        "creditcard" => {
            let digits: String = given.chars().filter(char::is_ascii_digit).collect();
            pattern("creditcard", &digits) && luhn(&digits)
        }
        "isbn" => fits("isbn10", given) || fits("isbn13", given),
        "isbn10" | "isbn13" => {
            let digits: String = given.chars().filter(|c| *c != '-' && !c.is_ascii_whitespace()).collect();
            pattern(&format, &digits) && isbn(&digits)
        }
        "hostname" => pattern("hostname", given) && given.len() <= 255 && given.split('.').all(|part| part.len() <= 63),
        "k8slongname" => given.len() <= 253 && pattern("k8slongname", given),
        "k8sshortname" => given.len() <= 63 && pattern("k8sshortname", given),
        name => COMPILED.get(name).is_none_or(|pattern| pattern.is_match(given)),
    }
}

/// An address whose parts may have leading zeros, as Go once read them.
fn ip(text: &str) -> Option<IpAddr> {
    let part = |part: &str| if part.len() > 1 { part.trim_start_matches('0').to_owned() } else { part.to_owned() };
    let plain = text.split('.').map(|p| Some(part(p)).filter(|p| !p.is_empty()).unwrap_or_else(|| "0".to_owned()));
    text.parse().ok().or_else(|| plain.collect::<Vec<_>>().join(".").parse().ok())
}

/// Six, eight or twenty bytes: in pairs with `:` or `-`, in fours with `.`, or with nothing between them.
fn is_mac(text: &str) -> bool {
    let groups = |separator: char, digits: usize| {
        let groups: Vec<&str> = text.split(separator).collect();
        let sound = |group: &&str| group.len() == digits && group.chars().all(|c| c.is_ascii_hexdigit());
        matches!(groups.len() * digits, 12 | 16 | 40) && groups.iter().all(sound)
    };
    groups(':', 2) || groups('-', 2) || groups('.', 4) || groups(':', text.len())
}

/// `3 days 2h`: numbers with units among whatever else there is.
fn has_spans(text: &str) -> bool {
    const UNITS: &str = "ns us µs ms s m h hr d w wk";
    const LONG: [&str; 8] = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];
    let rest = |part: &str| {
        let unit = part.trim_start_matches(|c: char| c.is_ascii_digit());
        (unit.len() < part.len()).then(|| unit.trim_start().to_owned())
    };
    let starts = text.char_indices().filter(|(_, c)| c.is_ascii_digit()).filter_map(|(at, _)| rest(&text[at..]));
    let mut units = starts.map(|rest| {
        let unit = rest.split(|c: char| !c.is_ascii_alphabetic() && c != 'µ').next().unwrap_or_default().to_lowercase();
        UNITS.split(' ').any(|known| known == unit) || LONG.iter().any(|known| unit.starts_with(known))
    });
    units.any(|known| known)
}

/// What may stand before the `@`: words with dots between them, or a quoted string.
fn is_mailbox(user: &str) -> bool {
    let quoted = user.len() > 1 && user.starts_with('"') && user.ends_with('"');
    let word =
        |word: &str| !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "()<>[]:;@\\,\"".contains(c));
    quoted || user.split('.').all(word)
}

fn is_domain(host: &str) -> bool {
    cluster_object::name::dns_subdomain(&host.to_lowercase()).is_ok()
}

/// The check sum of ISO/IEC 7812.
fn luhn(digits: &str) -> bool {
    let digits = digits.bytes().rev().map(|digit| u32::from(digit - b'0')).enumerate();
    let sum: u32 = digits.map(|(at, digit)| if at % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { digit }).sum();
    sum.is_multiple_of(10)
}

/// The check sum of ISO 2108, of ten or of thirteen digits.
fn isbn(digits: &str) -> bool {
    let digits = digits.bytes().map(|digit| if digit == b'X' { 10 } else { u32::from(digit - b'0') });
    if digits.len() == 10 {
        (1..).zip(digits).map(|(at, digit)| at * digit).sum::<u32>().is_multiple_of(11)
    } else {
        [1, 3].into_iter().cycle().zip(digits).map(|(weight, digit)| weight * digit).sum::<u32>().is_multiple_of(10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_take_what_upstream_takes() {
        // Each was put to apiextensions-apiserver 1.36. Nothing at all has none of these formats.
        let table: &[(&str, &[&str], &[&str])] = &[
            ("bsonobjectid", &["507f1f77bcf86cd799439011", "ABCDEFabcdef012345678901"], &["abc"]),
            ("byte", &["aGVsbG8=", "abcd", "ab=="], &["aGVsbG8", "aGVs bG8="]),
            ("cidr", &["1.2.3.4/24", "01.2.3.4/8", "2001:db8::/32"], &["1.2.3.4", "1.2.3.4/33"]),
            (
                "credit-card",
                &["4111111111111111", "4111 1111 1111 1111", "378282246310005"],
                &["4111111111111112", "1"],
            ),
            ("date-time", &["2020-01-01T00:00:00Z", "2020-01-01t00:00:00z"], &["2020-01-01 00:00:00Z", "2020-01-01"]),
            ("duration", &["1h", "1h30m", "-3s", "5 s", "1d", "P1D", "2 weeks"], &["a", "5", "1x"]),
            ("email", &["a@b.c", "a@b", "\"x y\"@b.com"], &["a", "@b", "x y@b"]),
            ("hexcolor", &["#fff", "fff", "123456"], &["#12345", "ggg"]),
            (
                "hostname",
                &["abc", "foo.example.com", "a-b.cd", "localhost"],
                &["1.2.3.4", "foo-bar", "-foo", "foo_bar", "a..bc"],
            ),
            ("ipv4", &["1.2.3.4", "01.2.3.4"], &["1.2.3", "::1", "a.b.c.d"]),
            ("isbn", &["0-306-40615-2", "0306406152", "978-0-306-40615-7"], &["0306406153", "9780306406158", "1"]),
            ("k8s-long-name", &["a.b-c.d"], &["a..b", "A", "a."]),
            ("k8s-short-name", &["a-b"], &["a.b", "-a"]),
            (
                "mac",
                &["00:11:22:33:44:55", "00-11-22-33-44-55", "0011.2233.4455", "001122334455"],
                &["00:11:22", "0011-2233-4455"],
            ),
            ("rgbcolor", &["rgb(1,2,3)", "rgb( 1, 2,3 )"], &["rgb(300,2,3)", "rgb(1,2)"]),
            ("ssn", &["123-45-6789", "123 45 6789"], &["123456789"]),
            ("uuid", &["550e8400-e29b-41d4-a716-446655440000", "550E8400e29b41d4a716446655440000"], &["550e8400"]),
            ("uuid3", &["6ba7b810-9dad-31d1-80b4-00c04fd430c8"], &["6ba7b810-9dad-51d1-80b4-00c04fd430c8"]),
            ("uuid5", &["6ba7b810-9dad-51d1-80b4-00c04fd430c8"], &["6ba7b810-9dad-31d1-80b4-00c04fd430c8"]),
        ];
        for (format, good, bad) in table {
            for text in *good {
                assert!(fits(format, text), "{format} {text:?}");
            }
            for text in bad.iter().chain(&[""]) {
                assert!(!fits(format, text), "{format} {text:?}");
            }
        }
        assert!(fits("password", "") && fits("unheard-of", "anything"));
    }
}

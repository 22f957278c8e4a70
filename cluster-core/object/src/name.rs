//! What names, keys and values may look like; the faults are worded as upstream's `util/validation`.

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

/// An RFC 1123 label: at most 63 of lower-case letters, digits and inner `-`.
pub fn dns_label(text: &str) -> Result<(), String> {
    let rule = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
                end with an alphanumeric character";
    check(text, 63, is_label, || regex_fault(rule, LABEL, &["my-name", "123-abc"]))
}

/// An RFC 1123 subdomain: labels joined by dots, at most 253 bytes.
pub fn dns_subdomain(text: &str) -> Result<(), String> {
    let rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
                start and end with an alphanumeric character";
    let fault = || regex_fault(rule, &format!(r"{LABEL}(\.{LABEL})*"), &["example.com"]);
    check(text, 253, |text| text.split('.').all(is_label), fault)
}

/// An RFC 1123 subdomain behind `*.`.
pub fn wildcard_dns_subdomain(text: &str) -> Result<(), String> {
    let rule = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist \
                of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
    let fault = || regex_fault(rule, &format!(r"\*\.{LABEL}(\.{LABEL})*"), &["*.example.com"]);
    check(text, 253, |text| text.strip_prefix("*.").is_some_and(|rest| rest.split('.').all(is_label)), fault)
}

/// An RFC 1035 label: an RFC 1123 label that starts with a letter.
pub fn dns1035_label(text: &str) -> Result<(), String> {
    let rule = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
                character, and end with an alphanumeric character";
    let good = |text: &str| is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase());
    check(text, 63, good, || regex_fault(rule, "[a-z]([-a-z0-9]*[a-z0-9])?", &["my-name", "abc-123"]))
}

/// Why a condition is as it is, in one word.
pub fn condition_reason(text: &str) -> Result<(), String> {
    let rule = "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric \
                characters or '_,:', and must end with an alphanumeric character or '_'";
    let good = |text: &str| {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.ends_with(word)
            && text.chars().all(|c| word(c) || matches!(c, ',' | ':'))
    };
    let examples = ["my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB"];
    check(text, 1024, good, || regex_fault(rule, "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", &examples))
}

/// Whether a label says of a node where workloads may run, which no node may say of itself.
pub fn is_guarded_on_nodes(label: &str) -> bool {
    /// What nodes may say of themselves in the domains of Kubernetes, and domains for more of that.
    const OWN: &str = "kubernetes.io/hostname kubernetes.io/arch kubernetes.io/os beta.kubernetes.io/arch \
        beta.kubernetes.io/os beta.kubernetes.io/instance-type topology.kubernetes.io/zone \
        topology.kubernetes.io/region failure-domain.beta.kubernetes.io/zone failure-domain.beta.kubernetes.io/region";
    const OWN_DOMAINS: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];
    let domain = label.split_once('/').map_or("", |(domain, _)| domain);
    let within = |of: &str| domain.strip_suffix(of).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let own = OWN_DOMAINS.into_iter().any(within) || OWN.split(' ').any(|known| known == label);
    within("node-restriction.kubernetes.io") || (within("kubernetes.io") || within("k8s.io")) && !own
}

/// What may stand as one segment of a URL path.
pub fn path_segment(text: &str) -> Result<(), String> {
    if text == "." || text == ".." {
        return Err(format!("may not be '{text}'"));
    }
    let faults: Vec<String> =
        ["/", "%"].iter().filter(|c| text.contains(**c)).map(|c| format!("may not contain '{c}'")).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

/// A label or annotation key: a name of at most 63 bytes, with an optional DNS subdomain and `/` before it.
pub fn qualified_name(text: &str) -> Result<(), String> {
    let rule = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
                character";
    let fault = || regex_fault(rule, QUALIFIED, &["MyName", "my.name", "123-abc"]);
    let mut faults = Vec::new();
    let mut parts = text.split('/');
    let name = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, _) => name,
        (Some(prefix), Some(name), None) => {
            let good = if prefix.is_empty() { Err("must be non-empty".to_owned()) } else { dns_subdomain(prefix) };
            faults.extend(good.err().map(|why| format!("prefix part {why}")));
            name
        }
        _ => {
            let prefix = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return Err(format!("a qualified name {} {prefix}", fault()));
        }
    };
    let good = if name.is_empty() {
        Err(format!("must be non-empty; name part {}", fault()))
    } else {
        check(name, 63, is_qualified, fault)
    };
    faults.extend(good.err().map(|why| format!("name part {why}")));
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

/// The value of a label.
pub fn label_value(text: &str) -> Result<(), String> {
    let rule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
                start and end with an alphanumeric character";
    let fault = || regex_fault(rule, &format!("({QUALIFIED})?"), &["MyValue", "my_value", "12345"]);
    check(text, 63, |text| text.is_empty() || is_qualified(text), fault)
}

/// The name of an environment variable (the relaxed rule).
pub fn env_var_name(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("must be non-empty".to_owned());
    }
    if text.bytes().all(|b| (b == b' ' || b.is_ascii_graphic()) && b != b'=') {
        return Ok(());
    }
    Err("a valid environment variable name must consist only of printable ASCII characters other than '='".to_owned())
}

/// The name of a container's or service's port where it must be an IANA service name.
pub fn port_name(text: &str) -> Result<(), String> {
    let mut faults = Vec::new();
    if text.len() > 15 {
        faults.push(too_long(15));
    }
    if text.is_empty() || !text.bytes().all(|b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit()) {
        faults.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !text.bytes().any(|b| b.is_ascii_lowercase()) {
        faults.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        faults.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        faults.push("must not begin or end with a hyphen".to_owned());
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

/// A key in a ConfigMap or Secret.
pub fn config_key(text: &str) -> Result<(), String> {
    let rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    let good = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    check(text, 253, good, || regex_fault(rule, "[-._a-zA-Z0-9]+", &["key.name", "KEY_NAME", "key-name"]))?;
    match text {
        "." | ".." => Err(format!("must not be '{text}'")),
        _ if text.starts_with("..") => Err("must not start with '..'".to_owned()),
        _ => Ok(()),
    }
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn is_qualified(text: &str) -> bool {
    let inner = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let edge = |c: char| c.is_ascii_alphanumeric();
    inner && text.starts_with(edge) && text.ends_with(edge)
}

fn too_long(max: usize) -> String {
    format!("must be no more than {max} bytes")
}

fn check(text: &str, max: usize, good: impl Fn(&str) -> bool, fault: impl Fn() -> String) -> Result<(), String> {
    match (text.len() > max, good(text)) {
        (false, true) => Ok(()),
        (true, true) => Err(too_long(max)),
        (false, false) => Err(fault()),
        (true, false) => Err(format!("{}; {}", too_long(max), fault())),
    }
}

/// Upstream's `RegexError`, double space before `or` included.
fn regex_fault(rule: &str, regex: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples.iter().map(|e| format!("'{e}', ")).collect();
    format!("{rule} (e.g. {}regex used for validation is '{regex}')", examples.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rule = fn(&str) -> Result<(), String>;

    #[test]
    fn rules_take_what_upstream_takes() {
        let long63 = "a".repeat(63);
        let long253 = "a".repeat(253);
        let table: &[(Rule, &[&str], &[&str])] = &[
            (dns_label, &["a", "1", "a-b", &long63], &["", "-a", "a-", "A", "a.b", "ä"]),
            (dns_subdomain, &["a.b", "1.2", &long253], &["", ".a", "a..b", "a.", "A.b", "a_b"]),
            (wildcard_dns_subdomain, &["*.a.b"], &["*", "a.b", "*.", "*a.b"]),
            (dns1035_label, &["a1"], &["1a", ""]),
            (path_segment, &["a:b", "system:node", ""], &[".", "..", "a/b", "a%b"]),
            (qualified_name, &["a", "A.b_c", "example.com/a"], &["", "/a", "a/", "a/b/c", "Ex/a", "-a"]),
            (label_value, &["", "a", "A_b.c-1"], &["-a", "a b", "a/"]),
            (env_var_name, &["A", "1 b.c"], &["", "A=B", "ä"]),
            (port_name, &["http", "a-1"], &["", "1", "a--b", "-a", "too-long-for-a-port"]),
            (config_key, &["a.b", ".a"], &["", ".", "..", "..a", "a b"]),
        ];
        for (index, (rule, good, bad)) in table.iter().enumerate() {
            for text in *good {
                assert!(rule(text).is_ok(), "rule {index} refuses {text:?}");
            }
            for text in *bad {
                assert!(rule(text).is_err(), "rule {index} takes {text:?}");
            }
        }
    }

    #[test]
    fn faults_are_worded_as_upstream() {
        assert_eq!(
            dns_subdomain("A").unwrap_err(),
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
             and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        );
        assert_eq!(dns_subdomain(&"a".repeat(254)).unwrap_err(), "must be no more than 253 bytes");
        assert_eq!(
            dns_label("a.b").unwrap_err(),
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end \
             with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        );
        assert_eq!(
            qualified_name("Ex/-a").unwrap_err().matches(" part ").count(),
            2,
            "both the prefix and the name are at fault"
        );
    }
}

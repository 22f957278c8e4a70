//! Deep links: `devcluster://CLUSTER/PATH?QUERY` is a page of the dashboard.

use tauri::Url;

const SCHEME: &str = "devcluster";

/// The dashboard's path of a link; `None` for what is no link of ours. Any web page can make such a link, so nothing of
/// it is taken but a cluster's name, a path below it and a query: no fragment, which could carry a session's token.
pub(crate) fn route(link: &str) -> Option<String> {
    let url = Url::parse(link).ok().filter(|url| url.scheme() == SCHEME)?;
    let Some(cluster) = url.host_str().filter(|host| !host.is_empty()) else { return Some("/".to_owned()) };
    if !is_name(cluster) || url.port().is_some() || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let path = url.path().trim_end_matches('/');
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("/c/{cluster}{path}{query}"))
}

/// What a cluster may be called: a DNS label.
fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_page_of_its_cluster_and_nowhere_else() {
        let table = [
            ("devcluster://dev", Some("/c/dev")),
            ("devcluster://dev/", Some("/c/dev")),
            ("devcluster://dev/map", Some("/c/dev/map")),
            ("devcluster://dev/r/core/v1/pods?ns=a,b", Some("/c/dev/r/core/v1/pods?ns=a,b")),
            ("devcluster:///", Some("/")),
            ("devcluster://dev/../../x", Some("/c/dev/x")),
            ("devcluster://dev/%2e%2e/x", Some("/c/dev/x")),
            ("devcluster://dev/map#t=token", Some("/c/dev/map")),
            ("devcluster://dev/a\"b", Some("/c/dev/a%22b")),
            ("devcluster://evil.example/x", None),
            ("devcluster://user@dev/x", None),
            ("devcluster://dev:80/x", None),
            ("https://dev/x", None),
            ("--hidden", None),
            ("/usr/bin/devcluster-desktop", None),
        ];
        for (link, expected) in table {
            assert_eq!(route(link).as_deref(), expected, "{link}");
        }
    }
}

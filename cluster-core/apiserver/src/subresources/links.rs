//! Pages behind a proxy: links and redirects that lead to the backend lead through the proxy again.
//! Source of the rules: upstream's `apimachinery/pkg/util/proxy`.

use crate::prelude::*;
use axum::body::to_bytes;
use flate2::read::GzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use regex::{Captures, Regex};
use std::io::Read;

/// Bytes of the longest page whose links are rewritten, also when unpacked.
const PAGE_LIMIT: usize = 16 << 20;

/// Where pages come from, and where they are seen.
pub(super) struct Links<'a> {
    /// The path of the proxy, to which the paths of the backend are appended.
    pub(super) prefix: &'a str,
    /// `host:port` of the backend, and as which the client asked for this server.
    pub(super) hosts: [&'a str; 2],
}

impl Links<'_> {
    /// The answer as the client is to get it.
    pub(super) async fn rewrite(&self, mut response: Response<Body>) -> Result<Response<Body>, Status> {
        let text = |headers: &HeaderMap, name| {
            headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).map(str::to_owned)
        };
        if let Some(location) = text(response.headers(), LOCATION) {
            let location = HeaderValue::from_str(&self.url(&location)).map_err(Status::internal)?;
            response.headers_mut().insert(LOCATION, location);
            return Ok(response);
        }
        let kind = text(response.headers(), CONTENT_TYPE).unwrap_or_default();
        let encoding = text(response.headers(), CONTENT_ENCODING);
        if kind.split(';').next().unwrap_or_default().trim() != "text/html"
            || encoding.as_ref().is_some_and(|encoding| encoding != "gzip")
        {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let broken = |why: String| Status::new(502, "", format!("error trying to reach service: {why}"));
        let mut page = to_bytes(body, PAGE_LIMIT).await.map_err(|e| broken(e.to_string()))?.to_vec();
        if encoding.is_some() && !page.is_empty() {
            let mut plain = Vec::new();
            let limit = PAGE_LIMIT as u64 + 1;
            GzDecoder::new(page.as_slice()).take(limit).read_to_end(&mut plain).map_err(|e| broken(e.to_string()))?;
            if plain.len() > PAGE_LIMIT {
                return Err(broken("the page is too long".to_owned()));
            }
            page = plain;
            parts.headers.remove(CONTENT_ENCODING);
        }
        parts.headers.remove(CONTENT_LENGTH);
        let page = String::from_utf8(page)
            .map_or_else(|e| Body::from(e.into_bytes()), |page| Body::from(self.page(&page).into_owned()));
        Ok(Response::from_parts(parts, page))
    }

    /// A link of the backend: one to another host, and a relative one, stays as it is.
    fn url(&self, link: &str) -> String {
        let local = |host: &&str| {
            let rest = link.strip_prefix("http:").or_else(|| link.strip_prefix("https:")).unwrap_or(link);
            rest.strip_prefix("//")?.strip_prefix(*host).filter(|path| path.starts_with('/'))
        };
        let path = self.hosts.iter().find_map(local).unwrap_or(link);
        let absolute = path.starts_with('/') && !path.starts_with("//");
        match absolute {
            true if path.starts_with(self.prefix) => path.to_owned(),
            true => format!("{}{path}", self.prefix),
            false => link.to_owned(),
        }
    }

    fn page<'p>(&self, page: &'p str) -> Cow<'p, str> {
        /// Comments; elements whose text is no HTML, with that text; other tags.
        static TAGS: LazyLock<Regex> = LazyLock::new(|| {
            let rest = r#"(?:"[^"]*"|'[^']*'|[^'">])*>"#;
            pattern(&format!(r"(?is)<!--.*?-->|(<(?:script|style)\b{rest})(.*?</)|(<[a-z]{rest})"))
        });
        static LINKS: LazyLock<Regex> = LazyLock::new(|| {
            let names = "action|background|cite|classid|codebase|data|formaction|href|icon|longdesc|manifest|poster|profile|src|usemap";
            pattern(&format!(r#"(?i)(\s(?:{names})\s*=\s*["']?)([^"'\s>]+)"#))
        });
        TAGS.replace_all(page, |found: &Captures| {
            let Some(tag) = found.get(1).or(found.get(3)) else { return found[0].to_owned() };
            let tag = LINKS.replace_all(tag.as_str(), |link: &Captures| format!("{}{}", &link[1], self.url(&link[2])));
            format!("{tag}{}", found.get(2).map_or("", |text| text.as_str()))
        })
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: Links<'static> = Links { prefix: "/p/proxy", hosts: ["10.0.0.1:80", "localhost:8001"] };

    #[test]
    fn links_to_the_backend_lead_through_the_proxy() {
        for (link, seen) in [
            ("/a/?b=c#d", "/p/proxy/a/?b=c#d"),
            ("/p/proxy/a", "/p/proxy/a"),
            ("a/b", "a/b"),
            ("#top", "#top"),
            ("http://10.0.0.1:80/a", "/p/proxy/a"),
            ("//localhost:8001/a", "/p/proxy/a"),
            ("//elsewhere/a", "//elsewhere/a"),
            ("https://elsewhere/a", "https://elsewhere/a"),
        ] {
            assert_eq!(LINKS.url(link), seen, "{link}");
        }
    }

    #[test]
    fn only_links_of_tags_are_rewritten() {
        for (page, seen) in [
            (r#"<a href="/x">/x</a>"#, r#"<a href="/p/proxy/x">/x</a>"#),
            ("<IMG alt='a > b' SRC=/x>", "<IMG alt='a > b' SRC=/p/proxy/x>"),
            (
                r#"<script src="/x">f("<a href='/y'>")</script>"#,
                r#"<script src="/p/proxy/x">f("<a href='/y'>")</script>"#,
            ),
            (r#"<!-- <a href="/x"> --><b title="/x">"#, r#"<!-- <a href="/x"> --><b title="/x">"#),
        ] {
            assert_eq!(LINKS.page(page), seen, "{page}");
        }
    }
}

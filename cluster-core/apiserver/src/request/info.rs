//! The URL grammar: what a method and a path ask for, as upstream's `RequestInfoFactory` reads them.

use crate::kinds::prelude::*;
use cluster_object::selector::FieldRequirement;

/// What a request wants, as authorization and dispatch see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// get, list, watch, create, update, patch, delete, deletecollection; the lower-case method off the API.
    pub verb: Cow<'static, str>,
    /// API group; empty for core.
    pub group: String,
    /// API version.
    pub version: String,
    /// Plural resource.
    pub resource: String,
    /// Subresource, for example `status`.
    pub subresource: String,
    /// Namespace; empty for all or cluster scope.
    pub namespace: String,
    /// Object name; empty for collections.
    pub name: String,
    /// The path as it came.
    pub path: String,
    /// What follows the subresource, for example the path behind `proxy`, without a leading slash.
    pub rest: String,
    /// What a list, a watch or a deletion of several is limited to, as far as that can be read.
    pub fields: Vec<FieldRequirement>,
    /// As [`Self::fields`].
    pub labels: Selector,
    /// Whether the path is below an API group and version and names a resource.
    pub is_resource: bool,
}

impl RequestInfo {
    /// A request for a resource: its group, version, plural and subresource, a namespace and a name.
    pub(crate) fn of(verb: impl Into<Cow<'static, str>>, resource: [&str; 4], namespace: &str, name: &str) -> Self {
        let (verb, [group, version, resource, subresource]) = (verb.into(), resource.map(str::to_owned));
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        Self { verb, group, version, resource, subresource, namespace, name, is_resource: true, ..Self::default() }
    }

    /// Plural and subresource, as rules name them together.
    pub(crate) fn combined(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            subresource => format!("{}/{subresource}", self.resource),
        }
    }

    /// Reads method, path and raw query.
    pub fn parse(method: &Method, path: &str, query: &str) -> Self {
        let mut info =
            Self { verb: method.as_str().to_ascii_lowercase().into(), path: path.to_owned(), ..Self::default() };
        let decoded: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
        let mut parts: Vec<&str> = decoded.iter().map(String::as_str).collect();
        let grouped = match parts.first() {
            Some(&"api") if parts.len() >= 3 => false,
            Some(&"apis") if parts.len() >= 4 => true,
            _ => return info,
        };
        parts.remove(0);
        if grouped {
            parts.remove(0).clone_into(&mut info.group);
        }
        parts.remove(0).clone_into(&mut info.version);
        info.is_resource = true;
        info.verb = resource_verb(method).into();
        if matches!(parts.first(), Some(&"watch")) && parts.len() > 1 {
            parts.remove(0);
            info.verb = if info.verb == "get" { "watch" } else { "" }.into();
        }
        if let ["namespaces", namespace, rest @ ..] = parts.as_slice() {
            (*namespace).clone_into(&mut info.namespace);
            if !matches!(rest.first(), None | Some(&"status" | &"finalize")) {
                parts.drain(..2);
            }
        }
        for (index, field) in [&mut info.resource, &mut info.name, &mut info.subresource].into_iter().enumerate() {
            parts.get(index).copied().unwrap_or_default().clone_into(field);
        }
        info.rest = raw_rest(path, &parts);
        if info.name.is_empty() {
            info.collection_verb(query);
        }
        info
    }

    fn collection_verb(&mut self, query: &str) {
        match &*self.verb {
            "get" => {
                let watches = pairs(query).any(|(key, value)| key == "watch" && super::boolean(&value));
                self.verb = if watches { "watch" } else { "list" }.into();
            }
            "delete" => self.verb = "deletecollection".into(),
            _ => {}
        }
        if matches!(&*self.verb, "list" | "watch" | "deletecollection") {
            let given =
                |name: &str| pairs(query).find(|(key, _)| key == name).map(|(_, value)| value).unwrap_or_default();
            self.select(&given("fieldSelector"), &given("labelSelector"));
            let named = self.fields.iter().find(|demand| demand.equal && demand.field == "metadata.name");
            self.name = named.map(|demand| demand.value.clone()).unwrap_or_default();
        }
    }

    /// Limits the request by these selectors, as far as they can be read.
    pub(crate) fn select(&mut self, fields: &str, labels: &str) {
        self.fields = FieldSelector::parse(fields).unwrap_or_default().requirements().to_vec();
        self.labels = Selector::parse(labels).unwrap_or_default();
    }
}

fn resource_verb(method: &Method) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::GET | Method::HEAD => "get",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "",
    }
}

fn decode(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// The undecoded tail of the path behind resource, name and subresource; a trailing slash is kept.
fn raw_rest(path: &str, parts: &[&str]) -> String {
    if parts.len() <= 3 {
        return if parts.len() == 3 && path.ends_with('/') { "/".to_owned() } else { String::new() };
    }
    let raw: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let trailing = usize::from(path.ends_with('/'));
    raw[raw.len() - trailing - (parts.len() - 3)..].join("/")
}

/// The decoded pairs of a query.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: &str, expected: &str) {
        let (method, url) = request.split_once(' ').expect("a method and a path");
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let i = RequestInfo::parse(&method.parse().expect("a method"), path, query);
        let got =
            [&*i.verb, &i.group, &i.version, &i.namespace, &i.resource, &i.name, &i.subresource, &i.rest].join("|");
        assert_eq!(got, expected, "{request}");
    }

    #[test]
    fn paths_are_read_as_upstream_reads_them() {
        check("GET /api/v1/namespaces", "list||v1||namespaces|||");
        check("GET /api/v1/namespaces/x", "get||v1|x|namespaces|x||");
        check("PUT /api/v1/namespaces/x/finalize", "update||v1|x|namespaces|x|finalize|");
        check("GET /api/v1/namespaces/x/pods?watch=true", "watch||v1|x|pods|||");
        check("GET /api/v1/watch/namespaces/x/pods/p", "watch||v1|x|pods|p||");
        check("GET /apis/apps/v1/deployments?fieldSelector=metadata.name%3Da", "list|apps|v1||deployments|a||");
        check("DELETE /apis/apps/v1/namespaces/x/deployments", "deletecollection|apps|v1|x|deployments|||");
        check("POST /api/v1/namespaces/x/pods/p/exec?command=a", "create||v1|x|pods|p|exec|");
        check("GET /api/v1/namespaces/x/services/s:http/proxy/a/b%20c/", "get||v1|x|services|s:http|proxy|a/b%20c/");
        check("GET /api/v1/nodes/n/proxy/stats/summary", "get||v1||nodes|n|proxy|stats/summary");
        check("GET /apis/apps/v1", "get|||||||");
        check("POST /healthz", "post|||||||");
    }
}

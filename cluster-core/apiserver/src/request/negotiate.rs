//! Content negotiation: which encoding and which form of an object the client accepts.

use crate::prelude::*;
use http::header::{ACCEPT, ACCEPT_ENCODING};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Encoding {
    #[default]
    Json,
    Yaml,
    /// For who accepts nothing else: the stored text is JSON.
    Protobuf,
}

/// What an object is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Form {
    /// As it is.
    #[default]
    Object,
    /// A `Table` of this API version, `meta.k8s.io/v1` or `meta.k8s.io/v1beta1`.
    Table(&'static str),
    /// `PartialObjectMetadata` of this API version, or its list.
    Metadata(&'static str),
}

/// What the client accepts best of what the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Accept {
    pub(crate) encoding: Encoding,
    pub(crate) form: Form,
    /// Whether large answers may be compressed.
    pub(crate) gzip: bool,
}

impl Accept {
    /// Reads the Accept headers; `None` when nothing in the list can be served. Without `tables`, which a watch that
    /// begins with a list cannot be, they are passed over.
    pub(crate) fn parse(headers: &HeaderMap, tables: bool) -> Option<Self> {
        let text: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
        let clauses: Vec<&str> =
            text.iter().flat_map(|t| t.split(',')).map(str::trim).filter(|c| !c.is_empty()).collect();
        let best = if clauses.is_empty() {
            Some(Self::default())
        } else {
            let served = || {
                let forms = clauses.iter().filter_map(|clause| Self::clause(clause));
                forms.filter(|accept| tables || !matches!(accept.form, Form::Table(_)))
            };
            // Metadata is made for each answer anyway, so it is written as who asks likes it best.
            let ready = |accept: &Self| accept.encoding != Encoding::Protobuf || accept.form != Form::Object;
            served().find(ready).or_else(|| served().next())
        };
        best.map(|best| Self { gzip: takes_gzip(headers), ..best })
    }

    /// Whether objects of this resource can be written so: custom ones have no message, but in the form of metadata.
    pub(crate) fn can_be(&self, resource: &Resource) -> bool {
        let has_message = || protobuf::is_known(&resource.api_version(), &resource.kind);
        self.encoding != Encoding::Protobuf || self.form != Form::Object || has_message()
    }

    fn clause(clause: &str) -> Option<Self> {
        let mut parts = clause.split(';').map(str::trim);
        let encoding = match parts.next()? {
            "application/json" | "*/*" | "application/*" | "text/plain" | "text/*" => Encoding::Json,
            "application/yaml" => Encoding::Yaml,
            protobuf::MEDIA_TYPE => Encoding::Protobuf,
            _ => return None,
        };
        let (mut form, mut version): (fn(&'static str) -> Form, _) = (|_| Form::Object, "meta.k8s.io/v1");
        for (key, value) in parts.filter_map(|p| p.split_once('=')) {
            match (key, value) {
                // A table has no message.
                ("as", "Table") if encoding != Encoding::Protobuf => form = Form::Table,
                ("as", "PartialObjectMetadata" | "PartialObjectMetadataList") => form = Form::Metadata,
                ("as", _) => return None,
                ("v", "v1") => {}
                ("v", "v1beta1") => version = "meta.k8s.io/v1beta1",
                ("v", _) => return None,
                ("g", group) if group != "meta.k8s.io" => return None,
                _ => {}
            }
        }
        Some(Self { encoding, form: form(version), gzip: false })
    }
}

/// Whether the client takes compressed answers.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let all = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|text| text.split(',')).any(|coding| coding.split(';').next().is_some_and(|c| c.trim() == "gzip"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &str, expected: Option<(Encoding, Form)>) {
        let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().expect("a header"))]);
        assert_eq!(Accept::parse(&headers, true).map(|a| (a.encoding, a.form)), expected, "{accept}");
    }

    #[test]
    fn a_watch_that_begins_with_a_list_is_no_table() {
        for (accept, expected) in [
            ("application/json;as=Table;v=v1;g=meta.k8s.io", None),
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Some(Form::Object)),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().expect("a header"))]);
            assert_eq!(Accept::parse(&headers, false).map(|a| a.form), expected, "{accept}");
        }
    }

    #[test]
    fn the_first_clause_that_can_be_served_wins() {
        let (v1, beta) = ("meta.k8s.io/v1", "meta.k8s.io/v1beta1");
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        check(table, Some((Encoding::Json, Form::Table(v1))));
        let old = "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        check(old, Some((Encoding::Json, Form::Table(beta))));
        check("application/json;as=Table;v=v1alpha1;g=meta.k8s.io", None);
        check("application/vnd.kubernetes.protobuf,application/json", Some((Encoding::Json, Form::Object)));
        check("application/vnd.kubernetes.protobuf", Some((Encoding::Protobuf, Form::Object)));
        check("application/vnd.kubernetes.protobuf;stream=watch", Some((Encoding::Protobuf, Form::Object)));
        check("application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io", None);
        check(
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            Some((Encoding::Json, Form::Metadata(v1))),
        );
        check(
            "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
            Some((Encoding::Protobuf, Form::Metadata(v1))),
        );
        check("application/yaml", Some((Encoding::Yaml, Form::Object)));
        check("image/png", None);
        check("application/cbor", None);
    }
}

//! Query parameters.

use std::collections::HashMap;

/// All parameters; the last of equal names counts.
pub(crate) fn parameters(uri: &http::Uri) -> HashMap<String, String> {
    url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
}

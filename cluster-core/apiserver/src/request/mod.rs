//! Requests as the server sees them: URL, options, content types and bodies.

mod body;
mod info;
mod negotiate;
mod options;

pub(crate) use body::{check_type, decode_json_or_yaml, media_type, read, unrecognized, unsupported_media_type};
pub use info::RequestInfo;
pub(crate) use info::pairs;

pub(crate) use negotiate::{Accept, Encoding, Form, takes_gzip};
pub use options::{Query, VersionMatch};
pub(crate) use options::{boolean, check_delete, delete_options, forbidden_options};

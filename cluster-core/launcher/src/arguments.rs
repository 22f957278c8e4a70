//! Arguments for the API server: read on the host, the files that they name too.

use crate::prelude::*;
use cluster_config::{ApiServer, FileForm};

/// Reads arguments of the form `KEY=VALUE`, by the names of kube-apiserver's flags.
pub fn api_server(arguments: &[String]) -> Result<ApiServer> {
    ApiServer::parse(arguments, read).map_err(|why| Error::Invalid(format!("API server argument {why}")))
}

fn read(path: &str, form: FileForm) -> std::result::Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("failed to read `{path}`: {error}"))?;
    if form == FileForm::Text {
        return Ok(text.into());
    }
    let mut documents = yaml::from_manifest(&text).map_err(|error| error.to_string())?;
    match (documents.pop(), documents.is_empty()) {
        (Some(document), true) => Ok(document),
        _ => Err(format!("`{path}` must hold one YAML document")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_on_the_host_and_carried_along() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("policy.yaml");
        std::fs::write(&path, "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n")
            .expect("written");
        let parsed = api_server(&[format!("audit-policy-file={}", path.display())]).expect("a policy");
        assert_eq!(parsed.audit_policy.expect("there")["rules"][0]["level"], "Metadata");
        std::fs::write(&path, "a: [").expect("written");
        for argument in [format!("audit-policy-file={}", path.display()), "oidc-ca-file=/none/x".to_owned()] {
            let error = api_server(std::slice::from_ref(&argument)).expect_err("bad").to_string();
            assert!(error.starts_with(&format!("API server argument `{argument}`: ")), "{error}");
        }
    }
}

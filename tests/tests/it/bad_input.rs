//! Wrong input gets upstream's reason and message, and changes nothing.

use crate::support::{Space, client, yaml};
use bytes::Bytes;
use cluster_client::Error;
use http::{Method, Request};
use serde_json::Value;

#[test]
fn kubectl_is_told_what_is_wrong() {
    let t = Space::new("bad");
    let pod = |body: &str| format!("{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {body}}}");
    t.ok("kubectl create configmap taken");
    let cases = [
        (pod("{containers: [{name: c, image: x, imagePullPolice: Never}]}"),
         "error when creating \"STDIN\": Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \"spec.containers[0].imagePullPolice\""),
        (pod("{containers: [{name: c, image: x}], hostNetwork: 'yes, please'}"),
         "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool"),
        (pod("{containers: [{name: c}]}"), "The Pod \"p\" is invalid: spec.containers[0].image: Required value"),
        (pod("{containers: []}"), "The Pod \"p\" is invalid: spec.containers: Required value"),
        (pod("{containers: [{name: c, image: x}, {name: c, image: x}]}"), "The Pod \"p\" is invalid: spec.containers[1].name: Duplicate value: \"c\""),
        (pod("{containers: [{name: c, image: x}], restartPolicy: Sometimes}"),
         "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\""),
        (pod("{containers: [{name: c, image: x, resources: {requests: {cpu: lots}}}]}"), "quantities must match the regular expression"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: taken}}".to_owned(),
         "Error from server (AlreadyExists): error when creating \"STDIN\": configmaps \"taken\" already exists"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: l, labels: {a: 'no good!'}}}".to_owned(),
         "The ConfigMap \"l\" is invalid: metadata.labels: Invalid value: \"no good!\": a valid label must be an empty string or consist of alphanumeric characters, \
          '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
          '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: Upper}}".to_owned(),
         "The ConfigMap \"Upper\" is invalid: metadata.name: Invalid value: \"Upper\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters"),
        ("{apiVersion: v2, kind: Pod, metadata: {name: p}}".to_owned(), "no matches for kind \"Pod\" in version \"v2\""),
        ("{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: \
          {containers: [{name: c, image: x}]}}}}".to_owned(), "`selector` does not match template `labels`"),
        ("{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 70000}]}}".to_owned(),
         "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive"),
    ];
    for (manifest, said) in &cases {
        let error = t.fails_with("kubectl create -f -", yaml(manifest));
        assert!(error.contains(said), "{manifest}\ngot  {error}\nwant {said}");
    }
    t.prints(&[
        ("kubectl get pods,svc,deploy -o name", ""),
        ("kubectl get cm -o name | grep -v kube-root-ca", "configmap/taken"),
    ]);
    t.refuses("kubectl create deployment x --image=", &["Required value"]);
}

/// Sends a body as it stands; the failure's code, reason and message.
async fn refused(method: Method, path: &str, kind: &str, body: impl Into<Bytes>) -> (u16, String, String) {
    let request =
        Request::builder().method(method).uri(path).header("content-type", kind).body(body.into()).expect("a request");
    let response = client().backend().call(request).await.expect("an answer");
    let status: Value = serde_json::from_slice(response.body()).expect("a Status");
    let text = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
    assert_eq!((text("kind"), text("status")), ("Status".to_owned(), "Failure".to_owned()), "{status}");
    assert_eq!(status["code"], response.status().as_u16(), "{status}");
    (response.status().as_u16(), text("reason"), text("message"))
}

#[tokio::test]
async fn bodies_that_are_no_objects_are_refused() {
    let t = Space::new("bad-bodies");
    let path = format!("/api/v1/namespaces/{}/configmaps", t.namespace);
    let config =
        |data: &str| format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"c"}},"data":{data}}}"#);
    let cases: [(&str, Vec<u8>, u16, &str, &str); 7] = [
        (
            "application/json",
            config(&format!("{{\"k\":\"{}\"}}", "x".repeat(3 << 20))).into(),
            413,
            "RequestEntityTooLarge",
            "limit is 3145728",
        ),
        (
            "application/json",
            config(&format!("{{\"k\":\"{}\"}}", "x".repeat(2 << 20))).into(),
            422,
            "Invalid",
            "[]: Too long: may not be more than 1048576 bytes",
        ),
        ("application/json", [config("{\"k\":\"").as_bytes(), b"\xff\xfe\"}}"].concat(), 400, "BadRequest", ""),
        ("application/json", b"{".to_vec(), 400, "BadRequest", ""),
        ("application/json", config("[]").into(), 400, "BadRequest", "cannot unmarshal"),
        (
            "application/x-unicorn",
            config("{}").into(),
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format",
        ),
        ("application/json", config("{}").replace("ConfigMap", "Secret").into(), 400, "BadRequest", "Secret"),
    ];
    for (kind, body, code, reason, message) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
        let got = refused(Method::POST, &path, kind, body).await;
        assert!(got.0 == code && got.1 == reason && got.2.contains(message), "{kind} {shown}: {got:?}");
    }
    t.prints(&[("kubectl get cm -o name | grep -v kube-root-ca || true", "")]);
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_not_found() {
    let got = refused(Method::GET, "/api/v1/namespaces/default/unicorns", "application/json", "").await;
    assert_eq!(got, (404, "NotFound".to_owned(), "the server could not find the requested resource".to_owned()));
    let got = refused(Method::PUT, "/api/v1/namespaces/default/configmaps", "application/json", "{}").await;
    assert_eq!(
        got,
        (
            405,
            "MethodNotAllowed".to_owned(),
            "the server does not allow this method on the requested resource".to_owned()
        )
    );
    let gone = client().raw(Method::GET, "/api/v1/configmaps?watch=true&resourceVersion=nonsense", None).await;
    let Err(Error::Api(status)) = gone else { panic!("{gone:?}") };
    assert!(status.to_string().contains("nonsense"), "{status}");
}

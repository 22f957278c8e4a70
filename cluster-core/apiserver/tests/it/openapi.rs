//! The OpenAPI documents as clients fetch them.

use super::{Api, Body};
use flate2::read::GzDecoder;
use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use std::io::Read;

async fn fetch(api: &Api, path: &str, headers: [(&str, &str); 2]) -> Response<Body> {
    let request = headers.into_iter().fold(Request::get(path), |request, (name, value)| request.header(name, value));
    api.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_document_comes_compressed_or_plain_and_not_again() {
    let api = Api::start().await;
    let index = api.get("/openapi/v3").await.ok();
    for path in ["api", "apis", "apis/apps", "version", "openid/v1/jwks"] {
        assert!(index["paths"][path].is_object(), "{path}");
    }
    let path = index["paths"]["apis/batch/v1"]["serverRelativeURL"].as_str().expect("a path");
    let plain = api.get(path).await.ok();
    let list = &plain["paths"]["/apis/batch/v1/namespaces/{namespace}/jobs"]["get"];
    assert_eq!(list["operationId"], "listBatchV1NamespacedJob");

    let zipped = fetch(&api, path, [("accept-encoding", "gzip"), ("if-none-match", "")]).await;
    assert_eq!(
        (zipped.status().as_u16(), &zipped.headers()["content-encoding"]),
        (200, &"gzip".parse().expect("text"))
    );
    let etag = zipped.headers()["etag"].to_str().expect("text").to_owned();
    let bytes = zipped.into_body().collect().await.expect("a body").to_bytes();
    let mut text = Vec::new();
    GzDecoder::new(&*bytes).read_to_end(&mut text).expect("gzip");
    assert_eq!(serde_json::from_slice::<Value>(&text).expect("JSON"), plain);

    let known = fetch(&api, path, [("accept-encoding", "gzip"), ("if-none-match", &etag)]).await;
    assert_eq!((known.status().as_u16(), known.headers().get("content-encoding")), (304, None));
    assert_eq!(api.get("/openapi/v3/apis/nothing").await.code, 404);
}

/// The path and the method of every operation is one that the server answers, so nothing is described that is not there.
#[tokio::test]
async fn what_is_described_is_served() {
    let api = Api::start().await;
    let document = api.get("/openapi/v2").await.ok();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{namespace}", "default").replace("{name}", "nobody").replace("{path}", "x");
        for method in item.as_object().into_iter().flat_map(serde_json::Map::keys).filter(|key| *key != "parameters") {
            let short = if path.contains("/watch/") { format!("{path}?timeoutSeconds=0") } else { path.clone() };
            let dry = if method == "get" { short } else { format!("{path}?dryRun=All") };
            let request = Request::builder().method(&*method.to_uppercase()).uri(&dry);
            let code = api.send(request.body(Body::empty()).expect("a request")).await.status().as_u16();
            assert!(
                code != 405 && code < 500 || path.contains("/proxy") || path.contains("metrics"),
                "{method} {dry}: {code}"
            );
            asked += 1;
        }
    }
    assert!(asked > 900, "{asked}");
}

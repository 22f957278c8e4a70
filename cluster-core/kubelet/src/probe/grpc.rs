//! The gRPC health protocol, one call over HTTP/2: `grpc.health.v1.Health/Check`.

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use k8s_openapi::api::core::v1::GRPCAction;
use prost::Message;

/// Asks once.
pub(super) async fn check(ip: &str, action: &GRPCAction) -> Result<(), String> {
    let service = action.service.as_deref().unwrap_or_default();
    let port = u16::try_from(action.port).map_err(|_| format!("illegal port {}", action.port))?;
    let unreachable = |e: &dyn std::fmt::Display| format!("timeout: failed to connect service \"{ip}:{port}\": {e}");
    let stream = tokio::net::TcpStream::connect((ip, port)).await.map_err(|e| unreachable(&e))?;
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|e| unreachable(&e))?;
    let driver = tokio::spawn(connection);
    let request = http::Request::post(format!("http://{ip}:{port}/grpc.health.v1.Health/Check"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("user-agent", "kube-probe/1.37")
        .body(Full::new(encode(service)))
        .map_err(|e| e.to_string())?;
    let response = sender.send_request(request).await.map_err(|e| format!("rpc failed: {e}"))?;
    let head = response.headers().clone();
    let body = response.into_body().collect().await.map_err(|e| format!("rpc failed: {e}"))?;
    driver.abort();
    let status = body.trailers().and_then(|t| t.get("grpc-status")).or_else(|| head.get("grpc-status")).cloned();
    let code = status.as_ref().and_then(|s| s.to_str().ok()).unwrap_or("2");
    match (code, decode(&body.to_bytes())) {
        ("0", "SERVING") => Ok(()),
        ("0", other) => Err(format!("service unhealthy (responded with {other:?})")),
        ("12", _) => Err("this server does not implement the grpc health protocol (grpc.health.v1.Health)".to_owned()),
        (code, _) => Err(format!("health rpc failed: rpc error: code = {code}")),
    }
}

/// `grpc.health.v1.HealthCheckRequest`
#[derive(Clone, PartialEq, Eq, Message)]
struct Question {
    #[prost(string, tag = "1")]
    service: String,
}

/// `grpc.health.v1.HealthCheckResponse`
#[derive(Clone, PartialEq, Eq, Message)]
struct Answer {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// What a status is called.
const NAMES: [&str; 4] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

/// A message behind its length.
fn encode(service: &str) -> Bytes {
    let message = Question { service: service.to_owned() }.encode_to_vec();
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(0);
    frame.put_u32(message.len() as u32);
    frame.put_slice(&message);
    frame.freeze()
}

/// The status in an answer; unknown when there is none.
fn decode(frame: &[u8]) -> &'static str {
    let answer = Answer::decode(frame.get(5..).unwrap_or_default()).unwrap_or_default();
    usize::try_from(answer.status).ok().and_then(|status| NAMES.get(status)).unwrap_or(&NAMES[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_wire_form_of_the_health_protocol() {
        assert_eq!(encode("").as_ref(), [0, 0, 0, 0, 0]);
        assert_eq!(encode("ab").as_ref(), [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
        assert_eq!(decode(&[0, 0, 0, 0, 2, 8, 1]), "SERVING");
        for unknown in [&[0, 0, 0, 0, 0][..], &[], &[0, 0, 0, 0, 2, 8, 9]] {
            assert_eq!(decode(unknown), "UNKNOWN");
        }
    }
}

//! `GET /containerLogs/NAMESPACE/POD/CONTAINER`.

use crate::pod::status::container_statuses;
use crate::prelude::*;
use crate::runtime::{LogQuery, Output, OutputStream};
use axum::extract::{Path, State};
use axum::response::Response;
use futures::Stream;
use k8s_openapi::api::core::v1::{ContainerStatus, PodStatus};

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    follow: bool,
    previous: bool,
    timestamps: bool,
    tail: Option<u64>,
    since: Option<Timestamp>,
    limit: Option<u64>,
    /// Only what went to standard error, or only what did not.
    errors: Option<bool>,
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, message.into())
}

fn number(query: &HashMap<String, String>, name: &str, least: u64) -> Result<Option<u64>, Refusal> {
    let Some(text) = query.get(name).filter(|t| !t.is_empty()) else { return Ok(None) };
    let illegal = || bad(format!("invalid {name}: must be an integer of at least {least}"));
    text.parse::<u64>().ok().filter(|n| *n >= least).map(Some).ok_or_else(illegal)
}

fn wanted(query: &HashMap<String, String>, now: Timestamp) -> Result<Wanted, Refusal> {
    let flag = |name: &str| query.get(name).is_some_and(|v| matches!(v.as_str(), "true" | "1"));
    let seconds = number(query, "sinceSeconds", 1)?;
    let since_time = match query.get("sinceTime").filter(|t| !t.is_empty()) {
        Some(text) => Some(text.parse::<Timestamp>().map_err(|e| bad(format!("invalid sinceTime: {e}")))?),
        None => None,
    };
    if seconds.is_some() && since_time.is_some() {
        return Err(bad("at most one of `sinceTime` or `sinceSeconds` may be specified"));
    }
    let errors = match query.get("stream").map_or("", String::as_str) {
        "" | "All" => None,
        "Stdout" => Some(false),
        "Stderr" => Some(true),
        other => return Err(bad(format!("invalid stream: {other:?} is none of All, Stdout and Stderr"))),
    };
    let ago = |s: u64| now - SignedDuration::from_secs(s.min(1 << 32) as i64);
    Ok(Wanted {
        follow: flag("follow"),
        previous: flag("previous"),
        timestamps: flag("timestamps"),
        tail: number(query, "tailLines", 0)?,
        since: since_time.or(seconds.map(ago)),
        limit: number(query, "limitBytes", 1)?,
        errors,
    })
}

/// The engine's ID of the container whose log is meant, or upstream's word why there is none.
fn choose(status: &PodStatus, pod: &str, container: &str, previous: bool) -> Result<String, String> {
    let found = container_statuses(status).find(|c| c.name == container);
    let missing = || format!("container {container:?} in pod {pod:?} is not available");
    let found: &ContainerStatus = found.ok_or_else(missing)?;
    let id =
        |text: Option<&String>| text.map(|t| t.trim_start_matches("docker://").to_owned()).filter(|t| !t.is_empty());
    let ended = |state: Option<&k8s_openapi::api::core::v1::ContainerState>| {
        id(state.and_then(|s| s.terminated.as_ref()).and_then(|t| t.container_id.as_ref()))
    };
    let last = ended(found.last_state.as_ref());
    if previous {
        return last.ok_or_else(|| format!("previous terminated container {container:?} in pod {pod:?} not found"));
    }
    let state = found.state.clone().unwrap_or_default();
    if state.running.is_some() {
        return id(found.container_id.as_ref()).ok_or_else(missing);
    }
    if let Some(id) = ended(Some(&state)).or(last) {
        return Ok(id);
    }
    let waits = |why: &str| format!("container {container:?} in pod {pod:?} is waiting to start: {why}");
    match state.waiting.and_then(|w| w.reason).as_deref() {
        Some("ErrImagePull") => Err(waits("image can't be pulled")),
        Some("ImagePullBackOff") => Err(waits("trying and failing to pull image")),
        Some(reason) => Err(waits(reason)),
        None => Err(format!("container {container:?} in pod {pod:?} is waiting to start - no logs yet")),
    }
}

/// The handler.
pub(super) async fn container_logs(
    State(target): State<Arc<Target>>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let query = request.uri().query().unwrap_or_default();
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let wanted = wanted(&query, Timestamp::now())?;
    let view = target.pod(&namespace, &pod)?;
    let id = choose(&view.status, &pod, &container, wanted.previous).map_err(bad)?;
    let query = LogQuery {
        follow: wanted.follow && !wanted.previous,
        tail: wanted.tail,
        since: wanted.since,
        // The engine filters by whole seconds; the rest is done here, with its times.
        timestamps: wanted.timestamps || wanted.since.is_some(),
    };
    let gone = |_| bad(format!("unable to retrieve container logs for docker://{id}"));
    target.context.runtime.inspect(&id).await.map_err(gone)?;
    let stream = target.context.runtime.logs(&id, &query).await.map_err(|e| bad(e.to_string()))?;
    let body = passed(stream, wanted);
    if request.headers().contains_key(http::header::UPGRADE) {
        let pieces = body.filter(|piece| std::future::ready(!piece.is_empty()));
        return Ok(crate::streams::output(request, pieces.boxed()).await);
    }
    let mut response = Response::new(Body::from_stream(body.map(Ok::<Bytes, std::convert::Infallible>)));
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain"));
    Ok(response)
}

/// What a filter lets through, until no more is wanted.
fn passed(stream: OutputStream, wanted: Wanted) -> impl Stream<Item = Bytes> + Send {
    futures::stream::unfold((stream, wanted), |(mut stream, mut wanted)| async move {
        if wanted.limit == Some(0) {
            return None;
        }
        let piece = wanted.pass(stream.next().await?.ok()?);
        Some((piece, (stream, wanted)))
    })
}

impl Wanted {
    /// Cuts what the engine's own query cannot express, and counts the bytes that are left.
    fn pass(&mut self, line: Output) -> Bytes {
        let (mut out, error) = match line {
            Output::Stdout(bytes) => (bytes, false),
            Output::Stderr(bytes) => (bytes, true),
        };
        if self.errors.is_some_and(|wanted| wanted != error) {
            return Bytes::new();
        }
        if let Some(since) = self.since {
            let space = out.iter().position(|b| *b == b' ').unwrap_or(0);
            let time = std::str::from_utf8(&out[..space]).ok().and_then(|t| t.parse::<Timestamp>().ok());
            if time.is_some_and(|t| t < since) {
                return Bytes::new();
            }
            if !self.timestamps && time.is_some() {
                out = out.slice(space + 1..);
            }
        }
        if let Some(left) = &mut self.limit {
            out.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= out.len() as u64;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_right_container_or_the_right_excuse_is_chosen() {
        let ended = |id: &str| json!({"terminated": {"exitCode": 1, "containerID": format!("docker://{id}")}});
        let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
        let cases = [
            (json!({"running": {}}), json!({}), false, Ok("now")),
            (json!({"running": {}}), ended("old"), true, Ok("old")),
            (waiting("CrashLoopBackOff"), ended("old"), false, Ok("old")),
            (
                json!({"running": {}}),
                json!({}),
                true,
                Err("previous terminated container \"c\" in pod \"p\" not found"),
            ),
            (
                waiting("ContainerCreating"),
                json!({}),
                false,
                Err("container \"c\" in pod \"p\" is waiting to start: ContainerCreating"),
            ),
            (
                waiting("ImagePullBackOff"),
                json!({}),
                false,
                Err("container \"c\" in pod \"p\" is waiting to start: trying and failing to pull image"),
            ),
        ];
        for (state, last, previous, wanted) in cases {
            let status = json!({"containerStatuses": [{
                "name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "containerID": "docker://now", "state": state, "lastState": last,
            }]});
            let status: PodStatus = serde_json::from_value(status).expect("a status");
            let result = choose(&status, "p", "c", previous);
            assert_eq!(result.as_deref().map_err(String::as_str), wanted);
        }
    }

    #[test]
    fn lines_before_since_go_and_bytes_after_the_limit_too() {
        let since = Some("2026-01-01T00:00:01.5Z".parse().expect("a time"));
        let mut filter = Wanted { since, limit: Some(5), ..Wanted::default() };
        let pass = |filter: &mut Wanted, line: &'static str| filter.pass(Output::Stdout(line.into()));
        assert_eq!(pass(&mut filter, "2026-01-01T00:00:01.4Z early\n"), "");
        assert_eq!(pass(&mut filter, "2026-01-01T00:00:01.6Z abc\n"), "abc\n");
        assert_eq!(pass(&mut filter, "2026-01-01T00:00:01.7Z def\n"), "d");
    }

    #[tokio::test]
    async fn a_followed_log_ends_with_its_last_wanted_byte() {
        let line = Ok(Output::Stdout("abc\n".into()));
        let stream = futures::stream::iter([line]).chain(futures::stream::pending()).boxed();
        let wanted = Wanted { limit: Some(2), ..Wanted::default() };
        assert_eq!(passed(stream, wanted).collect::<Vec<_>>().await, ["ab"]);
    }

    #[test]
    fn one_of_the_two_streams_is_told_when_it_is_asked_for() {
        for (asked, expected) in
            [("", Ok("oe")), ("All", Ok("oe")), ("Stdout", Ok("o")), ("Stderr", Ok("e")), ("stderr", Err(()))]
        {
            let query = HashMap::from([("stream".to_owned(), asked.to_owned())]);
            let told = wanted(&query, Timestamp::UNIX_EPOCH).map(|mut wanted| {
                let lines = [Output::Stdout("o".into()), Output::Stderr("e".into())];
                lines.map(|line| wanted.pass(line)).concat()
            });
            assert_eq!(told.map_err(drop), expected.map(|text| text.as_bytes().to_vec()), "{asked}");
        }
    }
}

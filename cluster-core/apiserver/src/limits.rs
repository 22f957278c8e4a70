//! How many requests are served at once, and how long one may take.

use crate::audit::is_long_running;
use crate::prelude::*;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many requests wait for a place at most: as many as the queues of one of upstream's priority levels hold.
const WAITING: usize = 128 * 50;

/// How much is served at once; the defaults are kube-apiserver's.
#[derive(Debug, Clone)]
pub struct Limits {
    /// `--max-requests-inflight`: requests that only read.
    pub reading: usize,
    /// `--max-mutating-requests-inflight`
    pub mutating: usize,
    /// `--request-timeout`
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { reading: 400, mutating: 200, timeout: Duration::from_mins(1) }
    }
}

/// The places for requests.
pub(crate) struct Places {
    reading: Semaphore,
    mutating: Semaphore,
    /// The places of those that wait for one.
    waiting: Semaphore,
    /// How long a request waits before it is refused.
    wait: Duration,
    /// How many there are of both.
    all: [usize; 2],
}

impl Places {
    pub(crate) fn new(limits: &Limits) -> Self {
        let (reading, mutating) = (Semaphore::new(limits.reading), Semaphore::new(limits.mutating));
        // As upstream: a quarter of the time that the request has.
        let (waiting, wait) = (Semaphore::new(WAITING), limits.timeout / 4);
        Self { reading, mutating, waiting, wait, all: [limits.reading, limits.mutating] }
    }

    /// How many places are taken now by requests of each kind, in upstream's words.
    pub(crate) fn taken(&self) -> [(&'static str, usize); 2] {
        let [reading, mutating] = self.all;
        [
            ("readOnly", reading - self.reading.available_permits()),
            ("mutating", mutating - self.mutating.available_permits()),
        ]
    }

    /// A place for the request, in the order of their coming, or 429. Streams need none, and administrators always get
    /// through to mend things.
    pub(crate) async fn take(
        &self,
        user: &UserInfo,
        info: &RequestInfo,
    ) -> Result<Option<SemaphorePermit<'_>>, Status> {
        if is_long_running(info) || user.in_group(group::MASTERS) {
            return Ok(None);
        }
        let places = if matches!(&*info.verb, "get" | "list" | "head") { &self.reading } else { &self.mutating };
        if let Ok(place) = places.try_acquire() {
            return Ok(Some(place));
        }
        let waiting = self.waiting.try_acquire().map_err(|_| too_many())?;
        let place = tokio::time::timeout(self.wait, places.acquire()).await;
        drop(waiting);
        place.ok().and_then(Result::ok).map(Some).ok_or_else(too_many)
    }
}

fn too_many() -> Status {
    let details = Details { retry_after_seconds: 1, ..Details::default() };
    let text = "Too many requests, please try again later.";
    Status { details: Some(Box::new(details)), ..Status::new(429, "TooManyRequests", text) }
}

/// Whether the request belongs to a flow: all but streams, watches being none.
pub(crate) fn is_classified(info: &RequestInfo) -> bool {
    info.verb == "watch" || !is_long_running(info)
}

/// How long the request may take until its answer begins; `None` for streams. A client may ask for less.
pub(crate) fn patience(limits: &Limits, info: &RequestInfo, query: &str) -> Option<Duration> {
    if is_long_running(info) {
        return None;
    }
    let asked = pairs(query).find(|(key, _)| key == "timeout").and_then(|(_, value)| {
        let asked: jiff::SignedDuration = value.parse().ok()?;
        Duration::try_from(asked).ok().filter(|asked| !asked.is_zero())
    });
    Some(asked.map_or(limits.timeout, |asked| asked.min(limits.timeout)))
}

/// 504 for a request that took too long.
pub(crate) fn timed_out() -> Status {
    Status::new(504, "Timeout", "Timeout: request did not complete within the allotted timeout")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    #[tokio::test(start_paused = true)]
    async fn the_last_place_is_waited_for_and_at_last_refused_to_all_but_streams_and_administrators() {
        let limits = Limits { reading: 1, mutating: 0, ..Limits::default() };
        let places = Places::new(&limits);
        let (user, admin) = (UserInfo::authenticated("u", &[]), UserInfo::authenticated("a", &[group::MASTERS]));
        let read = RequestInfo::parse(&Method::GET, "/api/v1/pods", "");
        let write = RequestInfo::parse(&Method::POST, "/api/v1/namespaces/a/pods", "");
        let watch = RequestInfo::parse(&Method::GET, "/api/v1/pods", "watch=true");
        let held = places.take(&user, &read).await.expect("the first place");
        for (who, what, code, seconds) in
            [(&user, &read, 429, 15), (&user, &write, 429, 15), (&user, &watch, 200, 0), (&admin, &write, 200, 0)]
        {
            let start = tokio::time::Instant::now();
            let taken = places.take(who, what).await.map_or_else(|status| status.code, |_| 200);
            assert_eq!((taken, start.elapsed().as_secs()), (code, seconds), "{what:?}");
        }
        let (next, ()) = tokio::join!(places.take(&user, &read), async { drop(held) });
        assert!(next.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_wait_than_the_queues_hold_and_who_gives_up_makes_room() {
        let places = Places::new(&Limits { reading: 0, ..Limits::default() });
        let (user, read) = (UserInfo::authenticated("u", &[]), RequestInfo::parse(&Method::GET, "/api/v1/pods", ""));
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(places.take(&user, &read))).collect();
        for taken in &mut waiting {
            assert!(futures::poll!(taken).is_pending());
        }
        assert!(futures::poll!(Box::pin(places.take(&user, &read))).is_ready());
        waiting.pop();
        assert!(futures::poll!(Box::pin(places.take(&user, &read))).is_pending());
    }

    #[test]
    fn a_client_may_ask_for_less_time_than_the_limit() {
        let limits = Limits::default();
        let info = RequestInfo::parse(&Method::GET, "/api/v1/pods", "");
        for (query, seconds) in [("", 60), ("timeout=5s", 5), ("timeout=2m", 60), ("timeout=x", 60), ("timeout=0s", 60)]
        {
            assert_eq!(patience(&limits, &info, query), Some(Duration::from_secs(seconds)), "{query}");
        }
        assert_eq!(patience(&limits, &RequestInfo { verb: "watch".into(), ..info }, ""), None);
    }
}

//! Who may ask: one-time tokens that open a session, the session's cookie, tickets for WebSockets, the bearer token.

use crate::prelude::*;
use aws_lc_rs::{constant_time, rand};
use base64::prelude::*;
use http::header::{AUTHORIZATION, COOKIE};

const TOKEN_LIFE: Duration = Duration::from_mins(5);
const TICKET_LIFE: Duration = Duration::from_secs(30);
const SECRET_BYTES: usize = 32;

/// 256 random bits as text that needs no escaping anywhere.
pub(crate) fn secret() -> String {
    let mut bytes = [0; SECRET_BYTES];
    rand::fill(&mut bytes).expect("the system gives random numbers");
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Compares without telling by its time how much was right.
fn same(given: &str, kept: &str) -> bool {
    constant_time::verify_slices_are_equal(given.as_bytes(), kept.as_bytes()).is_ok()
}

/// Who has opened a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A page, by its cookie.
    Page,
    /// A program of this user, by the bearer token.
    Program,
}

/// All secrets of a running agent.
#[derive(Debug)]
pub(crate) struct Sessions {
    bearer: String,
    /// Browsers send a cookie to every port of a host, so its name has the port: agents do not take each other's away.
    cookie_name: String,
    cookie: String,
    /// Each opens one session.
    pub(crate) tokens: OneTime,
    /// Each opens one WebSocket.
    pub(crate) tickets: OneTime,
}

impl Sessions {
    pub(crate) fn new(port: u16, bearer: String, cookie: String) -> Self {
        let cookie_name = format!("devcluster-{port}");
        Self { bearer, cookie_name, cookie, tokens: OneTime::new(TOKEN_LIFE), tickets: OneTime::new(TICKET_LIFE) }
    }

    /// Takes a token for the value of `Set-Cookie`.
    pub(crate) fn open(&self, token: &str) -> Option<String> {
        let cookie = || format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie_name, self.cookie);
        self.tokens.take(token).then(cookie)
    }

    /// Who asks, by the request's headers.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        let text = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        if text(AUTHORIZATION).any(|value| value.strip_prefix("Bearer ").is_some_and(|token| same(token, &self.bearer)))
        {
            return Some(Caller::Program);
        }
        let mut cookies =
            text(COOKIE).flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        cookies.any(|(name, value)| name == self.cookie_name && same(value, &self.cookie)).then_some(Caller::Page)
    }
}

/// Secrets that are good once and for a while.
#[derive(Debug)]
pub(crate) struct OneTime {
    life: Duration,
    issued: Mutex<HashMap<String, Instant>>,
}

impl OneTime {
    fn new(life: Duration) -> Self {
        Self { life, issued: Mutex::default() }
    }

    pub(crate) fn issue(&self) -> String {
        let secret = secret();
        let mut issued = self.issued.lock();
        issued.retain(|_, at| at.elapsed() < self.life);
        issued.insert(secret.clone(), Instant::now());
        secret
    }

    /// False when there is no such one any more.
    pub(crate) fn take(&self, secret: &str) -> bool {
        self.issued.lock().remove(secret).is_some_and(|at| at.elapsed() < self.life)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions() -> Sessions {
        Sessions::new(7, "the-bearer".to_owned(), "the-cookie".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_and_tickets_are_good_once_and_for_their_time() {
        let sessions = sessions();
        let token = sessions.tokens.issue();
        assert!(sessions.open("wrong").is_none());
        assert!(sessions.open(&token).is_some_and(|cookie| cookie.contains("HttpOnly; SameSite=Strict")));
        assert!(sessions.open(&token).is_none(), "a second time");
        let (early, late) = (sessions.tickets.issue(), sessions.tickets.issue());
        assert!(sessions.tickets.take(&early) && !sessions.tickets.take(&early));
        tokio::time::advance(TICKET_LIFE).await;
        assert!(!sessions.tickets.take(&late), "too late");
    }

    #[test]
    fn only_the_cookie_and_the_bearer_token_name_a_caller() {
        let table = [
            ("authorization", "Bearer the-bearer", Some(Caller::Program)),
            ("authorization", "Bearer the-cookie", None),
            ("authorization", "Bearer ", None),
            ("authorization", "the-bearer", None),
            ("cookie", "devcluster-7=the-cookie", Some(Caller::Page)),
            ("cookie", "a=b; devcluster-7=the-cookie; c=d", Some(Caller::Page)),
            ("cookie", "devcluster-8=the-cookie", None),
            ("cookie", "devcluster-7=the-bearer", None),
            ("cookie", "devcluster-7=", None),
        ];
        for (name, value, expected) in table {
            let headers = HeaderMap::from_iter([(name.parse().expect("a name"), value.parse().expect("a value"))]);
            assert_eq!(sessions().caller(&headers), expected, "{name}: {value}");
        }
    }
}

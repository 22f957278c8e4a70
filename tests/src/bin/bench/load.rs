//! Many requests over many connections at once, each timed.

use crate::http::{Ask, Connection};
use crate::stats::Summary;
use anyhow::Result;
use futures::future::try_join_all;
use std::cell::Cell;
use tokio::time::Instant;

/// Sends `count` requests, as many at a time as there are connections; `ask` makes each from its number.
pub(crate) async fn run(connections: &mut [Connection], count: usize, ask: impl Fn(usize) -> Ask) -> Result<Summary> {
    let start = Instant::now();
    let (next, ask) = (&Cell::new(0), &ask);
    let workers = connections.iter_mut().map(|connection| async move {
        let mut times = Vec::new();
        while next.get() < count {
            let number = next.replace(next.get() + 1);
            let ask = ask(number);
            let start = Instant::now();
            connection.drain(ask).await?;
            times.push(start.elapsed());
        }
        anyhow::Ok(times)
    });
    let times = try_join_all(workers).await?.concat();
    Ok(Summary::new(times, start.elapsed()))
}

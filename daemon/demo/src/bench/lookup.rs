//! Lookups of items by GTIN over TLS, compared with a constant answer of the same server: closed loops for the rate, a
//! steady rate for the latency.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use commerce::Item;
use tokio::time::{Instant, sleep_until};

use crate::client::Client;

/// The number of connections.
const CONNECTIONS: usize = 8;

/// The requested paths, in turn.
pub(super) type Paths = Arc<[String]>;

/// Lookups of all items with a GTIN, in a scattered order.
pub(super) fn by_gtin(items: &[Item]) -> Paths {
    let mut paths: Vec<_> = items.iter().filter_map(|item| Some(format!("/api/v1/gtins/{}", item.gtin?))).collect();
    // Steps through all items by a prime number.
    let count = paths.len().max(1);
    paths = (0..paths.len()).map(|place| paths[place * 7_919 % count].clone()).collect();
    paths.into()
}

/// The path of the constant answer.
pub(super) fn constant() -> Paths {
    ["/demo/constant".to_owned()].into()
}

/// Answers per second at full speed.
///
/// # Errors
/// The hub refuses one.
pub(super) async fn rate(client: &Client, paths: &Paths, span: Duration) -> Result<f64, String> {
    let (began, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut tasks = Vec::new();
    for _ in 0..CONNECTIONS {
        let (mut client, paths, next) = (client.twin(), Arc::clone(paths), Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            while began.elapsed() < span {
                let place = next.fetch_add(1, SeqCst);
                client.get(&paths[place % paths.len()]).await?.done()?;
            }
            Ok::<_, String>(())
        }));
    }
    for task in tasks {
        task.await.map_err(|error| error.to_string())??;
    }
    Ok(f64::from(u32::try_from(next.load(SeqCst)).unwrap_or(u32::MAX)) / began.elapsed().as_secs_f64())
}

/// Latencies at a steady rate, each measured from when the request was due, so that a server that stalls is charged for
/// the requests it delayed.
///
/// # Errors
/// The hub refuses one.
pub(super) async fn at_rate(
    client: &Client,
    paths: &Paths,
    per_s: u32,
    span: Duration,
) -> Result<Vec<Duration>, String> {
    let began = Instant::now() + Duration::from_millis(50);
    let apart = Duration::from_secs(1) * u32::try_from(CONNECTIONS).unwrap_or(1) / per_s;
    let mut tasks = Vec::new();
    for connection in 0..CONNECTIONS {
        let (mut client, paths) = (client.twin(), Arc::clone(paths));
        tasks.push(tokio::spawn(async move {
            client.get(&paths[0]).await?.done()?;
            let mut times = Vec::new();
            let mut due =
                began + apart * u32::try_from(connection).unwrap_or(0) / u32::try_from(CONNECTIONS).unwrap_or(1);
            while due < began + span {
                sleep_until(due).await;
                // The timer has a resolution of a millisecond; its oversleep is not the server's latency.
                let asked = Instant::now().min(due + Duration::from_millis(2));
                client.get(&paths[(times.len() * CONNECTIONS + connection) % paths.len()]).await?.done()?;
                times.push(asked.elapsed());
                due += apart;
            }
            Ok::<_, String>(times)
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.map_err(|error| error.to_string())??);
    }
    Ok(all)
}

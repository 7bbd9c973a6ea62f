//! Registers that sell through the LAN API at full speed: a whole sale of five lines per command.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use commerce::Item;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::made_up;
use crate::{client::Client, now_ms};

/// Registers that are selling.
pub(super) struct Load {
    lanes: Vec<JoinHandle<Result<Vec<Duration>, String>>>,
    end: Arc<AtomicBool>,
    began: Instant,
}

impl Load {
    /// Starts a number of registers. With `by_card` they use the terminals of their lanes: two flushes per sale instead
    /// of one. They wait for `pause` between sales.
    pub(super) fn start(clients: &[Client], items: &[Item], registers: usize, by_card: bool, pause: Duration) -> Self {
        let lines: Vec<Value> = made_up::some(items, 0).iter().map(|item| json!({ "sku": item.sku })).collect();
        let (end, run, began) = (Arc::new(AtomicBool::new(false)), now_ms(), Instant::now());
        let lane = |(lane, client): (usize, &Client)| {
            let (mut client, lines, end) = (client.twin(), lines.clone(), Arc::clone(&end));
            tokio::spawn(async move {
                let mut all = Vec::new();
                while !end.load(SeqCst) {
                    let mut sale = json!({ "lines": lines, "card": by_card });
                    if !by_card {
                        sale["tenders"] = json!([{ "tender": "cash", "amount": 10_000 }]);
                    }
                    let key = format!("bench-{run}-{lane}-{}", all.len());
                    let asked = Instant::now();
                    client.command("/api/v1/sales", &key, &sale).await?.done()?;
                    all.push(asked.elapsed());
                    tokio::time::sleep(pause).await;
                }
                Ok::<_, String>(all)
            })
        };
        Self { lanes: clients.iter().take(registers).enumerate().map(lane).collect(), end, began }
    }

    /// Stops the registers; returns the duration of each sale, and the total time.
    ///
    /// # Errors
    /// A sale was refused.
    pub(super) async fn end(self) -> Result<(Vec<Duration>, Duration), String> {
        self.end.store(true, SeqCst);
        let mut all = Vec::new();
        for lane in self.lanes {
            all.extend(lane.await.map_err(|error| error.to_string())??);
        }
        Ok((all, self.began.elapsed()))
    }

    /// Runs a number of registers for a time span.
    ///
    /// # Errors
    /// A sale was refused.
    pub(super) async fn run(
        clients: &[Client],
        items: &[Item],
        registers: usize,
        by_card: bool,
        span: Duration,
    ) -> Result<(Vec<Duration>, Duration), String> {
        let load = Self::start(clients, items, registers, by_card, Duration::ZERO);
        tokio::time::sleep(span).await;
        load.end().await
    }
}

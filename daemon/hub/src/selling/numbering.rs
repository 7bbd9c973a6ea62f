//! Asks HQ for the last receipt numbers where a store begins on an empty disk or with a backup; see
//! [`app::selling::begin_numbering`]. Registers wait meanwhile, at most as long as the config says.

use std::{sync::Arc, time::Duration};

use app::selling::{self, NumberSource};
use bridge::NotNow;
use commerce::ReceiptPrefix;
use contract::{Answer, Question, ask::Numbers};
use store::{Purpose, StoreError, Transaction};
use tokio::time::{Instant, sleep};

use crate::hub::Hub;

/// The time of one attempt: HQ may have dropped a question.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The pause after a failed attempt.
const PAUSE: Duration = Duration::from_millis(200);

/// Asks until HQ has answered or the time is over, if the store has not done so in this epoch.
pub(crate) fn start(hub: &Arc<Hub>) {
    if !matches!(selling::number_source(&hub.store), Ok(Some(NumberSource::Asking))) {
        return;
    }
    let Some(headquarters) = &hub.config.headquarters else { return };
    let (hub, within) = (Arc::clone(hub), Duration::from_secs(headquarters.receipt_numbers_timeout_s.into()));
    tokio::spawn(async move {
        tracing::info!(timeout_s = within.as_secs(), "asking HQ for the last receipt numbers; not selling until then");
        let numbers = ask(&hub, within).await;
        // A commit fails while the disk is full, for example. If the store has stopped, nobody sells.
        while let Err(error) = settle(&hub, numbers.clone()).await {
            tracing::error!(%error, "could not store where receipt numbers come from; will try again");
            sleep(ATTEMPT).await;
        }
    });
}

async fn ask(hub: &Hub, within: Duration) -> Option<Numbers> {
    let began = Instant::now();
    loop {
        let left = within.saturating_sub(began.elapsed());
        if left.is_zero() {
            return None;
        }
        let why = match hub.headquarters.ask_once_connected(Question::Numbers, left.min(ATTEMPT)).await {
            Ok(Answer::Numbers(numbers)) => return Some(numbers),
            Ok(other) => NotNow::Unable(format!("unexpected answer {other:?}")),
            Err(why) => why,
        };
        tracing::debug!(%why, "no receipt numbers from HQ yet");
        sleep(PAUSE.min(left)).await;
    }
}

async fn settle(hub: &Hub, numbers: Option<Numbers>) -> Result<(), StoreError> {
    let epoch = hub.store.epoch();
    match numbers {
        Some(Numbers { epoch: earlier, receipts }) => {
            if let Some(earlier) = earlier.filter(|earlier| earlier.0 > epoch) {
                tracing::error!(%earlier, epoch, "HQ knows a later epoch of this store: the clock was wrong when it \
                     began");
            }
            let registers = receipts.len();
            let work = move |transaction: &mut Transaction<'_>| selling::continue_numbers(transaction, &receipts);
            if hub.store.commit_for(Purpose::Money, work).await? {
                tracing::info!(registers, "receipt numbers go on from HQ's");
            }
        }
        None => {
            if hub.store.commit_for(Purpose::Money, selling::number_apart).await? {
                let prefix = ReceiptPrefix::of_epoch(epoch);
                tracing::warn!(%prefix, "HQ did not say where receipt numbers had ended; they begin at 1 under a \
                     prefix");
            }
        }
    }
    Ok(())
}

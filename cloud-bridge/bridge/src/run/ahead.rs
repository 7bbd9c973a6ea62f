//! What goes ahead of a connection's first events, and what goes behind all of them.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use contract::{Telemetry, topic};
use link::{Link, Message, Unpublished};
use tokio::time::Instant;

use super::{Runner, message};
use crate::{flow::Trouble, outbox::Backlog};

/// If more events wait when HQ is reached, it hears first what the store has now. Fewer are there as soon as that.
const BACKLOG: u64 = 200;

/// How long the first events wait for HQ's cursors of the other streams. One that HQ has no cursor for holds nothing up
/// for longer.
const OTHER_CURSORS: Duration = Duration::from_secs(1);

/// What goes ahead of a connection's first events.
pub(super) enum Ahead {
    /// HQ's cursors are not known yet, or not of all streams: the first one since this moment.
    Waiting(Option<Instant>),
    /// Current positions, still to be sent.
    Positions(VecDeque<Message>),
}

/// Whether what goes ahead is sent; with what kept it from being read.
pub(super) enum Sent {
    /// All of it, or there is nothing.
    All(Result<(), Trouble>),
    /// HQ's cursors or room are waited for.
    NotYet(Result<(), Trouble>),
}

impl Runner {
    /// Sends what goes ahead.
    pub(super) async fn send_ahead(&mut self, link: &Link) -> Sent {
        let mut trouble = Ok(());
        if let Ahead::Waiting(since) = self.ahead {
            if !self.flows.values().any(|flow| flow.window.is_flowing()) {
                return Sent::NotYet(Ok(()));
            }
            let since = since.unwrap_or_else(Instant::now);
            if !self.is_flowing() && since.elapsed() < OTHER_CURSORS {
                self.ahead = Ahead::Waiting(Some(since));
                return Sent::NotYet(Ok(()));
            }
            let (positions, read) = self.current_positions().await;
            self.ahead = Ahead::Positions(positions);
            trouble = read;
        }
        if let Ahead::Positions(positions) = &mut self.ahead {
            while let Some(message) = positions.pop_front() {
                match link.publish(message.clone()) {
                    Ok(()) => {}
                    Err(Unpublished::NoRoom) => {
                        positions.push_front(message);
                        return Sent::NotYet(trouble);
                    }
                    // The events bring the same figures.
                    Err(error) => tracing::warn!(%error, "could not send HQ current positions"),
                }
            }
        }
        Sent::All(trouble)
    }

    /// The current positions of the items that waiting events touch, as messages; none if few events wait. A failure to
    /// read them holds nothing up.
    async fn current_positions(&self) -> (VecDeque<Message>, Result<(), Trouble>) {
        let backlog = self.flows.iter().filter_map(|(stream, flow)| {
            let (last, from) = (flow.span?.last, flow.acknowledged.next());
            (flow.window.is_flowing() && from <= last).then(|| Backlog { stream: stream.clone(), from, last })
        });
        let backlog: Vec<_> = backlog.collect();
        if backlog.iter().map(|backlog| backlog.last.0 - backlog.from.0 + 1).sum::<u64>() <= BACKLOG {
            return (VecDeque::new(), Ok(()));
        }
        let outbox = Arc::clone(&self.outbox);
        let read = tokio::task::spawn_blocking(move || outbox.positions(&backlog)).await;
        match read.map_err(Trouble::from).and_then(|read| read.map_err(Trouble::from)) {
            Ok(positions) => {
                let topic = topic::positions(&self.outbox.hub());
                let written = positions.iter().map(|positions| message(topic.clone(), positions));
                match written.collect::<Result<VecDeque<_>, _>>() {
                    Ok(messages) => {
                        tracing::info!(messages = messages.len(), "telling HQ current positions ahead of the backlog");
                        (messages, Ok(()))
                    }
                    Err(error) => (VecDeque::new(), Err(error.into())),
                }
            }
            Err(trouble) => (VecDeque::new(), Err(trouble)),
        }
    }

    /// Sends samples of how the hub is, if there is room for them.
    pub(super) fn send_samples(&self, link: &Link) {
        let (samples, dropped) = self.samples.take();
        if samples.is_empty() {
            return;
        }
        let hub = self.outbox.hub();
        let topic = topic::telemetry(&hub);
        let telemetry = Telemetry { hub, epoch: self.outbox.epoch(), samples, dropped };
        let Ok(message) = message(topic, &telemetry) else { return };
        if link.publish(message) == Err(Unpublished::NoRoom) {
            self.samples.put_back(telemetry.samples);
        }
    }
}

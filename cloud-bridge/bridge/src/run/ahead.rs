//! What is sent before a connection's first events, and after all of them.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use contract::{Telemetry, topic};
use link::{Link, Message, Unpublished};
use tokio::time::Instant;

use super::{Runner, message};
use crate::{flow::Trouble, outbox::Backlog};

/// If more events than this wait when HQ is reached, the current positions are sent first. Fewer are sent as quickly.
const BACKLOG: u64 = 200;

/// How long the first events wait for HQ's cursors of the other streams. A stream without a cursor does not delay the
/// others for longer.
const OTHER_CURSORS: Duration = Duration::from_secs(1);

/// What is sent before a connection's first events.
pub(super) enum Ahead {
    /// Waits for HQ's cursors of all streams; the first one arrived at this moment.
    Waiting(Option<Instant>),
    /// Current positions still to be sent.
    Positions(VecDeque<Message>),
}

/// The progress of what is sent first, with the error of reading it.
pub(super) enum Sent {
    /// All of it is sent, or there is none.
    All(Result<(), Trouble>),
    /// HQ's cursors or room are awaited.
    NotYet(Result<(), Trouble>),
}

impl Runner {
    /// Sends what comes before the first events.
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
                    // The events lead to the same positions.
                    Err(error) => tracing::warn!(%error, "could not send HQ current positions"),
                }
            }
        }
        Sent::All(trouble)
    }

    /// The current positions of the items that waiting events touch, as messages; none if few events wait. A failure to
    /// read them delays nothing.
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
                        tracing::info!(
                            messages = messages.len(),
                            "sending HQ the current positions before the backlog"
                        );
                        (messages, Ok(()))
                    }
                    Err(error) => (VecDeque::new(), Err(error.into())),
                }
            }
            Err(trouble) => (VecDeque::new(), Err(trouble)),
        }
    }

    /// Sends telemetry samples if there is room.
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

//! Messages from HQ.

use std::sync::Arc;

use contract::{
    Acknowledgement, Answered, BadMessage, DownBatch, Epoch, Known, PublicationKind, Sequence, Stream, Wire,
    publication::MAX_ANNOUNCEMENT,
    topic::{self, ToHub},
};
use link::Message;

use super::Runner;
use crate::{alarms::About, inbox::Work, window::Acknowledged};

/// After this many acknowledgements for another epoch of this hub's store, another hub must be using its name. After a
/// restore a few late ones may arrive.
const NAMESAKES: u64 = 3;

/// Why a message from HQ is ignored.
#[derive(Debug, thiserror::Error)]
enum Ignored {
    #[error("unknown topic")]
    Topic,
    #[error(transparent)]
    Message(#[from] BadMessage),
    #[error("it is for another hub")]
    NotOurs,
    #[error("it is for epoch {epoch} of this hub's store")]
    OtherEpoch { epoch: Epoch },
    #[error("unknown stream")]
    Stream,
    #[error(
        "HQ has events of {stream} up to {up_to}, this hub only up to {last}: its disk may have been set back. Take a \
         backup and restore it, which begins a new epoch"
    )]
    Unknown { stream: Stream, up_to: Sequence, last: Sequence },
    #[error(
        "HQ has other events of {stream} up to {up_to} than this hub: its disk may have been set back, or copied to \
         another box. Nothing more of {stream} is sent. Stop the copy, take a backup of the store that continues and \
         restore it, which begins a new epoch"
    )]
    Diverged { stream: Stream, up_to: Sequence },
    #[error("too many batches wait to be applied; HQ will send it again")]
    Full,
    #[error("unexpected answer")]
    Unasked,
}

impl Runner {
    /// Takes a message from HQ, or ignores and counts it.
    pub(super) async fn take(&mut self, message: &Message) {
        let taken = match topic::to_hub(&self.outbox.hub(), &message.topic) {
            Some(ToHub::Acknowledgement) => self.acknowledge(message).await,
            Some(ToHub::Batch) => self.receive(message),
            Some(ToHub::Answer) => self.answered(message),
            Some(ToHub::Announcement(kind)) => self.announced(kind, &message.payload),
            None => Err(Ignored::Topic),
        };
        match taken {
            Ok(()) => return,
            // Debug only: whoever may publish decides how many there are.
            Err(why) => tracing::debug!(topic = %message.topic.escape_debug(), %why, "ignored a message from HQ"),
        }
        self.ignored += 1;
    }

    /// Passes an announcement to the inbox, which verifies its signature.
    fn announced(&self, kind: PublicationKind, document: &[u8]) -> Result<(), Ignored> {
        if document.len() > MAX_ANNOUNCEMENT {
            return Err(BadMessage::TooLarge { bytes: document.len() }.into());
        }
        self.announcements.announced(kind, document.to_vec());
        Ok(())
    }

    async fn acknowledge(&mut self, message: &Message) -> Result<(), Ignored> {
        let acknowledgement: Acknowledgement = read(message)?;
        if acknowledgement.hub != self.outbox.hub() {
            return Err(Ignored::NotOurs);
        }
        let epoch = acknowledgement.epoch;
        if epoch != self.outbox.epoch() {
            self.namesakes += 1;
            if self.namesakes >= NAMESAKES {
                let (hub, own) = (&acknowledgement.hub, self.outbox.epoch());
                let why = format!(
                    "another hub is also called `{hub}`: HQ answers epoch {epoch}, this hub has epoch {own}. Give each \
                     hub its own name; two with one name disconnect each other from the broker"
                );
                self.alarms.raise(About::Namesake, &why);
            }
            return Err(Ignored::OtherEpoch { epoch });
        }
        let (now, up_to) = (self.now_ms(), acknowledgement.up_to);
        self.compare(&acknowledgement).await?;
        let flow = self.flows.get_mut(&acknowledgement.stream).ok_or(Ignored::Stream)?;
        // HQ answers a hello that is sent after the first look.
        let Some(span) = flow.span else { return Ok(()) };
        match flow.window.acknowledge(up_to, span.last, now) {
            Acknowledged::Moved(up_to) => {
                tracing::debug!(stream = %acknowledgement.stream, %up_to, "HQ has events");
                flow.acknowledged = up_to;
                flow.remember.send_replace(up_to);
            }
            Acknowledged::Known => {}
            Acknowledged::Impossible => {
                let why = Ignored::Unknown { stream: acknowledgement.stream.clone(), up_to, last: span.last };
                self.alarms.raise(About::Unknown(acknowledgement.stream), &why.to_string());
                return Err(why);
            }
        }
        Ok(())
    }

    /// Compares HQ's chain link at its cursor with the hub's. If they differ, HQ has another store's events.
    async fn compare(&mut self, acknowledgement: &Acknowledgement) -> Result<(), Ignored> {
        let Acknowledgement { stream, up_to, link: Some(at_hq), .. } = acknowledgement else { return Ok(()) };
        let (outbox, of, sequence) = (Arc::clone(&self.outbox), stream.clone(), *up_to);
        let read = tokio::task::spawn_blocking(move || outbox.link(&of, sequence)).await;
        // No link, or it cannot be read: nothing to compare. Reading the outbox reports the error.
        let Ok(Ok(Some(own))) = read else { return Ok(()) };
        let flow = self.flows.get_mut(stream).ok_or(Ignored::Stream)?;
        flow.known = Some(Known { sequence, link: own });
        if own == *at_hq {
            return Ok(());
        }
        flow.window.disconnected();
        let why = Ignored::Diverged { stream: stream.clone(), up_to: sequence };
        self.alarms.raise(About::Diverged(stream.clone()), &why.to_string());
        Err(why)
    }

    /// Passes a batch to the inbox.
    fn receive(&mut self, message: &Message) -> Result<(), Ignored> {
        let batch: DownBatch = read(message)?;
        if batch.hub != self.outbox.hub() {
            return Err(Ignored::NotOurs);
        }
        if !self.incoming.contains(&batch.stream) {
            return Err(Ignored::Stream);
        }
        self.inbox.ask.try_send(Work::Apply(batch)).map_err(|_| Ignored::Full)
    }

    /// Passes HQ's answer to its asker.
    fn answered(&mut self, message: &Message) -> Result<(), Ignored> {
        let answered: Answered = read(message)?;
        if answered.hub != self.outbox.hub() {
            return Err(Ignored::NotOurs);
        }
        let was_asked = self.questions.take(message.correlation.as_deref(), answered);
        if was_asked { Ok(()) } else { Err(Ignored::Unasked) }
    }
}

fn read<W: Wire>(message: &Message) -> Result<W, BadMessage> {
    W::decode(message.content_type.as_deref(), &message.payload)
}

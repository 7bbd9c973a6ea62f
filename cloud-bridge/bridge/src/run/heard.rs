//! What HQ says, and why it is ignored.

use std::sync::Arc;

use contract::{
    Acknowledgement, Answered, BadMessage, DownBatch, Epoch, Known, PublicationKind, Sequence, Stream, Wire,
    publication::MAX_ANNOUNCEMENT,
    topic::{self, ToHub},
};
use link::Message;

use super::Runner;
use crate::{alarms::About, inbox::Work, window::Acknowledged};

/// Acknowledgements for another life of this hub's store, from which on another hub must be alive. After a restore a
/// late one may arrive.
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
        "HQ has events of {stream} up to {up_to}, this hub only up to {last}: was its disk set back? Take a backup and \
         restore it: that begins a new epoch"
    )]
    Unknown { stream: Stream, up_to: Sequence, last: Sequence },
    #[error(
        "HQ heard other events of {stream} up to {up_to} than this hub has: was its disk set back, or copied to another \
         box? Nothing more of {stream} is sent. Stop the copy; take a backup of the store that goes on and restore it: \
         that begins a new epoch"
    )]
    Diverged { stream: Stream, up_to: Sequence },
    #[error("too many batches wait to be applied; HQ will send it again")]
    Full,
    #[error("nobody waits for this answer")]
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
            // Whoever may publish decides how many there are.
            Err(why) => tracing::debug!(topic = %message.topic.escape_debug(), %why, "ignored a message from HQ"),
        }
        self.ignored += 1;
    }

    /// Hands an announcement to the inbox, which looks at its signature.
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
                    "another hub is called `{hub}` too: HQ answers to epoch {epoch} of it, this hub's is {own}. Give \
                     each its own name: they throw each other off the broker"
                );
                self.alarms.raise(About::Namesake, why);
            }
            return Err(Ignored::OtherEpoch { epoch });
        }
        let (now, up_to) = (self.now_ms(), acknowledgement.up_to);
        self.compare(&acknowledgement).await?;
        let flow = self.flows.get_mut(&acknowledgement.stream).ok_or(Ignored::Stream)?;
        // HQ answers what was said after the first look.
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
                self.alarms.raise(About::Unknown(acknowledgement.stream), why.to_string());
                return Err(why);
            }
        }
        Ok(())
    }

    /// Compares HQ's link at its cursor with the hub's own. If they differ, HQ heard another store than this one.
    async fn compare(&mut self, acknowledgement: &Acknowledgement) -> Result<(), Ignored> {
        let Acknowledgement { stream, up_to, link: Some(at_hq), .. } = acknowledgement else { return Ok(()) };
        let (outbox, of, sequence) = (Arc::clone(&self.outbox), stream.clone(), *up_to);
        let read = tokio::task::spawn_blocking(move || outbox.link(&of, sequence)).await;
        // Without a link, and if it can't be read, nothing is known; the look at the outbox says so.
        let Ok(Ok(Some(own))) = read else { return Ok(()) };
        let flow = self.flows.get_mut(stream).ok_or(Ignored::Stream)?;
        flow.known = Some(Known { sequence, link: own });
        if own == *at_hq {
            return Ok(());
        }
        flow.window.disconnected();
        let why = Ignored::Diverged { stream: stream.clone(), up_to: sequence };
        self.alarms.raise(About::Diverged(stream.clone()), why.to_string());
        Err(why)
    }

    /// Hands a batch to the inbox.
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

    /// Hands an answer of HQ's to who asked.
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

//! Items from HQ to a hub, and the hub's acknowledgements.
//!
//! # What both ends promise
//!
//! - An item is identified by (hub, stream, queue, sequence). HQ keeps one queue per hub and stream; sequences count
//!   from 1 without gaps. A queue has a number, an [`Epoch`]. When sequences cannot continue (see below), HQ begins a
//!   new queue with a higher number.
//! - A batch does not depend on the epoch of the hub's store: its items are for the store, whichever box runs it.
//! - The hub applies or refuses an item in the commit that advances its cursor ([`Received`]), and acknowledges after
//!   that commit. So each item takes effect once, in order, even if messages are lost, duplicated or reordered.
//! - An item that cannot be applied is refused with a reason and does not block later items. Refusals are stored with
//!   the cursor and repeated in every acknowledgement until HQ sends a batch that begins after them.
//!
//! # A conversation
//!
//! ```text
//! hub                                                   HQ
//!  | -- received: queue 7, up to 40 ------------------>  |   at every (re)connect
//!  | <-- batch of queue 7: 41 to 90 -------------------- |   one batch at a time
//!  | -- received: queue 7, up to 90, refused 44 ------>  |   after the commit
//! ```
//!
//! | failure | effect |
//! | --- | --- |
//! | a batch or an acknowledgement is lost | HQ repeats the batch; the hub skips what it has and acknowledges again |
//! | a batch does not follow the cursor | nothing is applied; the hub acknowledges, HQ continues from its cursor |
//! | the hub is killed | effects and cursor are one commit; the next connection begins with the cursor |
//! | the hub's store is restored or replaced | HQ begins a new queue with the waiting items and reports lost ones |
//! | HQ loses its queues | new queues begin, with higher numbers than any hub names |

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    kind::MAX_KIND,
    message::{BadMessage, MAX_BATCH_EVENTS, check_run},
    name::{Epoch, HubId, Sequence, Stream},
    wire::Wire,
};

/// The maximum length of the reason of a [`Refusal`], in bytes.
pub const MAX_REASON: usize = 256;

/// An item from HQ for a store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DownItem {
    /// The item's place in the queue.
    pub sequence: Sequence,
    /// The kind, such as `item.changed`.
    pub kind: String,
    /// The body; its form depends on the kind.
    #[cfg_attr(feature = "schema", schema(value_type = serde_json::Value))]
    pub body: Box<RawValue>,
}

/// Consecutive items of a queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DownBatch {
    /// The receiving hub.
    pub hub: HubId,
    /// The stream.
    pub stream: Stream,
    /// The queue's number.
    pub queue: Epoch,
    /// At least one item; the sequences have no gaps.
    pub items: Vec<DownItem>,
}

/// An item that the hub could not apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ItemRefusal))]
pub struct Refusal {
    /// The refused item.
    pub sequence: Sequence,
    /// The reason, for a person; at most [`MAX_REASON`] bytes.
    pub why: String,
}

impl Refusal {
    /// A refusal with a [bounded reason](reason).
    pub fn new(sequence: Sequence, why: &str) -> Self {
        Self { sequence, why: reason(why) }
    }
}

/// A reason cut to [`MAX_REASON`] and without control characters.
pub fn reason(why: &str) -> String {
    let mut why: String = why.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    why.truncate(why.floor_char_boundary(MAX_REASON));
    why
}

/// A hub's cursor in a stream: stored in one record, and sent in acknowledgements. The default is the cursor of a hub
/// that has received nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Received {
    /// The queue that the hub follows.
    pub queue: Epoch,
    /// The last item that was applied or refused; all before it were, too.
    pub up_to: Sequence,
    /// Refused items that HQ may not know of yet, in order; at most as many as a batch can have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refusal>,
}

impl Received {
    /// The items of a batch to apply now, in order. None if the batch is a repetition, belongs to an earlier queue, or
    /// does not follow the cursor.
    pub fn due<'b>(&self, batch: &'b DownBatch) -> &'b [DownItem] {
        let due = match batch.queue.cmp(&self.queue) {
            std::cmp::Ordering::Less => return &[],
            std::cmp::Ordering::Equal => self.up_to.next(),
            std::cmp::Ordering::Greater => Sequence(1),
        };
        match batch.items.first() {
            Some(first) if first.sequence <= due => {
                let known = batch.items.iter().take_while(|item| item.sequence < due).count();
                batch.items.get(known..).unwrap_or_default()
            }
            _ => &[],
        }
    }

    /// The cursor after a batch whose due items are applied, except the `refused`, which are in order. It must be
    /// stored in the same commit as the items' effects.
    #[must_use]
    pub fn after(&self, batch: &DownBatch, refused: Vec<Refusal>) -> Self {
        let (Some(last), Some(first)) = (self.due(batch).last(), batch.items.first()) else { return self.clone() };
        // HQ sends what follows the last acknowledgement it has, so it knows of earlier refusals.
        let known = |refusal: &&Refusal| batch.queue == self.queue && refusal.sequence >= first.sequence;
        let before = self.refused.iter().filter(known).cloned();
        Self { queue: batch.queue, up_to: last.sequence, refused: before.chain(refused).collect() }
    }
}

/// Acknowledges durably that the hub has applied or refused all items up to the cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DownAcknowledgement {
    /// The acknowledging hub.
    pub hub: HubId,
    /// The epoch of the hub's store: a new epoch tells HQ that a lower cursor is not an old message.
    pub epoch: Epoch,
    /// The stream.
    pub stream: Stream,
    /// The hub's cursor.
    pub received: Received,
}

impl Wire for DownBatch {
    const NAME: &'static str = "down-batch";

    fn check(&self) -> Result<(), BadMessage> {
        check_run(self.items.iter().map(|item| item.sequence))?;
        match self.items.iter().find(|item| item.kind.len() > MAX_KIND) {
            Some(item) => Err(BadMessage::TooLong { what: "kind", bytes: item.kind.len(), most: MAX_KIND }),
            None => Ok(()),
        }
    }
}

impl DownAcknowledgement {
    /// A hub's cursor.
    pub fn new(hub: HubId, epoch: Epoch, stream: Stream, received: Received) -> Self {
        Self { hub, epoch, stream, received }
    }
}

impl Wire for DownAcknowledgement {
    const NAME: &'static str = "received";

    fn check(&self) -> Result<(), BadMessage> {
        let Received { up_to, refused, .. } = &self.received;
        if refused.len() > MAX_BATCH_EVENTS {
            return Err(BadMessage::TooMany { what: "refusals", count: refused.len(), most: MAX_BATCH_EVENTS });
        }
        if let Some(bytes) = refused.iter().map(|refusal| refusal.why.len()).find(|bytes| *bytes > MAX_REASON) {
            return Err(BadMessage::TooLong { what: "reason", bytes, most: MAX_REASON });
        }
        let mut before = Sequence(0);
        for Refusal { sequence, .. } in refused {
            if *sequence <= before || sequence > up_to {
                return Err(BadMessage::Refusals { sequence: *sequence, up_to: *up_to });
            }
            before = *sequence;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Packed;

    fn batch(queue: u64, sequences: std::ops::RangeInclusive<u64>) -> DownBatch {
        let item = |sequence| DownItem {
            sequence: Sequence(sequence),
            kind: "item.changed".into(),
            body: RawValue::from_string("{}".into()).unwrap(),
        };
        DownBatch {
            hub: "store-367".parse().unwrap(),
            stream: Stream::items(),
            queue: Epoch(queue),
            items: sequences.map(item).collect(),
        }
    }

    fn read<W: Wire>(message: &W) -> Result<W, BadMessage> {
        let Packed { content_type, payload } = message.encode().unwrap();
        W::decode(Some(&content_type), &payload)
    }

    fn at(queue: u64, up_to: u64, refused: &[u64]) -> Received {
        let refused = refused.iter().map(|&sequence| Refusal::new(Sequence(sequence), "no")).collect();
        Received { queue: Epoch(queue), up_to: Sequence(up_to), refused }
    }

    fn due(received: &Received, batch: &DownBatch) -> Vec<u64> {
        received.due(batch).iter().map(|item| item.sequence.0).collect()
    }

    #[test]
    fn only_the_next_batch_is_due() {
        let received = at(7, 4, &[]);
        assert_eq!(due(&received, &batch(7, 5..=6)), [5, 6]);
        assert_eq!(due(&received, &batch(7, 3..=6)), [5, 6]);
        assert_eq!(due(&received, &batch(7, 3..=4)), [0; 0]);
        assert_eq!(due(&received, &batch(7, 6..=8)), [0; 0]);
        assert_eq!(due(&received, &batch(6, 5..=6)), [0; 0]);
        assert_eq!(due(&received, &batch(8, 1..=2)), [1, 2], "a new queue");
        assert_eq!(due(&received, &batch(8, 5..=6)), [0; 0], "a new queue begins with its first item");
        assert_eq!(received.after(&batch(6, 5..=6), vec![]), received);
    }

    #[test]
    fn refusals_are_kept_until_hq_sends_what_follows_them() {
        let refused = |sequence| vec![Refusal::new(Sequence(sequence), "no")];
        let first = Received::default().after(&batch(7, 1..=4), refused(2));
        assert_eq!(first, at(7, 4, &[2]));
        let overlapping = first.after(&batch(7, 1..=6), refused(6));
        assert_eq!(overlapping, at(7, 6, &[2, 6]), "HQ does not know of the second refusal yet");
        assert_eq!(overlapping.after(&batch(7, 7..=8), vec![]), at(7, 8, &[]));
        assert_eq!(overlapping.after(&batch(8, 1..=1), vec![]), at(8, 1, &[]));
    }

    #[test]
    fn a_batch_with_a_gap_or_without_events_is_refused() {
        let (mut gap, mut empty) = (batch(7, 1..=3), batch(7, 1..=1));
        gap.items.remove(1);
        empty.items.clear();
        for wrong in [gap, empty, batch(7, 0..=1), batch(7, 1..=201)] {
            assert!(matches!(read(&wrong), Err(BadMessage::Batch { .. })));
        }
        let full = batch(7, 1..=200);
        assert_eq!(read(&full).unwrap().encode(), full.encode());
        let mut long = batch(7, 1..=1);
        long.items[0].kind = "x".repeat(MAX_KIND + 1);
        assert!(matches!(read(&long), Err(BadMessage::TooLong { what: "kind", .. })));
    }

    #[test]
    fn impossible_refusals_are_rejected() {
        let answer = |received| {
            let hub = "store-367".parse().unwrap();
            DownAcknowledgement::new(hub, Epoch(1), Stream::items(), received)
        };
        let decoded = |received| read(&answer(received));
        assert!(decoded(at(7, 4, &[2, 4])).is_ok());
        for wrong in [at(7, 4, &[5]), at(7, 4, &[3, 2]), at(7, 4, &[2, 2]), at(7, 4, &[0])] {
            assert!(matches!(decoded(wrong), Err(BadMessage::Refusals { .. })));
        }
        let many: Vec<_> = (1..=201).collect();
        assert!(matches!(decoded(at(7, 201, &many)), Err(BadMessage::TooMany { .. })));
        let mut long = at(7, 4, &[2]);
        long.refused[0].why = "x".repeat(MAX_REASON + 1);
        assert!(matches!(decoded(long), Err(BadMessage::TooLong { what: "reason", .. })));
    }

    #[test]
    fn the_most_and_longest_refusals_fit_into_a_message() {
        let mut full = at(7, 200, &(1..=200).collect::<Vec<_>>());
        for refusal in &mut full.refused {
            *refusal = Refusal::new(refusal.sequence, &"\"\n".repeat(MAX_REASON));
            assert_eq!(refusal.why.len(), MAX_REASON);
        }
        let full = DownAcknowledgement::new("store-367".parse().unwrap(), Epoch(1), Stream::items(), full);
        assert_eq!(read(&full), Ok(full));
    }

    proptest! {
        #[test]
        fn no_batches_make_more_refusals_than_an_answer_can_have(
            batches in proptest::collection::vec((1_u64..4, 1_u64..600, 1_u64..=200), 1..40),
        ) {
            let mut received = Received::default();
            for (queue, first, items) in batches {
                let batch = batch(queue, first..=first + items - 1);
                let refused = received.due(&batch).iter().map(|item| Refusal::new(item.sequence, "no")).collect();
                received = received.after(&batch, refused);
                let (hub, stream) = (batch.hub.clone(), batch.stream.clone());
                let answer = DownAcknowledgement::new(hub, Epoch(1), stream, received.clone());
                prop_assert!(read(&answer).is_ok());
            }
        }
    }
}

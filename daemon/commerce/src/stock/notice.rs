//! Announced goods and their deliveries.
//!
//! A notice is open until a person closes it. Until then it accepts deliveries, with more or less than announced and
//! with items that nobody announced. Its lines record the differences. A delivery that names its delivery note is
//! booked once.
//!
//! If a notice was closed too early: a supplier's order is entered again as a new notice; the notice of another store's
//! transfer is reopened, because a transfer has only one name.

use serde::{Deserialize, Serialize};

use super::{Kind, Line, Place, Refusal, State, Sums, position::is_zero, transfer};
use crate::{MAX_LINES, item::Sku, quantity::Unit};

/// The maximum number of delivery notes of a notice.
pub const MAX_NOTES: usize = 100;

/// Announced goods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Notice {
    /// The number of the notice, from 1.
    pub id: u64,
    /// The sender.
    #[serde(flatten)]
    pub source: Source,
    /// When it was entered: milliseconds since 1970, UTC.
    pub entered_at_ms: i64,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at_ms: Option<i64>,
    /// The number of deliveries received.
    pub deliveries: u32,
    /// The delivery notes of the deliveries that named one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<DeliveryNote>,
    /// Announced and received quantities.
    pub lines: Vec<NoticeLine>,
}

/// A delivery that must not be booked twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeliveryNote {
    /// The number, as the sender writes it.
    pub note: String,
    /// The movement of the delivery; absent if no item is tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub movement: Option<u64>,
}

/// The effect of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The stock that moves.
    pub lines: Vec<Line>,
    /// The quantities beyond those announced.
    pub beyond: Sums,
}

/// Normalizes blanks and capitals of a number or name that a person typed. Two texts with the same result mean the
/// same.
pub fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The sender of goods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = NoticeSource))]
pub enum Source {
    /// A supplier.
    Supplier {
        /// The supplier's name.
        supplier: String,
        /// The number of the order or delivery note.
        order: String,
    },
    /// Another store of the same retailer.
    Store {
        /// The sending hub.
        store: String,
        /// The sender's transfer.
        transfer: String,
    },
}

impl Source {
    /// The kind of movement of a delivery.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Supplier { .. } => Kind::Receipt,
            Self::Store { .. } => Kind::TransferIn,
        }
    }
}

/// The condition of delivered goods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Condition {
    /// Fit for sale.
    #[default]
    Good,
    /// To be inspected.
    Doubtful,
    /// Damaged.
    Damaged,
}

impl Condition {
    /// The state that goods in this condition go to.
    pub fn state(self) -> State {
        match self {
            Self::Good => State::OnHand,
            Self::Doubtful => State::Quarantined,
            Self::Damaged => State::Damaged,
        }
    }
}

/// An item of a notice; quantities in thousandths of the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NoticeLine {
    /// The item.
    pub sku: Sku,
    /// The unit.
    pub unit: Unit,
    /// The announced quantity; zero for an item that nobody announced.
    pub announced: i64,
    /// The quantity received fit for sale.
    pub good: i64,
    /// The quantity received in doubtful condition.
    pub doubtful: i64,
    /// The quantity received damaged.
    pub damaged: i64,
    /// The part of it that moved no stock, because the item was not tracked at the time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub untracked: i64,
}

impl NoticeLine {
    fn new((sku, unit): Place, announced: i64) -> Self {
        Self { sku, unit, announced, good: 0, doubtful: 0, damaged: 0, untracked: 0 }
    }

    /// The quantity still to come.
    pub fn outstanding(&self) -> i64 {
        self.announced.saturating_sub(self.came()).max(0)
    }

    fn came(&self) -> i64 {
        self.good.saturating_add(self.doubtful).saturating_add(self.damaged)
    }

    /// The quantity received beyond the announcement.
    fn beyond(&self) -> i64 {
        self.came().saturating_sub(self.announced).max(0)
    }
}

impl Notice {
    /// A new notice.
    pub fn new(id: u64, source: Source, entered_at_ms: i64, announced: Sums) -> Self {
        let lines = announced.into_iter().map(|(place, milli)| NoticeLine::new(place, milli)).collect();
        Self { id, source, entered_at_ms, closed_at_ms: None, deliveries: 0, notes: Vec::new(), lines }
    }

    /// The reference of its movements: the notice's number, or the transfer's name, which both stores know.
    pub fn reference(&self) -> String {
        match &self.source {
            Source::Supplier { .. } => self.id.to_string(),
            Source::Store { store, transfer } => transfer::reference(store, transfer),
        }
    }

    /// Books a delivery. If it names its note, call [`Self::take_note`] afterwards with its movement.
    ///
    /// # Errors
    /// Closed, the delivery note was already booked, too many notes, or too many lines.
    pub fn receive(&mut self, goods: Vec<(Condition, Sums)>, note: Option<&str>) -> Result<Delivered, Refusal> {
        self.is_open()?;
        if let Some(note) = note {
            self.may_take(note)?;
        }
        let (mut moved, mut beyond) = (Vec::new(), Sums::new());
        for (condition, sums) in goods {
            for (place, milli) in &sums {
                let line = self.line(place)?;
                let before = line.beyond();
                let came = match condition {
                    Condition::Good => &mut line.good,
                    Condition::Doubtful => &mut line.doubtful,
                    Condition::Damaged => &mut line.damaged,
                };
                *came = came.saturating_add(*milli);
                let more = line.beyond().saturating_sub(before);
                if more > 0 {
                    *beyond.entry(place.clone()).or_default() += more;
                }
            }
            moved.extend(Line::of(sums, None, Some(condition.state())));
        }
        self.deliveries = self.deliveries.saturating_add(1);
        Ok(Delivered { lines: moved, beyond })
    }

    fn may_take(&self, note: &str) -> Result<(), Refusal> {
        let known = self.notes.iter().find(|known| folded(&known.note) == folded(note));
        match known {
            Some(DeliveryNote { note, movement }) => {
                Err(Refusal::DeliveryKnown { note: note.clone(), movement: *movement })
            }
            None if self.notes.len() >= MAX_NOTES => Err(Refusal::TooManyNotes),
            None => Ok(()),
        }
    }

    /// Records which lines of [`Self::receive`] moved no stock.
    pub fn not_tracked<'l>(&mut self, lines: impl IntoIterator<Item = &'l Line>) {
        for line in lines {
            let of_item = |known: &&mut NoticeLine| known.sku == line.sku && known.unit == line.unit;
            if let Some(known) = self.lines.iter_mut().find(of_item) {
                known.untracked = known.untracked.saturating_add(line.milli);
            }
        }
    }

    /// Records a delivery note and its movement.
    pub fn take_note(&mut self, note: String, movement: Option<u64>) {
        self.notes.push(DeliveryNote { note, movement });
    }

    /// Closes the notice: nothing more will come.
    ///
    /// # Errors
    /// Already closed.
    pub fn close(&mut self, at_ms: i64) -> Result<(), Refusal> {
        self.is_open()?;
        self.closed_at_ms = Some(at_ms);
        Ok(())
    }

    /// Reopens the notice, because more came after all.
    ///
    /// # Errors
    /// It is of a supplier's order, or still open.
    pub fn reopen(&mut self) -> Result<(), Refusal> {
        if matches!(self.source, Source::Supplier { .. }) {
            return Err(Refusal::NotReopened);
        }
        self.closed_at_ms.take().map(drop).ok_or(Refusal::Open { document: "notice" })
    }

    fn is_open(&self) -> Result<(), Refusal> {
        if self.closed_at_ms.is_none() { Ok(()) } else { Err(Refusal::Closed { document: "notice" }) }
    }

    /// The line of an item; a new line if nobody announced the item.
    fn line(&mut self, (sku, unit): &Place) -> Result<&mut NoticeLine, Refusal> {
        let found = self.lines.iter().position(|line| line.sku == *sku && line.unit == *unit);
        let index = match found {
            Some(index) => index,
            None if self.lines.len() >= MAX_LINES => return Err(Refusal::TooManyLines),
            None => {
                self.lines.push(NoticeLine::new((sku.clone(), *unit), 0));
                self.lines.len() - 1
            }
        };
        Ok(&mut self.lines[index])
    }
}

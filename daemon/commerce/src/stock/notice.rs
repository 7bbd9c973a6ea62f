//! What was announced, and what came of it.
//!
//! A notice is open until a person closes it. Until then it takes deliveries: more or less than announced, or things
//! that nobody announced. What differs stays on record in its lines. A delivery that names its delivery note is taken
//! once.
//!
//! One that was closed too early: a supplier's order is entered again, as another notice; the notice of another store's
//! transfer, which has one name for all time, is reopened.

use serde::{Deserialize, Serialize};

use super::{Kind, Line, Place, Refusal, State, Sums, position::is_zero, transfer};
use crate::{MAX_LINES, item::Sku, quantity::Unit};

/// The most delivery notes of a notice.
pub const MAX_NOTES: usize = 100;

/// Goods that are to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Notice {
    /// Counts from 1.
    pub id: u64,
    /// From whom.
    #[serde(flatten)]
    pub source: Source,
    /// When it was entered: milliseconds since 1970, UTC.
    pub entered_at_ms: i64,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at_ms: Option<i64>,
    /// How many deliveries came for it.
    pub deliveries: u32,
    /// The delivery notes of those that named one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<DeliveryNote>,
    /// What was announced, and what came.
    pub lines: Vec<NoticeLine>,
}

/// A delivery that must not be taken twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeliveryNote {
    /// Its number, as the sender writes it.
    pub note: String,
    /// The movement that it is; none if nothing of it is tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub movement: Option<u64>,
}

/// What a delivery comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// What moves.
    pub lines: Vec<Line>,
    /// What of it is more than was announced.
    pub beyond: Sums,
}

/// A number or a name as people mean it, whatever blanks and capitals they type: two that fold to the same are the
/// same.
pub fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Who sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = NoticeSource))]
pub enum Source {
    /// A supplier.
    Supplier {
        /// Its name.
        supplier: String,
        /// The order's or delivery note's number.
        order: String,
    },
    /// Another store of the retailer.
    Store {
        /// The other hub.
        store: String,
        /// Its transfer.
        transfer: String,
    },
}

impl Source {
    /// The movement that a delivery is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Supplier { .. } => Kind::Receipt,
            Self::Store { .. } => Kind::TransferIn,
        }
    }
}

/// How goods arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Condition {
    /// Fit to be sold.
    #[default]
    Good,
    /// Somebody must look at it.
    Doubtful,
    /// Broken.
    Damaged,
}

impl Condition {
    /// Where such goods go.
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
    /// Of what.
    pub sku: Sku,
    /// By which unit.
    pub unit: Unit,
    /// What should come; nothing, if it came unannounced.
    pub announced: i64,
    /// What came fit to be sold.
    pub good: i64,
    /// What came doubtful.
    pub doubtful: i64,
    /// What came broken.
    pub damaged: i64,
    /// What of it moved no stock, because the item was not tracked when it came.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub untracked: i64,
}

impl NoticeLine {
    fn new((sku, unit): Place, announced: i64) -> Self {
        Self { sku, unit, announced, good: 0, doubtful: 0, damaged: 0, untracked: 0 }
    }

    /// What is still to come.
    pub fn outstanding(&self) -> i64 {
        self.announced.saturating_sub(self.came()).max(0)
    }

    fn came(&self) -> i64 {
        self.good.saturating_add(self.doubtful).saturating_add(self.damaged)
    }

    /// What came beyond the announcement.
    fn beyond(&self) -> i64 {
        self.came().saturating_sub(self.announced).max(0)
    }
}

impl Notice {
    /// A notice.
    pub fn new(id: u64, source: Source, entered_at_ms: i64, announced: Sums) -> Self {
        let lines = announced.into_iter().map(|(place, milli)| NoticeLine::new(place, milli)).collect();
        Self { id, source, entered_at_ms, closed_at_ms: None, deliveries: 0, notes: Vec::new(), lines }
    }

    /// What movements of its deliveries refer to: the notice's number, or the transfer that both stores know.
    pub fn reference(&self) -> String {
        match &self.source {
            Source::Supplier { .. } => self.id.to_string(),
            Source::Store { store, transfer } => transfer::reference(store, transfer),
        }
    }

    /// Takes a delivery. One that names its note is told to [`Self::take_note`] with its movement.
    ///
    /// # Errors
    /// Closed, a delivery note that was taken before or is one too many, or more lines than a notice has.
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

    /// Notes what of a delivery moved no stock: lines that [`Self::receive`] gave.
    pub fn not_tracked<'l>(&mut self, lines: impl IntoIterator<Item = &'l Line>) {
        for line in lines {
            let of_item = |known: &&mut NoticeLine| known.sku == line.sku && known.unit == line.unit;
            if let Some(known) = self.lines.iter_mut().find(of_item) {
                known.untracked = known.untracked.saturating_add(line.milli);
            }
        }
    }

    /// Notes the movement of a delivery, under its delivery note.
    pub fn take_note(&mut self, note: String, movement: Option<u64>) {
        self.notes.push(DeliveryNote { note, movement });
    }

    /// Nothing more will come.
    ///
    /// # Errors
    /// Closed already.
    pub fn close(&mut self, at_ms: i64) -> Result<(), Refusal> {
        self.is_open()?;
        self.closed_at_ms = Some(at_ms);
        Ok(())
    }

    /// More came, after all.
    ///
    /// # Errors
    /// It is of a supplier's order, or open.
    pub fn reopen(&mut self) -> Result<(), Refusal> {
        if matches!(self.source, Source::Supplier { .. }) {
            return Err(Refusal::NotReopened);
        }
        self.closed_at_ms.take().map(drop).ok_or(Refusal::Open { document: "notice" })
    }

    fn is_open(&self) -> Result<(), Refusal> {
        if self.closed_at_ms.is_none() { Ok(()) } else { Err(Refusal::Closed { document: "notice" }) }
    }

    /// The line of an item; a new one, if it came unannounced.
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

//! What was announced, and what came of it.
//!
//! A notice is open until a person closes it. Until then it takes deliveries: more or less than announced, or things that nobody announced. What differs
//! stays on record in its lines.

use serde::{Deserialize, Serialize};

use super::{Kind, Line, Place, Refusal, State, Sums, transfer};
use crate::{MAX_LINES, item::Sku, quantity::Unit};

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
    /// What was announced, and what came.
    pub lines: Vec<NoticeLine>,
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
}

impl NoticeLine {
    fn new((sku, unit): Place, announced: i64) -> Self {
        Self { sku, unit, announced, good: 0, doubtful: 0, damaged: 0 }
    }

    /// What is still to come.
    pub fn outstanding(&self) -> i64 {
        self.announced.saturating_sub(self.good).saturating_sub(self.doubtful).saturating_sub(self.damaged).max(0)
    }
}

impl Notice {
    /// A notice.
    pub fn new(id: u64, source: Source, entered_at_ms: i64, announced: Sums) -> Self {
        let lines = announced.into_iter().map(|(place, milli)| NoticeLine::new(place, milli)).collect();
        Self { id, source, entered_at_ms, closed_at_ms: None, deliveries: 0, lines }
    }

    /// What movements of its deliveries refer to: the notice's number, or the transfer that both stores know.
    pub fn reference(&self) -> String {
        match &self.source {
            Source::Supplier { .. } => self.id.to_string(),
            Source::Store { store, transfer } => transfer::reference(store, transfer),
        }
    }

    /// Takes a delivery; gives what moves.
    ///
    /// # Errors
    /// Closed, or more lines than a notice has.
    pub fn receive(&mut self, goods: Vec<(Condition, Sums)>) -> Result<Vec<Line>, Refusal> {
        self.is_open()?;
        let mut moved = Vec::new();
        for (condition, sums) in goods {
            for (place, milli) in &sums {
                let line = self.line(place)?;
                let came = match condition {
                    Condition::Good => &mut line.good,
                    Condition::Doubtful => &mut line.doubtful,
                    Condition::Damaged => &mut line.damaged,
                };
                *came = came.saturating_add(*milli);
            }
            moved.extend(Line::of(sums, None, Some(condition.state())));
        }
        self.deliveries = self.deliveries.saturating_add(1);
        Ok(moved)
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

//! Walks a store and tells what is damaged.

use serde::Serialize;

use crate::{Store, error::StoreError, home::each_part, table};

/// How much of a store is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The newest part of what grows: quick, at every start.
    Fast,
    /// Everything.
    Whole,
}

impl Depth {
    /// Where to begin in a numbered sequence that ends at `last`.
    pub fn first(self, first_kept: u64, last: u64) -> u64 {
        match self {
            Self::Fast => first_kept.max(last.saturating_sub(999)),
            Self::Whole => first_kept,
        }
    }
}

/// What a walk found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Records looked at.
    pub records: u64,
    /// What is wrong, one sentence each; at most [`Checked::MOST`].
    pub faults: Vec<String>,
}

impl Checked {
    /// Faults told; who has so many needs a backup, not a list.
    pub const MOST: usize = 100;

    /// Adds a fault.
    pub fn fault(&mut self, fault: impl Into<String>) {
        if self.faults.len() < Self::MOST {
            self.faults.push(fault.into());
        }
    }
}

impl Store {
    /// Walks the store: checksums (of every record if [`Depth::Whole`]), and the outbox, whose entries have no gap.
    ///
    /// # Errors
    /// The engine fails. Damage is no error; it is what is looked for.
    pub fn check(&self, depth: Depth) -> Result<Checked, StoreError> {
        let mut checked = Checked::default();
        if depth == Depth::Whole {
            each_part(&*self.engine, |part| {
                checked.records += part.len() as u64;
                for fault in part.iter().filter_map(|(key, value)| table::verify(key, value).err()) {
                    checked.fault(fault);
                }
                Ok(())
            })?;
        }
        self.check_outbox(depth, &mut checked)?;
        Ok(checked)
    }
}

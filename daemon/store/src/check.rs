//! Checks a store for damage.

use serde::Serialize;

use crate::{
    Store,
    chain::{BASE, HEAD, HEADS, Walk},
    engine::each_part,
    error::StoreError,
    parts::{self, Whole},
    value::{self, Value},
};

/// The extent of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The newest records only: quick, at every start.
    Fast,
    /// Everything.
    Whole,
}

impl Depth {
    /// The first number to check in a sequence that ends at `last`.
    pub fn first(self, first_kept: u64, last: u64) -> u64 {
        match self {
            Self::Fast => first_kept.max(last.saturating_sub(999)),
            Self::Whole => first_kept,
        }
    }
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The number of records checked.
    pub records: u64,
    /// The number of links verified.
    pub links: u64,
    /// The faults, one sentence each; at most [`Checked::MOST`].
    pub faults: Vec<String>,
}

impl Checked {
    /// The maximum number of faults reported; a store with this many needs a backup, not a list.
    pub const MOST: usize = 100;

    /// Adds a fault.
    pub fn fault(&mut self, fault: impl Into<String>) {
        if self.faults.len() < Self::MOST {
            self.faults.push(fault.into());
        }
    }

    /// The result of a read during the check of `what`; `None` if it is damaged, which is added as a fault.
    ///
    /// # Errors
    /// Any error other than damage.
    pub fn readable<T>(&mut self, what: &str, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(found) => Ok(Some(found)),
            Err(error @ StoreError::Corrupt { .. }) => {
                self.fault(format!("{what}: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Store {
    /// Checks the store. Both depths check that the outbox has no gaps and the archive is complete. [`Depth::Whole`]
    /// also checks the checksum of every record, in the engine and in the archive, and the chain.
    ///
    /// # Errors
    /// The engine fails. Damage is not an error: it is reported in the result.
    pub fn check(&self, depth: Depth) -> Result<Checked, StoreError> {
        let mut checked = Checked::default();
        self.faults.iter().for_each(|fault| checked.fault(fault));
        if depth == Depth::Whole {
            self.check_records(&mut checked)?;
        }
        self.check_outbox(depth, &mut checked)?;
        Ok(checked)
    }

    /// Reads every record twice: first to collect the links of the chain, then to verify them, because the records of a
    /// table are not in the chain's order.
    fn check_records(&self, checked: &mut Checked) -> Result<(), StoreError> {
        let ends = [BASE, HEAD].map(|end| checked.readable("the chain's ends", HEADS.read(&*self.engine, end)));
        let [base, head] = ends;
        let (base, head) = (base?, head?);
        let mut chain = Walk::from(base.clone().flatten().unwrap_or_default());
        self.each_record(checked, |checked, key, whole| {
            checked.records += 1;
            match value::verify(key, whole) {
                Ok(Value { link: Some(link), .. }) => chain.note(link),
                Ok(_) if value::table_of(key).is_some_and(|table| self.linked.contains(&table)) => {
                    Err(format!("the record {} is not a link of the chain", key.escape_ascii()))
                }
                Ok(_) => Ok(()),
                Err(fault) => Err(fault),
            }
        })?;
        // Without its ends the chain can't be verified; the damaged end is reported.
        let (Some(_), Some(head)) = (base, head) else { return Ok(()) };
        chain.gaps(&head.unwrap_or_default()).into_iter().for_each(|gap| checked.fault(gap));
        self.each_record(&mut Checked::default(), |_, key, whole| {
            let Ok(Value { link: Some(link), json }) = Value::of(key, whole) else { return Ok(()) };
            checked.links += 1;
            if let Err(fault) = chain.prove(&link, key, json) {
                checked.fault(fault);
            }
            Ok(())
        })
    }

    /// Passes every record of the engine and the archive once, although some may be in both for a moment. Parts that do
    /// not form a record are faults.
    fn each_record(
        &self,
        checked: &mut Checked,
        mut take: impl FnMut(&mut Checked, &[u8], &[u8]) -> Result<(), String>,
    ) -> Result<(), StoreError> {
        let mut look = |checked: &mut Checked, key: &[u8], whole: Whole<'_>| {
            let looked = match whole {
                Ok(whole) => take(checked, key, &whole),
                Err(why) => Err(format!("the record {} can't be read: {why}", key.escape_ascii())),
            };
            if let Err(fault) = looked {
                checked.fault(fault);
            }
        };
        each_part(&*self.engine, |part| {
            for (key, stored) in part {
                if parts::is_part(key) {
                    if self.is_left_over(key)? {
                        checked.fault(left_over(key));
                    }
                } else if let Some(whole) = parts::read(&*self.engine, key, stored)? {
                    look(checked, key, whole);
                }
            }
            Ok::<_, StoreError>(())
        })?;
        for segment in self.archive.segments() {
            for bundle in segment.bundles(segment.first, segment.last) {
                let bundle = match bundle {
                    Ok(bundle) => bundle,
                    Err(error) => {
                        checked.fault(format!("the archive's file {}: {error}", segment.path.display()));
                        continue;
                    }
                };
                for (key, _) in &bundle.entries {
                    if parts::is_part(key) {
                        if !is_of(key, |owner| bundle.stored(owner)) {
                            checked.fault(left_over(key));
                        }
                    } else if self.engine.get(key)?.is_none()
                        && let Some(whole) = bundle.whole(key)
                    {
                        look(checked, key, whole);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a part is in the engine without its record. Checked twice, because its record may have been changed
    /// meanwhile.
    fn is_left_over(&self, part_key: &[u8]) -> Result<bool, StoreError> {
        let owner = match parts::owner(part_key) {
            Some((owner, _)) => self.engine.get(owner)?,
            None => None,
        };
        Ok(!is_of(part_key, |_| owner.as_deref()) && self.engine.get(part_key)?.is_some())
    }
}

/// Whether a part belongs to its record, which `stored` returns by key. A damaged record is a separate fault.
fn is_of<'s>(part_key: &[u8], stored: impl FnOnce(&[u8]) -> Option<&'s [u8]>) -> bool {
    parts::owner(part_key)
        .is_some_and(|(owner, number)| stored(owner).is_some_and(|stored| number < parts::count(owner, stored)))
}

fn left_over(part_key: &[u8]) -> String {
    format!("the part {} belongs to no record", part_key.escape_ascii())
}

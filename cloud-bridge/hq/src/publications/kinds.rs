//! What HQ can publish: how the records of each kind are read and shown. A kind is a `static` of its own module, and a
//! line in [`ALL`].

use std::{collections::BTreeMap, path::Path};

use serde_json::value::RawValue;

use super::{
    items::{self, BadRecords},
    operators, prices, returns,
};

/// The records of a publication, by key.
pub type Records = BTreeMap<String, Box<RawValue>>;

/// A kind of publication.
pub struct Publishable {
    /// Its name, as hubs know it.
    pub name: &'static str,
    /// What it is, and from which files it is read.
    pub about: &'static str,
    /// Reads and checks the records of a file, or of all files of a directory.
    pub read: fn(&Path) -> Result<Records, BadRecords>,
    /// A record in a line.
    pub shown: fn(&RawValue) -> String,
    /// What is different of a record: before, after.
    pub changed: fn(&RawValue, &RawValue) -> String,
    /// Whether hubs refuse it if it leaves out more than a fifth of what they have, unless it may shrink.
    pub refused_if_shrunk: bool,
}

/// All kinds.
pub static ALL: &[&Publishable] =
    &[&items::CATALOG_OF_ITEMS, &operators::OPERATORS_OF_STORES, &prices::PRICE_BOOK, &returns::POLICY_OF_RETURNS];

/// The kind with a name.
pub fn named(name: &str) -> Option<&'static Publishable> {
    ALL.iter().copied().find(|kind| kind.name == name)
}

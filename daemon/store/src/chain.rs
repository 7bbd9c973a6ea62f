//! A hash chain over immutable records: those of linked tables ([`Table::linked`]), in the order in which they were
//! stored.
//!
//! A linked record carries its place in the chain ([`Link`]): a number that counts without gaps over all tables, and
//! `SHA-256(previous hash, number, key, JSON)`. The head of the chain is a separate record, written in the same batch.
//! Anybody who changes, removes or inserts a record would have to rewrite every later record, the head, and HQ's
//! copies.
//!
//! | tampering | what [`walk`](Walk) reports |
//! | --- | --- |
//! | a record is changed and its checksum corrected | its hash is wrong |
//! | a record is removed | its number is missing |
//! | a record is overwritten by a later one | its number is missing |
//! | a record is inserted | its number is used twice, or it has none |
//! | the last records are removed | the head has another number |
//!
//! Old records move to the archive with their links, and the chain continues through it. Where the oldest records were
//! deleted after their retention period, the chain begins at the [`Head`] before the first record kept, and older
//! records of other tables are deleted too.

use std::collections::BTreeMap;

use ring::digest;
use serde::{Deserialize, Serialize};

use crate::table::{Name, Table};

/// The size of a link in bytes.
pub(crate) const LINK: usize = 40;

/// The ends of the chain: [`HEAD`], and [`BASE`] once the oldest records were deleted.
pub(crate) static HEADS: Table<Name, Head> = Table::new("chain");

/// The last link.
pub(crate) const HEAD: &str = "head";

/// The link before the first record kept.
pub(crate) const BASE: &str = "base";

/// A record's place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) number: u64,
    pub(crate) hash: [u8; 32],
}

impl Link {
    pub(crate) fn bytes(&self) -> [u8; LINK] {
        let mut bytes = [0; LINK];
        bytes[..8].copy_from_slice(&self.number.to_le_bytes());
        bytes[8..].copy_from_slice(&self.hash);
        bytes
    }

    pub(crate) fn read(bytes: &[u8; LINK]) -> Self {
        let (mut number, mut hash) = ([0; 8], [0; 32]);
        number.copy_from_slice(&bytes[..8]);
        hash.copy_from_slice(&bytes[8..]);
        Self { number: u64::from_le_bytes(number), hash }
    }
}

/// An end of the chain. Before the first link: number 0 and 32 zero bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) number: u64,
    #[serde(with = "hexadecimal")]
    pub(crate) hash: [u8; 32],
}

impl Head {
    /// Makes the link of the next record, which becomes the head.
    pub(crate) fn append(&mut self, raw_key: &[u8], json: &[u8]) -> Link {
        self.number += 1;
        self.hash = hash(&self.hash, self.number, raw_key, json);
        Link { number: self.number, hash: self.hash }
    }
}

impl From<Link> for Head {
    fn from(Link { number, hash }: Link) -> Self {
        Self { number, hash }
    }
}

pub(crate) fn hash(before: &[u8; 32], number: u64, raw_key: &[u8], json: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(before);
    context.update(&number.to_le_bytes());
    // The length first, so that no byte can move between key and record.
    context.update(&(raw_key.len() as u64).to_le_bytes());
    context.update(raw_key);
    context.update(json);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Verifies the chain in any order of records: pass each of them to [`note`](Self::note), then each again to
/// [`prove`](Self::prove). Uses 40 bytes per record.
pub(crate) struct Walk {
    base: Head,
    links: BTreeMap<u64, [u8; 32]>,
}

impl Walk {
    pub(crate) fn from(base: Head) -> Self {
        Self { base, links: BTreeMap::new() }
    }

    /// Records a link.
    pub(crate) fn note(&mut self, link: Link) -> Result<(), String> {
        match self.links.insert(link.number, link.hash) {
            None => Ok(()),
            Some(_) => Err(format!("link {} is in the chain twice", link.number)),
        }
    }

    /// The gaps between the ends of the chain.
    pub(crate) fn gaps(&self, head: &Head) -> Vec<String> {
        let mut gaps = Vec::new();
        let mut due = self.base.number + 1;
        // Links before the base remain from records whose neighbours were deleted.
        for number in self.links.keys().copied().skip_while(|number| *number <= self.base.number) {
            if number > due {
                gaps.push(format!("links {due} to {} of the chain are missing", number - 1));
            }
            due = number + 1;
        }
        if due != head.number + 1 {
            gaps.push(format!("the chain ends with link {}, its head says {}", due - 1, head.number));
        } else if self.links.get(&head.number).is_some_and(|hash| *hash != head.hash) {
            gaps.push(format!("the head of the chain is not the hash of link {}", head.number));
        }
        gaps
    }

    /// Whether a record is as it was linked.
    pub(crate) fn prove(&self, link: &Link, raw_key: &[u8], json: &[u8]) -> Result<(), String> {
        let before = match link.number.checked_sub(1) {
            Some(before) if before == self.base.number => Some(&self.base.hash),
            Some(before) => self.links.get(&before),
            None => None,
        };
        // The previous link is missing, which is reported as a gap.
        let Some(before) = before else { return Ok(()) };
        if hash(before, link.number, raw_key, json) == link.hash {
            Ok(())
        } else {
            Err(format!(
                "the record {} was changed after it was stored: link {} of the chain does not match",
                raw_key.escape_ascii(),
                link.number
            ))
        }
    }
}

/// 32 bytes in a record, as hexadecimal text.
pub(crate) mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::hexadecimal::of(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::hexadecimal::parse(&text).ok_or_else(|| D::Error::custom("a hash has 64 hexadecimal digits"))
    }
}

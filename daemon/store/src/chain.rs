//! A hash chain over what may never be changed: the records of linked tables ([`Table::linked`]), in the order in which
//! they were stored.
//!
//! A record in the chain carries its place in it ([`Link`]): a number that counts without gaps over all tables, and
//! `SHA-256(hash before, number, key, JSON)`. The head of the chain is a record of its own, written in the same batch.
//! Whoever changes a record, takes one out or puts one in would have to write every later one anew, and the head, and
//! what HQ has of them.
//!
//! | what is done to the store behind the hub's back | what [`walk`](Walk) says |
//! | --- | --- |
//! | a record is changed, its checksum made right again | its hash is wrong |
//! | a record is taken out | its number is missing |
//! | a record is overwritten by a later one | its number is missing |
//! | a record is put in | its number is there twice, or it has none |
//! | the last ones are taken out | the head names another number |
//!
//! Old records move to the archive with their links, and the chain is walked through it. Where the oldest were given up
//! after their time, the chain begins at the [`Head`] that stood before the first one kept; what other tables have from
//! before goes with them.

use std::collections::BTreeMap;

use ring::digest;
use serde::{Deserialize, Serialize};

use crate::table::{Name, Table};

/// Bytes of a link.
pub(crate) const LINK: usize = 40;

/// The chain's ends: [`HEAD`], and [`BASE`] once the oldest records were given up.
pub(crate) static HEADS: Table<Name, Head> = Table::new("chain");

/// The last link.
pub(crate) const HEAD: &str = "head";

/// The link before the first that is kept.
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

/// An end of the chain. Nothing was linked yet: number 0, and 32 zero bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) number: u64,
    #[serde(with = "hexadecimal")]
    pub(crate) hash: [u8; 32],
}

impl Head {
    /// The link of the next record; the head is this one then.
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
    // Its length first, so that no byte can move between key and record.
    context.update(&(raw_key.len() as u64).to_le_bytes());
    context.update(raw_key);
    context.update(json);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Walks the chain, whatever order its records come in: all of them by [`note`](Self::note), then all again by
/// [`prove`](Self::prove). Holds 40 bytes a record.
pub(crate) struct Walk {
    base: Head,
    links: BTreeMap<u64, [u8; 32]>,
}

impl Walk {
    pub(crate) fn from(base: Head) -> Self {
        Self { base, links: BTreeMap::new() }
    }

    /// A link was met.
    pub(crate) fn note(&mut self, link: Link) -> Result<(), String> {
        match self.links.insert(link.number, link.hash) {
            None => Ok(()),
            Some(_) => Err(format!("link {} is in the chain twice", link.number)),
        }
    }

    /// What is missing between the chain's ends.
    pub(crate) fn gaps(&self, head: &Head) -> Vec<String> {
        let mut gaps = Vec::new();
        let mut due = self.base.number + 1;
        // Links before the base are left from among those that were given up.
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

    /// Whether a record is what was linked.
    pub(crate) fn prove(&self, link: &Link, raw_key: &[u8], json: &[u8]) -> Result<(), String> {
        let before = match link.number.checked_sub(1) {
            Some(before) if before == self.base.number => Some(&self.base.hash),
            Some(before) => self.links.get(&before),
            None => None,
        };
        // Without the one before it can't be told; the gap is told.
        let Some(before) = before else { return Ok(()) };
        if hash(before, link.number, raw_key, json) == link.hash {
            Ok(())
        } else {
            Err(format!(
                "the record {} was changed after it was stored: link {} of the chain does not hold",
                raw_key.escape_ascii(),
                link.number
            ))
        }
    }
}

/// 32 bytes as a record shows them.
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

//! What the committer read lately: counters, positions, receipt numbers, open baskets are read by every sale, and only the committer writes.
//!
//! So it can't be stale: whatever a batch writes is written here too, for as long as the engine takes it; when it does not, the store has stopped. What is
//! not there is not remembered, and what was never read is not kept. Two generations: when the younger is full, the older is forgotten.

use std::{collections::HashMap, mem};

/// Bytes of keys and values in a generation.
const GENERATION: usize = 4 * 1024 * 1024;

/// Larger values are read from the engine.
const MAX_VALUE: usize = 32 * 1024;

#[derive(Default)]
pub(crate) struct Cache {
    young: HashMap<Vec<u8>, Vec<u8>>,
    old: HashMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
}

impl Cache {
    /// The value of a key, if it was read lately.
    pub(crate) fn get(&mut self, key: &[u8]) -> Option<&Vec<u8>> {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.keep(key, value);
        }
        self.young.get(key)
    }

    /// Remembers what the engine has.
    pub(crate) fn keep(&mut self, key: Vec<u8>, value: Vec<u8>) {
        if value.len() > MAX_VALUE {
            return;
        }
        self.bytes += key.len() + value.len();
        if self.bytes > GENERATION {
            self.bytes = key.len() + value.len();
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Follows a write.
    pub(crate) fn follow(&mut self, key: &[u8], value: Option<&Vec<u8>>) {
        let Some(value) = value.filter(|value| value.len() <= MAX_VALUE) else {
            self.young.remove(key);
            self.old.remove(key);
            return;
        };
        for generation in [&mut self.young, &mut self.old] {
            if let Some(known) = generation.get_mut(key) {
                known.clone_from(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is read, written and deleted in whatever order, also past the bound: what is remembered is what is there.
        #[test]
        fn what_is_remembered_is_what_is_there(
            steps in prop::collection::vec((0_u8..12, prop::option::of((any::<u8>(), 0_usize..MAX_VALUE + 2_000)), any::<bool>()), 1..600),
        ) {
            let (mut cache, mut engine) = (Cache::default(), BTreeMap::new());
            for (key, write, reads) in steps {
                let key = vec![key; 3];
                if reads {
                    let there = engine.get(&key);
                    match cache.get(&key) {
                        Some(remembered) => prop_assert_eq!(Some(remembered), there),
                        None => there.into_iter().for_each(|value: &Vec<u8>| cache.keep(key.clone(), value.clone())),
                    }
                } else {
                    let value = write.map(|(byte, length)| vec![byte; length]);
                    cache.follow(&key, value.as_ref());
                    match value {
                        Some(value) => engine.insert(key, value),
                        None => engine.remove(&key),
                    };
                }
                prop_assert!(cache.young.values().map(Vec::len).sum::<usize>() <= GENERATION + MAX_VALUE);
            }
        }
    }
}

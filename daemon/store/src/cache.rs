//! What the committer read lately: counters, positions, receipt numbers, open baskets are read by every sale, and only
//! the committer writes.
//!
//! So it can't be stale: whatever a batch writes is written here too, for as long as the engine takes it; when it does
//! not, the store has stopped. What is not there is not remembered, and what was never read is not kept. Two
//! generations: when the younger is full, the older is forgotten. So it never holds more than twice [`GENERATION`]
//! bytes of keys and values.

use std::{collections::HashMap, mem};

/// Bytes of keys and values in a generation.
const GENERATION: usize = 4 * 1024 * 1024;

/// Larger values are read from the engine.
const MAX_VALUE: usize = 32 * 1024;

pub(crate) struct Cache {
    young: HashMap<Vec<u8>, Vec<u8>>,
    old: HashMap<Vec<u8>, Vec<u8>>,
    /// Bytes of the young.
    bytes: usize,
    generation: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Self::of(GENERATION)
    }
}

impl Cache {
    fn of(generation: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), bytes: 0, generation }
    }

    /// The value of a key, if it was read lately.
    pub(crate) fn get(&mut self, key: &[u8]) -> Option<&Vec<u8>> {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.keep(key, value);
        }
        self.young.get(key)
    }

    /// Remembers what the engine has.
    pub(crate) fn keep(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.remove(&key);
        let bytes = key.len() + value.len();
        if value.len() > MAX_VALUE || bytes > self.generation {
            return;
        }
        if self.bytes + bytes > self.generation {
            self.bytes = 0;
            self.old = mem::take(&mut self.young);
        }
        self.bytes += bytes;
        self.young.insert(key, value);
    }

    /// Follows a write.
    pub(crate) fn follow(&mut self, key: &[u8], value: Option<&Vec<u8>>) {
        if self.remove(key)
            && let Some(value) = value
        {
            self.keep(key.to_vec(), value.clone());
        }
    }

    /// Forgets a key; whether it was known.
    fn remove(&mut self, key: &[u8]) -> bool {
        match self.young.remove(key) {
            Some(value) => {
                self.bytes -= key.len() + value.len();
                true
            }
            None => self.old.remove(key).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Small, so that histories fill it many times over.
    const SMALL: usize = 60_000;

    fn bytes(generation: &HashMap<Vec<u8>, Vec<u8>>) -> usize {
        generation.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    proptest! {
        /// Whatever is read, written, made larger and deleted in whatever order: what is remembered is what is there,
        /// within the bound.
        #[test]
        fn what_is_remembered_is_what_is_there_and_bounded(
            steps in prop::collection::vec(
                (0_u8..24, prop::option::weighted(0.9, (any::<u8>(), 0_usize..MAX_VALUE + 2_000)), any::<bool>()),
                1..400,
            ),
        ) {
            let (mut cache, mut engine) = (Cache::of(SMALL), BTreeMap::new());
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
                prop_assert_eq!(cache.bytes, bytes(&cache.young));
                prop_assert!(bytes(&cache.young) <= SMALL && bytes(&cache.old) <= SMALL);
            }
        }
    }

    #[test]
    fn what_is_read_often_outlives_what_is_read_once() {
        let mut cache = Cache::of(SMALL);
        cache.keep(b"often".to_vec(), vec![1]);
        for number in 0..100_u8 {
            cache.keep(vec![number], vec![0; 10_000]);
            assert!(cache.get(b"often").is_some(), "{number}");
        }
        assert!(cache.get(&[0]).is_none());
    }
}

//! The committer's read cache. Every sale reads counters, positions, receipt numbers and open baskets, and only the
//! committer writes them.
//!
//! The cache can't be stale: every batch is also written here, and if the engine rejects a batch, the store has
//! stopped. It does not cache absent keys, and it does not add keys that are only written. It has two generations: when
//! the younger is full, the older is dropped. So it holds at most twice [`GENERATION`] bytes of keys and values.

use std::{collections::HashMap, mem};

/// Bytes of keys and values per generation.
const GENERATION: usize = 4 * 1024 * 1024;

/// Larger values are not cached.
const MAX_VALUE: usize = 32 * 1024;

pub(crate) struct Cache {
    young: HashMap<Vec<u8>, Vec<u8>>,
    old: HashMap<Vec<u8>, Vec<u8>>,
    /// Bytes in the younger generation.
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

    /// The value of a key, if it is cached.
    pub(crate) fn get(&mut self, key: &[u8]) -> Option<&Vec<u8>> {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.keep(key, value);
        }
        self.young.get(key)
    }

    /// Caches a value read from the engine.
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

    /// Updates the cache after a write.
    pub(crate) fn follow(&mut self, key: &[u8], value: Option<&Vec<u8>>) {
        if self.remove(key)
            && let Some(value) = value
        {
            self.keep(key.to_vec(), value.clone());
        }
    }

    /// Drops a key; returns whether it was cached.
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

    /// Small, so that test histories fill it many times over.
    const SMALL: usize = 60_000;

    fn bytes(generation: &HashMap<Vec<u8>, Vec<u8>>) -> usize {
        generation.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    proptest! {
        /// After any sequence of reads, writes and deletions, the cache agrees with the engine and stays within its
        /// bound.
        #[test]
        fn the_cache_agrees_with_the_engine_and_is_bounded(
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
    fn a_key_that_is_read_often_outlives_one_that_is_read_once() {
        let mut cache = Cache::of(SMALL);
        cache.keep(b"often".to_vec(), vec![1]);
        for number in 0..100_u8 {
            cache.keep(vec![number], vec![0; 10_000]);
            assert!(cache.get(b"often").is_some(), "{number}");
        }
        assert!(cache.get(&[0]).is_none());
    }
}

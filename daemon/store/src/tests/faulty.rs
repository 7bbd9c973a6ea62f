//! A third engine: in memory, with faults on demand.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use crate::{
    FORMAT,
    engine::{Batch, Engine, EngineError, Entry},
    meta,
};

/// The faults of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The disk is full: writes fail.
    Enospc,
    /// The disk is broken: writes fail.
    EioOnWrite,
    /// The disk is broken: flushes fail.
    EioOnFlush,
    /// Flushes report success without flushing.
    Lie,
}

/// An engine in memory with faults on demand, which counts its flushes. [`Faulty::cut`] loses what was applied and not
/// flushed.
#[derive(Default)]
pub(super) struct Faulty {
    pub(super) durable: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    pub(super) applied: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    pub(super) flushes: AtomicUsize,
    fault: Mutex<Option<Fault>>,
    /// The number of batches that still succeed; `None` for no limit.
    writes_left: Mutex<Option<usize>>,
    /// A slow disk: locking it delays every flush.
    pub(super) gate: Mutex<()>,
    /// Batches applied since the last flush.
    pending: Mutex<Vec<Batch>>,
}

impl Faulty {
    pub(super) fn new() -> Arc<Self> {
        let faulty = Self::default();
        let birth = [meta("format", u64::from(FORMAT)).unwrap(), meta("epoch", 7).unwrap()];
        faulty.apply(birth.map(|(key, value)| (key, Some(value))).into()).unwrap();
        faulty.flush().unwrap();
        Arc::new(faulty)
    }

    /// Sets the fault, or none.
    pub(super) fn set(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Makes writes fail after this many more.
    pub(super) fn fail_after(&self, writes: Option<usize>) {
        *self.writes_left.lock().unwrap() = writes;
    }

    fn is(&self, fault: Fault) -> bool {
        *self.fault.lock().unwrap() == Some(fault)
    }

    /// The engine after a power failure: what was flushed, and the first `kept` of the batches that were not.
    pub(super) fn cut(&self, kept: usize) -> Arc<Self> {
        let left = Self::default();
        *left.applied.lock().unwrap() = self.durable.lock().unwrap().clone();
        let pending = self.pending.lock().unwrap();
        for batch in pending.iter().take(kept) {
            left.apply(batch.clone()).unwrap();
        }
        left.flush().unwrap();
        Arc::new(left)
    }
}

impl Engine for Faulty {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.applied.lock().unwrap().get(key).cloned())
    }

    fn range(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, EngineError> {
        let applied = self.applied.lock().unwrap();
        let entries = applied.range::<[u8], _>((from, to)).map(|(key, value)| (key.clone(), value.clone()));
        Ok(if descending { entries.rev().take(limit).collect() } else { entries.take(limit).collect() })
    }

    fn apply(&self, batch: Batch) -> Result<(), EngineError> {
        let failed = EngineError::new("write a batch");
        if self.is(Fault::Enospc) {
            return Err(failed("No space left on device (os error 28)".into()));
        }
        if let Some(left) = &mut *self.writes_left.lock().unwrap() {
            *left = left.checked_sub(1).ok_or_else(|| EngineError::new("write a batch")("cut off".into()))?;
        }
        if self.is(Fault::EioOnWrite) {
            return Err(failed("Input/output error (os error 5)".into()));
        }
        self.pending.lock().unwrap().push(batch.clone());
        let mut applied = self.applied.lock().unwrap();
        for (key, value) in batch {
            match value {
                Some(value) => applied.insert(key, value),
                None => applied.remove(&key),
            };
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), EngineError> {
        drop(self.gate.lock().unwrap());
        if self.is(Fault::EioOnFlush) {
            return Err(EngineError::new("make a batch durable")("Input/output error (os error 5)".into()));
        }
        self.flushes.fetch_add(1, SeqCst);
        if self.is(Fault::Lie) {
            return Ok(());
        }
        self.pending.lock().unwrap().clear();
        *self.durable.lock().unwrap() = self.applied.lock().unwrap().clone();
        Ok(())
    }

    fn size_on_disk(&self) -> Result<u64, EngineError> {
        Ok(0)
    }
}

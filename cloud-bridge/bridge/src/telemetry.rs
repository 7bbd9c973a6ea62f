//! Telemetry samples that wait for HQ, in memory: bounded; the oldest are dropped and counted.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use contract::telemetry::{MAX_KEPT, MAX_SAMPLES, Sample};

/// Waiting samples. The hub adds them; the bridge sends them when nothing else waits.
#[derive(Debug, Default)]
pub struct Samples(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    samples: VecDeque<Sample>,
    dropped: u64,
}

impl Samples {
    /// Adds the newest sample; drops the oldest if full.
    pub fn push(&self, sample: Sample) {
        let mut waiting = self.waiting();
        waiting.samples.push_back(sample);
        waiting.shorten();
    }

    /// Takes the oldest samples, at most a message's worth, and the number dropped since the start.
    pub(crate) fn take(&self) -> (Vec<Sample>, u64) {
        let mut waiting = self.waiting();
        let count = waiting.samples.len().min(MAX_SAMPLES);
        (waiting.samples.drain(..count).collect(), waiting.dropped)
    }

    /// Puts back samples that could not be sent.
    pub(crate) fn put_back(&self, samples: Vec<Sample>) {
        let mut waiting = self.waiting();
        for sample in samples.into_iter().rev() {
            waiting.samples.push_front(sample);
        }
        waiting.shorten();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn shorten(&mut self) {
        while self.samples.len() > MAX_KEPT {
            self.samples.pop_front();
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_ms: i64) -> Sample {
        Sample { at_ms, ..Sample::default() }
    }

    fn taken(samples: &Samples) -> (Vec<i64>, u64) {
        let (taken, dropped) = samples.take();
        (taken.into_iter().map(|sample| sample.at_ms).collect(), dropped)
    }

    #[test]
    fn the_oldest_samples_are_dropped_and_counted() {
        let (samples, most) = (Samples::default(), i64::try_from(MAX_KEPT).unwrap());
        for at_ms in 1..=most + 5 {
            samples.push(sample(at_ms));
        }
        let (first, dropped) = taken(&samples);
        assert_eq!((first[0], first.len(), dropped), (6, MAX_SAMPLES, 5));
        samples.put_back(first.into_iter().map(sample).collect());
        assert_eq!(taken(&samples).0[0], 6);
        samples.put_back((6..=5 + i64::try_from(MAX_SAMPLES).unwrap()).map(sample).collect());
        samples.push(sample(most + 6));
        assert_eq!((taken(&samples).0[0], taken(&samples).1), (7, 6));
    }

    #[test]
    fn taken_samples_are_not_taken_again() {
        let samples = Samples::default();
        samples.push(sample(1));
        samples.push(sample(2));
        assert_eq!(taken(&samples).0, [1, 2]);
        assert_eq!(taken(&samples).0, [0; 0]);
    }
}

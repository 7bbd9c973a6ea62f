//! A limit on the questions to HQ of each register, so that one register does not use up the bridge's places.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use commerce::Station;

/// The maximum number of questions of a register, or of the console, that wait for an answer. The bridge has 64 places.
const EACH: usize = 8;

/// The number of waiting questions by station.
#[derive(Clone, Default)]
pub(super) struct Askers(Arc<Mutex<HashMap<String, usize>>>);

/// A waiting question; it counts until it is dropped.
pub(super) struct Waiting {
    askers: Askers,
    station: String,
}

impl Askers {
    /// Counts a question; `None` if too many of the station are waiting.
    pub(super) fn enter(&self, station: &Station) -> Option<Waiting> {
        let station = station.to_string();
        let mut all = self.lock();
        let waiting = all.entry(station.clone()).or_default();
        if *waiting >= EACH {
            return None;
        }
        *waiting += 1;
        drop(all);
        Some(Waiting { askers: self.clone(), station })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut all = self.askers.lock();
        if let Some(waiting) = all.get_mut(&self.station) {
            *waiting -= 1;
            if *waiting == 0 {
                all.remove(&self.station);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_with_many_questions_leaves_places_to_others() {
        let askers = Askers::default();
        let till = |name: &str| Station::Register(name.parse().unwrap());
        let mut waiting: Vec<_> = (0..EACH).map(|_| askers.enter(&till("till-1")).unwrap()).collect();
        assert!(askers.enter(&till("till-1")).is_none());
        assert!(askers.enter(&till("till-2")).is_some());
        waiting.pop();
        assert!(askers.enter(&till("till-1")).is_some());
        waiting.clear();
        assert!(askers.lock().is_empty());
    }
}

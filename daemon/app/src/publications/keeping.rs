//! The retention of segments, and the check.

use contract::publication::State;
use store::{Checked, Depth, Purpose, Store, StoreError};

use super::{
    PUBLICATIONS, SHELVES, Shelf,
    reading::needed,
    segments::{SEGMENTS, read},
};
use crate::capability::{Retention, Tidied};

/// Deletes segments that no publication needs.
pub(super) fn tidy(store: &Store, _: &Retention) -> Result<Tidied, StoreError> {
    let mut all = Vec::new();
    store.each(&SEGMENTS, |segment| all.extend(segment.map(|segment| segment.digest)))?;
    if all.is_empty() {
        return Ok(vec![("publication_segments", 0)]);
    }
    let needed = needed(store)?;
    all.retain(|digest| !needed.contains(digest));
    let count = all.len() as u64;
    // A publication that needs a deleted one finds it missing and fetches it.
    store.commit_blocking_for(Purpose::Housekeeping, move |transaction| {
        for digest in &all {
            transaction.delete(&SEGMENTS, &digest.to_string());
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(vec![("publication_segments", count)])
}

/// Checks that active and former publications are complete.
pub(super) fn check(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let mut shelves = Vec::new();
    store.each(&SHELVES, |shelf| match shelf {
        Ok(shelf) => shelves.push(shelf),
        Err(error) => checked.fault(error.to_string()),
    })?;
    for Shelf { kind, active, .. } in shelves {
        let Some(active) = active else { continue };
        for version in [&[active.version][..], &active.former].concat() {
            let what = format!("{kind} version {version}");
            let read_it = store.get(&PUBLICATIONS, (kind.as_str(), version));
            let Some(publication) = checked.readable(&what, read_it)? else { continue };
            let expected = if version == active.version { State::Active } else { State::Former };
            let manifest = match publication {
                Some(publication) if publication.state == expected => publication.manifest,
                _ => None,
            };
            let Some(manifest) = manifest else {
                checked.fault(format!("{what} is {}, but its record is missing", expected.name()));
                continue;
            };
            if version == active.version && manifest.segments.len() != active.since.len() {
                checked.fault(format!("{what}: the numbers of its segments and generations differ"));
            }
            for entry in &manifest.segments {
                let found = match depth {
                    Depth::Fast => store.get(&SEGMENTS, &entry.digest.to_string()).map(|found| found.is_some()),
                    Depth::Whole => read(store, entry).map(|_| true),
                };
                checked.records += 1;
                if checked.readable(&what, found)? == Some(false) {
                    checked.fault(format!("{what}: segment {} is missing", entry.digest));
                }
            }
        }
    }
    Ok(())
}

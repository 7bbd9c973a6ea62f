//! A completed trace, and power failures in it.

use std::{
    collections::BTreeMap,
    fs, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::{Mutex, mpsc},
    thread,
};

use fastrand::Rng;

use super::{Counts, Cut, Disk, Flushes, Record, cut, records};

/// A completed trace.
pub struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) directory: PathBuf,
    /// The directory's inode.
    pub(super) root: u64,
}

/// The results of many cuts.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// What happened to unflushed changes.
    pub counts: Counts,
    /// Cuts with unflushed changes.
    pub with_unflushed: usize,
    /// The faults, with the moment of the cut.
    pub wrong: Vec<(usize, String)>,
}

impl Verdicts {
    /// The number of states that lack something answered.
    pub fn losses(&self) -> usize {
        self.wrong.iter().filter(|(_, faults)| faults.contains("LOST")).count()
    }
}

impl Written {
    /// The records in order.
    ///
    /// # Errors
    /// The trace is invalid.
    pub fn records(&self) -> Result<Vec<Record<'_>>, String> {
        records(&self.bytes, &self.directory.display().to_string())
    }

    /// The size in megabytes.
    pub fn megabytes(&self) -> usize {
        self.bytes.len() / 1_000_000
    }

    /// Plays the trace to its end and compares it with the real directory, byte by byte, which would show a change that
    /// was not traced. Returns the number of files.
    ///
    /// # Errors
    /// What the trace has missed.
    pub fn misses_nothing(&self) -> Result<usize, String> {
        let mut disk = Disk::new(self.root, Flushes::Kept);
        for record in &self.records()? {
            disk.play(record)?;
        }
        let seen = disk.seen();
        let real = files(&self.directory).map_err(|error| format!("{}: {error}", self.directory.display()))?;
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        if names(&seen) != names(&real) {
            return Err(format!("the trace has the files {:?}, the directory {:?}", names(&seen), names(&real)));
        }
        match seen.iter().find(|(path, bytes)| **bytes != real[*path]) {
            Some((path, _)) => Err(format!("{path} was changed without being traced")),
            None => Ok(seen.len()),
        }
    }

    /// Cuts the power at each moment, in order, and passes each state to a judge; judges run in parallel. `state` is
    /// called with all records in between, and makes a judge's input of a cut.
    ///
    /// # Errors
    /// The trace has missed something.
    pub fn is_cut<S: Send>(
        &self,
        flushes: Flushes,
        moments: &[usize],
        dice: &mut Rng,
        mut state: impl FnMut(&[Record<'_>], Cut, &mut Rng) -> S,
        judges: Vec<impl FnMut(S) -> Result<(), String> + Send>,
    ) -> Result<Verdicts, String> {
        let records = self.records()?;
        let (send, receive) = mpsc::sync_channel::<(usize, S)>(judges.len());
        let (receive, wrong) = (Mutex::new(receive), Mutex::new(Vec::new()));
        let mut verdicts = Verdicts::default();
        thread::scope(|scope| {
            for mut judge in judges {
                let (receive, wrong) = (&receive, &wrong);
                scope.spawn(move || {
                    let next = || receive.lock().ok()?.recv().ok();
                    while let Some((moment, state)) = next() {
                        if let (Err(faults), Ok(mut wrong)) = (judge(state), wrong.lock()) {
                            wrong.push((moment, faults));
                        }
                    }
                });
            }
            let (mut disk, mut played) = (Disk::new(self.root, flushes), 0);
            for &moment in moments {
                for record in &records[played..moment] {
                    disk.play(record)?;
                }
                let cut = cut(&disk, dice);
                verdicts.counts += cut.counts;
                verdicts.with_unflushed += usize::from(cut.counts.unflushed > 0);
                let state = state(&records[played..moment], cut, dice);
                played = moment;
                send.send((moment, state)).map_err(|_| "the judges are gone")?;
            }
            drop(send);
            Ok::<_, String>(())
        })?;
        verdicts.wrong = wrong.into_inner().map_err(|_| "a judge panicked")?;
        verdicts.wrong.sort();
        Ok(verdicts)
    }
}

/// Draws moments between two positions of a trace. Half of them are right after a change, when there is something to
/// lose, and a quarter right after a change of a name or shortly behind: names are rare and important.
pub fn moments<'t>(records: &[Record<'t>], span: RangeInclusive<usize>, count: usize, dice: &mut Rng) -> Vec<usize> {
    let (from, to) = (*span.start(), *span.end());
    let after = |is_meant: fn(&Record<'t>) -> bool| -> Vec<usize> {
        (from.max(1)..=to).filter(|place| is_meant(&records[*place - 1])).collect()
    };
    let changes = after(Record::is_change);
    let names = after(Record::is_naming);
    let draw = |_| match dice.u8(..4) {
        0 => dice.usize(from..=to),
        1 => dice.choice(&names).map_or(to, |place| to.min(place + dice.usize(..4))),
        _ => dice.choice(&changes).copied().unwrap_or(to),
    };
    (0..count).map(draw).collect()
}

/// All files below a directory, except those that are not traced.
fn files(directory: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        for entry in fs::read_dir(path)? {
            let entry = entry?.path();
            let name = entry.strip_prefix(directory).unwrap_or(&entry).display().to_string();
            if entry.is_dir() {
                left.push(entry);
            } else if !["-shm", ".sock"].iter().any(|end| name.ends_with(end)) {
                found.insert(name, fs::read(&entry)?);
            }
        }
    }
    Ok(found)
}

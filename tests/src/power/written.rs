//! A life that was written down, and the power cuts in it.

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

/// A trace that has ended.
pub struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) directory: PathBuf,
    /// The directory's inode.
    pub(super) root: u64,
}

/// What came of many cuts.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// What was done to the disks.
    pub counts: Counts,
    /// Cuts that had something unflushed to lose.
    pub with_unflushed: usize,
    /// What is wrong, by the moment.
    pub wrong: Vec<(usize, String)>,
}

impl Verdicts {
    /// States that lack something that was answered.
    pub fn losses(&self) -> usize {
        self.wrong.iter().filter(|(_, faults)| faults.contains("LOST")).count()
    }
}

impl Written {
    /// Its records, in order.
    ///
    /// # Errors
    /// It is no trace.
    pub fn records(&self) -> Result<Vec<Record<'_>>, String> {
        records(&self.bytes, &self.directory.display().to_string())
    }

    /// Its size in megabytes.
    pub fn megabytes(&self) -> usize {
        self.bytes.len() / 1_000_000
    }

    /// Plays it to its end and compares with the real directory, byte by byte: a change that went past the trace would
    /// show. Gives how many files there are.
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
            return Err(format!("the trace knows the files {:?}, there are {:?}", names(&seen), names(&real)));
        }
        match seen.iter().find(|(path, bytes)| **bytes != real[*path]) {
            Some((path, _)) => Err(format!("{path} was changed past the trace")),
            None => Ok(seen.len()),
        }
    }

    /// Cuts the power at each of the moments, which are in order, and has each state judged; the judges work side by
    /// side. `state` hears of every record on the way, and makes of a cut what a judge needs.
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

/// So many moments between two places of a trace. Two of four come right after a change, when there is something to
/// lose, and one right after a change of a name or one of the few records behind it: names are rare, and much hangs on
/// them.
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

/// All files below a directory, but for those that a trace does not look at.
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

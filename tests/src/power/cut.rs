//! A possible state of a disk after a power failure.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt, fs, io,
    ops::AddAssign,
    os::unix::fs::FileExt,
    path::Path,
};

use fastrand::Rng;

use super::disk::{Change, Disk, FlushState, Node, ROOT, Unsettled, join};

/// The unit that a drive writes atomically.
const SECTOR: usize = 512;

/// What happened to unflushed changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Unflushed writes and changes of size.
    pub unflushed: usize,
    /// Of these, lost.
    pub lost: usize,
    /// Of these, partly written.
    pub torn: usize,
    /// Files whose unflushed changes were reordered.
    pub reordered: usize,
    /// Unflushed creations, renames or removals of names that are lost.
    pub names_lost: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unflushed, lost, torn, reordered, names_lost } = self;
        write!(
            f,
            "{unflushed} unflushed writes, {lost} lost, {torn} torn; {reordered} files reordered, {names_lost} names \
             lost"
        )
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.unflushed += other.unflushed;
        self.lost += other.lost;
        self.torn += other.torn;
        self.reordered += other.reordered;
        self.names_lost += other.names_lost;
    }
}

/// A disk after a cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Files by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Directories by path.
    pub directories: Vec<String>,
    /// What happened to unflushed changes.
    pub counts: Counts,
}

/// The behaviour of the drive, drawn once per cut, because a drive that lost everything reveals other faults than one
/// that lost a little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behaviour {
    /// All unflushed changes are lost.
    Nothing,
    /// The first changes are written in order; the next one is torn.
    InOrder,
    /// Each change is written, lost or torn independently.
    Each,
    /// The same, in any order.
    AnyOrder,
}

impl Behaviour {
    fn draw(dice: &mut Rng) -> Self {
        match dice.u8(..8) {
            0 => Self::Nothing,
            1 | 2 => Self::InOrder,
            3 | 4 => Self::Each,
            _ => Self::AnyOrder,
        }
    }
}

/// Draws a state.
pub fn cut(disk: &Disk<'_>, dice: &mut Rng) -> Cut {
    let behaviour = Behaviour::draw(dice);
    let mut cut = Cut::default();
    let mut left = vec![(String::new(), ROOT)];
    while let Some((path, node)) = left.pop() {
        match &disk.nodes[node] {
            Node::File { durable, pending } => {
                let bytes = file(durable, pending, behaviour, dice, &mut cut.counts);
                cut.files.insert(path, bytes);
            }
            Node::Directory { durable, pending, .. } => {
                let kept = if behaviour == Behaviour::Nothing { 0 } else { dice.usize(..=pending.len()) };
                cut.counts.names_lost += pending.len() - kept;
                let mut names = durable.clone();
                for (_, naming) in pending.iter().take(kept) {
                    naming.apply(&mut names);
                }
                left.extend(names.iter().map(|(name, node)| (join(&path, name), *node)));
                cut.directories.push(path);
            }
        }
    }
    cut
}

fn file(
    durable: &[u8],
    pending: &VecDeque<Unsettled<'_>>,
    behaviour: Behaviour,
    dice: &mut Rng,
    counts: &mut Counts,
) -> Vec<u8> {
    let mut bytes = durable.to_vec();
    let (mut changes, mut is_dropped) = (Vec::new(), false);
    // Changes dropped by a failed flush are below those flushed later.
    for one in pending {
        let is_flushed = one.flush_state == FlushState::Flushed;
        if is_flushed || (is_dropped && one.flush_state == FlushState::Pending) {
            damage(&mut bytes, std::mem::take(&mut changes), behaviour, dice, counts);
        }
        is_dropped = one.flush_state == FlushState::Dropped;
        if is_flushed {
            one.change.apply(&mut bytes);
        } else {
            changes.push(one.change);
        }
    }
    damage(&mut bytes, changes, behaviour, dice, counts);
    bytes
}

/// Draws what happens to changes that may be lost.
fn damage(
    bytes: &mut Vec<u8>,
    mut changes: Vec<Change<'_>>,
    behaviour: Behaviour,
    dice: &mut Rng,
    counts: &mut Counts,
) {
    counts.unflushed += changes.len();
    if behaviour == Behaviour::AnyOrder && changes.len() > 1 {
        dice.shuffle(&mut changes);
        counts.reordered += 1;
    }
    let whole = if behaviour == Behaviour::InOrder { dice.usize(..=changes.len()) } else { 0 };
    for (place, change) in changes.iter().enumerate() {
        let fate = match behaviour {
            Behaviour::InOrder if place < whole => Fate::There,
            Behaviour::InOrder if place == whole => Fate::Torn,
            Behaviour::Nothing | Behaviour::InOrder => Fate::Lost,
            Behaviour::Each | Behaviour::AnyOrder => *dice.choice(&Fate::ALL).unwrap_or(&Fate::Lost),
        };
        match (fate, change) {
            (Fate::There, change) => change.apply(bytes),
            (Fate::Torn, Change::Write { at, data }) => {
                tear(bytes, *at, data, dice);
                counts.torn += 1;
            }
            (Fate::Lost | Fate::Torn, change) => {
                counts.lost += 1;
                // The size may have been written without the bytes.
                if let Change::Write { at, data } = change
                    && behaviour != Behaviour::Nothing
                    && dice.bool()
                {
                    Change::Extend(at + data.len()).apply(bytes);
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    There,
    Lost,
    Torn,
}

impl Fate {
    const ALL: [Self; 3] = [Self::There, Self::Lost, Self::Torn];
}

/// Writes some of the sectors of a write, but not all.
fn tear(bytes: &mut Vec<u8>, at: usize, data: &[u8], dice: &mut Rng) {
    let end = at + data.len();
    let sectors: Vec<_> = (at / SECTOR..end.div_ceil(SECTOR)).collect();
    let spared = dice.usize(..sectors.len().max(1));
    for (place, sector) in sectors.into_iter().enumerate() {
        if place != spared && dice.bool() {
            let (from, to) = (at.max(sector * SECTOR), end.min((sector + 1) * SECTOR));
            Change::Write { at: from, data: &data[from - at..to - at] }.apply(bytes);
        }
    }
    if dice.bool() {
        Change::Extend(end).apply(bytes);
    }
}

impl Cut {
    /// Writes the state into an empty directory.
    ///
    /// # Errors
    /// The directory is not writable.
    pub fn lay_out(&self, directory: &Path) -> io::Result<()> {
        for path in &self.directories {
            fs::create_dir_all(directory.join(path))?;
        }
        for (path, bytes) in &self.files {
            let file = fs::File::create(directory.join(path))?;
            file.set_len(bytes.len() as u64)?;
            // Zeros need not be written.
            for (place, part) in
                bytes.chunks(64 * SECTOR).enumerate().filter(|(_, part)| part.iter().any(|byte| *byte != 0))
            {
                file.write_all_at(part, (place * 64 * SECTOR) as u64)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

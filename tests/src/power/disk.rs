//! A disk at a moment of a trace: what is durable, what is not, and what the processes see.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::record::Record;

/// A file or directory of a [`Disk`].
pub type NodeId = usize;

/// Whether a disk honours flushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushes {
    /// It does.
    Kept,
    /// From the first answer on, flushes of files have no effect: simulates a store that does not flush, from the trace
    /// of one that does.
    Forgotten,
}

/// A change of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change<'t> {
    Write { at: usize, data: &'t [u8] },
    Resize(usize),
    Extend(usize),
}

/// A change of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    Link { name: String, node: NodeId },
    Move { from: String, to: String, node: NodeId },
    Unlink { name: String },
}

impl Naming {
    pub(super) fn apply(&self, names: &mut BTreeMap<String, NodeId>) {
        match self {
            Self::Link { name, node } => {
                names.insert(name.clone(), *node);
            }
            Self::Move { from, to, node } => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
            Self::Unlink { name } => {
                names.remove(name);
            }
        }
    }
}

/// The pending changes of a node, numbered in the node's life.
pub(super) type Pending<C> = VecDeque<(u64, C)>;

/// A change of a file that is not certainly durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsettled<'t> {
    number: u64,
    pub(super) change: Change<'t>,
    pub(super) flush_state: FlushState,
}

/// The state of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlushState {
    /// Not flushed.
    Pending,
    /// Dropped by a failed flush; later flushes do not make up for that.
    Dropped,
    /// Flushed, after a dropped one.
    Flushed,
}

#[derive(Debug)]
pub(super) enum Node<'t> {
    File {
        durable: Vec<u8>,
        pending: VecDeque<Unsettled<'t>>,
    },
    Directory {
        durable: BTreeMap<String, NodeId>,
        pending: Pending<Naming>,
        /// The names as the processes see them.
        now: BTreeMap<String, NodeId>,
    },
}

/// A disk.
#[derive(Debug)]
pub struct Disk<'t> {
    pub(super) nodes: Vec<Node<'t>>,
    /// The node of each inode.
    inodes: HashMap<u64, NodeId>,
    /// Running flushes: the node, and the change up to which it is flushed.
    flushing: HashMap<u64, (NodeId, u64)>,
    changes: u64,
    flushes: Flushes,
    answered: bool,
}

/// The traced directory.
pub(super) const ROOT: NodeId = 0;

impl Change<'_> {
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        match *self {
            Self::Write { at, data } => {
                let end = at + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[at..end].copy_from_slice(data);
            }
            Self::Resize(size) => bytes.resize(size, 0),
            Self::Extend(size) => bytes.resize(size.max(bytes.len()), 0),
        }
    }
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl<'t> Disk<'t> {
    /// An empty disk; `root` is the inode of the traced directory.
    pub fn new(root: u64, flushes: Flushes) -> Self {
        let directory = Node::Directory { durable: BTreeMap::new(), pending: VecDeque::new(), now: BTreeMap::new() };
        Self {
            nodes: vec![directory],
            inodes: HashMap::from([(root, ROOT)]),
            flushing: HashMap::new(),
            changes: 0,
            flushes,
            answered: false,
        }
    }

    /// Applies a record.
    ///
    /// # Errors
    /// The record does not fit the earlier ones: the trace has missed something.
    pub fn play(&mut self, record: &Record<'t>) -> Result<(), String> {
        let strange = |what: &str| format!("the trace missed something before {record:?}: {what}");
        let size = |bytes: u64| usize::try_from(bytes).map_err(|_| strange("a size"));
        match *record {
            Record::Created { path, file, emptied } => {
                let known = self.find(path);
                if known.is_some() && known != self.inodes.get(&file).copied() {
                    return Err(strange("the name is another file's"));
                }
                let node = match known {
                    Some(node) => node,
                    None => self
                        .link(path, file, Node::File { durable: Vec::new(), pending: VecDeque::new() })
                        .ok_or_else(|| strange("no such directory"))?,
                };
                if emptied && known.is_some() {
                    self.change(node, Change::Resize(0)).ok_or_else(|| strange("no file"))?;
                }
            }
            Record::MadeDirectory { path, file } => {
                let directory =
                    Node::Directory { durable: BTreeMap::new(), pending: VecDeque::new(), now: BTreeMap::new() };
                self.link(path, file, directory).ok_or_else(|| strange("no such directory"))?;
            }
            Record::Written { file, at, data } => {
                let node = *self.inodes.get(&file).ok_or_else(|| strange("an unknown file"))?;
                self.change(node, Change::Write { at: size(at)?, data }).ok_or_else(|| strange("no file"))?;
            }
            Record::Resized { file, size: bytes } | Record::Extended { file, size: bytes } => {
                let node = *self.inodes.get(&file).ok_or_else(|| strange("an unknown file"))?;
                let bytes = size(bytes)?;
                let extends = matches!(record, Record::Extended { .. });
                let change = if extends { Change::Extend(bytes) } else { Change::Resize(bytes) };
                self.change(node, change).ok_or_else(|| strange("no file"))?;
            }
            Record::FlushBegun { file, ticket } => {
                let node = *self.inodes.get(&file).ok_or_else(|| strange("an unknown file"))?;
                self.flushing.insert(ticket, (node, self.changes));
            }
            Record::FlushEnded { ticket, .. } => {
                let (node, up_to) = self.flushing.remove(&ticket).ok_or_else(|| strange("its begin"))?;
                self.flushed(node, up_to);
            }
            Record::FlushFailed { ticket, .. } => {
                let (node, up_to) = self.flushing.remove(&ticket).ok_or_else(|| strange("its begin"))?;
                if let Node::File { pending, .. } = &mut self.nodes[node] {
                    for one in
                        pending.iter_mut().filter(|one| one.number <= up_to && one.flush_state == FlushState::Pending)
                    {
                        one.flush_state = FlushState::Dropped;
                    }
                }
            }
            Record::Renamed { from, to } => {
                let node = self.find(from).ok_or_else(|| strange("no such file"))?;
                let ((home, from), (new_home, to)) = (split(from), split(to));
                if home != new_home {
                    return Err(strange("a rename between directories is not followed"));
                }
                let naming = Naming::Move { from: from.into(), to: to.into(), node };
                self.name(home, naming).ok_or_else(|| strange("no such directory"))?;
            }
            Record::Removed { path } => {
                self.find(path).ok_or_else(|| strange("no such file"))?;
                let (home, name) = split(path);
                self.name(home, Naming::Unlink { name: name.into() }).ok_or_else(|| strange("no such directory"))?;
            }
            Record::WriteFailed { .. } | Record::Asked { .. } => {}
            Record::Answered { .. } => self.answered = true,
        }
        Ok(())
    }

    fn find(&self, path: &str) -> Option<NodeId> {
        path.split('/').filter(|name| !name.is_empty()).try_fold(ROOT, |node, name| match &self.nodes[node] {
            Node::Directory { now, .. } => now.get(name).copied(),
            Node::File { .. } => None,
        })
    }

    /// Adds a node with a name.
    fn link(&mut self, path: &str, file: u64, node: Node<'t>) -> Option<NodeId> {
        self.nodes.push(node);
        let node = self.nodes.len() - 1;
        self.inodes.insert(file, node);
        let (home, name) = split(path);
        self.name(home, Naming::Link { name: name.into(), node })?;
        Some(node)
    }

    fn name(&mut self, home: &str, naming: Naming) -> Option<()> {
        let home = self.find(home)?;
        self.changes += 1;
        match &mut self.nodes[home] {
            Node::Directory { now, pending, .. } => {
                naming.apply(now);
                pending.push_back((self.changes, naming));
                Some(())
            }
            Node::File { .. } => None,
        }
    }

    fn change(&mut self, node: NodeId, change: Change<'t>) -> Option<()> {
        self.changes += 1;
        match &mut self.nodes[node] {
            Node::File { pending, .. } => {
                pending.push_back(Unsettled { number: self.changes, change, flush_state: FlushState::Pending });
                Some(())
            }
            Node::Directory { .. } => None,
        }
    }

    fn flushed(&mut self, node: NodeId, up_to: u64) {
        match &mut self.nodes[node] {
            Node::File { durable, pending } => {
                if self.flushes == Flushes::Forgotten && self.answered {
                    return;
                }
                for one in
                    pending.iter_mut().filter(|one| one.number <= up_to && one.flush_state == FlushState::Pending)
                {
                    one.flush_state = FlushState::Flushed;
                }
                while let Some(one) = pending.pop_front_if(|one| one.flush_state == FlushState::Flushed) {
                    one.change.apply(durable);
                }
            }
            Node::Directory { durable, pending, .. } => {
                while let Some((_, naming)) = pending.pop_front_if(|(number, _)| *number <= up_to) {
                    naming.apply(durable);
                }
            }
        }
    }

    /// All files as the processes see them, by path: the contents of the real directory at the trace's end.
    pub fn seen(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut left = vec![(String::new(), ROOT)];
        while let Some((path, node)) = left.pop() {
            match &self.nodes[node] {
                Node::File { durable, pending } => {
                    let mut bytes = durable.clone();
                    for one in pending {
                        one.change.apply(&mut bytes);
                    }
                    files.insert(path, bytes);
                }
                Node::Directory { now, .. } => {
                    left.extend(now.iter().map(|(name, node)| (join(&path, name), *node)));
                }
            }
        }
        files
    }

    /// The unflushed changes of files and of names.
    pub fn unflushed(&self) -> (usize, usize) {
        self.nodes.iter().fold((0, 0), |(changes, names), node| match node {
            Node::File { pending, .. } => (changes + pending.len(), names),
            Node::Directory { pending, .. } => (changes, names + pending.len()),
        })
    }
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

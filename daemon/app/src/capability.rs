//! The declaration of a capability. The only central list of them is in `lib.rs`.

use commerce::{Actor, RegisterName};
use contract::{DownItem, publication::Manifest};
use serde_json::value::RawValue;
use store::{Checked, Depth, Store, StoreError, Transaction, outbox::Entry};

use crate::{
    permission::Permission,
    refusal::{FORBIDDEN, Kind, Refusal},
};

/// Checks for damage and contradictions, and reports them in `Checked`; only an engine failure is an error.
pub type Check = fn(&Store, Depth, &mut Checked) -> Result<(), StoreError>;

/// Deletes and archives old records. Blocks.
pub type Tidy = fn(&Store, &Retention) -> Result<Tidied, StoreError>;

/// Checks a publication from HQ, and gives why it is not accepted, if so. Blocks.
pub type Prepare = fn(&Store, &Manifest) -> Result<Result<(), String>, StoreError>;

/// Applies items from HQ; returns for each the reason if it was refused.
pub type Apply = fn(&mut Transaction<'_>, &By, &[&DownItem]) -> Result<Vec<Option<String>>, StoreError>;

/// A kind of act in the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActKind {
    /// The stable name.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// A capability as seen by others, declared in its own folder.
pub struct Capability {
    /// The name of its folder.
    pub name: &'static str,
    /// The names of its tables, except [`linked`](Self::linked) ones.
    pub tables: &'static [&'static str],
    /// The names of its tables whose records are links of the store's chain.
    pub linked: &'static [&'static str],
    /// Its kinds of refusals.
    pub refusals: &'static [&'static Kind],
    /// Its permissions.
    pub permissions: &'static [&'static Permission],
    /// The acts that it records in the audit trail.
    pub acts: &'static [ActKind],
    /// The events it sends to HQ.
    pub events: &'static [OutgoingEvent],
    /// The items that it accepts from HQ.
    pub incoming: &'static [IncomingItem],
    /// The kinds of publications that it accepts from HQ.
    pub published: &'static [PublishedKind],
    /// Checks its tables.
    pub check: Option<Check>,
    /// Deletes and archives its old records. Blocks.
    pub tidy: Option<Tidy>,
}

impl Capability {
    /// A capability without declarations.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            tables: &[],
            linked: &[],
            refusals: &[],
            permissions: &[],
            acts: &[],
            events: &[],
            incoming: &[],
            published: &[],
            check: None,
            tidy: None,
        }
    }
}

/// An event for HQ. Its body is built from stored records when it is sent.
pub struct OutgoingEvent {
    /// The kind in messages.
    pub kind: &'static str,
    /// Builds the event's body for an entry of the outbox.
    pub body: fn(&Store, &Entry) -> Result<Box<RawValue>, StoreError>,
}

/// A kind of item from HQ, applied by the same use cases as the commands of a person.
pub struct IncomingItem {
    /// The kind in messages.
    pub kind: &'static str,
    /// Applies items of the kind in order. It checks an item before it writes anything: a refused item changes nothing
    /// and does not keep others from being applied.
    pub apply: Apply,
}

/// A kind of publication from HQ: what HQ wants the store to have whole. [`publications`](crate::publications) keeps
/// what it holds; here is what the capability that owns it does. Its readers follow a **generation**, a number that
/// grows with whatever changes what they read.
pub struct PublishedKind {
    /// The kind, as it travels.
    pub kind: &'static str,
    /// Checks a publication whole, before its time, and lays out what later commits need of it. Gives why it is not
    /// taken, if so. Blocks.
    pub prepare: Prepare,
    /// What was changed on its own since a generation. Blocks.
    pub touched: fn(&Store, since: u64) -> Result<Touched, StoreError>,
    /// In the commit that makes a publication count: gives the generation from which on it does. Refuses if the
    /// generation is not the given one any more.
    pub activate: fn(&mut Transaction<'_>, generation: u64) -> Result<u64, Refusal>,
    /// What follows from that and need not be in that commit: in small ones. It may be cut short and is then called
    /// again. Blocks.
    pub settle: fn(&Store) -> Result<(), StoreError>,
}

/// What was changed beside publications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The generation up to which it was looked at.
    pub generation: u64,
    /// Keys of the records.
    pub keys: Vec<String>,
}

/// The retention periods.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// The current time: milliseconds since 1970, UTC.
    pub now_ms: i64,
    /// The number of days that sales, closed documents and audit entries are kept.
    pub keep_sales_days: u16,
    /// Whether there is an HQ, which must receive records before they are deleted.
    pub has_headquarters: bool,
}

/// Milliseconds per day.
pub(crate) const DAY_MS: i64 = 24 * 3600 * 1000;

impl Retention {
    /// Older records may be deleted.
    pub fn keep_from_ms(&self) -> i64 {
        self.now_ms.saturating_sub(i64::from(self.keep_sales_days).saturating_mul(DAY_MS))
    }
}

/// The number of records tidied up, by name.
pub type Tidied = Vec<(&'static str, u64)>;

/// The actor of a command and its time.
#[derive(Clone, Debug)]
pub struct By {
    /// The actor.
    pub actor: Actor,
    /// The time when the command arrived: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

impl By {
    /// The register that sent the command.
    ///
    /// # Errors
    /// The actor is not a register.
    pub fn register(&self) -> Result<&RegisterName, Refusal> {
        let no_register = || FORBIDDEN.because(format!("{} may not do this; only a register may", self.actor));
        self.actor.register_name().ok_or_else(no_register)
    }
}

//! What a capability declares of itself. Nothing central knows more than the list in `lib.rs`.

use commerce::{Actor, RegisterName};
use contract::DownItem;
use serde_json::value::RawValue;
use store::{Checked, Depth, Store, StoreError, Transaction, outbox::Entry};

use crate::{
    permission::Permission,
    refusal::{FORBIDDEN, Kind, Refusal},
};

/// Looks for damage and contradictions, and reports them in `Checked`; only a failing engine is an error.
pub type Check = fn(&Store, Depth, &mut Checked) -> Result<(), StoreError>;

/// Forgets and archives what is old. Blocks.
pub type Tidy = fn(&Store, &Retention) -> Result<Tidied, StoreError>;

/// Applies items from HQ, and gives why each was refused, if it was.
pub type Apply = fn(&mut Transaction<'_>, &By, &[&DownItem]) -> Result<Vec<Option<String>>, StoreError>;

/// A kind of act: what an entry of the audit trail can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActKind {
    /// Its stable name.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// A capability: all that others need to know of it, declared in its own folder.
pub struct Capability {
    /// Its folder.
    pub name: &'static str,
    /// The tables it owns, by name; [`linked`](Self::linked) ones not among them.
    pub tables: &'static [&'static str],
    /// The tables it owns whose records are links of the store's chain.
    pub linked: &'static [&'static str],
    /// Its kinds of refusals.
    pub refusals: &'static [&'static Kind],
    /// Its permissions.
    pub permissions: &'static [&'static Permission],
    /// What it records in the audit trail.
    pub acts: &'static [ActKind],
    /// The events it sends to HQ.
    pub events: &'static [OutgoingEvent],
    /// The items it takes from HQ.
    pub incoming: &'static [IncomingItem],
    /// Looks for what can't be so in its tables.
    pub check: Option<Check>,
    /// Forgets and archives what is old. Blocks.
    pub tidy: Option<Tidy>,
}

impl Capability {
    /// A capability that declares nothing yet.
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
            check: None,
            tidy: None,
        }
    }
}

/// An event for HQ: its body is built from what is stored when it is sent.
pub struct OutgoingEvent {
    /// The kind, as it travels.
    pub kind: &'static str,
    /// Builds the body of an entry of the outbox.
    pub body: fn(&Store, &Entry) -> Result<Box<RawValue>, StoreError>,
}

/// A kind of item from HQ, applied by the same use cases as what a person commands.
pub struct IncomingItem {
    /// The kind, as it travels.
    pub kind: &'static str,
    /// Applies items of the kind, in their order. It checks an item before it writes anything of it: one that is
    /// refused changes nothing, and keeps none of the others from being applied.
    pub apply: Apply,
}

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Now: milliseconds since 1970, UTC.
    pub now_ms: i64,
    /// Days that sales, closed documents and audit entries are kept.
    pub keep_sales_days: u16,
    /// Whether there is an HQ that must have heard of something before it goes.
    pub has_headquarters: bool,
}

/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 24 * 3600 * 1000;

impl Retention {
    /// What is older than this may go.
    pub fn keep_from_ms(&self) -> i64 {
        self.now_ms.saturating_sub(i64::from(self.keep_sales_days).saturating_mul(DAY_MS))
    }
}

/// What was tidied up, by name.
pub type Tidied = Vec<(&'static str, u64)>;

/// Who commands, and when.
#[derive(Clone, Debug)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// When the command arrived: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

impl By {
    /// The register that commands.
    ///
    /// # Errors
    /// It is not a register.
    pub fn register(&self) -> Result<&RegisterName, Refusal> {
        let no_register = || FORBIDDEN.because(format!("{} may not do this; it is a register's to do", self.actor));
        self.actor.register_name().ok_or_else(no_register)
    }
}

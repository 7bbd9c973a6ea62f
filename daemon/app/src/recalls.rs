//! Recalls: items that may not be sold, all of them, some batches or some units.
//!
//! A recalled line is refused when it is added to a basket and before the basket is paid, in the same commit, so that a
//! recall counts from its own answer on. A recall of some batches refuses every line whose batch is unknown: the
//! cashier reads the batch on the package and sends it.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the answer | nothing is recalled; a repeat under the same key recalls it once |
//! | an item is recalled while it is in a basket | the first tender is refused until the line is voided |
//! | an item is recalled after a payment began | the sale completes: the customer has paid |
//! | a recall can't be read | its item is refused as the store's error; other items are sold |

use commerce::{Line, MAX_TEXT, Particulars, Sku, text::is_readable};
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use crate::{
    By, Capability, Refusal,
    audit::{self, Act, ActKind},
    permission::{Holder, Permission},
    refusal::{BAD_REQUEST, Class, Kind, Member},
};

/// The recalls in force.
static RECALLS: Table<Name, Recall> = Table::new("recall");

/// The maximum number of batches of a recall.
const MAX_BATCHES: usize = 200;

/// See recalls.
pub static READ: Permission =
    Permission::new("recalls.read", "See recalls", &[Holder::Register, Holder::Person, Holder::Service]);
/// Recall items, and end a recall.
pub static RECALL: Permission =
    Permission::new("recalls.change", "Recall items, and end recalls", &[Holder::Person, Holder::Service]);

/// The goods are recalled.
pub static ITEM_RECALLED: Kind = Kind::new(
    "item-recalled",
    Class::Rule,
    "Recalled",
    "The item or this batch of it is recalled and may not be sold.",
)
.with(&[Member::text("sku", "The item."), Member::text("reason", "Why it is recalled.")]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["recall"],
    refusals: &[&ITEM_RECALLED],
    permissions: &[&READ, &RECALL],
    acts: &[ItemRecalled::KIND, RecallEnded::KIND],
    ..Capability::new("recalls")
};

/// A recall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recall {
    /// The item.
    pub sku: Sku,
    /// The recalled batches. Without batches and units, all of the item.
    pub batches: Vec<String>,
    /// The recalled units, by their serial numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serials: Vec<String>,
    /// The reason, for the cashier.
    pub reason: String,
    /// Since when: milliseconds since 1970, UTC.
    pub since_ms: i64,
}

/// A request to recall an item.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecallRequest {
    /// The recalled batches. Default: all.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub batches: Vec<String>,
    /// The recalled units, by their serial numbers. Default: all, or those of the batches.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub serials: Vec<String>,
    /// The reason, for the cashier.
    #[schema(min_length = 1, max_length = 120)]
    pub reason: String,
}

/// An item was recalled.
#[derive(Serialize)]
struct ItemRecalled {
    /// The item.
    sku: Sku,
    /// The batches. Without batches and units, all of the item.
    batches: Vec<String>,
    /// The units.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    serials: Vec<String>,
    /// The reason.
    reason: String,
}

impl Act for ItemRecalled {
    const KIND: ActKind = ActKind { name: "item_recalled", doc: "An item or some of its batches were recalled" };
}

/// A recall was ended.
#[derive(Serialize)]
struct RecallEnded {
    /// The item.
    sku: Sku,
}

impl Act for RecallEnded {
    const KIND: ActKind = ActKind { name: "recall_ended", doc: "A recall was ended: the item may be sold again" };
}

/// Whether a text can be a batch: GS1's application identifier 10.
pub fn is_batch(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Recalls an item; replaces an earlier recall of it.
///
/// # Errors
/// A text is invalid.
pub fn recall(
    transaction: &mut Transaction<'_>,
    by: &By,
    sku: &Sku,
    request: RecallRequest,
) -> Result<Recall, Refusal> {
    RECALL.require(&by.actor)?;
    let RecallRequest { batches, serials, reason } = request;
    // A serial number has the form of a batch.
    let are_good = |listed: &[String]| listed.len() <= MAX_BATCHES && listed.iter().all(|one| is_batch(one));
    if !are_good(&batches) || !are_good(&serials) {
        let detail =
            format!("`batches`, `serials`: expected at most {MAX_BATCHES}, each of 1 to 20 printable characters");
        return Err(BAD_REQUEST.because(detail));
    }
    if reason.len() > MAX_TEXT || !is_readable(&reason) {
        return Err(BAD_REQUEST.because(format!("`reason`: expected readable text of at most {MAX_TEXT} bytes")));
    }
    let recall = Recall { sku: sku.clone(), batches, serials, reason, since_ms: by.at_ms };
    transaction.put(&RECALLS, sku.as_str(), &recall)?;
    let (batches, serials) = (recall.batches.clone(), recall.serials.clone());
    let act = ItemRecalled { sku: sku.clone(), batches, serials, reason: recall.reason.clone() };
    audit::record(transaction, by, &act)?;
    Ok(recall)
}

/// Ends the recall of an item, if there is one.
///
/// # Errors
/// The store fails.
pub fn end(transaction: &mut Transaction<'_>, by: &By, sku: &Sku) -> Result<(), Refusal> {
    RECALL.require(&by.actor)?;
    if transaction.get(&RECALLS, sku.as_str())?.is_some() {
        transaction.delete(&RECALLS, sku.as_str());
        audit::record(transaction, by, &RecallEnded { sku: sku.clone() })?;
    }
    Ok(())
}

/// The recalls in force, by item.
///
/// # Errors
/// The store fails.
pub fn list(store: &Store) -> Result<Vec<Recall>, StoreError> {
    let mut recalls = Vec::new();
    store.each(&RECALLS, |recall| recalls.extend(recall.ok()))?;
    Ok(recalls)
}

/// Refuses lines that sell recalled goods; those come back as any others.
///
/// # Errors
/// An item or its batch is recalled, or the batch is unknown.
pub(crate) fn refuse<'l>(
    transaction: &Transaction<'_>,
    lines: impl IntoIterator<Item = &'l Line>,
) -> Result<(), Refusal> {
    lines.into_iter().filter(|line| !line.voided && line.sells()).try_for_each(|line| refuse_line(transaction, line))
}

fn refuse_line(transaction: &Transaction<'_>, line: &Line) -> Result<(), Refusal> {
    let Some(sku) = line.sku() else { return Ok(()) };
    let Some(recall) = transaction.get(&RECALLS, sku.as_str())? else { return Ok(()) };
    let Recall { batches, serials, reason, .. } = &recall;
    let Particulars { batch, serial, .. } = &line.particulars;
    let detail = match (batch, serial) {
        _ if batches.is_empty() && serials.is_empty() => format!("item {sku} is recalled: {reason}"),
        (Some(batch), _) if batches.contains(batch) => format!("batch {batch} of item {sku} is recalled: {reason}"),
        (_, Some(serial)) if serials.contains(serial) => format!("unit {serial} of item {sku} is recalled: {reason}"),
        (None, _) if !batches.is_empty() => format!(
            "some batches of item {sku} are recalled: {reason}; read the batch on the package and send it as `batch`"
        ),
        (_, None) if !serials.is_empty() => {
            format!("some units of item {sku} are recalled: {reason}; read the serial number and send it as `serial`")
        }
        _ => return Ok(()),
    };
    Err(ITEM_RECALLED.because(detail).member("sku", sku.as_str()).member("reason", reason.as_str()))
}

//! Returns that rules refuse. The commit of a refused command is dropped, so the attempt is noted in a commit of its
//! own right after it. If the power fails between the two, it is not noted; nothing was given back either way.

use commerce::{BasketId, returns::SoldIn};
use serde::Serialize;
use serde_json::Value;
use store::Transaction;

use super::{RETURN_REFUSED, records::note_refused};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
};

/// An attempt to bring goods back.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The basket.
    pub basket: BasketId,
    /// The sale of the goods; absent without a receipt.
    pub sale: Option<SoldIn>,
    /// The hashes of what identifies the customer, with that of the card.
    pub identities: Vec<String>,
}

/// A rule refused a return.
#[derive(Serialize)]
pub(super) struct ReturnRefused<'a> {
    /// The sale of the goods, such as `1-7` or `store-2/1-7`; absent without a receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    /// The rules that fired.
    rules: &'a Value,
    /// The outcome.
    outcome: &'a Value,
    /// What would have been given back, in minor units.
    refund: &'a Value,
}

impl Act for ReturnRefused<'_> {
    const KIND: ActKind = ActKind { name: "return_refused", doc: "A rule refused to take goods back" };
}

/// Notes that a return was refused: once in the audit trail for each basket, and for the rules of later returns. Other
/// refusals are not attempts.
///
/// # Errors
/// The store fails.
pub fn note(transaction: &mut Transaction<'_>, by: &By, attempt: &Attempt, refusal: &Refusal) -> Result<(), Refusal> {
    if refusal.kind != &RETURN_REFUSED {
        return Ok(());
    }
    let Attempt { basket, sale, identities } = attempt;
    if note_refused(transaction, *basket, sale.as_ref(), identities, by.at_ms)? {
        let member = |name| {
            let found = refusal.members.iter().find(|(known, _)| *known == name);
            found.map_or(&Value::Null, |(_, value)| value)
        };
        let of = sale.as_ref().map(SoldIn::key);
        let act = ReturnRefused { of, rules: member("rules"), outcome: member("outcome"), refund: member("refund") };
        audit::record(transaction, by, &act)?;
    }
    Ok(())
}

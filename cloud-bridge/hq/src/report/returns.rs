//! The returns of all stores.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Ledger,
    database::{Database, DatabaseError, Row, statement::statements, values},
    report::pages::Pages,
};

statements! {
    /// Tickets after one.
    PAGE = "returned/page";
}

/// The number of tickets read at once.
const AT_ONCE: i64 = 500;

/// A return: the goods of one receipt, or goods without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReturnRow {
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The store that took the goods back.
    pub store: String,
    /// The sale with the opposite amounts.
    pub sale: String,
    /// Its place among the returns of that sale, from 1.
    pub place: i64,
    /// The store of the receipt; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_store: Option<String>,
    /// The sale of the receipt; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_sale: Option<String>,
    /// The currency, ISO 4217.
    pub currency: String,
    /// The amount for the goods, in minor units.
    pub refund: i64,
    /// How the receipt was verified: `local`, `offline`, `headquarters` or `no_receipt`.
    pub validated: String,
    /// The decision: `authorize`, `authorize_with_override` or `deny_overrideable`.
    pub outcome: String,
    /// The names of the rules that fired, separated by blanks.
    pub rules: String,
    /// The register.
    pub register: String,
    /// The operator, if one was signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Who agreed, if a rule was overridden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
}

/// The key of a ticket: time, store, sale, place.
pub(crate) type ReturnKey = (i64, String, String, i64);

/// A page of returns after one, in the order of time.
pub(crate) async fn page(database: &Database, after: ReturnKey, limit: i64) -> Result<Vec<ReturnRow>, DatabaseError> {
    let (at_ms, store, sale, place) = after;
    let rows = database.read(&PAGE, values![at_ms, store, sale, place, limit]).await?;
    rows.into_iter().map(row).collect()
}

impl Ledger {
    /// Passes on all returns, in the order of time.
    ///
    /// # Errors
    /// The database or `take` failed.
    pub async fn returns<E: From<DatabaseError>>(
        &self,
        mut take: impl FnMut(ReturnRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut snapshot = self.database().snapshot().await?;
        let pages = Pages::after(values![i64::MIN, "", "", -1_i64], &PAGE, AT_ONCE);
        pages.each(&mut snapshot, |found| take(row(found)?)).await?;
        Ok(snapshot.commit().await?)
    }
}

fn row(row: Row) -> Result<ReturnRow, DatabaseError> {
    let mut row = row.0;
    let rest = Row(row.split_off(7.min(row.len())));
    let (at_ms, store, sale, place, of_store, of_sale, currency) = Row(row).read()?;
    let (refund, validated, outcome, rules, register, operator, approved_by) = rest.read()?;
    Ok(ReturnRow {
        at_ms,
        store,
        sale,
        place,
        of_store,
        of_sale,
        currency,
        refund,
        validated,
        outcome,
        rules,
        register,
        operator,
        approved_by,
    })
}

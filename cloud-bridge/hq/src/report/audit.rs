//! The audit trails of the stores.

use contract::HubId;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::{
    Ledger,
    database::{DatabaseError, Row, statement::statements, values},
    report::pages::Pages,
};

statements! {
    /// Entries after one, by hub, epoch and sequence.
    PAGE = "audit/page";
}

/// The number of entries read at once.
const AT_ONCE: i64 = 500;

/// An entry of a store's audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditRow {
    /// The store.
    pub hub: HubId,
    /// The number in the store.
    pub number: u64,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The kind of act.
    pub act: String,
    /// The place or program that acted, such as `register till-1`.
    pub station: String,
    /// The operator, if one was signed in.
    pub operator: Option<String>,
    /// The details.
    pub details: Map<String, Json>,
}

impl Ledger {
    /// Passes on all entries, by hub and in order.
    ///
    /// # Errors
    /// The database or `take` failed.
    pub async fn audit<E: From<DatabaseError>>(
        &self,
        mut take: impl FnMut(AuditRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut snapshot = self.database().snapshot().await?;
        let pages = Pages::after(values!["", -1_i64, -1_i64], &PAGE, AT_ONCE);
        pages.each(&mut snapshot, |row| take(entry(row)?)).await?;
        Ok(snapshot.commit().await?)
    }
}

fn entry(row: Row) -> Result<AuditRow, DatabaseError> {
    type Columns = (String, u64, u64, u64, i64, String, String, Option<String>, String);
    let (hub, _, _, number, at_ms, act, station, operator, details): Columns = row.read()?;
    let bad = |found| DatabaseError::Column { column: 0, expected: "a hub", found };
    let hub = hub.parse().map_err(bad)?;
    let details = serde_json::from_str(&details).unwrap_or_default();
    Ok(AuditRow { hub, number, at_ms, act, station, operator, details })
}

#[cfg(test)]
mod tests {
    use contract::{Batch, Epoch, Event, Sequence, Stream, audit::RECORDED};
    use serde_json::{json, value::to_raw_value};

    use super::*;
    use crate::testing::{Fresh, on_each_engine};

    on_each_engine! {
        who_did_what_is_listed_in_order
    }

    async fn who_did_what_is_listed_in_order(fresh: Fresh) {
        let ledger = Ledger::on(fresh.database.clone());
        let events = (1..=3).map(|number| {
            let who = json!({ "station": { "register": "till-1" }, "operator": "ann" });
            let act = if number == 2 { "No act" } else { "shift_opened" };
            let body = json!({ "number": number, "at_ms": 5, "who": who, "act": act, "details": { "float": 100 } });
            let (kind, body) = (RECORDED.name().to_owned(), to_raw_value(&body).unwrap());
            Event { sequence: Sequence(number), kind, occurred_at_ms: 5, body }
        });
        let (hub, stream) = ("store-1".parse().unwrap(), Stream::audit());
        let batch = Batch { hub, epoch: Epoch(7), stream, events: events.collect(), link: None };
        ledger.apply(&batch).await.unwrap();
        let mut rows = Vec::new();
        let taken = ledger.audit(|row| {
            rows.push(row);
            Ok::<_, DatabaseError>(())
        });
        taken.await.unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.number, row.act.as_str(), row.operator.as_deref())).collect();
        assert_eq!(told, [(1, "shift_opened", Some("ann")), (3, "shift_opened", Some("ann"))]);
        assert_eq!((rows[0].station.as_str(), &rows[0].details["float"]), ("register till-1", &json!(100)));
        assert_eq!(ledger.summary().await.unwrap().quarantined, 1);
    }
}

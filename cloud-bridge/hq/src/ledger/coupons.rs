//! Store coupons over all stores: how often each was used, and where.
//!
//! A store keeps the limits of its own uses, and asks HQ for those of others while it can. Two stores that cannot reach
//! HQ may both accept the last use of a code. HQ finds that when the second sale arrives, in any order, and raises an
//! alarm of the store whose sale it is.

use contract::{
    HubId,
    ask::{CouponUses, CouponsAsked},
    sale,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::alarm::{Alarm, Kind, raise};
use crate::{
    database::{Database, DatabaseError, Row, Statement, Transaction, statement::statements, values},
    projection::told::Stored,
};

statements! {
    /// The uses of a code at all hubs but one.
    OF_CODE = "coupon/of_code";
    /// A customer's uses of a class at all hubs but one.
    OF_CUSTOMER = "coupon/of_customer";
    /// The latest uses of a code.
    USES = "coupon/uses";
}

/// The maximum number of uses in an answer of the API.
const LATEST: i64 = 100;

/// A use of a store coupon, or a void that gave it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CouponUse)]
pub(crate) struct CouponUse {
    /// When: milliseconds since 1970, UTC.
    pub(crate) at_ms: i64,
    /// The store.
    pub(crate) store: String,
    /// The sale.
    pub(crate) sale: String,
    /// Whether the sale voids another one and gave the coupon back.
    pub(crate) is_given_back: bool,
    /// The customer, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer: Option<String>,
}

fn count(rows: Vec<Row>) -> Result<u32, DatabaseError> {
    let row = rows.into_iter().next().map(Row::read::<(i64,)>).transpose()?;
    Ok(row.map_or(0, |(count,)| u32::try_from(count.max(0)).unwrap_or(u32::MAX)))
}

/// Counts the uses of coupons at other hubs. The asking hub knows its own: a restored store has those of its backup, so
/// they would count twice. One that lost its disk may accept a coupon again, which raises an alarm.
pub(super) async fn elsewhere(
    database: &Database,
    hub: &HubId,
    asked: &CouponsAsked,
) -> Result<Vec<CouponUses>, DatabaseError> {
    let mut uses = Vec::with_capacity(asked.coupons.len());
    for coupon in &asked.coupons {
        let parameters = values![&coupon.class, &coupon.code, hub.as_str()];
        let of_code = count(database.read(&OF_CODE, parameters).await?)?;
        let of_customer = match &asked.customer {
            Some(customer) => {
                let parameters = values![&coupon.class, customer, hub.as_str()];
                count(database.read(&OF_CUSTOMER, parameters).await?)?
            }
            None => 0,
        };
        uses.push(CouponUses { of_code, of_customer });
    }
    Ok(uses)
}

/// Counts in a transaction; `whose` is a code or a customer.
async fn counted(
    transaction: &mut Transaction,
    statement: &'static Statement,
    class: &str,
    whose: &str,
) -> Result<u32, DatabaseError> {
    // No hub has an empty name, so nobody's uses are left out.
    count(transaction.query(statement, values![class, whose, ""]).await?)
}

/// Raises an alarm for coupons of fresh sales that were used more often than they may be.
pub(super) async fn heard(transaction: &mut Transaction, events: &[Stored], now_ms: i64) -> Result<(), DatabaseError> {
    for stored in events.iter().filter(|stored| stored.event.body.get().contains("\"coupons\"")) {
        let Ok(body) = sale::COMPLETED.read(&stored.event) else { continue };
        if body.voids.is_some() {
            continue;
        }
        for sale::Coupon { class, code, uses, per_customer } in &body.coupons {
            let mut excesses = Vec::new();
            if let Some(limit) = uses {
                let used = counted(transaction, &OF_CODE, class, code).await?;
                excesses.push((used, *limit, format!("coupon {code} of class {class}")));
            }
            if let Some((limit, customer)) = per_customer.zip(body.customer.as_deref()) {
                let used = counted(transaction, &OF_CUSTOMER, class, customer).await?;
                excesses.push((used, limit, format!("coupons of class {class} by customer {customer}")));
            }
            for (used, limit, subject) in excesses.into_iter().filter(|(used, limit, _)| used > limit) {
                let what = format!("used {used} times in all stores, {limit} allowed; last by sale {}", body.sale);
                raise(transaction, &Alarm::new(&stored.hub, Kind::CouponOverused, subject, what, now_ms)).await?;
            }
        }
    }
    Ok(())
}

/// The latest uses of a code, newest first.
pub(crate) async fn uses(database: &Database, class: &str, code: &str) -> Result<Vec<CouponUse>, DatabaseError> {
    let rows = database.read(&USES, values![class, code, LATEST]).await?;
    let read = |row: Row| {
        let (at_ms, store, sale, change, customer): (i64, String, String, i64, Option<String>) = row.read()?;
        Ok(CouponUse { at_ms, store, sale, is_given_back: change < 0, customer })
    };
    rows.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use contract::{Answer, Asked, Epoch, Question, ask::CouponAsked};
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::{
        ledger::{
            Ledger,
            returned::tests::{alarms, pieces, send},
        },
        testing::{Fresh, on_each_engine},
    };

    on_each_engine! {
        a_coupon_that_two_stores_accepted_is_found_and_the_next_store_hears_of_it
    }

    /// A sale with a coupon that may be used twice, and once by a customer.
    fn with_coupon(sale: &str, at_ms: i64, code: &str, customer: &str) -> Json {
        let mut body = pieces(sale, at_ms, 1);
        body["coupons"] = json!([{ "class": "welcome", "code": code, "uses": 2, "per_customer": 1 }]);
        body["customer"] = customer.into();
        body
    }

    async fn a_coupon_that_two_stores_accepted_is_found_and_the_next_store_hears_of_it(fresh: Fresh) {
        let ledger = Ledger::on(fresh.database.clone());
        let heard = async |hub: &str, code: &str, customer: &str| {
            let coupon = CouponAsked { class: "welcome".into(), code: code.into() };
            let question = Question::Coupons(CouponsAsked { coupons: vec![coupon], customer: Some(customer.into()) });
            let asked = Asked { hub: hub.parse().unwrap(), epoch: Epoch(1), question };
            let Answer::Coupons(uses) = ledger.answer(&asked).await.unwrap() else { panic!("coupons") };
            (uses[0].of_code, uses[0].of_customer)
        };
        assert_eq!(heard("store-2", "C1", "ann").await, (0, 0));
        send(&ledger, "store-1", 1, &with_coupon("1-1", 1, "C1", "ann")).await;
        assert_eq!(heard("store-2", "C1", "ann").await, (1, 1));
        assert_eq!(heard("store-2", "C2", "bob").await, (0, 0));
        assert_eq!(heard("store-1", "C1", "ann").await, (0, 0), "it knows its own uses");
        send(&ledger, "store-2", 1, &with_coupon("1-1", 2, "C1", "bob")).await;
        assert_eq!(alarms(&ledger).await, []);
        send(&ledger, "store-3", 1, &with_coupon("1-1", 3, "C1", "ann")).await;
        let raised = |subject: &str| ("store-3".to_owned(), "coupon_overused".to_owned(), subject.to_owned());
        let both = ["coupon C1 of class welcome", "coupons of class welcome by customer ann"];
        assert_eq!(alarms(&ledger).await, both.map(raised));
        // The void of a sale gives its coupon back.
        let mut void = pieces("1-2", 4, -1);
        (void["voids"], void["coupons"]) = (json!("1-1"), with_coupon("1-1", 4, "C1", "ann")["coupons"].clone());
        void["customer"] = json!("ann");
        send(&ledger, "store-3", 2, &void).await;
        assert_eq!(heard("store-4", "C1", "ann").await, (2, 1));
        let uses = uses(&fresh.database, "welcome", "C1").await.unwrap();
        let told: Vec<_> = uses.iter().map(|of| (&*of.store, &*of.sale, of.is_given_back)).collect();
        let whole =
            [("store-3", "1-2", true), ("store-3", "1-1", false), ("store-2", "1-1", false), ("store-1", "1-1", false)];
        assert_eq!(told, whole);
    }
}

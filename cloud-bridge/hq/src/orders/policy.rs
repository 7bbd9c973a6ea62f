//! The retailer's order policy. It is in the ledger, so that all processes of HQ use the same.

use serde::{Deserialize, Serialize};

use crate::{
    database::{DatabaseError, Transaction, statement::statements, values},
    routing,
};

statements! {
    /// The stored policy.
    READ = "profile/policy";
    /// Sets it.
    SET = "profile/set_policy";
}

/// The order policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrderPolicy {
    /// The constraints and weights of routing.
    pub routing: routing::Policy,
    /// The time for a store's answer to an offer.
    pub answer_minutes: i64,
    /// An unpicked order is at risk this long before it is due.
    pub risk_minutes: i64,
    /// The maximum time until an order is due.
    pub most_days: i64,
}

impl Default for OrderPolicy {
    /// The defaults of routing; answers within 10 minutes; at risk 30 minutes before it is due; due within 60 days.
    fn default() -> Self {
        Self { routing: routing::Policy::default(), answer_minutes: 10, risk_minutes: 30, most_days: 60 }
    }
}

impl OrderPolicy {
    /// Reads a policy from JSON. Missing fields have their defaults.
    ///
    /// # Errors
    /// It is not JSON of this form, or a value is out of range.
    pub fn read(json: &str) -> Result<Self, String> {
        let policy: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        routing::files::check_policy(&policy.routing).map_err(|error| error.to_string())?;
        for (what, number, most) in [
            ("answer_minutes", policy.answer_minutes, 7 * 24 * 60),
            ("risk_minutes", policy.risk_minutes, 7 * 24 * 60),
            ("most_days", policy.most_days, 366),
        ] {
            if !(1..=most).contains(&number) {
                return Err(format!("`{what}` {number}: 1 to {most}"));
            }
        }
        Ok(policy)
    }

    /// The current policy.
    ///
    /// # Errors
    /// The database fails.
    pub async fn load(transaction: &mut Transaction) -> Result<Self, DatabaseError> {
        let Some(row) = transaction.query(&READ, values![]).await?.pop() else { return Ok(Self::default()) };
        let (body,): (String,) = row.read()?;
        Self::read(&body).map_err(|found| DatabaseError::Column { column: 0, expected: "a policy of orders", found })
    }

    /// Stores the policy.
    ///
    /// # Errors
    /// The database fails.
    pub async fn set(&self, transaction: &mut Transaction) -> Result<(), DatabaseError> {
        let body = serde_json::to_string(self).unwrap_or_default();
        transaction.execute(&SET, values![body]).await.map(drop)
    }

    pub(super) fn answer_ms(&self) -> i64 {
        self.answer_minutes.saturating_mul(60_000)
    }

    pub(super) fn risk_ms(&self) -> i64 {
        self.risk_minutes.saturating_mul(60_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_with_defaults_and_refused_out_of_range() {
        assert_eq!(OrderPolicy::read("{}").unwrap(), OrderPolicy::default());
        let policy = OrderPolicy::read(r#"{"answer_minutes": 5, "routing": {"most_stores": 2}}"#).unwrap();
        assert_eq!((policy.answer_minutes, policy.routing.most_stores, policy.risk_minutes), (5, 2, 30));
        for (text, why) in [
            (r#"{"answer_minutes": 0}"#, "answer_minutes"),
            (r#"{"most_days": 367}"#, "most_days"),
            (r#"{"routing": {"most_stores": 9}}"#, "most_stores"),
            (r#"{"what": 1}"#, "unknown field"),
        ] {
            assert!(OrderPolicy::read(text).unwrap_err().contains(why), "{text}");
        }
    }
}

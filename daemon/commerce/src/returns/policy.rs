//! The retailer's policy of returns.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Disposition, keep::BrokenOffer};
use crate::money::Minor;

/// The policy. Everything has a default; amounts are in minor units of the store's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policies {
    /// Days in which goods may come back. The day of the sale plus this many days is the first day that is too late.
    pub window_days: u16,
    /// Other windows for groups of customers; the longest counts.
    pub group_days: BTreeMap<String, u16>,
    /// Rules for departments of the catalog.
    pub department: BTreeMap<String, ClassPolicy>,
    /// What a unit of a broken-up offer is worth.
    pub broken_offer: BrokenOffer,
    /// The largest return without a receipt; 0 takes none.
    pub without_receipt: Minor,
    /// The largest refund without a receipt, and of a receipt that could not be verified, that is not store credit.
    pub unverified: Minor,
    /// Whether a refund may be cash although the sale was paid in another way, when its own tender fails.
    pub cash_instead: bool,
    /// From this amount on, a return counts as one of high value.
    pub high_value: Minor,
    /// A secret of the retailer, the same in all stores, with which identities are hashed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub identity_key: String,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            window_days: 30,
            group_days: BTreeMap::new(),
            department: BTreeMap::new(),
            broken_offer: BrokenOffer::PaidShare,
            without_receipt: Minor::literal(10_000),
            unverified: Minor::literal(5_000),
            cash_instead: false,
            high_value: Minor::literal(20_000),
            identity_key: String::new(),
        }
    }
}

/// The amounts of a policy. HQ decides on a ticket again by those with which its store decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ReturnLimits))]
pub struct Limits {
    /// The largest return without a receipt.
    pub without_receipt: Minor,
    /// The largest refund without a verified receipt that is not store credit.
    pub unverified: Minor,
    /// From this amount on, a return counts as one of high value.
    pub high_value: Minor,
}

/// The rules for a class of goods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassPolicy {
    /// Another window.
    pub window_days: Option<u16>,
    /// Goods of the class do not come back.
    pub final_sale: bool,
    /// Where goods go, whatever the cashier says; damaged goods stay damaged.
    pub disposition: Option<Disposition>,
}

impl Policies {
    /// What is wrong with it, by field.
    pub fn check(&self) -> Vec<String> {
        let amounts = [
            ("without_receipt", self.without_receipt),
            ("unverified", self.unverified),
            ("high_value", self.high_value),
        ];
        let negative = amounts.into_iter().filter(|(_, amount)| amount.is_negative());
        negative.map(|(name, _)| format!("{name} is negative: write minor units, 0 or more")).collect()
    }

    /// What is wrong with it as a publication of HQ: besides, the key is each store's secret and is not published.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check_published(&self) -> Result<(), String> {
        let mut wrong = self.check();
        if !self.identity_key.is_empty() {
            wrong.push("identity_key is a secret: keep it in the config of each store".into());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }

    /// Its amounts.
    pub fn limits(&self) -> Limits {
        let Self { without_receipt, unverified, high_value, .. } = *self;
        Limits { without_receipt, unverified, high_value }
    }

    /// The default policy with other amounts.
    pub fn with_limits(limits: Limits) -> Self {
        let Limits { without_receipt, unverified, high_value } = limits;
        Self { without_receipt, unverified, high_value, ..Self::default() }
    }

    /// The window for goods of a department, brought by a customer of some groups.
    pub fn window(&self, department: &str, groups: &[String]) -> u16 {
        let class = self.department.get(department).and_then(|class| class.window_days);
        let of_groups = groups.iter().filter_map(|group| self.group_days.get(group)).copied().max();
        match (class, of_groups) {
            (Some(class), _) => class,
            (None, Some(of_groups)) => of_groups.max(self.window_days),
            (None, None) => self.window_days,
        }
    }

    /// Where goods of a department go.
    pub fn disposition(&self, department: &str, said: Disposition) -> Disposition {
        let class = self.department.get(department).and_then(|class| class.disposition);
        if said == Disposition::Damaged { said } else { class.unwrap_or(said) }
    }
}

//! How the store handles customer orders, and what it lets the web sell.

use commerce::{
    Sku,
    order::Policy,
    stock::quota::{Class, Policy as QuotaPolicy},
};
use serde::{Deserialize, Serialize};

/// Customer orders. Everything has a default.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Orders {
    /// Whether offers are accepted automatically, as far as there is stock.
    pub auto_accept: bool,
    /// The duration of a picker's claim.
    pub claim_minutes: u16,
    /// The allowed deviation of weighed goods, in thousandths of the ordered quantity.
    pub tolerance_permille: u16,
    /// The maximum temperature of chilled goods at staging, in tenths of a degree Celsius.
    pub chilled_deci_celsius: i16,
    /// The same for frozen goods.
    pub frozen_deci_celsius: i16,
    /// How long ready goods are kept for the customer.
    pub keep_hours: u16,
    /// The deadline for answers to offers.
    pub accept_within_minutes: u16,
    /// The deadline for handovers after the customer's arrival.
    pub hand_over_within_minutes: u16,
    /// Whether orders that are paid at collection cost what they cost on that day, instead of when they were ordered.
    pub todays_prices: bool,
    /// The time that a picker needs for an order, for the estimate.
    pub order_minutes: u16,
    /// The number of totes on a cart.
    pub totes: u16,
    /// The departments in the order of the pickers' route; others come last.
    pub route: Vec<String>,
    /// What the web may sell of items that no class names.
    pub web: WebShare,
    /// What the web may sell of some items; the first class that names the item counts, otherwise the first that names
    /// its department.
    pub class: Vec<ItemClass>,
}

/// What the web may sell of an item.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebShare {
    /// Whether the counter may sell goods that are kept for the web: `strict` or `walk_in_first`.
    pub counter: Class,
    /// The web's share of the stock beyond the safety stock, in thousandths. 0 for none.
    pub share_permille: u16,
    /// The maximum, in units of the item.
    pub most: u32,
}

/// A class of items.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemClass {
    /// The departments of its items, as in the catalog.
    #[serde(default)]
    pub departments: Vec<String>,
    /// Single items.
    #[serde(default)]
    pub items: Vec<Sku>,
    /// What the web may sell of them.
    pub web: WebShare,
}

impl Default for WebShare {
    fn default() -> Self {
        Self { counter: Class::default(), share_permille: 0, most: 1_000_000 }
    }
}

/// Milliseconds per minute.
const MINUTE: i64 = 60_000;

impl Default for Orders {
    fn default() -> Self {
        let Policy {
            auto_accept,
            claim_ms,
            tolerance_permille,
            chilled_deci_celsius,
            frozen_deci_celsius,
            keep_ms,
            accept_within_ms,
            hand_over_within_ms,
        } = Policy::default();
        let minutes = |ms: i64| u16::try_from(ms / MINUTE).unwrap_or(u16::MAX);
        Self {
            auto_accept,
            claim_minutes: minutes(claim_ms),
            tolerance_permille: u16::try_from(tolerance_permille).unwrap_or(0),
            chilled_deci_celsius,
            frozen_deci_celsius,
            keep_hours: minutes(keep_ms / 60),
            accept_within_minutes: minutes(accept_within_ms),
            hand_over_within_minutes: minutes(hand_over_within_ms),
            todays_prices: false,
            order_minutes: 6,
            totes: 8,
            route: Vec::new(),
            web: WebShare::default(),
            class: Vec::new(),
        }
    }
}

impl Orders {
    /// The policy of the rules.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            auto_accept: self.auto_accept,
            claim_ms: i64::from(self.claim_minutes) * MINUTE,
            tolerance_permille: self.tolerance_permille.into(),
            chilled_deci_celsius: self.chilled_deci_celsius,
            frozen_deci_celsius: self.frozen_deci_celsius,
            keep_ms: i64::from(self.keep_hours) * 60 * MINUTE,
            accept_within_ms: i64::from(self.accept_within_minutes) * MINUTE,
            hand_over_within_ms: i64::from(self.hand_over_within_minutes) * MINUTE,
        }
    }

    /// What the web may sell of an item of a department.
    pub(crate) fn quota_of(&self, sku: &Sku, department: &str) -> QuotaPolicy {
        let item = self.class.iter().find(|class| class.items.contains(sku));
        let named = |class: &&ItemClass| class.departments.iter().any(|name| name == department);
        let web = item.or_else(|| self.class.iter().find(named)).map_or(self.web, |class| class.web);
        let WebShare { counter, share_permille, most } = web;
        QuotaPolicy { class: counter, share_permille, most: i64::from(most) * 1000 }
    }

    /// All findings; empty if the values are in range.
    pub(super) fn check(&self) -> Vec<String> {
        let mut findings = Vec::new();
        let mut within = |field: &str, value: u16, (least, most): (u16, u16)| {
            if !(least..=most).contains(&value) {
                findings.push(format!("orders.{field}: {value} is out of range; expected {least} to {most}"));
            }
        };
        within("claim_minutes", self.claim_minutes, (1, 1440));
        within("tolerance_permille", self.tolerance_permille, (0, 500));
        within("keep_hours", self.keep_hours, (1, 24 * 60));
        within("accept_within_minutes", self.accept_within_minutes, (1, 1440));
        within("hand_over_within_minutes", self.hand_over_within_minutes, (1, 1440));
        within("order_minutes", self.order_minutes, (1, 1440));
        within("totes", self.totes, (1, 100));
        for web in self.class.iter().map(|class| class.web).chain([self.web]) {
            within("web.share_permille", web.share_permille, (0, 1000));
        }
        if self.class.iter().any(|class| class.departments.is_empty() && class.items.is_empty()) {
            findings.push("orders.class: a class names no `departments` and no `items`".into());
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_rules_and_classes_go_by_item_and_department() {
        assert_eq!(Orders::default().policy(), Policy::default());
        assert!(Orders::default().check().is_empty());
        let text = "keep_hours = 24\n[web]\nshare_permille = 300\n[[class]]\ndepartments = [\"Dairy\"]\n\
                    web = { counter = \"strict\", share_permille = 100, most = 5 }\n\
                    [[class]]\nitems = [\"4711\"]\nweb = { share_permille = 0 }\n";
        let orders: Orders = toml::from_str(text).unwrap();
        assert_eq!(orders.policy().keep_ms, 24 * 60 * MINUTE);
        let dairy = QuotaPolicy { class: Class::Strict, share_permille: 100, most: 5000 };
        let (milk, other): (Sku, Sku) = ("17".parse().unwrap(), "4711".parse().unwrap());
        assert_eq!(orders.quota_of(&milk, "Dairy"), dairy);
        assert_eq!(orders.quota_of(&milk, "Wine").share_permille, 300);
        assert_eq!(orders.quota_of(&other, "Dairy").share_permille, 0, "the item comes before its department");
        let wrong = Orders { totes: 0, web: WebShare { share_permille: 1001, ..WebShare::default() }, ..orders };
        assert_eq!(wrong.check().len(), 2);
        let unnamed = ItemClass { departments: vec![], items: vec![], web: WebShare::default() };
        let found = Orders { class: vec![unnamed], ..Orders::default() }.check();
        assert!(found[0].contains("no `departments` and no `items`"), "{found:?}");
    }
}

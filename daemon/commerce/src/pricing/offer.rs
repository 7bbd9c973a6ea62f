//! Offers: who gets which deal on which goods, and how offers compete.

use serde::{Deserialize, Serialize};

use super::time::{Hours, LocalTime, Validity};
use crate::{item::Sku, money::Minor};

/// How an offer may combine with others on the same unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Concurrency {
    /// It stands alone: a unit that has it gets nothing else. Among exclusive offers the best deal wins.
    Exclusive,
    /// It competes with the others of its priority, and the best deal wins.
    #[default]
    BestPrice,
    /// It combines with the other compound offers of its priority; together they compete with the best-price offers.
    Compound,
}

/// How priorities and concurrency interact. These are the two models of Microsoft Dynamics 365 Commerce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Control {
    /// Best price and compound within a priority; lower priorities are ignored on units that have a discount. A
    /// compound threshold may still come on top of compound discounts.
    #[default]
    WithinPriority,
    /// One discount wins in each priority, and those of lower priorities come on top of it.
    AcrossPriorities,
}

/// The goods of an offer. A unit is selected if one of the lists names it and no exclusion does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Selection {
    /// Everything that may be discounted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skus: Vec<Sku>,
    /// Groups of items, such as a department, a category or a brand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Items that are excluded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_skus: Vec<Sku>,
    /// Groups that are excluded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_groups: Vec<String>,
}

impl Selection {
    /// Whether it can select anything.
    pub fn is_empty(&self) -> bool {
        !self.all && self.skus.is_empty() && self.groups.is_empty()
    }

    /// Whether an item with these groups is selected.
    pub fn includes<'g>(&self, sku: &Sku, groups: &(impl Iterator<Item = &'g str> + Clone)) -> bool {
        let named = |list: &[String]| groups.clone().any(|group| list.iter().any(|listed| listed == group));
        let excluded = self.except_skus.contains(sku) || named(&self.except_groups);
        !excluded && (self.all || self.skus.contains(sku) || named(&self.groups))
    }
}

/// What the customer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Deal {
    /// Hundredths of a percent off: 1250 is 12.5 %. At most 10000.
    Percent(u32),
    /// An amount off, in minor units.
    AmountOff(Minor),
    /// A fixed price, in minor units, where it is lower.
    FixedPrice(Minor),
}

/// A deal from a minimum on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tier {
    /// The minimum: units for quantity offers, minor units for thresholds and groups.
    pub from: i64,
    /// The deal.
    pub deal: Deal,
}

/// Some units of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Part {
    /// The goods.
    pub on: Selection,
    /// How many units.
    pub count: u32,
}

/// Which units a buy-get offer discounts, if it has a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Pick {
    /// Of each group the cheapest; groups are formed from the dearest units down.
    #[default]
    CheaperOfGroup,
    /// The dearest that qualify, whatever the bought units cost.
    Dearest,
    /// The cheapest of all, after the other offers of the priority, and only units without another discount: it favours
    /// the retailer.
    CheapestOfAll,
}

/// The rule of an offer. A unit is a piece, or a weighed or metered line as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OfferRule))]
pub enum Rule {
    /// A deal on each unit. For weighed goods amounts and fixed prices are per unit of measure.
    Item {
        /// The goods.
        on: Selection,
        /// The deal on a unit.
        deal: Deal,
        /// At most this many units of each line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        most_per_line: Option<u32>,
    },
    /// A deal on each unit once there are enough of them: "from 3 pieces 10 % off".
    Quantity {
        /// The goods.
        on: Selection,
        /// The deals by the number of units; the highest that is reached counts.
        tiers: Vec<Tier>,
    },
    /// A deal on complete groups of `count` units of the same goods: "any 3 for 5.00".
    Group {
        /// The goods.
        on: Selection,
        /// The number of units of a group.
        count: u32,
        /// The deals by the amount of the group; amounts and fixed prices are for the whole group.
        tiers: Vec<Tier>,
        /// The deal is on each unit instead of on the group as a whole.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        each: bool,
    },
    /// A deal on sets of different goods: "a sandwich and a drink for 4.00". The deal is for the whole set.
    Bundle {
        /// The goods of a set.
        parts: Vec<Part>,
        /// The deal on the set.
        deal: Deal,
    },
    /// Units at a deal for others that are bought: "buy 2, get 1 free".
    BuyGet {
        /// What must be bought, at its price.
        buy: Part,
        /// What is discounted; it may be of the same goods.
        get: Part,
        /// The deal on each of these units.
        deal: Deal,
        /// Which units are discounted.
        #[serde(default)]
        pick: Pick,
    },
    /// A deal on the whole amount once it is large enough, after all other offers: "5.00 off from 50.00".
    Threshold {
        /// The goods that count and share the discount.
        on: Selection,
        /// The deals by the amount; the highest that is reached counts.
        tiers: Vec<Tier>,
        /// Amounts without tax.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        without_tax: bool,
        /// At least this many units.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        least_units: Option<u32>,
    },
}

impl Rule {
    /// Whether it is evaluated after all others.
    pub fn is_threshold(&self) -> bool {
        matches!(self, Self::Threshold { .. })
    }

    /// The selections, with the field that names each.
    pub fn selections(&self) -> Vec<(String, &Selection)> {
        match self {
            Self::Item { on, .. } | Self::Quantity { on, .. } | Self::Group { on, .. } | Self::Threshold { on, .. } => {
                vec![("on".into(), on)]
            }
            Self::Bundle { parts, .. } => {
                parts.iter().enumerate().map(|(index, part)| (format!("parts[{index}].on"), &part.on)).collect()
            }
            Self::BuyGet { buy, get, .. } => vec![("buy.on".into(), &buy.on), ("get.on".into(), &get.on)],
        }
    }

    /// The deals, with the field that names each.
    pub fn deals(&self) -> Vec<(String, Deal)> {
        match self {
            Self::Item { deal, .. } | Self::Bundle { deal, .. } | Self::BuyGet { deal, .. } => {
                vec![("deal".into(), *deal)]
            }
            Self::Quantity { tiers, .. } | Self::Group { tiers, .. } | Self::Threshold { tiers, .. } => {
                tiers.iter().enumerate().map(|(index, tier)| (format!("tiers[{index}].deal"), tier.deal)).collect()
            }
        }
    }
}

/// An offer of a price book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Offer {
    /// The key.
    pub id: String,
    /// The version, which a sale names.
    pub version: u32,
    /// The name on the receipt.
    pub name: String,
    /// The first minute in which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<LocalTime>,
    /// The first minute in which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<LocalTime>,
    /// Hours in which it holds, if not always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Stores or sets of stores; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<String>,
    /// Channels, such as `store` or `web`; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// Groups of customers, one of which the customer must belong to; everybody if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customers: Vec<String>,
    /// The class of coupons, one of which must be presented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<String>,
    /// Higher priorities are evaluated first; 0 if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
    /// How it combines with others.
    #[serde(default)]
    pub concurrency: Concurrency,
    /// At most this many times in a basket: units for item and quantity offers, groups for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u32>,
    /// The highest discount in a basket, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Minor>,
    /// Who pays for it, such as a supplier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funded_by: Option<String>,
    /// The rule.
    pub rule: Rule,
}

impl Offer {
    /// When it holds.
    pub fn validity(&self) -> Validity {
        Validity { from: self.from, until: self.until }
    }

    /// The priority that counts.
    pub fn rank(&self) -> u16 {
        self.priority.unwrap_or(0)
    }

    /// Whether it is a buy-get offer that favours the retailer, which is evaluated after the others of its priority.
    pub fn is_deferred(&self) -> bool {
        matches!(self.rule, Rule::BuyGet { pick: Pick::CheapestOfAll, .. })
    }
}

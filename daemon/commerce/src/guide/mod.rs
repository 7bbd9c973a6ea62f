//! Guided selling: what to suggest to a customer, from HQ's rules and from what the store's own customers buy together.
//!
//! - **Rules** ([`Rule`]) name an item to offer with others: a bundle, a warranty, an accessory.
//! - **Mined pairs** ([`Pairs`]): of each pair of types of goods, in how many baskets both were. Days are added and
//!   drop out exactly. A pair is suggested if it is frequent and not a coincidence; see [`Pairs::suggest`].
//! - **Uplift** ([`Outcomes`]): half of the baskets, by a hash of their id, are shown nothing that was mined, so that
//!   the effect of showing can be told from chance.
//!
//! The statistics use floating point: a suggestion is not money. Ties are broken by name, so that the same baskets give
//! the same suggestions.

mod pairs;
#[cfg(test)]
mod tests;
mod uplift;

pub use pairs::{Pairs, Scored};
use serde::{Deserialize, Serialize};
pub use uplift::{Outcomes, Uplift, is_shown};

use crate::{MAX_TEXT, item::Sku, text::is_readable};

/// The kind of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SellingRuleKind))]
pub enum RuleKind {
    /// What completes a bundle.
    Bundle,
    /// An additional warranty.
    Warranty,
    /// An accessory.
    Accessory,
}

/// A rule of HQ: with these goods, offer that item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SellingRule))]
pub struct Rule {
    /// The kind.
    pub kind: RuleKind,
    /// The items, of which one must be in the basket.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skus: Vec<Sku>,
    /// Or a type of goods, as the catalog's `category`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// The item to offer.
    pub offer: Sku,
    /// What the associate can say.
    pub say: String,
}

/// What HQ publishes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SellingRules))]
pub struct Rules {
    /// The rules, the most important first.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Items that are never suggested, such as those below the margin floor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub never_skus: Vec<Sku>,
    /// Types of goods that are never suggested, such as those with a minimum age.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub never_categories: Vec<String>,
}

/// The most rules, and the most entries of each of their lists.
const MOST: usize = 500;

impl Rules {
    /// Checks what the types alone cannot guarantee.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        let is_text = |text: &String| text.len() <= MAX_TEXT && is_readable(text);
        if self.rules.len() > MOST || self.never_skus.len() > MOST || self.never_categories.len() > MOST {
            return Err(format!("at most {MOST} rules and {MOST} exceptions of each kind"));
        }
        if !self.never_categories.iter().all(is_text) {
            return Err(format!("`never_categories`: 1 to {MAX_TEXT} bytes of printable text"));
        }
        for (place, rule) in self.rules.iter().enumerate() {
            let number = place + 1;
            if rule.skus.is_empty() && rule.categories.is_empty() {
                return Err(format!("rule {number} names neither `skus` nor `categories`"));
            }
            if rule.skus.len() > MOST || rule.categories.len() > MOST {
                return Err(format!("rule {number} has more than {MOST} items or types"));
            }
            if !is_text(&rule.say) || !rule.categories.iter().all(is_text) {
                return Err(format!("rule {number}: texts are 1 to {MAX_TEXT} bytes of printable text"));
            }
        }
        Ok(())
    }

    /// The rules that apply to the goods of a basket, without what is in it.
    pub fn applying<'r>(&'r self, goods: &[(Sku, String)]) -> impl Iterator<Item = &'r Rule> {
        let has = |sku: &Sku| goods.iter().any(|(known, _)| known == sku);
        let applies = |rule: &&Rule| {
            let is_of_type = goods.iter().any(|(_, category)| rule.categories.contains(category));
            (rule.skus.iter().any(has) || is_of_type) && !has(&rule.offer)
        };
        self.rules.iter().filter(applies).collect::<Vec<_>>().into_iter()
    }

    /// Whether an item may be suggested.
    pub fn may_suggest(&self, sku: &Sku, category: &str) -> bool {
        !self.never_skus.contains(sku) && !self.never_categories.iter().any(|never| never == category)
    }
}

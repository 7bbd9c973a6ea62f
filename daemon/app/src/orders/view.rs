//! A part as the API shows it. The pickup code is not shown: only the customer has it.

use commerce::{
    BasketId, Minor, OperatorId, Quantity, Sku,
    order::{Fulfilment, State, Substitution, Zone, fulfilment::Claim},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::records::{Kept, Part};

/// A part with its derived values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartView {
    /// The state of the part.
    pub state: State,
    /// The part.
    pub fulfilment: Fulfilment,
    /// The basket that hands it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basket: Option<BasketId>,
    /// What the received goods cost, in minor units.
    pub charged: Minor,
    /// What the customer still has to pay for the goods that wait, in minor units.
    pub due: Minor,
}

impl PartView {
    /// The view of a part.
    pub(super) fn of(kept: Kept) -> Self {
        let Kept { mut fulfilment, basket, .. } = kept;
        if let Some(customer) = &mut fulfilment.terms.customer {
            customer.code = None;
        }
        let waiting =
            |line: &commerce::order::Line| commerce::order::Amount { line: line.ordered.number, milli: line.open() };
        let waiting: Vec<_> = fulfilment.lines.iter().map(waiting).collect();
        Self {
            state: fulfilment.state().unwrap_or(State::Offered),
            charged: fulfilment.charged(),
            due: fulfilment.due(&waiting),
            basket: basket.map(|in_basket| in_basket.basket),
            fulfilment,
        }
    }
}

/// A line to be picked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pick {
    /// The part.
    #[serde(flatten)]
    pub of: Part,
    /// The line.
    pub line: u32,
    /// The item.
    pub sku: Sku,
    /// The printed description.
    pub description: String,
    /// The quantity left to pick.
    pub quantity: Quantity,
    /// The temperature zone of the goods.
    pub zone: Zone,
    /// The customer's choice if the item is missing.
    pub substitution: Substitution,
    /// When the order is due: milliseconds since 1970, UTC.
    pub due_ms: i64,
    /// The claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
}

impl Pick {
    /// The lines of a part that are left to pick.
    pub(super) fn all(fulfilment: &Fulfilment) -> impl Iterator<Item = Self> {
        let of = Part::of(fulfilment);
        fulfilment.lines.iter().filter_map(move |line| {
            let left = line.of(State::Accepted) + line.of(State::Picking);
            let quantity = Quantity::new(left, line.ordered.quantity.unit()).ok().filter(|_| left > 0)?;
            Some(Self {
                of: of.clone(),
                line: line.ordered.number,
                sku: line.ordered.sku.clone(),
                description: line.ordered.description.clone(),
                quantity,
                zone: line.ordered.zone,
                substitution: line.ordered.substitution.clone(),
                due_ms: fulfilment.terms.due_ms,
                claim: line.claim.clone(),
            })
        })
    }

    /// Whether a picker may claim it at a time.
    pub fn is_free_for(&self, picker: &OperatorId, now_ms: i64) -> bool {
        self.claim.as_ref().is_none_or(|claim| claim.picker == *picker || claim.until_ms <= now_ms)
    }
}

//! Explanations: why offers did not apply, and the texts of those that did.

use serde::{Deserialize, Serialize};

use super::{
    basket::{Adjustment, Basket, Granted, Priced, Refusal},
    book::Book,
    price::{Barred, barred, price, selections},
};
use crate::money::{Currency, Minor};

/// The longest text on a receipt line, in characters.
pub const SHORT: usize = 24;

/// Why an offer did not apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OfferRejection))]
pub enum Reason {
    /// It holds at another time.
    Time,
    /// It holds at other hours.
    Hours,
    /// It holds in other channels.
    Channel,
    /// The customer does not belong to its groups, or is not known.
    Customer,
    /// Its coupon was not presented.
    Coupon,
    /// Its budget is used up.
    Budget,
    /// No item of it is in the basket.
    NoGoods,
    /// There are too few units, the amount is too low, or the price is at its lowest already.
    NotReached,
    /// Other offers on the same goods are better, or stand alone.
    Beaten {
        /// The offers.
        by: Vec<String>,
        /// What this one would have taken off.
        would_be: Minor,
    },
}

/// An offer that did not apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = RejectedOffer))]
pub struct Rejected {
    /// The offer.
    pub offer: String,
    /// Its name.
    pub name: String,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
}

/// Gives the reason for each offer of the book that took nothing off.
pub fn why_not(book: &Book, basket: &Basket, priced: &Priced) -> Vec<Rejected> {
    let used: Vec<&str> = priced.lines.iter().flat_map(|line| &line.adjustments).filter_map(offer_of).collect();
    let unused = book.offers.iter().filter(|offer| !used.contains(&offer.offer.id.as_str()));
    unused
        .map(|offer| {
            let numbers = offer.first_selection..offer.first_selection + offer.selections;
            let on = |line| selections(book, line).iter().any(|number| numbers.contains(number));
            let lines: Vec<usize> = (0..basket.lines.len()).filter(|&line| on(&basket.lines[line])).collect();
            let reason = match barred(offer, basket) {
                Some(barred) => barred.into(),
                None if lines.is_empty() => Reason::NoGoods,
                None => match alone(book, basket, &offer.offer.id) {
                    would_be if would_be.is_positive() => {
                        let rivals = lines.iter().flat_map(|&line| &priced.lines[line].adjustments);
                        let mut by: Vec<String> = rivals.filter_map(offer_of).map(str::to_owned).collect();
                        by.sort_unstable();
                        by.dedup();
                        Reason::Beaten { by, would_be }
                    }
                    _ => Reason::NotReached,
                },
            };
            Rejected { offer: offer.offer.id.clone(), name: offer.offer.name.clone(), reason }
        })
        .collect()
}

fn offer_of(adjustment: &Adjustment) -> Option<&str> {
    match &adjustment.granted {
        Granted::Offer { offer, .. } => Some(offer),
        Granted::MultiPrice | Granted::Person => None,
    }
}

/// What an offer would take off if it were the only one.
fn alone(book: &Book, basket: &Basket, id: &str) -> Minor {
    let none = super::basket::Budget { uses: Some(0), minor: None };
    let others = book.offers.iter().map(|offer| &offer.offer.id).filter(|other| *other != id);
    let mut only = basket.clone();
    only.budgets.extend(others.map(|other| (other.clone(), none)));
    only.lines.iter_mut().for_each(|line| line.keyed.clear());
    let of_it = |priced: Priced| {
        let adjustments = priced.lines.iter().flat_map(|line| &line.adjustments);
        adjustments.filter(|one| offer_of(one) == Some(id)).map(|one| one.amount).sum()
    };
    price(book, &only).map_or(Minor::ZERO, of_it)
}

/// A priced basket, as `store-hub price`, HQ's API and the browser show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Quote {
    /// The prices.
    #[serde(flatten)]
    pub priced: Priced,
    /// The offers that took nothing off, with the reason; absent unless it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Vec<Rejected>>,
}

/// Prices a basket, and explains on request why offers did not apply.
///
/// # Errors
/// As [`price`].
pub fn quote(book: &Book, basket: &Basket, explain: bool) -> Result<Quote, Refusal> {
    let priced = price(book, basket)?;
    let rejected = explain.then(|| why_not(book, basket, &priced));
    Ok(Quote { priced, rejected })
}

impl From<Barred> for Reason {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::Time => Self::Time,
            Barred::Hours => Self::Hours,
            Barred::Channel => Self::Channel,
            Barred::Customer => Self::Customer,
            Barred::Coupon => Self::Coupon,
            Barred::Budget => Self::Budget,
        }
    }
}

impl Adjustment {
    /// The text of a receipt line, at most [`SHORT`] characters.
    pub fn short(&self) -> String {
        let cut: String = self.name.chars().take(SHORT - 1).collect();
        if cut.chars().count() < self.name.chars().count() && self.name.chars().count() > SHORT {
            format!("{}…", cut.trim_end())
        } else {
            self.name.clone()
        }
    }

    /// The text of a cashier's screen: the name, the units and the amounts.
    pub fn long(&self, currency: Currency) -> String {
        let units = if self.units == 1 { "1 unit".to_owned() } else { format!("{} units", self.units) };
        let together = if self.evidence.len() > 1 { ", together with other lines" } else { "" };
        format!(
            "{}: {} off {} of {units}{together}",
            self.name,
            self.amount.display(currency),
            self.basis.display(currency)
        )
    }
}

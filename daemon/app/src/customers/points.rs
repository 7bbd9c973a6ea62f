//! What a customer's profile does to a basket and a sale: groups, exemption, offers, points.

use commerce::{
    Currency, Minor, Sale,
    basket::Buyer,
    customer::{CustomerId, Profile},
    gift_card::{CardNumber, MovementKind},
    loyalty::{Earned, Programme},
};
use serde::Serialize;
use store::{Store, StoreError, Transaction};
use utoipa::ToSchema;

use super::{
    CUSTOMER_UNKNOWN, NO_POINTS, note_sale,
    records::{ONLY, PROGRAMME, profile, read},
};
use crate::{
    By, Refusal, gift_cards,
    pricing::{BuyerRequest, Pricing},
};

/// The most groups and coupons of a basket.
const MOST_LISTED: usize = 20;

/// What is known about the buyer of a basket: what the register sent, and what the customer's profile has.
pub(crate) fn known_buyer(
    transaction: &Transaction<'_>,
    pricing: Option<&Pricing>,
    request: BuyerRequest,
    customer: Option<&str>,
    at_ms: i64,
) -> Result<Buyer, Refusal> {
    let Some(profile) = of(transaction, customer)? else { return request.buyer(pricing, customer) };
    let mut request = request;
    let tier = match (published(transaction)?, &profile.tier) {
        (Some(programme), Some(tier)) => programme.tier_named(tier).map(|tier| tier.groups.clone()),
        _ => None,
    };
    for group in profile.groups.into_iter().chain(tier.unwrap_or_default()) {
        if request.groups.len() < MOST_LISTED && !request.groups.contains(&group) {
            request.groups.push(group);
        }
    }
    let exemption = profile.exemption.filter(|exemption| exemption.until_ms > at_ms);
    request.exemption = request.exemption.or(exemption.map(|exemption| exemption.number));
    for offer in profile.offers.into_iter().filter(|offer| offer.until_ms > at_ms) {
        // The sale completes even if the price book no longer has the offer.
        let is_known = pricing.is_some_and(|pricing| pricing.book.coupon(&offer.code).is_some());
        if is_known && request.coupons.len() < MOST_LISTED && !request.coupons.contains(&offer.code) {
            request.coupons.push(offer.code);
        }
    }
    request.buyer(pricing, customer)
}

/// The codes of a customer's personal offers.
pub(crate) fn offers(transaction: &Transaction<'_>, customer: Option<&str>) -> Result<Vec<String>, StoreError> {
    let offers = of(transaction, customer)?.map(|profile| profile.offers).unwrap_or_default();
    Ok(offers.into_iter().map(|offer| offer.code).collect())
}

/// The profile of a basket's or sale's customer. A damaged one counts as none: a sale must go on.
fn of(transaction: &Transaction<'_>, customer: Option<&str>) -> Result<Option<Profile>, StoreError> {
    let Some(id) = customer.and_then(|text| text.parse::<CustomerId>().ok()) else { return Ok(None) };
    match read(transaction, &id) {
        Err(error @ StoreError::Corrupt { .. }) => {
            let table = error_kind(&error);
            tracing::error!(customer = %id, table, "a customer's profile is damaged; selling without it");
            Ok(None)
        }
        found => found,
    }
}

/// The error without the record's content.
fn error_kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::Corrupt { table, .. } => table,
        _ => "store",
    }
}

fn published(transaction: &Transaction<'_>) -> Result<Option<Programme>, StoreError> {
    match transaction.get(&PROGRAMME, ONLY) {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, "the loyalty programme is damaged; selling without it");
            Ok(None)
        }
        found => Ok(found?.and_then(|published| published.programme)),
    }
}

/// Loads what a sale earns, and notes the sale as the customer's.
pub(crate) fn earn(transaction: &mut Transaction<'_>, by: &By, sale: &mut Sale) -> Result<(), Refusal> {
    let Some(profile) = of(transaction, sale.customer.as_deref())? else { return Ok(()) };
    note_sale(transaction, &profile.id, sale)?;
    let (Some(programme), Some(account)) = (published(transaction)?, &profile.points) else { return Ok(()) };
    let points = programme.earn(profile.tier.as_deref(), sale);
    let amount = programme.worth(points);
    if amount.is_positive() {
        let (what, reference) = ((amount, sale.currency), sale.id.to_string());
        let movement = gift_cards::load_points(transaction, by, account, MovementKind::Load, what, &reference)?;
        sale.points = movement.map(|movement| Earned { points, amount, movement });
    }
    Ok(())
}

/// Takes back what a voided sale earned, as far as it is left.
pub(crate) fn unearn(transaction: &mut Transaction<'_>, by: &By, sale: &Sale) -> Result<(), Refusal> {
    match &sale.points {
        Some(earned) => gift_cards::unearn(transaction, by, earned.movement, earned.amount, &sale.id.to_string()),
        None => Ok(()),
    }
}

/// Takes back what the sales of returned goods earned, as far as the store holds it. HQ hears of the rest with the
/// sale.
pub(crate) fn take_back(transaction: &mut Transaction<'_>, by: &By, sale: &mut Sale) -> Result<(), Refusal> {
    let reference = sale.id.to_string();
    for points in sale.returns.iter_mut().filter_map(|ticket| ticket.points.as_mut()) {
        let profile = of(transaction, Some(&points.customer))?;
        if let Some(account) = profile.and_then(|profile| profile.points) {
            points.taken = gift_cards::take(transaction, by, &account, points.amount, &reference)?;
        }
    }
    Ok(())
}

/// Gives points back that paid for goods of another store; the account's last digits and the movement. `None` if the
/// customer has no account in this currency.
pub(crate) fn give_points(
    transaction: &mut Transaction<'_>,
    by: &By,
    customer: &str,
    what: (Minor, Currency),
    reference: &str,
) -> Result<Option<(String, u64)>, Refusal> {
    let account = of(transaction, Some(customer))?.and_then(|profile| profile.points);
    let Some(account) = account else { return Ok(None) };
    let movement = gift_cards::load_points(transaction, by, &account, MovementKind::Refund, what, reference)?;
    Ok(movement.map(|movement| (account.masked(), movement)))
}

/// The points that a customer can redeem in this store without HQ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PointsHere)]
pub struct Worth {
    /// The points.
    pub points: i64,
    /// What they are worth.
    pub amount: Minor,
    /// The tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
}

/// The account of a customer's points. Blocks.
///
/// # Errors
/// The customer is unknown or has no points account, or the store has no loyalty programme.
pub fn account(store: &Store, id: &CustomerId) -> Result<(CardNumber, Profile, Programme), Refusal> {
    let known = profile(store, id)?.ok_or_else(|| CUSTOMER_UNKNOWN.because(format!("unknown customer {id}")))?;
    let programme = store.get(&PROGRAMME, ONLY)?.and_then(|published| published.programme);
    let (Some(account), Some(programme)) = (known.points.clone(), programme) else {
        let detail = format!("customer {id} has no points account, or the store has no loyalty programme");
        return Err(NO_POINTS.because(detail));
    };
    Ok((account, known, programme))
}

/// The points that the store holds of a customer. Blocks.
///
/// # Errors
/// As for [`account`].
pub fn worth(store: &Store, id: &CustomerId) -> Result<Worth, Refusal> {
    let (account, profile, programme) = account(store, id)?;
    let amount = gift_cards::card(store, &account)?.map_or(Minor::ZERO, |card| card.held.available());
    Ok(Worth { points: programme.points(amount), amount, tier: profile.tier })
}

//! Training baskets: filled, priced and paid by the rules of real ones.

use commerce::{Basket, BasketId, BasketState, BasketTender, Currency, Discount, Tender, operator::Right};
use serde::{Deserialize, Serialize};
use store::{Number, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{
    PRACTISE, TENDER_NOT_IN_TRAINING, TRAINING_BASKET_UNKNOWN,
    mode::{mode, note_open},
};
use crate::{
    By, Refusal,
    operators::allow,
    pricing::{BuyerRequest, Pricing},
    recalls,
    selling::{BasketStatus, FoundLine, TenderRequest, allow_discounts},
    serials,
};

/// Training baskets by their number.
pub(super) static BASKETS: Table<Number, Basket> = Table::new("training_basket");

/// The counter of training baskets.
const NUMBERS: &str = "training_basket";

/// The result of opening a training basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrainingOpened {
    /// Always true: nothing here counts.
    pub training: bool,
    /// The id of the training basket.
    pub id: BasketId,
}

/// A training basket after a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrainingStatus {
    /// Always true: nothing here counts.
    pub training: bool,
    /// The basket.
    #[serde(flatten)]
    pub basket: BasketStatus,
}

impl TrainingStatus {
    fn of(basket: &Basket, line: Option<u32>, tender: Option<BasketTender>) -> Self {
        Self { training: true, basket: BasketStatus { tender, ..BasketStatus::of(basket, line) } }
    }
}

/// Opens a training basket.
///
/// # Errors
/// The register is not in training, or the operator may not sell.
pub fn open(transaction: &mut Transaction<'_>, by: &By, currency: Currency) -> Result<TrainingOpened, Refusal> {
    PRACTISE.require(&by.actor)?;
    allow(transaction, by, Right::Sell, 0)?;
    mode(transaction, by)?;
    let id = BasketId(transaction.next_number(NUMBERS)?);
    let (register, operator) = (by.register()?.clone(), by.actor.operator.clone());
    let basket = Basket::open(id, register, operator, currency, by.at_ms, None, None)?;
    transaction.put(&BASKETS, id.0, &basket)?;
    note_open(transaction, by, id, true)?;
    Ok(TrainingOpened { training: true, id })
}

/// A training basket of the register that sends the command.
pub(super) fn own(transaction: &mut Transaction<'_>, by: &By, id: BasketId) -> Result<Basket, Refusal> {
    PRACTISE.require(&by.actor)?;
    allow(transaction, by, Right::Sell, 0)?;
    let register = mode(transaction, by).and_then(|_| by.register())?;
    let found = transaction.get(&BASKETS, id.0)?.filter(|basket| basket.register == *register);
    found.ok_or_else(|| TRAINING_BASKET_UNKNOWN.because(format!("register {register} has no training basket {id}")))
}

/// Writes a training basket.
pub(super) fn put(transaction: &mut Transaction<'_>, by: &By, basket: &Basket) -> Result<(), Refusal> {
    transaction.put(&BASKETS, basket.id.0, basket)?;
    if basket.state == BasketState::Open { Ok(()) } else { note_open(transaction, by, basket.id, false) }
}

/// Adds a line: scanned, keyed, weighed, or not on file.
///
/// # Errors
/// The rules of the basket refuse it.
pub fn add_line(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    pricing: Option<&Pricing>,
    line: FoundLine,
) -> Result<TrainingStatus, Refusal> {
    let mut basket = own(transaction, by, id)?;
    let number = line.add_to(&mut basket)?;
    recalls::refuse(transaction, basket.lines.last())?;
    serials::refuse(transaction, &basket.lines)?;
    allow_discounts(transaction, by, &basket, number)?;
    Pricing::apply(pricing, &mut basket)?;
    put(transaction, by, &basket)?;
    Ok(TrainingStatus::of(&basket, Some(number), None))
}

/// Voids a line.
///
/// # Errors
/// The rules of the basket refuse it.
pub fn void_line(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    pricing: Option<&Pricing>,
    line: u32,
) -> Result<TrainingStatus, Refusal> {
    let mut basket = own(transaction, by, id)?;
    basket.void_line(line)?;
    Pricing::apply(pricing, &mut basket)?;
    put(transaction, by, &basket)?;
    Ok(TrainingStatus::of(&basket, Some(line), None))
}

/// Applies a discount to a line.
///
/// # Errors
/// The rules of the basket or the operator's role refuse it.
pub fn discount_line(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    pricing: Option<&Pricing>,
    line: u32,
    discount: Discount,
) -> Result<TrainingStatus, Refusal> {
    let mut basket = own(transaction, by, id)?;
    basket.discount(line, discount)?;
    allow_discounts(transaction, by, &basket, line)?;
    Pricing::apply(pricing, &mut basket)?;
    put(transaction, by, &basket)?;
    Ok(TrainingStatus::of(&basket, Some(line), None))
}

/// Replaces what is known about the customer. Coupons take effect, and no use of them is counted.
///
/// # Errors
/// A coupon is unknown, or the rules of the basket refuse it.
pub fn identify(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    pricing: Option<&Pricing>,
    buyer: BuyerRequest,
) -> Result<TrainingStatus, Refusal> {
    let mut basket = own(transaction, by, id)?;
    basket.identify(buyer.buyer(pricing, None)?)?;
    Pricing::apply(pricing, &mut basket)?;
    put(transaction, by, &basket)?;
    Ok(TrainingStatus::of(&basket, None, None))
}

/// Adds cash or a manufacturer's coupon. The first one fixes the lines.
///
/// # Errors
/// The rules of the basket refuse it, the goods may not be sold now or to this customer, or it is a gift card.
pub fn tender(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    tender: TenderRequest,
) -> Result<TrainingStatus, Refusal> {
    let mut basket = own(transaction, by, id)?;
    if let TenderRequest::GiftCard { .. } = tender {
        let detail = "a gift card is real money, which training does not touch; pay in cash or by coupon";
        return Err(TENDER_NOT_IN_TRAINING.because(detail));
    }
    let was_paid = basket.is_partly_paid();
    basket.tender(tender.plain()?)?;
    if !was_paid {
        recalls::refuse(transaction, &basket.lines)?;
        serials::refuse(transaction, &basket.lines)?;
        basket.may_be_paid(by.at_ms)?;
    }
    put(transaction, by, &basket)?;
    Ok(TrainingStatus::of(&basket, None, basket.tenders.last().cloned()))
}

/// Voids a tender. Once all are voided, the lines may change again.
///
/// # Errors
/// No such tender, or the operator's role does not allow it.
pub fn void_tender(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    number: u32,
) -> Result<TrainingStatus, Refusal> {
    let mut basket = own(transaction, by, id)?;
    allow(transaction, by, Right::VoidTender, 0)?;
    let voided = basket.void_tender(number)?.clone();
    put(transaction, by, &basket)?;
    Ok(TrainingStatus::of(&basket, None, Some(voided)))
}

/// Abandons a training basket, with the cash and the coupons in it: nobody handed them over.
///
/// # Errors
/// It is not open.
pub fn abandon(transaction: &mut Transaction<'_>, by: &By, id: BasketId) -> Result<TrainingStatus, Refusal> {
    let mut basket = own(transaction, by, id)?;
    let is_live = |paid: &&BasketTender| !paid.voided && !matches!(paid.tender, Tender::Card { .. });
    let live: Vec<u32> = basket.tenders.iter().filter(is_live).map(|paid| paid.number).collect();
    for number in live {
        basket.void_tender(number)?;
    }
    basket.abandon()?;
    put(transaction, by, &basket)?;
    Ok(TrainingStatus::of(&basket, None, None))
}

/// Reads a training basket.
///
/// # Errors
/// The store fails.
pub fn basket(store: &Store, id: BasketId) -> Result<Option<Basket>, StoreError> {
    store.get(&BASKETS, id.0)
}

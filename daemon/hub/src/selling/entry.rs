//! From what a register sends to a line: codes are decoded, weighings become quantities, and the item is looked up.
//!
//! It happens before the commit, and a refusal is passed into it, so that a repeat gets its first answer even if the
//! item has changed, the weighing is sold or the day is over.
//!
//! Goods past the use-by date in their code are refused; past the best-before date the cashier has to say that they are
//! sold all the same. So nothing that has expired is sold unnoticed.

use std::{sync::Arc, time::Instant};

use app::{
    Refusal,
    catalog::{Catalog, OnFile},
    recalls::is_batch,
    refusal::BAD_REQUEST,
    selling::{CODE_INVALID, FoundLine, ITEM_EXPIRED, Keyed, LineRequest, PAST_BEST_BEFORE, WEIGHING_UNKNOWN},
};
use commerce::{BusinessDay, Minor, Price, Quantity, ScannedCode, code::Code, serial::SerialNumber};

use crate::{hub::Hub, parts::devices::weighings::Claim};

/// Lines and the weighings that they use, which [`spend`](Self::spend) uses up.
#[derive(Default)]
pub(crate) struct Entry<'h>(Vec<Claim<'h>>);

impl<'h> Entry<'h> {
    /// Completes a line that is entered at a moment.
    ///
    /// # Errors
    /// The code, the weighing or the item is unknown or can't be sold.
    pub(crate) fn line(
        &mut self,
        hub: &'h Hub,
        catalog: &Catalog,
        at_ms: i64,
        mut line: LineRequest,
    ) -> Result<FoundLine, Refusal> {
        if let Some(code) = line.code.take() {
            if line.gtin.is_some() || line.sku.is_some() {
                return Err(BAD_REQUEST.because("send one of `code`, `gtin` and `sku`"));
            }
            let decoded = hub.devices.codes.decode(&code.data, code.symbology.as_deref(), at_ms);
            let decoded = decoded.map_err(|error| CODE_INVALID.because(error.to_string()))?;
            apply(&mut line, decoded, catalog);
            refuse_expired(hub.calendar.business_day(at_ms), &line)?;
        }
        if let Some(batch) = line.batch.take() {
            if !is_batch(&batch) {
                return Err(BAD_REQUEST.because("`batch`: expected 1 to 20 printable characters"));
            }
            line.particulars.batch.get_or_insert(batch);
        }
        if let Some(serial) = line.serial.take() {
            let serial: SerialNumber = serial.parse().map_err(|why| BAD_REQUEST.because(format!("`serial`: {why}")))?;
            line.particulars.serial.get_or_insert(serial.into());
        }
        if let Some(id) = line.weighing.take() {
            if line.quantity.is_some() {
                return Err(BAD_REQUEST.because("the line has a quantity already; send it or `weighing`, not both"));
            }
            let claim = hub.devices.weighings.claim(&id, Instant::now());
            let unknown = || {
                let detail = format!("weighing {} is unknown, sold or too old; weigh again", id.escape_debug());
                WEIGHING_UNKNOWN.because(detail)
            };
            let claim = claim.ok_or_else(unknown)?;
            let weighing = claim.weighing().ok_or_else(unknown)?;
            line.quantity = Some(weighing.quantity);
            line.particulars.weighed = Some(weighing.sent.clone());
            self.0.push(claim);
        }
        line.find(catalog)
    }

    /// The lines are in a basket: their weighings can't be sold again.
    pub(crate) fn spend(self) {
        self.0.into_iter().for_each(Claim::spend);
    }
}

/// Refuses goods whose dates have passed.
fn refuse_expired(today: BusinessDay, line: &LineRequest) -> Result<(), Refusal> {
    let particulars = &line.particulars;
    if let Some(use_by) = particulars.use_by.filter(|use_by| *use_by < today) {
        let detail = format!("the use-by date {use_by} in the code has passed; take the goods off the shelf");
        return Err(ITEM_EXPIRED.because(detail).member("use_by", use_by.to_string()));
    }
    match particulars.best_before.filter(|best_before| *best_before < today) {
        Some(best_before) if !line.past_best_before => {
            let detail = format!(
                "the best-before date {best_before} in the code has passed; send `past_best_before` to sell all the \
                 same"
            );
            Err(PAST_BEST_BEFORE.because(detail).member("best_before", best_before.to_string()))
        }
        _ => Ok(()),
    }
}

/// Takes item, quantity, price and particulars from a code. What the register sent itself takes precedence.
fn apply(line: &mut LineRequest, code: Code, catalog: &Catalog) {
    let found: Option<&Arc<OnFile>> = (code.gtins.iter().find_map(|gtin| catalog.gtin(*gtin)))
        .or_else(|| code.skus.iter().find_map(|sku| catalog.sku(sku)));
    line.particulars = code.particulars;
    match found {
        Some(item) => line.sku = Some(item.sku.clone()),
        // For the refusal, or an open-price line.
        None => {
            line.gtin = code.gtins.first().map(|gtin| ScannedCode::from(*gtin));
            line.sku = line.gtin.is_none().then(|| code.skus.into_iter().next()).flatten();
        }
    }
    let price = found.map(|item| item.price);
    if line.quantity.is_none() && line.weighing.is_none() {
        line.quantity = match (code.quantity, price) {
            // A package with its weight printed on it that is sold by the piece.
            (Some(quantity), Some(price)) if quantity.unit().is_measure() && !price.per.is_measure() => None,
            (Some(quantity), _) => Some(quantity),
            (None, Some(price)) => code.amount.and_then(|amount| quantity_of(amount, price)),
            (None, None) => None,
        };
    }
    if line.keyed.is_none() {
        line.keyed = code.amount.map(|amount| Keyed { amount, reason: "price in the code".into() });
    }
}

/// How much of an item sold by measure an amount pays for, rounded to the nearest thousandth.
fn quantity_of(amount: Minor, price: Price) -> Option<Quantity> {
    let each = price.minor.get();
    if !price.per.is_measure() || each <= 0 || amount.is_negative() {
        return None;
    }
    let milli = (amount.get().checked_mul(1000)?.checked_add(each / 2)?) / each;
    Quantity::new(milli, price.per).ok()
}

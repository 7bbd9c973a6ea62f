//! How large a basket may grow: what is paid is sold, so it must fit a record as a sale too.
//!
//! | bytes of a record | for what |
//! | --- | --- |
//! | [`MOST`] | the basket with its lines; a line or a discount that would take it further is refused |
//! | [`FOR_PAYING`] | the marks of voided lines, the tenders, of which there are few ([`commerce::Basket`]) and small ones, and what a sale has beyond its basket |
//!
//! A line can always be voided. So once its lines are fixed, no size can refuse a tender, a card's approval or the sale.

use std::io::{self, Write};

use commerce::Basket;
use store::MAX_RECORD;

use crate::problem::Problem;

/// Kept free by lines: 399 voids of 14 bytes, which ask for no room; 40 tenders of at most 900 bytes (texts of at most 120 bytes, or 100 characters and a
/// [`commerce::CardReference`] of a terminal); and 4 KiB for the sale.
const FOR_PAYING: usize = 46 * 1024;

/// The most bytes of a basket before it is paid.
const MOST: usize = MAX_RECORD - FOR_PAYING;

/// Makes sure that a basket can still be paid and sold.
///
/// # Errors
/// It is too large; its last change must not be stored.
pub(super) fn leaves_room(basket: &Basket) -> Result<(), Problem> {
    let mut bytes = Count(0);
    serde_json::to_writer(&mut bytes, basket).map_err(|error| Problem::internal(error.to_string()))?;
    if bytes.0 <= MOST {
        return Ok(());
    }
    Err(Problem::basket_full(format!(
        "the basket would have {} bytes, and takes {MOST}; complete it and open another, or say less in reasons and descriptions",
        bytes.0
    )))
}

/// Counts what is written.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use commerce::{
        CardReference, CardSlip, Discount, Minor, NewLine, Quantity, Refusal, Tender,
        line::{Origin, What},
    };
    use store::{EngineKind, Store};

    use super::*;
    use crate::selling::{self, Counter};

    /// A text that takes the most room: each byte is written as two.
    fn text(bytes: usize) -> String {
        "\"".repeat(bytes)
    }

    fn line(description: usize, discounts: usize) -> NewLine<'static> {
        let discount = || Discount { reason: text(120), origin: Origin::StoreCoupon, amount: Minor::literal(1) };
        NewLine {
            what: What::NotOnFile { sku: None, description: text(description) },
            quantity: Quantity::pieces(1).unwrap(),
            keyed: Some((Minor::literal(1_000_000_000), text(description))),
            discounts: (0..discounts).map(|_| discount()).collect(),
        }
    }

    /// A basket that takes not one byte more, by many lines as small as they get, some as large as they get and one that fills the rest; then all but the first
    /// are voided.
    fn brim() -> Basket {
        let currency = commerce::Currency::from_code("USD").unwrap();
        let most = Some(text(120));
        let mut basket = Basket::open("b1".into(), "t".repeat(40), currency, i64::MAX, most.clone(), most).unwrap();
        for _ in 0..360 {
            basket.add_line(line(1, 0)).unwrap();
        }
        for (description, discounts) in
            (1..=120).rev().map(|bytes| (bytes, 16)).chain((1..=120).rev().map(|bytes| (bytes, 0)))
        {
            loop {
                let before = basket.clone();
                basket.add_line(line(description, discounts)).unwrap();
                if leaves_room(&basket).is_err() {
                    basket = before;
                    break;
                }
            }
        }
        assert!(leaves_room(&basket).is_ok() && basket.lines.len() > 365, "{} lines", basket.lines.len());
        for number in 2..=u32::try_from(basket.lines.len()).unwrap() {
            basket.void_line(number).unwrap();
        }
        assert!(leaves_room(&basket).is_err(), "the voids go beyond");
        basket
    }

    #[tokio::test]
    async fn a_basket_filled_to_the_brim_is_sold_with_the_most_and_the_largest_tenders() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), EngineKind::Sqlite, 1).unwrap();
        let names: Vec<String> = (0..CardReference::MAX_ENTRIES).map(|number| format!("{number:0>24}")).collect();
        let value = "1".repeat(CardReference::MAX_VALUE);
        let card = CardSlip {
            payment: format!("p{}", u64::MAX),
            masked_pan: Some("476173*********0119".into()),
            scheme: Some("\u{20a7}".repeat(100)),
            reference: CardReference::of(names.iter().map(|name| (name.as_str(), value.as_str()))),
        };
        for tender in [
            Tender::Card { amount: Minor::literal(1_000_000_000), slip: card },
            Tender::ManufacturerCoupon { amount: Minor::literal(1_000_000_000), code: Some(text(120)) },
        ] {
            let mut basket = brim();
            let net = basket.due();
            while let Ok(()) = basket.tender(tender.clone()) {}
            assert_eq!(basket.reserve("p1".into(), None).unwrap_err(), Refusal::TooManyTenders);
            assert!(!basket.due().is_positive(), "{net:?}");
            let sold = store.commit(move |transaction| {
                selling::put_basket(transaction, &basket)?;
                selling::complete(transaction, &mut basket, &Counter::at(u64::MAX, i64::MAX), true)
            });
            assert_eq!(sold.await.unwrap().tenders.len(), 40);
        }
    }
}

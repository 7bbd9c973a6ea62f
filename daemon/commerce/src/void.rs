//! Voiding a completed sale: the goods stay in the store and the customer gets everything back.
//!
//! A sale never changes, so the void is another sale with the opposite amounts and a receipt number of its own. Every
//! sum of amounts over sales (a day, a shift, a tax, a tender) is right without knowing of voids; a void counts as a
//! sale.
//!
//! | tender of the sale | given back |
//! | --- | --- |
//! | card | to the same card; the hub has it reversed |
//! | cash, less the change | from the till |
//! | manufacturer's coupon | the coupon itself |
//! | gift card, store credit | to the same card |
//! | paid in the web shop | not voided here: the order is returned |

use crate::{
    ids::PaymentId,
    line::Line,
    money::Minor,
    sale::{Sale, Stamp, Totals},
    tender::Tender,
};

/// Why a sale can't be voided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotVoidable {
    /// It is a void itself.
    #[error("it voids another sale")]
    Void,
    /// It was sold on another business day, whose sums are closed.
    #[error("it is of another business day; take the goods back as a return")]
    OtherDay,
    /// It takes goods back.
    #[error("it takes goods back; sell them again instead")]
    Return,
    /// The web shop took the money.
    #[error("it was paid in the web shop; return the order")]
    Prepaid,
}

/// The money of a sale that is to be given back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenBack {
    /// From the till.
    pub cash: Minor,
    /// To the cards of these payments.
    pub cards: Vec<(PaymentId, Minor)>,
    /// To the gift cards of these movements.
    pub gift_cards: Vec<(u64, Minor)>,
}

impl GivenBack {
    /// What the customer of a sale gets back, each tender as it was paid.
    pub fn of(sale: &Sale) -> Self {
        let mut given = Self { cash: -sale.totals.change, ..Self::default() };
        for tender in &sale.tenders {
            match tender {
                Tender::Cash { amount } => given.cash = given.cash + *amount,
                Tender::Card { amount, slip } => given.cards.push((slip.payment, *amount)),
                Tender::GiftCard { amount, movement, .. } => given.gift_cards.push((*movement, *amount)),
                Tender::ManufacturerCoupon { .. } | Tender::Prepaid { .. } => {}
            }
        }
        given
    }
}

impl Sale {
    /// The sale that voids this one.
    ///
    /// # Errors
    /// It is a void itself, of another business day, or paid in the web shop.
    pub fn void(&self, stamp: Stamp) -> Result<Self, NotVoidable> {
        if self.voids.is_some() {
            return Err(NotVoidable::Void);
        }
        if !self.returns.is_empty() {
            return Err(NotVoidable::Return);
        }
        if self.business_day != stamp.business_day {
            return Err(NotVoidable::OtherDay);
        }
        if self.tenders.iter().any(|tender| matches!(tender, Tender::Prepaid { .. })) {
            return Err(NotVoidable::Prepaid);
        }
        let totals = self.totals;
        Ok(Self {
            id: stamp.id,
            voids: Some(self.id),
            receipt: stamp.receipt,
            receipt_prefix: stamp.receipt_prefix,
            fiscal_year: stamp.fiscal_year,
            business_day: stamp.business_day,
            shift: Some(stamp.shift),
            sold_at_ms: stamp.sold_at_ms,
            reference: None,
            loads: Vec::new(),
            points: None,
            lines: self.lines.iter().map(opposite).collect(),
            tenders: self.given_back(),
            totals: Totals {
                regular: -totals.regular,
                discount: -totals.discount,
                net: -totals.net,
                charges: -totals.charges,
                added_tax: -totals.added_tax,
                cash_rounding: -totals.cash_rounding,
                manufacturer_coupon: -totals.manufacturer_coupon,
                tendered: totals.change - totals.tendered,
                change: Minor::ZERO,
            },
            movement: None,
            ..self.clone()
        })
    }

    /// The opposite tenders: what went out of the till is one amount of cash.
    fn given_back(&self) -> Vec<Tender> {
        let cash = GivenBack::of(self).cash;
        let mut tenders: Vec<Tender> = Vec::new();
        if !cash.is_zero() {
            tenders.push(Tender::Cash { amount: -cash });
        }
        tenders.extend(self.tenders.iter().filter_map(|tender| match tender.clone() {
            Tender::Card { amount, slip } => Some(Tender::Card { amount: -amount, slip }),
            Tender::ManufacturerCoupon { amount, code } => Some(Tender::ManufacturerCoupon { amount: -amount, code }),
            Tender::GiftCard { amount, kind, card, movement } => {
                Some(Tender::GiftCard { amount: -amount, kind, card, movement })
            }
            Tender::Cash { .. } | Tender::Prepaid { .. } => None,
        }));
        tenders
    }
}

/// A line with the opposite amounts. Its quantity says how much comes back.
pub(crate) fn opposite(line: &Line) -> Line {
    let mut line = line.clone();
    line.regular = -line.regular;
    for adjustment in &mut line.adjustments {
        (adjustment.basis, adjustment.amount) = (-adjustment.basis, -adjustment.amount);
    }
    for discount in &mut line.discounts {
        discount.amount = -discount.amount;
    }
    for charge in &mut line.charges {
        charge.amount = -charge.amount;
    }
    for tax in &mut line.taxes {
        (tax.base, tax.amount) = (-tax.base, -tax.amount);
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Basket, BasketId, BusinessDay, Currency, Discount, NewLine, Origin, Particulars, Quantity, ReceiptNumber,
        ReceiptPrefix, SaleId, ShiftId,
        basket::CardLoad,
        gift_card::{CardKind, CardNumber},
        line::What,
        loyalty::Earned,
        pricing::{
            Adjustment,
            basket::{Granted, LinkedCharge},
            tax::LineTax,
        },
        tender::CardSlip,
    };

    fn stamp(sequence: u64) -> Stamp {
        Stamp {
            id: SaleId { epoch: 1, sequence },
            receipt: ReceiptNumber(sequence),
            receipt_prefix: None,
            fiscal_year: 2026,
            sold_at_ms: 1,
            business_day: BusinessDay::new(2026, 11, 28).unwrap(),
            shift: ShiftId { epoch: 1, number: 1 },
        }
    }

    /// A sale of items with discounts, paid by card in part, by coupon and in cash.
    fn sold(lines: &[(i64, u32)], card: i64, coupon: bool, note: i64) -> Option<Sale> {
        let usd = Currency::from_code("USD").unwrap();
        let mut basket = Basket::open(BasketId(1), "till-1".parse().unwrap(), None, usd, 1, None, None).unwrap();
        for (price, pieces) in lines {
            let keyed = Some((Minor::new(*price * i64::from(*pieces)).unwrap(), "marked".to_owned()));
            let what = What::NotOnFile { sku: None, gtin: None, description: "Soap".into() };
            let discount = Discount { reason: "damaged".into(), origin: Origin::Manager, amount: Minor::literal(1) };
            let discounts = if *price > 1 { vec![discount] } else { vec![] };
            let (quantity, particulars) = (Quantity::pieces(*pieces).unwrap(), Particulars::default());
            basket.add_line(NewLine { what, quantity, keyed, discounts, particulars }).unwrap();
        }
        if coupon {
            basket.tender(Tender::ManufacturerCoupon { amount: Minor::literal(1), code: None }).ok()?;
        }
        if let Some(amount) = Minor::new(card).filter(|amount| amount.is_positive()) {
            let amount = amount.min(basket.due());
            basket.reserve(PaymentId(7), Some(amount)).ok()?;
            basket.settle(PaymentId(7), Some(Tender::Card { amount, slip: CardSlip::bare(PaymentId(7)) }));
        }
        if basket.due().is_positive() {
            basket.tender(Tender::Cash { amount: basket.due() + Minor::new(note).unwrap() }).ok()?;
        }
        basket.complete(stamp(1)).ok()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_sale_and_its_void_sum_to_nothing(
            lines in proptest::collection::vec((1_i64..10_000, 1_u32..5), 1..6),
            card in 0_i64..20_000,
            coupon: bool,
            note in 0_i64..500,
        ) {
            let Some(sale) = sold(&lines, card, coupon, note) else { return Ok(()) };
            let void = sale.void(stamp(2)).unwrap();
            let both = |of: fn(&Totals) -> Minor| of(&sale.totals) + of(&void.totals);
            let totals: [fn(&Totals) -> Minor; 4] =
                [|of| of.regular, |of| of.discount, Totals::owed, |of| of.manufacturer_coupon];
            for total in totals {
                prop_assert_eq!(both(total), Minor::ZERO);
            }
            prop_assert_eq!(void.totals.tendered, void.totals.owed());
            // Its totals are those of its lines and tenders, as of any sale.
            prop_assert_eq!(Totals::of(&void.lines, Minor::ZERO, None, &void.tenders), void.totals);
            let cash = |sale: &Sale| -> Minor {
                sale.tenders.iter().filter(|tender| tender.kind() == "cash").map(Tender::amount).sum()
            };
            prop_assert_eq!(cash(&sale) - sale.totals.change + cash(&void), Minor::ZERO);
            let given = GivenBack::of(&sale);
            prop_assert_eq!(given.cash, -cash(&void));
            let cards: Minor = given.cards.iter().map(|(_, amount)| *amount).sum();
            prop_assert_eq!(given.cash + cards + sale.totals.manufacturer_coupon, sale.totals.owed());
            prop_assert_eq!(void.void(stamp(3)), Err(NotVoidable::Void));
        }
    }

    #[test]
    fn a_sale_of_another_day_or_of_the_web_shop_is_not_voided() {
        let sale = sold(&[(100, 1)], 0, false, 0).unwrap();
        let tomorrow = Stamp { business_day: BusinessDay::new(2026, 11, 29).unwrap(), ..stamp(2) };
        assert_eq!(sale.void(tomorrow), Err(NotVoidable::OtherDay));
        let prepaid = vec![Tender::Prepaid { amount: Minor::literal(100), reference: "W-1".into() }];
        assert_eq!(Sale { tenders: prepaid, ..sale }.void(stamp(2)), Err(NotVoidable::Prepaid));
    }

    /// All that a sale can have, also what these tests have no rules for.
    fn sale_with_everything() -> Sale {
        let mut sale = sold(&[(500, 2)], 300, true, 0).unwrap();
        let (one, ten) = (Minor::literal(1), Minor::literal(10));
        sale.reference = Some("order 7".into());
        sale.points = Some(Earned { points: 3, amount: one, movement: 5 });
        sale.movement = Some(4);
        let card = CardNumber::from_random([1; 16]);
        sale.loads.push(CardLoad { line: 1, card, amount: ten, movement: Some(6) });
        let line = &mut sale.lines[0];
        line.adjustments.push(Adjustment {
            granted: Granted::MultiPrice,
            name: "2 for 9.99".into(),
            basis: ten,
            amount: one,
            units: 2,
            group: None,
            evidence: vec![],
        });
        line.charges.push(LinkedCharge { name: "Deposit".into(), amount: Minor::literal(25) });
        line.taxes.push(LineTax { tax: "vat".into(), rate_ppm: None, base: ten, amount: one, included: false });
        (sale.totals.charges, sale.totals.added_tax, sale.totals.cash_rounding) = (Minor::literal(25), one, one);
        sale.tenders.push(Tender::GiftCard {
            amount: Minor::literal(20),
            kind: CardKind::GiftCard,
            card: "*1234".into(),
            movement: 9,
        });
        sale
    }

    #[test]
    fn a_void_has_its_own_number_and_day_and_nothing_that_the_sale_gave() {
        let sale = sale_with_everything();
        let stamp = Stamp {
            receipt_prefix: Some(ReceiptPrefix::of_epoch(1_795_863_552_123)),
            fiscal_year: 2027,
            sold_at_ms: 99,
            shift: ShiftId { epoch: 1, number: 2 },
            ..stamp(2)
        };
        let void = sale.void(stamp).unwrap();
        assert_eq!((void.id, void.voids), (stamp.id, Some(sale.id)));
        assert_eq!((void.receipt, void.receipt_prefix), (stamp.receipt, stamp.receipt_prefix));
        assert_eq!((void.fiscal_year, void.business_day), (2027, stamp.business_day));
        assert_eq!((void.sold_at_ms, void.shift), (99, Some(stamp.shift)));
        assert_eq!((void.reference, void.points, void.movement), (None, None, None));
        assert_eq!((void.loads, void.register, void.currency), (vec![], sale.register, sale.currency));
    }

    #[test]
    fn every_amount_of_a_void_is_the_opposite() {
        let sale = sale_with_everything();
        let void = sale.void(stamp(2)).unwrap();
        let (totals, opposite_totals) = (sale.totals, void.totals);
        assert_eq!(opposite_totals.charges, -totals.charges);
        assert_eq!(opposite_totals.added_tax, -totals.added_tax);
        assert_eq!(opposite_totals.cash_rounding, -totals.cash_rounding);
        let amounts = |line: &Line| {
            let (adjustment, charge, tax) = (&line.adjustments[0], &line.charges[0], &line.taxes[0]);
            let (discount, regular) = (line.discounts[0].amount, line.regular);
            [regular, discount, adjustment.basis, adjustment.amount, charge.amount, tax.base, tax.amount]
        };
        assert_eq!(amounts(&void.lines[0]), amounts(&sale.lines[0]).map(|amount| -amount));
        let paid = |kind: &str, sale: &Sale| -> Minor {
            sale.tenders.iter().filter(|tender| tender.kind() == kind).map(Tender::amount).sum()
        };
        for kind in ["card", "manufacturer_coupon", "gift_card"] {
            assert!(paid(kind, &sale).is_positive(), "{kind}");
            assert_eq!(paid(kind, &void), -paid(kind, &sale), "{kind}");
        }
        let given = GivenBack::of(&sale);
        assert_eq!(
            (given.cards, given.gift_cards),
            (vec![(PaymentId(7), Minor::literal(300))], vec![(9, Minor::literal(20))])
        );
    }
}

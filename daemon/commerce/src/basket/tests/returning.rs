//! A basket that takes goods back: its lines, even exchanges, and the steps of the refund.

use super::*;
use crate::{
    ids::OrderId,
    line::Regular,
    returns::{
        Decision, Disposition, Outcome, Reason, RefundTo, ReturnTicket, Returned, StepState, Validated, Way, plan::Left,
    },
};

fn soap(sku: &str, minor: i64) -> Item {
    Item { sku: sku.parse().unwrap(), ..item(minor, Unit::Each) }
}

/// A line that takes one piece of soap back, which cost this much.
fn back(number: u32, minor: i64) -> Line {
    let mut line = Line::price(number, pieces(&soap("1", minor), 1)).unwrap();
    line.regular = -line.regular;
    line.returned = Some(Box::new(Returned {
        sale: None,
        line: 1,
        reason: Reason::Unwanted,
        disposition: Disposition::Sellable,
        way: Way::Back,
        tax_rounding: Minor::literal(1),
    }));
    line
}

fn ticket(lines: Vec<u32>, refund: i64, to: RefundTo, cash: bool) -> ReturnTicket {
    let (paid, left) = (Minor::literal(refund), Minor::literal(refund));
    ReturnTicket {
        sale: None,
        lines,
        validated: Validated::Local,
        identities: vec![],
        card: None,
        keyed: false,
        refund: Minor::literal(refund),
        decision: Decision { outcome: Outcome::Authorize, fired: vec![], cash, store_credit_only: false },
        approved_by: None,
        limits: None,
        points: None,
        left: vec![Left { to, paid, left }],
    }
}

/// A basket that takes back what cost 3.00, without rounding of taxes.
fn refunding(to: RefundTo, cash: bool) -> Basket {
    let mut basket = open();
    let mut line = back(1, 300);
    line.returned.as_mut().unwrap().tax_rounding = Minor::ZERO;
    basket.add_returns(vec![line], ticket(vec![1], 300, to, cash)).unwrap();
    basket.begin_refund().unwrap();
    basket
}

fn card_7() -> RefundTo {
    RefundTo::Card { payment: PaymentId(7) }
}

fn steps(basket: &Basket) -> Vec<(RefundTo, i64, StepState)> {
    basket.refund.iter().map(|step| (step.refund.clone(), step.amount.get(), step.status.clone())).collect()
}

#[test]
fn a_basket_with_returns_has_as_many_lines_as_any() {
    let (mut basket, cereal) = (open(), item(369, Unit::Each));
    assert_eq!(basket.next_line(), 1);
    for _ in 1..MAX_LINES {
        basket.add_line(pieces(&cereal, 1)).unwrap();
    }
    let next = basket.next_line();
    assert_eq!(next as usize, MAX_LINES);
    let two = vec![back(next, 300), back(next + 1, 300)];
    let taken = |lines: Vec<u32>| ticket(lines, 300, RefundTo::Cash, true);
    assert_eq!(basket.add_returns(two, taken(vec![next, next + 1])), Err(Refusal::TooManyLines));
    assert_eq!(basket.add_returns(vec![back(next, 300)], taken(vec![next])), Ok(()));
    assert_eq!(basket.add_returns(vec![back(next + 1, 300)], taken(vec![next + 1])), Err(Refusal::TooManyLines));
    assert_eq!(basket.exchange(next, pieces(&soap("1", 300), 1)), Err(Refusal::TooManyLines));
}

#[test]
fn only_the_same_goods_or_goods_of_the_same_price_are_an_even_exchange() {
    let mut basket = open();
    basket.add_line(pieces(&soap("9", 300), 1)).unwrap();
    basket.add_returns(vec![back(2, 300)], ticket(vec![2], 300, RefundTo::Cash, true)).unwrap();
    let same = soap("1", 350);
    for no_return in [1, 3] {
        assert_eq!(basket.exchange(no_return, pieces(&same, 1)), Err(Refusal::NoSuchLine { line: no_return }));
    }
    let uneven = Err(Refusal::NotEven { line: 2 });
    let other = soap("2", 350);
    assert_eq!(basket.exchange(2, pieces(&other, 1)), uneven, "of another price");
    assert_eq!(basket.exchange(2, pieces(&same, 2)), uneven, "twice as much");
    let keyed = |amount| Some((Minor::literal(amount), "marked".to_owned()));
    assert_eq!(basket.exchange(2, NewLine { keyed: keyed(300), ..pieces(&other, 1) }), uneven, "no price of a piece");
    let what = What::NotOnFile { sku: None, gtin: None, description: "Soap".into() };
    let unknown = NewLine { what, keyed: keyed(300), ..pieces(&other, 1) };
    basket.lines[1].goods = Goods::NotOnFile { sku: None, gtin: None };
    basket.lines[1].basis = Regular::Keyed { reason: "marked".into() };
    assert_eq!(basket.exchange(2, unknown), uneven, "nobody knows what either of them is");
    basket.lines[1] = back(2, 300);
    let same_price = soap("3", 300);
    for (number, new) in [(3, &same), (4, &same_price)] {
        let mut even = basket.clone();
        if number == 4 {
            even.exchange(2, pieces(&same, 1)).unwrap();
        }
        assert_eq!(even.exchange(2, pieces(new, 1)), Ok(number));
        let line = even.lines.last().unwrap();
        assert_eq!((line.regular, line.returned.as_ref().unwrap().way), (Minor::literal(300), Way::Exchange));
        assert_eq!(line.returned.as_ref().unwrap().tax_rounding, Minor::literal(-1), "it cancels that of the return");
        assert!(even.returns[0].lines.ends_with(&[number]));
    }
    basket.void_line(2).unwrap();
    assert_eq!(basket.exchange(2, pieces(&same, 1)), Err(Refusal::NoSuchLine { line: 2 }), "voided");
}

#[test]
fn a_return_is_voided_as_a_whole() {
    let mut basket = open();
    basket.add_line(pieces(&soap("9", 300), 1)).unwrap();
    basket.add_returns(vec![back(2, 300), back(3, 300)], ticket(vec![2, 3], 600, RefundTo::Cash, true)).unwrap();
    basket.void_line(3).unwrap();
    assert_eq!(basket.lines.iter().map(|line| line.voided).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(basket.returns, []);
    basket.void_line(1).unwrap();
    assert!(basket.lines[0].voided);
}

#[test]
fn refunds_of_several_receipts_to_one_place_are_one_step() {
    let mut basket = open();
    basket.add_line(pieces(&soap("9", 100), 1)).unwrap();
    for number in [2, 3] {
        let mut line = back(number, 300);
        line.returned.as_mut().unwrap().tax_rounding = Minor::ZERO;
        basket.add_returns(vec![line], ticket(vec![number], 300, RefundTo::Cash, true)).unwrap();
    }
    assert_eq!(basket.complete(stamp()), Err(Refusal::RefundDue { due: Minor::literal(500) }));
    basket.begin_refund().unwrap();
    assert_eq!(steps(&basket), [(RefundTo::Cash, 500, StepState::Planned)], "less what was bought");
}

#[test]
fn a_refund_and_the_tenders_before_it_are_bounded() {
    for (voided, expected) in [(MAX_TENDERS - 1, Ok(())), (MAX_TENDERS, Err(Refusal::TooManyTenders))] {
        let mut basket = open();
        basket.add_line(pieces(&soap("9", 100), 1)).unwrap();
        for number in 1..=voided {
            basket.tender(cash(1)).unwrap();
            basket.void_tender(u32::try_from(number).unwrap()).unwrap();
        }
        basket.add_returns(vec![back(2, 300)], ticket(vec![2], 300, RefundTo::Cash, true)).unwrap();
        assert_eq!(basket.begin_refund(), expected, "{voided} tenders");
    }
}

#[test]
fn a_refund_to_a_card_freezes_the_basket_until_its_outcome_is_known() {
    let mut basket = refunding(card_7(), true);
    assert_eq!(basket.clone().abandon(), Ok(vec![]), "nothing was given back yet");
    basket.reserve_refund(PaymentId(8), Minor::literal(300)).unwrap();
    assert_eq!(basket.reserved, Some(Reserved { payment: PaymentId(8), amount: Minor::literal(-300) }));
    assert_eq!(basket.abandon(), Err(Refusal::RefundBegun));
    assert_eq!(basket.skip_refund(&card_7(), "no terminal", false), Err(Refusal::PaymentUnderWay));
    let given = || Ok(card(8, -300));
    assert!(!basket.settle_refund(PaymentId(9), PaymentId(7), given()), "another payment");
    assert!(basket.reserved.is_some());
    assert!(basket.settle_refund(PaymentId(8), PaymentId(7), given()));
    assert_eq!((basket.reserved.as_ref(), steps(&basket)), (None, vec![(card_7(), 300, StepState::Done)]));
    assert!(!basket.settle_refund(PaymentId(8), PaymentId(7), given()), "once");
    assert_eq!((basket.due(), basket.abandon()), (Minor::ZERO, Err(Refusal::RefundBegun)));
    assert_eq!(basket.complete(stamp()).unwrap().tenders, [card(8, -300)]);
}

#[test]
fn a_payment_is_not_settled_as_a_refund() {
    let mut basket = cereal();
    basket.reserve(PaymentId(8), None).unwrap();
    assert!(!basket.settle_refund(PaymentId(8), PaymentId(7), Ok(card(8, 369))));
    assert!(basket.reserved.is_some());
}

#[test]
fn store_credit_takes_the_place_of_a_card_that_refuses() {
    let mut basket = refunding(card_7(), true);
    basket.reserve_refund(PaymentId(8), Minor::literal(300)).unwrap();
    assert!(basket.settle_refund(PaymentId(8), PaymentId(7), Err("declined".into())));
    let failed = StepState::Failed { why: "declined".into() };
    assert_eq!(steps(&basket), [(card_7(), 300, failed), (RefundTo::StoreCredit, 300, StepState::Planned)]);
    assert_eq!(basket.reserved, None);
}

#[test]
fn a_skipped_step_is_cash_only_where_the_decision_allows_it() {
    for (allowed, to_cash, expected) in [
        (true, true, RefundTo::Cash),
        (true, false, RefundTo::StoreCredit),
        (false, true, RefundTo::StoreCredit),
        (false, false, RefundTo::StoreCredit),
    ] {
        let mut basket = refunding(card_7(), allowed);
        let other = RefundTo::Card { payment: PaymentId(1) };
        assert_eq!(basket.skip_refund(&other, "no terminal", to_cash), Err(Refusal::NoRefundDue));
        basket.skip_refund(&card_7(), "no terminal", to_cash).unwrap();
        assert_eq!(basket.next_refund().map(|step| &step.refund), Some(&expected), "{allowed} {to_cash}");
    }
}

/// The lines of an order come first, and are as they were picked.
#[test]
fn the_lines_of_an_order_are_not_changed() {
    let (mut basket, cereal) = (open(), item(369, Unit::Each));
    for _ in 0..3 {
        basket.add_line(pieces(&cereal, 1)).unwrap();
    }
    let order: OrderId = "web-1".parse().unwrap();
    basket.order = Some(CollectedOrder { order: order.clone(), part: 1, lines: 2, stock: vec![] });
    for line in [1, 2] {
        assert_eq!(basket.discount(line, off(1)), Err(Refusal::LineOfOrder { line, order: order.clone() }));
    }
    assert_eq!(basket.discount(3, off(1)), Ok(()));
}

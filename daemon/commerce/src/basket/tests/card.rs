use super::*;

#[test]
fn while_a_card_payment_runs_nothing_else_can_change_the_basket() {
    let (mut basket, cereal) = (open(), item(369, Unit::Each));
    basket.add_line(pieces(&cereal, 1)).unwrap();
    assert_eq!(
        basket.reserve(PaymentId(1), Some(Minor::literal(370))).unwrap_err(),
        Refusal::ExceedsDue { amount: Minor::literal(370), due: Minor::literal(369) }
    );
    assert_eq!(basket.reserve(PaymentId(1), None), Ok(Minor::literal(369)));
    assert_eq!(basket.add_line(pieces(&cereal, 1)), Err(Refusal::PaymentUnderWay));
    assert_eq!(basket.tender(cash(1)), Err(Refusal::PaymentUnderWay));
    assert_eq!(basket.complete(stamp()), Err(Refusal::PaymentUnderWay));
    assert_eq!(basket.reserve(PaymentId(2), None), Err(Refusal::PaymentUnderWay));
    let card = card(1, 369);
    basket.settle(PaymentId(9), Some(card.clone()));
    assert!(basket.reserved.is_some());
    basket.settle(PaymentId(1), Some(card));
    assert!(basket.complete(stamp()).is_ok());
}

#[test]
fn a_card_tender_cannot_be_voided() {
    let mut basket = cereal();
    basket.reserve(PaymentId(7), Some(Minor::literal(69))).unwrap();
    assert_eq!(basket.void_tender(1).unwrap_err(), Refusal::PaymentUnderWay);
    basket.settle(PaymentId(7), Some(card(7, 69)));
    assert_eq!(basket.void_tender(1).unwrap_err(), Refusal::TenderIsCard { tender: 1, payment: PaymentId(7) });
    assert_eq!(basket.due(), Minor::literal(300));
}

#[test]
fn an_abandoned_basket_names_the_card_payments_to_reverse() {
    let mut basket = cereal();
    basket.reserve(PaymentId(7), Some(Minor::literal(69))).unwrap();
    basket.settle(PaymentId(7), Some(card(7, 69)));
    assert_eq!(
        (basket.card_tender(1), basket.card_tender(2)),
        (Ok(Some(PaymentId(7))), Err(Refusal::NoSuchTender { tender: 2 }))
    );
    basket.tender(coupon(100, None)).unwrap();
    assert_eq!((basket.abandon(), basket.card_tender(2)), (Err(Refusal::PartlyPaid), Ok(None)));
    basket.void_tender(2).unwrap();
    basket.reserve(PaymentId(8), None).unwrap();
    assert_eq!(basket.abandon(), Ok(vec![PaymentId(8), PaymentId(7)]));
    assert_eq!((basket.live_tenders().count(), &basket.reserved), (0, &None));
    basket.settle(PaymentId(8), Some(card(8, 300)));
    assert_eq!((basket.live_tenders().count(), basket.abandon()), (0, Err(Refusal::NotOpen)));
}

#[test]
fn a_card_payment_in_doubt_freezes_its_amount_again() {
    let mut basket = cereal();
    basket.reserve(PaymentId(7), None).unwrap();
    basket.settle(PaymentId(7), Some(card(7, 369)));
    assert!(!basket.doubt(PaymentId(8)));
    assert!(basket.doubt(PaymentId(7)));
    assert_eq!((basket.due(), basket.complete(stamp())), (Minor::literal(369), Err(Refusal::PaymentUnderWay)));
    basket.settle(PaymentId(7), Some(card(7, 369)));
    assert!(basket.complete(stamp()).is_ok());
    assert!(!basket.doubt(PaymentId(7)), "it is a sale");
}

#[test]
fn a_card_payment_needs_room_for_its_tender() {
    let mut basket = cereal();
    for _ in 1..MAX_TENDERS {
        basket.tender(cash(1)).unwrap();
    }
    assert_eq!(basket.reserve(PaymentId(1), None), Ok(Minor::literal(330)));
    basket.settle(PaymentId(1), None);
    basket.tender(cash(1)).unwrap();
    assert_eq!(basket.reserve(PaymentId(1), None), Err(Refusal::TooManyTenders));
}

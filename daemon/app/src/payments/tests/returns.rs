//! Goods that come back, and the refund of their basket.

use commerce::{
    BasketId, Minor, PaymentId, Quantity, SaleId, Tender,
    gift_card::CardKind,
    payment::Event,
    returns::{Disposition, Policies, Reason, RefundTo, StepState, Validated},
    stock::State,
};
use serde_json::Value;
use store::{Depth, Store};

use crate::{
    Refusal,
    payments::{
        Intent, RefundRequest, Refunding, VoidSale, apply, next_card, read, refund_step, start_whole_sale, void_sale,
    },
    returns::{Elsewhere, ReturnLine, ReturnRequest, Returning},
    selling::{self, OpenBasket, SaleContext},
    stock::{Home, put_home},
    testing::{self, BAGS, CATALOG, CEREAL, basket, faults, register},
};

fn context() -> SaleContext {
    testing::sale_context(1, 2)
}

fn open() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let currency = commerce::Currency::from_code("USD").unwrap();
    let home = Home { hub: testing::hub("store-1"), epoch: 1, currency, orders: commerce::order::Policy::default() };
    store
        .commit_blocking(move |transaction| {
            put_home(transaction, &home)?;
            testing::goods(transaction, 9_000, 1)
        })
        .unwrap();
    (directory, store)
}

/// Sells three pieces at 3.69 by card.
fn sold(store: &Store) -> (PaymentId, SaleId) {
    let ended = store.commit_blocking(|transaction| {
        let intent = Intent { terminal: "terminal-1".into(), amount: None, before: Value::Null };
        let id = start_whole_sale(transaction, &register(1), basket(0, 3), intent)?.id;
        apply(transaction, id, &Event::Send, None, &context())?;
        apply(transaction, id, &Event::Approve { offline: false }, None, &context())
    });
    let ended = ended.unwrap();
    (ended.payment.id, ended.sale.unwrap().id)
}

fn bring(pieces: u32, disposition: Disposition) -> ReturnRequest {
    let line = ReturnLine {
        line: 1,
        quantity: Some(Quantity::pieces(pieces).unwrap()),
        reason: Reason::Unwanted,
        disposition: Some(disposition),
        serial: None,
    };
    ReturnRequest { lines: vec![line], identities: vec!["me".into()], card: None, keyed: false, override_reason: None }
}

/// Opens a basket that takes pieces back.
fn take_back(store: &Store, sale: SaleId, pieces: u32, disposition: Disposition) -> Result<BasketId, Refusal> {
    let usd = commerce::Currency::from_code("USD").unwrap();
    let opened = store
        .commit_blocking(move |transaction| selling::open(transaction, &register(2), usd, None, OpenBasket::default()));
    take_back_in(store, opened?.id, sale, pieces, disposition)
}

/// Takes pieces back in a basket.
fn take_back_in(
    store: &Store,
    id: BasketId,
    sale: SaleId,
    pieces: u32,
    disposition: Disposition,
) -> Result<BasketId, Refusal> {
    let sale = selling::find_sale(store, sale).unwrap();
    store.commit_blocking(move |transaction| {
        let (policies, elsewhere) = (Policies::default(), Elsewhere::default());
        let context = Returning {
            policies: &policies,
            catalog: &CATALOG,
            today: context().business_day,
            validated: Validated::Local,
            elsewhere: &elsewhere,
            pricing: None,
            store: None,
        };
        selling::take_back(transaction, &register(2), id, &sale, context, &bring(pieces, disposition))?;
        Ok(id)
    })
}

/// The next step of a refund, as a register sends it.
fn step(store: &Store, id: BasketId) -> Result<Refunding, Refusal> {
    step_with(store, id, RefundRequest::default())
}

fn step_with(store: &Store, id: BasketId, request: RefundRequest) -> Result<Refunding, Refusal> {
    let original = next_card(store, id)?;
    store.commit_blocking(move |transaction| {
        refund_step(
            transaction,
            &register(3),
            id,
            &request,
            original.as_ref(),
            Ok(Value::Null),
            (testing::new_card(), false),
        )
    })
}

fn happen(store: &Store, id: PaymentId, event: Event) {
    store.commit_blocking(move |transaction| apply(transaction, id, &event, None, &context())).unwrap();
}

fn complete(store: &Store, id: BasketId) -> Result<SaleId, Refusal> {
    let done =
        store.commit_blocking(move |transaction| selling::complete_basket(transaction, &register(4), id, &context()));
    done.map(|done| done.sale)
}

#[test]
fn a_card_is_given_up_although_another_one_is_next() {
    let (_directory, store) = open();
    let [(first, one), (second, two)] = [sold(&store), sold(&store)];
    let id = take_back(&store, one, 1, Disposition::Sellable).unwrap();
    take_back_in(&store, id, two, 1, Disposition::Sellable).unwrap();
    assert_eq!(next_card(&store, id).unwrap().unwrap().id, first);
    let skip = RefundRequest { skip_card: Some("the card is closed".into()), ..RefundRequest::default() };
    assert_eq!(step_with(&store, id, skip).unwrap(), Refunding::Given { store_credit: None });
    assert_eq!(next_card(&store, id).unwrap().unwrap().id, second);
    assert!(matches!(step(&store, id).unwrap(), Refunding::Card(_)));
}

#[test]
fn every_step_of_a_refund_happens_once_whenever_the_power_fails() {
    let (directory, mut store) = open();
    let (payment, sale) = sold(&store);
    let id = take_back(&store, sale, 2, Disposition::Quarantine).unwrap();
    // After each commit the hub starts again and does what the records say, as register and follower do.
    let mut refunds = 0;
    loop {
        drop(store);
        store = testing::store(directory.path());
        let basket = selling::basket(&store, id).unwrap().unwrap();
        if let Some(reserved) = &basket.reserved {
            let refund = read(&store, reserved.payment).unwrap();
            // Nothing else may begin meanwhile.
            assert!(step(&store, id).is_err() && complete(&store, id).is_err());
            let event = match refund.state {
                commerce::PaymentState::Created => Event::Send,
                _ => Event::Approve { offline: false },
            };
            happen(&store, refund.id, event);
        } else if basket.due().is_negative() {
            refunds += u32::from(matches!(step(&store, id).unwrap(), Refunding::Card(_)));
        } else {
            break;
        }
    }
    assert_eq!((refunds, read(&store, payment).unwrap().refunded), (1, Minor::literal(738)));
    let back = complete(&store, id).unwrap();
    assert_eq!(complete(&store, id).unwrap_err().kind.slug, "basket-not-open");
    let back = selling::find_sale(&store, back).unwrap();
    assert_eq!((back.totals.net, back.totals.tendered), (Minor::literal(-738), Minor::literal(-738)));
    assert!(matches!(back.tenders[..], [Tender::Card { amount, .. }] if amount == Minor::literal(-738)));
    // Opened goods are held back: nothing more is on hand.
    let position = testing::position(&store, CEREAL);
    assert_eq!((position.of(State::OnHand), position.of(State::Quarantined)), (6_000, 2_000));
    // One piece is left, whoever asks, and the sale can't be voided any more.
    assert_eq!(take_back(&store, sale, 2, Disposition::Sellable).unwrap_err().kind.slug, "not-returnable");
    let request = VoidSale { reason: "late".into() };
    let void =
        store.commit_blocking(move |transaction| void_sale(transaction, &register(5), sale, request, &context()));
    assert!(void.unwrap_err().detail.contains("goods of it came back already"));
    assert_eq!(faults(&store, Depth::Whole), [""; 0]);
}

#[test]
fn a_card_that_declines_is_replaced_by_store_credit() {
    let (_directory, store) = open();
    let (payment, sale) = sold(&store);
    let id = take_back(&store, sale, 1, Disposition::Sellable).unwrap();
    let Refunding::Card(refund) = step(&store, id).unwrap() else { panic!("a card paid") };
    happen(&store, refund, Event::Send);
    happen(&store, refund, Event::Decline { code: "05".into(), why: "card closed".into() });
    assert_eq!(step(&store, id).unwrap(), Refunding::Given { store_credit: Some(testing::new_card()) });
    let basket = selling::basket(&store, id).unwrap().unwrap();
    let told: Vec<_> = basket.refund.iter().map(|step| (step.refund.clone(), step.status.clone())).collect();
    let failed = StepState::Failed { why: "card closed".into() };
    assert_eq!(told, [(RefundTo::Card { payment }, failed), (RefundTo::StoreCredit, StepState::Done)]);
    let back = selling::find_sale(&store, complete(&store, id).unwrap()).unwrap();
    let (kind, card) = (CardKind::StoreCredit, testing::new_card().masked());
    let credit = Tender::GiftCard { amount: Minor::literal(-369), kind, card, movement: 1 };
    assert_eq!(back.tenders, [credit]);
    // The amount can still be given back to the card by another return.
    assert_eq!(read(&store, payment).unwrap().refunded, Minor::ZERO);
    assert_eq!(testing::position(&store, CEREAL).on_hand, 7_000);
}

#[test]
fn goods_in_a_basket_come_back_once_and_are_released_with_it() {
    let (_directory, store) = open();
    let (_, sale) = sold(&store);
    let first = take_back(&store, sale, 2, Disposition::Sellable).unwrap();
    assert_eq!(take_back(&store, sale, 2, Disposition::Sellable).unwrap_err().kind.slug, "not-returnable");
    store.commit_blocking(move |transaction| selling::void_line(transaction, &register(3), first, None, 1)).unwrap();
    let second = take_back(&store, sale, 3, Disposition::Sellable).unwrap();
    assert_eq!(take_back(&store, sale, 1, Disposition::Sellable).unwrap_err().kind.slug, "not-returnable");
    store.commit_blocking(move |transaction| crate::payments::abandon(transaction, &register(3), second)).unwrap();
    let third = take_back(&store, sale, 3, Disposition::Damaged).unwrap();
    // Once a step is done, the basket is completed, not abandoned.
    let Refunding::Card(refund) = step(&store, third).unwrap() else { panic!("a card paid") };
    for event in [Event::Send, Event::Approve { offline: false }] {
        happen(&store, refund, event);
    }
    let abandoned =
        store.commit_blocking(move |transaction| crate::payments::abandon(transaction, &register(3), third));
    assert_eq!(abandoned.unwrap_err().kind.slug, "refund-begun");
    complete(&store, third).unwrap();
    assert_eq!(testing::position(&store, CEREAL).of(State::Damaged), 3_000);
}

#[test]
fn an_exchange_is_one_sale_whose_goods_move_both_ways() {
    let (_directory, store) = open();
    let (_, sale) = sold(&store);
    let id = take_back(&store, sale, 1, Disposition::Sellable).unwrap();
    let done = store.commit_blocking(move |transaction| {
        let request = serde_json::from_value(serde_json::json!({ "sku": BAGS })).unwrap();
        let line: selling::LineRequest = request;
        selling::add_line(transaction, &register(3), id, None, line.find(&CATALOG)?)?;
        selling::complete_basket(transaction, &register(4), id, &context())
    });
    let done = selling::find_sale(&store, done.unwrap().sale).unwrap();
    assert_eq!((done.totals.owed(), done.tenders.len(), done.lines.len()), (Minor::ZERO, 0, 2));
    assert_eq!(testing::position(&store, CEREAL).on_hand, 7_000);
    assert_eq!(testing::position(&store, BAGS).on_hand, -1_000);
    // The goods that it sold were paid by the card of the first sale, so they are worth no cash.
    let second = take_line(&store, done.id, 2);
    let Refunding::Card(_) = step(&store, second).unwrap() else { panic!("the card of the first sale") };
    assert_eq!(faults(&store, Depth::Whole), [""; 0]);
}

fn take_line(store: &Store, sale: SaleId, line: u32) -> BasketId {
    let sale = selling::find_sale(store, sale).unwrap();
    let taken = store.commit_blocking(move |transaction| {
        let usd = commerce::Currency::from_code("USD").unwrap();
        let id = selling::open(transaction, &register(5), usd, None, OpenBasket::default())?.id;
        let (policies, elsewhere) = (Policies::default(), Elsewhere::default());
        let context = Returning {
            policies: &policies,
            catalog: &CATALOG,
            today: context().business_day,
            validated: Validated::Local,
            elsewhere: &elsewhere,
            pricing: None,
            store: None,
        };
        let mut request = bring(1, Disposition::Sellable);
        request.lines[0].line = line;
        selling::take_back(transaction, &register(5), id, &sale, context, &request)?;
        Ok::<_, Refusal>(id)
    });
    taken.unwrap()
}

#[test]
fn a_sale_is_found_by_its_card_its_order_and_its_customer_until_it_is_void() {
    use commerce::{customer::CustomerId, returns::SoughtBy};

    let (_directory, store) = open();
    let customer = CustomerId::from_random([1; 16]);
    let ended = store.commit_blocking({
        let customer = customer.clone();
        move |transaction| {
            let intent = Intent { terminal: "terminal-1".into(), amount: None, before: Value::Null };
            let mut sold = basket(0, 1);
            (sold.customer, sold.reference) = (Some(customer.as_str().to_owned()), Some("web-1".into()));
            let id = start_whole_sale(transaction, &register(1), sold, intent)?.id;
            let slip = crate::payments::Approval { identity: Some("hash".into()), ..Default::default() };
            apply(transaction, id, &Event::Send, None, &context())?;
            apply(transaction, id, &Event::Approve { offline: false }, Some(&slip), &context())
        }
    });
    let sale = ended.unwrap().sale.unwrap();
    let own = testing::hub("store-1");
    let found = |sought: SoughtBy| -> Vec<String> {
        let found = selling::find(&store, &own, &sought, 20).unwrap();
        found.into_iter().map(|found| format!("{}/{}", found.store, found.sale)).collect()
    };
    let here = [format!("store-1/{}", sale.id)];
    assert_eq!(found(SoughtBy::Card("hash".into())), here);
    assert_eq!(found(SoughtBy::Card("hash2".into())), [""; 0]);
    assert_eq!(found(SoughtBy::Order("web-1".into())), [""; 0], "a basket's reference is not an order number");
    // Of another store, HQ told one before.
    let other = sale.clone();
    store.commit_blocking(move |transaction| crate::returns::keep_other(transaction, "store-2", other, 1)).unwrap();
    let there = format!("store-2/{}", sale.id);
    assert_eq!(found(SoughtBy::Order("web-1".into())), std::slice::from_ref(&there));
    let void = store.commit_blocking(move |transaction| {
        let request = VoidSale { reason: "wrong customer".into() };
        void_sale(transaction, &register(2), sale.id, request, &context())
    });
    void.unwrap();
    assert_eq!(found(SoughtBy::Card("hash".into())), [there], "nothing of a void sale comes back");
}

//! Cards that are sold, pay, and get their money back.

use commerce::{
    BasketId, Currency, Minor, Tender,
    gift_card::MovementKind::{self, GiveBack, Load, Redeem},
};
use contract::{
    DownBatch, Epoch, Sequence, Stream,
    gift_card::{GiftCardAnswer, MOVED, RECALLED},
    operator::PinHash,
};
use serde_json::json;
use store::{Depth, Store};

use super::*;
use crate::{
    By, Refusal,
    hq::receive,
    payments::{VoidSale, void_sale},
    selling::{self, OpenBasket, TenderRequest},
    stock::{Home, put_home},
    testing::{self, by, faults, hub, register, sale_context},
};

fn usd() -> Currency {
    Currency::from_code("USD").unwrap()
}

fn number() -> commerce::gift_card::CardNumber {
    commerce::gift_card::CardNumber::from_random([9; 16])
}

fn open() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let home = Home { hub: hub("store-1"), epoch: 1, currency: usd(), orders: commerce::order::Policy::default() };
    store.commit_blocking(move |transaction| put_home(transaction, &home)).unwrap();
    (directory, store)
}

/// Sells a card of an amount for cash; returns the sale.
fn sell_card(store: &Store, amount: i64) -> commerce::SaleId {
    let sold = store.commit_blocking(move |transaction| {
        let till = register(2);
        let basket = selling::open(transaction, &till, usd(), None, OpenBasket::default())?.id;
        selling::add_gift_card(transaction, &till, basket, None, number(), Minor::literal(amount))?;
        selling::tender(transaction, &till, basket, TenderRequest::Cash { amount: Minor::literal(amount) })?;
        selling::complete_basket(transaction, &till, basket, &sale_context(1, 2))
    });
    sold.unwrap().sale
}

/// A basket in which a card pays an amount.
fn pay(store: &Store, amount: i64, price: i64) -> Result<BasketId, Refusal> {
    store.commit_blocking(move |transaction| {
        let till = register(3);
        let basket = selling::open(transaction, &till, usd(), None, OpenBasket::default())?.id;
        // Another card is what the basket sells: any line with an amount does.
        let other = commerce::gift_card::CardNumber::from_random([1; 16]);
        selling::add_gift_card(transaction, &till, basket, None, other, Minor::literal(price))?;
        let shown = present(transaction, &till, &number(), "a reference of a card".into(), None)?;
        let tender = TenderRequest::GiftCard { amount: Minor::literal(amount), presented: shown.presented };
        selling::tender(transaction, &till, basket, tender)?;
        Ok(basket)
    })
}

fn held(store: &Store) -> i64 {
    card(store, &number()).unwrap().unwrap().held.available().get()
}

/// What HQ gets.
fn movements(store: &Store) -> Vec<(MovementKind, i64)> {
    let outbox = store.outbox(Stream::customers().as_str(), 1, 100).unwrap();
    let told = outbox.iter().map(|entry| {
        let body = movements::body(store, entry).unwrap();
        let moved: contract::gift_card::GiftCardMoved = serde_json::from_str(body.get()).unwrap();
        (moved.movement, moved.amount.get())
    });
    told.collect()
}

#[test]
fn a_card_is_loaded_when_it_is_paid_and_pays_once() {
    let (_directory, store) = open();
    assert_eq!(pay(&store, 100, 100).unwrap_err().kind, &CARD_UNKNOWN);
    sell_card(&store, 5_000);
    assert_eq!(held(&store), 5_000);
    let too_much = pay(&store, 5_001, 9_000).unwrap_err();
    assert_eq!((too_much.kind, too_much.members), (&NOT_HELD, vec![("available", 5_000.into())]));
    assert_eq!(pay(&store, 100, 99).unwrap_err().kind.slug, "exceeds-due", "no change on cards");
    let basket = pay(&store, 2_000, 2_000).unwrap();
    assert_eq!(held(&store), 3_000);
    let voided = store.commit_blocking(move |transaction| selling::void_tender(transaction, &register(4), basket, 1));
    assert!(matches!(voided.unwrap().tender.unwrap().tender, Tender::GiftCard { .. }));
    assert_eq!(held(&store), 5_000);
    assert_eq!(movements(&store), [(Load, 5_000), (Redeem, 2_000), (GiveBack, 2_000)]);
    assert_eq!(faults(&store, Depth::Whole), [""; 0]);
}

#[test]
fn a_voided_sale_unloads_its_card_and_gives_back_what_a_card_paid() {
    let (_directory, store) = open();
    let loaded = sell_card(&store, 5_000);
    let basket = pay(&store, 1_500, 1_500).unwrap();
    let complete = move |transaction: &mut store::Transaction<'_>| {
        selling::complete_basket(transaction, &register(4), basket, &sale_context(1, 4))
    };
    let paid = store.commit_blocking(complete).unwrap().sale;
    let void = |sale| {
        let request = VoidSale { reason: "mistake".into() };
        store.commit_blocking(move |transaction| void_sale(transaction, &by(5), sale, request, &sale_context(1, 5)))
    };
    assert_eq!(void(loaded).unwrap_err().kind, &NOT_HELD, "a part of it was redeemed");
    assert_eq!(void(paid).unwrap().cash, Minor::ZERO);
    assert_eq!(held(&store), 5_000);
    assert_eq!(void(loaded).unwrap().cash, Minor::literal(5_000));
    assert_eq!(held(&store), 0);
    assert_eq!(faults(&store, Depth::Whole), [""; 0]);
}

#[test]
fn what_hq_calls_back_can_not_be_redeemed_and_what_it_grants_can() {
    let (_directory, store) = open();
    sell_card(&store, 800);
    let body = serde_json::value::to_raw_value(&json!({ "card": number() })).unwrap();
    let item = contract::DownItem { sequence: Sequence(1), kind: RECALLED.name().into(), body };
    let batch = DownBatch { hub: hub("store-1"), stream: Stream::customers(), queue: Epoch(1), items: vec![item] };
    let received = store.commit_blocking(move |transaction| receive(transaction, 5, &batch)).unwrap();
    assert_eq!((received.refused.len(), held(&store)), (0, 0));
    assert_eq!(pay(&store, 1, 1).unwrap_err().kind, &NOT_HELD);
    let answer = |granted, blocked: Option<&str>| GiftCardAnswer {
        kind: commerce::gift_card::CardKind::GiftCard,
        currency: usd(),
        pin: None,
        blocked: blocked.map(str::to_owned),
        balance: 800,
        granted,
        elsewhere: 0,
    };
    for granted in [300, 300, 200] {
        let answer = answer(granted, None);
        store.commit_blocking(move |transaction| note_answer(transaction, &number(), answer)).unwrap();
        assert_eq!(held(&store), 300, "a late answer takes nothing back");
    }
    pay(&store, 300, 300).unwrap();
    let blocked = answer(500, Some("stolen"));
    store.commit_blocking(move |transaction| note_answer(transaction, &number(), blocked)).unwrap();
    assert_eq!(pay(&store, 1, 1).unwrap_err().kind, &CARD_BLOCKED);
    assert_eq!(movements(&store)[1], (MovementKind::Return, 800));
}

#[test]
fn a_pin_is_needed_and_wrong_ones_lock_the_card() {
    let (_directory, store) = open();
    let pin = Some(PinHash::of_card(&number(), "2468").unwrap());
    let answer = GiftCardAnswer {
        kind: commerce::gift_card::CardKind::GiftCard,
        currency: usd(),
        pin,
        blocked: None,
        balance: 0,
        granted: 0,
        elsewhere: 0,
    };
    store.commit_blocking(move |transaction| note_answer(transaction, &number(), answer)).unwrap();
    let known = card(&store, &number()).unwrap().unwrap();
    let is_right = |pin, at_ms| has_right_pin(&store, &number(), &known, pin, at_ms);
    assert_eq!(
        (is_right(Some("2468"), 1), is_right(None, 1), is_right(Some("1"), 1)),
        (Ok(true), Ok(false), Ok(false))
    );
    for _ in 0..WRONG_PINS {
        store.commit_blocking(|transaction| note_pin(transaction, &number(), false, 1)).unwrap();
    }
    assert_eq!(is_right(Some("2468"), 2).unwrap_err().kind, &CARD_LOCKED);
    assert_eq!(is_right(Some("2468"), 16 * 60_000), Ok(true));
}

#[test]
fn a_card_is_redeemed_at_the_register_that_it_was_presented_at() {
    let (_directory, store) = open();
    sell_card(&store, 800);
    let reference = "a reference of a card";
    let shown = move |transaction: &mut store::Transaction<'_>| {
        present(transaction, &register(3), &number(), reference.into(), Some(800))
    };
    let shown = store.commit_blocking(shown).unwrap();
    assert_eq!((shown.available.get(), shown.balance, shown.as_of_ms), (800, Some(800), Some(3)));
    let other = By { actor: commerce::Actor::register("till-2".parse().unwrap()), at_ms: 4 };
    let late = By { at_ms: 11 * 60_000, ..register(3) };
    for by in [other, late] {
        let redeemed = store.commit_blocking(move |transaction| {
            redeem(transaction, &by, reference, (Minor::literal(1), usd()), "1").map(drop)
        });
        assert_eq!(redeemed.unwrap_err().kind, &NOT_PRESENTED);
    }
    assert!(MOVED.name().starts_with("giftcard"));
}

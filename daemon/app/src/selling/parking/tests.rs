use commerce::{Actor, Minor};
use serde_json::json;
use store::Depth;

use super::{
    super::{LineRequest, OpenBasket, TenderRequest, abandon, add_line, basket, open, tender},
    *,
};
use crate::testing::{self, CATALOG, CEREAL, read_back, register};

fn till_2() -> By {
    By { actor: Actor::register("till-2".parse().unwrap()), at_ms: 9 }
}

/// A basket of till 1 with one line.
fn with_line(store: &Store) -> BasketId {
    let currency = commerce::Currency::from_code("USD").unwrap();
    let line: LineRequest = serde_json::from_value(json!({ "sku": CEREAL })).unwrap();
    let line = line.find(&CATALOG).unwrap();
    let filled = store.commit_blocking(move |transaction| {
        let id = open(transaction, &register(1), currency, None, OpenBasket::default())?.id;
        add_line(transaction, &register(2), id, None, line)?;
        Ok::<_, Refusal>(id)
    });
    filled.unwrap()
}

fn parks(store: &Store, id: BasketId) -> Result<ParkedBasket, Refusal> {
    let request = ParkRequest { note: Some("red coat".into()) };
    store.commit_blocking(move |transaction| park(transaction, &register(3), id, request))
}

fn pays(store: &Store, by: By, id: BasketId) -> Result<Minor, Refusal> {
    let cash = TenderRequest::Cash { amount: Minor::literal(100) };
    store.commit_blocking(move |transaction| tender(transaction, &by, id, cash)).map(|status| status.due)
}

#[test]
fn a_parked_basket_is_recalled_once_by_any_register() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let id = with_line(&store);
    assert_eq!(parks(&store, id).unwrap().due, Minor::literal(369));
    assert_eq!(parked(&store).unwrap()[0].note.as_deref(), Some("red coat"));

    store.commit_blocking(move |transaction| recall(transaction, &till_2(), id)).unwrap();
    assert_eq!(basket(&store, id).unwrap().unwrap().register.as_str(), "till-2");
    assert_eq!(parked(&store).unwrap(), []);
    let again = store.commit_blocking(move |transaction| recall(transaction, &register(4), id)).unwrap_err();
    assert_eq!(again.kind, &BASKET_NOT_PARKED);
    // It is till 2's alone.
    assert_eq!(pays(&store, register(5), id).unwrap_err().kind.slug, "basket-unknown");
    assert_eq!(pays(&store, till_2(), id).unwrap(), Minor::literal(269));
    assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
}

#[test]
fn what_is_paid_is_neither_parked_nor_recalled() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let (paid, parked_first) = (with_line(&store), with_line(&store));
    pays(&store, register(4), paid).unwrap();
    assert_eq!(parks(&store, paid).unwrap_err().kind, &BASKET_PARTLY_PAID);
    parks(&store, parked_first).unwrap();
    pays(&store, register(5), parked_first).unwrap();
    let recalled = store.commit_blocking(move |transaction| recall(transaction, &till_2(), parked_first));
    assert_eq!(recalled.unwrap_err().kind, &BASKET_PARTLY_PAID);
}

#[test]
fn a_parked_basket_that_ends_is_no_longer_listed() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let id = with_line(&store);
    parks(&store, id).unwrap();
    store.commit_blocking(move |transaction| abandon(transaction, &register(6), id)).unwrap();
    assert_eq!(parked(&store).unwrap(), []);
}

#[test]
fn a_parked_basket_round_trips() {
    let _: ParkedBasket = read_back(include_str!("../../fixtures/parked_basket.json"));
}

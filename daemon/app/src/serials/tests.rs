//! Units from their first sale to their return.

use commerce::{
    BasketId,
    returns::{Disposition, Policies, Reason, Validated},
};
use serde_json::json;
use store::{Depth, Store};

use super::*;
use crate::{
    returns::{Elsewhere, ReturnLine, ReturnRequest, Returning},
    selling::{self, LineRequest, OpenBasket, TenderRequest},
    testing::{self, CATALOG, CEREAL, by, faults, register, sku},
};

fn open() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    store
        .commit_blocking(|transaction| {
            testing::goods(transaction, 9_000, 1)?;
            set(transaction, &by(1), &sku(CEREAL), SerialRequest { required: true, warranty_months: 24 })
        })
        .unwrap();
    (directory, store)
}

fn basket(store: &Store) -> BasketId {
    let opened = store.commit_blocking(|transaction| {
        let usd = commerce::Currency::from_code("USD").unwrap();
        selling::open(transaction, &register(2), usd, None, OpenBasket::default())
    });
    opened.unwrap().id
}

fn add(store: &Store, id: BasketId, serial: Option<&str>) -> Result<(), Refusal> {
    let mut line = json!({ "sku": CEREAL });
    if let Some(serial) = serial {
        line["serial"] = json!(serial);
    }
    let mut line: LineRequest = serde_json::from_value(line).unwrap();
    line.particulars.serial.clone_from(&line.serial);
    let added = store.commit_blocking(move |transaction| {
        selling::add_line(transaction, &register(2), id, None, line.find(&CATALOG)?)
    });
    added.map(drop)
}

fn pay(store: &Store, id: BasketId) -> Result<Sale, Refusal> {
    let context = testing::sale_context(1, 2);
    let done = store.commit_blocking(move |transaction| {
        let due = selling::basket_of_payment(transaction, id)?.unwrap().due();
        if due.is_positive() {
            selling::tender(transaction, &register(3), id, TenderRequest::Cash { amount: due })?;
        } else if due.is_negative() {
            let request = crate::payments::RefundRequest::default();
            let before = Ok(serde_json::Value::Null);
            crate::payments::refund_step(
                transaction,
                &register(3),
                id,
                &request,
                None,
                before,
                (testing::new_card(), false),
            )?;
        }
        selling::complete_basket(transaction, &register(3), id, &context)
    });
    Ok(selling::find_sale(store, done?.sale).unwrap())
}

fn sell(store: &Store, serial: &str) -> Result<Sale, Refusal> {
    let id = basket(store);
    add(store, id, Some(serial))?;
    pay(store, id)
}

fn take_back(store: &Store, sale: &Sale, serial: Option<&str>, why: Option<&str>) -> Result<Sale, Refusal> {
    let (id, sale) = (basket(store), sale.clone());
    let (serial, override_reason) = (serial.map(|serial| serial.parse().unwrap()), why.map(str::to_owned));
    store.commit_blocking(move |transaction| {
        let (policies, elsewhere) = (Policies::default(), Elsewhere::default());
        let context = Returning {
            policies: &policies,
            catalog: &CATALOG,
            today: sale.business_day,
            validated: Validated::Local,
            elsewhere: &elsewhere,
            pricing: None,
            store: None,
        };
        let (reason, disposition) = (Reason::Defective, Some(Disposition::Sellable));
        let lines = vec![ReturnLine { line: 1, quantity: None, reason, disposition, serial }];
        let request = ReturnRequest { lines, identities: vec![], card: None, keyed: false, override_reason };
        selling::take_back(transaction, &register(4), id, &sale, context, &request)
    })?;
    pay(store, id)
}

fn state(store: &Store, serial: &str) -> Unit {
    unit(store, &sku(CEREAL), &serial.parse().unwrap()).unwrap()
}

#[test]
fn a_unit_is_sold_once_comes_back_to_its_own_sale_and_is_sold_again() {
    let (_directory, store) = open();
    let id = basket(&store);
    assert_eq!(add(&store, id, None).unwrap_err().kind, &SERIAL_NEEDED);
    add(&store, id, Some("A1")).unwrap();
    assert_eq!(add(&store, id, Some("A1")).unwrap_err().kind, &SERIAL_REFUSED, "twice in a basket");
    let sale = pay(&store, id).unwrap();
    let sold = state(&store, "A1");
    assert_eq!(sold.unit, State::Sold { sale: sale.id, line: 1 });
    assert_eq!(sold.warranty.unwrap().ends.to_string(), "2028-11-24");
    let again = sell(&store, "A1").unwrap_err();
    assert!(again.detail.contains("was sold with sale 1-1 and has not come back"), "{again}");
    // Another unit on this line is refused, unless somebody overrides it.
    for serial in [Some("A2"), None] {
        let refused = take_back(&store, &sale, serial, None).unwrap_err();
        assert_eq!(refused.kind, &crate::returns::RETURN_REFUSED);
        assert_eq!(refused.members.iter().find(|(name, _)| *name == "rules").unwrap().1, json!(["serial"]));
    }
    let back = take_back(&store, &sale, Some("A1"), None).unwrap();
    assert_eq!(back.lines[0].particulars.serial.as_deref(), Some("A1"));
    let unit = state(&store, "A1");
    assert_eq!((unit.unit, unit.warranty), (State::Back { disposition: Disposition::Sellable }, None));
    let sale = sell(&store, "A1").unwrap();
    take_back(&store, &sale, Some("A9"), Some("label was exchanged")).unwrap();
    assert!(matches!(state(&store, "A9").unit, State::Back { .. }));
    assert_eq!(faults(&store, Depth::Whole), [""; 0]);
}

#[test]
fn two_baskets_with_one_unit_sell_it_once() {
    let (_directory, store) = open();
    let (first, second) = (basket(&store), basket(&store));
    add(&store, first, Some("A1")).unwrap();
    add(&store, second, Some("A1")).unwrap();
    pay(&store, first).unwrap();
    assert_eq!(pay(&store, second).unwrap_err().kind, &SERIAL_REFUSED);
}

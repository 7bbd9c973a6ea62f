use std::sync::Arc;

use commerce::{
    Actor, Basket, BasketId, Minor, Tender, Unit,
    stock::{Policy, Rule},
};
use proptest::prelude::*;
use store::{Depth, EngineKind, Name, NameName, NameNumber, Number, Table};

use crate::{
    By, Refusal,
    selling::{self, TenderRequest, in_open_baskets},
    stock::{self, POLICY_UNKNOWN, ReserveRequest, claim, policies::POLICIES, reserve},
    testing::{
        self, BAGS, CATALOG, CEREAL, basket, by, faults, goods, portions, position, register, sale_context, set_rule,
        sku, store_kept_by,
    },
};

fn request(pieces: u32) -> ReserveRequest {
    ReserveRequest { reference: "order".into(), lines: portions(CEREAL, pieces) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_last_pieces_are_promised_once_under_concurrency(
        pieces in 1_usize..4, safety in 0_usize..3, askers in 2_usize..12
    ) {
        for &engine in EngineKind::BUILT {
            let directory = tempfile::tempdir().unwrap();
            let store = Arc::new(store_kept_by(engine, directory.path()));
            let milli = |pieces: usize| i64::try_from(pieces).unwrap() * 1000;
            let policy = Policy {
                sku: sku(CEREAL), unit: Unit::Each, rule: Rule::BelowZero, safety_stock: milli(safety),
                lead_time_days: 0, cover_days: 0, pack: 1000
            };
            store.commit_blocking(move |transaction| {
                transaction.put(&POLICIES, CEREAL, &policy)?;
                goods(transaction, milli(pieces + safety), 1)
            }).unwrap();
            let asking = (0..askers).map(|_| {
                let store = Arc::clone(&store);
                std::thread::spawn(move || {
                    store.commit_blocking(move |transaction| reserve(transaction, &register(2), request(1)))
                })
            });
            let mut won = 0;
            for asked in asking.collect::<Vec<_>>() {
                match asked.join().unwrap() {
                    Ok(_) => won += 1,
                    Err(refusal) => assert_eq!(refusal.kind.slug, "stock-insufficient"),
                }
            }
            prop_assert_eq!(won, pieces.min(askers), "{}", engine);
            prop_assert_eq!(position(&store, CEREAL).on_hand, milli(pieces + safety - won));
            prop_assert_eq!(faults(&store, Depth::Whole), Vec::<String>::new());
        }
    }
}

#[test]
fn a_hold_is_made_once_and_released_completely() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let held = store.commit_blocking(|transaction| {
        set_rule(transaction, CEREAL, Rule::ToZero)?;
        goods(transaction, 3000, 1)?;
        let mut first = basket(1, 2);
        stock::hold(transaction, &mut first, 2)?;
        selling::put_basket(transaction, &first)?;
        Ok::<_, Refusal>(first)
    });
    let mut first = held.unwrap();
    assert_eq!((position(&store, CEREAL).on_hand, position(&store, CEREAL).reserved), (1000, 2000));
    let second = store.commit_blocking(|transaction| stock::hold(transaction, &mut basket(2, 2), 3));
    assert_eq!(second.unwrap_err().kind.slug, "stock-insufficient");
    assert_eq!(faults(&store, Depth::Whole), Vec::<String>::new());
    let released = store.commit_blocking(move |transaction| {
        stock::release_holds(transaction, &mut first, 4)?;
        selling::put_basket(transaction, &first)?;
        Ok::<_, Refusal>(first.reservations)
    });
    assert_eq!(released.unwrap(), [0; 0]);
    assert_eq!((position(&store, CEREAL).on_hand, position(&store, CEREAL).reserved), (3000, 0));
    assert_eq!(faults(&store, Depth::Whole), Vec::<String>::new());
}

#[test]
fn a_damaged_reservation_reserves_nothing_in_baskets() {
    /// A table that stores invalid reservations.
    static DAMAGED: Table<Number, u64> = Table::new("reservation");
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let put = store.commit_blocking(|transaction| {
        let mut basket = basket(1, 2);
        basket.reservations.push(9);
        transaction.put(&DAMAGED, 9, &7)?;
        selling::put_basket(transaction, &basket)
    });
    put.unwrap();
    assert_eq!(in_open_baskets(&store).unwrap(), [((sku(CEREAL), Unit::Each), 2000)].into());
}

#[test]
fn reserved_stock_can_be_sold_despite_a_damaged_index() {
    static ENTRIES: Table<NameNumber, u64> = Table::new("stock_open");
    static TOTALS: Table<Name, String> = Table::new("stock_open_count");
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let sold = store.commit_blocking(|transaction| {
        goods(transaction, 5000, 1)?;
        let id = reserve(transaction, &register(1), request(2))?.id;
        transaction.put(&ENTRIES, ("reservation", id), &7)?;
        transaction.put(&TOTALS, "reservation", &"none".to_owned())?;
        let mut basket = Basket { reservations: vec![id], ..basket(1, 2) };
        claim(transaction, &basket)?;
        basket.tender(Tender::Cash { amount: Minor::literal(1_000) })?;
        selling::complete(transaction, &mut basket, &sale_context(1, 2), true)
    });
    sold.unwrap();
    assert_eq!(position(&store, CEREAL).on_hand, 3000);
    let found = faults(&store, Depth::Whole).join("; ");
    assert!(found.contains("stock_open_count") && !found.contains(CEREAL), "{found}");
}

#[test]
fn a_damaged_position_refuses_no_sale() {
    static DAMAGED: Table<NameName, u64> = Table::new("position");
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let sell = |id: u64| {
        store.commit_blocking(move |transaction| {
            let mut basket = basket(id, 1);
            basket.tender(Tender::Cash { amount: Minor::literal(1_000) })?;
            stock::hold(transaction, &mut basket, 2)?;
            selling::complete(transaction, &mut basket, &sale_context(1, 2), false)
        })
    };
    let prepared = store.commit_blocking(|transaction| {
        set_rule(transaction, CEREAL, Rule::ToZero)?;
        transaction.put(&DAMAGED, (CEREAL, "each"), &7)
    });
    prepared.unwrap();
    assert_eq!(sell(1).unwrap().movement, Some(1));
    let moved = store.commit_blocking(|transaction| goods(transaction, -1000, 3));
    assert_eq!(moved.unwrap_err().kind.slug, "fault", "other movements of it are refused");
}

/// After a wrong tender the customer leaves: the last piece can be sold to somebody else.
#[test]
fn a_basket_with_voided_tenders_holds_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let prepared = store.commit_blocking(|transaction| {
        set_rule(transaction, CEREAL, Rule::ToZero)?;
        goods(transaction, 1000, 1)?;
        Ok::<_, Refusal>(selling::put_basket(transaction, &basket(1, 1))?)
    });
    prepared.unwrap();
    let tender = |amount: i64| {
        let cash = TenderRequest::Cash { amount: Minor::literal(amount) };
        store.commit_blocking(move |transaction| selling::tender(transaction, &register(2), BasketId(1), cash))
    };
    let void = |by: By, number: u32| {
        store.commit_blocking(move |transaction| selling::void_tender(transaction, &by, BasketId(1), number))
    };
    let abandon =
        |by: By| store.commit_blocking(move |transaction| selling::abandon(transaction, &by, BasketId(1)).map(drop));
    assert_eq!(tender(1).unwrap().tender.unwrap().number, 1);
    tender(2).unwrap();
    assert_eq!((position(&store, CEREAL).on_hand, position(&store, CEREAL).reserved), (0, 1000));
    assert_eq!(abandon(by(3)).unwrap_err().kind.slug, "basket-partly-paid");

    let other = By { actor: Actor::register("till-2".parse().unwrap()), at_ms: 3 };
    assert_eq!(void(other, 1).unwrap_err().kind.slug, "basket-unknown");
    assert_eq!(void(register(3), 9).unwrap_err().kind.slug, "tender-unknown");
    let given_back = void(register(3), 1).unwrap();
    assert_eq!((given_back.due, given_back.tender.unwrap().voided), (Minor::literal(367), true));
    assert_eq!(position(&store, CEREAL).reserved, 1000, "something is still paid");
    void(by(4), 2).unwrap();
    assert_eq!((position(&store, CEREAL).on_hand, position(&store, CEREAL).reserved), (1000, 0));
    abandon(by(5)).unwrap();
    let acts: Vec<_> = crate::audit::last(&store, None, 9).unwrap().into_iter().map(|entry| entry.act).collect();
    assert_eq!(acts, ["basket_abandoned", "tender_voided", "tender_voided"]);
    assert_eq!(faults(&store, Depth::Whole), [""; 0]);
}

/// The tender that fixed the lines was voided: the next one fixes them, and reserves their stock, again.
#[test]
fn the_first_tender_after_all_were_voided_holds_the_stock_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let sold = store.commit_blocking(|transaction| {
        set_rule(transaction, CEREAL, Rule::ToZero)?;
        goods(transaction, 2000, 1)?;
        selling::put_basket(transaction, &basket(1, 2))?;
        let cash = |amount: i64| TenderRequest::Cash { amount: Minor::literal(amount) };
        selling::tender(transaction, &register(2), BasketId(1), cash(1))?;
        selling::void_tender(transaction, &register(3), BasketId(1), 1)?;
        selling::void_line(transaction, &register(3), BasketId(1), None, 1)?;
        let line = serde_json::from_value(serde_json::json!({ "sku": CEREAL })).unwrap();
        let line: selling::LineRequest = line;
        selling::add_line(transaction, &register(3), BasketId(1), None, line.find(&CATALOG)?)?;
        selling::tender(transaction, &register(4), BasketId(1), cash(369))?;
        selling::complete_basket(transaction, &register(5), BasketId(1), &sale_context(1, 5))
    });
    sold.unwrap();
    assert_eq!((position(&store, CEREAL).on_hand, position(&store, CEREAL).reserved), (1000, 0));
    assert_eq!(faults(&store, Depth::Whole), [""; 0]);
}

#[test]
fn the_policy_refusal_states_the_default() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let none = stock::policy(&store, &CATALOG, &sku(BAGS)).unwrap_err();
    assert_eq!(none.kind, &POLICY_UNKNOWN);
    let request =
        || serde_json::from_str(r#"{ "rule": "to_zero", "safety_stock": { "milli": 2000, "unit": "each" } }"#);
    let set = |at_ms| {
        let request = request().unwrap();
        store.commit_blocking(move |transaction| {
            stock::set_policy(transaction, &by(at_ms), &CATALOG, &sku(BAGS), &request)
        })
    };
    assert_eq!((set(1).unwrap().replaced, set(2).unwrap().replaced), (false, true));
    let view = stock::policy(&store, &CATALOG, &sku(BAGS)).unwrap();
    assert_eq!((view.policy.rule, view.policy.safety_stock, view.sold_by), (Rule::ToZero, 2000, None));
    let acts: Vec<_> = crate::audit::last(&store, None, 9).unwrap().into_iter().map(|entry| entry.act).collect();
    assert_eq!(acts, ["policy_set", "policy_set"]);
}

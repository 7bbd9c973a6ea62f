use super::*;

fn both() -> Network {
    network(vec![store("near", 1.0, &[("1", 9)]), store("far", 100.0, &[("1", 9)])])
}

/// Routes one piece after a change of the nearer store; says why that gets nothing.
fn without(change: impl Fn(&mut Store), ask: impl Fn(&mut Request)) -> Why {
    let mut network = both();
    change(&mut network.stores[0]);
    let mut request = request(vec![line(1, "1", 1)]);
    ask(&mut request);
    let plan = route(&request, &network, &Policy::default());
    assert_eq!(parts(&plan), [("far".into(), vec![(1, 1)])]);
    why(&plan, "near")
}

#[test]
fn the_first_constraint_that_excludes_a_store_is_named() {
    let as_is = |_: &mut Request| {};
    let chosen = without(|_| {}, |ask| ask.to = Destination::Store("far".parse().unwrap()));
    assert_eq!(chosen, Why::NotChosen);
    assert_eq!(without(|_| {}, |ask| ask.rejected_by = vec!["near".parse().unwrap()]), Why::Rejected);
    let silent = |ms: i64| move |store: &mut Store| store.heard_at_ms = NOON - ms;
    assert_eq!(without(silent(10 * MINUTE + 1), as_is), Why::Offline { minutes: 10, most: 10 });
    assert_eq!(without(|store| store.at = None, as_is), Why::NoPosition);
    let far = without(|store| store.at = Some(Point { lat: 0.0, lon: 90.0 }), as_is);
    assert_eq!(far, Why::TooFar { metres: 10_007_543, most: 500_000 });
    assert_eq!(without(|store| store.open = Some(vec![]), as_is), Why::Closed);
    let closing = Window { from_ms: NOON - HOUR, to_ms: NOON + 30 * MINUTE - 1 };
    assert_eq!(without(|store| store.open = Some(vec![closing]), as_is), Why::Closed);
    let late = without(|store| store.prepare_ms = 9 * HOUR, |ask| ask.due_ms = Some(NOON + 9 * HOUR));
    assert_eq!(late, Why::TooLate { there_at_ms: NOON + 9 * HOUR + 90_000, due_ms: NOON + 9 * HOUR });
    let gone = without(|store| store.stock = HashMap::new(), as_is);
    assert_eq!(gone, Why::NoStock { line: 1 });
    let full = without(|store| store.open_orders = 20, as_is);
    assert_eq!(full, Why::Full { open_orders: 20, capacity: 20 });
    let first = without(|store| (store.open_orders, store.heard_at_ms) = (20, 0), as_is);
    assert!(matches!(first, Why::Offline { .. }));
}

#[test]
fn a_store_that_was_heard_in_time_gets_the_order() {
    let mut network = both();
    network.stores[0].heard_at_ms = NOON - 10 * MINUTE;
    let plan = route(&request(vec![line(1, "1", 1)]), &network, &Policy::default());
    assert_eq!(parts(&plan), [("near".into(), vec![(1, 1)])]);
}

#[test]
fn an_order_is_ready_within_one_time_in_which_the_store_is_open() {
    let mut network = both();
    let hours = |from, to| Window { from_ms: NOON + from * MINUTE, to_ms: NOON + to * MINUTE };
    network.stores[0].open = Some(vec![hours(300, 400), hours(-60, 29), hours(60, 90)]);
    let plan = route(&request(vec![line(1, "1", 1)]), &network, &Policy::default());
    assert_eq!(plan.parts[0].there_at_ms, NOON + 90 * MINUTE + 90_000, "a kilometre at 40 km an hour");
}

#[test]
fn cold_goods_go_to_stores_with_cold_storage() {
    let mut network = both();
    network.stores[1].keeps = vec![Zone::Ambient, Zone::Frozen];
    for store in &mut network.stores {
        store.stock.insert((sku("2"), Unit::Each), Stock { quota: 0, confirmed: 5000 });
    }
    let mut frozen = line(2, "2", 1);
    frozen.zone = Zone::Frozen;
    let mixed = route(&request(vec![line(1, "1", 1), frozen.clone()]), &network, &Policy::default());
    assert_eq!(parts(&mixed), [("far".into(), vec![(1, 1), (2, 1)])], "one store rather than two");
    let alone = route(&request(vec![frozen]), &network, &Policy::default());
    assert_eq!(why(&alone, "near"), Why::NotKept { line: 2, zone: Zone::Frozen });
}

#[test]
fn a_delivery_zone_needs_no_position() {
    let mut network = both();
    network.stores[0].zones = vec!["NE1".into()];
    network.stores[1].zones = vec!["NE2".into()];
    let mut request = request(vec![line(1, "1", 1)]);
    request.to = Destination::Zone("NE2".into());
    let plan = route(&request, &network, &Policy::default());
    assert_eq!(parts(&plan), [("far".into(), vec![(1, 1)])]);
    assert_eq!((why(&plan, "near"), plan.parts[0].metres), (Why::OtherZone, 0));
}

#[test]
fn a_customer_who_comes_pays_no_parcel() {
    let mut request = request(vec![line(1, "1", 1)]);
    request.to = Destination::Store("far".parse().unwrap());
    let plan = route(&request, &both(), &Policy::default());
    assert_eq!((plan.cost.money, plan.parts[0].money, plan.parts[0].there_at_ms), (0, 0, NOON + 30 * MINUTE));
}

/// F40: a store that takes 20 orders gets no 21st.
#[test]
fn the_twenty_first_order_goes_elsewhere() {
    let mut network = network(vec![store("near", 1.0, &[("1", 99)]), store("far", 100.0, &[("1", 99)])]);
    let request = request(vec![line(1, "1", 1)]);
    for order in 1..=21 {
        let plan = route(&request, &network, &Policy::default());
        assert_eq!(plan.parts[0].store.to_string(), if order <= 20 { "near" } else { "far" }, "{order}");
        network.take(&request, &plan);
    }
    assert_eq!(network.stores[0].milli(&(sku("1"), Unit::Each)), 79_000);
}

/// I-04: 5 are wanted, stores have 4 and 3: 4 and 1. I-10: 10 and 5 and an inactive 5 are 15; a sixteenth is left over.
#[test]
fn an_order_is_split_when_no_store_has_all_of_it() {
    let stores = vec![store("a", 1.0, &[("1", 4)]), store("b", 2.0, &[("1", 3)])];
    let plan = route(&request(vec![line(1, "1", 5)]), &network(stores), &Policy::default());
    assert_eq!(parts(&plan), [("a".into(), vec![(1, 4)]), ("b".into(), vec![(1, 1)])]);
    let mut stores = vec![store("a", 1.0, &[("1", 10)]), store("b", 2.0, &[("1", 5)]), store("c", 3.0, &[("1", 5)])];
    stores[2].capacity = 0;
    let plan = route(&request(vec![line(1, "1", 16)]), &network(stores), &Policy::default());
    assert_eq!(parts(&plan), [("a".into(), vec![(1, 10)]), ("b".into(), vec![(1, 5)])]);
    assert_eq!(plan.unplaced, [Amount { line: 1, milli: 1000 }]);
}

#[test]
fn an_order_is_split_over_no_more_stores_than_the_policy_allows() {
    let stores: Vec<Store> = (1..=5).map(|n| store(&format!("s{n}"), f64::from(n), &[("1", 1)])).collect();
    let network = network(stores);
    for most_stores in 1..=5 {
        let policy = Policy { most_stores, ..Policy::default() };
        let plan = route(&request(vec![line(1, "1", 5)]), &network, &policy);
        assert_eq!(plan.parts.len(), usize::try_from(most_stores).unwrap());
        assert_eq!(plan.unplaced.iter().map(|left| left.milli).sum::<i64>(), i64::from(5 - most_stores) * 1000);
    }
    let mut rest = request(vec![line(1, "1", 5)]);
    rest.parts_elsewhere = 2;
    assert_eq!(route(&rest, &network, &Policy::default()).parts.len(), 1, "two stores have parts of it already");
    rest.parts_elsewhere = 3;
    let plan = route(&rest, &network, &Policy::default());
    assert_eq!((plan.parts.len(), plan.unplaced.len(), why(&plan, "s1")), (0, 1, Why::TooLittle));
}

#[test]
fn two_lines_of_one_item_share_its_stock() {
    let stores = vec![store("a", 1.0, &[("1", 3)]), store("b", 2.0, &[("1", 9)])];
    let both = request(vec![line(1, "1", 2), line(7, "1", 2)]);
    let plan = route(&both, &network(stores.clone()), &Policy { most_stores: 1, ..Policy::default() });
    assert_eq!(parts(&plan), [("b".into(), vec![(1, 2), (7, 2)])]);
    let plan = route(&both, &network(stores[..1].to_vec()), &Policy::default());
    assert_eq!(parts(&plan), [("a".into(), vec![(1, 2), (7, 1)])]);
    let mut cold = both.clone();
    cold.lines[1].zone = Zone::Chilled;
    let mut chilled = stores[0].clone();
    chilled.keeps = vec![Zone::Ambient, Zone::Chilled];
    let kept = route(&cold, &network(vec![chilled]), &Policy::default());
    assert_eq!(parts(&kept), parts(&plan), "in different zones, too");
    assert_eq!(plan.unplaced, [Amount { line: 7, milli: 1000 }]);
}

#[test]
fn stock_that_is_neither_quota_nor_confirmed_is_not_seen_and_quota_goes_first() {
    let mut network = network(vec![store("a", 1.0, &[("1", 2)])]);
    network.stores[0].stock.get_mut(&(sku("1"), Unit::Each)).unwrap().confirmed = 1500;
    let request = request(vec![line(1, "1", 9)]);
    let plan = route(&request, &network, &Policy::default());
    assert_eq!(parts(&plan), [("a".into(), vec![(1, 3)])], "whole pieces");
    network.take(&request, &plan);
    assert_eq!(network.stores[0].stock[&(sku("1"), Unit::Each)], Stock { quota: 0, confirmed: 500 });
}

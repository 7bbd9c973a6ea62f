use super::*;

/// One order of two items over four stores: a cheap one far away, a dear one near by that is about to run out, a large
/// one in between; two near ones that have one item each, cheap.
fn scene() -> (Request, Network) {
    let with = |name, km, parcel, prepare, stock: &[(&str, i64)]| Store {
        parcel,
        per_km: 0,
        prepare_ms: prepare * MINUTE,
        ..store(name, km, stock)
    };
    let stores = vec![
        with("cheap", 400.0, 300, 30, &[("1", 5), ("2", 5)]),
        with("near", 5.0, 900, 10, &[("1", 1), ("2", 1)]),
        with("large", 100.0, 700, 60, &[("1", 500), ("2", 500)]),
        with("only-1", 20.0, 100, 20, &[("1", 4)]),
        with("only-2", 20.0, 100, 20, &[("2", 4)]),
    ];
    (request(vec![line(1, "1", 1), line(2, "2", 1)]), network(stores))
}

/// F44: the same order goes to other stores, by what the retailer wants.
#[test]
fn the_retailers_weights_decide() {
    let (request, network) = scene();
    let plan = |weights| {
        let plan = route(&request, &network, &Policy { weights, ..Policy::default() });
        assert_eq!(plan.method, Method::Exact);
        parts(&plan).into_iter().map(|(store, _)| store).collect::<Vec<_>>()
    };
    assert_eq!(plan(Weights::cheapest()), ["only-1", "only-2"]);
    assert_eq!(plan(Weights::fastest()), ["near"]);
    assert_eq!(plan(Weights::balanced()), ["large"]);
    assert_eq!(plan(Weights::fewest_splits()), ["cheap"]);
}

#[test]
fn the_parts_of_a_cost_sum_to_it_and_say_what_it_is() {
    let (request, mut network) = scene();
    for store in &mut network.stores {
        store.handling = 20;
    }
    let weights = Weights { money_permille: 1000, hour: 60, stock: 100, split: 50 };
    let plan = route(&request, &network, &Policy { weights, ..Policy::default() });
    assert_eq!(parts(&plan).len(), 2);
    // Two parcels for 1.00 and two units for 0.20; 20 minutes and 20 km at 40 km an hour; twice a quarter of the stock.
    assert_eq!(plan.cost, Cost { money: 240, waiting: 50, balance: 50, splits: 50, total: 390 });
    assert_eq!(plan.parts.iter().map(|part| part.money).collect::<Vec<_>>(), [120, 120]);
    let rounded = plan.cost.money + plan.cost.waiting + plan.cost.balance + plan.cost.splits;
    assert!((rounded - plan.cost.total).abs() <= 2);
}

#[test]
fn a_store_that_was_not_chosen_costs_more_by_so_much() {
    let stores = vec![store("a", 0.0, &[("1", 9)]), store("b", 50.0, &[("1", 9)]), store("c", 1.0, &[("1", 1)])];
    let weights = Weights { money_permille: 1000, hour: 0, stock: 0, split: 0 };
    let plan = route(&request(vec![line(1, "1", 2)]), &network(stores), &Policy { weights, ..Policy::default() });
    assert_eq!(parts(&plan), [("a".into(), vec![(1, 2)])]);
    assert_eq!(why(&plan, "b"), Why::Costlier { by: 100 }, "50 km for 0.02 each");
    assert_eq!(why(&plan, "c"), Why::TooLittle);
    assert_eq!(plan.others.iter().map(|other| other.store.to_string()).collect::<Vec<_>>(), ["b", "c"]);
}

#[test]
fn a_rejected_order_goes_to_the_next_best_and_then_to_nobody() {
    let stores = vec![store("a", 0.0, &[("1", 9)]), store("b", 50.0, &[("1", 9)])];
    let network = network(stores);
    let mut request = request(vec![line(1, "1", 2)]);
    for expected in [vec!["a"], vec!["b"], vec![]] {
        let plan = route(&request, &network, &Policy::default());
        assert_eq!(parts(&plan).into_iter().map(|(store, _)| store).collect::<Vec<_>>(), expected);
        assert_eq!(plan.unplaced.is_empty(), !expected.is_empty());
        request.rejected_by.extend(plan.parts.into_iter().map(|part| part.store));
    }
}

#[test]
fn distances_are_those_of_the_earth() {
    let point = |lat, lon| Point { lat, lon };
    let newcastle = point(54.9783, -1.6178);
    let london = point(51.5074, -0.1278);
    let metres = newcastle.metres_to(london);
    assert!((396_000..400_000).contains(&metres), "{metres}");
    assert_eq!((newcastle.metres_to(newcastle), london.metres_to(newcastle)), (0, metres));
    assert_eq!(point(90.0, 0.0).metres_to(point(-90.0, 0.0)), 20_015_087);
}

//! The search against one that tries everything and knows nothing of its shortcuts.

#![allow(clippy::cast_precision_loss)] // metres and minor units of small networks

use proptest::{collection::vec, prelude::*};

use super::*;

/// What a plan costs, by the words of [`Weights`], in minor units: given what each store gives of each line.
fn cost(request: &Request, network: &Network, policy: &Policy, given: &[Vec<i64>]) -> f64 {
    let Weights { money_permille, hour, stock, split } = policy.weights;
    let Destination::Point(to) = request.to else { unreachable!() };
    let (mut money, mut balance, mut slowest, mut used) = (0.0, 0.0, 0.0_f64, 0);
    for (store, given) in network.stores.iter().zip(given).filter(|(_, given)| given.iter().any(|milli| *milli > 0)) {
        let metres = store.at.unwrap().metres_to(to) as f64;
        money += store.parcel as f64 + store.per_km as f64 * metres / 1000.0;
        for (line, milli) in request.lines.iter().zip(given) {
            money += store.handling as f64 * *milli as f64 / 1000.0;
            balance += f64::from(stock) * *milli as f64 / store.milli(&(line.sku.clone(), Unit::Each)).max(1) as f64;
        }
        let hours = (store.prepare_ms as f64 + metres / 1000.0 * policy.ms_per_km as f64) / 3_600_000.0;
        slowest = slowest.max(hours);
        used += 1;
    }
    let splits = f64::from(split) * f64::from((used - 1).max(0));
    money * f64::from(money_permille) / 1000.0 + f64::from(hour) * slowest + balance + splits
}

fn is_allowed(store: &Store, request: &Request, policy: &Policy) -> bool {
    let Destination::Point(to) = request.to else { unreachable!() };
    store.open_orders < store.capacity && store.at.unwrap().metres_to(to) <= policy.most_metres
}

/// The least that is left over, and the least cost of any plan that leaves so little: all ways to share all pieces out.
fn best(request: &Request, network: &Network, policy: &Policy) -> (i64, f64) {
    let mut best = (i64::MAX, f64::INFINITY);
    let mut given = vec![vec![0; request.lines.len()]; network.stores.len()];
    share_out(request, network, policy, (0, 0), &mut given, &mut best);
    best
}

fn share_out(
    request: &Request,
    network: &Network,
    policy: &Policy,
    (line, store): (usize, usize),
    given: &mut Vec<Vec<i64>>,
    best: &mut (i64, f64),
) {
    if line == request.lines.len() {
        let used = given.iter().filter(|given| given.iter().any(|milli| *milli > 0)).count();
        if used <= usize::try_from(policy.most_stores).unwrap() {
            let wanted: i64 = request.lines.iter().map(|line| line.quantity.milli()).sum();
            let short = wanted - given.iter().flatten().sum::<i64>();
            let cost = cost(request, network, policy, given);
            if short < best.0 || (short == best.0 && cost < best.1) {
                *best = (short, cost);
            }
        }
        return;
    }
    if store == network.stores.len() {
        return share_out(request, network, policy, (line + 1, 0), given, best);
    }
    let wanted = &request.lines[line];
    let so_far: i64 = given.iter().map(|given| given[line]).sum();
    let has = network.stores[store].milli(&(wanted.sku.clone(), Unit::Each));
    let most = if is_allowed(&network.stores[store], request, policy) { has } else { 0 };
    for milli in (0..=most.min(wanted.quantity.milli() - so_far)).step_by(1000) {
        given[store][line] = milli;
        share_out(request, network, policy, (line, store + 1), given, best);
    }
    given[store][line] = 0;
}

/// What a plan gives, as `cost` reads it.
fn given(request: &Request, network: &Network, plan: &Plan) -> Vec<Vec<i64>> {
    let of = |store: &Store| {
        let part = plan.parts.iter().find(|part| part.store == store.store);
        let milli = |line: &Line| {
            part.and_then(|part| part.lines.iter().find(|amount| amount.line == line.line))
                .map_or(0, |given| given.milli)
        };
        request.lines.iter().map(milli).collect()
    };
    network.stores.iter().map(of).collect()
}

fn instances() -> impl Strategy<Value = (Request, Network, Policy)> {
    let a_store = (0..600_u32, 0..5_i64, 0..500_i64, 0..30_i64, 0..120_i64, 0..4_u32, vec(0..4_i64, 3));
    let weights = (0..1200_u32, 0..300_u32, 0..300_u32, 0..400_u32);
    (vec(a_store, 1..5), vec(1..3_u32, 1..4), weights, 1..4_u32).prop_map(|(stores, wanted, weights, most_stores)| {
        let stores = stores.into_iter().enumerate().map(|(n, (km, per_km, parcel, handling, minutes, open, has))| {
            let stock = [("1", has[0]), ("2", has[1]), ("3", has[2])];
            Store {
                per_km,
                parcel,
                handling,
                prepare_ms: minutes * MINUTE,
                open_orders: open,
                capacity: 3,
                ..store(&format!("s{n}"), f64::from(km), &stock)
            }
        });
        let lines = wanted.into_iter().zip(1..).map(|(count, number)| line(number, &number.to_string(), count));
        let (money_permille, hour, stock, split) = weights;
        let weights = Weights { money_permille, hour, stock, split };
        (request(lines.collect()), network(stores.collect()), Policy { most_stores, weights, ..Policy::default() })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_plan_is_better_than_the_exact_one((request, network, policy) in instances()) {
        let (short, least) = best(&request, &network, &policy);
        let plan = route(&request, &network, &policy);
        prop_assert_eq!(plan.method, Method::Exact);
        prop_assert_eq!(plan.unplaced.iter().map(|left| left.milli).sum::<i64>(), short);
        let given = given(&request, &network, &plan);
        let costs = if plan.parts.is_empty() { 0.0 } else { cost(&request, &network, &policy, &given) };
        let least = if plan.parts.is_empty() { 0.0 } else { least };
        prop_assert!((costs - least).abs() < 0.05, "{costs} {least} {plan:?}");
        prop_assert!((plan.cost.total as f64 - costs).abs() < 0.6, "{costs} {plan:?}");
        for (store, given) in network.stores.iter().zip(&given) {
            for (line, milli) in request.lines.iter().zip(given) {
                prop_assert!(*milli <= store.milli(&(line.sku.clone(), Unit::Each)));
                prop_assert!(*milli == 0 || is_allowed(store, &request, &policy));
            }
        }
        prop_assert_eq!(plan.parts.len() + plan.others.len(), network.stores.len());
        for other in &plan.others {
            let is_cheaper = matches!(other.why, Why::Costlier { by } if by < 0);
            prop_assert!(!is_cheaper);
        }
    }

    #[test]
    fn the_heuristic_leaves_as_little_over_and_never_costs_less((request, network, policy) in instances()) {
        let (exact, heuristic) = (route(&request, &network, &policy), route_by_heuristic(&request, &network, &policy));
        prop_assert_eq!(&exact.unplaced, &heuristic.unplaced);
        prop_assert!(heuristic.cost.total >= exact.cost.total);
        prop_assert_eq!(heuristic.method, Method::Heuristic);
    }
}

/// A small generator with a seed: the same networks on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(bound)).unwrap()
    }
}

/// Many stores with little of everything, and an order of many items.
fn hard(draw: &mut Draw, stores: u32, items: u32, chance: u32) -> (Request, Network) {
    let stores = (0..stores).map(|n| {
        let mut one = store(&format!("s{n}"), 0.0, &[]);
        one.at = Some(Point { lat: f64::from(draw.below(300)) / 100.0, lon: f64::from(draw.below(300)) / 100.0 });
        (one.parcel, one.handling) = (300 + i64::from(draw.below(300)), i64::from(draw.below(40)));
        for item in 0..items {
            if draw.below(100) < chance {
                let stock = Stock { quota: 1000 * (1 + i64::from(draw.below(6))), confirmed: 0 };
                one.stock.insert((sku(&item.to_string()), Unit::Each), stock);
            }
        }
        one
    });
    let stores = stores.collect();
    let lines = (0..items).map(|item| line(1 + item, &item.to_string(), 1 + draw.below(3)));
    (request(lines.collect()), network(stores))
}

#[test]
fn the_heuristic_costs_within_three_percent_of_the_exact_plan() {
    let mut draw = Draw(7);
    let policy = Policy {
        most_stores: 4,
        weights: Weights { money_permille: 1000, hour: 20, stock: 50, split: 100 },
        ..Policy::default()
    };
    let (mut exact_sum, mut heuristic_sum, mut solved) = (0, 0, 0);
    for _ in 0..60 {
        let (request, network) = hard(&mut draw, 40, 5, 40);
        let (exact, heuristic) = (route(&request, &network, &policy), route_by_heuristic(&request, &network, &policy));
        if exact.method == Method::Exact && exact.unplaced == heuristic.unplaced {
            exact_sum += exact.cost.total;
            heuristic_sum += heuristic.cost.total;
            solved += 1;
        }
    }
    assert!(solved >= 40, "{solved}");
    assert!(heuristic_sum * 100 <= exact_sum * 103, "{heuristic_sum} {exact_sum}");
}

#[test]
fn a_search_that_is_cut_off_says_so_and_is_no_worse_than_the_heuristic() {
    let policy = Policy { most_stores: 6, ..Policy::default() };
    let (request, network) = hard(&mut Draw(3), 80, 16, 25);
    let (plan, heuristic) = (route(&request, &network, &policy), route_by_heuristic(&request, &network, &policy));
    assert_eq!(plan.method, Method::Heuristic);
    let rank = |plan: &Plan| (plan.unplaced.iter().map(|left| left.milli).sum::<i64>(), plan.cost.total);
    assert!(rank(&plan) <= rank(&heuristic));
    assert_eq!(plan, route(&request, &network, &policy), "the same each time");
}

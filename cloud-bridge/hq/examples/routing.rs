//! Routes 10,000 orders over 500 stores and prints what it took:
//!
//! ```console
//! cargo run --release -p hq --example routing
//! ```
//!
//! Stores lie in clusters, as towns do, and have between a tenth and 60 % of 2,000 items, a few of each. Orders have 1
//! to 12 lines; some have 30. What a plan takes is gone for the next order. The seed is fixed.

#![allow(clippy::expect_used)] // names and numbers that are made here

use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

use commerce::{Quantity, Sku, Unit, order::Zone};
use hq::routing::{self, Destination, Line, Method, Network, Point, Policy, Request, Stock, Store, Weights};

const STORES: u64 = 500;
const ORDERS: u64 = 10_000;
const ITEMS: u64 = 2000;
const NOW_MS: i64 = 1_795_500_000_000;

/// The retailer of this benchmark: money, some time, some care for scarce stock.
const POLICY: Policy = Policy {
    most_stores: 4,
    most_metres: 200_000,
    offline_after_minutes: 10,
    ms_per_km: 90_000,
    weights: Weights { money_permille: 1000, hour: 20, stock: 50, split: 100 },
};

fn main() {
    for (name, most_lines, orders) in
        [("1 to 4 lines", 4, ORDERS), ("1 to 12 lines", 12, ORDERS), ("30 lines", 30, 200)]
    {
        run(name, most_lines, orders);
    }
}

/// What a run comes to.
#[derive(Default)]
struct Sums {
    took: Duration,
    exact: u64,
    whole: u64,
    parts: usize,
    /// Of the orders that were solved exactly: what the exact plans cost and what the heuristic's do.
    exact_cost: i64,
    heuristic_cost: i64,
    worst: f64,
    slowest: Duration,
}

fn run(name: &str, most_lines: u64, orders: u64) {
    let (clock, mut draw) = (Clock(Instant::now()), Draw(42));
    let mut network = network(&mut draw);
    let mut sums = Sums::default();
    for number in 0..orders {
        let request = request(&mut draw, number, most_lines);
        let began = clock.now();
        let plan = routing::route(&request, &network, &POLICY);
        let took = clock.now().saturating_sub(began);
        sums.took += took;
        sums.slowest = sums.slowest.max(took);
        sums.whole += u64::from(plan.unplaced.is_empty());
        sums.parts += plan.parts.len();
        if plan.method == Method::Exact {
            sums.exact += 1;
            let heuristic = routing::route_by_heuristic(&request, &network, &POLICY);
            if heuristic.unplaced == plan.unplaced {
                sums.exact_cost += plan.cost.total;
                sums.heuristic_cost += heuristic.cost.total;
                #[allow(clippy::cast_precision_loss)] // amounts of a few pounds
                let gap = heuristic.cost.total as f64 / plan.cost.total.max(1) as f64 - 1.0;
                sums.worst = sums.worst.max(gap);
            }
        }
        network.take(&request, &plan);
    }
    print(name, orders, &sums);
}

#[allow(clippy::cast_precision_loss)] // counts of a few thousand
fn print(name: &str, orders: u64, sums: &Sums) {
    let of_orders = |count: u64| 100.0 * count as f64 / orders as f64;
    let gap = 100.0 * (sums.heuristic_cost as f64 / sums.exact_cost.max(1) as f64 - 1.0);
    println!("{name}: {orders} orders over {STORES} stores");
    println!("  orders a second of processor {:>9.0}", orders as f64 / sums.took.as_secs_f64());
    println!("  the slowest                  {:>9.1} ms", sums.slowest.as_secs_f64() * 1000.0);
    println!("  routed exactly               {:>9.2} %", of_orders(sums.exact));
    println!("  nothing left over            {:>9.2} %", of_orders(sums.whole));
    println!("  stores an order              {:>9.2}", sums.parts as f64 / orders as f64);
    println!("  the heuristic costs more by  {gap:>9.3} % in the mean, {:.1} % at most", 100.0 * sums.worst);
}

fn network(draw: &mut Draw) -> Network {
    let towns: Vec<Point> = (0..40).map(|_| point(draw, Point { lat: 50.5, lon: -3.5 }, 5000)).collect();
    let stores = (0..STORES).map(|number| {
        let town = towns.get(usize::try_from(draw.below(40)).unwrap_or_default()).copied();
        let at = town.map(|town| point(draw, town, 200));
        let share = 10 + draw.below(50);
        let mut stock = HashMap::new();
        for item in 0..ITEMS {
            if draw.below(100) < share {
                stock.insert((sku(item), Unit::Each), Stock { quota: 1000 * draw.amount(1, 8), confirmed: 0 });
            }
        }
        Store {
            store: format!("store-{number}").parse().expect("a hub's name"),
            at,
            zones: Vec::new(),
            keeps: vec![Zone::Ambient],
            open: None,
            heard_at_ms: NOW_MS - draw.amount(0, 11) * 60_000,
            open_orders: 0,
            capacity: 40,
            prepare_ms: draw.amount(10, 90) * 60_000,
            parcel: draw.amount(300, 600),
            per_km: draw.amount(1, 3),
            handling: draw.amount(10, 40),
            stock,
        }
    });
    Network { now_ms: NOW_MS, stores: stores.collect() }
}

fn request(draw: &mut Draw, number: u64, most_lines: u64) -> Request {
    let count = if most_lines == 30 { 30 } else { 1 + draw.below(most_lines) };
    let lines = (1..=count).map(|line| Line {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        // Some items are wanted more than others.
        sku: sku(draw.below(ITEMS).min(draw.below(ITEMS))),
        quantity: Quantity::pieces(1 + u32::try_from(draw.below(3)).unwrap_or_default()).expect("a few"),
        zone: Zone::Ambient,
    });
    let lines = lines.collect();
    let to = Destination::Point(point(draw, Point { lat: 50.5, lon: -3.5 }, 5000));
    let order = format!("web-{number}").parse().expect("an order's number");
    Request { order, to, due_ms: None, lines, rejected_by: Vec::new(), parts_elsewhere: 0 }
}

fn sku(number: u64) -> Sku {
    number.to_string().parse().expect("digits")
}

/// A place within this many thousandths of a degree north and east of another.
fn point(draw: &mut Draw, from: Point, within: i64) -> Point {
    #[allow(clippy::cast_precision_loss)] // a few thousand
    let mut degrees = || draw.amount(0, within) as f64 / 1000.0;
    Point { lat: from.lat + degrees(), lon: from.lon + degrees() }
}

/// The processor time of this program where Linux tells it (proc(5), schedstat), so that a busy machine changes no
/// figure; else the time since the start.
struct Clock(Instant);

impl Clock {
    fn now(&self) -> Duration {
        let ran = fs::read_to_string("/proc/self/schedstat").ok();
        let nanoseconds = ran.and_then(|ran| ran.split_whitespace().next()?.parse().ok());
        nanoseconds.map_or_else(|| self.0.elapsed(), Duration::from_nanos)
    }
}

/// A small generator: the same numbers on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn amount(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.below(u64::try_from(to - from).unwrap_or_default() + 1)).unwrap_or_default()
    }
}

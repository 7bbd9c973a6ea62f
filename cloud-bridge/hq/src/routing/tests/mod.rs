//! Tests of routing, by subject.

mod constraints;
mod file;
mod objectives;
mod search;

use std::collections::HashMap;

use commerce::{Quantity, Sku, Unit, order::Zone};

use super::*;

/// Noon of some day.
const NOON: i64 = 1_795_500_000_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}

/// A store so many kilometres east of the customer.
fn store(name: &str, km: f64, stock: &[(&str, i64)]) -> Store {
    let of = |(item, count): &(&str, i64)| ((sku(item), Unit::Each), Stock { quota: count * 1000, confirmed: 0 });
    Store {
        store: name.parse().unwrap(),
        at: Some(Point { lat: 0.0, lon: km / 111.195 }),
        zones: Vec::new(),
        keeps: vec![Zone::Ambient],
        open: None,
        heard_at_ms: NOON,
        open_orders: 0,
        capacity: 20,
        prepare_ms: 30 * MINUTE,
        parcel: 400,
        per_km: 2,
        handling: 0,
        stock: stock.iter().map(of).collect(),
    }
}

fn network(stores: Vec<Store>) -> Network {
    Network { now_ms: NOON, stores }
}

fn line(line: u32, item: &str, count: u32) -> Line {
    Line { line, sku: sku(item), quantity: Quantity::pieces(count).unwrap(), zone: Zone::Ambient }
}

/// An order to where the longitude is 0.
fn request(lines: Vec<Line>) -> Request {
    Request {
        order: "web-1".parse().unwrap(),
        to: Destination::Point(Point { lat: 0.0, lon: 0.0 }),
        due_ms: None,
        lines,
        rejected_by: Vec::new(),
        parts_elsewhere: 0,
    }
}

/// The plan in short: each store with its lines.
fn parts(plan: &Plan) -> Vec<(String, Vec<(u32, i64)>)> {
    let of = |part: &Part| {
        (part.store.to_string(), part.lines.iter().map(|amount| (amount.line, amount.milli / 1000)).collect())
    };
    plan.parts.iter().map(of).collect()
}

fn why(plan: &Plan, store: &str) -> Why {
    plan.others.iter().find(|other| other.store.to_string() == store).unwrap().why
}

//! Figures of guided selling: how long it takes to learn from a basket and to find what goes with one.
//!
//! ```text
//! cargo run --release -p commerce --example suggestions
//! ```
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, time::Instant};

use commerce::{BusinessDay, Sku, guide::Pairs};

const BASKETS: u64 = 50_000;
const TYPES: u64 = 300;
const ASKED: u64 = 1_000;

/// A number that looks random, the same each time.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number ^ (number >> 31)
}

/// Types of goods: the low ones are in many baskets.
fn type_of(number: u64) -> String {
    let rank = mixed(number) % TYPES;
    format!("TYPE {}", rank * rank / TYPES)
}

fn basket(number: u64) -> Vec<(Sku, String)> {
    let lines = 1 + mixed(number) % 20;
    let line = |line| {
        let name = type_of(number * 64 + line);
        (format!("{:05}", mixed(number * 64 + line) % 20_000).parse().unwrap(), name)
    };
    (0..lines).map(line).collect()
}

fn told(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |permille: usize| times[(times.len() - 1) * permille / 1000];
    println!("{what:<12} p50 {:.3} ms  p99 {:.3} ms  max {:.3} ms", at(500), at(990), at(1000));
}

fn main() {
    let day = BusinessDay::new(2026, 11, 24).unwrap();
    let mut pairs = Pairs::new(56);
    let ms = |began: Instant| began.elapsed().as_secs_f64() * 1000.0;
    let mut times = Vec::new();
    for number in 0..BASKETS {
        let goods = basket(number);
        let began = Instant::now();
        pairs.add(day, goods.iter().map(|(sku, name)| (sku, name.as_str())));
        times.push(ms(began));
    }
    println!("{} baskets, {} pairs of types", pairs.baskets(), pairs.len());
    told("learn", times);
    let mut times = Vec::new();
    for number in 0..ASKED {
        let goods = basket(BASKETS + number);
        let names: BTreeSet<&str> = goods.iter().map(|(_, name)| name.as_str()).collect();
        let began = Instant::now();
        let found = pairs.suggest(&names);
        times.push(ms(began));
        std::hint::black_box(found);
    }
    told("suggest", times);
}

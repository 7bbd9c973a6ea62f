//! Order routing: which store fulfils which part of an order.
//!
//! # Promises
//!
//! - **Pure.** [`route`] takes an order, the known state of the stores and the retailer's policy, and returns a
//!   [`Plan`]. The same input gives the same plan.
//! - **Hard constraints hold.** Every variant of [`Why`] but the last two is a constraint that excludes a store; the
//!   policy also limits the number of stores per order. Units that no store can supply stay unplaced
//!   ([`Plan::unplaced`]), as few as possible.
//! - **Plans are explained.** A plan lists the cost of each chosen store, and for every other store the first
//!   constraint that excludes it, or how much more the plan would cost with it instead of a chosen store.
//! - **The method is stated.** [`Method::Exact`]: no plan leaves fewer units unplaced, and none with as few costs less.
//!   [`Method::Heuristic`]: the search stopped at [`MAX_NODES`], and the plan is the best one found so far.
//!
//! # Costs
//!
//! The cost of a plan is the sum of four parts, weighted by the retailer ([`Weights`]): parcels and handling; the time
//! until the last part arrives; the share of a store's stock that is used, which protects scarce stock; and each store
//! after the first. All are integers in the same minor unit.
//!
//! # Search
//!
//! For a given set of stores, it is optimal to take each item from the cheapest of them first, so a plan is a set. A
//! heuristic builds sets greedily and improves them by local search (`heuristic`). Branch and bound then visits every
//! set that can still be better (`exact`). Stores that another store can replace in every plan are removed first.
//!
//! | module | contents |
//! | --- | --- |
//! | [`network`] | the stores and their stock, as known to HQ |
//! | [`request`] | the order to be routed, and its destination |
//! | [`policy`] | the retailer's constraints and weights |
//! | `candidates` | the hard constraints |
//! | `assign` | the cost of a set of stores |
//! | `heuristic`, `exact` | the search |
//! | `explain` | the reasons |
//! | [`files`] | networks and orders as JSON |

mod assign;
mod candidates;
mod exact;
mod explain;
pub mod files;
mod heuristic;
pub mod network;
pub mod policy;
pub mod request;

use commerce::OrderId;
use contract::HubId;
use serde::Serialize;

use self::{assign::Choice, candidates::Candidates};
pub use self::{
    exact::MAX_NODES,
    explain::Why,
    network::{Network, Point, Stock, Store, Window},
    policy::{Policy, Weights},
    request::{Destination, Line, Request},
};

/// How a plan was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The optimum.
    Exact,
    /// The best plan found before the search reached its limit.
    Heuristic,
}

/// The cost of a plan, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Parcels and handling.
    pub money: i64,
    /// The time until the last part arrives.
    pub waiting: i64,
    /// Use of scarce stock.
    pub balance: i64,
    /// Stores after the first.
    pub splits: i64,
    /// The sum, rounded once.
    pub total: i64,
}

/// A quantity of a line, in thousandths of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Which line.
    pub line: u32,
    /// How much.
    pub milli: i64,
}

/// A store's part of the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Which store.
    pub store: HubId,
    /// Its quantities.
    pub lines: Vec<Amount>,
    /// The distance to the destination, as the crow flies; 0 for pickup and for delivery zones.
    pub metres: i64,
    /// When it is ready for pickup, or arrives: milliseconds since 1970, UTC.
    pub there_at_ms: i64,
    /// Its parcel and handling, in minor units, without weights.
    pub money: i64,
}

/// A store that is not in the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Other {
    /// Which store.
    pub store: HubId,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
}

/// The routing of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Which order.
    pub order: OrderId,
    /// The search method.
    pub method: Method,
    /// Its cost.
    pub cost: Cost,
    /// The chosen stores.
    pub parts: Vec<Part>,
    /// Units that no store can supply.
    pub unplaced: Vec<Amount>,
    /// All other stores, in the order of the network.
    pub others: Vec<Other>,
}

/// Routes an order. It does not change the network; [`Network::take`] applies a plan.
pub fn route(request: &Request, network: &Network, policy: &Policy) -> Plan {
    let candidates = Candidates::new(request, network, policy);
    let start = heuristic::search(&candidates);
    let (choice, method) = exact::search(&candidates, start);
    plan(request, network, &candidates, &choice, method)
}

/// Routes an order with the heuristic alone, to compare it with the exact search.
pub fn route_by_heuristic(request: &Request, network: &Network, policy: &Policy) -> Plan {
    let candidates = Candidates::new(request, network, policy);
    let choice = heuristic::search(&candidates);
    plan(request, network, &candidates, &choice, Method::Heuristic)
}

fn plan(request: &Request, network: &Network, candidates: &Candidates<'_>, choice: &Choice, method: Method) -> Plan {
    let filled = candidates.fill(&choice.stores);
    let mut lines: Vec<Vec<(u32, i64)>> = candidates.demands.iter().map(|demand| demand.lines.clone()).collect();
    let parts = filled.parts.iter().map(|(store, amounts)| {
        let candidate = &candidates.list[*store];
        let units: i64 = amounts.iter().map(|(_, milli)| milli).sum();
        let mut part: Vec<Amount> =
            amounts.iter().flat_map(|(item, milli)| of_lines(&mut lines[*item], *milli)).collect();
        part.sort_by_key(|amount| amount.line);
        Part {
            store: candidate.store.store.clone(),
            lines: part,
            metres: candidate.metres,
            there_at_ms: candidate.there_at_ms,
            money: assign::minor(candidate.parcel + candidate.handling() * i128::from(units)),
        }
    });
    let parts = parts.collect();
    let mut unplaced: Vec<Amount> = lines.iter_mut().flat_map(|lines| of_lines(lines, i64::MAX)).collect();
    unplaced.sort_by_key(|amount| amount.line);
    Plan {
        order: request.order.clone(),
        method,
        cost: filled.cost.rounded(),
        parts,
        unplaced,
        others: explain::others(network, candidates, &filled),
    }
}

/// Distributes a quantity of an item over its lines, in order, and reduces what they still need.
fn of_lines(lines: &mut [(u32, i64)], mut milli: i64) -> Vec<Amount> {
    let mut amounts = Vec::new();
    for (line, wants) in lines {
        let taken = milli.min(*wants);
        if taken > 0 {
            *wants -= taken;
            milli -= taken;
            amounts.push(Amount { line: *line, milli: taken });
        }
    }
    amounts
}

#[cfg(test)]
mod tests;

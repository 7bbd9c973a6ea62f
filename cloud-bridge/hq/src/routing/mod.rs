//! Which store gets which part of an order.
//!
//! # What this module promises
//!
//! - **Pure.** [`route`] takes an order, the stores as they are known, and the retailer's policy, and gives a [`Plan`].
//!   The same input gives the same plan.
//! - **Hard constraints hold.** No store gets what it may not: each of [`Why`] but the last two is one, and the
//!   policy's number of splits is another. What no store can give is left over ([`Plan::unplaced`]), as little as
//!   possible.
//! - **The plan says why.** What each chosen store costs and what of it; of every other store the first constraint that
//!   excludes it, or how much more the plan would cost with it in the place of a chosen one.
//! - **The plan says how.** [`Method::Exact`]: no plan leaves less over, and of those that leave as little none costs
//!   less. [`Method::Heuristic`]: the search was cut off at [`MAX_NODES`]; the plan is the best that greedy choice,
//!   local search and the search so far have found.
//!
//! # Costs
//!
//! A plan costs the sum of four parts, each weighed by the retailer ([`Weights`]): the money that parcels and handling
//! cost; the time until the last part is there; the share of a store's stock that is used up, which spares stores that
//! have little; and every store beyond the first. All in the same minor unit, in integers.
//!
//! # Search
//!
//! Given a set of stores, each line is best filled from the cheapest of them on, so a plan is a set. `heuristic` builds
//! one greedily and improves it by leaving out, adding and exchanging stores; `exact` then walks all sets that can beat
//! it, depth first, and leaves a branch when its bound can't. Stores that another can replace in every plan are left
//! out before.
//!
//! | module | holds |
//! | --- | --- |
//! | [`network`] | stores and their stock, as HQ knows them |
//! | [`request`] | what is to be routed, and where to |
//! | [`policy`] | constraints and weights of the retailer |
//! | `candidates` | the hard constraints |
//! | `assign` | what a set of stores costs |
//! | `heuristic`, `exact` | the search |
//! | `explain` | why this store and not the others |
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
    /// None is better.
    Exact,
    /// The search was cut off.
    Heuristic,
}

/// What an order costs, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Parcels and handling.
    pub money: i64,
    /// The time until the last part is there.
    pub waiting: i64,
    /// Stock that becomes scarce.
    pub balance: i64,
    /// Stores beyond the first.
    pub splits: i64,
    /// All of it, rounded once.
    pub total: i64,
}

/// So much of a line, in thousandths of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Which line.
    pub line: u32,
    /// How much.
    pub milli: i64,
}

/// What a store gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Which store.
    pub store: HubId,
    /// What of the order.
    pub lines: Vec<Amount>,
    /// How far it is from there, as the crow flies; 0 if the customer comes or a zone is all that is known.
    pub metres: i64,
    /// When it is ready, or arrives: milliseconds since 1970, UTC.
    pub there_at_ms: i64,
    /// What its parcel and handling cost, in minor units.
    pub money: i64,
}

/// A store that gets nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Other {
    /// Which store.
    pub store: HubId,
    /// Why.
    #[serde(flatten)]
    pub why: Why,
}

/// Which store gets which part of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Which order.
    pub order: OrderId,
    /// How it was found.
    pub method: Method,
    /// What it costs.
    pub cost: Cost,
    /// What each chosen store gets.
    pub parts: Vec<Part>,
    /// What no store can give.
    pub unplaced: Vec<Amount>,
    /// Every store that gets nothing, in the order of the network.
    pub others: Vec<Other>,
}

/// Routes an order. The network stays as it is; [`Network::take`] follows a plan.
pub fn route(request: &Request, network: &Network, policy: &Policy) -> Plan {
    let candidates = Candidates::new(request, network, policy);
    let start = heuristic::search(&candidates);
    let (choice, method) = exact::search(&candidates, start);
    plan(request, network, &candidates, &choice, method)
}

/// The same by the heuristic alone: for what the exact search is measured against.
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

/// Takes so much of what lines of one item still want, line by line.
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

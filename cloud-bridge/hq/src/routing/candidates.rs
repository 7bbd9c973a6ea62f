//! The hard constraints: the stores that may supply a part of an order, and their costs.

use commerce::{Unit, order::Zone, stock::Place};

use super::{Destination, Network, Policy, Request, Store, Why};

/// A store that may supply a part.
pub(super) struct Candidate<'a> {
    pub(super) store: &'a Store,
    /// Its place in the network.
    pub(super) index: usize,
    pub(super) metres: i64,
    pub(super) there_at_ms: i64,
    /// The cost of waiting for it.
    pub(super) waits: i128,
    /// The cost of its parcel without weights, in millionths of a minor unit like all costs here.
    pub(super) parcel: i128,
    /// The cost of its parcel.
    pub(super) fixed: i128,
    /// The quantity of each item it can supply, at most the demand.
    pub(super) has: Vec<i64>,
    /// The cost of a thousandth of each item.
    pub(super) rates: Vec<Rate>,
}

/// An item of the order, from one line or several.
pub(super) struct Demand {
    pub(super) item: Place,
    /// The coldest zone of its lines.
    pub(super) zone: Zone,
    pub(super) milli: i64,
    /// The lines, each with its quantity.
    pub(super) lines: Vec<(u32, i64)>,
}

impl Demand {
    fn of(request: &Request) -> Vec<Self> {
        let mut demands: Vec<Self> = Vec::new();
        for line in &request.lines {
            let (item, milli) = ((line.sku.clone(), line.quantity.unit()), line.quantity.milli());
            match demands.iter_mut().find(|demand| demand.item == item) {
                Some(demand) => {
                    demand.zone = demand.zone.max(line.zone);
                    demand.milli = demand.milli.saturating_add(milli);
                    demand.lines.push((line.line, milli));
                }
                None => demands.push(Self { item, zone: line.zone, milli, lines: vec![(line.line, milli)] }),
            }
        }
        demands
    }
}

/// The cost of a thousandth of a unit.
#[derive(Clone, Copy, Default)]
pub(super) struct Rate {
    /// Handling.
    pub(super) money: i128,
    /// Use of scarce stock.
    pub(super) balance: i128,
}

impl Rate {
    pub(super) fn sum(self) -> i128 {
        self.money + self.balance
    }
}

impl Candidate<'_> {
    /// The cost of picking a thousandth, without weights.
    pub(super) fn handling(&self) -> i128 {
        i128::from(self.store.handling) * MILLIONTHS / 1000
    }

    /// Whether it can replace another candidate in every plan: it can supply the whole demand of each item that the
    /// other can supply, and costs no more even if it supplies everything that the other could.
    fn replaces(&self, other: &Self, demands: &[Demand]) -> bool {
        let mut most = self.fixed + (self.waits - other.waits).max(0);
        for (item, demand) in demands.iter().enumerate() {
            if other.has[item] > 0 {
                if self.has[item] < demand.milli {
                    return false;
                }
                let dearer = (self.rates[item].sum() - other.rates[item].sum()).max(0);
                most += dearer * i128::from(other.has[item]);
            }
        }
        most <= other.fixed
    }
}

const HOUR_MS: i128 = 3_600_000;

/// The resolution of costs: parts of a minor unit.
pub(super) const MILLIONTHS: i128 = 1_000_000;

/// The stores that may supply a part of an order, and the reasons against the others.
pub(super) struct Candidates<'a> {
    /// The candidates, by fixed cost.
    pub(super) list: Vec<Candidate<'a>>,
    /// The candidates that no other one can replace, as indexes of `list`.
    pub(super) best: Vec<usize>,
    /// The excluded stores, as indexes of the network, with the reasons.
    pub(super) excluded: Vec<(usize, Why)>,
    /// The demand.
    pub(super) demands: Vec<Demand>,
    /// The maximum number of stores.
    pub(super) most: usize,
    /// The cost of each store after the order's first.
    pub(super) split: i128,
    /// Whether another store already has a part of the order.
    pub(super) is_split: bool,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(request: &Request, network: &'a Network, policy: &Policy) -> Self {
        let demands = Demand::of(request);
        let (mut list, mut excluded) = (Vec::new(), Vec::new());
        for (index, store) in network.stores.iter().enumerate() {
            match candidate(request, &demands, network, policy, (index, store)) {
                Ok(candidate) => list.push(candidate),
                Err(why) => excluded.push((index, why)),
            }
        }
        list.sort_by_key(|candidate| (candidate.fixed, candidate.index));
        let best = (0..list.len()).filter(|place| !is_replaced(&list, *place, &demands)).collect();
        let most = policy.most_stores.saturating_sub(request.parts_elsewhere);
        Self {
            list,
            best,
            excluded,
            demands,
            most: usize::try_from(most).unwrap_or(usize::MAX),
            split: i128::from(policy.weights.split) * MILLIONTHS,
            is_split: request.parts_elsewhere > 0,
        }
    }
}

/// Whether another store can replace it in every plan; of two that can replace each other, the first one stays.
fn is_replaced(list: &[Candidate<'_>], place: usize, demands: &[Demand]) -> bool {
    let own = &list[place];
    let cheaper = list.iter().enumerate().take_while(|(_, other)| other.fixed <= own.fixed);
    cheaper.into_iter().any(|(other, store)| {
        other != place && store.replaces(own, demands) && (other < place || !own.replaces(store, demands))
    })
}

/// The candidate, or the first constraint that excludes the store.
fn candidate<'a>(
    request: &Request,
    demands: &[Demand],
    network: &Network,
    policy: &Policy,
    (index, store): (usize, &'a Store),
) -> Result<Candidate<'a>, Why> {
    if matches!(&request.to, Destination::Store(chosen) if *chosen != store.store) {
        return Err(Why::NotChosen);
    }
    if request.rejected_by.contains(&store.store) {
        return Err(Why::Rejected);
    }
    let silent = network.now_ms.saturating_sub(store.heard_at_ms) / 60_000;
    if network.now_ms.saturating_sub(store.heard_at_ms) > policy.offline_after_minutes.saturating_mul(60_000) {
        return Err(Why::Offline { minutes: silent, most: policy.offline_after_minutes });
    }
    if store.open_orders >= store.capacity {
        return Err(Why::Full { open_orders: store.open_orders, capacity: store.capacity });
    }
    let metres = distance(&request.to, store, policy)?;
    let ready_at_ms = ready_at_ms(store, network.now_ms).ok_or(Why::Closed)?;
    let travels = !matches!(request.to, Destination::Store(_));
    let travel_ms = metres.saturating_mul(policy.ms_per_km) / 1000;
    let there_at_ms = ready_at_ms.saturating_add(travel_ms);
    if let Some(due_ms) = request.due_ms.filter(|due_ms| there_at_ms > *due_ms) {
        return Err(Why::TooLate { there_at_ms, due_ms });
    }
    let has = gives(demands, store)?;
    let parcel = if travels {
        i128::from(store.parcel) * MILLIONTHS + i128::from(store.per_km) * i128::from(metres) * (MILLIONTHS / 1000)
    } else {
        0
    };
    let weighed = |cost: i128| cost * i128::from(policy.weights.money_permille) / 1000;
    let handling = weighed(i128::from(store.handling) * MILLIONTHS / 1000);
    let rate = |demand: &Demand| {
        let stock = store.milli(&demand.item).max(1);
        Rate { money: handling, balance: i128::from(policy.weights.stock) * MILLIONTHS / i128::from(stock) }
    };
    let waiting_ms = there_at_ms.saturating_sub(network.now_ms).max(0);
    Ok(Candidate {
        store,
        index,
        metres,
        there_at_ms,
        waits: i128::from(waiting_ms) * i128::from(policy.weights.hour) * MILLIONTHS / HOUR_MS,
        parcel,
        fixed: weighed(parcel),
        has,
        rates: demands.iter().map(rate).collect(),
    })
}

/// The distance to the destination.
fn distance(to: &Destination, store: &Store, policy: &Policy) -> Result<i64, Why> {
    match to {
        Destination::Store(_) => Ok(0),
        Destination::Zone(zone) if store.zones.contains(zone) => Ok(0),
        Destination::Zone(_) => Err(Why::OtherZone),
        Destination::Point(point) => {
            let metres = store.at.map(|at| at.metres_to(*point)).ok_or(Why::NoPosition)?;
            let most = policy.most_metres;
            if metres > most { Err(Why::TooFar { metres, most }) } else { Ok(metres) }
        }
    }
}

/// The earliest time at which an order can be ready. It is prepared within one opening time.
fn ready_at_ms(store: &Store, now_ms: i64) -> Option<i64> {
    let Some(windows) = &store.open else { return Some(now_ms.saturating_add(store.prepare_ms)) };
    let ready = windows.iter().filter_map(|window| {
        let ready_at_ms = window.from_ms.max(now_ms).saturating_add(store.prepare_ms);
        (ready_at_ms <= window.to_ms).then_some(ready_at_ms)
    });
    ready.min()
}

/// The quantity of each item the store can supply; if all are zero, the reason for the first item.
fn gives(demands: &[Demand], store: &Store) -> Result<Vec<i64>, Why> {
    let keeps = |demand: &Demand| store.keeps.contains(&demand.zone);
    let give = |demand: &Demand| {
        let milli = if keeps(demand) { store.milli(&demand.item) } else { 0 };
        whole(milli, demand.item.1).min(demand.milli)
    };
    let gives: Vec<i64> = demands.iter().map(give).collect();
    match demands.first() {
        Some(demand) if gives.iter().all(|milli| *milli == 0) => {
            let line = demand.lines.first().map_or(0, |(line, _)| *line);
            Err(if keeps(demand) { Why::NoStock { line } } else { Why::NotKept { line, zone: demand.zone } })
        }
        _ => Ok(gives),
    }
}

/// Pieces are whole.
fn whole(milli: i64, unit: Unit) -> i64 {
    if unit == Unit::Each { milli - milli.rem_euclid(1000) } else { milli }
}

//! The hard constraints: which stores may get a part of an order, and what each of them costs.

use commerce::{Unit, order::Zone, stock::Place};

use super::{Destination, Network, Policy, Request, Store, Why};

/// A store that may get a part.
pub(super) struct Candidate<'a> {
    pub(super) store: &'a Store,
    /// Its place in the network.
    pub(super) index: usize,
    pub(super) metres: i64,
    pub(super) there_at_ms: i64,
    /// What it costs to wait for it.
    pub(super) waits: i128,
    /// What its parcel costs whatever is in it, in millionths of a minor unit, as all costs here; not weighed.
    pub(super) parcel: i128,
    /// The same, weighed.
    pub(super) fixed: i128,
    /// What it can give of each item, at most what is wanted.
    pub(super) has: Vec<i64>,
    /// What a thousandth of each item costs there, weighed: handling and scarcity.
    pub(super) rates: Vec<Rate>,
}

/// An item that is wanted, on one line of the order or on several.
pub(super) struct Demand {
    pub(super) item: Place,
    pub(super) zone: Zone,
    pub(super) milli: i64,
    /// The lines, and how much of it each wants.
    pub(super) lines: Vec<(u32, i64)>,
}

impl Demand {
    fn of(request: &Request) -> Vec<Self> {
        let mut demands: Vec<Self> = Vec::new();
        for line in &request.lines {
            let (item, milli) = ((line.sku.clone(), line.quantity.unit()), line.quantity.milli());
            match demands.iter_mut().find(|demand| demand.item == item && demand.zone == line.zone) {
                Some(demand) => {
                    demand.milli = demand.milli.saturating_add(milli);
                    demand.lines.push((line.line, milli));
                }
                None => demands.push(Self { item, zone: line.zone, milli, lines: vec![(line.line, milli)] }),
            }
        }
        demands
    }
}

/// What a thousandth of a unit costs.
#[derive(Clone, Copy, Default)]
pub(super) struct Rate {
    /// Handling, weighed.
    pub(super) money: i128,
    /// Of a store's stock.
    pub(super) balance: i128,
}

impl Rate {
    pub(super) fn sum(self) -> i128 {
        self.money + self.balance
    }
}

impl Candidate<'_> {
    /// What picking a thousandth costs, not weighed.
    pub(super) fn handling(&self) -> i128 {
        i128::from(self.store.handling) * MILLIONTHS / 1000
    }

    /// Whether it can take another's place in every plan: it gives all that is wanted of every item of which the other
    /// gives anything, and even if it gives all that the other could, it costs no more.
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

/// How many parts of a minor unit costs are counted in.
pub(super) const MILLIONTHS: i128 = 1_000_000;

/// The stores that may get a part of an order, and why the others may not.
pub(super) struct Candidates<'a> {
    /// Those that may, the cheapest first.
    pub(super) list: Vec<Candidate<'a>>,
    /// Those of them that no other can replace, by their place in `list`.
    pub(super) best: Vec<usize>,
    /// Of each store of the network that may not, its place there and why.
    pub(super) excluded: Vec<(usize, Why)>,
    /// What is wanted.
    pub(super) demands: Vec<Demand>,
    /// The most stores.
    pub(super) most: usize,
    /// What each store costs that is not the order's first.
    pub(super) split: i128,
    /// Whether the order has its first store elsewhere.
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

/// Whether another store can take its place in every plan; of two that can take each other's the first stays.
fn is_replaced(list: &[Candidate<'_>], place: usize, demands: &[Demand]) -> bool {
    let own = &list[place];
    let cheaper = list.iter().enumerate().take_while(|(_, other)| other.fixed <= own.fixed);
    cheaper.into_iter().any(|(other, store)| {
        other != place && store.replaces(own, demands) && (other < place || !own.replaces(store, demands))
    })
}

/// A store as a candidate, or the first constraint that excludes it.
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

/// How far it is.
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

/// When an order can be ready that is begun now: within one time in which the store is open.
fn ready_at_ms(store: &Store, now_ms: i64) -> Option<i64> {
    let Some(windows) = &store.open else { return Some(now_ms.saturating_add(store.prepare_ms)) };
    let ready = windows.iter().filter_map(|window| {
        let ready_at_ms = window.from_ms.max(now_ms).saturating_add(store.prepare_ms);
        (ready_at_ms <= window.to_ms).then_some(ready_at_ms)
    });
    ready.min()
}

/// What a store can give of each item; the first item's reason if it is nothing of any.
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

/// Nobody gets half a piece.
fn whole(milli: i64, unit: Unit) -> i64 {
    if unit == Unit::Each { milli - milli.rem_euclid(1000) } else { milli }
}

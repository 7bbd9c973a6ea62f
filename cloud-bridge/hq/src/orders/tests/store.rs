//! A store at the other end of HQ's queues and streams: commerce's rules, a stock of its own, and a link that can be
//! cut.

use std::collections::{BTreeMap, BTreeSet};

use commerce::{
    OrderId, Sku, Station, Unit,
    order::{
        Amount, Change, Checked, Command, Facts, Fulfilment, Handover, Policy, Proof, Reason, State, decide, offer,
    },
    stock::{
        Condition, Sums,
        quota::{self, Class, StoreQuota},
    },
};
use contract::{
    Batch, DownAcknowledgement, DownItem, Epoch, Event, HubId, Sequence, Stream,
    down::{Received, Refusal},
    kind::{Body, EventKind},
    order::{self, OrderAdvanced, OrderStated},
    quota::{ANSWERED, CHANGED, QuotaChanged, StoreTotals},
    transfer,
};

use super::super::record::as_offered;
use crate::{Ledger, Queues, orders::record};

pub(super) const UNIT: Unit = Unit::Each;

/// A store of the tests.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) hub: HubId,
    pub(super) epoch: u64,
    pub(super) policy: Policy,
    pub(super) class: Class,
    pub(super) share_permille: u16,
    /// What is there, in each state, by item.
    pub(super) stock: BTreeMap<(Sku, commerce::stock::State), i64>,
    pub(super) quotas: BTreeMap<Sku, StoreQuota>,
    pub(super) parts: BTreeMap<(OrderId, u32), Fulfilment>,
    /// What was sold at the counter, and what left for customers of orders.
    pub(super) sold: BTreeMap<Sku, i64>,
    pub(super) left: BTreeMap<Sku, i64>,
    pub(super) events: Vec<Event>,
    pub(super) sent: usize,
    pub(super) received: Received,
    pub(super) announced: Vec<transfer::TransferNotice>,
    pub(super) tracked: Vec<order::OrderTracked>,
    /// What offers found missing that HQ had spent.
    pub(super) missing: i64,
    pub(super) dirty: BTreeSet<Sku>,
}

impl Store {
    pub(super) fn new(hub: &str, epoch: u64) -> Self {
        Self {
            hub: hub.parse().unwrap(),
            epoch,
            policy: Policy::default(),
            class: Class::Strict,
            share_permille: 500,
            stock: BTreeMap::new(),
            quotas: BTreeMap::new(),
            parts: BTreeMap::new(),
            sold: BTreeMap::new(),
            left: BTreeMap::new(),
            events: Vec::new(),
            sent: 0,
            received: Received::default(),
            announced: Vec::new(),
            tracked: Vec::new(),
            missing: 0,
            dirty: BTreeSet::new(),
        }
    }

    pub(super) fn of(&self, sku: &Sku, state: commerce::stock::State) -> i64 {
        self.stock.get(&(sku.clone(), state)).copied().unwrap_or(0)
    }

    pub(super) fn on_hand(&self, sku: &Sku) -> i64 {
        self.of(sku, commerce::stock::State::OnHand)
    }

    pub(super) fn stock_up(&mut self, sku: &Sku, milli: i64) {
        *self.stock.entry((sku.clone(), commerce::stock::State::OnHand)).or_default() += milli;
        self.moved(sku);
    }

    fn quota(&mut self, sku: &Sku) -> &mut StoreQuota {
        let epoch = self.epoch;
        self.quotas.entry(sku.clone()).or_insert_with(|| StoreQuota::new(epoch))
    }

    fn moved(&mut self, sku: &Sku) {
        let on_hand = self.on_hand(sku);
        if self.quota(sku).after_movement(on_hand).is_some() {
            self.dirty.insert(sku.clone());
        }
    }

    /// The counter sells one, if it may.
    pub(super) fn sell(&mut self, sku: &Sku, milli: i64) -> bool {
        let (on_hand, class) = (self.on_hand(sku), self.class);
        if on_hand < milli || self.quota(sku).may_sell(sku, on_hand, milli, class).is_err() {
            return false;
        }
        *self.stock.entry((sku.clone(), commerce::stock::State::OnHand)).or_default() -= milli;
        *self.sold.entry(sku.clone()).or_default() += milli;
        self.moved(sku);
        true
    }

    /// Grants and recalls, and tells HQ.
    pub(super) fn refill(&mut self, now_ms: i64) {
        let policy = quota::Policy { class: self.class, share_permille: self.share_permille, most: i64::MAX };
        let skus: Vec<Sku> = self.quotas.keys().cloned().collect();
        for sku in skus {
            let on_hand = self.on_hand(&sku);
            let quota = self.quota(&sku);
            quota.totals.as_of_ms = now_ms;
            if quota.refill(on_hand, 0, UNIT, &policy).is_some() || quota.totals.outstanding() > 0 {
                self.dirty.insert(sku);
            }
        }
        let dirty = std::mem::take(&mut self.dirty);
        let told = |sku: Sku| {
            let StoreQuota { totals, breached, .. } = self.quotas[&sku];
            StoreTotals { sku, unit: UNIT, totals, breached }
        };
        let quotas: Vec<_> = dirty.into_iter().map(told).collect();
        if !quotas.is_empty() {
            self.emit(&CHANGED, &QuotaChanged { quotas }, now_ms);
        }
    }

    pub(super) fn emit<B: Body>(&mut self, kind: &EventKind<B>, body: &B, now_ms: i64) {
        let sequence = Sequence(self.events.len() as u64 + 1);
        let body = kind.write(body).unwrap();
        self.events.push(Event { sequence, kind: kind.name().into(), occurred_at_ms: now_ms, body });
    }

    /// Books the changes of a commit, and tells HQ.
    fn commit(&mut self, key: &(OrderId, u32), changes: Vec<Change>, now_ms: i64) {
        let (stock, changes): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| matches!(change, Change::Stock { .. }));
        let mut skus = BTreeSet::new();
        for change in &stock {
            let Change::Stock { lines, .. } = change else { continue };
            for line in lines {
                skus.insert(line.sku.clone());
                match line.from {
                    Some(from) => *self.stock.entry((line.sku.clone(), from)).or_default() -= line.milli,
                    None => panic!("an order brings no goods"),
                }
                assert!(self.stock.values().all(|milli| *milli >= 0), "{}: {:?}", self.hub, self.stock);
                match line.to {
                    Some(to) => *self.stock.entry((line.sku.clone(), to)).or_default() += line.milli,
                    None => *self.left.entry(line.sku.clone()).or_default() += line.milli,
                }
            }
        }
        let part = self.parts.get_mut(key).unwrap();
        for change in &changes {
            part.apply(change);
        }
        for sku in skus {
            self.moved(&sku);
        }
        if !changes.is_empty() {
            let by = Station::Hub.into();
            let (order, part) = key.clone();
            self.emit(&order::ADVANCED, &OrderAdvanced { order, part, at_ms: now_ms, by, changes, sale: None }, now_ms);
        }
    }

    /// A command; false if it is refused.
    pub(super) fn command(&mut self, key: &(OrderId, u32), command: Command, now_ms: i64) -> bool {
        let facts = Facts { now_ms, policy: &self.policy };
        match decide(&self.parts[key], command, facts) {
            Ok(changes) => {
                self.commit(key, changes, now_ms);
                true
            }
            Err(_) => false,
        }
    }

    fn take_offer(&mut self, offered: &order::OrderOffered, now_ms: i64) {
        let key = (offered.order.terms.order.clone(), offered.part);
        if let Some(part) = self.parts.get(&key) {
            let stated = OrderStated { at_ms: now_ms, fulfilment: part.clone() };
            return self.emit(&order::STATED, &stated, now_ms);
        }
        let mut available = Sums::new();
        for spent in &offered.spent {
            let on_hand = self.on_hand(&spent.sku);
            let kept = self.quota(&spent.sku).arrive(spent.epoch, spent.milli, on_hand);
            *available.entry((spent.sku.clone(), UNIT)).or_default() += kept;
            self.missing += spent.milli - kept;
            self.dirty.insert(spent.sku.clone());
        }
        if now_ms > offered.answer_by_ms {
            available.clear();
        }
        if !offered.accepted.is_empty() {
            available.clear();
            for Amount { line, milli } in &offered.accepted {
                *available.entry(offered.order.line(*line).unwrap().place()).or_default() += milli;
            }
        }
        let amounts: Vec<_> =
            offered.order.lines.iter().map(|line| Amount { line: line.number, milli: line.quantity.milli() }).collect();
        let facts = Facts { now_ms, policy: &self.policy };
        let (_, changes) = offer(&offered.order, offered.part, &amounts, &available, facts).unwrap();
        self.parts.insert(key.clone(), as_offered(offered).unwrap());
        self.commit(&key, changes, now_ms);
    }

    fn take(&mut self, item: &DownItem, now_ms: i64) -> Result<(), String> {
        if let Ok(offered) = order::OFFERED.read(item) {
            self.take_offer(&offered, now_ms);
        } else if let Ok(cancelled) = order::CANCELLED.read(item) {
            let key = (cancelled.order, cancelled.part);
            let Some(part) = self.parts.get(&key) else { return Err("no such part".into()) };
            let open = |amount: &Amount| Amount {
                line: amount.line,
                milli: amount.milli.min(part.line(amount.line).map_or(0, commerce::order::Line::open)),
            };
            let amounts: Vec<_> = cancelled.amounts.iter().map(open).filter(|amount| amount.milli > 0).collect();
            if cancelled.amounts.is_empty() || !amounts.is_empty() {
                self.command(&key, Command::Cancel { amounts }, now_ms);
            }
        } else if let Ok(extended) = order::EXTENDED.read(item) {
            let key = (extended.order, extended.part);
            self.command(&key, Command::Extend { until_ms: extended.until_ms }, now_ms);
        } else if let Ok(arrived) = order::ARRIVED.read(item) {
            self.command(&(arrived.order, arrived.part), Command::Arrive { bay: arrived.bay }, now_ms);
        } else if let Ok(tracked) = order::TRACKED.read(item) {
            self.tracked.push(tracked);
        } else if let Ok(announced) = transfer::ANNOUNCED.read(item) {
            self.announced.push(announced.notice);
        } else if let Ok(answered) = ANSWERED.read(item) {
            for quota in answered.quotas {
                self.quota(&quota.sku).receive(&quota.totals);
            }
        } else {
            return Err(format!("unknown kind {}", item.kind));
        }
        Ok(())
    }

    /// Sends what waits, all of it or only some, and takes what HQ has for it.
    pub(super) async fn exchange(&mut self, ledger: &Ledger, now_ms: i64) {
        self.send(ledger).await;
        self.fetch(ledger, now_ms).await;
        self.send(ledger).await;
    }

    pub(super) async fn send(&mut self, ledger: &Ledger) {
        let events = self.events[self.sent..].to_vec();
        if events.is_empty() {
            return;
        }
        let batch =
            Batch { hub: self.hub.clone(), epoch: Epoch(self.epoch), stream: Stream::orders(), events, link: None };
        let applied = ledger.apply(&batch).await.unwrap();
        assert_eq!((applied.quarantined, applied.gap), (0, false));
        self.sent = self.events.len();
    }

    pub(super) async fn fetch(&mut self, ledger: &Ledger, now_ms: i64) {
        let queues = Queues::of(ledger);
        while let Some(batch) = queues.next(&self.hub, &Stream::orders()).await.unwrap() {
            let mut refused = Vec::new();
            for item in self.received.due(&batch).to_vec() {
                if let Err(why) = self.take(&item, now_ms) {
                    refused.push(Refusal::new(item.sequence, &why));
                }
            }
            self.received = self.received.after(&batch, refused);
            self.acknowledge(&queues).await;
        }
    }

    /// Says how far it is.
    pub(super) async fn acknowledge(&self, queues: &Queues) {
        let received = self.received.clone();
        let answer = DownAcknowledgement::new(self.hub.clone(), Epoch(self.epoch), Stream::orders(), received);
        queues.acknowledge(&answer).await.unwrap();
    }

    /// The next step of a part towards the customer; false if there is none.
    pub(super) fn work(&mut self, key: &(OrderId, u32), now_ms: i64) -> bool {
        let picker: commerce::OperatorId = "ann".parse().unwrap();
        let part = self.parts[key].clone();
        // Everything is packed before the customer is told.
        let open = part.lines.iter().filter(|line| line.open() > 0);
        let earliest = |line: &&commerce::order::Line| line.units.keys().copied().find(|state| state.is_open());
        let Some(line) = open.min_by_key(earliest) else { return false };
        let number = line.ordered.number;
        let place = || commerce::order::Place { name: "A1".into(), zone: line.ordered.zone };
        let command = match line.state().unwrap() {
            State::Offered => Command::Accept,
            _ if line.of(State::Accepted) > 0 => Command::Claim { picker, lines: vec![number] },
            _ if line.of(State::Picking) > 0 => Command::Pick {
                picker,
                line: number,
                scanned: line.ordered.sku.clone(),
                quantity: commerce::Quantity::new(line.of(State::Picking), UNIT).unwrap(),
            },
            _ if line.of(State::Picked) > 0 => {
                let amounts = vec![Amount { line: number, milli: line.of(State::Picked) }];
                Command::Pack { amounts, place: place(), probe_deci_celsius: None }
            }
            _ if part.terms.kind.is_fetched() && line.of(State::Packed) > 0 => Command::MakeReady,
            _ if part.terms.kind.is_fetched() => {
                let ready = |line: &commerce::order::Line| {
                    let milli = line.of(State::Ready) + line.of(State::Arrived);
                    Amount { line: line.ordered.number, milli }
                };
                let amounts: Vec<_> = part.lines.iter().map(ready).filter(|amount| amount.milli > 0).collect();
                let paid = part.due(&amounts);
                let checked = amounts.into_iter().map(|amount| Checked { amount, scanned: None }).collect();
                let proof = Proof::Document;
                Command::HandOver(Handover { checked, proof, age_checked: None, paid, partial: true })
            }
            _ => {
                let amounts = vec![Amount { line: number, milli: line.of(State::Packed) }];
                Command::Ship { amounts, tracking: None }
            }
        };
        self.command(key, command, now_ms)
    }

    pub(super) fn reject(&mut self, key: &(OrderId, u32), now_ms: i64) -> bool {
        self.command(key, Command::Reject { amounts: vec![], reason: Reason::Damaged }, now_ms)
    }

    /// Puts back what was cancelled or has expired.
    pub(super) fn put_back(&mut self, key: &(OrderId, u32), now_ms: i64) {
        let returning = self.parts[key]
            .lines
            .iter()
            .map(|line| Amount { line: line.ordered.number, milli: line.of(State::Returning) });
        for amount in returning.filter(|amount| amount.milli > 0).collect::<Vec<_>>() {
            assert!(self.command(key, Command::PutBack { amount, condition: Condition::Good }, now_ms));
        }
    }

    /// What is in the store, in whatever state.
    pub(super) fn there(&self, sku: &Sku) -> i64 {
        commerce::stock::State::ALL.into_iter().map(|state| self.of(sku, state)).sum()
    }

    /// What was recalled, and is not answered.
    pub(super) fn outstanding(&self) -> i64 {
        self.quotas.values().map(|quota| quota.totals.outstanding()).sum()
    }

    /// Its parts equal HQ's.
    pub(super) async fn agrees(&self, ledger: &Ledger) {
        for ((order, number), own) in &self.parts {
            let mut snapshot = ledger.database().snapshot().await.unwrap();
            let record = record::read(&mut snapshot, order).await.unwrap().unwrap();
            let part = record.parts.iter().find(|part| part.part() == *number).unwrap();
            assert_eq!((&part.fulfilment, &part.contradiction), (own, &None), "order {order} part {number}");
            assert_eq!(part.hub, self.hub);
        }
    }
}

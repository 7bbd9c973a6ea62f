//! Tests of orders: a store of [`CEREAL`] and [`BAGS`], HQ's items, and HQ's record made from the events.

mod crash;
mod handover;
mod offers;
mod placed;
mod quota;

use std::collections::BTreeMap;

use commerce::{
    Actor, Currency, Minor, Price, Quantity, SaleId, Unit,
    order::{
        Amount, Checked, Command, Customer, Fulfilment, Kind, Order, Ordered, Payment, Proof, State, Substitution,
        Terms, Zone, fulfilment::Arrival,
    },
    stock::Position,
};
use contract::{
    Body, DownItem, DownKind, Sequence,
    order::{OFFERED, OrderOffered, QuotaSpent},
};
use store::{Depth, Store, Transaction};
use tempfile::TempDir;

use super::{events::What, records::Kept, *};
use crate::{
    By, Refusal, selling,
    selling::{HandedOver, hand_over},
    stock::{self, Home},
    testing::{self, BAGS, CEREAL},
};

const NOON: i64 = 1_795_500_000_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const CODE: &str = "K7-PLUM";

fn usd() -> Currency {
    Currency::from_code("USD").unwrap()
}

fn home() -> Home {
    Home { hub: testing::hub("store-1"), epoch: 1, currency: usd(), orders: commerce::order::Policy::default() }
}

fn hq(at_ms: i64) -> By {
    By { actor: commerce::Station::Headquarters.into(), at_ms }
}

/// Ann at till 1.
fn ann(at_ms: i64) -> By {
    let actor = Actor { operator: Some("ann".parse().unwrap()), ..testing::register(0).actor };
    By { actor, at_ms }
}

fn ordered(number: u32, sku: &str, pieces: u32) -> Ordered {
    Ordered {
        number,
        sku: testing::sku(sku),
        description: format!("Item {sku}"),
        quantity: Quantity::pieces(pieces).unwrap(),
        price: Price { minor: Minor::literal(500), per: Unit::Each },
        substitution: Substitution::Any,
        zone: Zone::Ambient,
        minimum_age: 0,
    }
}

fn order(id: &str, kind: Kind, lines: Vec<Ordered>) -> Order {
    let customer = Customer {
        id: None,
        name: "Ada  Byron".into(),
        phone: Some("+44 20 7946 0000".into()),
        code: Some(CODE.to_owned().try_into().unwrap()),
        address: vec![],
    };
    let is_transfer = kind == Kind::Transfer;
    let payment = match kind {
        Kind::Reserve | Kind::Transfer => Payment::AtPickup,
        _ => Payment::Prepaid { reference: "psp-1".into() },
    };
    let terms = Terms {
        order: id.parse().unwrap(),
        kind,
        customer: (!is_transfer).then_some(customer),
        receiver: is_transfer.then(|| "store-2".into()),
        currency: usd(),
        payment,
        placed_at_ms: NOON,
        due_ms: NOON + 2 * HOUR,
        keep_until_ms: None,
    };
    Order { terms, lines }
}

fn part(id: &str) -> Part {
    Part { order: id.parse().unwrap(), part: 1 }
}

fn pieces(of: &[(u32, i64)]) -> Vec<Amount> {
    of.iter().map(|(line, pieces)| Amount { line: *line, milli: pieces * 1000 }).collect()
}

/// A store, and HQ's record of its parts.
struct Shop {
    directory: TempDir,
    store: Option<Store>,
    offers: BTreeMap<Part, Order>,
}

impl Shop {
    /// Ten of each item on hand.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let shop = Self { store: Some(testing::store(directory.path())), directory, offers: BTreeMap::new() };
        shop.commit(|transaction| {
            stock::put_home(transaction, &home())?;
            for sku in [CEREAL, BAGS] {
                let line = testing::line(sku, 10_000, None, Some(commerce::stock::State::OnHand));
                testing::booked(transaction, commerce::stock::Kind::Receipt, "1", 1, vec![line])?;
            }
            Ok(())
        });
        shop
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// The power fails; the hub starts again.
    fn restart(&mut self) {
        self.store = None;
        self.store = Some(testing::store(self.directory.path()));
    }

    fn try_commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.store().commit_blocking(work)
    }

    #[track_caller]
    fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> T {
        self.try_commit(work).unwrap()
    }

    /// HQ's items; returns the refusals.
    fn receive<B: Body>(&self, at_ms: i64, kind: &DownKind<B>, bodies: &[B]) -> Vec<Option<String>> {
        let incoming = crate::CAPABILITIES.iter().flat_map(|capability| capability.incoming);
        let apply = incoming.into_iter().find(|item| item.kind == kind.name()).unwrap().apply;
        let item = |body: &B| {
            let (kind, body) = (kind.name().to_owned(), kind.write(body).unwrap());
            DownItem { sequence: Sequence(1), kind, body }
        };
        let items: Vec<DownItem> = bodies.iter().map(item).collect();
        self.commit(move |transaction| Ok(apply(transaction, &hq(at_ms), &items.iter().collect::<Vec<_>>())?))
    }

    fn offer_with(&mut self, at_ms: i64, order: Order, spent: Vec<QuotaSpent>) -> Vec<Option<String>> {
        self.offer_again(at_ms, order, spent, vec![])
    }

    /// As HQ offers a part to a store that was replaced.
    fn offer_again(
        &mut self,
        at_ms: i64,
        order: Order,
        spent: Vec<QuotaSpent>,
        accepted: Vec<Amount>,
    ) -> Vec<Option<String>> {
        let id = Part { order: order.terms.order.clone(), part: 1 };
        self.offers.insert(id, order.clone());
        let answer_by_ms = NOON + 10 * MINUTE;
        let offered = OrderOffered { order, part: 1, offered_at_ms: NOON, answer_by_ms, spent, accepted };
        self.receive(at_ms, &OFFERED, &[offered])
    }

    #[track_caller]
    fn offer(&mut self, order: Order) {
        assert_eq!(self.offer_with(NOON, order, vec![]), [None]);
    }

    fn run(&self, at_ms: i64, id: &str, command: Command) -> Result<PartView, Refusal> {
        let part = part(id);
        self.try_commit(move |transaction| run(transaction, &ann(at_ms), &part, command))
    }

    #[track_caller]
    fn ready(&self, id: &str) {
        let lines: Vec<_> = self.view(id).fulfilment.lines;
        let numbers = lines.iter().map(|line| line.ordered.number).collect();
        let picker = "ann".parse().unwrap();
        self.run(NOON, id, Command::Claim { picker, lines: numbers }).unwrap();
        for line in &lines {
            let (picker, number) = ("ann".parse().unwrap(), line.ordered.number);
            let (scanned, quantity) = (line.ordered.sku.clone(), line.ordered.quantity);
            self.run(NOON, id, Command::Pick { picker, line: number, scanned, quantity }).unwrap();
        }
        let amounts =
            lines.iter().map(|line| Amount { line: line.ordered.number, milli: line.ordered.quantity.milli() });
        let place = commerce::order::Place { name: "shelf-1".into(), zone: Zone::Ambient };
        let pack = Command::Pack { amounts: amounts.collect(), place, probe_deci_celsius: None };
        self.run(NOON, id, pack).unwrap();
        self.run(NOON, id, Command::MakeReady).unwrap();
    }

    fn hand_over(&self, id: &str, of: &[(u32, i64)]) -> Result<HandedOver, Refusal> {
        let (part, collect) = (part(id), collected(of));
        self.try_commit(move |transaction| {
            hand_over(transaction, &ann(NOON), &testing::sale_context(1, NOON), &part, collect)
        })
    }

    fn try_view(&self, id: &str) -> Result<PartView, Refusal> {
        super::order(self.store(), &part(id))
    }

    fn view(&self, id: &str) -> PartView {
        self.try_view(id).unwrap()
    }

    fn state(&self, id: &str) -> State {
        self.view(id).state
    }

    fn kept(&self, id: &str) -> Kept {
        self.store().get(&ORDERS, part(id).key()).unwrap().unwrap()
    }

    fn position(&self) -> Position {
        testing::position(self.store(), CEREAL)
    }

    /// On hand and reserved, in pieces.
    fn cereal(&self) -> (i64, i64) {
        let position = self.position();
        (position.on_hand / 1000, position.reserved / 1000)
    }

    fn sales(&self) -> Vec<commerce::Sale> {
        selling::sales_from(self.store(), 1, 100).unwrap()
    }

    /// The store's check finds nothing, and HQ's record, made from the events alone, is the store's.
    #[track_caller]
    fn agrees_with_hq(&self) {
        assert_eq!(testing::faults(self.store(), Depth::Whole), [""; 0]);
        let mut at_hq: BTreeMap<Part, Fulfilment> = BTreeMap::new();
        let mut sold: Vec<String> = Vec::new();
        for (id, order) in &self.offers {
            let enough = order.lines.iter().map(|line| (line.place(), i64::MAX)).collect();
            let policy = commerce::order::Policy::default();
            let facts = commerce::order::Facts { now_ms: NOON, policy: &policy };
            let all: Vec<_> =
                order.lines.iter().map(|line| Amount { line: line.number, milli: line.quantity.milli() }).collect();
            at_hq.insert(id.clone(), commerce::order::offer(order, 1, &all, &enough, facts).unwrap().0);
        }
        for entry in self.store().outbox("orders", 1, 1000).unwrap() {
            let body = crate::hq::body(self.store(), &entry).unwrap();
            let event = contract::Event {
                sequence: Sequence(entry.sequence),
                kind: entry.kind.clone(),
                occurred_at_ms: entry.occurred_at_ms,
                body,
            };
            if contract::order::ADVANCED.is(&event) {
                let advanced = contract::order::ADVANCED.read(&event).unwrap();
                sold.extend(advanced.sale.clone());
                let id = Part { order: advanced.order, part: advanced.part };
                let fulfilment = at_hq.get_mut(&id).unwrap();
                advanced.changes.iter().for_each(|change| fulfilment.apply(change));
            }
        }
        for (id, fulfilment) in at_hq {
            let kept = self.store().get(&ORDERS, id.key()).unwrap();
            assert_eq!(kept.map(|kept| kept.fulfilment), Some(fulfilment), "{id:?}");
        }
        let known: Vec<SaleId> =
            self.sales().iter().filter(|sale| sale.reference.is_some()).map(|sale| sale.id).collect();
        assert_eq!(sold, known.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
}

fn collected(of: &[(u32, i64)]) -> Collect {
    let checked = pieces(of).into_iter().map(|amount| Checked { amount, scanned: None }).collect();
    let proof = Proof::Code(CODE.into());
    Collect::HandOver { checked, proof, age_checked: None, partial: false, prices: vec![] }
}

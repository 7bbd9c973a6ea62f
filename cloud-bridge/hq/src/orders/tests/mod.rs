//! Orders on both engines, with stores that follow commerce's rules.

mod at_once;
mod follow;
mod model;
mod offline;
mod place;
mod quotas;
mod store;

use commerce::{
    Currency, Minor, OrderId, Price, Quantity, Sku,
    order::{Customer, Kind, Order, Ordered, Payment, State, Substitution, Terms, Zone},
};
use contract::{DownItem, Epoch, HubId, Stream, message::Hello};
use serde_json::Value as Json;
use store::{Store, UNIT};

use super::{
    NewOrder, OrderError, Profile, Refused, change,
    place::place,
    profile::Slots,
    record::{self, Record},
    stores,
    story::{self, Story},
    work::attend_due,
};
use crate::{
    Ledger, Queues,
    database::{Database, Row, Statement, values},
    ledger::now_ms,
    routing::{Destination, Point},
    testing::{Fresh, on_each_engine},
};

const HOUR: i64 = 3_600_000;

/// HQ and its stores, at a moment that the tests move.
struct World {
    ledger: Ledger,
    now_ms: i64,
    stores: Vec<Store>,
}

fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}

fn id(text: &str) -> OrderId {
    text.parse().unwrap()
}

fn line(number: u32, item: &str, pieces: u32) -> Ordered {
    Ordered {
        number,
        sku: sku(item),
        description: "Cereal".into(),
        quantity: Quantity::pieces(pieces).unwrap(),
        price: Price { minor: Minor::literal(250), per: UNIT },
        substitution: Substitution::Remove,
        zone: Zone::Ambient,
        minimum_age: 0,
    }
}

impl World {
    /// Stores in a row, ten kilometres apart, each with some of each item.
    async fn new(database: &Database, stores: &[(&str, i64)]) -> Self {
        let ledger = Ledger::on(database.clone());
        let mut world = Self { ledger, now_ms: now_ms(), stores: Vec::new() };
        for (place, (name, pieces)) in stores.iter().enumerate() {
            let mut store = Store::new(name, 7);
            #[allow(clippy::cast_precision_loss)] // a few
            let at = Point { lat: 50.0 + place as f64 * 0.09, lon: 8.0 };
            let profile = Profile { at: Some(at), prepare_minutes: 10, per_km: 1, ..Profile::new(store.hub.clone()) };
            world.load(&profile).await;
            for item in ["a", "b"] {
                store.stock_up(&sku(item), pieces * 1000);
            }
            store.share_permille = 1000;
            store.refill(world.now_ms);
            store.send(&world.ledger).await;
            world.stores.push(store);
        }
        world.greet().await;
        world
    }

    async fn load(&self, profile: &Profile) {
        let mut transaction = self.ledger.database().transaction().await.unwrap();
        stores::store(&mut transaction, std::slice::from_ref(profile), self.now_ms).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// All hubs say hello.
    async fn greet(&self) {
        for store in &self.stores {
            self.hello(store).await;
        }
    }

    async fn hello(&self, store: &Store) {
        let hello = Hello {
            hub: store.hub.clone(),
            epoch: Epoch(store.epoch),
            software: "1.2.3".into(),
            streams: vec![],
            connection: 1,
            stopped: None,
        };
        self.ledger.heard(&[(store.hub.clone(), (hello, self.now_ms))].into()).await.unwrap();
    }

    async fn pass(&mut self, ms: i64) {
        self.now_ms += ms;
        self.greet().await;
    }

    fn order(&self, name: &str, kind: Kind, lines: Vec<Ordered>) -> NewOrder {
        let to = if kind.is_fetched() {
            Destination::Store(self.stores[0].hub.clone())
        } else {
            Destination::Point(Point { lat: 50.0, lon: 8.0 })
        };
        let customer = Customer { id: None, name: "Ada Byron".into(), phone: None, code: None, address: vec![] };
        let terms = Terms {
            order: id(name),
            kind,
            customer: Some(customer),
            receiver: None,
            currency: Currency::from_code("EUR").unwrap(),
            payment: Payment::Prepaid { reference: "psp-1".into() },
            placed_at_ms: 0,
            due_ms: self.now_ms + 4 * HOUR,
            keep_until_ms: None,
        };
        NewOrder { order: Order { terms, lines }, to, taken_by: None }
    }

    async fn place(&self, new: NewOrder) -> Result<Record, Refused> {
        let mut transaction = self.ledger.database().transaction().await.unwrap();
        match place(&mut transaction, new, self.now_ms).await {
            Ok(record) => {
                transaction.commit().await.unwrap();
                Ok(record)
            }
            Err(OrderError::Refused(refused)) => Err(refused),
            Err(OrderError::Failed(error)) => panic!("{error}"),
        }
    }

    async fn cancel(&self, name: &str, amounts: &[commerce::order::Amount]) -> Result<(), Refused> {
        let mut transaction = self.ledger.database().transaction().await.unwrap();
        let record = record::lock(&mut transaction, &id(name)).await.unwrap().unwrap();
        let cancelled = change::cancel(&mut transaction, record, amounts, self.now_ms).await;
        match cancelled {
            Ok(_) => {
                transaction.commit().await.unwrap();
                Ok(())
            }
            Err(OrderError::Refused(refused)) => Err(refused),
            Err(OrderError::Failed(error)) => panic!("{error}"),
        }
    }

    /// HQ attends to what is due, and the stores exchange what waits, until nothing is left to say.
    async fn settle(&mut self) {
        loop {
            let mut is_quiet = true;
            while attend_due(self.ledger.database(), true, self.now_ms).await.unwrap() > 0 {
                is_quiet = false;
            }
            for store in &mut self.stores {
                let before = (store.sent, store.received.clone());
                store.exchange(&self.ledger, self.now_ms).await;
                is_quiet &= before == (store.sent, store.received.clone());
            }
            if is_quiet {
                return;
            }
        }
    }

    async fn story(&self, name: &str) -> Story {
        story::story(self.ledger.database(), &id(name)).await.unwrap().unwrap()
    }

    async fn record(&self, name: &str) -> Record {
        let mut snapshot = self.ledger.database().snapshot().await.unwrap();
        record::read(&mut snapshot, &id(name)).await.unwrap().unwrap()
    }

    /// Where the parts of an order are, with their states.
    async fn parts(&self, name: &str) -> Vec<(String, State)> {
        self.story(name).await.parts.into_iter().map(|part| (part.store, part.state)).collect()
    }

    /// What HQ may still sell of an item at each store.
    async fn left(&self, item: &str) -> Vec<i64> {
        let mut snapshot = self.ledger.database().snapshot().await.unwrap();
        let quotas = super::quotas::of_items(&mut snapshot, &[(sku(item), UNIT)].into()).await.unwrap();
        let mut left: Vec<_> = quotas.into_iter().map(|((hub, ..), quota)| (hub, quota.left())).collect();
        left.sort();
        left.into_iter().map(|(_, milli)| milli).collect()
    }

    /// What waits for a hub.
    async fn waiting(&self, store: usize) -> Vec<DownItem> {
        let next = Queues::of(&self.ledger).next(&self.stores[store].hub, &Stream::orders()).await.unwrap();
        next.map_or_else(Vec::new, |batch| batch.items)
    }

    /// HQ's own events of a kind.
    async fn told(&self, kind: &str) -> Vec<Json> {
        const TEXT: &str = "SELECT body FROM event WHERE hub = 'hq' AND kind = $1 ORDER BY epoch, sequence";
        static TOLD: Statement = Statement { name: "told", sqlite: TEXT, postgres: TEXT };
        let rows = self.ledger.database().read(&TOLD, values![kind]).await.unwrap();
        let body = |row: Row| serde_json::from_str(&row.read::<(String,)>().unwrap().0).unwrap();
        rows.into_iter().map(body).collect()
    }

    fn hub(&self, store: usize) -> HubId {
        self.stores[store].hub.clone()
    }
}

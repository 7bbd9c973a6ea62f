//! Customers of several stores, on both engines.

use commerce::{
    customer::{Consent, Lookup},
    gift_card::CardNumber,
    loyalty::{Programme, Tier},
};
use contract::{Batch, DownAcknowledgement, DownItem, Epoch, Event, Received, Sequence, message::Hello};
use serde_json::json;

use super::*;
use crate::{
    Ledger, Queues,
    database::{Database, Statement, values},
    ledger::now_ms,
    testing::{Fresh, on_each_engine},
};

on_each_engine! {
    two_profiles_of_a_person_become_one_in_every_store
    an_erased_customer_is_gone_from_every_table_and_queue
    points_make_tiers_and_expire
}

struct World {
    ledger: Ledger,
    sequences: std::collections::BTreeMap<String, u64>,
}

fn id(byte: u8) -> CustomerId {
    CustomerId::from_random([byte; 16])
}

fn hub(name: &str) -> HubId {
    name.parse().unwrap()
}

fn profile(byte: u8, name: &str, phone: &str) -> Profile {
    let mut profile = Profile::new(id(byte), i64::from(byte));
    (profile.name, profile.phones) = (Some(name.into()), vec![phone.into()]);
    profile.points = Some(CardNumber::from_random([byte; 16]));
    profile
}

impl World {
    async fn new(database: &Database) -> Self {
        let ledger = Ledger::on(database.clone());
        for name in ["store-1", "store-2"] {
            let (hub, streams) = (hub(name), vec![]);
            let hello = Hello {
                hub: hub.clone(),
                epoch: Epoch(7),
                software: "1".into(),
                streams,
                connection: 1,
                stopped: None,
            };
            ledger.heard(&[(hub, (hello, 1))].into()).await.unwrap();
        }
        Self { ledger, sequences: std::collections::BTreeMap::default() }
    }

    async fn send(&mut self, from: &str, kind: &str, body: serde_json::Value) {
        let next = self.sequences.entry(from.into()).or_default();
        *next += 1;
        let body = serde_json::value::to_raw_value(&body).unwrap();
        let event = Event { sequence: Sequence(*next), kind: kind.into(), occurred_at_ms: 5, body };
        let (hub, stream) = (hub(from), Stream::customers());
        let batch = Batch { hub, epoch: Epoch(7), stream, events: vec![event], link: None };
        let applied = self.ledger.apply(&batch).await.unwrap();
        assert_eq!(applied.quarantined, 0);
        self.ledger.apply(&batch).await.unwrap();
    }

    async fn changed(&mut self, from: &str, profile: &Profile) {
        self.send(from, CHANGED.name(), json!({ "customer": profile.id, "profile": profile })).await;
    }

    /// What waits for a store.
    async fn waiting(&self, store: &str) -> Vec<DownItem> {
        let batch = Queues::of(&self.ledger).next(&hub(store), &Stream::customers()).await.unwrap();
        batch.map(|batch| batch.items).unwrap_or_default()
    }

    /// A store takes all that waits.
    async fn take(&self, store: &str) {
        let queues = Queues::of(&self.ledger);
        let Some(batch) = queues.next(&hub(store), &Stream::customers()).await.unwrap() else { return };
        let up_to = batch.items.last().unwrap().sequence;
        let received = Received { queue: batch.queue, up_to, refused: vec![] };
        let answer = DownAcknowledgement::new(hub(store), Epoch(7), Stream::customers(), received);
        queues.acknowledge(&answer).await.unwrap();
    }

    async fn find(&self, lookup: Lookup) -> Vec<Profile> {
        search(self.ledger.database(), &lookup).await.unwrap()
    }
}

#[test]
fn a_stores_change_leaves_what_is_hqs() {
    let known =
        Profile { groups: vec!["staff".into()], tier: Some("gold".into()), ..profile(1, "Ada", "0664 1234567") };
    let told = Profile {
        name: Some("Ada Byron".into()),
        groups: vec![],
        tier: None,
        changed_at_ms: known.changed_at_ms + 1,
        ..known.clone()
    };
    let now = newer(known.clone(), told);
    assert_eq!((now.name.as_deref(), now.groups, now.tier), (Some("Ada Byron"), known.groups, known.tier));
}

async fn two_profiles_of_a_person_become_one_in_every_store(fresh: Fresh) {
    let mut world = World::new(&fresh.database).await;
    let consent = |purpose: &str| Consent { purpose: purpose.into(), text_version: "1".into(), given: true, at_ms: 3 };
    let mut ada = profile(1, "Ada Byron", "0664 1234567");
    ada.consent(consent("email"));
    world.changed("store-1", &ada).await;
    assert_eq!(world.waiting("store-2").await.len(), 1);
    let mut same = profile(2, "A. Byron", "+43 664 1234567");
    same.consent(consent("sms"));
    world.changed("store-2", &same).await;
    let found = world.find(Lookup::Phone("1234567664".into())).await;
    assert_eq!(found, [], "not the number");
    let found = world.find(Lookup::Phone("664 123 45 67".into())).await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].id, found[0].name.as_deref()), (&ada.id, Some("Ada Byron")));
    assert!(found[0].agreed_to("email") && found[0].agreed_to("sms"));
    assert_eq!(find(&fresh.database, &same.id).await.unwrap().as_ref(), Some(&found[0]), "by the alias");
    for store in ["store-1", "store-2"] {
        let kinds: Vec<_> = world.waiting(store).await.into_iter().map(|item| item.kind).collect();
        assert_eq!(kinds, ["customer.told", "customer.told", "customer.gone"], "{store}");
    }
    // A change under the alias is the person's; an older one takes nothing back.
    world.changed("store-2", &Profile { name: Some("Ada Lovelace".into()), ..same.clone() }).await;
    world.changed("store-1", &Profile { name: Some("Old".into()), changed_at_ms: 0, ..ada.clone() }).await;
    assert_eq!(world.find(Lookup::Name("byr ad".into())).await.len(), 1);
    // A store that begins without profiles gets the programme and all of them.
    world.take("store-2").await;
    world.send("store-2", PROFILES_REQUESTED.name(), json!({ "at_ms": 9 })).await;
    let kinds: Vec<_> = world.waiting("store-2").await.into_iter().map(|item| item.kind).collect();
    assert_eq!(kinds, ["programme.published", "customer.told"]);
}

async fn an_erased_customer_is_gone_from_every_table_and_queue(fresh: Fresh) {
    static EVENTS: Statement =
        Statement { name: "events", sqlite: "SELECT body FROM event", postgres: "SELECT body FROM event" };
    static QUEUED: Statement =
        Statement { name: "queued", sqlite: "SELECT body FROM queue_item", postgres: "SELECT body FROM queue_item" };
    static ROWS: Statement = Statement {
        name: "rows",
        sqlite: "SELECT COALESCE(profile, '') FROM customer UNION ALL SELECT key FROM customer_key",
        postgres: "SELECT COALESCE(profile, '') FROM customer UNION ALL SELECT key FROM customer_key",
    };
    let mut world = World::new(&fresh.database).await;
    let (ada, same) = (profile(1, "Ada Byron", "0664 1234567"), profile(2, "Ada B.", "0664 1234567"));
    world.changed("store-1", &ada).await;
    world.changed("store-2", &same).await;
    let everything = async || {
        let mut all = String::new();
        for statement in [&EVENTS, &QUEUED, &ROWS] {
            for row in fresh.database.read(statement, values![]).await.unwrap() {
                all.push_str(&row.read::<(String,)>().unwrap().0);
            }
        }
        all
    };
    assert!(everything().await.contains("Ada"));
    let archive: String = fresh
        .database
        .read(&EVENTS, values![])
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.read::<(String,)>().unwrap().0)
        .collect();
    assert!(archive.contains(ada.id.as_str()) && !archive.contains("Ada") && !archive.contains("664"), "{archive}");
    // A store asks for it under the alias.
    world.send("store-2", ERASURE_REQUESTED.name(), json!({ "customer": same.id })).await;
    let left = everything().await;
    assert!(!left.contains("Ada") && !left.contains("664"), "{left}");
    assert_eq!(find(&fresh.database, &ada.id).await.unwrap(), None);
    // A store that was offline still has a change.
    world.take("store-1").await;
    world.changed("store-1", &ada).await;
    let kinds: Vec<_> = world.waiting("store-1").await.into_iter().map(|item| item.kind).collect();
    assert_eq!((kinds, everything().await.contains("Ada")), (vec!["customer.gone".to_owned()], false));
    let mut transaction = fresh.database.transaction().await.unwrap();
    let again = erase(&mut transaction, &ada.id, 9).await;
    assert!(matches!(again, Err(CustomerError::Erased(_))));
    assert!(matches!(upsert(&mut transaction, ada.clone()).await, Err(CustomerError::Erased(_))));
}

async fn points_make_tiers_and_expire(fresh: Fresh) {
    let mut world = World::new(&fresh.database).await;
    let (ada, now_ms) = (profile(1, "Ada Byron", "0664 1234567"), now_ms());
    world.changed("store-1", &ada).await;
    let tier = Tier { name: "gold".into(), from_points: 100, bonus_permille: 0, groups: vec![] };
    let programme = Programme {
        point_value: 2,
        minor_per_point: Some(100),
        per_visit: 0,
        items: vec![],
        tiers: vec![tier],
        expire_days: Some(30),
    };
    let mut transaction = fresh.database.transaction().await.unwrap();
    set_programme(&mut transaction, Some(&programme), now_ms).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(super::programme(&fresh.database).await.unwrap(), Some(programme));
    let moved = |number: u64, movement: &str, amount: i64, at_ms: i64, totals: [i64; 3]| {
        json!({ "number": number, "card": ada.points, "kind": "loyalty_points", "currency": "EUR",
            "movement": movement, "amount": amount, "by": { "station": { "register": "till-1" } }, "at_ms": at_ms,
            "totals": { "epoch": 7, "loaded": totals[0], "granted": 0, "spent": totals[1], "returned": totals[2] } })
    };
    let long_ago_ms = now_ms - 40 * 24 * 3_600_000;
    world.send("store-1", "giftcard.moved", moved(1, "load", 300, long_ago_ms, [300, 0, 0])).await;
    world.send("store-1", "giftcard.moved", moved(2, "redeem", 120, now_ms, [300, 120, 0])).await;
    world.take("store-1").await;
    work(&fresh.database).await.unwrap();
    assert_eq!(find(&fresh.database, &ada.id).await.unwrap().unwrap().tier.as_deref(), Some("gold"), "150 points");
    // The rest is at the store, which is asked for it; it expires with the next run.
    let kinds: Vec<_> = world.waiting("store-1").await.into_iter().map(|item| item.kind).collect();
    assert_eq!(kinds, ["customer.told", "giftcard.recalled"]);
    world.send("store-1", "giftcard.moved", moved(3, "return", 180, now_ms, [300, 120, 180])).await;
    for _ in 0..2 {
        work(&fresh.database).await.unwrap();
        let account = gift_cards::find(&fresh.database, ada.points.as_ref().unwrap()).await.unwrap().unwrap();
        assert_eq!((account.0.balance, account.0.free), (0, 0));
    }
    let export = export(&fresh.database, &ada.id).await.unwrap().unwrap();
    assert_eq!((export.points.last().unwrap().movement.as_str(), export.ids.len()), ("expire", 1));
}

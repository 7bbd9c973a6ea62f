//! A box in memory against the desk, on SQLite and with a virtual clock.

use contract::{
    HubId,
    enrolment::{Code, signature},
};
use hq::database::Database;
use rcgen::{CertificateParams, KeyPair, SanType, SigningKey};
use time::Duration;

use super::*;
use crate::{authority::named, config::no_config, headquarters::Settings};

struct World {
    ledger: Ledger,
    headquarters: Headquarters,
    now: OffsetDateTime,
    _directory: tempfile::TempDir,
}

fn id() -> HubId {
    "store-1".parse().unwrap()
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let now = OffsetDateTime::now_utc();
        let settings = Settings::example();
        let headquarters = Headquarters::init(directory.path(), &settings, now).unwrap();
        let ledger = Ledger::on(Database::in_memory().await.unwrap());
        let world = Self { ledger, headquarters, now, _directory: directory };
        for name in ["store-1", "store-2"] {
            let details = serde_json::json!({ "name": "Store", "time_zone": "UTC", "currency": "EUR",
                "names": [format!("{name}.example.com"), "10.0.0.2"], "listen": "0.0.0.0:8443" });
            let details = serde_json::from_value(details).unwrap();
            let mut location = Location::new(name.parse().unwrap(), details, no_config());
            crate::config::put_config(&mut location, &world.headquarters.settings);
            let mut change = Change::begin(&world.ledger).await.unwrap();
            change.put(&location, 1).await.unwrap();
            change.commit().await.unwrap();
        }
        world
    }

    fn desk(&self) -> Desk<'_> {
        Desk { ledger: &self.ledger, headquarters: &self.headquarters, now: self.now }
    }

    async fn claim(&self, replaces: bool) -> Code {
        let (code, now) = (Code::draw().unwrap(), self.desk().now_ms());
        let mut change = Change::begin(&self.ledger).await.unwrap();
        let period = (now, now + 3_600_000);
        change.issue(&id(), Digest(code.key(&id()).0), replaces, period).await.unwrap();
        change.commit().await.unwrap();
        code
    }

    async fn location(&self) -> Location {
        Change::begin(&self.ledger).await.unwrap().location(&id()).await.unwrap().unwrap()
    }

    async fn revoked(&self) -> usize {
        let mut change = Change::begin(&self.ledger).await.unwrap();
        change.revoked(0).await.unwrap().len()
    }
}

/// A box: its keys, and the join number that it knows.
#[derive(Clone)]
struct Device {
    keys: std::sync::Arc<[KeyPair; 2]>,
    join: u64,
}

fn request(key: &KeyPair, name: &str) -> String {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = named(name);
    parameters.serialize_request(key).unwrap().pem().unwrap()
}

impl Device {
    fn new() -> Self {
        Self { keys: std::sync::Arc::new([0, 1].map(|_| KeyPair::generate().unwrap())), join: 0 }
    }

    fn enrolment(&self, code: &Code, nonce: &str) -> Question {
        let [identity, store_authority] = [0, 1].map(|key| request(&self.keys[key], "store-1"));
        let (nonce, software) = (nonce.to_owned(), "test".to_owned());
        let asked =
            Enrolment { location: id(), nonce, identity, store_authority, sent_at_ms: 0, software, devices: vec![] };
        let body = serde_json::to_string(&asked).unwrap();
        Question { proof: code.key(&id()).prove(&body), body }
    }

    async fn enrol(&mut self, world: &World, code: &Code) -> Result<Answer, Refused> {
        let reply = world.desk().enrol(&self.enrolment(code, "n")).await?;
        let answer: Answer = read(&reply.body).unwrap();
        self.join = answer.join;
        Ok(answer)
    }

    fn check_in(&self, nonce: &str, change: impl FnOnce(&mut CheckIn)) -> Question {
        let mut asked = CheckIn {
            location: id(),
            nonce: nonce.to_owned(),
            join: self.join,
            sent_at_ms: 0,
            software: "test".into(),
            config: 1,
            refused_config: None,
            renew: None,
            wiped: false,
        };
        change(&mut asked);
        let body = serde_json::to_string(&asked).unwrap();
        Question { proof: signature(&self.keys[0].sign(&Signed::CheckIn.message(&body)).unwrap()), body }
    }

    async fn tell(&mut self, world: &World, nonce: &str) -> Result<Answer, Refused> {
        self.ask(world, &self.check_in(nonce, |_| {})).await
    }

    async fn ask(&mut self, world: &World, question: &Question) -> Result<Answer, Refused> {
        let answer: Answer = read(&world.desk().check_in(question).await?.body).unwrap();
        self.join = answer.join;
        Ok(answer)
    }

    fn renewal(&self) -> Renewal {
        let [identity, store_authority] = [0, 1].map(|key| request(&self.keys[key], "store-1"));
        Renewal { identity, store_authority }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_50_clients_replay_at_once_issues_one_certificate() {
    let world = World::new().await;
    let code = world.claim(false).await;
    let question = Device::new().enrolment(&code, "n");
    let (ledger, headquarters, now) = (&world.ledger, &world.headquarters, world.now);
    let all = (0..50).map(|number| {
        let question = if number % 2 == 0 { question.clone() } else { Device::new().enrolment(&code, "other") };
        async move { (number % 2, Desk { ledger, headquarters, now }.enrol(&question).await) }
    });
    let mut replies = Vec::new();
    let mut used = 0;
    // Together on one runtime: their statements interleave.
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let answers = std::future::poll_fn(|context| {
        all.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready((_, Ok(reply))) => {
                replies.push(reply);
                false
            }
            std::task::Poll::Ready((_, Err(Refused::Used(_)))) => {
                used += 1;
                false
            }
            std::task::Poll::Ready((_, Err(other))) => panic!("{other}"),
            std::task::Poll::Pending => true,
        });
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    });
    answers.await;
    let mut change = Change::begin(&world.ledger).await.unwrap();
    assert_eq!(change.identities(&id()).await.unwrap().len(), 2, "a hub's and its store's authority");
    drop(change);
    assert!(replies.iter().all(|reply| *reply == replies[0]), "a repeated question gets the same answer");
    assert_eq!((replies.len() + used, replies.is_empty()), (50, false));
}

#[tokio::test]
async fn five_wrong_codes_lock_a_claim() {
    let world = World::new().await;
    let code = world.claim(false).await;
    let wrong = Code::draw().unwrap();
    let mut device = Device::new();
    for _ in 1..TRIES {
        assert!(matches!(device.enrol(&world, &wrong).await, Err(Refused::Claim(_))));
    }
    assert!(matches!(device.enrol(&world, &wrong).await, Err(Refused::Locked(_))));
    assert!(matches!(device.enrol(&world, &code).await, Err(Refused::Locked(_))), "the right one, too late");
    let again = world.claim(false).await;
    device.enrol(&world, &again).await.unwrap();
    assert!(matches!(Device::new().enrol(&world, &again).await, Err(Refused::Used(_))));
    let acts = world.ledger.location_acts(&id()).await.unwrap();
    let acts: Vec<_> = acts.iter().map(|act| act.act.as_str()).collect();
    assert_eq!(acts.iter().filter(|act| **act == "claim_refused").count(), 4);
    assert!(acts.contains(&"claim_locked") && acts.contains(&"enrolled"), "{acts:?}");
}

#[tokio::test]
async fn an_expired_claim_and_a_request_for_more_are_refused() {
    let mut world = World::new().await;
    let code = world.claim(false).await;
    let mut device = Device::new();
    let greedy = |change: &dyn Fn(&mut CertificateParams)| {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = named("store-1");
        change(&mut parameters);
        parameters.serialize_request(&device.keys[0]).unwrap().pem().unwrap()
    };
    let other = greedy(&|it| it.distinguished_name = named("store-2"));
    let host = greedy(&|it| it.subject_alt_names = vec![SanType::DnsName("store-2.example.com".try_into().unwrap())]);
    for identity in [other, host, "x".repeat(10_000), "-----BEGIN CERTIFICATE REQUEST-----".into()] {
        let mut asked: Enrolment = read(&device.enrolment(&code, "n").body).unwrap();
        asked.identity = identity;
        let body = serde_json::to_string(&asked).unwrap();
        let question = Question { proof: code.key(&id()).prove(&body), body };
        assert!(matches!(world.desk().enrol(&question).await, Err(Refused::Request(_))));
    }
    world.now += Duration::hours(2);
    assert!(matches!(device.enrol(&world, &code).await, Err(Refused::Expired(_))));
}

#[tokio::test]
async fn a_lost_answer_is_repeated_and_a_copied_disk_locks_both_out() {
    let world = World::new().await;
    let mut device = Device::new();
    device.enrol(&world, &world.claim(false).await).await.unwrap();
    let question = device.check_in("1", |_| {});
    let first = world.desk().check_in(&question).await.unwrap();
    assert_eq!(world.desk().check_in(&question).await.unwrap(), first, "as after a lost answer");
    device.join = 2;
    let mut copy = device.clone();
    assert_eq!(device.tell(&world, "2").await.unwrap().join, 3);
    assert!(matches!(copy.tell(&world, "other").await, Err(Refused::Cloned(_))));
    assert!(matches!(device.tell(&world, "3").await, Err(Refused::Cloned(_))), "HQ can't know which one is right");
    assert_eq!(world.revoked().await, 2);
    assert_eq!(world.ledger.alarms().await.unwrap()[0].kind, "clone");

    // A restored backup is a copy as well; a replacement ends it.
    let mut replacement = Device::new();
    replacement.enrol(&world, &world.claim(true).await).await.unwrap();
    replacement.tell(&world, "1").await.unwrap();
    assert_eq!(world.location().await.state, State::Open);
    assert_eq!(device.tell(&world, "4").await.unwrap().order, Some(Order::Retired));
}

#[tokio::test]
async fn the_former_box_is_revoked_when_the_new_one_checks_in() {
    let world = World::new().await;
    let (mut former, mut new) = (Device::new(), Device::new());
    former.enrol(&world, &world.claim(false).await).await.unwrap();
    former.tell(&world, "1").await.unwrap();
    new.enrol(&world, &world.claim(true).await).await.unwrap();
    assert_eq!(former.tell(&world, "2").await.unwrap().order, None, "the new one may never start");
    assert_eq!(world.revoked().await, 0);
    new.tell(&world, "1").await.unwrap();
    assert_eq!(world.revoked().await, 2);
    assert_eq!(former.tell(&world, "3").await.unwrap().order, Some(Order::Retired));
    new.tell(&world, "2").await.unwrap();
}

#[tokio::test]
async fn certificates_are_renewed_at_two_thirds_and_after_expiry_three_times_a_year() {
    let mut world = World::new().await;
    let mut device = Device::new();
    device.enrol(&world, &world.claim(false).await).await.unwrap();
    world.now += Duration::days(59);
    assert_eq!(device.tell(&world, "1").await.unwrap().order, None);
    world.now += Duration::days(2);
    assert_eq!(device.tell(&world, "2").await.unwrap().order, Some(Order::Renew));
    let renewal = device.renewal();
    let question = device.check_in("3", |it| it.renew = Some(renewal));
    assert!(device.ask(&world, &question).await.unwrap().certificates.is_some());
    assert_eq!(device.tell(&world, "4").await.unwrap().order, None);
    let other = Device::new().renewal();
    let question = device.check_in("5", |it| it.renew = Some(other));
    assert!(matches!(device.ask(&world, &question).await, Err(Refused::OtherKey(_))));

    for time in 1..=4 {
        world.now += Duration::days(91);
        let renewal = device.renewal();
        let question = device.check_in(&format!("expired-{time}"), |it| it.renew = Some(renewal));
        let renewed = device.ask(&world, &question).await;
        match time {
            4 => {
                let refused = renewed.unwrap_err().to_string();
                assert!(refused.contains("`store-hub-provision hub renew store-1`"), "{refused}");
            }
            _ => assert!(renewed.unwrap().certificates.is_some()),
        }
    }
    let mut change = Change::begin(&world.ledger).await.unwrap();
    let allowed = Location { renew: true, ..change.location(&id()).await.unwrap().unwrap() };
    change.put(&allowed, 1).await.unwrap();
    change.commit().await.unwrap();
    let renewal = device.renewal();
    let question = device.check_in("allowed", |it| it.renew = Some(renewal));
    device.ask(&world, &question).await.unwrap();
}

#[tokio::test]
async fn another_stores_key_a_revoked_hub_and_a_closed_location_are_refused() {
    let world = World::new().await;
    let mut device = Device::new();
    device.enrol(&world, &world.claim(false).await).await.unwrap();
    assert!(matches!(Device::new().tell(&world, "1").await, Err(Refused::Proof(_))));
    let elsewhere = device.check_in("2", |it| it.location = "store-2".parse().unwrap());
    assert!(matches!(device.ask(&world, &elsewhere).await, Err(Refused::Proof(_))));
    let mut altered = device.check_in("3", |_| {});
    altered.body = altered.body.replace("\"join\":1", "\"join\":2");
    assert!(matches!(device.ask(&world, &altered).await, Err(Refused::Proof(_))));
    device.tell(&world, "4").await.unwrap();

    let mut change = Change::begin(&world.ledger).await.unwrap();
    let stock_to: Option<HubId> = Some("store-2".parse().unwrap());
    let (state, sent) = (State::Closing, stock_to.clone());
    let closing = Location { state, stock_to, ..change.location(&id()).await.unwrap().unwrap() };
    change.put(&closing, 1).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(device.tell(&world, "5").await.unwrap().order, Some(Order::Wipe { stock_to: sent }));
    let wiped = device.check_in("6", |it| it.wiped = true);
    device.ask(&world, &wiped).await.unwrap();
    assert_eq!((world.location().await.state, world.revoked().await), (State::Closed, 2));
    assert!(matches!(device.tell(&world, "7").await, Err(Refused::Revoked { .. })));
}

#[tokio::test]
async fn a_claim_from_before_a_location_was_closed_enrols_no_box() {
    let world = World::new().await;
    let mut hub = Device::new();
    let first = world.claim(false).await;
    hub.enrol(&world, &first).await.unwrap();
    let code = world.claim(true).await;
    for state in [State::Closing, State::Closed] {
        let mut change = Change::begin(&world.ledger).await.unwrap();
        let location = Location { state, ..change.location(&id()).await.unwrap().unwrap() };
        change.put(&location, 1).await.unwrap();
        change.commit().await.unwrap();
        let refused = Device::new().enrol(&world, &code).await.unwrap_err();
        assert!(matches!(&refused, Refused::Closed { .. }), "{refused}");
        assert!(refused.to_string().contains(&format!("store-1 is {}", state.name())), "{refused}");
        let after = world.location().await;
        assert_eq!((after.state, after.generation, world.revoked().await), (state, 1, 0), "its hub is still the hub");
    }
}

#[tokio::test]
async fn a_changed_config_is_sent_until_it_is_used_or_refused() {
    let world = World::new().await;
    let mut device = Device::new();
    device.enrol(&world, &world.claim(false).await).await.unwrap();
    assert_eq!(device.tell(&world, "1").await.unwrap().config, None);
    let mut change = Change::begin(&world.ledger).await.unwrap();
    let mut location = change.location(&id()).await.unwrap().unwrap();
    location.details.lanes = "[[register]]\nname = \"till-1\"\n".into();
    crate::config::put_config(&mut location, &world.headquarters.settings);
    change.put(&location, 1).await.unwrap();
    change.commit().await.unwrap();
    for nonce in ["2", "3"] {
        let config = device.tell(&world, nonce).await.unwrap().config.unwrap();
        assert!(config.version == 2 && config.toml.contains("till-1"), "{}", config.toml);
    }
    let refused = contract::enrolment::RefusedConfig { version: 2, why: "not connected".into() };
    let question = device.check_in("4", |it| it.refused_config = Some(refused));
    assert_eq!(device.ask(&world, &question).await.unwrap().config, None);
    assert_eq!(world.location().await.config.refused.as_deref(), Some("not connected"));
    let question = device.check_in("5", |it| it.config = 2);
    assert_eq!(device.ask(&world, &question).await.unwrap().config, None);
    assert_eq!(world.location().await.config.refused, None);
}

//! Dead letters, leases, and refused addresses.

use std::{future::Future, time::Duration};

use rustls::RootCertStore;
use tokio::time::{Instant, sleep};

use super::{deliver::run, *};
use crate::{
    feed::Feed,
    testing::{Fresh, on_each_engine},
};

const LIMIT: Duration = Duration::from_secs(60);

on_each_engine! {
    a_message_that_is_never_accepted_is_a_dead_letter_until_it_is_retried
    an_internal_address_gets_nothing_and_the_webhook_says_why
    two_processes_do_not_deliver_one_webhook
}

/// A webhook to an address that accepts nothing.
async fn added(fresh: &Fresh, url: &str) -> String {
    let mut transaction = fresh.database.transaction().await.unwrap();
    let target = url.parse().unwrap();
    let wanted = Wanted { target, kinds: vec![], stores: vec![], from: Position::default() };
    let (webhook, _) = add(&mut transaction, &wanted).await.unwrap();
    transaction.commit().await.unwrap();
    webhook.id
}

/// A message of the webhook after a number of attempts.
async fn sent(fresh: &Fresh, webhook: &str, attempts: u32) {
    let mut transaction = fresh.database.transaction().await.unwrap();
    let row = values![webhook, "evt_1", "sale.completed", "{}", attempts, 0_i64, false, "answered 500"];
    transaction.execute(&KEEP, row).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn deliveries(fresh: &Fresh, reach: Reach) -> tokio::task::AbortHandle {
    let sender = Sender::new(reach, link::client_config(RootCertStore::empty(), None).unwrap());
    let feed = Feed::start(fresh.database.clone()).await.unwrap();
    tokio::spawn(run(fresh.database.clone(), feed, sender)).abort_handle()
}

async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < LIMIT, "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn only(fresh: &Fresh) -> Webhook {
    list(&fresh.database).await.unwrap().pop().unwrap()
}

async fn a_message_that_is_never_accepted_is_a_dead_letter_until_it_is_retried(fresh: Fresh) {
    let id = added(&fresh, "http://127.0.0.1:1/").await;
    sent(&fresh, &id, schedule::ATTEMPTS - 1).await;
    let _deliveries = deliveries(&fresh, Reach::Anywhere).await;
    until("it is dead", async || only(&fresh).await.dead == 1).await;
    let letters = dead_letters(&fresh.database, &id, "", 10).await.unwrap();
    assert_eq!((letters.len(), &*letters[0].id, letters[0].attempts), (1, "evt_1", 10));
    assert!(letters[0].why.contains("127.0.0.1:1"), "{}", letters[0].why);
    assert_eq!(only(&fresh).await.waiting, 0);

    let again = async |message| {
        let mut transaction = fresh.database.transaction().await.unwrap();
        let count = retry(&mut transaction, &id, message).await.unwrap();
        transaction.commit().await.unwrap();
        count
    };
    assert_eq!(again(Some("evt_2")).await, 0);
    assert_eq!(again(Some("evt_1")).await, 1);
    assert_eq!(again(None).await, 0, "it is not dead any more");
    assert_eq!((only(&fresh).await.waiting, only(&fresh).await.dead), (1, 0));
    assert!(matches!(dead_letters(&fresh.database, "wh_none", "", 10).await, Err(WebhookError::Unknown { .. })));
}

async fn an_internal_address_gets_nothing_and_the_webhook_says_why(fresh: Fresh) {
    let id = added(&fresh, "https://localhost:1/").await;
    sent(&fresh, &id, 1).await;
    let _deliveries = deliveries(&fresh, Reach::Public).await;
    until("it was tried", async || only(&fresh).await.failing.is_some()).await;
    let failing = only(&fresh).await.failing.unwrap();
    assert!(failing.contains("not a public address"), "{failing}");
}

async fn two_processes_do_not_deliver_one_webhook(fresh: Fresh) {
    let id = added(&fresh, "http://127.0.0.1:1/").await;
    let lease = async |owner: &str, until_ms: i64, now_ms: i64| {
        let mut transaction = fresh.database.transaction().await.unwrap();
        let taken = transaction.execute(&LEASE, values![owner, until_ms, &id, now_ms]).await.unwrap();
        transaction.commit().await.unwrap();
        taken
    };
    assert_eq!(lease("one", 100, 1).await, 1);
    assert_eq!(lease("two", 200, 50).await, 0, "it is the first one's");
    assert_eq!(lease("one", 150, 50).await, 1, "which may keep it");
    assert_eq!(lease("two", 300, 151).await, 1, "until it lets it go");
    let moved = async |owner: &str| {
        let mut transaction = fresh.database.transaction().await.unwrap();
        let row = values![0_i64, 7_i64, 1_i64, None::<&str>, &id, owner];
        transaction.execute(&MOVE, row).await.unwrap()
    };
    assert_eq!((moved("one").await, moved("two").await), (0, 1), "who lost it moves nothing");
}

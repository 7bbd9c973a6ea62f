//! A wrong clock: sales continue, no fiscal year begins, nothing is deleted, and a person is told.

use std::{path::Path, time::Duration};

use axum::http::StatusCode;
use serde_json::{Value, json};
use store::{
    Name, Store, StoreError, Table,
    idempotency::{CommandKey, Once},
};

use crate::common::{
    ENGINE,
    shop::{CEREAL, Shop, now_ms, of, pieces, runtime},
};

static MOMENTS: Table<Name, i64> = Table::new("moment");

const YEAR_MS: i64 = 365 * 24 * 3_600_000;

/// A command answered a month before a moment.
fn month_old(moment_ms: i64) -> CommandKey {
    let at_ms = moment_ms - YEAR_MS / 12;
    CommandKey { asker: "till-9".into(), key: "key-0001".into(), fingerprint: "a".into(), at_ms }
}

/// A store whose clock was last right at a moment, with an answer from a month before the current time.
async fn last_right_at(directory: &Path, latest_ms: i64) {
    let store = Store::open(&directory.join("data"), ENGINE, &app::linked_tables(), 1).unwrap();
    let old = store.commit(move |transaction| {
        transaction.put(&MOMENTS, "latest", &latest_ms)?;
        transaction.once(&month_old(now_ms()), |_| Ok::<_, StoreError>(1)).map(drop)
    });
    old.await.unwrap();
}

async fn sold(shop: &Shop) -> Value {
    let sold = shop.sell(0, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK);
    let id = sold["sale"].as_str().unwrap();
    shop.read(&format!("/api/v1/sales/{id}")).await
}

/// Whether the old answer is still stored, after the hub has had time for retention.
async fn remembers(shop: &Shop) -> bool {
    tokio::time::sleep(Duration::from_millis(500)).await;
    shop.hub.store().is_answered(&month_old(0)).unwrap()
}

#[test]
fn a_clock_years_ahead_begins_no_year_and_deletes_nothing_until_a_person_agrees() {
    let directory = tempfile::tempdir().unwrap();
    let first = runtime();
    first.block_on(is_ahead_until_a_person_agrees(directory.path()));
    first.shutdown_timeout(Duration::from_secs(10));
    // The next start runs retention with a clock that is right.
    let remembers = async { remembers(&Shop::open(directory.path()).await).await };
    assert!(!runtime().block_on(remembers), "a month is longer than answers are kept");
}

async fn is_ahead_until_a_person_agrees(directory: &Path) {
    last_right_at(directory, now_ms() - 3 * YEAR_MS).await;
    let shop = Shop::open(directory).await;
    let clock = shop.read("/api/v1/status").await["clock"].clone();
    assert_eq!(clock["trust"], "ahead");
    assert!(clock["fault"].as_str().unwrap().contains("/api/v1/clock/agree"), "{clock}");
    let first = sold(&shop).await;
    assert!(remembers(&shop).await, "nothing is deleted");
    shop.till(0, "/api/v1/clock/agree", json!({})).await.refused(403, "forbidden");
    shop.person("/api/v1/clock/agree", json!({})).await.expect(StatusCode::OK);
    let clock = shop.read("/api/v1/status").await["clock"].clone();
    assert_eq!((&clock["trust"], &clock["fault"]), (&json!("trusted"), &Value::Null));
    let second = sold(&shop).await;
    let year = |sale: &Value| sale["fiscal_year"].as_u64().unwrap();
    assert!((2..=3).contains(&(year(&second) - year(&first))), "{first} {second}");
    let audit = shop.read("/api/v1/audit").await;
    assert_eq!(audit[0]["act"], "clock_agreed", "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_years_behind_stamps_nothing_before_earlier_sales() {
    let directory = tempfile::tempdir().unwrap();
    let latest_ms = now_ms() + 3 * YEAR_MS;
    last_right_at(directory.path(), latest_ms).await;
    let shop = Shop::open(directory.path()).await;
    assert_eq!(shop.read("/api/v1/status").await["clock"]["trust"], "behind");
    let sale = sold(&shop).await;
    assert!(sale["sold_at_ms"].as_i64().unwrap() >= latest_ms, "{sale}");
    assert!(remembers(&shop).await, "nothing is deleted");
    // A repeat finds its answer, because the answer is not older than the clock.
    let again = shop.hub.store().commit(|transaction| transaction.once(&month_old(0), |_| Ok::<_, StoreError>(2)));
    assert_eq!(again.await.unwrap(), Once::Again(1));
}

//! Immutable records can't be changed without being noticed.

use proptest::prelude::*;

use super::*;
use crate::{
    Depth, Number,
    chain::{HEAD, HEADS},
    engine::{Batch, Engine},
    value::Value,
};

static SALES: Table<Number, String> = Table::linked("sale");
static AUDITS: Table<Number, String> = Table::linked("audit");

/// Nine sales and nine audit entries, alternating.
async fn filled() -> (Arc<Faulty>, Store) {
    let engine = Faulty::new();
    let store = open(engine.clone()).unwrap();
    for number in 1..=9 {
        let write = store.commit(move |transaction| {
            transaction.put(&SALES, number, &format!("sale {number}"))?;
            transaction.put(&AUDITS, number, &format!("audit {number}"))
        });
        write.await.unwrap();
    }
    (engine, store)
}

/// A record with the same link and a correct checksum, as somebody who knows the format could write it.
fn forged(stored: &[u8], key: &[u8], json: &str) -> Vec<u8> {
    let value = Value::of(key, stored).unwrap();
    Value { json: json.as_bytes(), ..value }.encode(key)
}

fn faults(store: &Store) -> String {
    store.check(Depth::Whole).unwrap().faults.join("; ")
}

#[tokio::test]
async fn a_chain_over_two_tables_holds() {
    let (_, store) = filled().await;
    let checked = store.check(Depth::Whole).unwrap();
    assert_eq!((checked.links, checked.faults), (18, Vec::new()));
}

#[tokio::test]
async fn every_change_behind_the_hubs_back_is_found() {
    let (engine, store) = filled().await;
    let whole = engine.applied.lock().unwrap().clone();
    let after = |change: Batch| {
        *engine.applied.lock().unwrap() = whole.clone();
        engine.apply(change).unwrap();
        faults(&store)
    };
    for number in 1..=9 {
        let key = SALES.raw_key(number);
        let forgery = forged(&whole[&key], &key, "\"sale 1000\"");
        assert!(after(vec![(key.clone(), Some(forgery))]).contains("was changed after it was stored"), "{number}");
        assert!(after(vec![(key.clone(), None)]).contains("of the chain are missing"), "{number}");
    }
    let audit = AUDITS.raw_key(9);
    let twice = whole[&audit].clone();
    assert!(after(vec![(audit.clone(), None)]).contains("the chain ends with link 17, its head says 18"));
    assert!(!after(vec![(AUDITS.raw_key(10), Some(twice))]).is_empty(), "the checksum covers the key");
    let mut head = HEADS.read(&*engine, HEAD).unwrap().unwrap();
    head.hash[0] ^= 1;
    let head_key = HEADS.raw_key(HEAD);
    let other_head = HEADS.encode(&head_key, &head, |_| None).unwrap();
    assert!(after(vec![(head_key, Some(other_head))]).contains("not the hash of link 18"));
    // A record removed from the chain by writing it as an unlinked one.
    let key = SALES.raw_key(4);
    let plain = SALES.encode(&key, &"sale 4".into(), |_| None).unwrap();
    assert!(after(vec![(key, Some(plain))]).contains("links 7 to 7 of the chain are missing"));
    // An inserted record with a correct checksum and no link.
    let key = AUDITS.raw_key(10);
    let plain = AUDITS.encode(&key, &"audit 10".into(), |_| None).unwrap();
    assert!(after(vec![(key, Some(plain))]).contains("is not a link of the chain"));
}

#[tokio::test]
async fn a_linked_record_is_written_once() {
    let (_, store) = filled().await;
    let again = store.commit(|transaction| transaction.put(&SALES, 4, &"another sale 4".into()));
    assert!(matches!(again.await, Err(StoreError::StoredAlready { table: "sale", .. })));
    let twice = store.commit(|transaction| {
        transaction.put(&SALES, 10, &"sale 10".into())?;
        transaction.put(&SALES, 10, &"another sale 10".into())
    });
    assert!(matches!(twice.await, Err(StoreError::StoredAlready { .. })), "also within one commit");
    assert_eq!((store.get(&SALES, 4).unwrap().as_deref(), faults(&store)), (Some("sale 4"), String::new()));
}

#[tokio::test]
async fn a_linked_table_must_be_declared_at_opening() {
    static REFUNDS: Table<Number, String> = Table::linked("refund");
    static PLAIN_SALES: Table<Number, String> = Table::new("sale");
    let (_, store) = filled().await;
    for table in [&REFUNDS, &PLAIN_SALES] {
        let refused = store.commit(|transaction| transaction.put(table, 1, &"x".into())).await;
        assert!(matches!(refused, Err(StoreError::OtherTable { .. })), "{refused:?}");
    }
    assert_eq!(REFUNDS.info(), crate::TableInfo { name: "refund", is_linked: true });
    assert_eq!(faults(&store), "");
}

#[tokio::test]
async fn a_refused_commit_takes_no_link() {
    let (_, store) = filled().await;
    let refused = store.commit(|transaction| {
        transaction.put(&SALES, 10, &"refused".into())?;
        Err::<(), _>(StoreError::Busy)
    });
    let kept = store.commit(|transaction| transaction.put(&SALES, 10, &"kept".into()));
    let (refused, kept) = tokio::join!(refused, kept);
    assert!(refused.is_err());
    kept.unwrap();
    assert_eq!(faults(&store), "");
}

proptest! {
    /// If two sales exchange their places, texts or links, the check reports it.
    #[test]
    fn no_two_records_can_be_exchanged(a in 1_u64..=9, b in 1_u64..=9) {
        prop_assume!(a != b);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (engine, store) = runtime.block_on(filled());
        let (key_a, key_b) = (SALES.raw_key(a), SALES.raw_key(b));
        let stored = |key: &[u8]| engine.get(key).unwrap().unwrap();
        let forged_a = forged(&stored(&key_a), &key_a, &format!("\"sale {b}\""));
        let forged_b = forged(&stored(&key_b), &key_b, &format!("\"sale {a}\""));
        engine.apply(vec![(key_a, Some(forged_a)), (key_b, Some(forged_b))]).unwrap();
        prop_assert!(faults(&store).contains("was changed"));
    }
}

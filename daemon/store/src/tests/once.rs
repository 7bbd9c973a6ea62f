//! A repeated command gets its first answer.

use super::*;
use crate::{
    EngineKind,
    idempotency::{CommandKey, Once, REMEMBERED},
};

fn command(key: &str, fingerprint: &str) -> CommandKey {
    CommandKey { asker: "till-1".into(), key: key.into(), fingerprint: fingerprint.into(), at_ms: 0 }
}

async fn count_once(store: &Store, command: CommandKey) -> Once<u64> {
    store
        .commit(move |transaction| {
            transaction.once(&command, |transaction| {
                let next = transaction.get(&COUNTS, "n")?.unwrap_or(0) + 1;
                transaction.put(&COUNTS, "n", &next)?;
                Ok::<_, StoreError>(next)
            })
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_repeated_command_gets_its_first_answer_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EngineKind::Sqlite, LINKED, 1).unwrap();
    assert_eq!(count_once(&store, command("k1", "f")).await, Once::First(1));
    assert_eq!(count_once(&store, command("k1", "f")).await, Once::Again(1));
    assert_eq!(count_once(&store, command("k1", "other")).await, Once::OtherCommand);
    drop(store);
    let store = Store::open(directory.path(), EngineKind::Sqlite, LINKED, 1).unwrap();
    assert_eq!(count_once(&store, command("k1", "f")).await, Once::Again(1));
    assert_eq!(count_once(&store, command("k2", "f")).await, Once::First(2));
    let both = tokio::join!(count_once(&store, command("k3", "f")), count_once(&store, command("k3", "f")));
    assert_eq!(both, (Once::First(3), Once::Again(3)), "also within one group");
}

#[tokio::test]
async fn old_answers_are_forgotten_and_young_ones_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EngineKind::Sqlite, LINKED, 1).unwrap();
    let key = |number: i64| CommandKey { at_ms: number, ..command(&format!("key-{number:05}"), "f") };
    store
        .commit(move |transaction| {
            for number in 0..1_300 {
                transaction.once(&key(number), |_| Ok::<_, StoreError>(number))?;
            }
            transaction.put(&NOTES, "a", &"not an answer".to_owned())
        })
        .await
        .unwrap();
    let limit = i64::try_from(REMEMBERED.as_millis()).unwrap();
    assert_eq!(blocking(|| store.forget_answers(limit)).unwrap(), 0, "exactly as old as is kept");
    assert_eq!(blocking(|| store.forget_answers(limit + 700)).unwrap(), 700);
    assert_eq!(blocking(|| store.forget_answers(limit + 700)).unwrap(), 0);
    let again = |number| store.commit(move |transaction| transaction.once(&key(number), |_| Ok::<_, StoreError>(-1)));
    assert_eq!(again(700).await.unwrap(), Once::Again(700));
    assert_eq!(again(699).await.unwrap(), Once::First(-1));
    assert_eq!(store.get(&NOTES, "a").unwrap().as_deref(), Some("not an answer"));
}

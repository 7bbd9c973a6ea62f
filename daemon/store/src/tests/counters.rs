//! Counters assign each number once.

use super::*;

async fn next(store: &Store, counter: &'static str) -> Result<u64, StoreError> {
    store.commit(move |transaction| transaction.next_number(counter)).await
}

#[tokio::test]
async fn numbers_count_from_one_without_gaps_over_refusals_and_power_cuts() {
    let mut engine = Faulty::new();
    let mut store = open(engine.clone()).unwrap();
    assert_eq!(store.last_number("basket").unwrap(), 0);
    for expected in 1..=3 {
        assert_eq!(next(&store, "basket").await.unwrap(), expected);
    }
    assert_eq!(next(&store, "movement").await.unwrap(), 1, "each counter for itself");
    let refused = store.commit(|transaction| {
        assert_eq!((transaction.next_number("basket")?, transaction.last_number("basket")?), (4, 4));
        Err::<(), _>(StoreError::Busy)
    });
    refused.await.unwrap_err();
    assert_eq!(next(&store, "basket").await.unwrap(), 4);
    engine.set(Some(Fault::EioOnFlush));
    next(&store, "basket").await.unwrap_err();
    engine = engine.cut(0);
    store = open(engine).unwrap();
    assert_eq!(store.last_number("basket").unwrap(), 4);
    assert_eq!(next(&store, "basket").await.unwrap(), 5);
}

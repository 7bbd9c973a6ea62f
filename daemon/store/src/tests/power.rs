//! Power failures between any two batches, on an engine in memory; `tests/` has those of the real engines.

use proptest::prelude::*;

use super::*;
use crate::Depth;

/// Commits until the power fails, repeatedly; returns how many answered commits were lost, and how many were torn.
async fn lives(lives: &[(usize, usize, bool)], lie: bool) -> (usize, usize) {
    let (mut engine, mut answered, mut tried) = (Faulty::new(), Vec::new(), 0_u64);
    for (commits, kept, in_mid_commit) in lives {
        let store = open(engine.clone()).unwrap();

        for left in (0..*commits).rev() {
            let fault = if *in_mid_commit && left == 0 { Some(Fault::EioOnFlush) } else { lie.then_some(Fault::Lie) };
            engine.set(fault);
            let number = tried;
            tried += 1;
            let done = store.commit(move |transaction| {
                transaction.put(&ROWS, ("left", number), &number)?;
                transaction.append_to_outbox("sales", "sale.completed", 0, "s")?;
                transaction.put(&ROWS, ("right", number), &number)
            });
            if done.await.is_ok() {
                answered.push(number);
            }
        }
        engine = engine.cut(*kept);
    }
    let store = open(engine).unwrap();
    let there = |side, number| store.get(&ROWS, (side, number)).unwrap().is_some();
    let lost = answered.iter().filter(|number| !there("left", **number)).count();
    let torn = (0..tried).filter(|number| there("left", *number) != there("right", *number)).count();
    let stored = (0..tried).filter(|number| there("left", *number)).count() as u64;
    assert_eq!(store.outbox_span("sales").unwrap().last, stored, "one event for each commit that is there");
    assert_eq!(store.check(Depth::Whole).unwrap().faults, [""; 0]);
    (lost, torn)
}

#[tokio::test]
async fn a_power_cut_exposes_an_engine_that_lies_about_its_flush() {
    assert_eq!(lives(&[(5, 0, false)], false).await, (0, 0));
    assert_eq!(lives(&[(5, 0, false)], true).await, (5, 0));
    assert_eq!(lives(&[(5, 3, false), (2, 9, false)], true).await, (2, 0));
}

proptest! {
    /// Whenever the power fails, and whichever unflushed batches survive: no answered commit is lost, and none is torn.
    #[test]
    fn power_cuts_lose_nothing_that_was_answered(
        histories in proptest::collection::vec((0_usize..6, 0_usize..4, any::<bool>()), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert_eq!(runtime.block_on(lives(&histories, false)), (0, 0));
    }
}

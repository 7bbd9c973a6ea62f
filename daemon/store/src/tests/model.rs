//! Random histories with power failures, compared with a model in memory.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    Depth, Number, Transaction,
    idempotency::{CommandKey, Once},
    parts,
};

static SALES: Table<Number, u64> = Table::linked("sale");

/// The work of a commit.
#[derive(Clone, Debug)]
enum Work {
    Put(u8, u16),
    Delete(u8),
    /// A sale: a link of the chain and an event, together.
    Sell,
    /// A command under a key, which may be a repeat; it increments a count.
    Command(u8),
    /// Writes, then refuses.
    Refuse(u8),
    /// Writes, then panics.
    Panic(u8),
}

/// A step of a history.
#[derive(Clone, Debug)]
enum Step {
    Commit(Work),
    /// HQ acknowledges this many events.
    Acknowledge(u64),
    /// The flush of this commit fails, then the power; this many of the unflushed batches survive.
    Cut(Work, usize),
}

/// The expected contents of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    notes: BTreeMap<u8, u16>,
    sales: u64,
    acknowledged: u64,
    commands: u64,
    answers: BTreeMap<u8, u64>,
}

impl Model {
    /// Applies the work; returns the expected answer, if any.
    fn work(&mut self, work: &Work) -> Option<u64> {
        match work {
            Work::Put(key, value) => {
                self.notes.insert(*key, *value);
                Some(0)
            }
            Work::Delete(key) => {
                self.notes.remove(key);
                Some(0)
            }
            Work::Sell => {
                self.sales += 1;
                Some(self.sales)
            }
            Work::Command(key) => {
                let Self { commands, answers, .. } = self;
                Some(*answers.entry(*key).or_insert_with(|| {
                    *commands += 1;
                    *commands
                }))
            }
            Work::Refuse(_) | Work::Panic(_) => None,
        }
    }

    /// The contents of a store.
    fn of(store: &Store) -> Self {
        let mut model = Self::default();
        for key in 0..=u8::MAX {
            if let Some(text) = store.get(&NOTES, &format!("{key}")).unwrap() {
                model.notes.insert(key, text.parse().unwrap());
            }
        }
        let span = store.outbox_span("sales").unwrap();
        (model.sales, model.acknowledged) = (span.last, span.acknowledged);
        for number in 1..=span.last {
            assert_eq!(store.get(&SALES, number).unwrap(), Some(number));
        }
        assert_eq!(store.get(&SALES, span.last + 1).unwrap(), None);
        model.commands = store.get(&COUNTS, "commands").unwrap().unwrap_or(0);
        let checked = store.check(Depth::Whole).unwrap();
        assert_eq!((checked.faults, checked.links), (Vec::new(), span.last));
        model
    }
}

/// A note; some need two values of the engine.
fn text(value: u16) -> String {
    let zeros = if value.is_multiple_of(64) { parts::MAX_VALUE } else { 0 };
    "0".repeat(zeros) + &value.to_string()
}

/// Does the work in a commit.
fn work(transaction: &mut Transaction<'_>, work: &Work) -> Result<u64, StoreError> {
    let name = |key: &u8| format!("{key}");
    match work {
        Work::Put(key, value) => transaction.put(&NOTES, &name(key), &text(*value)).map(|()| 0),
        Work::Delete(key) => {
            transaction.delete(&NOTES, &name(key));
            Ok(0)
        }
        Work::Sell => {
            let number = transaction.append_to_outbox("sales", "sale.completed", 0, "s")?;
            transaction.put(&SALES, number, &number)?;
            Ok(number)
        }
        Work::Command(key) => {
            let command = CommandKey { asker: "till-1".into(), key: name(key), fingerprint: "f".into(), at_ms: 0 };
            let once = transaction.once(&command, |transaction| {
                let next = transaction.get(&COUNTS, "commands")?.unwrap_or(0) + 1;
                transaction.put(&COUNTS, "commands", &next)?;
                Ok::<_, StoreError>(next)
            })?;
            match once {
                Once::First(answer) | Once::Again(answer) => Ok(answer),
                Once::OtherCommand => panic!("every command under a key is the same"),
            }
        }
        Work::Refuse(key) => {
            transaction.put(&NOTES, &name(key), &"0".to_owned())?;
            Err(StoreError::Busy)
        }
        Work::Panic(key) => {
            transaction.put(&NOTES, &name(key), &"0".to_owned())?;
            panic!("a fault on purpose")
        }
    }
}

fn a_work() -> impl Strategy<Value = Work> {
    prop_oneof![
        (0_u8..6, any::<u16>()).prop_map(|(key, value)| Work::Put(key, value)),
        (0_u8..6).prop_map(Work::Delete),
        Just(Work::Sell),
        (0_u8..6).prop_map(Work::Command),
        (0_u8..6).prop_map(Work::Refuse),
        (0_u8..6).prop_map(Work::Panic),
    ]
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => a_work().prop_map(Step::Commit),
        1 => (0_u64..12).prop_map(Step::Acknowledge),
        2 => (a_work(), 0_usize..3).prop_map(|(work, kept)| Step::Cut(work, kept)),
    ]
}

async fn commit(store: &Store, doing: Work) -> Result<u64, StoreError> {
    store.commit(move |transaction| work(transaction, &doing)).await
}

async fn live(steps: Vec<Step>) {
    let (mut engine, mut model) = (Faulty::new(), Model::default());
    let mut store = open(engine.clone()).unwrap();
    for step in steps {
        match step {
            Step::Commit(doing) => {
                assert_eq!(commit(&store, doing.clone()).await.ok(), model.work(&doing), "{doing:?}");
            }
            Step::Acknowledge(up_to) => {
                store.acknowledge_outbox("sales", up_to).await.unwrap();
                model.acknowledged = up_to.min(model.sales);
            }
            Step::Cut(doing, kept) => {
                engine.set(Some(Fault::EioOnFlush));
                let done = commit(&store, doing.clone()).await;
                let mut with = model.clone();
                let writes = with.work(&doing).is_some() && with != model;
                assert!(done.is_err() || !writes, "{doing:?} was answered without its flush");
                engine = engine.cut(kept);
                store = open(engine.clone()).unwrap();
                let answers = std::mem::take(&mut model.answers);
                let found = Model::of(&store);
                let without = Model { answers: BTreeMap::new(), ..model.clone() };
                let is_there = found != without;
                assert!(
                    !is_there || found == Model { answers: BTreeMap::new(), ..with.clone() },
                    "{doing:?}: {found:?}"
                );
                model.answers = answers;
                if is_there {
                    model = with;
                }
            }
        }
    }
    let answers = std::mem::take(&mut model.answers);
    assert_eq!(Model::of(&store), model);
    for (key, answer) in answers {
        assert_eq!(commit(&store, Work::Command(key)).await.unwrap(), answer, "a repeat gets its first answer");
    }
}

proptest! {
    #[test]
    fn random_histories_with_power_cuts_match_the_model(steps in prop::collection::vec(a_step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(live(steps));
    }
}

//! Cards and stock that may run out: money that was taken is always a sale.

use proptest::{collection::vec, prelude::*};
use store::{Checked, Depth, EngineKind, NameName, Number};

use super::*;
use crate::{
    maintenance,
    stock::testing::{self, basket, cereal},
};

#[tokio::test]
async fn a_charged_card_is_a_sale_though_the_position_and_the_hold_are_damaged() {
    /// Records that are none.
    static POSITIONS: Table<NameName, u64> = Table::new("position");
    static RESERVATIONS: Table<Number, u64> = Table::new("reservation");
    for (index, engine) in EngineKind::ALL.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), engine, &crate::LINKED, 7).unwrap();
        let started = store.commit(|transaction| {
            testing::stock(transaction, &cereal().sku, 2)?;
            start(transaction, &mut basket("b1".into(), 2), "terminal-1", None, Trace::default(), true)
        });
        let payment = started.await.unwrap().id;
        let damaged = store.commit(|transaction| {
            transaction.put(&POSITIONS, ("818981", "each"), &7)?;
            transaction.put(&RESERVATIONS, 1, &7)
        });
        damaged.await.unwrap();
        drop(store);

        // At the next start its terminal says what became of it.
        let store = Store::open(directory.path(), engine, &crate::LINKED, 7).unwrap();
        let state = if index == 0 { PaymentState::Approved } else { PaymentState::Unknown { why: "silent".into() } };
        for state in [state, PaymentState::Approved] {
            let (id, counter) = (payment.clone(), Counter::at(7, 2));
            store.commit(move |transaction| end(transaction, &id, state, None, &counter)).await.unwrap();
        }
        assert!(read(&store, &payment).unwrap().sale.is_some());
        let told = maintenance::check(&store, Depth::Whole).unwrap().faults.join("; ");
        assert!(told.contains("position") && told.contains("reservation") && !told.contains("movement"), "{told}");
    }
}

/// What happens at the tills.
#[derive(Clone, Debug)]
enum Step {
    /// A basket of so many pieces goes to a terminal of its own.
    Intent(u32),
    /// A payment that is under way ends.
    End(usize, End),
    /// A basket is sold for cash.
    Cash(u32),
    /// A person changes the policy.
    Rule(bool),
    /// The power goes and comes back.
    Crash,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Approved,
    Declined,
    NotCharged,
    /// Nobody knows, until a person decides.
    Unknown,
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![Just(End::Approved), Just(End::Declined), Just(End::NotCharged), Just(End::Unknown)];
    prop_oneof![
        5 => (1_u32..4).prop_map(Step::Intent),
        5 => (0_usize..8, end).prop_map(|(index, end)| Step::End(index, end)),
        2 => (1_u32..4).prop_map(Step::Cash),
        1 => any::<bool>().prop_map(Step::Rule),
        1 => Just(Step::Crash),
    ]
}

/// What the tills have seen.
#[derive(Default)]
struct Seen {
    /// Payments under way: id, pieces.
    open: Vec<(String, u32)>,
    baskets: u32,
    sold: u32,
    /// The item was free to go below zero at some time.
    lenient: bool,
}

async fn play(engine: EngineKind, there: u32, steps: &[Step]) {
    let directory = tempfile::tempdir().unwrap();
    let open = || Store::open(directory.path(), engine, &crate::LINKED, 7).unwrap();
    let mut store = Some(open());
    let mut seen = Seen::default();
    store.as_ref().unwrap().commit(move |transaction| testing::stock(transaction, &cereal().sku, there)).await.unwrap();
    let decide = Step::End(0, End::Approved);
    let ends = steps.iter().filter(|step| matches!(step, Step::Intent(_))).map(|_| decide.clone());
    for step in steps.iter().cloned().chain(ends) {
        let held = store.as_ref().unwrap();
        match step {
            Step::Intent(pieces) => {
                seen.baskets += 1;
                let (id, terminal) = (format!("b{}", seen.baskets), format!("terminal-{}", seen.baskets));
                let started = held.commit(move |transaction| {
                    start(transaction, &mut basket(id, pieces), &terminal, None, Trace::default(), true)
                });
                match started.await {
                    Ok(payment) => seen.open.push((payment.id, pieces)),
                    Err(problem) => assert_eq!(problem.kind, "/problems/stock-insufficient"),
                }
            }
            Step::End(index, how) if !seen.open.is_empty() => {
                let (id, pieces) = seen.open.remove(index % seen.open.len());
                let state = match how {
                    End::Approved => PaymentState::Approved,
                    End::Declined => PaymentState::Declined { code: 108, why: "declined".into() },
                    End::NotCharged => PaymentState::NotCharged { why: "offline".into() },
                    End::Unknown => PaymentState::Unknown { why: "silent".into() },
                };
                let (counter, payment) = (Counter::at(7, 2), id.clone());
                let ended = held.commit(move |transaction| end(transaction, &payment, state, None, &counter)).await;
                // Whatever became of the stock meanwhile: nothing refuses it.
                let (_, sale) = ended.unwrap();
                assert_eq!(sale.is_some(), matches!(how, End::Approved));
                match how {
                    End::Approved => seen.sold += pieces,
                    End::Unknown => seen.open.push((id, pieces)),
                    End::Declined | End::NotCharged => {}
                }
            }
            Step::Cash(pieces) => {
                seen.baskets += 1;
                let id = format!("b{}", seen.baskets);
                let sold = held.commit(move |transaction| {
                    let mut basket = basket(id, pieces);
                    let amount = basket.due();
                    basket.tender(Tender::Cash { amount })?;
                    selling::complete(transaction, &mut basket, &Counter::at(7, 2), false)
                });
                match sold.await {
                    Ok(_) => seen.sold += pieces,
                    Err(problem) => assert_eq!(problem.kind, "/problems/stock-insufficient"),
                }
            }
            Step::Rule(strict) => {
                seen.lenient |= !strict;
                held.commit(move |transaction| testing::rule(transaction, &cereal().sku, strict)).await.unwrap();
            }
            Step::Crash => {
                drop(store.take());
                store = Some(open());
            }
            Step::End(..) => {}
        }
    }
    let store = store.unwrap();
    let Checked { faults, .. } = maintenance::check(&store, Depth::Whole).unwrap();
    assert_eq!(faults, Vec::<String>::new());
    let there = i64::from(there) * 1000;
    let left = testing::position(&store, &cereal().sku);
    assert_eq!((left.on_hand, left.reserved), (there - i64::from(seen.sold) * 1000, 0));
    assert!(seen.lenient || left.on_hand >= 0, "{left:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_approved_card_is_a_sale_whatever_becomes_of_the_stock(there in 0_u32..8, steps in vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for engine in EngineKind::ALL {
            runtime.block_on(play(engine, there, &steps));
        }
    }
}

/// A payment as hubs of format 2 store it. Others are added beside it; this one never changes.
const STORED: &str = include_str!("fixtures/payment-2.json");

/// Stores a payment with what its terminal wants on the receipt.
pub(crate) async fn store_slip(store: &Store, id: &str, slip: &[&str]) {
    let stored: Payment = serde_json::from_str(STORED).unwrap();
    let slip = slip.iter().map(|line| (*line).to_owned()).collect();
    let payment = Payment { id: id.to_owned(), slip, ..stored };
    let written = store.commit(move |transaction| put(transaction, &payment));
    written.await.unwrap();
}

#[test]
fn a_stored_payment_reads_back_as_it_was_written() {
    let payment: Payment = serde_json::from_str(STORED).unwrap();
    assert_eq!((payment.amount.get(), &payment.state), (1_797, &PaymentState::Approved));
    let again: serde_json::Value = serde_json::to_value(&payment).unwrap();
    assert_eq!(again, serde_json::from_str::<serde_json::Value>(STORED).unwrap());
}

/// Whoever opens a restored store first draws the conclusions, once: the terminal has served others since the backup.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_with_a_terminal_when_the_backup_was_taken_is_for_a_person_to_tell() {
    let directory = tempfile::tempdir().unwrap();
    let mut backup = Vec::new();
    {
        let store = Store::open(&directory.path().join("store"), EngineKind::Sqlite, &crate::LINKED, 7).unwrap();
        let started = store.commit(|transaction| {
            start(transaction, &mut basket("b1".into(), 1), "terminal-1", None, Trace::default(), true)
        });
        assert_eq!(started.await.unwrap().id, "p1");
        assert_eq!(tokio::task::block_in_place(|| maintenance::conclude(&store)).unwrap(), 0, "never restored");
        store.backup(&mut backup).unwrap();
    }
    let back = directory.path().join("back");
    store::restore(&back, EngineKind::Sqlite, &backup[..], 8).unwrap();
    let store = Store::open(&back, EngineKind::Sqlite, &crate::LINKED, 8).unwrap();
    for doubted in [1, 0] {
        assert_eq!(tokio::task::block_in_place(|| maintenance::conclude(&store)).unwrap(), doubted);
        assert!(matches!(read(&store, "p1").unwrap().state, PaymentState::Unknown { .. }));
        assert_eq!(crate::audit::last(&store, None, 10).unwrap().len(), 1);
    }
}

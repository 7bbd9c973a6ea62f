//! Random events at the tills against a model of what people see there.

use super::*;

/// Events at the tills.
#[derive(Clone, Debug)]
enum Step {
    /// A basket of this many pieces goes to its own terminal.
    Intent(u32),
    /// A payment in progress ends.
    End(usize, End),
    /// A basket is sold for cash.
    Cash(u32),
    /// A person changes the policy.
    Rule(bool),
    /// The hub loses power and starts again.
    Crash,
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

/// The state as seen at the tills.
#[derive(Default)]
struct Seen {
    /// Payments in progress: id and pieces.
    open: Vec<(PaymentId, u32)>,
    terminals: u32,
    sold: u32,
    /// Whether the item was ever allowed to go below zero.
    lenient: bool,
}

impl Seen {
    fn intent(&mut self, store: &Store, pieces: u32) {
        self.terminals += 1;
        let terminal = format!("terminal-{}", self.terminals);
        match store.commit_blocking(move |transaction| pay(transaction, pieces, &terminal)) {
            Ok(payment) => self.open.push((payment.id, pieces)),
            Err(refusal) => assert_eq!(refusal.kind, &stock::STOCK_INSUFFICIENT),
        }
    }

    fn end(&mut self, store: &Store, index: usize, how: End) {
        let (id, pieces) = self.open.remove(index % self.open.len());
        // Nothing refuses it, whatever happened to the stock meanwhile.
        let Ended { sale, .. } = ended(store, id, how).unwrap();
        assert_eq!(sale.is_some(), matches!(how, End::Approved));
        match how {
            End::Approved => self.sold += pieces,
            End::Unknown => self.open.push((id, pieces)),
            End::Declined | End::NotCharged => {}
        }
    }

    fn cash(&mut self, store: &Store, pieces: u32) {
        let sold = store.commit_blocking(move |transaction| {
            let mut basket = basket(0, pieces);
            let amount = basket.due();
            basket.tender(Tender::Cash { amount })?;
            selling::sell(transaction, &register(2), basket, &context())
        });
        match sold {
            Ok(_) => self.sold += pieces,
            Err(refusal) => assert_eq!(refusal.kind, &stock::STOCK_INSUFFICIENT),
        }
    }
}

fn play(engine: EngineKind, there: u32, steps: &[Step]) {
    let directory = tempfile::tempdir().unwrap();
    let open = || testing::store_kept_by(engine, directory.path());
    let (mut held, mut seen) = (Some(open()), Seen::default());
    held.as_ref().unwrap().commit_blocking(move |transaction| stocked(transaction, there)).unwrap();
    let intents = steps.iter().filter(|step| matches!(step, Step::Intent(_)));
    let ends = intents.map(|_| Step::End(0, End::Approved));
    for step in steps.iter().cloned().chain(ends) {
        let store = held.as_ref().unwrap();
        match step {
            Step::Intent(pieces) => seen.intent(store, pieces),
            Step::End(index, how) if !seen.open.is_empty() => seen.end(store, index, how),
            Step::Cash(pieces) => seen.cash(store, pieces),
            Step::Rule(strict) => {
                seen.lenient |= !strict;
                let rule = if strict { Rule::ToZero } else { Rule::BelowZero };
                store.commit_blocking(move |transaction| set_rule(transaction, CEREAL, rule)).unwrap();
            }
            Step::Crash => {
                drop(held.take());
                held = Some(open());
            }
            Step::End(..) => {}
        }
    }
    let store = held.unwrap();
    assert_eq!(faults(&store, Depth::Whole), [""; 0]);
    let (on_hand, reserved) = left(&store);
    assert_eq!((on_hand, reserved), (i64::from(there) - i64::from(seen.sold), 0));
    assert!(seen.lenient || on_hand >= 0, "{on_hand}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_approved_card_is_a_sale_whatever_the_stock(there in 0_u32..8, steps in vec(step(), 1..30)) {
        for engine in EngineKind::BUILT {
            play(*engine, there, &steps);
        }
    }
}

//! The state machine against a model of terminal, register, network and hub, in virtual time.
//!
//! A schedule is a list of choices: who acts next, what the network loses, when the hub or the terminal restarts. After
//! it the faults end, and everything runs until nothing is left to do. The model terminal has the truth: its books.
//! At the end the hub's records must say what the books say, and the customer must be charged exactly if the hub sold.

use proptest::{collection::vec, prelude::*};

use super::*;

mod world;

use world::World;

/// How the model terminal behaves.
#[derive(Clone, Copy, Debug)]
struct Kind {
    inquiry: Inquiry,
    /// A payment goes on if the link is lost before it is booked.
    goes_on: bool,
    /// A booked payment is reversed if its answer is not delivered.
    reverses: bool,
    /// A restart clears its memory of requests, but not its books.
    forgets: bool,
}

/// A choice of the schedule.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The register sends its command, or repeats it.
    Register,
    /// The register asks to reverse: void, or an abandoned basket.
    Unwanted,
    /// The oldest message on the way arrives.
    Deliver,
    /// The customer and the bank act.
    Customer { approves: bool, offline: bool },
    /// The link breaks, with all that is on the way.
    Cut,
    /// The hub loses power and starts again.
    Crash,
    /// The terminal restarts.
    Reboot,
    /// The time-out of the hub's request passes.
    Elapse,
    /// The hub's follower looks for payments that nobody drives.
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Register),
        1 => Just(Step::Unwanted),
        8 => Just(Step::Deliver),
        4 => (prop::bool::weighted(0.8), prop::bool::weighted(0.1))
            .prop_map(|(approves, offline)| Step::Customer { approves, offline }),
        2 => Just(Step::Cut),
        2 => Just(Step::Crash),
        1 => Just(Step::Reboot),
        1 => Just(Step::Elapse),
        4 => Just(Step::Sweep),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    let inquiry = prop_oneof![Just(Inquiry::ById), Just(Inquiry::LastOnly), Just(Inquiry::None)];
    (inquiry, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(inquiry, goes_on, reverses, forgets)| Kind {
        inquiry,
        goes_on,
        reverses,
        forgets,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_lost_the_records_say_what_the_terminal_did(kind in kind(), steps in vec(step(), 1..60)) {
        let mut world = World::new(kind);
        for step in steps {
            world.step(step);
        }
        world.finish();
        world.check();
    }
}

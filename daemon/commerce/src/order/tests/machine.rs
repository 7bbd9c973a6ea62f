use super::*;
use crate::stock::State as Where;

#[test]
fn the_table_of_transitions_is_complete() {
    use State::*;
    let active = [Picked, Packed, Ready, Arrived];
    let given_up = |end| {
        let mut cells = vec![(Offered, end), (Accepted, end), (Picking, end)];
        cells.extend(active.map(|from| (from, Returning)));
        cells
    };
    let cells = [
        (Step::Accept, vec![(Offered, Accepted)]),
        (Step::Reject, vec![(Offered, Rejected)]),
        (Step::Claim, vec![(Accepted, Picking)]),
        (Step::Unclaim, vec![(Picking, Accepted)]),
        (Step::Pick, vec![(Picking, Picked)]),
        (Step::Short, vec![(Accepted, Short), (Picking, Short)]),
        (Step::Substitute, vec![(Picking, Substituted)]),
        (Step::Pack, vec![(Picked, Packed)]),
        (Step::MakeReady, vec![(Packed, Ready)]),
        (Step::Arrive, vec![(Ready, Arrived)]),
        (
            Step::HandOver,
            [Accepted, Picked, Packed, Ready, Arrived].map(|from| (from, HandedOver)).into_iter().collect(),
        ),
        (Step::Ship, vec![(Accepted, Shipped), (Picked, Shipped), (Packed, Shipped)]),
        (Step::Cancel, given_up(Cancelled)),
        (Step::Expire, given_up(Expired)),
        (Step::Return, vec![(Returning, Returned)]),
    ];
    assert_eq!(cells.each_ref().map(|(step, _)| *step), Step::ALL);
    for (step, allowed) in cells {
        for from in State::ALL {
            for to in State::ALL {
                assert_eq!(step.allows(from, to), allowed.contains(&(from, to)), "{step:?} {from:?} {to:?}");
            }
        }
    }
}

#[test]
fn a_step_has_one_target_and_final_states_have_no_steps() {
    for step in Step::ALL {
        for from in State::ALL {
            let targets = State::ALL.into_iter().filter(|to| step.allows(from, *to)).count();
            assert!(targets <= 1, "{step:?} {from:?}");
            if !from.is_open() {
                assert_eq!(targets == 1, step == Step::Return && from == State::Returning, "{step:?} {from:?}");
            }
        }
    }
}

#[test]
fn each_kind_has_its_own_steps() {
    let only_fetched = [Step::MakeReady, Step::Arrive, Step::HandOver, Step::Expire];
    for kind in Kind::ALL {
        let is_fetched = matches!(kind, Kind::Pickup | Kind::Curbside | Kind::Reserve);
        for step in Step::ALL {
            let expected = match step {
                Step::Ship => !is_fetched,
                step if only_fetched.contains(&step) => is_fetched,
                _ => true,
            };
            assert_eq!(step.is_of(kind), expected, "{kind:?} {step:?}");
        }
    }
}

/// Open units are reserved: steps to a final state release them, other steps do not.
#[test]
fn stock_moves_exactly_when_a_unit_is_closed() {
    for step in Step::ALL {
        for from in State::ALL {
            for (to, kind, zone) in every(step, from) {
                let moves = state::stock(kind, zone, to);
                assert!(moves.iter().all(|(kind, from, to)| kind.allows(*from, *to)), "{step:?} {moves:?}");
                let effect = |place| -> i64 {
                    let of =
                        |(_, from, to): &(_, _, _)| i64::from(*to == Some(place)) - i64::from(*from == Some(place));
                    moves.iter().map(of).sum()
                };
                let ended = from.is_open() && !to.is_open();
                assert_eq!(effect(Where::Reserved), -i64::from(ended), "{step:?} {from:?}");
                let left = matches!(to, State::HandedOver | State::Shipped);
                let stays: i64 = [Where::OnHand, Where::Quarantined].into_iter().map(effect).sum();
                assert_eq!(stays, i64::from(ended && !left), "{step:?} {from:?} {zone:?}");
                if to == State::Returning {
                    assert_eq!(effect(Where::Quarantined), i64::from(zone.is_cold()));
                }
                assert_eq!(effect(Where::InTransit), i64::from(to == State::Shipped && kind == Kind::Transfer));
            }
        }
    }
}

fn every(step: Step, from: State) -> impl Iterator<Item = (State, Kind, Zone)> {
    let to = step.target(from);
    let kinds = Kind::ALL.into_iter().filter(move |kind| step.is_of(*kind));
    kinds.flat_map(|kind| Zone::ALL.map(|zone| (kind, zone))).filter_map(move |(kind, zone)| Some((to?, kind, zone)))
}

#[test]
fn the_condition_decides_where_goods_are_put_back() {
    use stock::{Condition, Kind};
    let moved = |zone, condition| state::put_back(zone, condition).map(|(kind, ..)| kind);
    assert_eq!(moved(Zone::Ambient, Condition::Good), None);
    assert_eq!(moved(Zone::Ambient, Condition::Doubtful), Some(Kind::Quarantine));
    assert_eq!(moved(Zone::Ambient, Condition::Damaged), Some(Kind::Damage));
    assert_eq!(moved(Zone::Chilled, Condition::Good), Some(Kind::Clear));
    assert_eq!(moved(Zone::Frozen, Condition::Doubtful), None);
    assert_eq!(moved(Zone::Frozen, Condition::Damaged), Some(Kind::Damage));
    for zone in Zone::ALL {
        for condition in [Condition::Good, Condition::Doubtful, Condition::Damaged] {
            let way = state::put_back(zone, condition);
            assert!(way.is_none_or(|(kind, from, to)| kind.allows(from, to)), "{way:?}");
        }
    }
}

#[test]
fn the_least_advanced_unit_determines_the_state() {
    use State::*;
    for (states, expected) in [
        (vec![], None),
        (vec![Offered, Packed], Some(Offered)),
        (vec![Accepted, Accepted], Some(Accepted)),
        (vec![Accepted, Picked], Some(Picking)),
        (vec![Picked, Ready, Short], Some(Picked)),
        (vec![Arrived, HandedOver], Some(Arrived)),
        (vec![Short, HandedOver, Substituted], Some(HandedOver)),
        (vec![Rejected, Short], Some(Short)),
        (vec![Returned, Returning, Cancelled], Some(Returning)),
    ] {
        assert_eq!(State::of_many(states.clone()), expected, "{states:?}");
    }
    for state in State::ALL {
        assert_eq!(State::of_many([state, state]), Some(state));
    }
}

#[test]
fn names_match_the_json() {
    for state in State::ALL {
        assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.name()));
    }
    for step in Step::ALL {
        assert_eq!(serde_json::to_string(&step).unwrap(), format!("\"{}\"", step.name()));
    }
    for kind in Kind::ALL {
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.name()));
    }
}

/// Fulfilments in today's form must stay readable.
#[test]
fn a_stored_fulfilment_is_read_unchanged() {
    let mut order = order(Kind::Curbside, vec![ordered(1, MILK, 2), ordered(2, SALMON, 1)]);
    order.lines[0].substitution = Substitution::Chosen { substitute: sku(OAT_MILK) };
    let mut desk = Desk::accepted(&order);
    desk.run(claim("ann", 1));
    desk.run(pick("ann", 1, MILK, count(1)));
    desk.run(pack(&[(1, 1000)], Zone::Chilled));
    desk.run(claim("ann", 2));
    desk.run(pick("ann", 2, SALMON, grams(980)));
    desk.run(Command::Arrive { bay: Some("3".into()) });
    let json = serde_json::to_string_pretty(&desk.fulfilment).unwrap();
    assert_eq!(serde_json::from_str::<Fulfilment>(&json).unwrap(), desk.fulfilment);
    assert_eq!(json.trim(), include_str!("fulfilment.json").trim(), "today's form");
    let wine = serde_json::to_value(ordered(1, WINE, 1)).unwrap();
    assert_eq!(
        (&wine["minimum_age"], serde_json::to_value(ordered(1, "1", 1)).unwrap().get("minimum_age")),
        (&18.into(), None)
    );
    let line = r#"{"number":1,"sku":"1","description":"x","quantity":{"milli":1000,"unit":"each"},
        "price":{"minor":1,"per":"each"},"colour":"red"}"#;
    assert!(serde_json::from_str::<Ordered>(line).is_err(), "an unknown field");
}

use commerce::{
    Actor, Unit,
    stock::{Kind, Movement, Position, Rule, State},
};
use store::{Depth, StoreError, Transaction};

use crate::{
    Refusal,
    stock::{
        ReserveRequest,
        records::{MOVEMENTS, POSITIONS, RESERVATIONS, TRANSFERS},
        reserve,
    },
    testing::{self, CEREAL, faults, goods, line, portions, register, send, sku},
};

/// A ledger of 1,200 movements, two of them of open documents, after some damage.
fn ledger(damage: impl FnOnce(&mut Transaction<'_>) -> Result<(), StoreError> + Send + 'static) -> (String, String) {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let written = store.commit_blocking(move |transaction| {
        for _ in 0..1_198 {
            goods(transaction, 1000, 1)?;
        }
        let request = ReserveRequest { reference: "order".into(), lines: portions(CEREAL, 2) };
        reserve(transaction, &register(1), request)?;
        send(transaction, 1, "store-2", 3)?;
        Ok::<_, Refusal>(damage(transaction)?)
    });
    written.unwrap();
    (faults(&store, Depth::Fast).join("; "), faults(&store, Depth::Whole).join("; "))
}

fn position(on_hand: i64) -> Position {
    let empty = Position::empty((sku(CEREAL), Unit::Each), Rule::BelowZero);
    Position { on_hand, reserved: 2000, in_transit: 3000, ..empty }
}

#[test]
fn a_whole_ledger_has_no_faults() {
    assert_eq!(ledger(|_| Ok(())), (String::new(), String::new()));
}

#[test]
fn a_position_that_is_not_the_sum_of_its_movements_is_found_by_the_whole_check() {
    let (fast, whole) = ledger(|transaction| transaction.put(&POSITIONS, (CEREAL, "each"), &position(1_000)));
    assert_eq!(fast, "");
    let differs = "item 818981: the position has on_hand 1000 thousandths, the sum of its movements is 1193000";
    assert!(whole.contains(differs), "{whole}");
    let (_, whole) = ledger(|transaction| {
        let position = Position { rule: Rule::ToZero, ..position(1_193_000) };
        transaction.put(&POSITIONS, (CEREAL, "each"), &position)
    });
    assert_eq!(whole, "item 818981: the position has the rule ToZero, its policy has BelowZero");
}

#[test]
fn a_missing_movement_is_found() {
    let (fast, whole) = ledger(|transaction| {
        transaction.delete(&MOVEMENTS, 700);
        Ok(())
    });
    assert!(fast.contains("movement 700 is missing; the next is 701"), "{fast}");
    assert!(whole.contains("movement 700 is missing") && whole.contains("is 1192000"), "{whole}");
    let (fast, _) = ledger(|transaction| {
        transaction.delete(&MOVEMENTS, 1_200);
        Ok(())
    });
    assert_eq!(fast, "the last movement is 1199, but the counter is at 1200");
}

#[test]
fn a_missing_position_is_found() {
    let missing = ledger(|transaction| {
        transaction.delete(&POSITIONS, (CEREAL, "each"));
        Ok(())
    });
    let expected = "item 818981 has movements but no position by each".to_owned();
    assert_eq!(missing, (expected.clone(), expected));
}

fn replaced(kind: Kind, reference: &str, from: State, to: Option<State>) -> String {
    let by = Actor::console();
    let lines = vec![line(CEREAL, 1000, Some(from), to)];
    let movement = Movement { number: 900, kind, reference: reference.into(), at_ms: 1, by, lines };
    ledger(move |transaction| transaction.put(&MOVEMENTS, 900, &movement)).0
}

#[test]
fn an_impossible_movement_is_found() {
    let unknown = "movement 900 references sale 1-77, which does not reference it";
    assert_eq!(replaced(Kind::Sale, "1-77", State::OnHand, None), unknown);
    let unreadable = "movement 900 references sale x, which does not reference it";
    assert_eq!(replaced(Kind::Sale, "x", State::OnHand, None), unreadable);
    let impossible = "movement 900 of kind Receipt moves item 818981 between states that the kind does not allow";
    assert_eq!(replaced(Kind::Receipt, "1", State::Damaged, Some(State::OnHand)), impossible);
}

#[test]
fn missing_documents_are_found() {
    let (_, whole) = ledger(|transaction| {
        transaction.delete(&RESERVATIONS, 1);
        transaction.delete(&TRANSFERS, 1);
        Ok(())
    });
    assert_eq!(
        whole,
        "the index lists reservation 1 as open, but it is not; \
         the index lists transfer 1 as open, but it is not; \
         item 818981: the position has reserved 2000 thousandths, the sum of its reservations is 0; \
         item 818981: the position has in_transit 3000 thousandths, the sum of its transfers is 0"
    );
}

//! Cards of stores that report, ask and are called back, on both engines.

use commerce::{
    Currency, Minor,
    gift_card::{CardKind, CardNumber, Held, MovementKind},
};
use contract::{Answer, Asked, Batch, Event, Question, Sequence};
use serde_json::json;

use super::*;
use crate::{
    Ledger, Queues,
    testing::{Fresh, on_each_engine},
};

on_each_engine! {
    money_of_a_card_is_redeemed_once_wherever_it_is
    what_a_lost_disk_held_is_released_by_a_person
}

fn number() -> CardNumber {
    CardNumber::from_random([7; 16])
}

/// A store with a card: its totals and its stream.
struct Store {
    hub: HubId,
    held: Held,
    events: Vec<Event>,
}

impl Store {
    fn new(name: &str, epoch: u64) -> Self {
        Self { hub: name.parse().unwrap(), held: Held::default().in_epoch(epoch), events: Vec::new() }
    }

    fn book(&mut self, movement: MovementKind, amount: i64) {
        self.held.book(movement, Minor::literal(amount)).unwrap();
        let sequence = Sequence(self.events.len() as u64 + 1);
        let body = json!({ "number": sequence, "card": number(), "kind": "gift_card", "currency": "EUR",
            "movement": movement, "amount": amount, "by": { "station": { "register": "till-1" } }, "at_ms": 5,
            "totals": self.held.totals });
        let body = serde_json::value::to_raw_value(&body).unwrap();
        self.events.push(Event { sequence, kind: MOVED.name().into(), occurred_at_ms: 5, body });
    }

    /// Sends all events, whether or not HQ has them.
    async fn report(&self, ledger: &Ledger) {
        let (hub, epoch, stream) = (self.hub.clone(), Epoch(self.held.totals.epoch), Stream::customers());
        let batch = Batch { hub, epoch, stream, events: self.events.clone(), link: None };
        ledger.apply(&batch).await.unwrap();
    }

    async fn ask(&mut self, ledger: &Ledger, amount: i64) -> GiftCardAnswer {
        let (hub, epoch) = (self.hub.clone(), self.held.totals.epoch);
        let wanted = self.held.wanted(Minor::literal(amount));
        let question = Question::GiftCard(GiftCardAsked { card: number(), wanted });
        let asked = Asked { hub, epoch: Epoch(epoch), question };
        let Answer::GiftCard(Some(answer)) = ledger.answer(&asked).await.unwrap() else { panic!("a card") };
        self.held.receive(epoch, answer.granted);
        answer
    }

    /// Whether HQ calls the card back.
    async fn is_called_back(&self, ledger: &Ledger) -> bool {
        let batch = Queues::of(ledger).next(&self.hub, &Stream::customers()).await.unwrap();
        batch.is_some_and(|batch| batch.items.iter().any(|item| RECALLED.is(item)))
    }
}

async fn web(ledger: &Ledger, amount: i64) -> Result<Card, CardError> {
    let mut transaction = ledger.database().transaction().await.unwrap();
    let moving = Moving { amount, reference: "W-1".into(), by: "shop".into() };
    let card = redeem(&mut transaction, &number(), moving, 6).await?;
    transaction.commit().await.unwrap();
    Ok(card)
}

async fn money_of_a_card_is_redeemed_once_wherever_it_is(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let (mut one, mut two) = (Store::new("store-1", 7), Store::new("store-2", 8));
    assert!(matches!(web(&ledger, 1).await, Err(CardError::Unknown(_))));
    one.book(MovementKind::Load, 5_000);
    one.book(MovementKind::Redeem, 1_000);
    one.report(&ledger).await;
    one.report(&ledger).await;
    // Everything is at store 1, which is asked for it, once.
    let answer = two.ask(&ledger, 2_500).await;
    assert_eq!((answer.balance, answer.granted, answer.elsewhere), (4_000, 0, 4_000));
    two.ask(&ledger, 2_500).await;
    assert!(one.is_called_back(&ledger).await && !two.is_called_back(&ledger).await);
    assert!(matches!(web(&ledger, 1).await, Err(CardError::NotFree { elsewhere: 4_000, .. })));
    one.book(MovementKind::Return, 4_000);
    one.report(&ledger).await;
    assert_eq!(two.ask(&ledger, 2_500).await.granted, 2_500);
    assert_eq!(two.ask(&ledger, 2_500).await.granted, 2_500, "a repeated question grants nothing more");
    assert_eq!(web(&ledger, 1_500).await.unwrap().account.balance(), 2_500);
    assert!(matches!(web(&ledger, 1).await, Err(CardError::NotFree { free: 0, requested: 1, .. })));
    two.book(MovementKind::Redeem, 2_500);
    two.report(&ledger).await;
    let (found, held, movements) = find(&fresh.database, &number()).await.unwrap().unwrap();
    assert_eq!((found.balance, found.free, held.len()), (0, 0, 0));
    let told: Vec<_> = movements.iter().map(|movement| (movement.movement.as_str(), movement.amount)).collect();
    assert_eq!(told, [("load", 5_000), ("redeem", 1_000), ("return", 4_000), ("redeem", 2_500), ("redeem", 1_500)]);
    assert_eq!(list(&fresh.database, "", 10).await.unwrap(), [found]);
}

async fn what_a_lost_disk_held_is_released_by_a_person(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let mut store = Store::new("store-1", 7);
    store.book(MovementKind::Load, 900);
    store.report(&ledger).await;
    let mut after = Store::new("store-1", 9);
    assert_eq!(after.ask(&ledger, 900).await.granted, 0, "the earlier epoch holds it");
    let moving = || Moving { amount: 0, reference: "disk lost".into(), by: "shell".into() };
    let mut transaction = ledger.database().transaction().await.unwrap();
    let too_early = release(&mut transaction, &number(), (&store.hub, Epoch(7)), moving(), 6).await;
    assert!(matches!(too_early, Err(CardError::NotFree { .. })), "it still counts");
    let released = release(&mut transaction, &number(), (&store.hub, Epoch(9)), moving(), 6).await.unwrap();
    assert_eq!(released.account.free(), 900);
    let blocked = block(&mut transaction, &number(), Some("stolen".into()), 6).await.unwrap();
    assert_eq!(blocked.found().blocked.as_deref(), Some("stolen"));
    transaction.commit().await.unwrap();
    assert!(matches!(web(&ledger, 1).await, Err(CardError::Blocked { .. })));
    let answer = after.ask(&ledger, 900).await;
    assert_eq!((answer.granted, answer.blocked.as_deref()), (0, Some("stolen")));
    let mut transaction = ledger.database().transaction().await.unwrap();
    block(&mut transaction, &number(), None, 6).await.unwrap();
    let (kind, eur) = (CardKind::StoreCredit, Currency::from_code("EUR").unwrap());
    let (printed, credit) = (draw().unwrap(), draw().unwrap());
    let pin = PinHash::of_card(&printed, "2468").unwrap();
    assert!(add(&mut transaction, &printed, (eur, Some(pin)), 6).await.unwrap().found().has_pin);
    let moving = Moving { amount: 40, ..moving() };
    let issued = issue(&mut transaction, &credit, (kind, eur), moving, 6).await.unwrap();
    assert_eq!((issued.kind, issued.account.balance()), (kind, 40));
    transaction.commit().await.unwrap();
    assert_eq!(after.ask(&ledger, 900).await.granted, 900);
}

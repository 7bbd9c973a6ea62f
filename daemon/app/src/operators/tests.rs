use commerce::{
    Actor, OperatorId, Station,
    operator::{Right, Role},
};
use contract::operator::{Operator, badge_digest};
use store::Store;

use super::*;
use crate::{By, Refusal, audit, testing};

const MINUTE: i64 = 60_000;

struct Shop {
    _directory: tempfile::TempDir,
    store: Store,
}

fn id(text: &str) -> OperatorId {
    text.parse().unwrap()
}

fn till(operator: Option<&str>, at_ms: i64) -> By {
    let station = Station::Register("till-1".parse().unwrap());
    By { actor: Actor { station, operator: operator.map(id) }, at_ms }
}

fn pin(operator: &str, pin: &str) -> Credentials {
    Credentials { operator: Some(id(operator)), pin: Some(pin.into()), badge: None }
}

impl Shop {
    /// A store with a cashier, a supervisor and a manager, whose PINs are 1111, 2222 and 3333.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let shop = Self { _directory: directory, store };
        for (name, role, pin) in
            [("ann", Role::Cashier, "1111"), ("sue", Role::Supervisor, "2222"), ("max", Role::Manager, "3333")]
        {
            shop.add(name, role, pin, 0);
        }
        shop
    }

    fn add(&self, name: &str, role: Role, pin: &str, at_ms: i64) {
        let request = AddOperator { id: id(name), name: name.into(), role, pin: pin.into(), days: 2 };
        let new = request.prepare(&self.store, at_ms).unwrap();
        self.store.commit_blocking(move |transaction| add(transaction, &testing::by(at_ms), new)).unwrap();
    }

    fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut store::Transaction<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.store.commit_blocking(work)
    }

    fn verified(&self, credentials: &Credentials, at_ms: i64) -> Result<Operator, Refusal> {
        match verify(&self.store, credentials, at_ms)? {
            Verdict::Right(operator) => Ok(operator),
            Verdict::Wrong(known) => {
                if let Some(known) = known {
                    self.commit(move |transaction| note_wrong(transaction, &till(None, at_ms), &known))?;
                }
                Err(OPERATOR_WRONG.because("wrong"))
            }
        }
    }

    fn sign_in(&self, name: &str, secret: &str, at_ms: i64) -> Result<Session, Refusal> {
        let operator = self.verified(&pin(name, secret), at_ms)?;
        self.commit(move |transaction| sign_in(transaction, &till(None, at_ms), &operator))
    }

    fn allow(
        &self,
        operator: &'static str,
        right: Right,
        amount: u64,
        at_ms: i64,
    ) -> Result<Option<OperatorId>, Refusal> {
        self.commit(move |transaction| allow(transaction, &till(Some(operator), at_ms), right, amount))
    }

    fn sign_for(
        &self,
        signer: &str,
        secret: &str,
        right: Right,
        amount: u64,
        at_ms: i64,
    ) -> Result<Overridden, Refusal> {
        let signer = self.verified(&pin(signer, secret), at_ms)?;
        let request = OverrideRequest { right, amount };
        self.commit(move |transaction| grant_override(transaction, &till(Some("ann"), at_ms), &signer, request))
    }

    fn acts(&self) -> Vec<String> {
        audit::last(&self.store, None, 50).unwrap().into_iter().map(|entry| entry.act).collect()
    }
}

#[test]
fn a_store_without_operators_works_as_before() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let done = store.commit_blocking(|transaction| allow(transaction, &till(None, 1), Right::Refund, 1_000_000));
    assert_eq!(done, Ok(None));
}

#[test]
fn a_register_needs_an_operator_whose_role_allows_what_it_does() {
    let shop = Shop::new();
    let alone = shop.commit(|transaction| allow(transaction, &till(None, 1), Right::Sell, 0)).unwrap_err();
    assert_eq!(alone.kind, &OPERATOR_NEEDED);
    shop.sign_in("ann", "1111", 1).unwrap();
    assert_eq!(shop.allow("ann", Right::Sell, 0, 2), Ok(None));
    assert_eq!(shop.allow("ann", Right::Discount, 100, 2), Ok(None));
    let refused = shop.allow("ann", Right::Discount, 101, 2).unwrap_err();
    assert_eq!(refused.kind, &OVERRIDE_NEEDED);
    assert_eq!(refused.members, [("right", "discount".into()), ("amount", 101.into())]);
    // Somebody else than who signed in: the register was locked meanwhile.
    assert_eq!(shop.allow("max", Right::Sell, 0, 2).unwrap_err().kind, &OPERATOR_NEEDED);
    let console = shop.commit(|transaction| allow(transaction, &testing::by(2), Right::Refund, u64::MAX));
    assert_eq!(console, Ok(None));
    shop.commit(|transaction| lock(transaction, &till(Some("ann"), 3))).unwrap();
    assert_eq!(shop.allow("ann", Right::Sell, 0, 4).unwrap_err().kind, &OPERATOR_NEEDED);
}

#[test]
fn another_operator_signs_for_one_command() {
    let shop = Shop::new();
    shop.sign_in("ann", "1111", 1).unwrap();
    let own = shop.sign_for("ann", "1111", Right::Refund, 5_000, 2).unwrap_err();
    assert!(own.detail.contains("another operator must sign"), "{}", own.detail);
    assert_eq!(shop.sign_for("sue", "2222", Right::Refund, 20_001, 2).unwrap_err().kind, &OVERRIDE_NEEDED);
    shop.sign_for("sue", "2222", Right::Refund, 5_000, 2).unwrap();
    assert!(shop.allow("ann", Right::Refund, 5_001, 3).is_err(), "for at most what was signed");
    assert!(shop.allow("ann", Right::VoidTender, 0, 3).is_err(), "for nothing else");
    assert_eq!(shop.allow("ann", Right::Refund, 4_000, 3), Ok(Some(id("sue"))));
    assert!(shop.allow("ann", Right::Refund, 4_000, 3).is_err(), "once");
    shop.sign_for("sue", "2222", Right::Refund, 5_000, 4).unwrap();
    assert!(shop.allow("ann", Right::Refund, 4_000, 4 + 2 * MINUTE + 1).is_err(), "for two minutes");
    let acts = shop.acts();
    assert_eq!(acts[..3], ["override_granted", "override_used", "override_granted"]);
}

#[test]
fn nobody_approves_an_own_count() {
    let shop = Shop::new();
    shop.sign_in("sue", "2222", 1).unwrap();
    let approve = |of: &'static str| {
        shop.commit(move |transaction| {
            require_other(transaction, &till(Some("sue"), 2), Right::ApproveCount, 500, Some(&id(of)))
        })
    };
    assert_eq!(approve("ann"), Ok(()));
    assert_eq!(approve("sue").unwrap_err().kind, &OVERRIDE_NEEDED);
    let max = shop.verified(&pin("max", "3333"), 3).unwrap();
    let request = OverrideRequest { right: Right::ApproveCount, amount: 500 };
    shop.commit(move |transaction| grant_override(transaction, &till(Some("sue"), 3), &max, request)).unwrap();
    assert_eq!(approve("sue"), Ok(()));
    assert!(approve("sue").is_err(), "once");
}

#[test]
fn wrong_pins_lock_an_operator_for_a_while() {
    let shop = Shop::new();
    for _ in 1..WRONG_PINS {
        assert_eq!(shop.sign_in("ann", "9999", 1).unwrap_err().kind, &OPERATOR_WRONG);
    }
    shop.sign_in("ann", "1111", 1).unwrap();
    for _ in 0..WRONG_PINS {
        assert_eq!(shop.sign_in("ann", "9999", 2).unwrap_err().kind, &OPERATOR_WRONG);
    }
    let locked = shop.sign_in("ann", "1111", 3).unwrap_err();
    assert_eq!((locked.kind, locked.members), (&OPERATOR_LOCKED, vec![("retry_after_s", 900.into())]));
    assert!(shop.sign_in("sue", "2222", 3).is_ok(), "nobody else");
    assert_eq!(shop.acts().iter().filter(|act| *act == "operator_locked").count(), 1);
    assert!(shop.sign_in("ann", "1111", 3 + 15 * MINUTE).is_ok());
    assert_eq!(shop.sign_in("nobody", "1111", 4).unwrap_err().kind, &OPERATOR_WRONG);
}

#[test]
fn a_temporary_operator_is_revoked_or_forgotten() {
    let shop = Shop::new();
    let names =
        |at_ms| list(&shop.store, at_ms).unwrap().into_iter().map(|found| found.id.to_string()).collect::<Vec<_>>();
    assert_eq!(names(1), ["ann", "max", "sue"]);
    shop.sign_in("ann", "1111", 1).unwrap();
    shop.commit(|transaction| revoke(transaction, &testing::by(2), &id("sue"))).unwrap();
    assert_eq!(names(2), ["ann", "max"]);
    assert_eq!(shop.allow("ann", Right::Sell, 0, 3).unwrap_err().kind, &OPERATOR_NEEDED, "every session ends");
    assert_eq!(names(2 * crate::capability::DAY_MS + 1), [""; 0]);
    for (pin, days) in [("12", 1), ("1234", 0), ("1234", 32)] {
        let request = AddOperator { id: id("x"), name: "X".into(), role: Role::Cashier, pin: pin.into(), days };
        assert_eq!(request.prepare(&shop.store, 1).unwrap_err().kind, &OPERATOR_INVALID);
    }
}

#[test]
fn a_badge_signs_in_without_a_pin() {
    let badge = Credentials { operator: None, pin: None, badge: Some("4006381333931".into()) };
    let shop = Shop::new();
    assert_eq!(verify(&shop.store, &badge, 1), Ok(Verdict::Wrong(None)));
    let both = Credentials { operator: Some(id("ann")), pin: None, badge: Some("1".into()) };
    assert!(verify(&shop.store, &both, 1).is_err());
    let digest = badge_digest("4006381333931");
    published(&shop, vec![("7", format!(r#"{{"id":"7","name":"Bob","role":"cashier","badge":"{digest}"}}"#))]);
    let Ok(Verdict::Right(bob)) = verify(&shop.store, &badge, 1) else { panic!("Bob's badge is not known") };
    assert_eq!(bob.name, "Bob");
}

/// Publishes operators, up to their activation.
fn published(shop: &Shop, records: Vec<(&str, String)>) {
    let records = records.into_iter().map(|(key, body)| (key.to_owned(), serde_json::from_str(&body).unwrap()));
    let records: Vec<_> = records.collect();
    testing::publish(&shop.store, contract::operator::OPERATORS, 1, &records).unwrap();
    let kind = contract::operator::OPERATORS.parse().unwrap();
    crate::publications::activate(&shop.store, &testing::by(2), &kind, 1).unwrap();
}

use commerce::{Actor, BusinessDay, Currency, Minor, SaleId, Tender};
use contract::{Event, Sequence, Stream};
use store::{
    Depth, Store,
    idempotency::{CommandKey, Once},
};

use super::*;
use crate::{
    By, Refusal,
    closing::{self, UNSETTLED, Unsettled},
    selling::{self, SaleContext},
    testing::{self, faults},
};

const LIMIT: Minor = Minor::literal(200);

/// A store with registers, in a directory of its own.
struct Shop {
    directory: tempfile::TempDir,
    store: Option<Store>,
}

fn at(name: &str) -> By {
    By { actor: Actor::register(name.parse().unwrap()), at_ms: 5 }
}

fn person() -> By {
    testing::by(5)
}

fn date(day: u8) -> BusinessDay {
    BusinessDay::new(2026, 11, day).unwrap()
}

fn usd() -> Currency {
    Currency::from_code("USD").unwrap()
}

fn moment(day: u8) -> Moment {
    Moment { epoch: 1, at_ms: 5, date: date(day), currency: usd() }
}

fn context(day: u8) -> SaleContext {
    SaleContext { business_day: date(day), ..testing::sale_context(1, 5) }
}

fn count_of(minor: i64) -> CountRequest {
    let pieces =
        vec![commerce::cash::Pieces { denomination: Minor::literal(1), pieces: u32::try_from(minor).unwrap() }];
    CountRequest { pieces }
}

fn open_request(till: &str, float: i64) -> OpenShift {
    OpenShift { till: Some(till.parse().unwrap()), float: Minor::literal(float) }
}

type Transaction<'t> = store::Transaction<'t>;

/// Sells pieces of 3.69 for cash at a register.
fn sell(transaction: &mut Transaction<'_>, register: &str, day: u8, pieces: u32) -> Result<SaleId, Refusal> {
    let mut basket = testing::basket(0, pieces);
    basket.register = register.parse().unwrap();
    basket.tender(Tender::Cash { amount: Minor::literal(369 * i64::from(pieces) + 31) }).unwrap();
    selling::sell(transaction, &at(register), basket, &context(day)).map(|done| done.sale)
}

impl Shop {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        store.commit_blocking(|transaction| testing::goods(transaction, 100_000, 1)).unwrap();
        Self { directory, store: Some(store) }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn restart(&mut self) {
        drop(self.store.take());
        self.store = Some(testing::store(self.directory.path()));
    }

    fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.store().commit_blocking(work)
    }

    fn sell(&self, register: &'static str, day: u8, pieces: u32) -> commerce::Sale {
        let id = self.commit(move |transaction| sell(transaction, register, day, pieces)).unwrap();
        selling::find_sale(self.store(), id).unwrap()
    }

    fn open(&self, register: &'static str, till: &'static str, float: i64) -> Result<ShiftStatus, Refusal> {
        self.commit(move |transaction| open(transaction, &at(register), &moment(24), open_request(till, float)))
    }

    fn report(&self, number: u64) -> ShiftReport {
        report(self.store(), &person().actor, commerce::ShiftId { epoch: 1, number }).unwrap()
    }

    fn close_day(&self) -> Result<DayReport, Refusal> {
        self.commit(|transaction| closing::close_day(transaction, &person(), Unsettled::default(), &[], usd()))
    }

    /// The kinds of the events for HQ, each with a body that HQ accepts.
    fn events(&self) -> Vec<String> {
        let entries = self.store().outbox(Stream::cash().as_str(), 1, 100).unwrap();
        let kinds = entries.into_iter().map(|entry| {
            let body = crate::hq::body(self.store(), &entry).unwrap();
            let event = Event { sequence: Sequence(1), kind: entry.kind.clone(), occurred_at_ms: 1, body };
            let read = match entry.kind.as_str() {
                "shift.opened" => SHIFT_OPENED.read(&event).map(drop),
                "cash.moved" => MOVED.read(&event).map(drop),
                "shift.closed" => SHIFT_CLOSED.read(&event).map(drop),
                _ => DAY_CLOSED.read(&event).map(drop),
            };
            assert_eq!(read, Ok(()), "{}", entry.kind);
            entry.kind
        });
        kinds.collect()
    }

    fn is_whole(&self) {
        for depth in [Depth::Fast, Depth::Whole] {
            assert_eq!(faults(self.store(), depth), Vec::<String>::new());
        }
    }
}

#[test]
fn a_register_without_a_shift_gets_its_own_until_the_date_changes() {
    let shop = Shop::new();
    let sales = [shop.sell("till-1", 24, 1), shop.sell("till-1", 24, 2), shop.sell("till-2", 24, 1)];
    assert_eq!(sales.map(|sale| sale.shift.unwrap().number), [1, 1, 2]);
    assert_eq!(shop.events(), Vec::<String>::new());
    let next = shop.sell("till-1", 25, 1);
    assert_eq!((next.shift.unwrap().number, next.business_day), (3, date(25)));
    assert_eq!(shop.events(), ["shift.closed", "shift.closed", "day.closed"]);
    let first = day(shop.store(), 1).unwrap();
    assert_eq!((first.total.cash().get(), first.total.sales, first.day.uncounted), (4 * 369, 3, 2));
    // A clock that jumps back turns the day again; nothing is lost.
    assert_eq!(shop.sell("till-2", 24, 1).business_day, date(24));
    assert_eq!(day(shop.store(), 2).unwrap().total.sales, 1);
    shop.is_whole();
}

#[test]
fn a_day_that_a_person_opened_lasts_until_a_person_closes_it() {
    let shop = Shop::new();
    shop.sell("till-1", 24, 1);
    let opened = shop.open("till-1", "drawer-1", 10_000).unwrap();
    assert_eq!((opened.number, opened.attended), (1, true), "it takes over the shift with its sale");
    let late = [shop.sell("till-1", 25, 1), shop.sell("till-2", 25, 1)];
    assert!(late.iter().all(|sale| sale.business_day == date(24)));
    assert_eq!(date_of_sales(shop.store(), date(25)).unwrap(), date(24));
    let refused = shop.close_day().unwrap_err();
    assert_eq!((refused.kind, refused.members[0].1.clone()), (&SHIFTS_OPEN, vec!["1-1"].into()));
    let id = opened.id;
    shop.commit(move |transaction| {
        count(transaction, &at("till-1"), id, count_of(10_000 + 2 * 369))?;
        close(transaction, &at("till-1"), id, LIMIT)
    })
    .unwrap();
    let closed = shop.close_day().unwrap();
    assert_eq!((closed.day.shifts, closed.day.uncounted, closed.total.cash().get()), (2, 1, 3 * 369));
    assert_eq!(shop.close_day().unwrap_err().kind, &NO_DAY);
    let after = shop.sell("till-1", 25, 1);
    assert_eq!((after.shift.unwrap().number, after.business_day), (3, date(25)));
    assert_eq!(date_of_sales(shop.store(), date(25)).unwrap(), date(25));
    assert_eq!(shop.events(), ["shift.opened", "shift.closed", "shift.closed", "day.closed"]);
    shop.is_whole();
}

#[test]
fn a_till_is_shared_suspended_and_resumed_elsewhere() {
    let shop = Shop::new();
    let id = shop.open("till-1", "drawer-1", 5_000).unwrap().id;
    shop.sell("till-2", 24, 1);
    shop.commit(move |transaction| join(transaction, &at("till-2"), id)).unwrap();
    assert_eq!(shop.sell("till-2", 24, 1).shift, Some(id));
    assert_eq!(shop.report(2).shift.state, commerce::cash::ShiftState::Closed, "its own shift ended");
    let taken = shop.open("till-3", "drawer-1", 0).unwrap_err();
    assert_eq!((taken.kind, taken.members[0].1.clone()), (&TILL_IN_USE, "1-1".into()));
    assert_eq!(shop.open("till-2", "drawer-2", 0).unwrap_err().kind, &REGISTER_HAS_SHIFT);
    let other = shop.open("till-3", "drawer-3", 0).unwrap().id;
    let refused = shop.commit(move |transaction| suspend(transaction, &at("till-3"), id)).unwrap_err();
    assert_eq!(refused.kind.slug, "shift-of-others");
    shop.commit(move |transaction| suspend(transaction, &at("till-1"), id)).unwrap();
    assert!(shop.sell("till-1", 24, 1).shift != Some(id));
    let busy = shop.commit(move |transaction| resume(transaction, &at("till-3"), id)).unwrap_err();
    assert_eq!((busy.kind, busy.members[0].1.clone()), (&REGISTER_HAS_SHIFT, other.to_string().into()));
    shop.commit(move |transaction| resume(transaction, &at("till-1"), id)).unwrap();
    assert_eq!(shop.sell("till-1", 24, 1).shift, Some(id));
    let report = shop.report(1);
    assert_eq!((report.expected.get(), report.total.sales, report.shift.takings.len()), (5_000 + 2 * 369, 2, 2));
    shop.is_whole();
}

#[test]
fn a_difference_above_the_limit_is_approved_by_whoever_may() {
    let shop = Shop::new();
    let id = shop.open("till-1", "drawer-1", 1_000).unwrap().id;
    let cashier = at("till-1");
    assert!(report(shop.store(), &cashier.actor, id).is_err(), "a cashier does not see what should be there");
    shop.commit(move |transaction| {
        let paid_out =
            MoveCash { kind: commerce::cash::Kind::PaidOut, amount: Minor::literal(50), reason: Some("stamps".into()) };
        move_cash(transaction, &at("till-1"), id, paid_out)?;
        count(transaction, &at("till-1"), id, count_of(700))
    })
    .unwrap();
    let refused = shop.commit(move |transaction| close(transaction, &at("till-1"), id, LIMIT)).unwrap_err();
    assert_eq!(refused.kind, &APPROVAL_NEEDED);
    assert!(!refused.detail.contains("950") && !refused.detail.contains("250"), "{}", refused.detail);
    let closed = shop.commit(move |transaction| close(transaction, &person(), id, LIMIT)).unwrap();
    let closing = closed.shift.closing.unwrap();
    assert_eq!((closing.difference.get(), closing.approved), (-250, true));
    assert_eq!(report(shop.store(), &cashier.actor, id).unwrap().expected.get(), 950);
    let acts: Vec<_> = crate::audit::last(shop.store(), None, 9).unwrap().into_iter().map(|entry| entry.act).collect();
    assert_eq!(acts, ["shift_closed", "shift_counted", "cash_moved", "shift_opened"]);
    assert_eq!(shop.events(), ["shift.opened", "cash.moved", "shift.closed"]);
    assert_eq!(movements(shop.store(), None, 9).unwrap()[0].reason.as_deref(), Some("stamps"));
    shop.is_whole();
}

#[test]
fn nothing_is_closed_over_a_partly_paid_basket_and_the_refusal_names_it() {
    let shop = Shop::new();
    let id = shop.open("till-1", "drawer-1", 0).unwrap().id;
    shop.commit(|transaction| {
        let mut basket = testing::basket(7, 1);
        basket.tender(Tender::Cash { amount: Minor::literal(1) }).unwrap();
        Ok(selling::put_basket(transaction, &basket)?)
    })
    .unwrap();
    let unsettled = closing::unsettled(shop.store()).unwrap();
    let found = unsettled.clone();
    let refused = shop
        .commit(move |transaction| {
            count(transaction, &at("till-1"), id, count_of(0))?;
            closing::close_shift(transaction, &at("till-1"), id, LIMIT, found, &[])
        })
        .unwrap_err();
    assert_eq!((refused.kind, refused.members[1].1.clone()), (&UNSETTLED, vec!["b7"].into()));
    let day =
        shop.commit(move |transaction| closing::close_day(transaction, &person(), unsettled, &[], usd())).unwrap_err();
    assert!(day.detail.contains("basket b7 of register till-1"), "{}", day.detail);
}

#[test]
fn a_damaged_shift_costs_no_sale_and_is_reported() {
    static DAMAGED: store::Table<store::Number, String> = store::Table::new("shift");
    let shop = Shop::new();
    shop.open("till-1", "drawer-1", 0).unwrap();
    shop.sell("till-1", 24, 1);
    shop.commit(|transaction| Ok(transaction.put(&DAMAGED, 1, &"damaged".to_owned())?)).unwrap();
    assert_eq!(shop.sell("till-1", 24, 1).shift.unwrap().number, 2);
    assert!(!faults(shop.store(), Depth::Fast).is_empty());
}

/// One shift from its opening to the close of its day, each step a commit.
fn step(transaction: &mut Transaction<'_>, number: usize) -> Result<(), Refusal> {
    let id = commerce::ShiftId { epoch: 1, number: 1 };
    let till = at("till-1");
    match number {
        0 => open(transaction, &till, &moment(24), open_request("drawer-1", 1_000)).map(drop),
        1 => sell(transaction, "till-1", 24, 2).map(drop),
        2 => {
            let (kind, amount) = (commerce::cash::Kind::SafeDrop, Minor::literal(700));
            move_cash(transaction, &till, id, MoveCash { kind, amount, reason: None }).map(drop)
        }
        3 => suspend(transaction, &till, id).map(drop),
        4 => resume(transaction, &at("till-2"), id).map(drop),
        5 => sell(transaction, "till-2", 24, 1).map(drop),
        6 => end(transaction, &at("till-2"), id).map(drop),
        7 => count(transaction, &till, id, count_of(1_400)).map(drop),
        8 => close(transaction, &till, id, LIMIT).map(drop),
        _ => close_day(transaction, &person()).map(drop),
    }
}

#[test]
fn every_step_happens_once_whenever_the_power_fails() {
    const STEPS: usize = 10;
    let once = |transaction: &mut Transaction<'_>, number: usize| {
        let key = format!("step-{number}");
        let key = CommandKey { asker: "till-1".into(), key, fingerprint: "x".into(), at_ms: 5 };
        let done = transaction.once(&key, |transaction| step(transaction, number).map(|()| true))?;
        Ok::<_, Refusal>(matches!(done, Once::First(_)))
    };
    for cut in 0..STEPS {
        for after_the_flush in [false, true] {
            let mut shop = Shop::new();
            for number in 0..STEPS {
                if number == cut && !after_the_flush {
                    let lost = shop.commit(move |transaction| {
                        once(transaction, number)?;
                        // The power fails here: nothing of the commit is flushed.
                        Err::<(), _>(crate::refusal::BAD_REQUEST.because("power"))
                    });
                    assert!(lost.is_err());
                    shop.restart();
                }
                assert!(shop.commit(move |transaction| once(transaction, number)).unwrap(), "{number}");
                if number == cut && after_the_flush {
                    shop.restart();
                    assert!(!shop.commit(move |transaction| once(transaction, number)).unwrap(), "{number} twice");
                }
            }
            let closed = day(shop.store(), 1).unwrap();
            assert_eq!((closed.total.sales, closed.day.expected.get(), closed.day.difference.get()), (2, 1_407, -7));
            assert_eq!(shop.events(), ["shift.opened", "cash.moved", "shift.closed", "day.closed"]);
            shop.is_whole();
        }
    }
}

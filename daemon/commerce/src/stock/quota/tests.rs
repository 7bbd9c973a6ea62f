use proptest::{collection::vec, prelude::*};

use super::*;
use crate::stock::{self, Position, Rule};

const STRICT: Policy = Policy { class: Class::Strict, share_permille: 400, most: i64::MAX };
const WALK_IN_FIRST: Policy = Policy { class: Class::WalkInFirst, ..STRICT };

fn sku() -> Sku {
    "4711".parse().unwrap()
}

/// A store with stock and a granted quota, and HQ after it received the grant.
fn granted(on_hand: i64, policy: &Policy) -> (StoreQuota, WebQuota) {
    let (mut store, mut web) = (StoreQuota::new(7), WebQuota::default());
    store.refill(on_hand, 0, Unit::Each, policy);
    web.receive(&store.totals);
    (store, web)
}

/// F31: on hand 10, quota 4: an offline store sells 6. It refuses the seventh under strict, and sells it with a breach
/// under walk-in first.
#[test]
fn an_offline_store_sells_the_rest_of_its_stock() {
    let (mut store, web) = granted(10_000, &STRICT);
    assert_eq!((store.kept(), web.left()), (4000, 4000));
    let mut on_hand = 10_000;
    for _ in 0..6 {
        store.may_sell(&sku(), on_hand, 1000, Class::Strict).unwrap();
        on_hand -= 1000;
        assert_eq!(store.after_movement(on_hand), None);
    }
    let refused = store.may_sell(&sku(), on_hand, 1000, Class::Strict).unwrap_err();
    assert_eq!(refused.to_string(), "item 4711: 4000 thousandths are kept for web orders, so 0 can be sold, not 1000");
    store.may_sell(&sku(), on_hand, 1000, Class::WalkInFirst).unwrap();
    assert_eq!(store.after_movement(on_hand - 1000), Some(Breach { milli: 1000 }));
    assert_eq!(store.after_movement(on_hand - 1000), None, "told once");
    assert_eq!(store.totals.recalled, 1000);
}

/// Whether there is enough stock is another rule.
#[test]
fn goods_that_are_not_kept_for_the_web_may_be_sold() {
    let none = StoreQuota::new(7);
    assert_eq!(none.may_sell(&sku(), 1000, 2000, Class::Strict), Ok(()), "nothing is kept");
    let (some, _) = granted(10_000, &STRICT);
    assert_eq!(some.may_sell(&sku(), 10_000, 11_000, Class::WalkInFirst), Ok(()));
    assert_eq!(some.may_sell(&sku(), 10_000, 6000, Class::Strict), Ok(()));
    some.may_sell(&sku(), 10_000, 6001, Class::Strict).unwrap_err();
}

/// F34: on hand 9 with 2 reserved, safety stock 3: the web sees 4, a customer at the counter 7.
#[test]
fn the_safety_stock_is_not_granted() {
    let mut position = Position::empty((sku(), Unit::Each), Rule::BelowZero);
    (position.on_hand, position.reserved) = (7000, 2000);
    let all = Policy { share_permille: 1000, ..STRICT };
    let mut store = StoreQuota::new(7);
    assert_eq!(store.refill(position.on_hand, 3000, Unit::Each, &all), Some(Refill::Granted(4000)));
    let walk_in = |store: &StoreQuota, class| store.for_walk_ins(position.on_hand, class);
    assert_eq!((store.kept(), walk_in(&store, Class::WalkInFirst)), (4000, 7000));
    assert_eq!(walk_in(&store, Class::Strict), 3000);
    assert_eq!(walk_in(&StoreQuota::new(7), Class::Strict), 7000, "nothing granted");
}

/// F35: 12 a day, 5 days, safety stock 20: reorder point 80; at 78 order up to 200, which is 122.
#[test]
fn the_reorder_point_covers_the_lead_time() {
    let each = |count| crate::Quantity::pieces(count).unwrap();
    let policy = stock::Policy::new(sku(), Rule::BelowZero, each(20), each(1), (5, 10)).unwrap();
    let mut position = Position::empty((sku(), Unit::Each), Rule::BelowZero);
    position.on_hand = 78_000;
    let suggested = stock::reorder::suggest(&policy, Some(Unit::Each), &position, 0, 12_000 * 28).unwrap();
    assert_eq!((suggested.reorder_point, suggested.order), (80_000, 122_000));
}

/// I-02: of 4 with 2 reserved, 2 can be promised and 3 not. I-12: nothing is sold twice.
#[test]
fn the_web_sells_only_its_quota() {
    let all = Policy { share_permille: 1000, ..STRICT };
    let (mut store, mut web) = granted(2000, &all);
    assert_eq!(web.spend(3000), Err(QuotaSpent { left: 2000, requested: 3000 }));
    web.spend(2000).unwrap();
    assert_eq!(web.spend(1), Err(QuotaSpent { left: 0, requested: 1 }));
    web.receive(&store.totals);
    assert_eq!(web.left(), 0, "an old message gives nothing back");
    assert_eq!((store.kept(), store.arrive(7, 2000, 2000)), (2000, 2000));
    assert_eq!(store.kept(), 0);
    web.receive(&store.totals);
    assert_eq!((web.left(), web.totals.granted), (0, store.totals.granted));
}

#[test]
fn outstanding_quota_comes_back_unless_it_is_sold() {
    let (mut store, mut web) = granted(10_000, &STRICT);
    web.spend(3000).unwrap();
    assert_eq!(store.refill(10_000, 10_000, Unit::Each, &STRICT), Some(Refill::Recalled(4000)));
    assert_eq!(store.refill(10_000, 10_000, Unit::Each, &STRICT), None, "it is asked already");
    web.receive(&store.totals);
    web.receive(&store.totals);
    assert_eq!((web.totals.returned, web.totals.refused, web.left()), (1000, 3000, 0));
    store.receive(&web.totals);
    assert_eq!((store.kept(), store.totals.outstanding()), (3000, 0), "until the offers come");
    store.arrive(7, 3000, 10_000);
    assert_eq!(store.kept(), 0);
}

/// HQ's answers are never more than what was asked, in whatever order they come.
#[test]
fn answers_count_up_to_the_recalled_quantity() {
    for returned_first in [true, false] {
        let (mut store, _) = granted(10_000, &STRICT);
        store.refill(0, 0, Unit::Each, &STRICT);
        let totals = store.totals;
        let answer = |returned, refused| Totals { returned, refused, ..totals };
        if returned_first {
            store.receive(&answer(3000, 0));
            store.receive(&answer(0, 4000));
            assert_eq!((store.totals.returned, store.totals.refused), (3000, 1000));
        } else {
            store.receive(&answer(0, 1000));
            store.receive(&answer(4000, 0));
            assert_eq!((store.totals.returned, store.totals.refused), (3000, 1000));
        }
        assert_eq!(store.totals.outstanding(), 0);
    }
}

#[test]
fn an_unsent_order_returns_its_quota() {
    let (store, mut web) = granted(10_000, &STRICT);
    web.spend(3000).unwrap();
    web.unspend(6, 3000);
    assert_eq!(web.left(), 1000, "of another epoch");
    web.unspend(7, 3000);
    assert_eq!((web.left(), store.kept()), (4000, 4000));
    web.unspend(7, i64::MAX);
    assert_eq!(web.left(), 4000);
}

#[test]
fn a_restored_store_resets_the_quota_and_a_restored_hq_adopts_the_totals() {
    let (mut store, mut web) = granted(10_000, &STRICT);
    let backup = web;
    web.spend(3000).unwrap();
    store.arrive(7, 3000, 10_000);
    let mut restored = backup;
    restored.receive(&store.totals);
    assert_eq!((restored.left(), store.kept()), (1000, 1000));
    let mut anew = StoreQuota::new(8);
    assert_eq!(anew.arrive(7, 1000, 10_000), 0, "an offer from the former quota takes what is free, if any");
    web.receive(&anew.totals);
    assert_eq!(web.left(), 0);
    anew.refill(5000, 0, Unit::Each, &STRICT);
    web.receive(&anew.totals);
    web.receive(&store.totals);
    assert_eq!((web.left(), web.totals.epoch), (2000, 8), "the former epoch is heard no more");
}

#[test]
fn a_refill_follows_the_stock_but_ignores_small_changes() {
    let mut store = StoreQuota::new(7);
    let mut refill = |on_hand| store.refill(on_hand, 0, Unit::Each, &STRICT);
    assert_eq!(refill(100_000), Some(Refill::Granted(40_000)));
    assert_eq!((refill(90_000), refill(120_000)), (None, None));
    assert_eq!(refill(140_000), Some(Refill::Granted(16_000)));
    assert_eq!(refill(100_000), Some(Refill::Recalled(16_000)));
    assert_eq!(refill(0), Some(Refill::Recalled(40_000)));
    assert_eq!(refill(-5000), None);
    let mut small = StoreQuota::new(7);
    assert_eq!(small.refill(2000, 0, Unit::Each, &STRICT), None, "less than a piece");
    assert_eq!(small.refill(2000, 0, Unit::Kilogram, &STRICT), Some(Refill::Granted(800)));
    let capped = Policy { most: 5500, ..STRICT };
    assert_eq!(StoreQuota::new(7).refill(100_000, 0, Unit::Each, &capped), Some(Refill::Granted(5000)));
}

#[test]
fn a_deviation_of_exactly_a_quarter_is_ignored() {
    let all = Policy { share_permille: 1000, ..STRICT };
    for (kept, stock, expected) in [
        (3000, 4000, None),
        (2999, 4000, Some(Refill::Granted(1001))),
        (5000, 4000, None),
        (5001, 4000, Some(Refill::Recalled(1001))),
    ] {
        let mut store = StoreQuota::new(7);
        store.refill(kept, 0, Unit::Kilogram, &all);
        assert_eq!(store.refill(stock, 0, Unit::Kilogram, &all), expected, "{kept} kept, {stock} in stock");
    }
    let mut store = StoreQuota::new(7);
    store.refill(4000, 0, Unit::Each, &all);
    store.refill(0, 0, Unit::Each, &all);
    assert_eq!(store.refill(4000, 0, Unit::Each, &all), None, "all of it is kept until HQ answers");
}

#[test]
fn inconsistent_totals_do_no_harm() {
    let nonsense = |number| Totals {
        epoch: 7,
        as_of_ms: number,
        granted: number,
        spent: number,
        recalled: number,
        returned: number,
        refused: number,
    };
    for number in [i64::MIN, -1, i64::MAX] {
        let (mut store, mut web) = granted(10_000, &STRICT);
        store.receive(&nonsense(number));
        assert_eq!(store.kept(), 4000, "it asked nothing back");
        store.after_movement(3000);
        store.receive(&nonsense(number));
        assert_eq!(store.kept(), if number > 0 { 3000 } else { 4000 });
        assert_eq!(store.for_walk_ins(10_000, Class::Strict), 10_000 - store.kept());
        web.receive(&nonsense(number));
        assert!(web.spend(4001).is_err());
    }
}

/// A message on its way; it can be delivered late, twice, or never.
#[derive(Clone, Copy, Debug)]
enum Message {
    ToWeb(Totals),
    ToStore(Totals),
}

/// An order that HQ sold. It is offered until the store has answered; the store accepts it once.
#[derive(Clone, Copy, Debug)]
struct Order {
    epoch: u64,
    milli: i64,
    sent: bool,
    taken: bool,
}

/// A store, HQ and the messages between them.
struct World {
    policy: Policy,
    store: StoreQuota,
    web: WebQuota,
    on_hand: i64,
    reserved: i64,
    rejected: i64,
    /// Kept goods left the store without a sale at the counter.
    shrunk: bool,
    messages: Vec<Message>,
    orders: Vec<Order>,
}

impl World {
    fn new(policy: Policy, on_hand: i64) -> Self {
        let (store, web) = (StoreQuota::new(7), WebQuota::default());
        let (messages, orders) = (Vec::new(), Vec::new());
        Self { policy, store, web, on_hand, reserved: 0, rejected: 0, shrunk: false, messages, orders }
    }

    fn step(&mut self, (what, milli, which): (u8, i64, usize)) {
        match what {
            0 | 1 => self.sell(milli),
            2 => self.on_hand += milli,
            3 if which % 4 == 0 => {
                self.on_hand -= milli.min(self.on_hand);
                self.shrunk = true;
            }
            4 | 5 => {
                let safety_stock = if which % 2 == 0 { 0 } else { 2000 };
                self.store.refill(self.on_hand, safety_stock, Unit::Each, &self.policy);
                self.messages.push(Message::ToWeb(self.store.totals));
            }
            6 | 7 => self.order(milli),
            8 => {
                if let Some(order) = pick(&mut self.orders, which).filter(|order| !order.sent) {
                    self.web.unspend(order.epoch, order.milli);
                    (order.sent, order.taken) = (true, true);
                }
            }
            9 | 10 => self.offer(which),
            11..=14 => {
                if let Some(message) = pick(&mut self.messages, which).copied() {
                    self.deliver(message);
                }
            }
            15 if !self.messages.is_empty() => {
                self.messages.swap_remove(which % self.messages.len());
            }
            _ => {}
        }
        self.store.after_movement(self.on_hand);
    }

    fn sell(&mut self, milli: i64) {
        let may = self.store.may_sell(&sku(), self.on_hand, milli, self.policy.class);
        if milli <= self.on_hand && may.is_ok() {
            self.on_hand -= milli;
        }
    }

    fn order(&mut self, milli: i64) {
        if self.web.spend(milli).is_ok() {
            self.orders.push(Order { epoch: self.web.totals.epoch, milli, sent: false, taken: false });
        }
    }

    /// Offers may be repeated; the store accepts each once, because it has the fulfilment.
    fn offer(&mut self, which: usize) {
        let Some(order) = pick(&mut self.orders, which) else { return };
        order.sent = true;
        if !order.taken {
            order.taken = true;
            let reserved = self.store.arrive(order.epoch, order.milli, self.on_hand);
            self.on_hand -= reserved;
            self.reserved += reserved;
            self.rejected += order.milli - reserved;
        }
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::ToWeb(totals) => {
                self.web.receive(&totals);
                self.messages.push(Message::ToStore(self.web.totals));
            }
            Message::ToStore(totals) => self.store.receive(&totals),
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let on_the_way: i64 = self.orders.iter().filter(|order| !order.taken).map(|order| order.milli).sum();
        for totals in [self.store.totals, self.web.totals] {
            prop_assert!(totals.left() >= 0 && totals.outstanding() >= 0, "{totals:?}");
            prop_assert_eq!(totals.granted, totals.spent + totals.returned + totals.left());
        }
        prop_assert!(self.store.kept() >= self.web.left() + on_the_way);
        for class in [Class::Strict, Class::WalkInFirst] {
            prop_assert!(self.store.for_walk_ins(self.on_hand, class) <= self.on_hand);
        }
        prop_assert!(self.on_hand >= 0);
        if self.policy.class == Class::Strict && !self.shrunk {
            prop_assert!(self.on_hand >= self.web.left() + on_the_way, "promised more than there is");
            prop_assert_eq!((self.rejected, self.store.breached), (0, 0));
        }
        prop_assert!(self.rejected <= self.store.breached, "what is missing was told");
        Ok(())
    }

    /// The connection is back: all offers arrive, and both sides exchange totals until nothing changes.
    fn settle(&mut self) {
        for which in 0..self.orders.len() {
            self.offer(which);
            self.store.after_movement(self.on_hand);
        }
        for _ in 0..3 {
            self.web.receive(&self.store.totals);
            self.store.receive(&self.web.totals);
            self.store.after_movement(self.on_hand);
        }
    }
}

fn pick<T>(of: &mut [T], which: usize) -> Option<&mut T> {
    let count = of.len().max(1);
    of.get_mut(which % count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Counter, web and connection in any order, with lost, repeated and late messages.
    #[test]
    fn nothing_is_sold_twice_whatever_happens_to_the_messages(
        is_strict in any::<bool>(),
        share_permille in 0..=1000_u16,
        on_hand in 0..20_i64,
        steps in vec((0..16_u8, 1..5_i64, 0..64_usize), 0..200),
    ) {
        let class = if is_strict { Class::Strict } else { Class::WalkInFirst };
        let mut world = World::new(Policy { class, share_permille, most: i64::MAX }, on_hand * 1000);
        for (what, count, which) in steps {
            world.step((what, count * 1000, which));
            world.check()?;
        }
        world.settle();
        world.check()?;
        prop_assert_eq!(world.store.totals, world.web.totals);
        prop_assert!(world.on_hand >= world.store.kept(), "what the web has is there");
    }
}

/// Both sides sell their whole part during a long outage, and all goods are there.
#[test]
fn both_sides_sell_out_offline_and_every_order_is_filled() {
    for (policy, rejected) in [(STRICT, 0), (WALK_IN_FIRST, 4000)] {
        let mut world = World::new(policy, 10_000);
        world.step((4, 0, 0));
        world.deliver(world.messages[0]);
        for _ in 0..20 {
            world.step((6, 1000, 0));
            world.step((0, 1000, 0));
        }
        assert_eq!(world.orders.len(), 4);
        world.settle();
        assert_eq!((world.on_hand, world.rejected), (0, rejected));
        assert_eq!(world.reserved, 4000 - rejected);
    }
}

//! What holds for every sequence of returns.

mod keep;
mod records;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    decide::{Past, Ticket, TicketLine, Validated, decide},
    plan::{Left, RefundTo, fall_back, left_of, plan, plan_all},
    share::{Back, Brought, paid, take_back},
    *,
};
use crate::{
    Basket, BasketId, BusinessDay, Currency, Discount, Goods, Line, Minor, NewLine, Origin, Particulars, PaymentId,
    Quantity, ReceiptNumber, Sale, SaleId, ShiftId, Stamp, Tender, gift_card::CardKind, line::What, loyalty::Programme,
    pricing::tax::LineTax, sale::Totals,
};

fn stamp(sequence: u64) -> Stamp {
    Stamp {
        id: SaleId { epoch: 1, sequence },
        receipt: ReceiptNumber(sequence),
        receipt_prefix: None,
        fiscal_year: 2026,
        sold_at_ms: 1,
        business_day: BusinessDay::new(2026, 11, 28).unwrap(),
        shift: ShiftId { epoch: 1, number: 1 },
    }
}

fn basket(id: u64) -> Basket {
    let usd = Currency::from_code("USD").unwrap();
    Basket::open(BasketId(id), "till-1".parse().unwrap(), None, usd, 1, None, None).unwrap()
}

/// A sale of lines (amount, pieces, discount, added tax), with taxes rounded by document.
fn sold(lines: &[(i64, u32, i64, i64)], rounding: i64) -> Sale {
    let mut basket = basket(1);
    for (amount, pieces, off, tax) in lines {
        let keyed = Some((Minor::new(*amount).unwrap(), "marked".to_owned()));
        let what = What::NotOnFile { sku: Some("1".parse().unwrap()), gtin: None, description: "Soap".into() };
        let off = (*off).min(*amount);
        let discounts = (off > 0).then(|| Discount {
            reason: "damaged".into(),
            origin: Origin::Manager,
            amount: Minor::new(off).unwrap(),
        });
        let quantity = Quantity::pieces(*pieces).unwrap();
        let discounts = discounts.into_iter().collect();
        basket.add_line(NewLine { what, quantity, keyed, discounts, particulars: Particulars::default() }).unwrap();
        let line = basket.lines.last_mut().unwrap();
        let (base, amount) = (line.net(), Minor::new(*tax).unwrap());
        line.taxes.push(LineTax { tax: "sales".into(), rate_ppm: Some(70_000), base, amount, included: false });
    }
    let most = i64::try_from(lines.len()).unwrap();
    basket.tax_rounding = Minor::new(rounding.clamp(-most, most)).unwrap();
    let due = basket.due();
    if due.is_positive() {
        basket.tender(Tender::Cash { amount: due }).unwrap();
    }
    basket.complete(stamp(1)).unwrap()
}

fn brought(line: u32, pieces: u32) -> Brought {
    let quantity = Quantity::pieces(pieces).unwrap();
    Brought { line, quantity, reason: Reason::Unwanted, disposition: Disposition::Sellable }
}

fn pieces(milli: i64) -> Back {
    Back { milli, ..Back::default() }
}

#[test]
fn goods_that_come_back_earn_no_points() {
    let programme = Programme {
        point_value: 1,
        minor_per_point: Some(100),
        per_visit: 5,
        items: vec![],
        tiers: vec![],
        expire_days: None,
    };
    let mut sale = sold(&[(1_000, 1, 0, 0)], 0);
    sale.lines[0].goods = Goods::Item { sku: "1".parse().unwrap(), gtin: None };
    let back = take_back(&sale, None, brought(1, 1), Back::default(), 2).unwrap();
    let mut dearer = sale.lines[0].clone();
    dearer.quantity = Quantity::pieces(3).unwrap();
    dearer.regular = Minor::new(3_000).unwrap();
    let earned = |lines: Vec<Line>| programme.earn(None, &Sale { lines, ..sale.clone() });
    assert_eq!(earned(sale.lines.clone()), 15);
    assert_eq!(earned(vec![back.clone()]), 0);
    assert_eq!(earned(vec![back, dearer]), 35, "what came back takes its own points back");
}

#[test]
fn three_units_of_290_come_back_as_9667_9667_and_9666() {
    let sale = sold(&[(30_000, 3, 1_000, 0)], 0);
    let shares: Vec<i64> = (0..3)
        .map(|before| paid(&take_back(&sale, None, brought(1, 1), pieces(before * 1000), 1).unwrap()).get())
        .collect();
    assert_eq!(shares, [-9_667, -9_667, -9_666]);
    let one = take_back(&sale, None, brought(1, 1), pieces(3000), 1).unwrap_err();
    assert!(one.to_string().contains("3000 thousandths were sold and 3000 came back"), "{one}");
}

#[test]
fn an_even_exchange_keeps_the_original_price_and_a_dearer_one_costs_the_difference() {
    // 49.90 less 20 %: the size swap costs nothing, an item at 59.90 costs 19.98.
    let sale = sold(&[(4_990, 1, 998, 0)], 0);
    let mut basket = basket(2);
    let line = take_back(&sale, None, brought(1, 1), Back::default(), basket.next_line()).unwrap();
    assert_eq!(paid(&line), Minor::literal(-3_992));
    let ticket = ticket_of(&sale, vec![1], Minor::literal(3_992), Vec::new());
    basket.add_returns(vec![line], ticket).unwrap();
    let quantity = Quantity::pieces(1).unwrap();
    let what = || What::NotOnFile { sku: None, gtin: None, description: "Shoes".into() };
    let new = |amount| NewLine {
        what: what(),
        quantity,
        keyed: Some((Minor::literal(amount), "even exchange".into())),
        discounts: vec![],
        particulars: Particulars::default(),
    };
    let mut even = basket.clone();
    assert!(even.exchange(7, new(4_990)).is_err(), "no such line");
    let same = What::NotOnFile { sku: Some("1".parse().unwrap()), gtin: None, description: "Soap, large".into() };
    // The price of the shelf does not matter.
    even.exchange(1, NewLine { what: same, ..new(5_500) }).unwrap();
    assert_eq!((even.due(), even.lines[1].net(), even.lines[1].sells()), (Minor::ZERO, Minor::literal(3_992), true));
    let sale = even.complete(stamp(2)).unwrap();
    assert_eq!((sale.totals.owed(), sale.totals.change), (Minor::ZERO, Minor::ZERO));
    let mut dearer = basket.clone();
    dearer.add_line(new(5_990)).unwrap();
    assert_eq!(dearer.due(), Minor::literal(1_998));
    dearer.tender(Tender::Cash { amount: Minor::literal(2_000) }).unwrap();
    assert_eq!(dearer.complete(stamp(3)).unwrap().totals.change, Minor::literal(2));
    // Without anything else, the money is given back before the basket is complete.
    assert!(basket.complete(stamp(4)).unwrap_err().to_string().contains("3992 minor units are to be given back"));
}

fn ticket_of(sale: &Sale, lines: Vec<u32>, refund: Minor, left: Vec<Left>) -> ReturnTicket {
    ReturnTicket {
        sale: Some(SoldIn { store: None, sale: sale.id }),
        lines,
        validated: Validated::Local,
        identities: vec![],
        card: None,
        keyed: false,
        refund,
        decision: authorized(),
        approved_by: None,
        limits: None,
        points: None,
        left,
    }
}

fn authorized() -> Decision {
    Decision { outcome: Outcome::Authorize, fired: vec![], cash: true, store_credit_only: false }
}

fn card(payment: u64) -> RefundTo {
    RefundTo::Card { payment: PaymentId(payment) }
}

#[test]
fn a_refund_goes_back_by_shares_and_falls_back_without_undoing_what_succeeded() {
    let left = |to, paid| Left { to, paid: Minor::literal(paid), left: Minor::literal(paid) };
    let tenders = [left(card(7), 6_000), left(RefundTo::StoreCredit, 4_000)];
    let mut steps = plan(Minor::literal(5_000), &tenders, &authorized());
    let told = |steps: &[RefundStep]| {
        steps.iter().map(|step| (step.refund.clone(), step.amount.get(), step.status.clone())).collect::<Vec<_>>()
    };
    let planned = StepState::Planned;
    assert_eq!(told(&steps), [(card(7), 3_000, planned.clone()), (RefundTo::StoreCredit, 2_000, planned.clone())]);
    steps[1].status = StepState::Done;
    assert!(fall_back(&mut steps, &card(7), "declined", false));
    let failed = StepState::Failed { why: "declined".into() };
    let all = [
        (card(7), 3_000, failed),
        (RefundTo::StoreCredit, 2_000, StepState::Done),
        (RefundTo::StoreCredit, 3_000, planned),
    ];
    assert_eq!(told(&steps), all);
    assert!(!fall_back(&mut steps, &RefundTo::StoreCredit, "no", false), "nothing takes the place of store credit");
    let only = Decision { store_credit_only: true, cash: false, ..authorized() };
    assert_eq!(told(&plan(Minor::literal(50), &tenders, &only))[0].0, RefundTo::StoreCredit);
}

fn ask(at_days: i64, refund: i64) -> Ticket {
    Ticket {
        at_ms: at_days * 24 * 3600 * 1000,
        today: BusinessDay::new(2026, 11, 28).unwrap(),
        sold: None,
        validated: Validated::NoReceipt,
        other_store: false,
        paid_by_card: false,
        groups: vec![],
        who: Some("me".into()),
        card: None,
        refused_before: 0,
        lines: vec![TicketLine { department: "Food".into(), refund: Minor::literal(refund), serial_fault: None }],
    }
}

fn past(key: &str, at_days: i64, refund: i64, receipted: bool) -> Past {
    let at_ms = at_days * 24 * 3600 * 1000;
    Past { at_ms, key: key.into(), refund: Minor::literal(refund), receipted, who: Some("me".into()), card: None }
}

fn rules(decision: &Decision) -> Vec<Rule> {
    decision.fired.iter().map(|fired| fired.rule).collect()
}

#[test]
fn a_third_attempt_needs_an_override() {
    let fired = |refused_before| {
        let ticket = Ticket { refused_before, ..ask(1, 100) };
        decide(&Policies::default(), &ticket, &[])
    };
    assert_eq!(fired(1).outcome, Outcome::Authorize);
    let third = fired(2);
    assert_eq!((third.outcome, rules(&third)), (Outcome::AuthorizeWithOverride, vec![Rule::RefusedBefore]));
}

#[test]
fn the_third_return_without_a_receipt_is_refused() {
    let policies = Policies::default();
    let one = past("a/1-1", 1, 1_000, false);
    let two = past("b/1-9", 2, 1_000, false);
    assert_eq!(decide(&policies, &ask(3, 1_000), std::slice::from_ref(&one)).outcome, Outcome::Authorize);
    // The same return from two sources counts once.
    assert_eq!(decide(&policies, &ask(3, 1_000), &[one.clone(), one.clone()]).outcome, Outcome::Authorize);
    let third = decide(&policies, &ask(3, 1_000), &[one.clone(), two.clone()]);
    assert_eq!((third.outcome, rules(&third)), (Outcome::DenyOverrideable, vec![Rule::BlindCount]));
    // Thirty days later the first one no longer counts; a clock that is five minutes ahead changes nothing.
    assert_eq!(decide(&policies, &ask(31, 1_000), &[one.clone(), two.clone()]).outcome, Outcome::Authorize);
    let ahead = Past { at_ms: ask(3, 0).at_ms + decide::SKEW_MS, ..two };
    assert_eq!(rules(&decide(&policies, &ask(3, 1_000), &[one, ahead])), [Rule::BlindCount]);
}

#[test]
fn the_third_return_of_high_value_needs_an_override_wherever_it_is() {
    let policies = Policies::default();
    let ticket = Ticket {
        validated: Validated::Offline,
        sold: Some((BusinessDay::new(2026, 11, 20).unwrap(), 0)),
        ..ask(3, 25_000)
    };
    let known = [past("a/1-1", 1, 25_000, true), past("b/1-1", 2, 25_000, true)];
    let decision = decide(&policies, &ticket, &known);
    assert_eq!((decision.outcome, rules(&decision)), (Outcome::AuthorizeWithOverride, vec![Rule::HighValue]));
    // Offline, the store may know only one of them; HQ decides again with both.
    assert_eq!(decide(&policies, &ticket, &known[..1]).outcome, Outcome::Authorize);
}

#[test]
fn windows_are_strict_and_depend_on_class_and_customer() {
    let mut policies = Policies::default();
    policies.group_days.insert("gold".into(), 60);
    let music = policy::ClassPolicy { window_days: Some(14), ..policy::ClassPolicy::default() };
    policies.department.insert("Music".into(), music);
    let age = |days: u8, department: &str, groups: &[&str]| {
        let sold =
            BusinessDay::new(2026, if days > 27 { 10 } else { 11 }, if days > 27 { 59 - days } else { 28 - days });
        let mut ticket = ask(100, 100);
        (ticket.sold, ticket.validated) = (Some((sold.unwrap(), 0)), Validated::Local);
        ticket.groups = groups.iter().map(|group| (*group).to_owned()).collect();
        ticket.lines[0].department = department.into();
        decide(&policies, &ticket, &[]).outcome
    };
    assert_eq!(age(29, "Food", &[]), Outcome::Authorize);
    assert_eq!(age(30, "Food", &[]), Outcome::DenyOverrideable, "the day after the window is too late");
    assert_eq!(age(45, "Food", &["gold"]), Outcome::Authorize);
    assert_eq!(age(14, "Music", &["gold"]), Outcome::DenyOverrideable);
}

#[test]
fn no_cash_for_a_card_sale_of_ten_minutes_ago_and_no_more_than_store_credit_unverified() {
    let policies = Policies::default();
    let mut ticket = ask(3, 4_000);
    ticket.sold = Some((ticket.today, ticket.at_ms - 60_000));
    (ticket.validated, ticket.paid_by_card) = (Validated::Local, true);
    let decision = decide(&policies, &ticket, &[]);
    assert_eq!((decision.outcome, decision.cash), (Outcome::Authorize, false));
    let mut ticket = ask(3, 5_001);
    ticket.sold = Some((ticket.today, 0));
    (ticket.validated, ticket.other_store) = (Validated::Offline, true);
    let decision = decide(&policies, &ticket, &[]);
    assert!(decision.store_credit_only && !decision.cash && rules(&decision) == [Rule::Unverified]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// In whichever portions goods come back: never more than was sold or paid, and all of it gives back all of it.
    #[test]
    fn no_sequence_of_returns_gives_back_more_than_was_paid(
        lines in proptest::collection::vec((0_i64..10_000, 1_u32..6, 0_i64..4_000, 0_i64..700), 1..5),
        rounding in -4_i64..5,
        order in proptest::collection::vec((0_usize..5, 1_u32..4), 1..30),
    ) {
        let sale = sold(&lines, rounding);
        let mut back: BTreeMap<u32, i64> = BTreeMap::new();
        let (mut given, mut net, mut tax) = (Minor::ZERO, Minor::ZERO, Minor::ZERO);
        let mut take = |sale: &Sale, line: u32, count: u32, back: &mut BTreeMap<u32, i64>| {
            let before = back.get(&line).copied().unwrap_or_default();
            let taken = take_back(sale, None, brought(line, count), pieces(before), 1);
            if let Ok(taken) = &taken {
                *back.entry(line).or_default() += i64::from(count) * 1000;
                given = given - paid(taken);
                net = net - taken.net();
                tax = tax - taken.added_tax();
                assert!(!paid(taken).is_positive(), "a return never costs anything");
                // Its parts sum as those of a sale.
                let totals = Totals::of(std::slice::from_ref(taken), Minor::ZERO, None, []);
                assert_eq!(totals.net, taken.net());
            }
            assert!(given <= sale.totals.owed(), "{given:?} of {:?}", sale.totals);
            taken.is_ok()
        };
        for (index, count) in order {
            let line = &sale.lines[index % sale.lines.len()];
            let before = back.get(&line.number).copied().unwrap_or_default();
            let fits = before + i64::from(count) * 1000 <= line.quantity.milli();
            prop_assert_eq!(take(&sale, line.number, count, &mut back), fits);
        }
        for line in &sale.lines {
            let left = line.quantity.milli() - back.get(&line.number).copied().unwrap_or_default();
            if left > 0 {
                prop_assert!(take(&sale, line.number, u32::try_from(left / 1000).unwrap(), &mut back));
            }
        }
        prop_assert_eq!((given, net, tax), (sale.totals.owed(), sale.totals.net, sale.totals.added_tax));
    }

    /// A plan gives back exactly the refund, and no tender more than it has left.
    #[test]
    fn a_plan_sums_to_the_refund(
        paid in proptest::collection::vec((1_i64..10_000, 0_i64..10_000), 1..5),
        part in 0_i64..=100,
    ) {
        let left: Vec<Left> = (1..)
            .zip(&paid)
            .map(|(number, (paid, back))| Left {
                to: if number == 1 { RefundTo::Cash } else { card(number) },
                paid: Minor::new(*paid).unwrap(),
                left: Minor::new((paid - back).max(0)).unwrap(),
            })
            .collect();
        let all: Minor = left.iter().map(|left| left.left).sum();
        let refund = Minor::new(all.get() * part / 100).unwrap();
        let steps = plan(refund, &left, &authorized());
        prop_assert_eq!(steps.iter().map(|step| step.amount).sum::<Minor>(), refund);
        prop_assert!(steps.is_sorted_by_key(|step| step.refund.clone()), "cards first, cash last");
        for step in steps {
            let of = left.iter().find(|left| left.to == step.refund).unwrap();
            prop_assert!(step.amount <= of.left);
        }
    }

    /// Money goes back where it came from, of no tender more than it has left, over the returns of a basket; elsewhere
    /// only if the decision says so.
    #[test]
    fn money_goes_back_to_the_tenders_that_were_used(
        paid in proptest::collection::vec((1_i64..10_000, 0_i64..10_000), 5),
        used in proptest::collection::vec(any::<bool>(), 5),
        parts in proptest::collection::vec(0_i64..=40, 1..4),
        (cash, credit_only) in (any::<bool>(), any::<bool>()),
    ) {
        let gift = RefundTo::GiftCard { movement: 3, kind: CardKind::GiftCard, card: "4242".into() };
        let tenders = [RefundTo::Cash, card(7), card(8), gift, RefundTo::ManufacturerCoupon];
        let left: Vec<Left> = (tenders.into_iter().zip(paid).zip(used))
            .filter(|(_, is_used)| *is_used)
            .map(|((to, (paid, back)), _)| Left {
                to,
                paid: Minor::new(paid).unwrap(),
                left: Minor::new((paid - back).max(0)).unwrap(),
            })
            .collect();
        let all: i64 = left.iter().map(|left| left.left.get()).sum();
        let decision = Decision { cash: cash && !credit_only, store_credit_only: credit_only, ..authorized() };
        let mut returns = Vec::new();
        let mut rest = all;
        for part in parts {
            let refund = Minor::new((all * part / 100).min(rest)).unwrap();
            rest -= refund.get();
            let ticket = ticket_of(&sold(&[(100, 1, 0, 0)], 0), vec![], refund, left.clone());
            returns.push(ReturnTicket { decision: decision.clone(), ..ticket });
        }
        let refund = returns.iter().map(|ticket| ticket.refund).sum::<Minor>();
        let steps = plan_all(refund, &returns);
        prop_assert_eq!(steps.iter().map(|step| step.amount).sum::<Minor>(), refund);
        prop_assert!(steps.iter().rev().skip(1).all(|step| step.refund != RefundTo::Cash), "cash last: {steps:?}");
        for step in steps {
            let of = left.iter().find(|left| left.to == step.refund);
            match (&step.refund, of) {
                (RefundTo::StoreCredit, _) => prop_assert!(!decision.cash, "nothing says store credit"),
                (_, None) => prop_assert!(false, "{:?} was not used", step.refund),
                (_, Some(of)) => prop_assert!(step.amount <= of.left, "{step:?} of {of:?}"),
            }
        }
    }

    /// The whole way: a sale, a return of some of it in a basket, and the refund in cash sum to what was kept.
    #[test]
    fn a_refund_is_a_sale_whose_parts_sum(
        lines in proptest::collection::vec((1_i64..10_000, 1_u32..6, 0_i64..400, 0_i64..700), 1..5),
    ) {
        let sale = sold(&lines, 1);
        let mut basket = basket(2);
        let back: Vec<Line> = (basket.next_line()..)
            .zip(&sale.lines)
            .map(|(number, line)| take_back(&sale, None, brought(line.number, 1), Back::default(), number).unwrap())
            .collect();
        let refund = -back.iter().map(paid).sum::<Minor>();
        let numbers = back.iter().map(|line| line.number).collect();
        let left = left_of(&sale, true, |_| Minor::ZERO);
        basket.add_returns(back, ticket_of(&sale, numbers, refund, left)).unwrap();
        if refund.is_positive() {
            basket.begin_refund().unwrap();
            prop_assert!(basket.void_line(1).is_err(), "the lines are fixed");
            while let Some(step) = basket.next_refund().cloned() {
                basket.give_back(&step, None).unwrap();
            }
        }
        let returned = basket.complete(stamp(2)).unwrap();
        prop_assert_eq!(returned.totals.owed(), -refund);
        prop_assert_eq!(returned.totals.tendered, -refund);
        prop_assert_eq!(returned.totals.change, Minor::ZERO);
        prop_assert!(returned.void(stamp(3)).is_err());
    }
}

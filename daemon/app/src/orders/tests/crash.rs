//! The power fails before and after the flush of every step of accept, pick and hand over; the sender repeats the step.

use commerce::order::Place as Shelf;
use store::idempotency::{CommandKey, Once};

use super::*;
use crate::selling::TenderRequest;

type Step = Box<dyn Fn(&mut Transaction<'_>) -> Result<(), Refusal> + Send + Sync>;

fn command(of: impl Fn() -> Command + Send + Sync + 'static) -> Step {
    Box::new(move |transaction| run(transaction, &ann(NOON), &part("web-1"), of()).map(drop))
}

/// From the offer to the end, each step a commit.
fn steps(kind: Kind, auto_accept: bool) -> Vec<Step> {
    let picker = || "ann".parse().unwrap();
    let offer = move |transaction: &mut Transaction<'_>| {
        let order = order("web-1", kind, vec![ordered(1, CEREAL, 3)]);
        let offered = OrderOffered {
            order,
            part: 1,
            offered_at_ms: NOON,
            answer_by_ms: NOON + MINUTE,
            spent: vec![],
            accepted: vec![],
        };
        let body = OFFERED.write(&offered).unwrap();
        let item = DownItem { sequence: Sequence(1), kind: OFFERED.name().into(), body };
        let batch = contract::DownBatch {
            hub: testing::hub("store-1"),
            stream: contract::Stream::orders(),
            queue: contract::Epoch(1),
            items: vec![item],
        };
        crate::hq::receive(transaction, NOON, &batch).map(drop).map_err(Refusal::from)
    };
    let mut steps: Vec<Step> = vec![
        Box::new(offer),
        command(move || Command::Claim { picker: picker(), lines: vec![1] }),
        command(move || {
            let (scanned, quantity) = (testing::sku(CEREAL), Quantity::pieces(2).unwrap());
            Command::Pick { picker: picker(), line: 1, scanned, quantity }
        }),
        command(move || Command::Short { picker: picker(), line: 1 }),
        command(|| {
            let place = Shelf { name: "shelf-1".into(), zone: Zone::Ambient };
            Command::Pack { amounts: pieces(&[(1, 2)]), place, probe_deci_celsius: None }
        }),
        command(|| Command::MakeReady),
        Box::new(|transaction| {
            let context = testing::sale_context(1, NOON);
            hand_over(transaction, &ann(NOON), &context, &part("web-1"), collected(&[(1, 2)])).map(drop)
        }),
    ];
    if !auto_accept {
        steps.insert(1, command(|| Command::Accept));
    }
    if kind == Kind::Reserve {
        steps.push(Box::new(|transaction| {
            let cash = TenderRequest::Cash { amount: Minor::literal(1000) };
            selling::tender(transaction, &ann(NOON), commerce::BasketId(1), cash).map(drop)
        }));
        steps.push(Box::new(|transaction| {
            let context = testing::sale_context(1, NOON);
            selling::complete_basket(transaction, &ann(NOON), commerce::BasketId(1), &context).map(drop)
        }));
    }
    steps
}

/// One step, once under its key.
fn once(transaction: &mut Transaction<'_>, number: usize, step: &Step) -> Result<bool, Refusal> {
    let key =
        CommandKey { asker: "till-1".into(), key: format!("step-{number}"), fingerprint: "x".into(), at_ms: NOON };
    let done = transaction.once(&key, |transaction| step(transaction).map(|()| true))?;
    Ok(matches!(done, Once::First(_)))
}

#[test]
fn every_step_happens_once_whenever_the_power_fails() {
    for (kind, auto_accept) in [(Kind::Pickup, true), (Kind::Pickup, false), (Kind::Reserve, true)] {
        let count = steps(kind, auto_accept).len();
        for cut in 0..count {
            for after_the_flush in [false, true] {
                let mut shop = Shop::new();
                let orders = commerce::order::Policy { auto_accept, ..commerce::order::Policy::default() };
                shop.commit(move |transaction| Ok(stock::put_home(transaction, &Home { orders, ..home() })?));
                shop.offers.insert(part("web-1"), order("web-1", kind, vec![ordered(1, CEREAL, 3)]));
                for number in 0..count {
                    if number == cut && !after_the_flush {
                        let before = last_event(shop.store()).unwrap();
                        let lost = shop.try_commit(move |transaction| {
                            once(transaction, number, &steps(kind, auto_accept)[number])?;
                            // The power fails here: nothing of the commit is flushed.
                            Err::<(), _>(crate::refusal::BAD_REQUEST.because("power"))
                        });
                        assert!(lost.is_err());
                        shop.restart();
                        assert_eq!(last_event(shop.store()).unwrap(), before);
                    }
                    let first =
                        shop.commit(move |transaction| once(transaction, number, &steps(kind, auto_accept)[number]));
                    assert!(first, "{kind:?} {number}");
                    if number == cut && after_the_flush {
                        // Flushed, but the answer is lost: the sender repeats it.
                        shop.restart();
                        let again = shop
                            .commit(move |transaction| once(transaction, number, &steps(kind, auto_accept)[number]));
                        assert!(!again, "{kind:?} {number} happened twice");
                    }
                }
                assert_eq!((shop.state("web-1"), shop.cereal()), (State::HandedOver, (8, 0)), "{kind:?} {cut}");
                let sales = shop.sales();
                assert_eq!((sales.len(), sales[0].receipt.0, sales[0].totals.net.get()), (1, 1, 1000));
                shop.agrees_with_hq();
            }
        }
    }
}

/// HQ's batch comes again after the cut: the cursor skips it.
#[test]
fn an_offer_that_comes_again_is_applied_once() {
    let mut shop = Shop::new();
    shop.offers.insert(part("web-1"), order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 3)]));
    for _ in 0..3 {
        shop.commit(|transaction| steps(Kind::Pickup, true)[0](transaction));
        shop.restart();
    }
    assert_eq!((shop.cereal(), last_event(shop.store()).unwrap()), ((7, 3), 1));
    shop.agrees_with_hq();
}

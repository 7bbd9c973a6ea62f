use std::collections::BTreeMap;

use commerce::{Actor, BasketId, Currency, Discount, Minor, SaleId, receipt::TrainingNumber};
use proptest::prelude::*;
use serde_json::{Value, json};
use store::{Depth, Name, Store, Table, Transaction};

use super::*;
use crate::{
    By, CAPABILITIES, Refusal, audit,
    pricing::BuyerRequest,
    printing,
    selling::{self, LineRequest, MaybeOpen, OpenBasket, SaleContext, TenderRequest, WholeSale},
    testing::{self, CATALOG, CEREAL, goods, position, read_back, register},
};

fn usd() -> Currency {
    Currency::from_code("USD").unwrap()
}

/// A sale's data, with a printer.
fn context(at_ms: i64) -> SaleContext {
    SaleContext { printer: Some("receipts".into()), ..testing::sale_context(1, at_ms) }
}

fn line(pieces: u32) -> selling::FoundLine {
    let line = json!({ "sku": CEREAL, "quantity": { "milli": pieces * 1_000, "unit": "each" } });
    serde_json::from_value::<LineRequest>(line).unwrap().find(&CATALOG).unwrap()
}

fn cash(amount: i64) -> TenderRequest {
    TenderRequest::Cash { amount: Minor::new(amount).unwrap() }
}

/// A store with goods on hand.
struct Shop {
    store: Store,
    _directory: tempfile::TempDir,
}

impl Shop {
    fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        store.commit_blocking(|transaction| goods(transaction, 100_000, 1)).unwrap();
        Self { store, _directory: directory }
    }

    fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.store.commit_blocking(work)
    }

    fn switch(&self, by: By, training: bool) -> Result<RegisterTraining, Refusal> {
        let baskets = selling::maybe_open(&self.store).unwrap();
        self.switch_knowing(by, training, baskets)
    }

    fn switch_knowing(&self, by: By, training: bool, baskets: MaybeOpen) -> Result<RegisterTraining, Refusal> {
        self.commit(move |transaction| switch(transaction, &by, SwitchTraining { training }, baskets))
    }

    /// Sells one piece; gives the sale's number and the receipt's.
    fn sell(&self, at_ms: i64) -> (u64, u64) {
        let sold = self.commit(move |transaction| {
            let sale = WholeSale {
                currency: usd(),
                reference: None,
                customer: None,
                buyer: BuyerRequest::default(),
                reservations: vec![],
                lines: vec![line(1)],
                tenders: vec![cash(400)],
            };
            let basket = sale.basket(&register(at_ms), None)?;
            selling::sell(transaction, &register(at_ms), basket, &context(at_ms))
        });
        let sold = sold.unwrap();
        (sold.sale.sequence, sold.receipt.0)
    }

    /// Every record of every capability but those of training, the outbox, and the counters of what counts.
    fn what_counts(&self) -> BTreeMap<String, Vec<Value>> {
        let mut counts = BTreeMap::new();
        // The store's own tables: what waits for HQ, and the chain of what never changes.
        let mut tables =
            ["outbox", "outbox_stream", "chain"].map(Table::<Name, Value>::new).into_iter().collect::<Vec<_>>();
        for capability in CAPABILITIES {
            let plain = capability.tables.iter().map(|name| Table::<Name, Value>::new(name));
            let linked = capability.linked.iter().map(|name| Table::<Name, Value>::linked(name));
            tables.extend(plain.chain(linked).filter(|table| !table.name().contains("training")));
        }
        for table in tables {
            let mut records = Vec::new();
            self.store.each(&table, |record| records.push(record.unwrap())).unwrap();
            counts.insert(table.name().to_owned(), records);
        }
        for counter in ["basket", "payment", "audit", "receipt_copy", "shift", "movement"] {
            counts.insert(format!("counter {counter}"), vec![self.store.last_number(counter).unwrap().into()]);
        }
        counts
    }
}

/// What somebody tries in training.
#[derive(Clone, Debug)]
enum Step {
    Open,
    Add(u32),
    Void(u32),
    Discount(u32),
    Cash(i64),
    Coupon(i64),
    GiveBack(u32),
    Complete,
    Abandon,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Open),
        (1..5_u32).prop_map(Step::Add),
        (1..5_u32).prop_map(Step::Add),
        (1..4_u32).prop_map(Step::Void),
        (1..4_u32).prop_map(Step::Discount),
        (1..4_000_i64).prop_map(Step::Cash),
        (1..200_i64).prop_map(Step::Coupon),
        (1..3_u32).prop_map(Step::GiveBack),
        Just(Step::Complete),
        Just(Step::Abandon),
    ]
}

/// Does a step with a basket, or with the one that it opens.
fn practise(shop: &Shop, id: BasketId, step: Step) -> Result<BasketId, Refusal> {
    let by = register(50);
    shop.commit(move |transaction| {
        let t = transaction;
        match step {
            Step::Open => return Ok(open(t, &by, usd())?.id),
            Step::Add(pieces) => add_line(t, &by, id, None, line(pieces)).map(drop)?,
            Step::Void(number) => void_line(t, &by, id, None, number).map(drop)?,
            Step::Discount(number) => {
                let discount = json!({ "reason": "dented", "origin": "manager", "amount": 10 });
                let discount: Discount = serde_json::from_value(discount).unwrap();
                discount_line(t, &by, id, None, number, discount).map(drop)?;
            }
            Step::Cash(amount) => tender(t, &by, id, cash(amount)).map(drop)?,
            Step::Coupon(amount) => {
                let amount = Minor::new(amount).unwrap();
                tender(t, &by, id, TenderRequest::ManufacturerCoupon { amount, code: None }).map(drop)?;
            }
            Step::GiveBack(number) => void_tender(t, &by, id, number).map(drop)?,
            Step::Complete => complete(t, &by, id, &context(50)).map(drop)?,
            Step::Abandon => abandon(t, &by, id).map(drop)?,
        }
        Ok(id)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_practised_every_record_that_counts_stays_as_it_was(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let shop = Shop::open();
        let (sequence, receipt) = shop.sell(10);
        shop.switch(register(20), true).unwrap();
        let before = shop.what_counts();
        let mut id = practise(&shop, BasketId(0), Step::Open).unwrap();
        let mut opened = vec![id];
        for step in steps {
            // Most steps are refused at some moment, and change nothing either.
            if let Ok(now) = practise(&shop, id, step) && now != id {
                id = now;
                opened.push(now);
            }
        }
        practise(&shop, id, Step::Abandon).ok();
        let last = practise(&shop, id, Step::Open).unwrap();
        for step in [Step::Add(1), Step::Cash(400), Step::Complete] {
            practise(&shop, last, step).unwrap();
        }
        prop_assert_eq!(shop.what_counts(), before);

        for id in opened {
            practise(&shop, id, Step::Abandon).ok();
        }
        shop.switch(register(60), false).unwrap();
        prop_assert_eq!(shop.sell(70), (sequence + 1, receipt + 1), "no number is missing");
        prop_assert_eq!(position(&shop.store, CEREAL).on_hand, 98_000);
        prop_assert_eq!(testing::faults(&shop.store, Depth::Whole), [""; 0]);
    }
}

#[test]
fn a_training_sale_has_its_own_number_record_and_receipt() {
    let shop = Shop::open();
    shop.switch(register(20), true).unwrap();
    let steps = |id| [Step::Add(2), Step::Cash(1_000), Step::Complete].map(|step| practise(&shop, id, step).unwrap());
    for _ in 0..2 {
        steps(practise(&shop, BasketId(0), Step::Open).unwrap());
    }
    let sold = sale(&shop.store, TrainingNumber(2)).unwrap();
    assert_eq!((sold.number.to_string(), sold.sale.totals.change), ("T2".into(), Minor::literal(262)));
    assert_eq!((sold.sale.id.epoch, sold.sale.shift), (0, None), "no store counts it, and no shift has it");
    assert_eq!(selling::find_sale(&shop.store, sold.sale.id).unwrap_err().kind, &selling::SALE_UNKNOWN);
    assert_eq!(selling::last_sales(&shop.store, None, 9).unwrap(), []);
    let listed: Vec<_> = last_sales(&shop.store, None, 9).unwrap().into_iter().map(|sold| sold.number.0).collect();
    assert_eq!(listed, [2, 1]);
    assert_eq!(sale(&shop.store, TrainingNumber(3)).unwrap_err().kind, &TRAINING_SALE_UNKNOWN);
    let job = printing::receipts::first(&shop.store, "receipts").unwrap().unwrap();
    assert_eq!((job.training, job.sequence), (true, 1));
    // The receipts that count come first.
    shop.switch(register(60), false).unwrap();
    shop.sell(70);
    let job = printing::receipts::first(&shop.store, "receipts").unwrap().unwrap();
    assert_eq!((job.training, job.sequence), (false, 1));
}

#[test]
fn a_register_with_an_open_basket_does_not_switch() {
    let shop = Shop::open();
    let known = selling::maybe_open(&shop.store).unwrap();
    let open_one = || {
        shop.commit(|transaction| selling::open(transaction, &register(5), usd(), None, OpenBasket::default()))
            .unwrap()
            .id
    };
    let id = open_one();
    let refused = shop.switch(register(6), true).unwrap_err();
    assert_eq!(refused.kind, &BASKETS_OPEN);
    assert!(refused.detail.contains(&id.to_string()), "{}", refused.detail);
    // Also one that was opened after the baskets were read.
    assert_eq!(shop.switch_knowing(register(6), true, known).unwrap_err().kind, &BASKETS_OPEN);
    let other = By { actor: Actor::register("till-2".parse().unwrap()), at_ms: 6 };
    assert!(shop.switch(other.clone(), true).unwrap().training, "it is not its basket");
    assert!(!shop.switch(other, false).unwrap().training);
    let request: selling::ParkRequest = serde_json::from_value(json!({})).unwrap();
    shop.commit(move |transaction| selling::park(transaction, &register(7), id, request)).unwrap();
    assert!(shop.switch(register(8), true).unwrap().training, "a parked basket waits for any register");

    let practised = practise(&shop, BasketId(0), Step::Open).unwrap();
    let refused = shop.switch(register(9), false).unwrap_err();
    assert_eq!(refused.kind, &BASKETS_OPEN);
    // What is paid in it is nobody's money.
    for step in [Step::Add(1), Step::Cash(100), Step::Abandon] {
        practise(&shop, practised, step).unwrap();
    }
    assert!(!shop.switch(register(10), false).unwrap().training);
    assert!(practise(&shop, practised, Step::Open).is_err(), "training is over");
    let acts: Vec<_> = audit::last(&shop.store, None, 9).unwrap().into_iter().map(|entry| entry.act).collect();
    assert_eq!(acts, ["training_ended", "training_begun", "training_ended", "training_begun"]);
}

#[test]
fn real_money_is_not_taken_in_training() {
    let shop = Shop::open();
    shop.switch(register(20), true).unwrap();
    let id = practise(&shop, BasketId(0), Step::Open).unwrap();
    practise(&shop, id, Step::Add(1)).unwrap();
    let card = TenderRequest::GiftCard { amount: Minor::literal(100), presented: "0123456789abcdef".into() };
    let refused = shop.commit(move |transaction| tender(transaction, &register(21), id, card)).unwrap_err();
    assert_eq!(refused.kind, &TENDER_NOT_IN_TRAINING);
}

#[test]
fn training_baskets_and_sales_are_kept_for_a_month() {
    let shop = Shop::open();
    shop.switch(register(20), true).unwrap();
    let id = practise(&shop, BasketId(0), Step::Open).unwrap();
    for step in [Step::Add(1), Step::Cash(400), Step::Complete, Step::Open] {
        practise(&shop, id, step).unwrap();
    }
    let tidied = |now_ms| {
        let retention = Retention { now_ms, keep_sales_days: 3_650, has_headquarters: true };
        tidy(&shop.store, &retention).unwrap().into_iter().map(|(_, count)| count).collect::<Vec<_>>()
    };
    assert_eq!(tidied(31 * DAY_MS), [0, 0]);
    assert_eq!(tidied(32 * DAY_MS), [2, 1]);
    // The open one is gone as well and keeps nobody in training.
    assert!(!shop.switch(register(99), false).unwrap().training);
}

#[test]
fn records_of_training_round_trip() {
    let sold: TrainingSale = read_back(include_str!("../fixtures/training_sale.json"));
    assert_eq!(sold.sale.id, SaleId { epoch: 0, sequence: sold.number.0 });
    let _: mode::InTraining = read_back(include_str!("../fixtures/training_register.json"));
}

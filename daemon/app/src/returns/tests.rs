//! Two stores, with HQ in the middle: what comes back over both of them.

use std::collections::BTreeMap;

use commerce::{
    BasketId, Minor, Quantity, Sale, SaleId,
    returns::{Disposition, Policies, Reason, Validated, share::paid},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use store::{Depth, Store};

use super::{records::OfSale, *};
use crate::{
    Refusal,
    payments::{RefundRequest, VoidSale, abandon, refund_step, void_sale},
    selling::{self, LineRequest, OpenBasket, SaleContext, TenderRequest},
    testing::{self, BAGS, CATALOG, CEREAL, faults, read_back, register},
};

#[test]
fn what_came_back_round_trips() {
    let of: OfSale = read_back(
        r#"{"lines":{"1":{"milli":1000,"recharged":0,"recharge_back":0}},"given":{"cash":500},"sales":["1-9"],
            "at_ms":5}"#,
    );
    assert_eq!(of.lines[&1].milli, 1000);
}

#[test]
fn a_sale_can_be_voided_after_a_return_of_it_was_abandoned() {
    let mut chain = Chain::new();
    chain.act(0, Act::Sell { pieces: 2 });
    let of = chain.sold[0];
    let id = chain.take_back(0, of, 1).unwrap();
    let context = chain.context();
    let void = move |at_ms| {
        let (context, request) = (context.clone(), VoidSale { reason: "wrong customer".into() });
        chain.store(0).commit_blocking(move |transaction| {
            if at_ms == 2 {
                abandon(transaction, &register(at_ms), id)?;
            }
            void_sale(transaction, &register(at_ms), of.1, request, &context)
        })
    };
    assert!(void(1).unwrap_err().detail.contains("goods of it came back already"));
    void(2).unwrap();
}

#[test]
fn the_policy_of_hq_counts_from_its_time_on_and_else_that_of_the_config() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let local = Policies { window_days: 14, identity_key: "secret".into(), ..Policies::default() };
    let publish = |version, body: Value| {
        let records = [("policy".to_owned(), body)];
        testing::publish(&store, contract::publication::RETURNS, version, &records)
    };
    let window = || policies(&store, &local).unwrap().window_days;
    assert_eq!(window(), 14);
    for (version, wrong) in
        [json!({ "window": 1 }), json!({ "high_value": -1 }), json!({ "identity_key": "x" })].into_iter().enumerate()
    {
        publish(version as u64 + 1, wrong).unwrap_err();
    }
    publish(9, json!({ "window_days": 60, "department": { "Toys": { "final_sale": true } } })).unwrap();
    assert_eq!(window(), 14, "it waits for its time");
    let kind = contract::publication::RETURNS.parse().unwrap();
    crate::publications::activate(&store, &testing::by(2), &kind, 9).unwrap();
    let active = policies(&store, &local).unwrap();
    assert_eq!((active.window_days, active.identity_key.as_str()), (60, "secret"));
    assert!(active.department["Toys"].final_sale);
}

#[test]
fn a_third_attempt_after_refusals_needs_an_override_and_each_basket_counts_once() {
    let mut chain = Chain::new();
    chain.act(0, Act::Sell { pieces: 3 });
    let of = chain.sold[0];
    let sold = commerce::returns::SoldIn { store: None, sale: of.1 };
    let refusal =
        RETURN_REFUSED.because("too late").member("outcome", "deny_overrideable").member("rules", vec!["window"]);
    let note = |basket: u64, refusal: Refusal| {
        let (sale, at_ms) = (Some(sold.clone()), chain.at_ms);
        let attempt = Attempt { basket: BasketId(basket), sale, identities: vec!["me".into()] };
        let noted = chain
            .store(0)
            .commit_blocking(move |transaction| note_refused(transaction, &register(at_ms), &attempt, &refusal));
        noted.unwrap();
    };
    note(900, refusal.clone());
    note(900, refusal.clone());
    note(901, NOT_RETURNABLE.because("void"));
    let id = chain.take_back(0, of, 1).expect("one attempt is not too many");
    note(902, refusal);
    let refused = chain.try_take_back(0, of, 1).unwrap_err();
    assert_eq!(
        (refused.kind, refused.detail.contains("2 attempts were refused")),
        (&RETURN_REFUSED, true),
        "{refused}"
    );
    let mut acts = Vec::new();
    for entry in crate::audit::last(chain.store(0), None, 100).unwrap() {
        acts.push(entry.act);
    }
    assert_eq!(acts.iter().filter(|act| *act == "return_refused").count(), 2, "once for each basket");
    chain.complete(0, id);
    assert_eq!(faults(chain.store(0), Depth::Whole), [""; 0]);
}

const NAMES: [&str; 2] = ["store-1", "store-2"];

/// Two stores, and how much of each HQ has heard.
struct Chain {
    stores: [(Store, tempfile::TempDir); 2],
    linked: [bool; 2],
    heard: [usize; 2],
    /// All sales of goods: the store and the sale.
    sold: Vec<(usize, SaleId)>,
    at_ms: i64,
}

/// Something that happens in a store.
#[derive(Clone, Copy, Debug)]
enum Act {
    Sell { pieces: u32 },
    Return { sale: usize, pieces: u32, exchange: bool },
    Void { sale: usize },
    Link { up: bool },
}

impl Chain {
    fn new() -> Self {
        let open = || {
            let directory = tempfile::tempdir().unwrap();
            (testing::store(directory.path()), directory)
        };
        Self { stores: [open(), open()], linked: [true; 2], heard: [0; 2], sold: Vec::new(), at_ms: 10 }
    }

    fn store(&self, shop: usize) -> &Store {
        &self.stores[shop].0
    }

    fn context(&self) -> SaleContext {
        testing::sale_context(1, self.at_ms)
    }

    fn sales(&self, shop: usize) -> Vec<Sale> {
        selling::sales_from(self.store(shop), 1, 10_000).unwrap()
    }

    /// What HQ has heard that a store took back of a sale, by line; a void takes everything back.
    fn took_back(&self, shop: usize, of: (usize, SaleId), all: bool) -> BTreeMap<u32, i64> {
        let mut back = BTreeMap::new();
        let heard = if all { usize::MAX } else { self.heard[shop] };
        for sale in self.sales(shop).iter().take(heard) {
            for line in &sale.lines {
                let number = match &line.returned {
                    Some(returned) => {
                        let is_of = returned.sale.as_ref().is_some_and(|sold| {
                            let store = sold.store.as_deref().unwrap_or(NAMES[shop]);
                            (store, sold.sale) == (NAMES[of.0], of.1)
                        });
                        is_of.then_some(returned.line)
                    }
                    None => (shop == of.0 && sale.voids == Some(of.1)).then_some(line.number),
                };
                if let Some(number) = number {
                    *back.entry(number).or_default() += line.quantity.milli();
                }
            }
        }
        back
    }

    fn open(&self, shop: usize) -> BasketId {
        let at_ms = self.at_ms;
        let opened = self.store(shop).commit_blocking(move |transaction| {
            let usd = commerce::Currency::from_code("USD").unwrap();
            selling::open(transaction, &register(at_ms), usd, None, OpenBasket::default())
        });
        opened.unwrap().id
    }

    fn add(&self, shop: usize, id: BasketId, sku: &'static str, pieces: u32) {
        let at_ms = self.at_ms;
        let line = json!({ "sku": sku, "quantity": { "milli": pieces * 1000, "unit": "each" } });
        let line: LineRequest = serde_json::from_value(line).unwrap();
        let added = self.store(shop).commit_blocking(move |transaction| {
            selling::add_line(transaction, &register(at_ms), id, None, line.find(&CATALOG)?)
        });
        added.unwrap();
    }

    /// Pays or gives back what is due, and completes the basket.
    fn complete(&self, shop: usize, id: BasketId) -> SaleId {
        let (at_ms, context) = (self.at_ms, self.context());
        let done = self.store(shop).commit_blocking(move |transaction| {
            let due = selling::basket_of_payment(transaction, id)?.unwrap().due();
            if due.is_positive() {
                selling::tender(transaction, &register(at_ms), id, TenderRequest::Cash { amount: due })?;
            } else if due.is_negative() {
                let (request, before) = (RefundRequest::default(), Ok(Value::Null));
                refund_step(transaction, &register(at_ms), id, &request, None, before, (testing::new_card(), false))?;
            }
            selling::complete_basket(transaction, &register(at_ms), id, &context)
        });
        done.unwrap().sale
    }

    fn act(&mut self, shop: usize, act: Act) {
        self.at_ms += 60_000;
        match act {
            Act::Link { up } => self.linked[shop] = up,
            Act::Sell { pieces } => {
                let id = self.open(shop);
                self.add(shop, id, CEREAL, pieces);
                let sale = self.complete(shop, id);
                self.sold.push((shop, sale));
            }
            Act::Return { sale, pieces, exchange } if !self.sold.is_empty() => {
                let of = self.sold[sale % self.sold.len()];
                if let Some(id) = self.take_back(shop, of, pieces) {
                    if exchange {
                        self.add(shop, id, BAGS, 1);
                    }
                    let done = self.complete(shop, id);
                    if exchange {
                        self.sold.push((shop, done));
                    }
                }
            }
            Act::Void { sale } if !self.sold.is_empty() => {
                let (of, id) = self.sold[sale % self.sold.len()];
                let (at_ms, context) = (self.at_ms, self.context());
                let request = VoidSale { reason: "wrong customer".into() };
                let void = self.store(of).commit_blocking(move |transaction| {
                    void_sale(transaction, &register(at_ms), id, request, &context)
                });
                if let Err(refusal) = void {
                    assert_eq!(refusal.kind.slug, "sale-not-voidable", "{refusal}");
                }
            }
            Act::Return { .. } | Act::Void { .. } => {}
        }
        for shop in [0, 1] {
            if self.linked[shop] {
                self.heard[shop] = self.sales(shop).len();
            }
        }
    }

    /// Takes pieces of the last line of a sale back, as far as the store knows of it.
    fn take_back(&self, shop: usize, of: (usize, SaleId), pieces: u32) -> Option<BasketId> {
        match self.try_take_back(shop, of, pieces) {
            Ok(id) => id,
            Err(Refusal { kind, detail, .. }) => {
                assert_eq!(kind.slug, "not-returnable", "{detail}");
                None
            }
        }
    }

    fn try_take_back(&self, shop: usize, of: (usize, SaleId), pieces: u32) -> Result<Option<BasketId>, Refusal> {
        let (is_own, is_linked) = (shop == of.0, self.linked[shop]);
        let key = commerce::returns::SoldIn { store: Some(NAMES[of.0].into()), sale: of.1 }.key();
        let sale = if is_own {
            selling::find_sale(self.store(shop), of.1).unwrap()
        } else if is_linked {
            let heard = self.sales(of.0).into_iter().take(self.heard[of.0]).find(|sale| sale.id == of.1);
            let Some(heard) = heard else { return Ok(None) };
            let told = selling::sale_of(&selling::told(&heard)).unwrap();
            let kept = told.clone();
            self.store(shop).commit_blocking(move |transaction| keep_other(transaction, NAMES[of.0], kept, 1)).unwrap();
            told
        } else {
            let Some(known) = other_sale(self.store(shop), &key).unwrap() else { return Ok(None) };
            known
        };
        let mut elsewhere = Elsewhere::default();
        if is_linked {
            elsewhere.back = self.took_back(1 - shop, of, false).into_iter().collect();
        }
        let validated = match (is_linked, is_own) {
            (true, true) => Validated::Local,
            (true, false) => Validated::Headquarters,
            (false, _) => Validated::Offline,
        };
        let line = sale.lines.last().unwrap().number;
        let (id, at_ms, today) = (self.open(shop), self.at_ms, self.context().business_day);
        let store = (!is_own).then(|| NAMES[of.0]);
        let taken = self.store(shop).commit_blocking(move |transaction| {
            let policies = Policies::default();
            let (catalog, elsewhere) = (&*CATALOG, &elsewhere);
            let context = Returning { policies: &policies, catalog, today, validated, elsewhere, pricing: None, store };
            let quantity = Some(Quantity::pieces(pieces).unwrap());
            let (reason, disposition) = (Reason::Unwanted, Some(Disposition::Sellable));
            let lines = vec![ReturnLine { line, quantity, reason, disposition, serial: None }];
            let request = ReturnRequest { lines, identities: vec![], card: None, keyed: false, override_reason: None };
            selling::take_back(transaction, &register(at_ms), id, &sale, context, &request)
        });
        taken.map(|_| Some(id))
    }

    /// Once HQ has heard everything: nothing came back more often than it was sold, unless a store could not ask, or
    /// voided a sale that came back elsewhere. Money and tenders mirror the goods.
    fn judge(&self) {
        for &(shop, id) in &self.sold {
            let sale = selling::find_sale(self.store(shop), id).unwrap();
            let line = sale.lines.last().unwrap();
            let back = [0, 1].map(|by| self.took_back(by, (shop, id), true).remove(&line.number).unwrap_or_default());
            let is_void = self.sales(shop).iter().any(|sale| sale.voids == Some(id));
            let mut given = Minor::ZERO;
            let mut was_offline = false;
            for by in [0, 1] {
                for taken in self.sales(by) {
                    for line in taken.lines.iter().filter(|line| line.takes_back()) {
                        let sold = line.returned.as_ref().and_then(|returned| returned.sale.clone()).unwrap();
                        if (sold.store.as_deref().unwrap_or(NAMES[by]), sold.sale) == (NAMES[shop], id) {
                            given = given - paid(line);
                            was_offline |= taken.returns.iter().any(|ticket| ticket.validated == Validated::Offline);
                        }
                    }
                    assert_eq!(taken.totals.tendered - taken.totals.change, taken.totals.owed());
                }
            }
            let over = back[0] + back[1] > line.quantity.milli();
            assert!(!over || was_offline || is_void, "{id} of {}: {back:?} of {line:?}", NAMES[shop]);
            if !over && !is_void {
                assert!(given <= paid(line), "{given:?} for {line:?}");
                if back[0] + back[1] == line.quantity.milli() && back.contains(&0) {
                    assert_eq!(given, paid(line), "everything came back to one store");
                }
            }
        }
    }
}

fn act() -> impl Strategy<Value = (usize, Act)> {
    let act = prop_oneof![
        3 => (1_u32..4).prop_map(|pieces| Act::Sell { pieces }),
        6 => (0_usize..8, 1_u32..3, any::<bool>())
            .prop_map(|(sale, pieces, exchange)| Act::Return { sale, pieces, exchange }),
        1 => (0_usize..8).prop_map(|sale| Act::Void { sale }),
        2 => any::<bool>().prop_map(|up| Act::Link { up }),
    ];
    (0_usize..2, act)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_accepted_beyond_what_was_sold_was_accepted_offline(acts in proptest::collection::vec(act(), 1..30)) {
        let mut chain = Chain::new();
        for (shop, act) in acts {
            chain.act(shop, act);
        }
        chain.judge();
        for shop in [0, 1] {
            prop_assert_eq!(faults(chain.store(shop), Depth::Whole), [""; 0]);
        }
    }
}

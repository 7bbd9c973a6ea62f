//! The sales of a register, and the book of all requests and answers.
//!
//! A basket's lines and sums are computed here, so that a sale can be compared with the request and not only with the
//! answer.

use std::{
    ops::RangeInclusive,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use fastrand::Rng;
use serde_json::{Value, json};

use crate::{
    power::Notes,
    register::{Client, NoAnswer},
    stockroom::{Ledger, Order},
};

/// The number of items that the stockroom manages.
pub(crate) const ITEMS: u64 = 20;

/// The number of items in the catalog, as in a small store. Records must have realistic sizes, because some faults only
/// affect large ones.
const CATALOG: u64 = 2_100;

/// Lines of a small basket.
const LINES: usize = 5;

/// Lines of a large basket; every fourth is large.
const MANY_LINES: RangeInclusive<usize> = 30..=120;

/// The maximum number of lines that are added one by one.
const ONE_BY_ONE: usize = 40;

/// The overpayment of a customer in minor units, returned as change.
const CHANGE: u64 = 500;

/// Other items are listed after the stockroom's.
pub(crate) fn sku(item: u64) -> String {
    if item < ITEMS { format!("item-{item:02}") } else { format!("found-{item:04}") }
}

fn price(item: u64) -> u64 {
    99 + 37 * (item % ITEMS)
}

/// The catalog, as it is loaded.
pub fn catalog() -> Vec<Value> {
    let item = |item| {
        let description = format!("Item {item}, of a brand with a name, in its usual size");
        json!({ "sku": sku(item), "description": description, "price": { "minor": price(item), "per": "each" } })
    };
    (0..CATALOG).map(item).collect()
}

/// A basket.
#[derive(Clone, Debug)]
pub struct Basket {
    /// The register's reference, which is unique.
    pub reference: String,
    /// Its register.
    pub register: String,
    /// Items and pieces.
    pub lines: Vec<(u64, u64)>,
    /// The reservation that it sells.
    pub order: Order,
}

impl Basket {
    fn draw(dice: &mut Rng, register: &str, number: u64, order: Order) -> Self {
        let mut lines = order.pieces.clone();
        lines.extend((lines.len()..LINES).map(|_| (dice.u64(..ITEMS), dice.u64(1..=3))));
        if dice.u8(..4) == 0 {
            let more = dice.usize(MANY_LINES) - lines.len();
            lines.extend((0..more).map(|_| (dice.u64(ITEMS..CATALOG), dice.u64(1..=3))));
        }
        Self { reference: format!("{register}-{number:06}"), register: register.to_owned(), lines, order }
    }

    /// Passes the stock that it takes: item, thousandths, and how many of them were reserved.
    pub(crate) fn takes(&self, mut take: impl FnMut(u64, i64, i64)) {
        let milli = |pieces: u64| i64::try_from(pieces * 1000).unwrap_or(i64::MAX);
        let of =
            |lines: &[(u64, u64)], item| lines.iter().filter(|line| line.0 == item).map(|line| line.1).sum::<u64>();
        for item in 0..ITEMS {
            let pieces = of(&self.lines, item);
            if pieces > 0 {
                take(item, milli(pieces), milli(of(&self.order.pieces, item)));
            }
        }
    }

    /// The client of its register, because keys belong to a register.
    pub(crate) fn client<'c>(&self, clients: &'c [Client]) -> Option<&'c Client> {
        let number = self.register.strip_prefix("till-")?.parse::<usize>().ok()?;
        clients.get(number.checked_sub(1)?)
    }

    fn net(&self) -> u64 {
        self.lines.iter().map(|(item, pieces)| price(*item) * pieces).sum()
    }

    fn line(&self, number: usize) -> Value {
        let (item, pieces) = self.lines[number];
        json!({ "sku": sku(item), "quantity": { "milli": pieces * 1000, "unit": "each" } })
    }

    /// The difference between a sale in the hub and this basket.
    pub fn differs_from(&self, sale: &Value) -> Option<String> {
        let net = self.net();
        let line = |(number, (item, pieces)): (usize, &(u64, u64))| {
            let line = &sale["lines"][number];
            line["sku"] == sku(*item)
                && line["quantity"]["milli"] == pieces * 1000
                && line["regular"] == price(*item) * pieces
        };
        let same = sale["reference"] == self.reference.as_str()
            && sale["register"] == self.register.as_str()
            && sale["lines"].as_array().is_some_and(|lines| lines.len() == self.lines.len())
            && self.lines.iter().enumerate().all(line)
            && sale["tenders"] == json!([{ "tender": "cash", "amount": net + CHANGE }])
            && sale["totals"]
                == json!({ "regular": net, "discount": 0, "net": net, "manufacturer_coupon": 0,
                    "tendered": net + CHANGE, "change": CHANGE });
        (!same).then(|| format!("basket {} became {sale}", self.reference))
    }
}

/// A command that was sent at least once.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The basket.
    pub basket: Arc<Basket>,
    /// The idempotency key.
    pub key: String,
    /// The path.
    pub path: String,
    /// The body.
    pub body: String,
    /// Whether it completes the sale.
    pub sells: bool,
    /// The first answer, if any.
    pub answer: Option<Value>,
    /// Whether it was refused for lack of stock.
    pub refused: bool,
}

/// All requests and answers, in the order of the requests.
#[derive(Default)]
pub struct Book {
    asked: Mutex<Vec<Asked>>,
    sold: AtomicU64,
    notes: Option<Notes>,
}

impl Book {
    /// A book that also notes requests and answers in a trace.
    pub fn with_notes(notes: Notes) -> Self {
        Self { notes: Some(notes), ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, asked: Asked) -> usize {
        let mut book = self.lock();
        book.push(asked);
        let number = book.len() - 1;
        drop(book);
        if let Some(notes) = &self.notes {
            notes.asked(number);
        }
        number
    }

    fn answered(&self, number: usize, answer: &Value) {
        if let Some(notes) = &self.notes {
            notes.answered(number);
        }
        let sells = {
            let mut book = self.lock();
            book[number].answer = Some(answer.clone());
            book[number].sells
        };
        if sells {
            self.sold.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The number of answered sales.
    pub fn sold(&self) -> u64 {
        self.sold.load(Ordering::Relaxed)
    }

    /// All requests and answers.
    pub fn read(&self) -> Vec<Asked> {
        self.lock().clone()
    }
}

/// Repeats unanswered commands until they are answered, so that nothing is in doubt; a refusal now means that it was
/// never executed. Returns all requests with their answers.
///
/// # Errors
/// The hub gives no answer.
pub fn settle(clients: &[Client], mut asked: Vec<Asked>) -> Result<Vec<Asked>, String> {
    for one in asked.iter_mut().filter(|one| one.answer.is_none() && !one.refused) {
        let client = one.basket.client(clients).ok_or("a basket of no register")?;
        let mut tries = 0;
        let answer = client.command(&one.path, &one.key, &one.body, || {
            tries += 1;
            tries < 500
        });
        match answer {
            Ok(answer) => one.answer = Some(answer),
            // Refused by a rule. A hub that can't answer, or does not know the register, is a failure.
            Err(NoAnswer::Refused(why)) if why.starts_with('4') && !why.starts_with("401") => {}
            Err(NoAnswer::Refused(why)) => return Err(format!("{}: {why}", one.key)),
            Err(NoAnswer::GaveUp) => return Err(format!("{}: no answer", one.key)),
        }
    }
    Ok(asked)
}

/// A register at work.
pub struct Till<'b> {
    client: &'b Client,
    book: &'b Book,
    register: String,
    dice: Rng,
    baskets: u64,
    ledger: Option<&'b Ledger>,
}

impl<'b> Till<'b> {
    /// A register whose references start with the number `first`.
    pub fn new(client: &'b Client, book: &'b Book, register: &str, dice: Rng, first: u64) -> Self {
        Self { client, book, register: register.to_owned(), dice, baskets: first, ledger: None }
    }

    /// Adds orders of a stockroom that customers collect.
    #[must_use]
    pub fn with_orders(self, ledger: &'b Ledger) -> Self {
        Self { ledger: Some(ledger), ..self }
    }

    /// Sells a basket: three of four in one command, the fourth line by line. A customer leaves if there is not enough
    /// stock.
    ///
    /// # Errors
    /// A command was refused, or the client gave up; the book has all requests and answers.
    pub fn sell(&mut self, goes_on: &mut impl FnMut(&mut Rng) -> bool) -> Result<(), NoAnswer> {
        match self.sell_basket(goes_on) {
            Err(NoAnswer::Refused(why)) if self.ledger.is_some() && why.contains("/problems/stock-insufficient") => {
                Ok(())
            }
            sold => sold,
        }
    }

    fn sell_basket(&mut self, goes_on: &mut impl FnMut(&mut Rng) -> bool) -> Result<(), NoAnswer> {
        self.baskets += 1;
        let order = self.ledger.and_then(Ledger::next_order).unwrap_or_default();
        let reservations: Vec<_> = order.reservation.into_iter().collect();
        let basket = Arc::new(Basket::draw(&mut self.dice, &self.register, self.baskets, order));
        let lines: Vec<_> = (0..basket.lines.len()).map(|number| basket.line(number)).collect();
        let cash = json!({ "tender": "cash", "amount": basket.net() + CHANGE });
        if self.dice.u8(..4) > 0 || lines.len() > ONE_BY_ONE {
            let sale = json!({ "reference": basket.reference, "lines": lines, "tenders": [cash],
                "reservations": reservations });
            self.ask(&basket, "sale", "/api/v1/sales", &sale, goes_on)?;
            return Ok(());
        }
        let opened = json!({ "reference": basket.reference, "reservations": reservations });
        let opened = self.ask(&basket, "open", "/api/v1/baskets", &opened, goes_on)?;
        let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap_or("without-an-id"));
        for (number, line) in lines.iter().enumerate() {
            self.ask(&basket, &format!("line-{number}"), &format!("{path}/lines"), line, goes_on)?;
        }
        self.ask(&basket, "cash", &format!("{path}/tenders"), &cash, goes_on)?;
        self.ask(&basket, "complete", &format!("{path}/complete"), &json!({}), goes_on)?;
        Ok(())
    }

    fn ask(
        &mut self,
        basket: &Arc<Basket>,
        what: &str,
        path: &str,
        body: &Value,
        goes_on: &mut impl FnMut(&mut Rng) -> bool,
    ) -> Result<Value, NoAnswer> {
        let asked = Asked {
            basket: Arc::clone(basket),
            key: format!("{}-{what}", basket.reference),
            path: path.to_owned(),
            body: body.to_string(),
            sells: matches!(what, "sale" | "complete"),
            answer: None,
            refused: false,
        };
        let (key, body) = (asked.key.clone(), asked.body.clone());
        let number = self.book.ask(asked);
        let answer = self.client.command(path, &key, &body, || goes_on(&mut self.dice));
        match &answer {
            Ok(answer) => self.book.answered(number, answer),
            Err(NoAnswer::Refused(_)) => self.book.lock()[number].refused = true,
            Err(NoAnswer::GaveUp) => {}
        }
        answer
    }
}

//! The stockroom, which works while the tills sell: deliveries, reservations, damage and counts, and a record of the
//! expected stock.
//!
//! Some items may not go below zero ([`is_short`]). They are received against notices, and the tills compete for them.
//! The [`Ledger`] has every command of the stockroom with its movements. Together with the tills' book it determines
//! each position.
//!
//! | checked | must be |
//! | --- | --- |
//! | on_hand and reserved together; the damaged goods | the movements of answered commands and stored sales |
//! | an unanswered command | done completely, or not at all |
//! | an item that may not go below zero | not below zero |
//! | on_hand and reserved, each | the same, once every command was answered ([`Ledger::settle`]) |

mod ledger;

use std::sync::PoisonError;

use fastrand::Rng;
use serde_json::{Value, json};

use self::ledger::{Command, Outcome};
pub use self::ledger::{Ledger, Order, STOCK, differs_from_headquarters, held};
use crate::{
    register::{Client, NoAnswer},
    shop::Shop,
    till::{ITEMS, sku},
};

/// The last items of the catalog may not go below zero.
const SHORT: u64 = 3;

/// Whether an item may not go below zero.
pub fn is_short(item: u64) -> bool {
    item + SHORT >= ITEMS
}

fn short_items() -> impl Iterator<Item = u64> {
    (0..ITEMS).filter(|item| is_short(*item))
}

/// The state of goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    OnHand,
    Reserved,
    Damaged,
}

/// The movements of a command: item, state, thousandths.
type Effects = Vec<(u64, At, i64)>;

/// Pieces of items.
type Pieces = Vec<(u64, u64)>;

fn moved(pieces: &[(u64, u64)], from: Option<At>, to: Option<At>) -> Effects {
    let effect = |at: Option<At>, sign: i64| {
        pieces.iter().filter_map(move |(item, count)| Some((*item, at?, sign * milli(*count))))
    };
    effect(from, -1).chain(effect(to, 1)).collect()
}

fn milli(pieces: u64) -> i64 {
    i64::try_from(pieces).unwrap_or(i64::MAX / 1000) * 1000
}

fn lines(pieces: &[(u64, u64)]) -> Value {
    let line = |(item, count): &(u64, u64)| {
        json!({ "sku": sku(*item),
        "quantity": { "milli": count * 1000, "unit": "each" } })
    };
    pieces.iter().map(line).collect()
}

/// Done, or refused for lack of stock.
fn outcome(answer: Result<Value, NoAnswer>) -> Result<Option<Value>, String> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(NoAnswer::Refused(why)) if why.contains("/problems/stock-insufficient") => Ok(None),
        Err(NoAnswer::Refused(why)) => Err(why),
        Err(NoAnswer::GaveUp) => Err("no answer".into()),
    }
}

/// A person in the stockroom.
pub struct Stockroom<'l> {
    shop: &'l Shop,
    console: Client,
    ledger: &'l Ledger,
    dice: Rng,
    commands: u64,
}

impl<'l> Stockroom<'l> {
    /// Opens the stockroom: sets policies and receives a first delivery of short items.
    ///
    /// # Errors
    /// The hub refuses, or gives no answer.
    pub fn open(shop: &'l Shop, ledger: &'l Ledger, dice: Rng) -> Result<Self, String> {
        let mut room = Self { shop, console: shop.console()?, ledger, dice, commands: 0 };
        let mut goes_on = || true;
        for item in short_items() {
            let path = format!("/api/v1/stock/policies/{}", sku(item));
            room.ask(&path, &json!({ "rule": "to_zero" }), Vec::new(), &mut goes_on)
                .map_err(|why| format!("{why:?}"))?;
        }
        room.deliver(300, &mut goes_on).map_err(|why| format!("{why:?}"))?;
        Ok(room)
    }

    /// A round: goods are delivered, some are reserved or released, one is damaged, and occasionally two items are
    /// counted.
    ///
    /// # Errors
    /// The hub refused a valid command, or the client gave up.
    pub fn work(&mut self, goes_on: &mut impl FnMut() -> bool) -> Result<(), NoAnswer> {
        self.deliver(40, goes_on)?;
        self.reserve(goes_on)?;
        let broken = [(self.dice.u64(..ITEMS), 1)];
        let body = json!({ "kind": "damage", "reason": "dropped", "lines": lines(&broken) });
        self.ask("/api/v1/stock/movements", &body, moved(&broken, Some(At::OnHand), Some(At::Damaged)), goes_on)?;
        if self.dice.u8(..3) == 0 { self.count(goes_on) } else { Ok(()) }
    }

    fn deliver(&mut self, most: u64, goes_on: &mut impl FnMut() -> bool) -> Result<(), NoAnswer> {
        let pieces: Pieces = short_items().map(|item| (item, self.dice.u64(1..=most))).collect();
        // An order is entered once, and a delivery note booked once.
        let order = format!("order-{}", self.commands);
        let announced = json!({ "source": "supplier", "supplier": "Dairy", "order": order, "lines": lines(&pieces) });
        let Some(notice) = self.ask("/api/v1/stock/notices", &announced, Vec::new(), goes_on)? else { return Ok(()) };
        let path = format!("/api/v1/stock/notices/{}", notice["id"]);
        let came = json!({ "delivery_note": order, "lines": lines(&pieces) });
        self.ask(&format!("{path}/deliveries"), &came, moved(&pieces, None, Some(At::OnHand)), goes_on)?;
        self.ask(&format!("{path}/close"), &json!({}), Vec::new(), goes_on).map(drop)
    }

    fn reserve(&mut self, goes_on: &mut impl FnMut() -> bool) -> Result<(), NoAnswer> {
        let pieces: Pieces = vec![(ITEMS - 1, self.dice.u64(1..=3)), (ITEMS - 2, 1)];
        let body = json!({ "reference": "an order", "lines": lines(&pieces) });
        let aside = moved(&pieces, Some(At::OnHand), Some(At::Reserved));
        let Some(opened) = self.ask("/api/v1/stock/reservations", &body, aside, goes_on)? else { return Ok(()) };
        if self.dice.bool() {
            let path = format!("/api/v1/stock/reservations/{}/release", opened["id"]);
            let back = moved(&pieces, Some(At::Reserved), Some(At::OnHand));
            return self.ask(&path, &json!({}), back, goes_on).map(drop);
        }
        let order = Order { reservation: opened["id"].as_u64(), pieces };
        self.ledger.orders.lock().unwrap_or_else(PoisonError::into_inner).push(order);
        Ok(())
    }

    /// Counts while the tills sell. The counted quantity is arbitrary; the approved variance is its difference to the
    /// books at that moment.
    fn count(&mut self, goes_on: &mut impl FnMut() -> bool) -> Result<(), NoAnswer> {
        let items = [self.dice.u64(..ITEMS - SHORT), ITEMS - SHORT];
        let skus = items.map(sku);
        let Some(opened) = self.ask("/api/v1/stock/counts", &json!({ "skus": skus }), Vec::new(), goes_on)? else {
            return Ok(());
        };
        let path = format!("/api/v1/stock/counts/{}", opened["id"]);
        let counted: Pieces = items.iter().map(|item| (*item, self.dice.u64(..60))).collect();
        self.ask(&format!("{path}/quantities"), &json!({ "lines": lines(&counted) }), Vec::new(), goes_on)?;
        let Some(variances) = self.read(&format!("{path}/variances"), goes_on)? else { return Ok(()) };
        let variance = |item: u64| {
            let lines = variances.as_array().into_iter().flatten();
            lines.filter(|line| line["sku"] == sku(item)).filter_map(|line| line["variance"].as_i64()).sum::<i64>()
        };
        let effects = items.map(|item| (item, At::OnHand, variance(item))).to_vec();
        let decided = json!({ "lines": items.map(|item| json!({ "sku": sku(item), "decision": "approved",
            "variance": variance(item) })) });
        // Refused if more was sold since than was counted.
        if self.ask(&format!("{path}/decisions"), &decided, effects, goes_on)?.is_none() {
            self.ask(&format!("{path}/close"), &json!({}), Vec::new(), goes_on)?;
        }
        Ok(())
    }

    /// Repeats a command until it is answered; `None` if there was not enough stock.
    fn ask(
        &mut self,
        path: &str,
        body: &Value,
        effects: Effects,
        goes_on: &mut impl FnMut() -> bool,
    ) -> Result<Option<Value>, NoAnswer> {
        self.commands += 1;
        let (key, body) = (format!("stockroom-{:08}", self.commands), body.to_string());
        let command =
            Command { key: key.clone(), path: path.to_owned(), body: body.clone(), effects, outcome: Outcome::Open };
        let number = self.ledger.ask(command);
        let answer = loop {
            match self.console.command(path, &key, &body, &mut *goes_on) {
                Err(NoAnswer::Refused(why)) if why.starts_with("401") => self.log_in_again(goes_on)?,
                Err(NoAnswer::GaveUp) => return Err(NoAnswer::GaveUp),
                answer => {
                    break outcome(answer).map_err(|why| NoAnswer::Refused(format!("POST {path} {body}: {why}")))?;
                }
            }
        };
        self.ledger.ended(number, if answer.is_some() { Outcome::Done } else { Outcome::Refused });
        Ok(answer)
    }

    /// Reads; `None` if the client gave up while the hub was starting.
    fn read(&mut self, path: &str, goes_on: &mut impl FnMut() -> bool) -> Result<Option<Value>, NoAnswer> {
        loop {
            match self.console.get(path) {
                Ok(answer) => return Ok(Some(answer)),
                Err(why) if why.starts_with("401") => self.log_in_again(goes_on)?,
                // The hub answered, but not as expected.
                Err(why) if why.starts_with(|first: char| first.is_ascii_digit()) && !why.starts_with("503") => {
                    return Err(NoAnswer::Refused(format!("GET {path}: {why}")));
                }
                Err(_) if !goes_on() => return Err(NoAnswer::GaveUp),
                Err(_) => {}
            }
        }
    }

    /// A restarted hub has no sessions and a new code.
    fn log_in_again(&mut self, goes_on: &mut impl FnMut() -> bool) -> Result<(), NoAnswer> {
        while goes_on() {
            if let Ok(console) = self.shop.console() {
                self.console = console;
                return Ok(());
            }
        }
        Err(NoAnswer::GaveUp)
    }
}

/// All positions of a hub.
///
/// # Errors
/// The hub refuses, or gives no answer.
pub fn positions(console: &Client) -> Result<Vec<Value>, String> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = console.get(&format!("/api/v1/stock/positions?limit=500{after}"))?;
        let page = page.as_array().ok_or("the positions are no list")?;
        let Some(last) = page.last() else { return Ok(all) };
        after = format!("&after={}", last["sku"].as_str().ok_or("a position without an item")?);
        all.extend(page.iter().cloned());
    }
}

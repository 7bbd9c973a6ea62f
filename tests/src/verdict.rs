//! Checks a store: everything answered is there, complete and once, and nothing that was not requested.
//!
//! | checked | must be |
//! | --- | --- |
//! | an answered sale | there, with the id, receipt, day and totals of the first answer |
//! | a repeat of its key | the same answer |
//! | an unanswered sale | there once and complete, or not at all |
//! | a sale that was refused, any other sale | not there |
//! | sequence numbers; a register's receipt numbers | 1, 2, 3 … without gaps |
//! | HQ's sales | the same sales, each once, line by line |

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    thread,
};

use serde_json::Value;

use crate::{
    register::{Client, NoAnswer},
    till::{Asked, Basket},
};

/// The maximum number of faults reported.
const TOLD: usize = 10;

/// The fields of a sale in the answer to its register.
const ANSWERED: [&str; 4] = ["sale", "receipt", "business_day", "totals"];

/// The sales of a hub.
pub struct HubSales {
    /// All its sales as listed, oldest first.
    pub listed: Vec<Value>,
    /// Sales read in full, by id.
    pub whole: HashMap<String, Value>,
}

impl HubSales {
    /// Lists a hub's sales, and reads those that `wanted` selects in full; each client reads a part.
    ///
    /// # Errors
    /// The hub refuses, or gives no answer in time.
    pub fn read(clients: &[Client], wanted: impl Fn(&Value) -> bool) -> Result<Self, String> {
        let first = clients.first().ok_or("no client")?;
        let mut listed: Vec<Value> = Vec::new();
        loop {
            let before = listed.last().map_or(String::new(), |sale| format!("&before={}", sale["sequence"]));
            let page = first.get(&format!("/api/v1/sales?limit=100{before}"))?;
            let page = page.as_array().ok_or("the sales are not a list")?;
            if page.is_empty() {
                break;
            }
            listed.extend(page.iter().cloned());
        }
        listed.reverse();
        let ids: Vec<_> = listed
            .iter()
            .filter(|sale| wanted(sale))
            .filter_map(|sale| sale["sale"].as_str())
            .map(str::to_owned)
            .collect();
        let read = in_parts(clients, &ids, |client, id| Ok((id.clone(), client.get(&format!("/api/v1/sales/{id}"))?)))?;
        Ok(Self { listed, whole: read.into_iter().collect() })
    }

    /// The baskets of its sales, of those requested.
    pub fn baskets<'a>(&self, asked: &'a [Asked]) -> Vec<&'a Basket> {
        let selling = || asked.iter().filter(|asked| asked.sells);
        let by_id: HashMap<_, _> =
            selling().filter_map(|asked| Some((asked.answer.as_ref()?["sale"].as_str()?, &*asked.basket))).collect();
        let by_reference: HashMap<_, _> = selling().map(|asked| (&*asked.basket.reference, &*asked.basket)).collect();
        let basket = |sale: &Value| {
            let id = sale["sale"].as_str()?;
            let reference = || self.whole.get(id)?["reference"].as_str();
            by_id.get(id).or_else(|| by_reference.get(reference()?)).copied()
        };
        self.listed.iter().filter_map(basket).collect()
    }

    /// The faults, given the requests and answers.
    pub fn faults(&self, asked: &[Asked]) -> Vec<String> {
        let mut faults = Vec::new();
        self.count(&mut faults);
        let by_id: HashMap<_, _> = self.listed.iter().filter_map(|sale| Some((sale["sale"].as_str()?, sale))).collect();
        let mut answered = HashSet::new();
        for (asked, answer) in
            asked.iter().filter(|asked| asked.sells).filter_map(|asked| Some((asked, asked.answer.as_ref()?)))
        {
            let id = answer["sale"].as_str().unwrap_or("without an id");
            if !answered.insert(id) {
                faults.push(format!("two baskets were answered with sale {id}"));
            }
            match by_id.get(id) {
                None => faults.push(format!("LOST: {} was answered with {answer}", asked.key)),
                Some(sale) if ANSWERED.iter().any(|field| sale[field] != answer[field]) => {
                    faults.push(format!("{} was answered {answer}, and now it is {sale}", asked.key));
                }
                Some(_) => {}
            }
        }
        let baskets: HashMap<_, _> =
            asked.iter().filter(|asked| asked.sells).map(|asked| (asked.basket.reference.as_str(), asked)).collect();
        let mut references = HashSet::new();
        for (id, sale) in &self.whole {
            let reference = sale["reference"].as_str().unwrap_or("none");
            if !references.insert(reference) {
                faults.push(format!("DOUBLE: basket {reference} is sold more than once, the last time as {id}"));
            }
            match baskets.get(reference) {
                None => faults.push(format!("sale {id} of basket {reference}: nobody asked for it")),
                Some(asked) if asked.refused => {
                    faults.push(format!("basket {reference} was refused, and is sale {id}"));
                }
                Some(asked) => faults.extend(asked.basket.differs_from(sale)),
            }
        }
        for sale in &self.listed {
            let id = sale["sale"].as_str().unwrap_or("without an id");
            if !answered.contains(id) && !self.whole.contains_key(id) {
                faults.push(format!("sale {id} was never answered, and nobody looked at it"));
            }
        }
        faults.truncate(TOLD);
        faults
    }

    fn count(&self, faults: &mut Vec<String>) {
        let mut receipts: BTreeMap<&str, u64> = BTreeMap::new();
        for (sequence, sale) in (1..).zip(&self.listed) {
            if sale["sequence"] != sequence {
                faults.push(format!("GAP: where sale {sequence} should be, there is {sale}"));
                return;
            }
            let last = receipts.entry(sale["register"].as_str().unwrap_or_default()).or_default();
            *last += 1;
            if sale["receipt"] != *last {
                faults.push(format!("GAP: where receipt {last} should be, there is {sale}"));
                return;
            }
        }
    }

    /// The differences to HQ's sales, when every sale was read in full.
    pub fn differs_from_headquarters(&self, rows: &[Value]) -> Vec<String> {
        let mut faults = Vec::new();
        if rows.len() != self.whole.len() {
            faults.push(format!("HQ has {} sales, the hub {}", rows.len(), self.whole.len()));
        }
        let mut seen = HashSet::new();
        for row in rows {
            let theirs = &row["sale"];
            let id = theirs["sale"].as_str().unwrap_or("without an id");
            if !seen.insert(id) {
                faults.push(format!("HQ has sale {id} more than once"));
            }
            match self.whole.get(id) {
                None => faults.push(format!("HQ has sale {id}, but the hub does not")),
                Some(ours) if !is_same(ours, theirs) => faults.push(format!("HQ has {theirs}, the hub {ours}")),
                Some(_) => {}
            }
        }
        faults.truncate(TOLD);
        faults
    }
}

/// Whether a sale at the hub and one at HQ are equal.
fn is_same(ours: &Value, theirs: &Value) -> bool {
    let fields =
        ["reference", "register", "receipt", "fiscal_year", "business_day", "sold_at_ms", "currency", "totals"];
    let empty = Vec::new();
    let list = |sale: &'_ Value, field: &str| sale[field].as_array().cloned().unwrap_or_else(|| empty.clone());
    let lines = |sale: &Value, quantity: fn(&Value) -> &Value| -> Vec<_> {
        let figures =
            |line: &Value| [&line["number"], &line["sku"], quantity(line), &line["regular"]].map(Clone::clone);
        list(sale, "lines").iter().map(figures).collect()
    };
    let tenders = |sale: &Value, kind: &str| -> Vec<_> {
        list(sale, "tenders").iter().map(|tender| (tender[kind].clone(), tender["amount"].clone())).collect()
    };
    fields.iter().all(|field| ours[field] == theirs[field])
        && lines(ours, |line| &line["quantity"]["milli"]) == lines(theirs, |line| &line["quantity_milli"])
        && tenders(ours, "tender") == tenders(theirs, "kind")
}

/// Repeats answered commands and reports those with a different answer.
///
/// # Errors
/// The hub gives no answer in time.
pub fn repeated(clients: &[Client], asked: &[&Asked]) -> Result<Vec<String>, String> {
    let told = in_parts(clients, asked, |client, asked| {
        let client = asked.basket.client(clients).unwrap_or(client);
        let mut tries = 0;
        let again = client.command(&asked.path, &asked.key, &asked.body, || {
            tries += 1;
            tries < 500
        });
        let first = asked.answer.as_ref().unwrap_or(&Value::Null);
        match again {
            Ok(again) if again == *first => Ok(None),
            Ok(again) => Ok(Some(format!("{} was answered {first}, and now {again}", asked.key))),
            Err(NoAnswer::Refused(why)) => Ok(Some(format!("LOST: {} was answered {first}, and now {why}", asked.key))),
            Err(NoAnswer::GaveUp) => Err(format!("{}: no answer", asked.key)),
        }
    })?;
    Ok(told.into_iter().flatten().take(TOLD).collect())
}

/// Does something for each of many, in parallel, a part per client.
fn in_parts<T: Sync, R: Send>(
    clients: &[Client],
    all: &[T],
    each: impl Fn(&Client, &T) -> Result<R, String> + Send + Sync + Copy,
) -> Result<Vec<R>, String> {
    let part = all.len().div_ceil(clients.len().max(1)).max(1);
    thread::scope(|scope| {
        let parts: Vec<_> = all
            .chunks(part)
            .zip(clients)
            .map(|(part, client)| {
                scope.spawn(move || part.iter().map(|one| each(client, one)).collect::<Result<Vec<_>, _>>())
            })
            .collect();
        let mut done = Vec::new();
        for part in parts {
            done.extend(part.join().map_err(|_| "a part panicked")??);
        }
        Ok(done)
    })
}

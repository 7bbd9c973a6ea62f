//! What HQ sends to the stores of a chain, and whether everything has arrived, up and down.
//!
//! | checked | must be |
//! | --- | --- |
//! | sales of a hub | those answered to its registers |
//! | sales at HQ | those of each hub, in its order, each once, line by line |
//! | stock at HQ | each hub's positions |
//! | projections, the order of events, quarantine, alarms | see [`witness`] |
//! | items for a hub | each taken once, none refused or lost; the hub has the last price of each |
//! | a published catalog | active in every store, with its prices |

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Chain, witness};
use crate::{
    register::Client,
    shop::{LIMIT, failed},
    stockroom::{differs_from_headquarters, positions},
    till::{Book, catalog},
    verdict::HubSales,
};

/// Items that HQ sends, and how often it changes each in a round.
const ITEMS: u64 = 30;
const CHANGES: u64 = 10;

/// In every round of this many a catalog is published; in the others items are sent.
const PUBLISHED: u64 = 3;

/// The pause between two looks at a chain that is not drained yet.
const LOOK: Duration = Duration::from_millis(250);

/// What was sent and judged so far.
#[derive(Default)]
pub struct Judge {
    /// Items sent to each store.
    items: u64,
    /// The last price of each.
    prices: BTreeMap<String, u64>,
    /// The catalog that was published last.
    version: Option<u64>,
    /// The sales of each store, by id.
    sales: Vec<HashMap<String, Value>>,
}

fn item(sku: &str, price: u64) -> Value {
    json!({ "sku": sku, "description": format!("{sku}, as HQ sends it"), "price": { "minor": price, "per": "each" } })
}

impl Judge {
    /// Sends every store something: items, each changed several times, or a catalog.
    ///
    /// # Errors
    /// HQ does not take it.
    pub fn send(&mut self, chain: &mut Chain, round: u64) -> Result<(), String> {
        let sku = |number: u64| format!("sent-{number:02}");
        let price = |change: u64, number: u64| round * 10_000 + change * 100 + number;
        if round.is_multiple_of(PUBLISHED) {
            let prices = (0..ITEMS).map(|number| (sku(number), price(0, number)));
            self.prices.extend(prices);
            let sent = self.prices.iter().map(|(sku, price)| item(sku, *price));
            let all: Vec<_> = catalog().into_iter().chain(sent).map(|item| item.to_string()).collect();
            let path = chain.directory.join("catalog.ndjson");
            fs::write(&path, all.join("\n")).map_err(failed("write the catalog"))?;
            self.version = Some(chain.publish("catalog", &path)?);
            return Ok(());
        }
        let mut lines = String::new();
        for change in 0..CHANGES {
            for number in 0..ITEMS {
                lines += &format!("{}\n", item(&sku(number), price(change, number)));
                self.prices.insert(sku(number), price(change, number));
            }
        }
        let path: PathBuf = chain.directory.join("items.ndjson");
        fs::write(&path, lines).map_err(failed("write items"))?;
        chain.start_worker(0, Some(&path))?;
        self.items += ITEMS * CHANGES;
        // The worker may be killed as soon as it has put them into the queues.
        let queued = || {
            let rows =
                chain.database.rows("SELECT COUNT(*), MIN(last), MAX(last) FROM queue WHERE stream = 'items'")?;
            let expected = [chain.stores.len() as u64, self.items, self.items].map(|number| number.to_string());
            Ok(rows == [expected])
        };
        wait("the queues have the items", queued)
    }

    /// Waits until everything has arrived, and checks it. `clients` and `books` are those of each store's registers.
    /// Returns a summary.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&mut self, chain: &Chain, clients: &[Vec<Client>], books: &[Book]) -> Result<String, String> {
        let began = Instant::now();
        wait("HQ has everything", || {
            for clients in clients {
                if clients[0].get("/api/v1/status")?["headquarters"]["lacks"] != 0 {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        wait("the stores have every item", || {
            let waiting = "SELECT COUNT(*) FROM queue WHERE stream = 'items' AND taken < last";
            Ok(chain.database.rows(waiting)? == [["0"]])
        })?;
        if let Some(version) = self.version {
            wait("the catalog is active", || {
                let stores = chain.report(&["publications", &version.to_string()])?;
                Ok(stores.len() == clients.len() && stores.iter().all(|store| store["state"] == "active"))
            })?;
        }
        let drained = began.elapsed().as_secs_f64();
        let rows = witness::compare(&chain.database)?;
        let sums = format!(
            "SELECT COUNT(*) FROM queue WHERE stream = 'items' AND (applied <> {} OR refused <> 0 OR lost <> 0)",
            self.items
        );
        if chain.database.rows(&sums)? != [["0"]] {
            let queues = chain.database.rows("SELECT hub, last, applied, refused, lost FROM queue")?;
            return Err(format!("{} items were sent to each store, and the queues say {queues:?}", self.items));
        }
        let stock = chain.report(&["stock"])?;
        self.sales.resize_with(clients.len(), HashMap::new);
        let mut new = 0;
        for (number, (clients, book)) in clients.iter().zip(books).enumerate() {
            let store = &chain.stores[number];
            new += self.sales(chain, number, clients, book).map_err(|why| format!("{}: {why}", store.name))?;
            let there = positions(&store.shop.console()?)?;
            let theirs: Vec<_> = stock.iter().filter(|row| row["hub"] == store.name.as_str()).cloned().collect();
            let faults = differs_from_headquarters(&there, &theirs);
            if !faults.is_empty() {
                return Err(format!("{}: {faults:#?}", store.name));
            }
            for (sku, price) in &self.prices {
                let found = clients[0].get(&format!("/api/v1/items/{sku}"))?;
                if found["price"]["minor"] != *price {
                    return Err(format!("{}: HQ sent {sku} at {price}, and the hub has {found}", store.name));
                }
            }
        }
        let events = rows.iter().find(|(name, _)| name == "order").map_or(0, |(_, rows)| *rows);
        let judged = began.elapsed().as_secs_f64() - drained;
        Ok(format!("{new} sales, {events} events in all; drained in {drained:.1} s, judged in {judged:.1} s"))
    }

    /// Compares a store's new sales at the hub and at HQ; returns their number.
    fn sales(&mut self, chain: &Chain, number: usize, clients: &[Client], book: &Book) -> Result<usize, String> {
        let known = &mut self.sales[number];
        let judged = known.len();
        let found = HubSales::read(clients, |sale| sale["sale"].as_str().is_some_and(|id| !known.contains_key(id)))?;
        let events = format!(
            "SELECT body FROM event WHERE hub = '{}' AND kind = 'sale.completed' AND sequence > {judged} \
             ORDER BY sequence",
            chain.stores[number].name
        );
        let mut theirs = Vec::new();
        for row in chain.database.rows(&events)? {
            let sale: Value = serde_json::from_str(&row.concat()).map_err(|error| error.to_string())?;
            theirs.push(json!({ "sale": sale }));
        }
        let order =
            |sales: &mut dyn Iterator<Item = &Value>| sales.map(|sale| sale["sale"].clone()).collect::<Vec<_>>();
        if order(&mut found.listed.iter().skip(judged)) != order(&mut theirs.iter().map(|row| &row["sale"])) {
            return Err("the sales at HQ are others than the hub's, or in another order".into());
        }
        let mut faults = found.differs_from_headquarters(&theirs);
        let new = found.whole.len();
        known.extend(found.whole);
        let all = HubSales { listed: found.listed, whole: std::mem::take(known) };
        faults.extend(all.faults(&book.read()));
        *known = all.whole;
        if faults.is_empty() { Ok(new) } else { Err(format!("{faults:#?}")) }
    }
}

/// Waits for something. An error counts as not yet.
fn wait(what: &str, mut there: impl FnMut() -> Result<bool, String>) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let now = there();
        if now == Ok(true) {
            return Ok(());
        }
        if began.elapsed() > LIMIT {
            return Err(format!("not in time: {what}: {now:?}"));
        }
        thread::sleep(LOOK);
    }
}

//! A box without a clock of its own: the real hub, started at other times than it is.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use system_tests::{
    ENGINES,
    register::Client,
    shared,
    shop::{Hub, Plan, Shop},
    skipped,
};

/// The library that has a program see another clock.
fn faketime() -> Option<PathBuf> {
    let of_machine = |machine: PathBuf| machine.join("faketime/libfaketime.so.1");
    let machines = fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok);
    machines.map(|machine| of_machine(machine.path())).find(|library| library.exists())
}

/// A hub that was started when its clock showed something.
struct Running<'s> {
    hub: Hub,
    shop: &'s Shop,
    console: Client,
    till: Client,
}

impl<'s> Running<'s> {
    fn start(shop: &'s Shop, clock: &str) -> Self {
        let mut hub = Self::boot(shop, clock);
        shop.ready(&mut hub).unwrap();
        let console = shop.console().unwrap();
        let till = Client::pair(&console, &shop.endpoint, "till-1").unwrap();
        Self { hub, shop, console, till }
    }

    fn boot(shop: &Shop, clock: &str) -> Hub {
        let shown = format!("@{clock}");
        let library = faketime().unwrap();
        let library = library.to_str().unwrap();
        let environment =
            [("LD_PRELOAD", library), ("FAKETIME", &*shown), ("FAKETIME_DONT_FAKE_MONOTONIC", "1"), ("TZ", "UTC")];
        shop.start(&environment).unwrap()
    }

    /// Starts it again.
    fn restart(self, clock: &str) -> Self {
        let Self { mut hub, shop, till, .. } = self;
        assert!(hub.stop());
        let mut hub = Self::boot(shop, clock);
        shop.ready(&mut hub).unwrap();
        Self { hub, shop, console: shop.console().unwrap(), till }
    }

    fn sell(&self, key: &str) -> Value {
        let sale = json!({
            "lines": [{ "description": "Soap", "keyed": { "amount": 100, "reason": "not on file" } }],
            "tenders": [{ "tender": "cash", "amount": 100 }]
        });
        self.till.command("/api/v1/sales", key, &sale.to_string(), || true).unwrap()
    }

    /// Sells, and gives the sale's fiscal year, receipt, and business day.
    fn sold(&self, key: &str) -> (u64, String, String) {
        let id = self.sell(key)["sale"].as_str().unwrap().to_owned();
        let sale = self.console.get(&format!("/api/v1/sales/{id}")).unwrap();
        let text = |name: &str| sale[name].as_str().map_or_else(|| sale[name].to_string(), str::to_owned);
        (sale["fiscal_year"].as_u64().unwrap(), text("receipt"), text("business_day"))
    }

    fn status(&self) -> Value {
        self.console.get("/api/v1/status").unwrap()
    }

    fn command(&self, path: &str, key: &str, body: &Value) -> Value {
        self.console.command(path, key, &body.to_string(), || true).unwrap()
    }
}

#[test]
fn one_start_with_a_wrong_clock_begins_no_year_and_is_reported() {
    if faketime().is_none() {
        skipped("a clock that is wrong: libfaketime is not installed");
        return;
    }
    let _machine = shared();
    for engine in ENGINES {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let shop =
            Shop::build(directory.path(), &Plan { engine, data: &data, registers: 1, headquarters: None }).unwrap();
        let hub = Running::start(&shop, "2026-11-28 09:00:00");
        let day = |receipt: &str, day: &str| (2026, receipt.to_owned(), day.to_owned());
        assert_eq!(hub.sold("sale-000001"), day("1", "2026-11-28"));
        let first = hub.sell("sale-000002");
        let item = json!({ "sku": "A", "description": "Soap", "price": { "minor": 100, "per": "each" } });
        hub.command("/api/v1/items", "items-0001", &json!({ "items": [item] }));
        let lines = json!([{ "sku": "A", "quantity": { "milli": 1_000, "unit": "each" } }]);
        let notice = json!({ "source": "supplier", "supplier": "Soaps", "order": "1", "lines": lines });
        let notice =
            format!("/api/v1/stock/notices/{}", hub.command("/api/v1/stock/notices", "notice-01", &notice)["id"]);
        hub.command(&format!("{notice}/close"), "closing-01", &json!({}));
        assert_eq!(hub.status()["clock"]["fault"], Value::Null);

        let hub = hub.restart("2040-06-01 12:00:00");
        let fault = hub.status()["clock"]["fault"].to_string();
        assert!(fault.contains("2040-06-01") && fault.contains("2026-11-28"), "{fault}");
        assert_eq!(hub.sold("sale-000003"), day("3", "2040-06-01"));

        let hub = hub.restart("2026-11-28 10:10:00");
        assert_eq!(hub.status()["clock"]["fault"], Value::Null);
        assert_eq!(hub.sell("sale-000002"), first, "a repeat");
        assert!(hub.console.get(&notice).unwrap()["closed_at_ms"].is_number());
        assert_eq!(hub.sold("sale-000004"), day("4", "2026-11-28"));
        assert_eq!(hub.status()["today"]["sales"], 3, "those of the day, on both sides of the one in 2040");

        let hub = hub.restart("1970-01-02 00:00:00");
        let fault = hub.status()["clock"]["fault"].to_string();
        assert!(fault.contains("1970-01-02"), "{fault}");
        assert_eq!(hub.sold("sale-000005"), day("5", "2026-11-28"));

        // The store was closed for weeks: a person has to agree.
        let hub = hub.restart("2027-01-02 09:00:00");
        assert_eq!(hub.sold("sale-000006"), day("6", "2027-01-02"));
        hub.command("/api/v1/clock/agree", "agree-0001", &json!({}));
        assert_eq!(hub.sold("sale-000007"), (2027, "1".to_owned(), "2027-01-02".to_owned()));
        assert!(hub.console.get(&notice).unwrap()["closed_at_ms"].is_number());
        let Running { mut hub, .. } = hub;
        assert!(hub.stop());
        assert_eq!(shop.check().unwrap().1, [""; 0]);
    }
}

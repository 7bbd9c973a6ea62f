//! A price book on its way from HQ to a basket, with the real programs.

use std::{fs, process::Command};

use fastrand::Rng;
use serde_json::{Value, json};
use system_tests::{
    chain::Chain,
    program,
    register::Client,
    root, shared,
    shop::{Hub, LIMIT},
    skipped, until,
};

/// The basket of the documentation, priced from files.
fn priced(book: &std::path::Path) -> Value {
    let basket = root().join("docs/examples/prices/basket.json");
    let done = Command::new(program("store-hub"))
        .args(["price", "--json", "--store", "store-1", "--book"])
        .arg(book)
        .arg("--basket")
        .arg(basket)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// A chain of running stores with three items, at which a book is active, and a till of each store.
struct Open {
    chain: Chain,
    tills: Vec<Client>,
    book: std::path::PathBuf,
    hubs: Vec<Hub>,
}

/// Opens stores and publishes the example book with more records. `Err` if a program is not installed.
fn open(path: &std::path::Path, engines: &[&str], more: &str) -> Result<Open, String> {
    let mut chain = match Chain::start(path, "sqlite", 1, engines, &mut Rng::with_seed(1)) {
        Err(why) if why.contains("not installed") => return Err(why),
        started => started.unwrap(),
    };
    let shops: Vec<_> = chain.stores.iter().map(|store| store.shop.clone()).collect();
    let hubs = shops.iter().map(|shop| shop.start(&[]).unwrap()).collect();
    let tills: Vec<_> =
        shops.iter().map(|shop| shop.open().unwrap_or_else(|why| panic!("{why}\n{}", shop.log())).remove(0)).collect();
    let item = |sku| json!({ "sku": sku, "description": sku, "price": { "minor": 1, "per": "each" } });
    let items = ["cola", "wine", "bread"].map(item);
    let items = json!({ "items": items }).to_string();
    for shop in &shops {
        shop.console().unwrap().command("/api/v1/items", "goods-000001", &items, || true).unwrap();
    }
    let known = || chain.report(&["fleet"]).is_ok_and(|fleet| fleet.len() == engines.len());
    assert!(until(LIMIT, known), "HQ knows the stores");

    let book = path.join("book.ndjson");
    fs::write(&book, example() + more).unwrap();
    let version = chain.publish("prices", &book).unwrap().to_string();
    let active = || {
        chain
            .report(&["publications", &version, "--kind", "prices"])
            .is_ok_and(|stores| stores.iter().filter(|store| store["state"] == "active").count() == engines.len())
    };
    let is_priced_by = |till: &Client| till.get("/api/v1/prices").unwrap()["version"] == "2026-week-49";
    assert!(until(LIMIT, || active() && tills.iter().all(is_priced_by)), "{}", chain.logs());
    Ok(Open { chain, tills, book, hubs })
}

fn example() -> String {
    fs::read_to_string(root().join("docs/examples/prices/book.ndjson")).unwrap().replace("EUR", "USD")
}

#[test]
fn a_coupon_used_in_one_store_is_refused_in_another() {
    let _machine = shared();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    let records = [
        json!({ "coupon": { "class": "once", "prefix": "ONCE-", "uses": 1 } }),
        json!({ "offer": { "id": "once", "version": 1, "name": "Welcome", "coupon": "once", "concurrency": "compound",
            "rule": { "item": { "on": { "skus": ["bread"] }, "deal": { "amount_off": 50 } } } } }),
    ];
    let Open { chain, tills, hubs: _hubs, .. } =
        match open(&path, &["sqlite", "sled"], &records.map(|record| format!("{record}\n")).concat()) {
            Err(why) => return skipped(&why),
            Ok(open) => open,
        };
    let pay = |till: &Client| {
        let buyer = json!({ "buyer": { "coupons": ["ONCE-1"] } }).to_string();
        let opened = till.command("/api/v1/baskets", "basket-00001", &buyer, || true).unwrap();
        let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
        let line = json!({ "sku": "bread" }).to_string();
        let added = till.command(&format!("{path}/lines"), "line-000001", &line, || true).unwrap();
        assert_eq!(added["totals"]["discount"], 50, "{added}");
        let cash = json!({ "tender": "cash", "amount": 500 }).to_string();
        till.command(&format!("{path}/tenders"), "cash-000001", &cash, || true)?;
        till.command(&format!("{path}/complete"), "complete-0001", "{}", || true)
    };
    pay(&tills[0]).unwrap();
    let has_sale = || chain.report(&["ledger"]).is_ok_and(|rows| rows.iter().any(|row| row["sales"] == 1));
    assert!(until(LIMIT, has_sale), "{}", chain.logs());
    let refused = format!("{:?}", pay(&tills[1]).unwrap_err());
    assert!(refused.contains("is used up: 1 of 1 uses"), "{refused}");
}

#[test]
fn a_published_book_prices_a_basket_as_from_files() {
    let _machine = shared();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    let Open { mut chain, tills, book, hubs: _hubs } = match open(&path, &["sqlite"], "") {
        Err(why) => return skipped(&why),
        Ok(open) => open,
    };
    let till = &tills[0];
    let expected = priced(&book);
    let basket: Value =
        serde_json::from_str(&fs::read_to_string(root().join("docs/examples/prices/basket.json")).unwrap()).unwrap();
    let opened = till.command("/api/v1/baskets", "basket-00001", "{}", || true).unwrap();
    let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
    for line in basket["lines"].as_array().unwrap() {
        let body = json!({ "sku": line["sku"], "quantity": line["quantity"] }).to_string();
        till.command(&format!("{path}/lines"), &format!("line-00000{}", line["number"]), &body, || true).unwrap();
    }
    let basket = till.get(&path).unwrap();
    let sums =
        |of: &Value, charges: &str| ["regular", "discount", "net", charges].map(|sum| of[sum].as_i64().unwrap_or(0));
    assert_eq!(sums(&basket["totals"], "charges"), sums(&expected, "linked"), "{basket} {expected}");
    assert!(expected["discount"].as_i64() > Some(0) && expected["linked"].as_i64() > Some(0), "{expected}");

    // HQ refuses what stores would refuse.
    fs::write(&book, example().replace("\"minor\": 799", "\"minor\": -1")).unwrap();
    let why = chain.publish("prices", &book).unwrap_err();
    assert!(why.contains("line 10: price.price.minor: -1 is out of range"), "{why}");
}

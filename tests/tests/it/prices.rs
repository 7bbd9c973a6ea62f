//! A price book on its way from HQ to a basket, with the real programs.

use std::{fs, process::Command};

use fastrand::Rng;
use serde_json::{Value, json};
use system_tests::{chain::Chain, program, root, shared, shop::LIMIT, skipped, until};

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

#[test]
fn a_published_book_prices_a_basket_as_from_files() {
    let _machine = shared();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    let mut chain = match Chain::start(&path, "sqlite", 1, &["sqlite"], &mut Rng::with_seed(1)) {
        Err(why) if why.contains("not installed") => return skipped(&why),
        started => started.unwrap(),
    };
    let shop = chain.stores[0].shop.clone();
    let _hub = shop.start(&[]).unwrap();
    let till = shop.open().unwrap_or_else(|why| panic!("{why}\n{}", shop.log())).remove(0);
    let item = |sku| json!({ "sku": sku, "description": sku, "price": { "minor": 1, "per": "each" } });
    let items = ["cola", "wine", "bread"].map(item);
    let items = json!({ "items": items }).to_string();
    shop.console().unwrap().command("/api/v1/items", "goods-000001", &items, || true).unwrap();
    assert!(until(LIMIT, || chain.report(&["fleet"]).is_ok_and(|fleet| fleet.len() == 1)), "HQ knows the store");

    let book = path.join("book.ndjson");
    let example = fs::read_to_string(root().join("docs/examples/prices/book.ndjson")).unwrap();
    fs::write(&book, example.replace("EUR", "USD")).unwrap();
    let version = chain.publish("prices", &book).unwrap().to_string();
    let active = || {
        chain
            .report(&["publications", &version, "--kind", "prices"])
            .is_ok_and(|stores| stores.iter().any(|store| store["state"] == "active"))
    };
    let priced_by = || till.get("/api/v1/prices").unwrap()["version"] == "2026-week-49";
    assert!(until(LIMIT, || active() && priced_by()), "{}", chain.logs());

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
    fs::write(&book, example.replace("EUR", "USD").replace("\"minor\": 799", "\"minor\": -1")).unwrap();
    let why = chain.publish("prices", &book).unwrap_err();
    assert!(why.contains("line 10: price.price.minor: -1 is out of range"), "{why}");
}

use commerce::{Actor, Minor, Price, Unit};

use super::*;

fn item(sku: &str, price: i64) -> Item {
    Item {
        sku: sku.parse().unwrap(),
        gtin: None,
        description: "Cereal".into(),
        department: "".into(),
        category: "".into(),
        brand: "".into(),
        package_size: "".into(),
        price: Price { minor: Minor::new(price).unwrap(), per: Unit::Each },
    }
}

fn by(actor: Actor) -> By {
    By { actor, at_ms: 1 }
}

fn load_blocking(store: &Store, by: By, items: Vec<Item>) -> Result<Loaded, Refusal> {
    store.commit_blocking(move |transaction| load(transaction, &by, &items, "digest".into()))
}

fn open() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = crate::testing::store(directory.path());
    (directory, store)
}

#[test]
fn a_snapshot_follows_loads_in_their_order() {
    let (_directory, store) = open();
    let catalog = Catalog::read(&store, |error| panic!("{error}")).unwrap();
    assert!(catalog.follow(&store).unwrap().is_none());
    for price in 1..=20 {
        let loaded = load_blocking(&store, by(Actor::console()), vec![item("1", price), item("2", 7)]).unwrap();
        assert_eq!(loaded, Loaded { loaded: 2, version: price.unsigned_abs() });
    }
    let followed = catalog.follow(&store).unwrap().unwrap();
    assert_eq!((followed.version(), followed.len()), (20, 2));
    assert_eq!(followed.sku(&"1".parse().unwrap()).unwrap().price.minor, Minor::literal(20));
    assert!(followed.follow(&store).unwrap().is_none());
    let read = Catalog::read(&store, |error| panic!("{error}")).unwrap();
    assert_eq!((read.version(), read.len()), (20, 2));
}

#[test]
fn a_load_with_one_invalid_item_loads_nothing() {
    let (_directory, store) = open();
    let mut bad = item("2", 1);
    bad.description = " ".into();
    for items in [vec![item("1", 1), bad], vec![item("1", -1)], vec![item("1", 1); MAX_LOAD + 1]] {
        assert_eq!(load_blocking(&store, by(Actor::console()), items).unwrap_err().kind, &BAD_REQUEST);
    }
    assert_eq!(version(&store).unwrap(), 0);
    assert!(load_blocking(&store, by(Actor::console()), vec![item("1", 1); MAX_LOAD]).is_ok());
}

const GTIN: &str = "4012345678901";

fn coded(sku: &str, gtin: Option<&str>) -> Item {
    Item { gtin: gtin.map(|gtin| gtin.parse().unwrap()), ..item(sku, 1) }
}

/// The item that a scan of [`GTIN`] sells.
fn scanned(store: &Store) -> String {
    let catalog = Catalog::read(store, |error| panic!("{error}")).unwrap();
    catalog.gtin(GTIN.parse().unwrap()).unwrap().sku.to_string()
}

#[test]
fn two_items_with_one_code_are_refused() {
    let (_directory, store) = open();
    let load = |items| load_blocking(&store, by(Actor::console()), items);
    let refused = load(vec![coded("P1", Some(GTIN)), coded("P2", Some(GTIN))]).unwrap_err();
    assert_eq!((refused.kind, refused.members), (&ITEM_CODE_TAKEN, vec![("sku", "P1".into())]));
    assert_eq!(version(&store).unwrap(), 0, "nothing was loaded");
    load(vec![coded("P1", Some(GTIN)), coded("P1", Some(GTIN))]).unwrap();
    let refused = load(vec![coded("P2", Some(GTIN))]).unwrap_err();
    assert!(refused.detail.contains("GTIN 4012345678901 is item P1's"), "{refused}");
    load(vec![coded("P1", Some(GTIN))]).unwrap();
    assert_eq!(scanned(&store), "P1");
}

#[test]
fn a_code_can_move_to_another_item_once_the_first_gave_it_up() {
    let (_directory, store) = open();
    let load = |items| load_blocking(&store, by(Actor::console()), items).unwrap();
    load(vec![coded("P1", Some(GTIN)), coded("P2", Some("96385074"))]);
    load(vec![coded("P1", Some("96385074")), coded("P2", Some(GTIN))]);
    assert_eq!(scanned(&store), "P2", "they swapped");
    load(vec![coded("P2", None)]);
    load(vec![coded("P3", Some(GTIN))]);
    assert_eq!(scanned(&store), "P3");
    // Of two with one SKU the later counts, and the code of the first is nobody's.
    load(vec![coded("P3", None)]);
    load(vec![coded("P4", Some(GTIN)), coded("P4", None), coded("P5", Some(GTIN))]);
    assert_eq!(scanned(&store), "P5");
}

#[test]
fn a_delisted_item_stays_on_file_and_gives_its_code_up() {
    let (_directory, store) = open();
    let load = |items| load_blocking(&store, by(Actor::console()), items).unwrap();
    let delist = |actor: Actor, sku: &'static str| {
        store.commit_blocking(move |transaction| delist(transaction, &by(actor), &sku.parse().unwrap()))
    };
    load(vec![coded("P1", Some(GTIN)), item("P2", 1)]);
    let catalog = Catalog::read(&store, |error| panic!("{error}")).unwrap();
    let till = Actor::register("till-1".parse().unwrap());
    assert_eq!(delist(till, "P1").unwrap_err().kind.slug, "forbidden");
    assert_eq!(delist(Actor::console(), "P9").unwrap_err().kind, &ITEM_UNKNOWN);
    for _ in 0..2 {
        assert_eq!(delist(Actor::console(), "P1").unwrap(), Delisted { sku: "P1".parse().unwrap(), version: 2 });
    }
    let catalog = catalog.follow(&store).unwrap().unwrap();
    assert!(catalog.gtin(GTIN.parse().unwrap()).unwrap().delisted, "a scan says so");
    let skus = |search: Search| -> Vec<String> {
        let (page, _) = catalog.search(&search, None, 9);
        page.iter().map(|item| item.sku.to_string()).collect()
    };
    assert_eq!(skus(Search::new("", None)), ["P2"]);
    assert_eq!(skus(Search::new("", Some(1))), ["P1"], "whoever follows changes hears of it");
    load(vec![coded("P3", Some(GTIN))]);
    assert_eq!(scanned(&store), "P3");
    let acts: Vec<_> = audit::last(&store, None, 9).unwrap().into_iter().map(|entry| entry.act).collect();
    assert_eq!(acts, ["items_loaded", "item_delisted", "items_loaded"]);
    let refused = load_blocking(&store, by(Actor::console()), vec![coded("P1", Some(GTIN))]).unwrap_err();
    assert_eq!(refused.kind, &ITEM_CODE_TAKEN);
    load(vec![coded("P1", None)]);
    let catalog = Catalog::read(&store, |error| panic!("{error}")).unwrap();
    assert!(!catalog.sku(&"P1".parse().unwrap()).unwrap().delisted, "a load lists it again");
}

#[test]
fn items_are_found_by_words_and_in_pages() {
    let (_directory, store) = open();
    let named = |sku: &str, description: &str, gtin| Item { description: description.into(), ..coded(sku, gtin) };
    let items = vec![
        named("1", "Crème Brûlée", None),
        named("2", "CRÈME fraîche", Some(GTIN)),
        named("3", "Soap", None),
        named("30", "Soap, large", None),
    ];
    load_blocking(&store, by(Actor::console()), items).unwrap();
    let catalog = Catalog::read(&store, |error| panic!("{error}")).unwrap();
    let found = |words: &str, after: Option<&str>, limit: usize| -> (Vec<String>, bool) {
        let after = after.map(|after| after.parse().unwrap());
        let (page, more) = catalog.search(&Search::new(words, None), after.as_ref(), limit);
        (page.iter().map(|item| item.sku.to_string()).collect(), more)
    };
    assert_eq!(found("crème", None, 9).0, ["1", "2"]);
    assert_eq!(found(" Fraîche  crème ", None, 9).0, ["2"]);
    assert_eq!(found("401234567", None, 9).0, ["2"]);
    assert_eq!(found("", None, 3), (["1", "2", "3"].map(str::to_owned).into(), true));
    assert_eq!(found("", Some("3"), 3), (["30".to_owned()].into(), false));
    assert_eq!(found("no such", None, 3), (vec![], false));
}

#[test]
fn an_invisible_name_is_refused() {
    let (_directory, store) = open();
    for name in ["\u{200b}", "Soap\u{202e}", " "] {
        let items = vec![Item { description: name.into(), ..item("1", 1) }];
        assert_eq!(load_blocking(&store, by(Actor::console()), items).unwrap_err().kind, &BAD_REQUEST, "{name:?}");
    }
    let items = vec![Item { brand: "\u{200b}".into(), ..item("1", 1) }];
    assert_eq!(load_blocking(&store, by(Actor::console()), items).unwrap_err().kind, &BAD_REQUEST);
}

#[test]
fn a_register_loads_nothing() {
    let (_directory, store) = open();
    let till = Actor::register("till-1".parse().unwrap());
    let refusal = load_blocking(&store, by(till), vec![item("1", 1)]).unwrap_err();
    assert_eq!(refusal.kind.slug, "forbidden");
}

#[test]
fn old_lists_of_loads_are_forgotten_and_their_items_stay() {
    let (_directory, store) = open();
    load_blocking(&store, by(Actor::console()), vec![item("1", 1)]).unwrap();
    let retention = |now_ms| Retention { now_ms, keep_sales_days: 3653, has_headquarters: false };
    assert_eq!(tidy(&store, &retention(KEPT_MS + 1)).unwrap(), [("catalog_loads", 0), ("catalog_codes", 0)]);
    assert_eq!(tidy(&store, &retention(KEPT_MS + 2)).unwrap(), [("catalog_loads", 1), ("catalog_codes", 0)]);
    let read = Catalog::read(&store, |error| panic!("{error}")).unwrap();
    assert_eq!((read.version(), read.len()), (1, 1));
}

#[test]
fn an_item_reads_back_as_it_was_written() {
    let stored = include_str!("../fixtures/item.json");
    let read: OnFile = serde_json::from_str(stored).unwrap();
    let again: serde_json::Value = serde_json::to_value(&read).unwrap();
    assert_eq!(again, serde_json::from_str::<serde_json::Value>(stored).unwrap());
}

#[test]
fn a_damaged_version_keeps_no_item_from_being_sold() {
    static COUNTERS: Table<Name, String> = Table::new("counter");
    let (_directory, store) = open();
    load_blocking(&store, by(Actor::console()), vec![item("1", 7)]).unwrap();
    store.commit_blocking(|transaction| transaction.put(&COUNTERS, VERSION, &"damaged".to_owned())).unwrap();
    let mut faults = Vec::new();
    let catalog = Catalog::read(&store, |error| faults.push(error.to_string())).unwrap();
    assert_eq!((catalog.len(), faults.len()), (1, 1), "{faults:?}");
    assert!(catalog.follow(&store).unwrap().is_none());
    assert!(load_blocking(&store, by(Actor::console()), vec![item("1", 8)]).is_err(), "no load has a number");
}

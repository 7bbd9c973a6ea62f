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
    assert_eq!(tidy(&store, &retention(KEPT_MS + 1)).unwrap(), [("catalog_loads", 0)]);
    assert_eq!(tidy(&store, &retention(KEPT_MS + 2)).unwrap(), [("catalog_loads", 1)]);
    let read = Catalog::read(&store, |error| panic!("{error}")).unwrap();
    assert_eq!((read.version(), read.len()), (1, 1));
}

#[test]
fn an_item_reads_back_as_it_was_written() {
    let stored = include_str!("../fixtures/item.json");
    let read: Item = serde_json::from_str(stored).unwrap();
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

use std::collections::BTreeMap;

use commerce::{Minor, Price, Unit};
use proptest::prelude::*;
use store::Depth;

use super::*;
use crate::{
    By,
    catalog::{Catalog, ITEM_CODE_TAKEN, ITEM_UNKNOWN, Search, delist, load},
    publications::tests::{activate_and_settle, arrive, back_to, hub_itself, kind, made},
    testing,
};

const GTIN: &str = "4012345678901";

fn item_at(sku: &str, price: i64, gtin: Option<&str>) -> Item {
    let price = Price { minor: Minor::new(price).unwrap(), per: Unit::Each };
    Item { gtin: gtin.map(|gtin| gtin.parse().unwrap()), price, ..testing::item(sku) }
}

fn load_items(store: &Store, items: Vec<Item>) -> Result<u64, Refusal> {
    let loaded = store.commit_blocking(move |transaction| load(transaction, &testing::by(1), &items, "digest".into()));
    loaded.map(|loaded| loaded.version)
}

fn delist_item(store: &Store, sku: &str) -> Result<u64, Refusal> {
    let sku = testing::sku(sku);
    store
        .commit_blocking(move |transaction| delist(transaction, &testing::by(1), &sku))
        .map(|delisted| delisted.version)
}

fn read(store: &Store) -> Catalog {
    Catalog::read(store, |error| panic!("{error}")).unwrap()
}

type Shown = BTreeMap<String, (i64, bool)>;

fn shown(catalog: &Catalog) -> Shown {
    let (items, _) = catalog.search(&Search::new("", Some(0)), None, usize::MAX);
    items.iter().map(|item| (item.sku.to_string(), (item.price.minor.get(), item.delisted))).collect()
}

#[derive(Clone, Debug)]
enum Step {
    /// HQ publishes these items, and they become active; settled, or not yet.
    Publish(Vec<(u8, i64)>, bool),
    Load(Vec<(u8, i64)>),
    Delist(u8),
    GoBack,
    Settle,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let some = || prop::collection::vec((0_u8..12, 1_i64..5), 0..8);
    let step = prop_oneof![
        3 => (some(), any::<bool>()).prop_map(|(items, is_settled)| Step::Publish(items, is_settled)),
        4 => some().prop_map(Step::Load),
        2 => (0_u8..12).prop_map(Step::Delist),
        1 => Just(Step::GoBack),
        1 => Just(Step::Settle),
    ];
    prop::collection::vec(step, 1..14)
}

fn priced(items: &[(u8, i64)]) -> BTreeMap<String, i64> {
    items.iter().map(|(sku, price)| (format!("{sku:02}"), *price)).collect()
}

fn as_items(priced: &BTreeMap<String, i64>) -> Vec<Item> {
    priced.iter().map(|(sku, price)| item_at(sku, *price, None)).collect()
}

/// What a publication makes of what is on file.
fn put_over(model: &mut Shown, base: &BTreeMap<String, i64>) {
    for (_, delisted) in model.values_mut() {
        *delisted = true;
    }
    model.extend(base.iter().map(|(sku, price)| (sku.clone(), (*price, false))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is published, loaded, delisted and gone back to: what came into force last counts; a catalog that
    /// follows shows what one that is read anew does; and who follows changes hears of every change.
    #[test]
    fn the_latest_activation_counts(steps in steps()) {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let (mut catalog, mut model) = (read(&store), Shown::new());
        let mut published: BTreeMap<u64, BTreeMap<String, i64>> = BTreeMap::new();
        let mut version = 0;
        for step in steps {
            let (before, seen) = (model.clone(), catalog.version());
            match step {
                Step::Publish(items, is_settled) => {
                    version += 1;
                    let items = priced(&items);
                    put_over(&mut model, &items);
                    arrive(&store, made(version, &as_items(&items))).unwrap();
                    published.insert(version, items);
                    publications::settle(&store, &kind()).unwrap();
                    publications::activate(&store, &hub_itself(6), &kind(), version).unwrap();
                    if is_settled {
                        publications::settle(&store, &kind()).unwrap();
                    }
                }
                Step::Load(items) => {
                    let items = priced(&items);
                    model.extend(items.iter().map(|(sku, price)| (sku.clone(), (*price, false))));
                    load_items(&store, as_items(&items)).unwrap();
                }
                Step::Delist(sku) => {
                    // Until then an item that a publication made end is unknown to it.
                    publications::settle(&store, &kind()).unwrap();
                    let sku = format!("{sku:02}");
                    let delisted = delist_item(&store, &sku);
                    match model.get_mut(&sku) {
                        Some((_, is_delisted)) => {
                            *is_delisted = true;
                            delisted.unwrap();
                        }
                        None => assert_eq!(delisted.unwrap_err().kind, &ITEM_UNKNOWN),
                    }
                }
                Step::GoBack => {
                    publications::settle(&store, &kind()).unwrap();
                    let former = publications::in_force(&store, CATALOG).unwrap().map(|base| base.active.former);
                    if let Some(to) = former.and_then(|former| former.first().copied()) {
                        put_over(&mut model, &published[&to]);
                        back_to(&store, testing::by(7), to).unwrap();
                    }
                }
                Step::Settle => publications::settle(&store, &kind()).unwrap(),
            }
            if let Some(followed) = catalog.follow(&store).unwrap() {
                catalog = followed;
            }
            prop_assert_eq!(catalog.version(), crate::catalog::version(&store).unwrap());
            prop_assert_eq!(shown(&catalog), model.clone());
            prop_assert_eq!(shown(&read(&store)), model.clone());
            let (changed, _) = catalog.search(&Search::new("", Some(seen)), None, usize::MAX);
            let told: HashSet<_> = changed.iter().map(|item| item.sku.to_string()).collect();
            for (sku, is) in &model {
                prop_assert!(before.get(sku) == Some(is) || told.contains(sku), "{} changed unheard", sku);
            }
        }
        prop_assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
    }
}

#[test]
fn unchanged_segments_are_not_reported_as_changes() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let mut items: Vec<_> = (0..5_000).map(|sku| item_at(&format!("{sku:05}"), 1, None)).collect();
    arrive(&store, made(1, &items)).unwrap();
    let first = activate_and_settle(&store, 1);
    items[77].price.minor = Minor::literal(2);
    arrive(&store, made(2, &items)).unwrap();
    activate_and_settle(&store, 2);
    let catalog = read(&store);
    let (changed, _) = catalog.search(&Search::new("", Some(first)), None, usize::MAX);
    assert!(!changed.is_empty() && changed.len() < 4_500, "{}", changed.len());
    assert_eq!(catalog.sku(&testing::sku("00077")).unwrap().price.minor, Minor::literal(2));
    assert_eq!(catalog.len(), 5_000);
}

/// What publishing it says, in a store that sells the items 00 to 99.
fn refused(items: &[Item], change: impl FnOnce(&mut Manifest)) -> String {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    load_items(&store, (0..100).map(|sku| item_at(&format!("{sku:02}"), 1, None)).collect()).unwrap();
    let mut made = made(1, items);
    change(&mut made.manifest);
    let why = arrive(&store, made).unwrap_err();
    let (_, told) = publications::states(&store).unwrap();
    assert_eq!((told[0].state, told[0].why.as_ref()), (State::Refused, Some(&contract::down::reason(&why))));
    assert_eq!(shown(&read(&store)).len(), 100, "nothing of it is applied");
    why
}

#[test]
fn a_bad_publication_is_refused_whole() {
    let with = |item: Item| {
        let mut items: Vec<_> = (0..3_000).map(|sku| item_at(&format!("{sku:05}"), 1, None)).collect();
        items.push(item);
        refused(&items, |_| ())
    };
    assert!(with(item_at("x", -1, None)).contains("price -1 is out of range"));
    assert!(with(Item { description: "a\u{202e}b".into(), ..item_at("x", 1, None) }).contains("`description`"));
    assert!(with(Item { description: "4761 7390 0101 0119".into(), ..item_at("x", 1, None) }).contains("card number"));
    let far_apart = [item_at("00000", 1, Some(GTIN)), item_at("zzzzz", 1, Some(GTIN))];
    let between = (1..3_000).map(|sku| item_at(&format!("{sku:05}"), 1, None));
    let told = refused(&far_apart.into_iter().chain(between).collect::<Vec<_>>(), |_| ());
    assert!(told.contains("GTIN 4012345678901"), "{told}");
}

#[test]
fn a_publication_that_looks_cut_off_is_refused_unless_it_may_shrink() {
    let items = |count: usize| (0..count).map(|sku| item_at(&format!("{sku:02}"), 1, None)).collect::<Vec<_>>();
    let told = refused(&items(79), |manifest| manifest.may_shrink = false);
    assert!(told.contains("79 items, and the store sells 100"), "{told}");
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    load_items(&store, items(100)).unwrap();
    let mut enough = made(1, &items(80));
    enough.manifest.may_shrink = false;
    arrive(&store, enough).unwrap();
    activate_and_settle(&store, 1);
    arrive(&store, made(2, &items(1))).unwrap();
    activate_and_settle(&store, 2);
    let mut empty = made(3, &[]);
    empty.manifest.may_shrink = false;
    assert!(arrive(&store, empty).is_ok(), "of one item that is sold none is a fifth");
}

#[test]
fn a_code_of_the_base_is_one_items() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    arrive(&store, made(1, &[item_at("P1", 1, Some(GTIN)), item_at("P2", 1, None)])).unwrap();
    activate_and_settle(&store, 1);
    let scanned = || read(&store).gtin(GTIN.parse().unwrap()).map(|item| item.sku.to_string());
    let coded = |sku: &str| vec![item_at(sku, 1, Some(GTIN))];
    assert_eq!(load_items(&store, coded("P2")).unwrap_err().kind, &ITEM_CODE_TAKEN);
    load_items(&store, coded("P1")).unwrap();
    load_items(&store, vec![item_at("P1", 1, None)]).unwrap();
    load_items(&store, coded("P2")).unwrap();
    assert_eq!(scanned().unwrap(), "P2");
    arrive(&store, made(2, &[item_at("P1", 1, Some(GTIN)), item_at("P2", 2, None)])).unwrap();
    activate_and_settle(&store, 2);
    assert_eq!(scanned().unwrap(), "P1", "as the publication says");
    delist_item(&store, "P1").unwrap();
    load_items(&store, coded("P3")).unwrap();
    assert_eq!(scanned().unwrap(), "P3");
}

#[test]
fn codes_go_with_their_publication() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    for version in 1..=3 {
        arrive(&store, made(version, &[item_at("P1", 1, Some(GTIN))])).unwrap();
        if version < 3 {
            activate_and_settle(&store, version);
        }
    }
    assert_eq!(tidy(&store).unwrap(), 0, "one waits, one is active, one is the former");
    publications::tests::announce(&store, 4);
    assert_eq!(tidy(&store).unwrap(), 1, "version 3 is superseded");
    assert_eq!(load_items(&store, vec![item_at("P2", 1, Some(GTIN))]).unwrap_err().kind, &ITEM_CODE_TAKEN);
}

#[test]
fn a_load_between_plan_and_commit_keeps_the_publication_from_becoming_active_by_an_old_plan() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    for version in 1..=2 {
        arrive(&store, made(version, &[item_at("P1", i64::try_from(version).unwrap(), None)])).unwrap();
        activate_and_settle(&store, version);
    }
    let old = publications::plan(&store, &kind(), 1).unwrap();
    load_items(&store, vec![item_at("P1", 9, None)]).unwrap();
    let by: By = testing::by(7);
    let refused = store.commit_blocking(move |transaction| publications::go_back(transaction, &by, &old)).unwrap_err();
    assert_eq!(refused.kind, &BUSY);
    assert_eq!(read(&store).sku(&testing::sku("P1")).unwrap().price.minor, Minor::literal(9));
    back_to(&store, testing::by(7), 1).unwrap();
    assert_eq!(read(&store).sku(&testing::sku("P1")).unwrap().price.minor, Minor::literal(1));
}

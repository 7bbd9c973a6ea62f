//! Publications as HQ sends them, and what becomes of them; by the catalog, which is one.

use commerce::Item;
use contract::publication::{CATALOG, Segment};
use serde_json::value::to_raw_value;
use store::Depth;

use super::*;
use crate::{
    By, Refusal, audit,
    capability::Retention,
    testing::{self, announcement},
};

pub(crate) fn kind() -> PublicationKind {
    CATALOG.parse().unwrap()
}

/// A publication as HQ makes it.
pub(crate) struct Made {
    pub(crate) manifest: Manifest,
    pub(crate) segments: Vec<Segment>,
}

/// Items as a publication of a version.
pub(crate) fn made(version: u64, items: &[Item]) -> Made {
    let mut items: Vec<_> = items.iter().collect();
    items.sort_by(|a, b| a.sku.cmp(&b.sku));
    let records =
        items.into_iter().map(|item| contract::publication::Record(item.sku.to_string(), to_raw_value(item).unwrap()));
    let (manifest, segments) = testing::publication(&kind(), version, records);
    manifest.check().unwrap();
    Made { manifest, segments }
}

pub(crate) fn announce(store: &Store, version: u64) -> bool {
    store.commit_blocking(move |transaction| announced(transaction, announcement(kind(), version), 1)).unwrap()
}

/// Announces a publication, keeps what is fetched of it, and checks it.
pub(crate) fn arrive(store: &Store, made: Made) -> Result<(), String> {
    let Made { manifest, segments } = made;
    announce(store, manifest.version);
    let version = manifest.version;
    let known = manifest.clone();
    store.commit_blocking(move |transaction| put_manifest(transaction, known)).unwrap();
    for entry in lacking(store, &manifest).unwrap() {
        let bytes = segments.iter().find(|segment| segment.entry == entry).unwrap().bytes.clone();
        store.commit_blocking(move |transaction| put_segment(transaction, entry.digest, &bytes)).unwrap();
    }
    let checked = check_content(store, &manifest).unwrap();
    let why = checked.clone().err();
    store
        .commit_blocking(move |transaction| match why {
            None => fetched(transaction, &kind(), version, 5, 2),
            Some(why) => refused(transaction, &kind(), version, why, 2),
        })
        .unwrap();
    checked
}

pub(crate) fn hub_itself(at_ms: i64) -> By {
    By { actor: commerce::Station::Hub.into(), at_ms }
}

pub(crate) fn activate_and_settle(store: &Store, version: u64) -> u64 {
    let activated = activate(store, &hub_itself(6), &kind(), version).unwrap();
    settle(store, &kind()).unwrap();
    activated.generation
}

pub(crate) fn back_to(store: &Store, by: By, version: u64) -> Result<Activated, Refusal> {
    let plan = plan(store, &kind(), version)?;
    let activated = store.commit_blocking(move |transaction| go_back(transaction, &by, &plan));
    activated.inspect(|_| settle(store, &kind()).unwrap())
}

fn items(prices: &[(&str, i64)]) -> Vec<Item> {
    prices
        .iter()
        .map(|(sku, price)| {
            let mut item = testing::item(sku);
            item.price.minor = commerce::Minor::new(*price).unwrap();
            item
        })
        .collect()
}

fn states_now(store: &Store) -> Vec<(u64, &'static str)> {
    states(store).unwrap().1.into_iter().map(|state| (state.version, state.state.name())).collect()
}

#[test]
fn a_later_publication_takes_the_place_of_one_that_is_not_active_yet() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    assert!(announce(&store, 3));
    assert!(!announce(&store, 3) && !announce(&store, 2), "known, and earlier");
    arrive(&store, made(5, &items(&[("a", 1)]))).unwrap();
    assert_eq!(states_now(&store), [(5, "waiting"), (3, "superseded")]);
    assert!(announce(&store, 6));
    assert_eq!(states_now(&store), [(6, "fetching"), (5, "superseded"), (3, "superseded")]);
    assert!(activate(&store, &hub_itself(6), &kind(), 5).is_err());
}

#[test]
fn an_unknown_kind_is_refused_and_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let unknown = announcement("planogram".parse().unwrap(), 1);
    store.commit_blocking(move |transaction| announced(transaction, unknown, 1)).unwrap();
    let (_, told) = states(&store).unwrap();
    assert!(told[0].state == State::Refused && told[0].why.as_ref().unwrap().contains("update the hub"), "{told:?}");
}

#[test]
fn a_publication_waits_for_its_time_also_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    arrive(&store, made(1, &items(&[("a", 1)]))).unwrap();
    assert_eq!(due(&store, 4).unwrap(), []);
    drop(store);
    let store = testing::store(directory.path());
    assert_eq!(due(&store, 4).unwrap(), []);
    assert_eq!(due(&store, 5).unwrap(), [(kind(), 1)]);
    let activated = activate(&store, &hub_itself(5), &kind(), 1).unwrap();
    assert_eq!(activated, Activated { version: 1, generation: 1, records: 1 });
    assert_eq!((due(&store, 5).unwrap(), unsettled(&store).unwrap()), (vec![], vec![kind()]));
    settle(&store, &kind()).unwrap();
    assert_eq!(unsettled(&store).unwrap(), []);
    let entries = audit::last(&store, None, 9).unwrap();
    assert_eq!(entries.iter().map(|entry| &*entry.act).collect::<Vec<_>>(), ["publication_activated"]);
}

#[test]
fn a_person_goes_back_to_one_of_the_two_before() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    for version in 1..=4 {
        arrive(&store, made(version, &items(&[("a", i64::try_from(version).unwrap())]))).unwrap();
        activate_and_settle(&store, version);
    }
    let till = testing::register(7);
    assert_eq!(back_to(&store, till, 3).unwrap_err().kind.slug, "forbidden");
    assert_eq!(back_to(&store, testing::by(7), 1).unwrap_err().kind.slug, "publication-not-former");
    assert_eq!(back_to(&store, testing::by(7), 9).unwrap_err().kind.slug, "publication-not-former");
    back_to(&store, testing::by(7), 2).unwrap();
    assert_eq!(states_now(&store), [(4, "former"), (3, "former"), (2, "active"), (1, "former")]);
    assert_eq!(in_force(&store, CATALOG).unwrap().unwrap().active.former, [4, 3]);
    back_to(&store, testing::by(8), 4).unwrap();
    assert_eq!(in_force(&store, CATALOG).unwrap().unwrap().active.former, [2, 3]);
    assert!(!announce(&store, 4), "HQ's retained announcement changes nothing");
    assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
}

#[test]
fn segments_of_the_active_and_former_publications_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let retention = Retention { now_ms: 9, keep_sales_days: 3653, has_headquarters: true };
    let mut digests = Vec::new();
    for version in 1..=5 {
        let made = made(version, &items(&[("a", i64::try_from(version).unwrap())]));
        digests.push(made.segments[0].entry.digest);
        arrive(&store, made).unwrap();
        if version != 4 {
            activate_and_settle(&store, version);
        }
    }
    assert_eq!(keeping::tidy(&store, &retention).unwrap(), [("publication_segments", 2)], "1 and 4");
    let there: Vec<_> = digests.iter().map(|digest| has_segment(&store, *digest).unwrap()).collect();
    assert_eq!(there, [false, true, true, false, true]);
    assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
    back_to(&store, testing::by(7), 2).unwrap();
}

#[test]
fn a_segment_that_is_missing_or_damaged_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let made = made(1, &items(&[("a", 1)]));
    let digest = made.segments[0].entry.digest;
    arrive(&store, made).unwrap();
    activate_and_settle(&store, 1);
    store.commit_blocking(move |transaction| put_segment(transaction, digest, b"other bytes")).unwrap();
    assert_eq!(testing::faults(&store, Depth::Fast), [""; 0]);
    let faults = testing::faults(&store, Depth::Whole);
    assert!(faults.len() == 1 && faults[0].contains(&digest.to_string()), "{faults:?}");
    store
        .commit_blocking(move |transaction| {
            transaction.delete(&segments::SEGMENTS, &digest.to_string());
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let faults = testing::faults(&store, Depth::Fast);
    assert!(faults.len() == 1 && faults[0].contains("is missing"), "{faults:?}");
}

#[test]
fn former_publications_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    arrive(&store, made(1, &items(&[("a", 1)]))).unwrap();
    activate_and_settle(&store, 1);
    for version in 2..40 {
        announce(&store, version);
    }
    let versions: Vec<_> = states_now(&store).into_iter().map(|(version, _)| version).collect();
    assert_eq!((versions.len(), versions.last()), (REMEMBERED, Some(&1)), "the active one stays");
}

#[test]
fn records_read_back_as_they_were_written() {
    let _: Publication = testing::read_back(include_str!("../fixtures/publication.json"));
    let _: Shelf = testing::read_back(include_str!("../fixtures/publication_shelf.json"));
}

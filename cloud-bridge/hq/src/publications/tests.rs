//! Publishing on both engines, the files, and their routes.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use commerce::{Item, Minor, Price, Unit};
use contract::{
    Epoch,
    publication::{CATALOG, PublicationState, PublicationStates, State, VerifyingKey},
};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;
use crate::{
    database::{Statement, value::values},
    testing::{Fresh, on_each_engine},
};

fn kind() -> PublicationKind {
    CATALOG.parse().unwrap()
}

fn hub(name: &str) -> HubId {
    name.parse().unwrap()
}

fn catalog(count: u32, price: i64) -> BTreeMap<String, Item> {
    let item = |sku: u32| Item {
        sku: format!("{sku:05}").parse().unwrap(),
        gtin: None,
        description: format!("Item {sku}"),
        department: "".into(),
        category: "".into(),
        brand: "".into(),
        package_size: "".into(),
        price: Price { minor: Minor::new(price).unwrap(), per: Unit::Each },
    };
    (0..count).map(|sku| (format!("{sku:05}"), item(sku))).collect()
}

fn order(catalog: &BTreeMap<String, Item>, hubs: &[&str]) -> Order {
    Order {
        kind: kind(),
        records: items::records(catalog).unwrap(),
        hubs: hubs.iter().map(|name| hub(name)).collect(),
        effective: Effective::At(7),
        may_shrink: false,
        from: "https://hq.example.com/publications".into(),
        spread_s: 60,
        made_at_ms: 5,
    }
}

struct Hq {
    publications: Publications,
    objects: Objects,
    key: SigningKey,
    _directory: tempfile::TempDir,
}

impl Hq {
    fn on(fresh: &Fresh) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let objects = Objects::open(&directory.path().join("objects")).unwrap();
        let key = SigningKey::generate().unwrap().0;
        Self { publications: Publications::of(fresh.database.clone()), objects, key, _directory: directory }
    }

    async fn publish(&self, order: Order) -> Result<Made, PublishError> {
        publish(&self.publications, &self.objects, &self.key, order).await
    }

    async fn hear(&self, name: &str, version: u64, state: State, why: Option<&str>) {
        self.hear_in_order((1, 1), name, version, state, why).await;
    }

    async fn hear_in_order(
        &self,
        (epoch, revision): (u64, u64),
        name: &str,
        version: u64,
        state: State,
        why: Option<&str>,
    ) {
        let state = PublicationState { kind: kind(), version, state, since_ms: 9, why: why.map(str::to_owned) };
        let states = PublicationStates { hub: hub(name), epoch: Epoch(epoch), revision, publications: vec![state] };
        self.publications.heard(&states, 11).await.unwrap();
    }

    /// The announcements to send: hubs and versions.
    async fn to_announce(&self) -> Vec<(String, u64)> {
        let mut all: Vec<_> = self.publications.unsettled().await.unwrap();
        all.sort_by(|a, b| (&a.hub, a.version).cmp(&(&b.hub, b.version)));
        all.into_iter().map(|outgoing| (outgoing.hub.into(), outgoing.version)).collect()
    }
}

on_each_engine! {
    a_publication_reads_back_and_only_changed_segments_are_new
    hubs_get_the_newest_announcement_until_they_settle_it
    a_states_message_that_arrives_late_changes_nothing
    groups_are_set_and_listed
    all_hubs_that_contacted_hq_are_known
}

async fn a_publication_reads_back_and_only_changed_segments_are_new(fresh: Fresh) {
    let hq = Hq::on(&fresh);
    let mut items = catalog(5_000, 1);
    let first = hq.publish(order(&items, &["store-2", "store-1", "store-1"])).await.unwrap();
    assert_eq!((first.version, first.records, first.hubs), (1, 5_000, 2));
    assert_eq!(first.new_segments, first.segments);
    items.get_mut("00077").unwrap().price.minor = Minor::literal(2);
    let second = hq.publish(order(&items, &["store-1"])).await.unwrap();
    assert_eq!((second.version, second.segments, second.new_segments), (2, first.segments, 1));
    let read = content(&hq.publications, &hq.objects, &kind(), 2).await.unwrap();
    assert_eq!(items::of_records(&read), items);
    // The announcement is signed for the hub, and names the manifest.
    let outgoing = hq.publications.unsettled().await.unwrap();
    let of_first = outgoing.iter().find(|outgoing| outgoing.hub == hub("store-1")).unwrap();
    let trusted: VerifyingKey = hq.key.public();
    let announcement: Announcement = trusted
        .open(Purpose::Announcement, of_first.document.as_bytes(), contract::publication::MAX_ANNOUNCEMENT)
        .unwrap();
    assert_eq!((announcement.hub, announcement.version, announcement.spread_s), (hub("store-1"), 2, 60));
    let document = hq.objects.get(announcement.manifest, announcement.bytes).unwrap();
    let manifest: Manifest = trusted.open(Purpose::Manifest, &document, MAX_MANIFEST).unwrap();
    assert_eq!((manifest.check(), manifest.version, manifest.effective), (Ok(()), 2, Effective::At(7)));
    let known = current(&hq.publications, &kind(), &[hub("store-1"), hub("store-2"), hub("store-3")]).await.unwrap();
    let expected = [(None, "store-3"), (Some(1), "store-2"), (Some(2), "store-1")];
    assert_eq!(known, expected.into_iter().map(|(version, name)| (version, vec![hub(name)])).collect());
    assert!(matches!(hq.publish(order(&items, &[])).await, Err(PublishError::Nobody)));
    let listed = hq.publications.list(9).await.unwrap();
    assert_eq!(listed.iter().map(|published| published.version).collect::<Vec<_>>(), [2, 1]);
}

async fn hubs_get_the_newest_announcement_until_they_settle_it(fresh: Fresh) {
    let hq = Hq::on(&fresh);
    let items = catalog(10, 1);
    hq.publish(order(&items, &["store-1", "store-2"])).await.unwrap();
    assert_eq!(hq.to_announce().await, [("store-1".into(), 1), ("store-2".into(), 1)]);
    hq.hear("store-1", 1, State::Fetching, Some("no route to host")).await;
    assert_eq!(hq.to_announce().await.len(), 2, "it may have lost it");
    hq.hear("store-1", 1, State::Active, None).await;
    assert_eq!(hq.to_announce().await, [("store-2".into(), 1)]);
    hq.publish(order(&items, &["store-2"])).await.unwrap();
    assert_eq!(hq.to_announce().await, [("store-2".into(), 2)], "the newest alone");
    hq.hear("store-2", 2, State::Refused, Some("item 4011: the price -1 is out of range")).await;
    hq.hear("store-9", 2, State::Active, None).await;
    assert_eq!(hq.to_announce().await, []);
    let targets = hq.publications.targets(&kind(), 2).await.unwrap();
    let why = Some("item 4011: the price -1 is out of range".to_owned());
    let state = Some("refused".to_owned());
    let refused = Target { hub: hub("store-2"), state, since_ms: Some(9), why, heard_at_ms: Some(11) };
    assert!(refused.is_done());
    assert_eq!(targets, [refused], "another hub's report changes nothing");
    let known = current(&hq.publications, &kind(), &[hub("store-2")]).await.unwrap();
    assert_eq!(known.keys().collect::<Vec<_>>(), [&Some(1)], "what was refused is not what it has");
}

async fn a_states_message_that_arrives_late_changes_nothing(fresh: Fresh) {
    let hq = Hq::on(&fresh);
    hq.publish(order(&catalog(10, 1), &["store-1"])).await.unwrap();
    let state = async || hq.publications.targets(&kind(), 1).await.unwrap().remove(0).state.unwrap();
    hq.hear_in_order((2, 5), "store-1", 1, State::Active, None).await;
    hq.hear_in_order((2, 4), "store-1", 1, State::Waiting, None).await;
    hq.hear_in_order((1, 9), "store-1", 1, State::Fetching, None).await;
    assert_eq!(state().await, "active");
    // A store that was restored from a backup fetches again.
    hq.hear_in_order((3, 2), "store-1", 1, State::Fetching, None).await;
    assert_eq!(state().await, "fetching");
    hq.hear_in_order((3, 2), "store-1", 1, State::Fetching, Some("no route to host")).await;
    hq.hear_in_order((3, 3), "store-1", 1, State::Active, None).await;
    assert_eq!(state().await, "active");
}

async fn groups_are_set_and_listed(fresh: Fresh) {
    let hq = Hq::on(&fresh);
    hq.publications.set_group("south", &[hub("store-1"), hub("store-2")]).await.unwrap();
    hq.publications.set_group("north", &[hub("store-1")]).await.unwrap();
    hq.publications.set_group("south", &[hub("store-3"), hub("store-2")]).await.unwrap();
    assert_eq!(hq.publications.group("south").await.unwrap(), [hub("store-2"), hub("store-3")]);
    hq.publications.set_group("north", &[]).await.unwrap();
    let all = hq.publications.groups().await.unwrap();
    assert_eq!(all, [("south".to_owned(), hub("store-2")), ("south".to_owned(), hub("store-3"))]);
}

async fn all_hubs_that_contacted_hq_are_known(fresh: Fresh) {
    static SPEAK: Statement = Statement {
        name: "speak",
        sqlite: "INSERT INTO hub (hub, epoch, software, heard_at_ms) VALUES ($1, 1, 'test', 1)",
        postgres: "INSERT INTO hub (hub, epoch, software, heard_at_ms) VALUES ($1, 1, 'test', 1)",
    };
    let mut transaction = fresh.database.transaction().await.unwrap();
    for name in ["store-2", "store-1"] {
        transaction.execute(&SPEAK, values![name]).await.unwrap();
    }
    transaction.commit().await.unwrap();
    assert_eq!(Publications::of(fresh.database.clone()).hubs().await.unwrap(), [hub("store-1"), hub("store-2")]);
}

#[tokio::test]
async fn files_are_served_whole_and_by_ranges_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("secret"), "a key").unwrap();
    let objects = Objects::open(&directory.path().join("objects")).unwrap();
    let digest = Digest::of(b"0123456789");
    assert!(objects.put(digest, b"0123456789").unwrap());
    assert!(!objects.put(digest, b"0123456789").unwrap());
    let routes = routes(&directory.path().join("objects"));
    let get = async |path: String, range: Option<&str>| {
        let mut request = Request::get(path);
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        let response = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (status, range) = (response.status(), response.headers().get(header::CONTENT_RANGE).cloned());
        (status, range, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    };
    let path = format!("/publications/{digest}");
    assert_eq!(get(path.clone(), None).await, (StatusCode::OK, None, b"0123456789".to_vec()));
    let (status, range, body) = get(path.clone(), Some("bytes=4-")).await;
    assert_eq!(
        (status, range.unwrap().to_str().unwrap(), &*body),
        (StatusCode::PARTIAL_CONTENT, "bytes 4-9/10", &b"456789"[..])
    );
    assert_eq!(get(path, Some("bytes=10-")).await.0, StatusCode::RANGE_NOT_SATISFIABLE);
    for wrong in ["/publications/", "/publications/../secret", "/publications/%2e%2e/secret", "/publications/none"] {
        let (status, _, body) = get(wrong.into(), None).await;
        assert!(!status.is_success() && !body.starts_with(b"a key"), "{wrong}: {status}");
    }
    std::fs::write(directory.path().join("objects").join(digest.to_string()), "other").unwrap();
    assert!(matches!(objects.get(digest, 10), Err(objects::ObjectError::Damaged { .. })));
}

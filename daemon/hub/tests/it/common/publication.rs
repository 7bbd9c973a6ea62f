//! Publications of HQ that have arrived.

use app::publications::{announced, check_content, fetched, lacking, put_manifest, put_segment};
use contract::{
    Digest, PublicationKind,
    publication::{Announcement, Effective, Manifest, Record, manifest::FORMAT, segment::cut},
};
use hub::Hub;
use serde_json::{Value, value::to_raw_value};

/// A publication with these records arrives whole, as if it had been fetched; the hub makes it active.
pub(crate) async fn arrive(hub: &Hub, kind: &str, version: u64, records: &[(&str, Value)]) {
    let kind: PublicationKind = kind.parse().unwrap();
    let record = |(key, value): &(&str, Value)| Record((*key).to_owned(), to_raw_value(value).unwrap());
    let segments = cut(records.iter().map(record)).unwrap();
    let manifest = Manifest {
        format: FORMAT,
        kind: kind.clone(),
        version,
        made_at_ms: 1,
        effective: Effective::At(1),
        may_shrink: true,
        records: segments.iter().map(|segment| u64::from(segment.entry.records)).sum(),
        segments: segments.iter().map(|segment| segment.entry.clone()).collect(),
    };
    let announcement = Announcement {
        hub: "store-1".parse().unwrap(),
        kind: kind.clone(),
        version,
        manifest: Digest::of(b"manifest"),
        bytes: 8,
        effective: Effective::At(1),
        from: "https://hq.example.com/publications".into(),
        spread_s: 0,
    };
    let (store, known) = (hub.store(), manifest.clone());
    store.commit(move |transaction| announced(transaction, announcement, 1)).await.unwrap();
    store.commit(move |transaction| put_manifest(transaction, known)).await.unwrap();
    for entry in lacking(store, &manifest).unwrap() {
        let bytes = segments.iter().find(|segment| segment.entry == entry).unwrap().bytes.clone();
        store.commit(move |transaction| put_segment(transaction, entry.digest, &bytes)).await.unwrap();
    }
    assert_eq!(check_content(store, &manifest).unwrap(), Ok(()));
    store.commit(move |transaction| fetched(transaction, &kind, version, 1, 1)).await.unwrap();
}

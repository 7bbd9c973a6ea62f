//! A publication that was signed in the past is opened still: signatures and segments are bytes, not JSON values.

use std::{fs, path::PathBuf};

use contract::{
    Digest,
    publication::{Announcement, Effective, MAX_ANNOUNCEMENT, Manifest, Purpose, VerifyingKey, manifest::MAX_MANIFEST},
};

/// The key by which the files are signed.
const KEY: &str = "2a4cf085acf31455dda1fd9b2093cc3ea7b788f257506841184889f8d0a8b6c5";

fn file(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/publication-v1").join(name)).unwrap()
}

#[test]
fn a_publication_that_was_signed_in_the_past_is_opened() {
    let key = VerifyingKey::try_from(KEY.to_owned()).unwrap();
    let announcement: Announcement =
        key.open(Purpose::Announcement, &file("announcement.json"), MAX_ANNOUNCEMENT).unwrap();
    let document = file("manifest.json");
    assert_eq!(announcement.manifest, Digest::of(&document));
    let manifest: Manifest = key.open(Purpose::Manifest, &document, MAX_MANIFEST).unwrap();
    manifest.check().unwrap();
    assert_eq!((manifest.version, &manifest.effective), (announcement.version, &Effective::At(1_796_101_200_000)));
    let records = manifest.segments[0].open(&file("segment.zst")).unwrap();
    let read: Vec<_> = records.iter().map(|record| (record.0.as_str(), record.1.get())).collect();
    let cereal = r#"{"sku":"818981","description":"Cereal","price":{"minor":369,"per":"each"}}"#;
    let soap = r#"{"sku":"1000","description":"Soap","price":{"minor":99,"per":"each"}}"#;
    assert_eq!(read, [("1000", soap), ("818981", cereal)]);
    assert!(key.open::<Manifest>(Purpose::Announcement, &document, MAX_MANIFEST).is_err(), "it says what it is for");
}

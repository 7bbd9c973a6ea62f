use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::value::to_raw_value;

use super::*;
use crate::publication::{Effective, Manifest, manifest::FORMAT};

type Content = BTreeMap<String, u64>;

fn cut_all(content: &Content) -> Vec<Segment> {
    cut(content.iter().map(|(key, value)| Record(key.clone(), to_raw_value(value).unwrap()))).unwrap()
}

fn read_all(segments: &[Segment]) -> Content {
    let records = segments.iter().flat_map(|segment| segment.entry.open(&segment.bytes).unwrap());
    records.map(|Record(key, value)| (key, value.get().parse().unwrap())).collect()
}

fn manifest(segments: &[Segment]) -> Manifest {
    let entries: Vec<_> = segments.iter().map(|segment| segment.entry.clone()).collect();
    let records = entries.iter().map(|entry| u64::from(entry.records)).sum();
    Manifest {
        format: FORMAT,
        kind: "catalog".parse().unwrap(),
        version: 1,
        made_at_ms: 1,
        effective: Effective::At(1),
        may_shrink: false,
        records,
        segments: entries,
    }
}

fn numbered(keys: std::ops::Range<u64>) -> Content {
    keys.map(|key| (format!("{key:06}"), key)).collect()
}

#[test]
fn segments_have_about_a_thousand_records_within_their_bounds() {
    let content = numbered(0..20_000);
    let segments = cut_all(&content);
    assert!((10..=40).contains(&segments.len()), "{}", segments.len());
    assert_eq!(read_all(&segments), content);
    assert_eq!(manifest(&segments).check(), Ok(()));
    for (key, _) in content {
        let entry = of(&manifest(&segments).segments, &key).unwrap().clone();
        assert!(entry.first <= key && key <= entry.last);
    }
    assert_eq!(of(&manifest(&segments).segments, "~"), None);
    // Large records fill a segment before its thousand.
    let long = "x".repeat(9_000);
    let large = (0..1_000).map(|key| Record(format!("{key:06}"), to_raw_value(&long).unwrap()));
    let segments = cut(large).unwrap();
    assert!(segments.len() >= 9 && segments.iter().all(|segment| segment.entry.plain <= MAX_PLAIN));
    assert_eq!(cut([]).unwrap(), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// After any edit the content reads back, and every segment without an edited key keeps its name.
    #[test]
    fn an_edit_changes_the_segments_that_it_touches(
        edits in prop::collection::vec((0_u64..20_000, prop::option::of(1_000_000_u64..2_000_000)), 1..6),
    ) {
        // Every second key exists, so that edits insert, change and remove.
        let mut content: Content = numbered(0..20_000).into_iter().filter(|(_, value)| value % 2 == 0).collect();
        let before = cut_all(&content);
        for (key, value) in &edits {
            match value {
                Some(value) => drop(content.insert(format!("{key:06}"), *value)),
                None => drop(content.remove(&format!("{key:06}"))),
            }
        }
        let after = cut_all(&content);
        prop_assert_eq!(read_all(&after), content.clone());
        prop_assert_eq!(manifest(&after).check(), Ok(()));
        let entries = |segments: &[Segment]| segments.iter().map(|segment| segment.entry.clone()).collect::<Vec<_>>();
        let (before, after) = (entries(&before), entries(&after));
        // A key belongs to the last segment that begins at or before it; a segment's first key belongs to both sides.
        let is_touched = |place: usize| {
            let begins = if place == 0 { "" } else { before[place].first.as_str() };
            let next = before.get(place + 1).map(|next| next.first.as_str());
            edits.iter().any(|(key, _)| {
                let key = format!("{key:06}");
                begins <= key.as_str() && next.is_none_or(|next| key.as_str() <= next)
            })
        };
        let untouched = before.iter().enumerate().filter(|(place, _)| !is_touched(*place)).map(|(_, entry)| entry);
        for entry in untouched {
            prop_assert!(after.iter().any(|other| other.digest == entry.digest), "{:?}", entry);
        }
        prop_assert!(new_among(&after, &before).count() <= 2 * edits.len());
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), plain in 0_u32..2_000) {
        let digest = Digest::of(&bytes);
        let size = u32::try_from(bytes.len()).unwrap();
        let entry = Entry { digest, bytes: size, plain, records: 1, first: "a".into(), last: "a".into() };
        prop_assert!(entry.open(&bytes).is_err());
    }
}

#[test]
fn keys_out_of_order_and_records_without_bounds_are_refused() {
    let record = |key: &str| Record(key.to_owned(), to_raw_value(&1).unwrap());
    for wrong in [["b", "a"], ["a", "a"], ["a", ""], ["a", "b c"], ["a", "ä"], ["a", &"b".repeat(65)]] {
        assert!(matches!(cut(wrong.map(record)), Err(BadPublication::Record { .. })), "{wrong:?}");
    }
    let large = Record("a".into(), to_raw_value(&"x".repeat(MAX_PLAIN as usize)).unwrap());
    assert!(matches!(cut([large]), Err(BadPublication::Record { .. })));
}

fn segment_of(plain: &[u8], entry: impl FnOnce(&mut Entry)) -> Segment {
    let bytes = zstd::bulk::compress(plain, 1).unwrap();
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
    let (first, last) = ("a".to_owned(), "b".to_owned());
    let digest = Digest::of(&bytes);
    let mut listed = Entry { digest, bytes: size(&bytes), plain: size(plain), records: 2, first, last };
    entry(&mut listed);
    Segment { entry: listed, bytes }
}

#[test]
fn a_segment_that_is_not_what_its_manifest_says_is_refused() {
    let right = b"[\"a\",1]\n[\"b\",2]\n";
    let good = segment_of(right, |_| ());
    assert_eq!(good.entry.open(&good.bytes).unwrap().len(), 2);
    assert!(good.entry.open(&good.bytes[1..]).is_err());
    let mut other = good.bytes.clone();
    other[0] ^= 1;
    assert!(good.entry.open(&other).is_err(), "wrong hash");
    let listed: [fn(&mut Entry); 8] = [
        |entry| entry.plain += 1,
        |entry| entry.plain -= 1,
        |entry| entry.records = 1,
        |entry| entry.records = 3,
        |entry| entry.first = "0".into(),
        |entry| entry.last = "c".into(),
        |entry| entry.bytes += 1,
        |entry| entry.plain = MAX_PLAIN + 1,
    ];
    for wrong in listed {
        let segment = segment_of(right, wrong);
        assert!(segment.entry.open(&segment.bytes).is_err(), "{:?}", segment.entry);
    }
    for plain in [
        &b"[\"b\",1]\n[\"a\",2]\n"[..],
        b"[\"a\",1]\n[\"a\",2]\n",
        b"[\"a\",1]\n\n",
        b"{}\n{}\n",
        b"[\"a\",1][\"b\",1]\n",
    ] {
        let segment = segment_of(plain, |_| ());
        assert!(segment.entry.open(&segment.bytes).is_err(), "{}", String::from_utf8_lossy(plain));
    }
}

#[test]
fn a_bomb_is_stopped_at_the_size_in_the_manifest() {
    let bomb = segment_of(&vec![b' '; 64 * 1024 * 1024], |entry| entry.plain = 16);
    assert!(bomb.bytes.len() < 16 * 1024);
    assert!(matches!(bomb.entry.open(&bomb.bytes), Err(BadPublication::Segment { .. })));
}

#[test]
fn a_manifest_whose_segments_overlap_or_do_not_add_up_is_refused() {
    let good = manifest(&cut_all(&numbered(0..5_000)));
    assert!(good.segments.len() > 2);
    let wrong: [fn(&mut Manifest); 8] = [
        |manifest| manifest.format += 1,
        |manifest| manifest.records += 1,
        |manifest| manifest.segments.reverse(),
        |manifest| manifest.segments[1].first = manifest.segments[0].last.clone(),
        |manifest| manifest.segments[0].last = manifest.segments[1].first.clone(),
        |manifest| manifest.segments[1].digest = manifest.segments[0].digest,
        |manifest| manifest.segments[0].bytes = 0,
        |manifest| {
            let entry = |number: usize| Entry {
                digest: Digest::of(&number.to_be_bytes()),
                first: format!("{number:06}"),
                last: format!("{number:06}"),
                ..manifest.segments[0].clone()
            };
            manifest.segments = (0..=crate::publication::manifest::MAX_SEGMENTS).map(entry).collect();
        },
    ];
    for (case, wrong) in wrong.into_iter().enumerate() {
        let mut manifest = good.clone();
        wrong(&mut manifest);
        assert!(manifest.check().is_err(), "{case}");
    }
}

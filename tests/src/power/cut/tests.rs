//! Controls of the simulator: handwritten traces, and exactly the states that a cut may leave of them.

use std::collections::BTreeSet;

use fastrand::Rng;

use super::cut;
use crate::power::{Disk, Flushes, Record};

const DIRECTORY: u64 = 1;
const FILE: u64 = 2;

const MADE: [Record<'static>; 3] = [
    Record::Created { path: "f", file: FILE, emptied: false },
    Record::FlushBegun { file: DIRECTORY, ticket: 1 },
    Record::FlushEnded { file: DIRECTORY, ticket: 1 },
];

fn written(at: u64, data: &'static [u8]) -> Record<'static> {
    Record::Written { file: FILE, at, data }
}

fn flush(ticket: u64) -> [Record<'static>; 2] {
    [Record::FlushBegun { file: FILE, ticket }, Record::FlushEnded { file: FILE, ticket }]
}

fn play(flushes: Flushes, records: &[Record<'static>]) -> Disk<'static> {
    let mut disk = Disk::new(DIRECTORY, flushes);
    for record in records {
        disk.play(record).unwrap();
    }
    disk
}

/// The possible contents of a file after a cut at the end of these records, as seen by `tell`; `None` if its name is
/// lost.
fn states<T: Ord>(records: &[Record<'static>], path: &str, tell: impl Fn(&[u8]) -> T) -> BTreeSet<Option<T>> {
    let disk = play(Flushes::Kept, records);
    let mut dice = Rng::with_seed(7);
    (0..2_000).map(|_| cut(&disk, &mut dice).files.get(path).map(|bytes| tell(bytes))).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "0")
}

fn some<const N: usize>(texts: [&str; N]) -> BTreeSet<Option<String>> {
    texts.into_iter().map(|text| Some(text.to_owned())).collect()
}

#[test]
fn flushed_writes_are_kept() {
    let records = [&MADE[..], &[written(0, b"old")], &flush(2), &[written(0, b"new")], &flush(3)].concat();
    assert_eq!(states(&records, "f", text), some(["new"]));
}

#[test]
fn unflushed_writes_and_sizes_may_be_lost() {
    let records = [&MADE[..], &[written(0, b"new")]].concat();
    assert_eq!(states(&records, "f", text), some(["", "000", "new"]));
}

#[test]
fn a_write_is_torn_at_sectors_of_512_bytes() {
    let records = [&MADE[..], &[written(0, &[b'a'; 1024])], &flush(2), &[written(256, &[b'b'; 768])]].concat();
    let tell = |bytes: &[u8]| {
        assert!(bytes[..256].iter().all(|byte| *byte == b'a'), "what the write did not cover");
        let sectors = [&bytes[256..512], &bytes[512..]];
        sectors.map(|sector| {
            assert!(sector.iter().all(|byte| *byte == sector[0]), "torn inside of a sector");
            char::from(sector[0])
        })
    };
    let expected = [['a', 'a'], ['a', 'b'], ['b', 'a'], ['b', 'b']].map(Some);
    assert_eq!(states(&records, "f", tell), BTreeSet::from(expected));
}

#[test]
fn an_older_write_may_land_over_a_newer_one() {
    let records = [&MADE[..], &[written(0, b"-")], &flush(2), &[written(0, b"1"), written(0, b"2")]].concat();
    assert_eq!(states(&records, "f", text), some(["-", "1", "2"]));
    let apart = [&MADE[..], &[written(0, b"--")], &flush(2), &[written(0, b"1"), written(1, b"2")]].concat();
    assert_eq!(states(&apart, "f", text), some(["--", "-2", "1-", "12"]));
}

#[test]
fn a_flush_covers_earlier_writes() {
    let [begun, ended] = flush(2);
    let records = [&MADE[..], &[written(0, b"a"), begun, written(1, b"b"), ended]].concat();
    assert_eq!(states(&records, "f", text), some(["a", "a0", "ab"]));
    let under_way = [&MADE[..], &[written(0, b"a"), begun]].concat();
    assert_eq!(states(&under_way, "f", text), some(["", "0", "a"]), "a flush that has not ended promises nothing");
}

#[test]
fn names_are_durable_by_their_directorys_flush_and_change_in_order() {
    let renamed = Record::Renamed { from: "f", to: "g" };
    let records = [&MADE[..], &[written(0, b"a")], &flush(2), &[renamed]].concat();
    assert_eq!(states(&records, "f", text), BTreeSet::from([None, Some("a".to_owned())]));
    let disk = play(Flushes::Kept, &records);
    let mut dice = Rng::with_seed(7);
    let names: BTreeSet<Vec<_>> =
        (0..200).map(|_| cut(&disk, &mut dice).files.into_keys().collect::<Vec<_>>()).collect();
    assert_eq!(names, BTreeSet::from([vec!["f".to_owned()], vec!["g".to_owned()]]), "never both, never neither");
    let new = [Record::Created { path: "f", file: FILE, emptied: false }, written(0, b"a")];
    let new = [&new[..], &flush(2)].concat();
    assert_eq!(states(&new, "f", text), BTreeSet::from([None, Some("a".to_owned())]), "its own flush does not name it");
}

#[test]
fn a_removed_file_may_come_back() {
    let records = [&MADE[..], &[written(0, b"a")], &flush(2), &[Record::Removed { path: "f" }]].concat();
    assert_eq!(states(&records, "f", text), BTreeSet::from([None, Some("a".to_owned())]));
}

#[test]
fn a_truncation_may_be_lost() {
    let records = [&MADE[..], &[written(0, b"ab")], &flush(2), &[Record::Resized { file: FILE, size: 1 }]].concat();
    assert_eq!(states(&records, "f", text), some(["a", "ab"]));
}

#[test]
fn a_disk_can_forget_flushes_from_the_first_answer_on() {
    let before = [&MADE[..], &[written(0, b"a")], &flush(2)].concat();
    let after = [&before[..], &[Record::Answered { command: 0 }, written(0, b"b")], &flush(3)].concat();
    assert_eq!(play(Flushes::Forgotten, &before).unflushed(), (0, 0));
    assert_eq!(play(Flushes::Forgotten, &after).unflushed(), (1, 0));
    assert_eq!(play(Flushes::Kept, &after).unflushed(), (0, 0));
}

#[test]
fn writes_dropped_by_a_failed_flush_may_be_lost_despite_later_flushes() {
    let [begun, _] = flush(2);
    let failed = [begun, Record::FlushFailed { file: FILE, ticket: 2 }];
    let records = [&MADE[..], &[written(0, b"a")], &failed].concat();
    assert_eq!(states(&records, "f", text), some(["", "0", "a"]));
    let again = [&records[..], &flush(3)].concat();
    assert_eq!(states(&again, "f", text), some(["", "0", "a"]), "nothing was left to flush");
    let later = [&records[..], &[written(1, b"b")], &flush(3)].concat();
    assert_eq!(states(&later, "f", text), some(["0b", "ab"]), "what was written later is there");
    let over = [&records[..], &[written(0, b"b")], &flush(3), &[written(0, b"c")]].concat();
    assert_eq!(states(&over, "f", text), some(["b", "c"]), "never over what was flushed later");
}

#[test]
fn an_inconsistent_record_is_an_error() {
    for wrong in [
        written(0, b"a"),
        Record::Removed { path: "f" },
        Record::Created { path: "d/f", file: FILE, emptied: false },
        Record::FlushEnded { file: FILE, ticket: 9 },
    ] {
        assert!(Disk::new(DIRECTORY, Flushes::Kept).play(&wrong).is_err(), "{wrong:?}");
    }
}

//! Whole days, read by programs of others.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

use hq::exports::{Day, Export, Format};

use super::*;

/// A Python with the packages of tests/contract, if `./tests/run` has installed them.
pub(super) fn python(module: &str) -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/contract/venv/bin/python");
    let imported = Command::new(&python).args(["-c", &format!("import {module}")]).output();
    if imported.is_ok_and(|ended| ended.status.success()) {
        return Some(python);
    }
    let line = format!("SKIPPED: an independent reading by {module}, which tests/run installs\n");
    let _ = io::stderr().write_all(line.as_bytes());
    None
}

pub(super) fn said(command: &mut Command) -> String {
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_day_is_whole_in_both_forms_and_others_read_it() {
    on_each_engine(|hq| {
        hq.sell("store-1", 1..=450);
        hq.sell("store-2", 1..=3);
        hq.apply(&batch("store-3", Stream::sales(), vec![sold(1, &json!({ "business_day": "2026-11-25" }))]));
        // A sale without lines ends no export.
        let empty = json!({ "lines": [], "moved": [], "movement": null, "tenders": [],
            "totals": { "regular": 0, "discount": 0, "net": 0, "manufacturer_coupon": 0, "tendered": 0, "change": 0 },
        });
        hq.apply(&batch("store-0", Stream::sales(), (1..=250).map(|number| sold(number, &empty)).collect()));

        let answer = hq.ask(Method::GET, "/api/v1/exports/sales?day=2026-11-24&format=csv", Some(&hq.key), &[], "");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
        let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
        let header = reader.headers().unwrap().clone();
        let place = |name: &str| header.iter().position(|column| column == name).unwrap();
        let (net, description, customer) = (place("net"), place("description"), place("customer"));
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2 * 453);
        assert_eq!(rows.iter().map(|row| row[net].parse::<i64>().unwrap()).sum::<i64>(), 453 * 750);
        assert_eq!((&rows[0][description], &rows[1][description]), ("Cereal, \"big\"", "Postcard\nÄ"));
        assert_eq!(&rows[0][customer], "");

        let Some(python) = python("duckdb") else { return };
        let directory = tempfile::tempdir().unwrap();
        let (csv, parquet) = (directory.path().join("day.csv"), directory.path().join("day.parquet"));
        fs::write(&csv, &answer.text).unwrap();
        let day: Day = "2026-11-24".parse().unwrap();
        let mut export = Export::new(hq.ledger.database().clone(), day, Format::Parquet).unwrap();
        let mut bytes = Vec::new();
        while let Some(piece) = hq.runtime.block_on(export.next()).unwrap() {
            bytes.extend(piece);
        }
        fs::write(&parquet, bytes).unwrap();
        let script = "import duckdb, sys\n\
            csv = duckdb.read_csv(sys.argv[1], all_varchar=True)\n\
            parquet = duckdb.read_parquet(sys.argv[2])\n\
            print(duckdb.sql('select count(*), sum(net), count(distinct store || sale), count(customer), \
            min(typeof(net)) from parquet').fetchall()[0])\n\
            cast = ', '.join(f'cast({name} as varchar)' for name in parquet.columns)\n\
            print(sorted(csv.fetchall(), key=str) == sorted(duckdb.sql(f'select {cast} from parquet').fetchall(), \
            key=str))";
        let read = said(Command::new(python).args(["-c", script]).args([&csv, &parquet]));
        assert_eq!(read, "(906, 339750, 453, 0, 'BIGINT')\nTrue");
    });
}

#[test]
fn a_day_without_sales_is_an_empty_file_of_its_form() {
    on_each_engine(|hq| {
        let path = |format| format!("/api/v1/exports/sales?day=2026-01-01&format={format}");
        let csv = hq.ask(Method::GET, &path("csv"), Some(&hq.key), &[], "");
        assert_eq!((csv.status, csv.text.lines().count()), (200, 1));
        assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"sales-2026-01-01.csv\"");
        let mut export =
            Export::new(hq.ledger.database().clone(), "2026-01-01".parse().unwrap(), Format::Parquet).unwrap();
        let all = hq.runtime.block_on(export.next()).unwrap().unwrap();
        assert!(all.starts_with(b"PAR1") && all.ends_with(b"PAR1"));
        assert!(hq.runtime.block_on(export.next()).unwrap().is_none());
    });
}

//! Publications: progress and changes; business days.

use ::contract::publication::{CATALOG, State};

use super::{
    items::{published, said},
    *,
};

#[test]
fn a_publication_shows_its_progress_and_what_it_changes() {
    on_each_engine(|hq| {
        published(hq, &["store-1", "store-2"], 100, 1);
        published(hq, &["store-1"], 200, 2);
        said(hq, "store-1", 1, State::Former);
        said(hq, "store-1", 2, State::Active);

        let all = hq.get("/api/v1/publications");
        let progress = |version: u64| {
            let of = all.as_array().unwrap().iter().find(|one| one["version"] == version).unwrap();
            assert_eq!((&of["kind"], &of["records"]), (&json!(CATALOG), &json!(1_500)));
            of["progress"].clone()
        };
        assert_eq!(progress(2), json!([{ "state": "active", "stores": 1 }]));
        assert_eq!(progress(1), json!([{ "state": "former", "stores": 1 }, { "state": "unknown", "stores": 1 }]));

        let first = hq.get(&format!("/api/v1/publications/{CATALOG}/1"));
        assert_eq!(first["publication"]["progress"], progress(1));
        let stores: Vec<_> = first["stores"].as_array().unwrap().iter().map(|one| &one["store"]).collect();
        assert_eq!(stores, ["store-1", "store-2"]);

        let changes = hq.get(&format!("/api/v1/publications/{CATALOG}/2/changes"));
        let counts = [&changes["from"], &changes["added"], &changes["changed"], &changes["removed"]];
        assert_eq!(counts, [&json!(1), &json!(0), &json!(1_500), &json!(0)]);
        let lines = changes["lines"].as_array().unwrap();
        assert!(lines[0].as_str().unwrap().ends_with("100 per each -> 200 per each"), "{}", lines[0]);
        assert_eq!(lines.last().unwrap(), "  and 1300 more");
        let first = hq.get(&format!("/api/v1/publications/{CATALOG}/1/changes"));
        assert_eq!((&first["from"], &first["added"]), (&Value::Null, &json!(1_500)));
        for unknown in ["catalog/3", "catalog/18446744073709551615/changes", "catalog/2/changes?from=9", "shelves/1"] {
            assert_eq!(hq.refused(&format!("/api/v1/publications/{unknown}")), (404, "publication-unknown".into()));
        }
    });
}

#[test]
fn days_are_listed_by_store_with_their_tenders() {
    on_each_engine(|hq| {
        hq.sell("store-1", 1..=2);
        hq.sell("store-2", 1..=3);
        let next_day = sold(3, &json!({ "business_day": "2026-11-25" }));
        hq.apply(&batch("store-1", Stream::sales(), vec![next_day]));
        let short = |days: Vec<Value>| -> Vec<_> {
            let short = |day: &Value| (day["store"].clone(), day["business_day"].clone(), day["net"].clone());
            days.iter().map(short).collect()
        };
        let both = hq.all("/api/v1/days?from=2026-11-24&to=2026-11-30&", 2);
        assert_eq!(both[0]["tenders"], json!([{ "kind": "cash", "tenders": 2, "amount": 1_500 }]));
        assert_eq!(both[2]["tenders"], json!([{ "kind": "cash", "tenders": 3, "amount": 2_250 }]));
        let expected = [
            (json!("store-1"), json!("2026-11-24"), json!(1_500)),
            (json!("store-1"), json!("2026-11-25"), json!(750)),
            (json!("store-2"), json!("2026-11-24"), json!(2_250)),
        ];
        assert_eq!(short(both), expected);
        assert_eq!(short(hq.all("/api/v1/days?from=2026-11-25&to=2026-11-25&", 9)), expected[1..2]);
        assert_eq!(short(hq.all("/api/v1/days?from=2026-11-24&to=2026-11-25&store=store-2&", 9)), expected[2..]);
        assert_eq!(hq.refused("/api/v1/days?from=yesterday&to=2026-11-25"), (400, "bad-request".into()));
    });
}

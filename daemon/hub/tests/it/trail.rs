//! A sale's id finds its whole way in the log.

use serde_json::{Value, json};
use tracing_subscriber::filter::LevelFilter;

use crate::common::{
    ENGINE,
    headquarters::Headquarters,
    lane::{Lane, until},
    log::Log,
};

/// Whether a line has a message, and its spans these names.
fn is(line: &Value, message: &str, spans: &[&str]) -> bool {
    let names = line["spans"].as_array().into_iter().flatten().map(|span| &span["name"]);
    line["message"] == message && names.eq(spans)
}

#[test]
fn the_log_has_the_whole_way_of_a_card_sale_by_its_id() {
    let test = "trail::the_log_has_the_whole_way_of_a_card_sale_by_its_id";
    Log::alone(test, LevelFilter::DEBUG, async |log| {
        let hq = Headquarters::start().await;
        let lane = Lane::open(ENGINE, &hq.config()).await;
        let another = lane.sell("cash-000001").await;
        let request = json!({ "lines": [{ "sku": "818981" }], "card": true });
        let sold = lane.post("card-000001", "/api/v1/sales", &request).await;
        let sale = sold.body["sale"].as_str().expect("it is sold").to_owned();
        lane.papers(2).await;
        hq.wait_for_sales(2).await;
        until("the receipt's line", || log.lines(&sale).iter().any(|line| is(line, "receipt printed", &["receipt"])))
            .await;
        let has_both = |line: &Value| line["stream"] == "sales" && line["up_to"] == "2";
        until("the acknowledgement", || log.lines("HQ has events").iter().any(has_both)).await;

        let lines = log.lines(&sale);
        let find = |message: &str, spans: &[&str]| {
            let found = lines.iter().find(|line| is(line, message, spans));
            found.unwrap_or_else(|| panic!("{message} in {spans:?} is not in {lines:#?}"))
        };
        let answered = find("answered", &["request"]);
        let request = &answered["span"];
        assert_eq!((&answered["status"], &request["method"]), (&json!(200), &json!("POST")));
        assert_eq!((&request["route"], &request["payment"]), (&json!("/api/v1/sales"), &json!("p1")));
        let committed = find("committed", &["request", "payment"]);
        assert_eq!(committed["spans"][0]["id"], request["id"]);
        assert_eq!((&committed["span"]["payment"], &committed["span"]["terminal"]), (&json!("p1"), &json!("terminal")));
        assert_eq!(find("receipt printed", &["receipt"])["span"]["sale"], sale);
        let read = find("event read for HQ", &[]);
        assert_eq!((&read["stream"], &read["sequence"]), (&json!("sales"), &json!(2)));
        let is_sent = log.lines("batch sent to HQ").into_iter().any(|line| {
            let number = |name: &str| line[name].as_str().unwrap().parse::<u64>().unwrap();
            line["stream"] == "sales" && number("first") <= 2 && number("last") >= 2
        });
        assert!(is_sent, "{}", log.text());
        let cash = log.lines(&another);
        assert!(
            cash.iter().any(|line| is(line, "committed", &["request"]) && line["span"]["sale"] == *another),
            "{cash:#?}"
        );
    });
}

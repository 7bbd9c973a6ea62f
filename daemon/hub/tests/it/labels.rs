//! Labels: templates, previews, and the queue, with a real driver and a simulated printer.

use drivers::simulate::{LabelFault, SimulatedLabelPrinter};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::common::{
    ENGINE, ask,
    lane::Lane,
    open,
    running::{Running, wait},
};

const PRINT: &str = "/api/v1/devices/labels/labels";

#[tokio::test]
async fn a_label_has_the_items_data_and_its_own_and_a_copy_is_no_second_job() {
    let lane = Lane::open(ENGINE, "").await;
    for (number, (sku, barcode)) in
        [("818981", "040000818981"), ("CASE", "[FNC1]0110400008189818"), ("OWN>1", "OWN>1")].into_iter().enumerate()
    {
        let body = json!({ "labels": [{ "sku": sku, "copies": 2 }] });
        let queued = lane.post(&format!("label-{number:06}"), PRINT, &body).await;
        assert_eq!(queued.status, 200, "{sku}: {}", queued.body);
        let path = format!("/api/v1/devices/labels/label-jobs/{}", queued.body["number"]);
        let job = lane.wait_for(&path, |job| job["state"] == "printed").await;
        assert_eq!(
            (&job["begun"], &job["unconfirmed"], &job["by"]["station"]["register"]),
            (&json!(1), &json!(0), &json!("till-2"))
        );
        let label = lane.labels.printed().pop().unwrap();
        assert_eq!((label.barcodes, label.copies), (vec![barcode.to_owned()], 2));
        // The same command again.
        assert_eq!(lane.post(&format!("label-{number:06}"), PRINT, &body).await.body["number"], queued.body["number"]);
    }
    assert_eq!(lane.labels.printed().len(), 3);
    let jobs = lane.get("/api/v1/devices/labels/label-jobs?limit=2").await.body;
    assert_eq!(jobs.as_array().unwrap().iter().map(|job| job["number"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 2]);
    let trail = ask(&lane.router, "GET", "/api/v1/audit", &[("cookie", &*lane.cookie)], "").await.body;
    let printed = trail.as_array().unwrap().iter().filter(|entry| entry["act"] == "labels_printed").count();
    assert_eq!(printed, 3, "{trail}");
}

#[tokio::test]
async fn a_job_with_an_unprintable_label_is_refused_as_a_whole() {
    let lane = Lane::open(ENGINE, "").await;
    let good = json!({ "sku": "818981" });
    for (number, (body, status, told)) in [
        (json!({ "labels": [] }), 400, "expected 1 to 5000"),
        (json!({ "labels": [{ "sku": "818981", "copies": 0 }] }), 400, "expected 1 to 999"),
        (json!({ "labels": [good, { "sku": "nothing" }] }), 404, "unknown item: SKU nothing"),
        (json!({ "template": "poster", "labels": [good] }), 404, "unknown label template `poster`; known: carton"),
        (json!({ "labels": [{ "sku": "818981", "fields": { "prize": "1" } }] }), 400, "unknown field `prize`"),
        (
            json!({ "labels": [good, { "sku": "818981", "fields": { "gtin": "123" } }] }),
            422,
            "label 2, item 818981: barcode `123`",
        ),
        (json!({ "template": "pickup", "labels": [{ "fields": { "order": "1" } }] }), 422, "field `code` is missing"),
        (json!({ "labels": vec![good.clone(); 5001] }), 400, "5001 labels"),
    ]
    .into_iter()
    .enumerate()
    {
        let refused = lane.post(&format!("refused-{number:06}"), PRINT, &body).await;
        assert_eq!(refused.status, status, "{}", refused.body);
        assert!(refused.body["detail"].as_str().unwrap().contains(told), "{told}: {}", refused.body);
    }
    let unknown = lane.post("refused-printer", "/api/v1/devices/none/labels", &json!({ "labels": [good] })).await;
    assert_eq!((unknown.status.as_u16(), &unknown.body["type"]), (404, &json!("/problems/device-unknown")));
    assert_eq!(lane.get("/api/v1/devices/labels/label-jobs").await.body, json!([]));
    assert_eq!(lane.get("/api/v1/devices/labels/label-jobs/9").await.status, 404);
    assert_eq!(lane.labels.printed(), []);
}

#[tokio::test]
async fn templates_are_listed_and_shown_as_pictures() {
    let lane = Lane::open(ENGINE, "").await;
    let templates = lane.get("/api/v1/label-templates").await.body;
    let names: Vec<_> =
        templates.as_array().unwrap().iter().map(|template| template["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["carton", "food", "pickup", "reduced", "shelf"]);
    for name in names {
        let path = format!("/api/v1/label-templates/{name}/preview");
        let (kind, png) = lane.picture(&path).await;
        assert!(kind == "image/png" && png.starts_with(b"\x89PNG"), "{name}: {kind}");
        let (kind, svg) = lane.picture(&format!("{path}?format=svg")).await;
        assert!(kind == "image/svg+xml" && svg.starts_with(b"<svg"), "{name}: {kind}");
    }
    let shelf = "/api/v1/label-templates/shelf/preview";
    let plain = lane.picture(&format!("{shelf}?sku=818981")).await;
    let own = lane.picture(&format!("{shelf}?sku=818981&fields=%7B%22title%22:%22M%C3%BCsli%22%7D")).await;
    assert!(plain.0 == "image/png" && own.0 == "image/png" && plain.1 != own.1);
    let wrong = lane.get(&format!("{shelf}?fields=%5B%5D")).await;
    assert!(wrong.status == 400 && wrong.body["detail"].as_str().unwrap().contains("JSON object"), "{}", wrong.body);
    assert_eq!(lane.get("/api/v1/label-templates/poster/preview").await.status, 404);
    assert_eq!(lane.get(&format!("{shelf}?sku=nothing")).await.status, 404);
}

#[tokio::test]
async fn a_job_can_be_cancelled_and_its_labels_printed_again() {
    let lane = Lane::open(ENGINE, "").await;
    lane.labels.fault(LabelFault::PaperOut, true);
    let queued = lane.post("label-000001", PRINT, &json!({ "labels": [{ "sku": "818981" }, { "sku": "CASE" }] })).await;
    let path = format!("/api/v1/devices/labels/label-jobs/{}", queued.body["number"]);
    let early = lane.post("again-000000", &format!("{path}/again"), &json!({ "all": true })).await;
    assert!(
        early.status == 400 && early.body["detail"].as_str().unwrap().contains("cancel it first"),
        "{}",
        early.body
    );
    let cancelled = lane.post("cancel-00001", &format!("{path}/cancel"), &json!({})).await;
    assert_eq!(cancelled.body["state"], "cancelled");
    assert_eq!(lane.post("cancel-00002", &format!("{path}/cancel"), &json!({})).await.status, 422);
    lane.labels.fault(LabelFault::PaperOut, false);
    assert_eq!(
        lane.post("again-000001", &format!("{path}/again"), &json!({})).await.status,
        400,
        "none is unconfirmed"
    );
    let again = lane.post("again-000002", &format!("{path}/again"), &json!({ "all": true })).await;
    let path = format!("/api/v1/devices/labels/label-jobs/{}", again.body["number"]);
    lane.wait_for(&path, |job| job["state"] == "printed").await;
    let barcodes: Vec<_> = lane.labels.printed().into_iter().flat_map(|label| label.barcodes).collect();
    assert_eq!(barcodes, ["040000818981", "[FNC1]0110400008189818"]);
}

const JOBS: &str = "/api/v1/devices/labels/label-jobs";

fn read(hub: &Running, path: &str) -> Value {
    hub.ask("GET", path, "reads-nothing", &Value::Null)
}

fn wait_for(hub: &Running, job: &Value, is_so: impl Fn(&Value) -> bool) -> Value {
    wait("the job", || is_so(&read(hub, &format!("{JOBS}/{job}"))));
    read(hub, &format!("{JOBS}/{job}"))
}

#[test]
fn a_batch_survives_restarts_an_empty_roll_and_a_printer_that_is_switched_off() {
    const LABELS: usize = 60;
    let directory = tempfile::tempdir().unwrap();
    let outside = Runtime::new().unwrap();
    let printer = outside.block_on(SimulatedLabelPrinter::bind("127.0.0.1:0".parse().unwrap())).unwrap();
    let code = |number: usize| format!("L-{number:03}");
    let fields = |number: usize| json!({ "title": "Any", "price": "1", "currency": "$", "own_code": code(number) });
    let label = |number: usize| json!({ "fields": fields(number) });
    let labels: Vec<_> = (1..=LABELS).map(label).collect();
    let printed = || -> Vec<String> { printer.printed().into_iter().flat_map(|label| label.barcodes).collect() };

    let config = format!(
        "[[label_printer]]\nname = \"labels\"\nprotocol = \"zpl\"\naddress = \"tcp://{}\"\n",
        printer.address()
    );
    let hub = Running::start(directory.path(), &config);
    let job = hub.ask("POST", PRINT, "the-batch-01", &json!({ "labels": labels }))["number"].clone();
    wait_for(&hub, &job, |job| job["begun"].as_u64() >= Some(10));
    drop(hub);
    let hub = Running::start(directory.path(), &config);
    wait_for(&hub, &job, |job| job["begun"].as_u64() >= Some(20));
    // The roll ends; a person inserts a new one.
    printer.paper_out_after(3);
    let is_out = |devices: &Value| devices[0]["health"]["why"].as_str().is_some_and(|why| why.contains("new roll"));
    wait("the health shows the empty roll", || is_out(&read(&hub, "/api/v1/devices")));
    printer.fault(LabelFault::PaperOut, false);
    wait_for(&hub, &job, |job| job["begun"].as_u64() >= Some(40));
    // It is switched off with a label inside.
    printer.paper_out_after(0);
    wait("the health shows the empty roll", || is_out(&read(&hub, "/api/v1/devices")));
    printer.power_cycle();
    printer.fault(LabelFault::PaperOut, false);
    let done = wait_for(&hub, &job, |job| job["state"] == "printed");

    // None twice, in order; and every one that is missing is named.
    let paper = printed();
    let unconfirmed: Vec<usize> = done["unconfirmed_labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|label| usize::try_from(label["label"].as_u64().unwrap()).unwrap())
        .collect();
    assert!(paper.is_sorted() && paper.windows(2).all(|pair| pair[0] != pair[1]), "{paper:?}");
    let missing: Vec<usize> = (1..=LABELS).filter(|number| !paper.contains(&code(*number))).collect();
    assert!(missing.iter().all(|number| unconfirmed.contains(number)), "{missing:?} {unconfirmed:?}");
    assert!(unconfirmed.len() <= 2 && !missing.is_empty(), "{missing:?} {unconfirmed:?}");

    // A person asks for what is unconfirmed.
    let again = hub.ask("POST", &format!("{JOBS}/{job}/again"), "again-000001", &json!({}));
    wait_for(&hub, &again["number"], |job| job["state"] == "printed");
    let expected: Vec<String> = unconfirmed.iter().map(|number| code(*number)).collect();
    assert_eq!(printed()[paper.len()..], expected);
    drop(hub);
    drop(printer);
}

#[tokio::test]
async fn a_retailers_template_that_is_wrong_keeps_the_hub_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("own")).unwrap();
    std::fs::write(directory.path().join("own/promo.toml"), "title = 1").unwrap();
    let (_, _) = open(directory.path());
    let text = std::fs::read_to_string(directory.path().join("hub.toml")).unwrap();
    let own = format!("[store]\nlabel_templates = \"{}\"", directory.path().join("own").display());
    std::fs::write(directory.path().join("hub.toml"), text.replacen("[store]", &own, 1)).unwrap();
    let config = hub::config::Config::read(&directory.path().join("hub.toml")).unwrap();
    let error = hub::run::open(config).err().unwrap();
    assert!(error.contains("store.label_templates") && error.contains("promo.toml"), "{error}");
}

use serde_json::{Value, json};

use super::*;

fn network_file() -> Value {
    json!({
        "now_ms": NOON,
        "policy": { "most_stores": 2, "weights": { "money_permille": 1000, "hour": 50, "stock": 200, "split": 300 } },
        "stores": [
            { "store": "store-1", "at": { "lat": 54.97, "lon": -1.61 }, "zones": ["NE1"],
              "keeps": ["ambient", "chilled"],
              "open": [{ "from_ms": NOON - HOUR, "to_ms": NOON + HOUR }], "heard_at_ms": NOON, "open_orders": 4,
              "capacity": 20, "prepare_minutes": 30, "parcel": 395, "per_km": 2, "handling": 20,
              "stock": [{ "sku": "818981", "unit": "each", "quota": 4000, "confirmed": 1000 }] },
            { "store": "store-2", "heard_at_ms": NOON, "stock": [] },
        ],
    })
}

fn order_file() -> Value {
    json!({
        "order": "web-1", "to": { "point": { "lat": 54.99, "lon": -1.6 } }, "due_ms": NOON + HOUR,
        "lines": [{ "line": 1, "sku": "818981", "quantity": { "milli": 2000, "unit": "each" }, "zone": "chilled" }],
        "rejected_by": ["store-7"],
    })
}

#[test]
fn the_example_of_the_documentation_is_read() {
    let examples: Vec<&str> = include_str!("../files.rs").split("//! ```json").skip(1).collect();
    let text = |example: &str| {
        let lines = example.lines().take_while(|line| *line != "//! ```");
        lines.map(|line| line.trim_start_matches("//!")).collect::<Vec<_>>().join("\n")
    };
    let (network, policy) = files::network(&text(examples[0])).unwrap();
    let orders = files::orders(&text(examples[1])).unwrap();
    assert_eq!((network.stores.len(), policy.weights.split, orders.len()), (1, 300, 1));
    let plan = route(&orders[0], &network, &policy);
    assert_eq!(parts(&plan), [("store-1".into(), vec![(1, 2)])]);
}

#[test]
fn a_network_is_read_with_what_it_leaves_out() {
    let (network, policy) = files::network(&network_file().to_string()).unwrap();
    assert_eq!((policy.most_stores, policy.weights.split, policy.offline_after_minutes), (2, 300, 10));
    let [first, second] = &network.stores[..] else { panic!() };
    assert_eq!((first.prepare_ms, first.milli(&(sku("818981"), Unit::Each))), (30 * MINUTE, 5000));
    assert_eq!((second.keeps.as_slice(), second.capacity, &second.open), (&[Zone::Ambient][..], u32::MAX, &None));
}

#[test]
fn orders_are_read_from_an_array_or_one_after_another() {
    let order = order_file().to_string();
    for text in [format!("[{order},{order}]"), format!("{order}\n{order}\n"), format!("{order}{order}")] {
        assert_eq!(files::orders(&text).unwrap().len(), 2);
    }
    assert_eq!(files::orders("").unwrap(), []);
    for to in [json!({ "zone": "NE1" }), json!({ "store": "store-1" })] {
        let mut order = order_file();
        order["to"] = to;
        files::orders(&order.to_string()).unwrap();
    }
}

#[test]
fn values_out_of_range_are_named() {
    let network = |pointer: &str, value: Value| {
        let mut file = network_file();
        *file.pointer_mut(pointer).unwrap() = value;
        files::network(&file.to_string()).unwrap_err().to_string()
    };
    assert_eq!(network("/policy/most_stores", json!(9)), "the policy: most_stores is out of range; 1 to 8");
    assert_eq!(network("/stores/1/store", json!("store-1")), "the network: duplicate store-1");
    for (pointer, value) in [
        ("/policy/weights/hour", json!(10_000_001)),
        ("/stores/0/at/lat", json!(90.1)),
        ("/stores/0/at/lon", json!(-181)),
        ("/stores/0/parcel", json!(-1)),
        ("/stores/0/prepare_minutes", json!(i64::MAX)),
        ("/stores/0/stock/0/quota", json!(-1)),
        ("/stores/0/stock/0/confirmed", json!(i64::MAX)),
    ] {
        assert!(network(pointer, value).contains("is out of range"), "{pointer}");
    }
    assert!(network("/stores/0/keeps", json!(["warm"])).contains("unknown variant"));
    let mut file = network_file();
    let twice = file["stores"][0]["stock"][0].clone();
    file["stores"][0]["stock"].as_array_mut().unwrap().push(twice);
    assert_eq!(files::network(&file.to_string()).unwrap_err().to_string(), "store-1: duplicate item 818981");
    let order = |pointer: &str, value: Value| {
        let mut file = order_file();
        *file.pointer_mut(pointer).unwrap() = value;
        files::orders(&file.to_string()).unwrap_err().to_string()
    };
    assert_eq!(order("/lines", json!([])), "order web-1: lines is out of range; 1 to 400");
    assert!(order("/lines/0/quantity/milli", json!(0)).contains("quantity is out of range"));
    assert!(order("/lines/0/quantity/milli", json!(1500)).contains("1500 thousandths"));
    assert!(order("/to/point/lat", json!(91)).contains("to is out of range"));
    let line = order_file()["lines"][0].clone();
    assert!(order("/lines", json!([line, line])).contains("duplicate line 1"));
    let mut unknown = order_file();
    unknown["colour"] = json!("red");
    assert!(files::orders(&unknown.to_string()).unwrap_err().to_string().contains("unknown field"));
}

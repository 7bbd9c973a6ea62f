//! What the customer sees.

use drivers::simulate::{Place, SimulatedDisplay};
use serde_json::json;

use crate::common::{
    ENGINE,
    lane::{Lane, until},
};

#[tokio::test]
async fn the_customer_sees_each_item_and_what_is_due() {
    let display = SimulatedDisplay::open(&Place::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
    let config = format!(
        "[[customer_display]]\nname = \"display\"\naddress = \"{}\"\n\
         [[register]]\nname = \"till-3\"\ncustomer_display = \"display\"\n",
        display.address()
    );
    let lane = Lane::open_at(ENGINE, "", &config, "till-3").await;
    let opened = lane.post("basket-0001", "/api/v1/baskets", &json!({})).await;
    let path = format!("/api/v1/baskets/{}", opened.body["id"].as_str().unwrap());
    lane.post("line-000001", &format!("{path}/lines"), &json!({ "sku": "818981" })).await;
    until("the item", || display.shown() == ["Cereal", "3.69 USD"]).await;
    assert_eq!(lane.get("/api/v1/lanes/me/display").await.body, json!({ "above": "Cereal", "below": "3.69 USD" }));
    lane.post("line-000002", &format!("{path}/lines"), &json!({ "sku": "OWN>1" })).await;
    until("the second item", || display.shown() == ["Bread of the house", "6.19 USD"]).await;
    lane.post("cash-000001", &format!("{path}/tenders"), &json!({ "tender": "cash", "amount": 1000 })).await;
    until("the change before the end", || display.shown() == ["Store 1", "3.81 USD"]).await;
    lane.post("done-000001", &format!("{path}/complete"), &json!({})).await;
    until("the change", || display.shown() == ["Store 1", "3.81 USD"]).await;
}

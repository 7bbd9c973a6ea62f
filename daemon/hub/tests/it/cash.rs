//! Shifts and the business day over the API.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    common::{
        ENGINE, ask,
        lane::Lane,
        shop::{CEREAL, Shop, of, pieces},
    },
    payments,
};

/// Opens a shift at a till; returns its path.
async fn opened(shop: &Shop, till: usize, float: i64) -> String {
    let shift = shop.till(till, "/api/v1/shifts", json!({ "float": float })).await.expect(StatusCode::CREATED);
    format!("/api/v1/shifts/{}", shift["id"].as_str().unwrap())
}

fn cents(minor: i64) -> Value {
    json!({ "pieces": [{ "denomination": 100, "pieces": minor / 100 }, { "denomination": 1, "pieces": minor % 100 }] })
}

#[tokio::test]
async fn a_shift_goes_from_its_float_to_its_z_report_and_the_day_is_the_sum() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    // Before the shift is opened, and at a register that never opens one.
    shop.sell(0, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK);
    shop.sell(1, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK);
    let shift = opened(&shop, 0, 10_000).await;
    shop.sell(0, of(CEREAL, pieces(2)), &[]).await.expect(StatusCode::OK);
    let drop = json!({ "kind": "safe_drop", "amount": 5_000 });
    shop.till(0, &format!("{shift}/movements"), drop.clone()).await.expect(StatusCode::OK);
    let others = shop.till(1, &format!("{shift}/movements"), drop).await;
    others.refused(422, "shift-of-others");
    shop.till(0, &format!("{shift}/close"), json!({})).await.refused(422, "shift-not-counted");
    assert_eq!(shop.read_at_till(&shift).await.status, StatusCode::FORBIDDEN);
    assert_eq!(shop.read(&shift).await["expected"], 5_000 + 3 * 369);

    let counted = shop.till(0, &format!("{shift}/count"), cents(5_000 + 3 * 369 - 7)).await.expect(StatusCode::OK);
    assert_eq!((&counted["counted"], counted.get("expected")), (&json!(true), None));
    shop.till(0, &format!("{shift}/close"), json!({})).await.refused(422, "approval-needed");
    shop.person("/api/v1/days/close", json!({})).await.refused(409, "shifts-open");
    let z = shop.person(&format!("{shift}/close"), json!({})).await.expect(StatusCode::OK);
    assert_eq!((&z["closing"]["difference"], &z["closing"]["approved"]), (&json!(-7), &json!(true)));
    assert_eq!((&z["total"]["sales"], &z["total"]["tenders"]["cash"]["amount"]), (&json!(2), &json!(3 * 369)));
    assert_eq!(shop.read_at_till(&shift).await.expect(StatusCode::OK), z);

    let day = shop.person("/api/v1/days/close", json!({})).await.expect(StatusCode::OK);
    assert_eq!((&day["total"]["owed"], &day["shifts"], &day["uncounted"]), (&json!(4 * 369), &json!(2), &json!(1)));
    let mut read = shop.read("/api/v1/days/1").await;
    assert_eq!(read.as_object_mut().unwrap().remove("terminals"), Some(json!([])), "the store has no terminal");
    assert_eq!(read, day);
    shop.person("/api/v1/days/close", json!({})).await.refused(422, "no-day");
    assert_eq!(shop.read("/api/v1/status").await["today"]["net"], 4 * 369);
    let sale = shop.sell(0, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK);
    let sale = shop.read(&format!("/api/v1/sales/{}", sale["sale"].as_str().unwrap())).await;
    let shifts = shop.read("/api/v1/shifts").await;
    assert_eq!((&sale["shift"], &shifts[0]["number"]), (&shifts[0]["id"], &json!(3)));
    shop.adds_up();
}

#[tokio::test]
async fn nothing_is_closed_over_a_payment_without_an_outcome() {
    let terminal = payments::terminal().await;
    let (shop, _directory) = payments::shop(&terminal).await;
    let (first, second) = (opened(&shop, 0, 0).await, opened(&shop, 1, 0).await);
    terminal.fail_after_approval(true);
    let sale = json!({ "lines": [{ "sku": CEREAL }], "card": true });
    shop.till(1, "/api/v1/sales", sale).await.refused(502, "payment-outcome-unknown");
    for shift in [&first, &second] {
        shop.person(&format!("{shift}/count"), cents(0)).await.expect(StatusCode::OK);
    }
    let told = shop.person(&format!("{second}/close"), json!({})).await.refused(409, "unsettled");
    assert!(told.contains("payment p1 of register till-2 on terminal terminal-1"), "{told}");
    shop.till(0, &format!("{first}/close"), json!({})).await.expect(StatusCode::OK);
    shop.person("/api/v1/days/close", json!({})).await.refused(409, "unsettled");
    let decision = json!({ "charged": true });
    shop.person("/api/v1/payments/p1/decision", decision).await.expect(StatusCode::OK);
    let z = shop.person(&format!("{second}/close"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(z["total"]["tenders"]["card"], json!({ "count": 1, "amount": 369 }));
    shop.person("/api/v1/days/close", json!({})).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn an_x_report_is_for_operators_whose_role_allows_it_and_is_printed() {
    let lane = Lane::open(ENGINE, "").await;
    lane.sell("sale-000001").await;
    lane.papers(1).await;
    let shifts = lane.get("/api/v1/shifts").await.expect(StatusCode::OK);
    let path = format!("/api/v1/shifts/{}/x-report", shifts[0]["id"].as_str().unwrap());
    // Nobody knows who stands before a register without operators.
    lane.post("x-report-1", &path, &json!({})).await.refused(403, "forbidden");

    for (id, role, pin) in [("ann", "cashier", "1111"), ("sue", "supervisor", "2222")] {
        let operator = json!({ "id": id, "name": id, "role": role, "pin": pin, "days": 1 }).to_string();
        let person = [("cookie", &*lane.cookie)];
        ask(&lane.router, "POST", "/api/v1/operators", &person, &operator).await.expect(StatusCode::OK);
    }
    let sign_in = async |id: &str, pin: &str| {
        let credentials = json!({ "operator": id, "pin": pin }).to_string();
        let register = [("authorization", &*lane.token)];
        ask(&lane.router, "POST", "/api/v1/operators/sign-in", &register, &credentials).await.expect(StatusCode::OK)
    };
    sign_in("ann", "1111").await;
    let refused = lane.post("x-report-2", &path, &json!({ "print": true })).await;
    assert_eq!(refused.body["right"], "read_shift");
    refused.refused(422, "override-needed");
    sign_in("sue", "2222").await;
    let read = lane.post("x-report-3", &path, &json!({})).await.expect(StatusCode::OK);
    assert_eq!((&read["state"], &read["total"]["sales"], &read["expected"]), (&json!("open"), &json!(1), &json!(369)));
    assert_eq!(lane.receipts.printed().len(), 1, "it is printed when it is asked for only");
    lane.post("x-report-4", &path, &json!({ "print": true })).await.expect(StatusCode::OK);
    let papers = lane.papers(2).await;
    for text in ["X REPORT", "Asked by", "sue", "Cash", "3.69", "Should be in the till"] {
        assert!(papers[1].iter().any(|line| line.contains(text)), "{text} is not on {:?}", papers[1]);
    }
    let person = [("cookie", &*lane.cookie)];
    let audit = ask(&lane.router, "GET", "/api/v1/audit", &person, "").await.expect(StatusCode::OK);
    assert_eq!((&audit[0]["act"], &audit[0]["who"]["operator"]), (&json!("x_report_read"), &json!("sue")));
}

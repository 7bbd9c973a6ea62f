//! A random history compared with the same store on paper.

use axum::http::StatusCode;
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::json;
use store::EngineKind;

use crate::common::{
    Answer, open_on,
    shop::{Shop, Stock, next_millisecond, of, pieces, runtime},
};

/// Actions in a random history. Item 0 may go below zero, item 1 may not.
#[derive(Clone, Debug)]
enum Act {
    Sell { item: usize, count: i64, reservation: Option<Index> },
    Reserve { item: usize, count: i64 },
    Release(Index),
    Deliver { item: usize, count: i64, condition: usize },
    Note { kind: usize, item: usize, count: i64 },
    Dispatch { item: usize, count: i64 },
    Arrive { transfer: Index, count: i64 },
    Count { item: usize, found: i64, sold: i64, approved: bool },
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    let (item, count) = (|| 0..2_usize, || 1_i64..5);
    prop_oneof![
        4 => (item(), count(), any::<Option<Index>>())
            .prop_map(|(item, count, reservation)| Act::Sell { item, count, reservation }),
        3 => (item(), count()).prop_map(|(item, count)| Act::Reserve { item, count }),
        2 => any::<Index>().prop_map(Act::Release),
        4 => (item(), count(), 0..3_usize).prop_map(|(item, count, condition)| Act::Deliver { item, count, condition }),
        4 => (0..6_usize, item(), count()).prop_map(|(kind, item, count)| Act::Note { kind, item, count }),
        2 => (item(), count()).prop_map(|(item, count)| Act::Dispatch { item, count }),
        2 => (any::<Index>(), 0_i64..6).prop_map(|(transfer, count)| Act::Arrive { transfer, count }),
        2 => (item(), -2_i64..3, 0_i64..2, any::<bool>())
            .prop_map(|(item, found, sold, approved)| Act::Count { item, found, sold, approved }),
        1 => Just(Act::Restart),
    ]
}

const SKUS: [&str; 2] = ["lenient", "strict"];

/// The store on paper.
#[derive(Default)]
struct Paper {
    /// Pieces by item and state: on_hand, reserved, in_transit, quarantined, damaged.
    stock: [[i64; 5]; 2],
    /// The reservations: number, item, pieces.
    reserved: Vec<(u64, usize, i64)>,
    /// The transfers in transit: number, item, pieces.
    sent: Vec<(u64, usize, i64)>,
}

impl Paper {
    /// Whether pieces may leave a state by a fact.
    fn may(&self, item: usize, state: usize, count: i64) -> bool {
        (state == 0 && item == 0) || self.stock[item][state] >= count
    }

    fn shift(&mut self, item: usize, count: i64, from: Option<usize>, to: Option<usize>) {
        if let Some(from) = from {
            self.stock[item][from] -= count;
        }
        if let Some(to) = to {
            self.stock[item][to] += count;
        }
    }
}

/// Performs an action on both; they must agree on whether it is allowed.
async fn act_out(shop: &Shop, paper: &mut Paper, act: Act, notice: u64) {
    let lines = |item: usize, count: i64| of(SKUS[item], pieces(count));
    let agree = |answer: &Answer, may: bool| {
        assert_eq!(answer.status.is_success(), may, "{}", answer.body);
        may
    };
    match act {
        Act::Sell { item, count, reservation } => {
            let place =
                reservation.filter(|_| !paper.reserved.is_empty()).map(|index| index.index(paper.reserved.len()));
            let named = place.map(|place| paper.reserved[place]);
            let aside = named.filter(|(_, of, _)| *of == item).map_or(0, |(_, _, aside)| aside.min(count));
            let ids: Vec<_> = named.iter().map(|(id, _, _)| *id).collect();
            let sold = shop.sell(0, lines(item, count), &ids).await;
            // Reservations beyond the sale, or of another item, are released with it.
            if agree(&sold, aside == count || paper.may(item, 0, count - aside)) {
                paper.shift(item, aside, Some(1), None);
                paper.shift(item, count - aside, Some(0), None);
                if let Some((_, of, all)) = named {
                    paper.shift(of, all - if of == item { aside } else { 0 }, Some(1), Some(0));
                }
                place.map(|place| paper.reserved.remove(place));
            }
        }
        Act::Reserve { item, count } => {
            let order = json!({ "reference": "order", "lines": lines(item, count) });
            let reserved = shop.till(0, "/api/v1/stock/reservations", order).await;
            if agree(&reserved, paper.stock[item][0] >= count) {
                paper.shift(item, count, Some(0), Some(1));
                paper.reserved.push((reserved.body["id"].as_u64().unwrap(), item, count));
            }
        }
        Act::Release(index) if !paper.reserved.is_empty() => {
            let (id, item, count) = paper.reserved.remove(index.index(paper.reserved.len()));
            let released = shop.person(&format!("/api/v1/stock/reservations/{id}/release"), json!({})).await;
            agree(&released, true);
            paper.shift(item, count, Some(1), Some(0));
        }
        Act::Deliver { item, count, condition } => {
            let (condition, state) = [("good", 0), ("doubtful", 3), ("damaged", 4)][condition];
            let line = json!({ "sku": SKUS[item], "quantity": pieces(count), "condition": condition });
            let path = format!("/api/v1/stock/notices/{notice}/deliveries");
            agree(&shop.till(1, &path, json!({ "lines": [line] })).await, true);
            paper.shift(item, count, None, Some(state));
        }
        Act::Note { kind, item, count } => {
            let (kind, from, to) = [
                ("return", None, Some(0)),
                ("damage", Some(0), Some(4)),
                ("condemn", Some(3), Some(4)),
                ("quarantine", Some(0), Some(3)),
                ("clear", Some(3), Some(0)),
                ("write_off", Some(4), None),
            ][kind];
            let note = json!({ "kind": kind, "reason": "seen", "lines": lines(item, count) });
            let noted = shop.person("/api/v1/stock/movements", note).await;
            if agree(&noted, from.is_none_or(|from| paper.may(item, from, count))) {
                paper.shift(item, count, from, to);
            }
        }
        Act::Dispatch { item, count } => {
            let sent =
                shop.person("/api/v1/stock/transfers", json!({ "to": "store-2", "lines": lines(item, count) })).await;
            if agree(&sent, paper.may(item, 0, count)) {
                paper.shift(item, count, Some(0), Some(2));
                paper.sent.push((sent.body["id"].as_u64().unwrap(), item, count));
            }
        }
        Act::Arrive { transfer, count } if !paper.sent.is_empty() => {
            let (id, item, sent) = paper.sent.remove(transfer.index(paper.sent.len()));
            let came = if count == 0 { json!([]) } else { lines(item, count) };
            let path = format!("/api/v1/stock/transfers/{id}/arrival");
            agree(&shop.person(&path, json!({ "lines": came })).await, true);
            paper.shift(item, sent, Some(2), None);
        }
        Act::Count { item, found, sold, approved } => {
            let counted = (paper.stock[item][0] + found).max(0);
            let variance = counted - paper.stock[item][0];
            let opened = shop.person("/api/v1/stock/counts", json!({ "skus": [SKUS[item]] })).await;
            let path = format!("/api/v1/stock/counts/{}", opened.expect(StatusCode::CREATED)["id"]);
            let moment = next_millisecond();
            if sold > 0 && agree(&shop.sell(1, lines(item, sold), &[]).await, paper.may(item, 0, sold)) {
                paper.shift(item, sold, Some(0), None);
            }
            let line = json!({ "sku": SKUS[item], "quantity": pieces(counted), "counted_at_ms": moment });
            agree(&shop.till(0, &format!("{path}/quantities"), json!({ "lines": [line] })).await, true);
            let decision = if approved { "approved" } else { "rejected" };
            let decided =
                json!({ "lines": [{ "sku": SKUS[item], "decision": decision, "variance": variance * 1000 }] });
            let decided = shop.person(&format!("{path}/decisions"), decided).await;
            let may = !approved || variance >= 0 || paper.may(item, 0, -variance);
            if agree(&decided, may) && approved {
                paper.stock[item][0] += variance;
            }
            if !(may && approved) {
                agree(&shop.person(&format!("{path}/close"), json!({})).await, true);
            }
        }
        Act::Release(_) | Act::Arrive { .. } | Act::Restart => {}
    }
}

/// The runs of a store; its hub is stopped between them.
fn live(engine: EngineKind, acts: &[Act]) {
    let directory = tempfile::tempdir().unwrap();
    let (mut paper, mut notice) = (Paper::default(), 0);
    for life in acts.split(|act| matches!(act, Act::Restart)) {
        let runtime = runtime();
        runtime.block_on(async {
            let shop = Shop::enter(open_on(directory.path(), engine), directory.path()).await;
            if notice == 0 {
                let item =
                    |sku: &str| json!({ "sku": sku, "description": "Item", "price": { "minor": 100, "per": "each" } });
                let items = json!({ "items": SKUS.map(item) });
                shop.person("/api/v1/items", items).await.expect(StatusCode::OK);
                shop.policy(SKUS[1], json!({ "rule": "to_zero" })).await;
                let source =
                    json!({ "source": "supplier", "supplier": "Dairy", "order": "1", "lines": of(SKUS[0], pieces(9)) });
                let entered = shop.person("/api/v1/stock/notices", source).await.expect(StatusCode::CREATED);
                notice = entered["id"].as_u64().unwrap();
            }
            for act in life {
                act_out(&shop, &mut paper, act.clone(), notice).await;
            }
            for (item, sku) in SKUS.iter().enumerate() {
                let there = shop.stock(sku).await;
                let Stock { on_hand, reserved, in_transit, quarantined, damaged } = there;
                let states = [on_hand, reserved, in_transit, quarantined, damaged];
                assert_eq!(states, paper.stock[item].map(|count| count * 1000), "{sku}: {there:?}");
                assert!(states[1..].iter().all(|milli| *milli >= 0) && (item == 0 || on_hand >= 0));
            }
            shop.adds_up();
        });
        // Everything that still runs in the hub ends here, and the store is closed.
        drop(runtime);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_history_ends_as_on_paper_over_restarts(acts in vec(act(), 1..40)) {
        for engine in EngineKind::BUILT {
            live(*engine, &acts);
        }
    }
}

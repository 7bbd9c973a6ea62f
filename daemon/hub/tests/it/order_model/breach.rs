//! The counter takes goods that HQ has sold: the order gets them from another store, and both sides agree afterwards.

use commerce::stock::quota::{Class, Policy};

use super::{Model, branch::Branch};
use crate::common::shop::now_ms;

const SKU: &str = "4001";

#[test]
fn a_breach_at_the_counter_routes_the_order_to_another_store() {
    let at_ms = now_ms();
    let quota = |class| Policy { class, share_permille: 500, most: i64::MAX };
    let branches = vec![
        Branch::open_with("store-1", quota(Class::WalkInFirst), true, at_ms),
        Branch::open_with("store-2", quota(Class::Strict), true, at_ms),
    ];
    let model = Model::with(branches, at_ms);
    let [first, second] = [&model.branches[0], &model.branches[1]];
    let left = |branch: &Branch| model.runtime.block_on(model.hq.quota(&branch.hub, SKU)) / 1000;
    let place = |name: &str, pieces| {
        let order = model.runtime.block_on(model.hq.place_delivery(name, SKU, pieces, model.now_ms()));
        model.placed.lock().unwrap().push(name.to_owned());
        order
    };
    assert_eq!([left(first), left(second)], [15, 15]);

    // The offer of twelve is on its way while the counter sells 22 of 30: eight are left, so four of the order's and
    // the three that HQ has not sold are gone.
    let order = place("web-1", 12);
    assert_eq!(order["parts"][0]["store"], "store-1", "{order}");
    assert!(first.sell_pieces(SKU, 22, model.now_ms()));
    assert!(!second.sell_pieces(SKU, 16, model.now_ms()), "a strict store keeps what it granted");
    first.refill(model.now_ms());
    first.send(&model.runtime, &model.hq, true);
    assert_eq!([left(first), left(second)], [0, 15], "HQ gave back what it had not sold");
    let refused = model.runtime.block_on(model.hq.place_delivery("web-2", SKU, 16, model.now_ms()));
    assert_eq!((&refused["rule"], &refused["line"]), (&"no_stock".into(), &1.into()), "{refused}");

    // The offer arrives, store-1 rejects what is gone, and HQ offers it to store-2.
    first.exchange(&model.runtime, &model.hq, model.now_ms());
    model.runtime.block_on(model.hq.attend(model.now_ms(), true));
    second.exchange(&model.runtime, &model.hq, model.now_ms());
    model.finish();
    let order = model.runtime.block_on(model.hq.order("web-1"));
    let parts: Vec<_> =
        order["parts"].as_array().unwrap().iter().map(|part| (&part["store"], &part["state"])).collect();
    assert_eq!(parts, [(&"store-1".into(), &"shipped".into()), (&"store-2".into(), &"shipped".into())], "{order}");
    assert_eq!((&order["state"], &order["refund"]), (&"shipped".into(), &0.into()), "{order}");
    // Eight and four pieces.
    assert_eq!([first, second].map(|branch| branch.position(SKU).states[0] / 1000), [0, 26]);
    assert_eq!([left(first), left(second)], [0, 11], "what it had granted, less four");
    model.check();
}

//! Names, keys and JSON of returns, and the points of a sale.

use super::*;
use crate::loyalty::{ItemPoints, Tier};

#[test]
fn names_are_those_of_json() {
    for disposition in [Disposition::Sellable, Disposition::Damaged, Disposition::Quarantine, Disposition::Vendor] {
        assert_eq!(serde_json::to_value(disposition).unwrap(), disposition.name());
    }
    use Reason::{Damaged, Defective, Recalled, Size, Unwanted, WrongItem};
    for reason in [Unwanted, Size, WrongItem, Defective, Damaged, Recalled] {
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
    }
}

#[test]
fn a_line_that_takes_goods_back_does_not_say_so_in_json() {
    let sale = sold(&[(1_000, 1, 0, 0)], 0);
    let returned = *take_back(&sale, None, brought(1, 1), Back::default(), 1).unwrap().returned.unwrap();
    for (way, written) in [(Way::Back, None), (Way::Recharge, Some("recharge")), (Way::Exchange, Some("exchange"))] {
        let json = serde_json::to_value(Returned { way, ..returned.clone() }).unwrap();
        assert_eq!(json.get("way").and_then(|way| way.as_str()), written);
        assert_eq!(serde_json::from_value::<Returned>(json).unwrap().way, way);
    }
}

#[test]
fn records_about_a_sale_are_kept_by_store_and_sale() {
    let own = SoldIn { store: None, sale: SaleId { epoch: 1, sequence: 7 } };
    assert_eq!(own.key(), "1-7");
    assert_eq!(SoldIn { store: Some("north".into()), ..own }.key(), "north/1-7");
}

#[test]
fn a_customer_is_known_by_the_first_identity_that_is_not_the_card() {
    let identities = ["card-hash".to_owned(), "passport-hash".to_owned(), "phone-hash".to_owned()];
    assert_eq!(who(&identities, Some(&identities[0])), Some(&identities[1]));
    assert_eq!(who(&identities, None), Some(&identities[0]));
    assert_eq!(who(&identities[..1], Some(&identities[0])), None);
}

#[test]
fn a_sale_earns_for_the_visit_its_items_its_amount_and_the_tier() {
    let points = |sku: &str, points| ItemPoints { sku: sku.parse().unwrap(), points };
    let gold = Tier { name: "gold".into(), from_points: 1_000, bonus_permille: 500, groups: vec![] };
    let programme = Programme {
        point_value: 1,
        minor_per_point: Some(100),
        per_visit: 5,
        items: vec![points("2", 400), points("1", 7)],
        tiers: vec![gold],
        expire_days: None,
    };
    let mut sale = sold(&[(1_099, 1, 0, 0)], 0);
    sale.lines[0].goods = Goods::Item { sku: "1".parse().unwrap(), gtin: None };
    assert_eq!(programme.earn(None, &sale), 5 + 7 + 10);
    assert_eq!(programme.earn(Some("gold"), &sale), 33, "half of it more");
    assert_eq!(programme.earn(Some("silver"), &sale), 22, "no such tier");
}

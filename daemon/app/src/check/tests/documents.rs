use commerce::{
    Basket, BasketId, Minor, Sale, Tender,
    stock::{Reservation, ReservationState},
};
use store::{Depth, StoreError, Transaction};

use super::Damage;
use crate::{
    Refusal,
    selling::{self, BASKETS, OPEN_BASKETS, SALES},
    stock::{
        OpenCount, ReserveRequest, claim, open_count,
        records::{COUNTING, OPEN, ORDERS, RESERVATIONS, TOTALS, TRANSFERS_IN},
        reserve,
    },
    testing::{self, CATALOG, CEREAL, basket, by, faults, goods, portions, register, sale_context, sku, transfer_in},
};

/// The faults of a store with one open document of each kind, a basket with a reservation, and a sale, after some
/// damage.
fn checked(damage: Damage) -> (String, String) {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let written = store.commit_blocking(move |transaction| {
        goods(transaction, 9000, 1)?;
        let request = ReserveRequest { reference: "order".into(), lines: portions(CEREAL, 2) };
        let id = reserve(transaction, &register(1), request)?.id;
        let waiting = Basket { reservations: vec![id], ..basket(1, 1) };
        claim(transaction, &waiting)?;
        selling::put_basket(transaction, &waiting)?;
        transfer_in(transaction, ("store-2", "7-1"), 1)?;
        let request = OpenCount { skus: vec![sku(CEREAL)], positions: vec![] };
        open_count(transaction, &by(1), &CATALOG, request)?;
        let mut sold = basket(2, 1);
        sold.tender(Tender::Cash { amount: Minor::literal(1_000) })?;
        selling::complete(transaction, &mut sold, &sale_context(1, 2), false)?;
        Ok::<_, Refusal>(damage(transaction)?)
    });
    written.unwrap();
    (faults(&store, Depth::Fast).join("; "), faults(&store, Depth::Whole).join("; "))
}

/// Makes the sale reference another movement.
fn renamed(transaction: &mut Transaction<'_>, movement: u64) -> Result<(), StoreError> {
    let sale = transaction.get(&SALES, 1)?.unwrap();
    // A stored sale is never written again; damage overwrites it.
    transaction.delete(&SALES, 1);
    transaction.put(&SALES, 1, &Sale { movement: Some(movement), ..sale })
}

#[test]
fn whole_documents_have_no_faults() {
    assert_eq!(checked(|_| Ok(())), (String::new(), String::new()));
}

#[test]
fn contradictory_documents_and_baskets_are_found_by_the_whole_check() {
    let damages: [(Damage, &str); 12] = [
        (
            |transaction| {
                transaction.delete(&OPEN, ("reservation", 1));
                Ok(())
            },
            "reservation 1 is open, but the index does not list it; \
             the index of open documents lists 0 of kind reservation, its total is 1",
        ),
        (
            |transaction| {
                let open = transaction.get(&OPEN, ("notice", 1))?.unwrap();
                transaction.put(&OPEN, ("notice", 2), &crate::stock::OpenDocument { id: 2, ..open })
            },
            "the index lists notice 2 as open, but it is not; \
             the index of open documents lists 2 of kind notice, its total is 1",
        ),
        (
            |transaction| transaction.put(&TOTALS, "transfer", &3),
            "the index of open documents lists 0 of kind transfer, its total is 3",
        ),
        (
            |transaction| {
                transaction.delete(&COUNTING, CEREAL);
                Ok(())
            },
            "item 818981 is in count 1, but the index of items does not list it",
        ),
        (
            |transaction| transaction.put(&COUNTING, "4011", &1),
            "the index of items lists count 1 for an item that is not in it",
        ),
        (
            |transaction| transaction.put(&COUNTING, "4011", &9),
            "the index of items lists count 9 for an item that is not in it",
        ),
        (
            |transaction| {
                transaction.delete(&TRANSFERS_IN, ("store-2", "7-1"));
                Ok(())
            },
            "notice 1 is of transfer `7-1`, but the index does not list it",
        ),
        (
            |transaction| transaction.put(&TRANSFERS_IN, ("store-2", "7-2"), &1),
            "the index of transfers lists notice 1 wrongly or twice",
        ),
        (
            |transaction| transaction.put(&ORDERS, ("dairy", "4711"), &1),
            "the index of orders lists notice 1 wrongly or twice",
        ),
        (
            |transaction| {
                transaction.delete(&BASKETS, 1);
                Ok(())
            },
            "the index lists basket b1 as open, but it is not; \
             reservation 1 is in basket b1, which is not open or does not name it",
        ),
        (
            |transaction| transaction.put(&OPEN_BASKETS, 7, &BasketId(7)),
            "the index lists basket b7 as open, but it is not",
        ),
        (
            |transaction| {
                let reservation = transaction.get(&RESERVATIONS, 1)?.unwrap();
                transaction.put(&RESERVATIONS, 1, &Reservation { state: ReservationState::Open, ..reservation })
            },
            "basket b1 names reservation 1, which is not in it",
        ),
    ];
    for (damage, expected) in damages {
        assert_eq!(checked(damage), (String::new(), expected.to_owned()));
    }
}

#[test]
fn a_sale_and_a_movement_that_do_not_reference_each_other_are_found_by_both_checks() {
    let (fast, whole) = checked(|transaction| renamed(transaction, 9));
    let lost = "movement 3 references sale 1-1, which does not reference it";
    assert_eq!(fast, format!("{lost}; sale 1-1 references movement 9, which is missing"));
    assert!(whole.contains(lost), "{whole}");
    let (fast, whole) = checked(|transaction| renamed(transaction, 2));
    assert_eq!(fast, format!("{lost}; sale 1-1 references movement 2, which is not its own"));
    assert!(whole.contains(lost), "{whole}");
}

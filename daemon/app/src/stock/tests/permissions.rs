use commerce::stock::Condition;
use store::Transaction;

use crate::{
    By, Refusal,
    stock::{self, Decisions, Dispatch, GoodsEvent, GoodsNote, OpenCount, PolicyRequest, ThisStore},
    testing::{self, CATALOG, CEREAL, by, goods, hub, portions, register, sku},
};

fn note(kind: GoodsEvent) -> GoodsNote {
    let condition = (kind == GoodsEvent::Return).then_some(Condition::Doubtful);
    GoodsNote { kind, condition, reason: "R 7".into(), lines: portions(CEREAL, 1) }
}

type Attempt = fn(&mut Transaction<'_>, &By) -> Result<(), Refusal>;

#[test]
fn registers_are_refused_inside_the_commit_what_only_persons_may_do() {
    let attempts: [(&str, Attempt); 9] = [
        ("stock.goods.clear", |transaction, by| {
            stock::note_goods(transaction, by, &CATALOG, note(GoodsEvent::Clear)).map(drop)
        }),
        ("stock.goods.write_off", |transaction, by| {
            stock::note_goods(transaction, by, &CATALOG, note(GoodsEvent::WriteOff)).map(drop)
        }),
        ("stock.policies.set", |transaction, by| {
            let request: PolicyRequest = serde_json::from_str(r#"{ "rule": "to_zero" }"#).unwrap();
            stock::set_policy(transaction, by, &CATALOG, &sku(CEREAL), &request).map(drop)
        }),
        ("stock.notices.manage", |transaction, by| stock::close_notice(transaction, by, 1).map(drop)),
        ("stock.notices.manage", |transaction, by| stock::reopen_notice(transaction, by, 1).map(drop)),
        ("stock.transfers.manage", |transaction, by| {
            let (here, to) = (ThisStore { hub: hub("store-1"), epoch: 1 }, hub("store-2"));
            stock::dispatch(transaction, by, &CATALOG, &here, Dispatch { to, lines: portions(CEREAL, 1) }).map(drop)
        }),
        ("stock.counts.manage", |transaction, by| {
            let request = OpenCount { skus: vec![sku(CEREAL)], positions: vec![] };
            stock::open_count(transaction, by, &CATALOG, request).map(drop)
        }),
        ("stock.counts.manage", |transaction, by| stock::close_count(transaction, by, 1).map(drop)),
        ("stock.counts.decide", |transaction, by| {
            stock::decide(transaction, by, 1, &Decisions { lines: vec![] }).map(drop)
        }),
    ];
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    for (permission, attempt) in attempts {
        let refused = store.commit_blocking(move |transaction| attempt(transaction, &register(1))).unwrap_err();
        assert_eq!(refused.members, [("permission", permission.into())], "{}", refused.detail);
        let by_person = store.commit_blocking(move |transaction| {
            goods(transaction, 9000, 1)?;
            attempt(transaction, &by(1))
        });
        assert_ne!(by_person.err().map(|refusal| refusal.kind.slug), Some("forbidden"), "{permission}");
    }
}

#[test]
fn a_register_can_book_returns() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let noted = store.commit_blocking(|transaction| {
        stock::note_goods(transaction, &register(1), &CATALOG, note(GoodsEvent::Return))
    });
    assert_eq!(noted.unwrap().movement, Some(1));
    assert_eq!(testing::position(&store, CEREAL).quarantined, 1000);
    let unknown = store.commit_blocking(|transaction| {
        let lines = portions("77", 1);
        stock::note_goods(transaction, &register(1), &CATALOG, GoodsNote { lines, ..note(GoodsEvent::Damage) })
    });
    assert_eq!(unknown.unwrap_err().kind.slug, "item-unknown");
}

#[test]
fn a_register_does_not_see_the_quantity_of_an_item_being_counted() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let opened = store.commit_blocking(|transaction| {
        goods(transaction, 5000, 1)?;
        let request = OpenCount { skus: vec![sku(CEREAL)], positions: vec![] };
        stock::open_count(transaction, &by(1), &CATALOG, request)
    });
    opened.unwrap();
    let see = |by: By| stock::positions_of(&store, &by.actor, &sku(CEREAL));
    assert_eq!(see(register(1)).unwrap_err().kind.slug, "stock-being-counted");
    assert_eq!(see(by(1)).unwrap()[0].position.on_hand, 5000);
    let told = |by: By| {
        let request = stock::ReserveRequest { reference: "order".into(), lines: portions(CEREAL, 9) };
        let refused = store.commit_blocking(move |transaction| stock::reserve(transaction, &by, request));
        refused.unwrap_err().members.iter().any(|(name, _)| *name == "available")
    };
    assert_eq!((told(register(1)), told(by(1))), (false, true));
}

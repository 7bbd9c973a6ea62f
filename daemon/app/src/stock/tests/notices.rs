use store::{Depth, StoreError};

use crate::{
    stock::{ORDER_KNOWN, close_notice, records::TRANSFERS_IN, reopen_notice},
    testing::{self, by, faults, order, transfer_in},
};

#[test]
fn a_transfer_is_entered_once_regardless_of_capitals() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let enter = |from: &'static str, name: &'static str| {
        let entered = store.commit_blocking(move |transaction| transfer_in(transaction, (from, name), 2));
        entered.map_err(|refusal| refusal.detail)
    };
    assert_eq!(enter("Store-2", "7-1"), Ok(1));
    for from in ["Store-2", "store-2", "STORE-2"] {
        let known = format!("transfer 7-1 of {from} was already entered, as notice 1; receive against that notice");
        assert_eq!(enter(from, "7-1"), Err(known));
    }
    assert_eq!((enter("store-2", "7-2"), enter("store-3", "7-1")), (Ok(2), Ok(3)));
    store.commit_blocking(|transaction| close_notice(transaction, &by(2), 1)).unwrap();
    assert!(
        enter("store-2", "7-1")
            .unwrap_err()
            .contains("as notice 1; that notice is closed; if more goods came, reopen it")
    );
    store.commit_blocking(|transaction| reopen_notice(transaction, &by(2), 1)).unwrap();
    assert_eq!(faults(&store, Depth::Whole), Vec::<String>::new());
    let deleted = store.commit_blocking(|transaction| {
        transaction.delete(&TRANSFERS_IN, ("store-2", "7-2"));
        Ok::<_, StoreError>(())
    });
    deleted.unwrap();
    assert_eq!(faults(&store, Depth::Whole), ["notice 2 is of transfer `7-2`, but the index does not list it"]);
}

#[test]
fn an_order_is_entered_once_until_its_notice_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let enter = |number: &'static str| store.commit_blocking(move |transaction| order(transaction, number, 2));
    assert_eq!((enter("PO 7").unwrap(), enter("PO 8").unwrap()), (1, 2));
    let known = enter("po  7").unwrap_err();
    assert_eq!((known.kind, &known.members[..]), (&ORDER_KNOWN, &[("notice", 1.into())][..]));
    store.commit_blocking(|transaction| close_notice(transaction, &by(1), 1)).unwrap();
    assert_eq!(enter("PO 7").unwrap(), 3);
    assert_eq!(faults(&store, Depth::Whole), Vec::<String>::new());
}

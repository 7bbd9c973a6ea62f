//! Voided tenders, abandoned baskets, refunds, and payments in part.

use super::*;

/// The tender of an open basket: voided, or kept because the terminal refuses.
#[test]
fn a_voided_card_tender_is_reversed_before_the_basket_is_paid_otherwise() {
    for refused in [false, true] {
        let (_directory, store, id) = paying_a_basket();
        ended(&store, id, End::Approved).unwrap();
        let void = || {
            store.commit_blocking(|transaction| {
                void_tender(transaction, &register(3), BasketId(1), 1, Ok(()), |_| context())
            })
        };
        assert_eq!(void().unwrap(), Voided::Reversing(id));
        assert_eq!(void().unwrap_err().kind.slug, "basket-payment-pending", "once");
        assert_eq!(unresolved(&store).unwrap().len(), 1, "it holds its terminal");
        let answered = store.commit_blocking(move |transaction| {
            if refused {
                return refuse_reversal(transaction, id, "the day is closed", &context());
            }
            apply(transaction, id, &Event::Reversed, None, &context()).map(drop)
        });
        answered.unwrap();
        let due = selling::basket(&store, BasketId(1)).unwrap().unwrap().due();
        let payment = read(&store, id).unwrap();
        assert_eq!((payment.state.is_charged(), due.is_positive()), (refused, !refused), "{payment:?}");
        assert_eq!(payment.reversal_refused.is_some(), refused);
        assert_eq!((left(&store), unresolved(&store).unwrap().len()), (if refused { (3, 2) } else { (5, 0) }, 0));
        assert_eq!(faults(&store, Depth::Whole), [""; 0]);
    }
}

/// Whichever comes first, the cancellation or the approval: the customer ends up not charged, once.
#[test]
fn an_abandoned_basket_leaves_no_charge() {
    for (approved_first, refused) in [(true, false), (false, false), (true, true)] {
        let (_directory, store, id) = paying_a_basket();
        if approved_first {
            ended(&store, id, End::Approved).unwrap();
        }
        store.commit_blocking(|transaction| abandon(transaction, &register(3), BasketId(1))).unwrap();
        assert_eq!(left(&store), (5, 0), "its stock is free");
        assert_eq!(to_reverse(&store).unwrap().len(), usize::from(approved_first));
        if !approved_first {
            let Ended { payment, sale } = ended(&store, id, End::Approved).unwrap();
            assert_eq!((payment.state, sale), (PaymentState::Approved, None));
        }
        assert_eq!(to_reverse(&store).unwrap().len(), 1);
        let reverse = || store.commit_blocking(move |transaction| reverse_unwanted(transaction, id, &context()));
        assert_eq!(reverse().unwrap().state, PaymentState::Reversing);
        assert_eq!(reverse().unwrap_err().kind, &TERMINAL_UNRESOLVED, "once");
        let answered = store.commit_blocking(move |transaction| {
            if refused {
                return refuse_reversal(transaction, id, "the day is closed", &context());
            }
            apply(transaction, id, &Event::Reversed, None, &context()).map(drop)
        });
        answered.unwrap();
        if refused {
            let waiting = unresolved(&store).unwrap();
            assert!(matches!(&waiting[0].state, PaymentState::Unknown { waits_for: Waits::Person, .. }), "{waiting:?}");
            decided(&store, person(), id, false).unwrap();
        }
        assert_eq!(read(&store, id).unwrap().state, PaymentState::Reversed);
        assert_eq!((to_reverse(&store).unwrap().len(), unresolved(&store).unwrap().len()), (0, 0));
        assert_eq!(faults(&store, Depth::Whole), [""; 0]);
    }
}

#[test]
fn refunds_never_exceed_the_payment() {
    let (_directory, store, id) = paying(EngineKind::Sqlite);
    let refund = |amount: Option<i64>| {
        let amount = amount.map(Minor::literal);
        store.commit_blocking(move |transaction| start_refund(transaction, &register(4), id, amount, Value::Null))
    };
    assert_eq!(refund(None).unwrap_err().kind, &TERMINAL_UNRESOLVED, "it is still being paid");
    let paid = ended(&store, id, End::Approved).unwrap().payment.amount;
    let first = refund(Some(100)).unwrap();
    assert_eq!((first.refund_of, first.amount.get()), (Some(id), 100));
    assert_eq!(refund(Some(1)).unwrap_err().kind, &TERMINAL_UNRESOLVED, "one at a time");
    ended(&store, first.id, End::Approved).unwrap();
    let refused = refund(Some(paid.get() - 99)).unwrap_err();
    assert_eq!((refused.kind, refused.members), (&NOT_REVERSIBLE, vec![("left", json!(paid.get() - 100))]));
    let second = refund(None).unwrap();
    ended(&store, second.id, End::Declined).unwrap();
    assert_eq!(read(&store, id).unwrap().refunded, Minor::literal(100), "a declined refund leaves its amount");
    let third = refund(None).unwrap();
    assert_eq!(ended(&store, third.id, End::Approved).unwrap().sale, None);
    assert_eq!(refund(None).unwrap_err().kind, &NOT_REVERSIBLE);
    assert_eq!((left(&store), faults(&store, Depth::Whole)), ((3, 0), vec![]), "the sale stands");
}

#[test]
fn a_part_that_the_card_paid_is_a_tender() {
    let (_directory, store, id) = paying(EngineKind::Sqlite);
    let part = store.commit_blocking(move |transaction| {
        apply(transaction, id, &Event::Send, None, &context())?;
        let approval = Approval { amount: Some(Minor::literal(100)), ..Approval::default() };
        apply(transaction, id, &Event::Approve { offline: false }, Some(&approval), &context())
    });
    let Ended { payment, sale } = part.unwrap();
    assert_eq!((payment.charged(), sale), (Minor::literal(100), None));
    let basket = selling::basket(&store, payment.basket).unwrap().unwrap();
    assert_eq!(basket.due(), payment.amount - Minor::literal(100));
    assert_eq!(left(&store), (3, 2), "the stock stays held for the rest");
}

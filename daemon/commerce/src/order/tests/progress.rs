use super::*;

fn part(order: &Order, number: u32, of: &[(u32, i64)]) -> Fulfilment {
    let enough = order.lines.iter().map(|line| (line.place(), pieces(1_000_000))).collect();
    let facts = Facts { now_ms: NOON, policy: &Policy::default() };
    let (mut fulfilment, changes) = offer(order, number, &amounts(of), &enough, facts).unwrap();
    for change in &changes {
        fulfilment.apply(change);
    }
    fulfilment
}

fn go(fulfilment: &mut Fulfilment, command: Command) {
    let facts = Facts { now_ms: NOON, policy: &Policy::default() };
    for change in decide(fulfilment, command, facts).unwrap() {
        fulfilment.apply(&change);
    }
}

/// F41: five lines over two stores; each hub sees its own lines, under one order number.
#[test]
fn an_order_is_split_and_each_store_sees_its_own_lines() {
    let order = order(Kind::ShipFromStore, (1..=5).map(|number| ordered(number, "1", 2)).collect());
    let parts =
        [part(&order, 1, &[(1, 2000), (2, 2000), (3, 1000)]), part(&order, 2, &[(3, 1000), (4, 2000), (5, 2000)])];
    let lines = parts.each_ref().map(|part| part.lines.iter().map(|line| line.ordered.number).collect::<Vec<_>>());
    assert_eq!(lines, [[1, 2, 3], [3, 4, 5]]);
    let progress = Progress { order: &order, parts: &parts, withdrawn: &[] };
    assert_eq!((progress.unplaced(), progress.state()), (vec![], State::Accepted));
    let refused = progress.may_place(&amounts(&[(3, 1000)])).unwrap_err();
    assert_eq!((refused.line, refused.rule), (Some(3), Rule::NotOrdered { given: 3000, ordered: 2000 }));
    let one = Progress { parts: &parts[..1], ..progress };
    assert_eq!((one.unplaced(), one.state()), (amounts(&[(3, 1000), (4, 2000), (5, 2000)]), State::Offered));
    assert_eq!(one.may_place(&amounts(&[(3, 1000), (5, 1000)])), Ok(()));
    let refused = one.may_place(&amounts(&[(3, 2000)])).unwrap_err();
    assert_eq!((refused.line, refused.rule), (Some(3), Rule::NotOrdered { given: 3000, ordered: 2000 }));
    for (bad, rule) in
        [(vec![(3, 1000), (3, 1000)], "line_twice"), (vec![(9, 1000)], "no_such_line"), (vec![(3, 0)], "nothing")]
    {
        assert_eq!(one.may_place(&amounts(&bad)).unwrap_err().rule.name(), rule);
    }
}

#[test]
fn short_units_are_routed_again_or_refunded() {
    let order = order(Kind::ShipFromStore, vec![ordered(1, "1", 3)]);
    let mut first = part(&order, 1, &[(1, 3000)]);
    go(&mut first, claim("ann", 1));
    go(&mut first, pick("ann", 1, "1", count(1)));
    go(&mut first, Command::Short { picker: picker("ann"), line: 1 });
    go(&mut first, Command::Ship { amounts: amounts(&[(1, 1000)]), tracking: None });
    let parts = [first.clone()];
    let progress = Progress { order: &order, parts: &parts, withdrawn: &[] };
    assert_eq!((progress.unplaced(), progress.state()), (amounts(&[(1, 2000)]), State::Offered));
    assert_eq!(progress.refund(), Minor::ZERO, "it may still come");
    let mut second = part(&order, 2, &[(1, 1000)]);
    go(&mut second, Command::Ship { amounts: amounts(&[(1, 1000)]), tracking: None });
    let (parts, withdrawn) = ([first, second], amounts(&[(1, 1000)]));
    let progress = Progress { order: &order, parts: &parts, withdrawn: &withdrawn };
    assert_eq!((progress.unplaced(), progress.state()), (vec![], State::Shipped));
    assert_eq!((progress.charged(), progress.refund()), (Minor::literal(1000), Minor::literal(500)));
}

#[test]
fn a_cancelled_order_keeps_its_reason() {
    let order = order(Kind::Pickup, vec![ordered(1, "1", 1), ordered(2, "2", 1)]);
    let (mut first, second) = (part(&order, 1, &[(1, 1000)]), part(&order, 2, &[(2, 1000)]));
    go(&mut first, claim("ann", 1));
    go(&mut first, pick("ann", 1, "1", count(1)));
    go(&mut first, Command::Cancel { amounts: vec![] });
    let parts = [first, second];
    assert_eq!(Progress { order: &order, parts: &parts, withdrawn: &[] }.state(), State::Accepted);
    let progress = Progress { order: &order, parts: &parts[..1], withdrawn: &amounts(&[(2, 1000)]) };
    assert_eq!((progress.state(), progress.refund()), (State::Cancelled, Minor::literal(1000)));
}

#[test]
fn payment_at_pickup_needs_no_refund() {
    let order = order(Kind::Reserve, vec![ordered(1, "1", 1)]);
    let withdrawn = amounts(&[(1, 1000)]);
    let progress = Progress { order: &order, parts: &[], withdrawn: &withdrawn };
    assert_eq!((progress.state(), progress.refund()), (State::Cancelled, Minor::ZERO));
}

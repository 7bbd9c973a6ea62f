use super::{
    batch::{Cart, Stop, Task, plan},
    *,
};

fn task(order: u32, line: u32, zone: Zone, (area, aisle, shelf): (u16, u16, u16), due_ms: i64) -> Task {
    let order = format!("web-{order}").parse().unwrap();
    Task { order, part: 1, line, zone, stop: Stop { area, aisle, shelf }, due_ms }
}

const CART: Cart = Cart { totes: 8, within_ms: HOUR };

/// F70: 6 orders in 2 areas, a cart of 8 totes: one batch, and the walk visits each aisle once.
#[test]
fn a_cart_of_eight_totes_takes_six_orders_and_visits_each_aisle_once() {
    let tasks = (0..24_u16).map(|n| {
        let stop = (n % 2, 1 + n % 5, n % 7);
        task(u32::from(n % 6), u32::from(n), Zone::Ambient, stop, NOON + i64::from(n % 6))
    });
    let batches = plan(tasks.collect(), CART);
    assert_eq!(batches.len(), 1);
    assert_eq!((batches[0].totes.len(), batches[0].walk.len()), (6, 24));
    let mut aisles: Vec<_> = batches[0].walk.iter().map(|task| (task.stop.area, task.stop.aisle)).collect();
    assert!(aisles.is_sorted());
    aisles.dedup();
    assert_eq!(aisles.len(), 10);
}

#[test]
fn a_batch_has_one_zone_and_similar_due_times() {
    let batches = plan(
        vec![
            task(1, 1, Zone::Frozen, (9, 1, 1), NOON),
            task(1, 2, Zone::Ambient, (1, 1, 1), NOON),
            task(2, 1, Zone::Ambient, (0, 1, 1), NOON + HOUR),
            task(3, 1, Zone::Ambient, (0, 2, 1), NOON + HOUR + 1),
            task(4, 1, Zone::Frozen, (9, 0, 1), NOON + MINUTE),
        ],
        CART,
    );
    let shape: Vec<_> = batches
        .iter()
        .map(|batch| {
            let orders: Vec<String> = batch.totes.iter().map(|(order, _)| order.to_string()).collect();
            (batch.zone, batch.due_ms - NOON, orders.join(" "))
        })
        .collect();
    assert_eq!(
        shape,
        [
            (Zone::Ambient, 0, "web-1 web-2".into()),
            (Zone::Frozen, 0, "web-1 web-4".into()),
            (Zone::Ambient, HOUR + 1, "web-3".into()),
        ]
    );
}

#[test]
fn orders_beyond_a_full_cart_get_another_cart() {
    let tasks: Vec<Task> =
        (0..19).flat_map(|order| [1, 2].map(|line| task(order, line, Zone::Ambient, (0, 0, 0), NOON))).collect();
    let batches = plan(tasks, CART);
    assert_eq!(batches.iter().map(|batch| batch.totes.len()).collect::<Vec<_>>(), [8, 8, 3]);
    assert_eq!(batches.iter().map(|batch| batch.walk.len()).sum::<usize>(), 38);
    assert_eq!(plan(vec![], CART), []);
}

//! The time at which an order will be ready, and its pickup slot.

/// The time at which the last waiting order will be ready. The pickers share the work, but only one picker works on an
/// order. `None` without pickers.
///
/// `queue_ms` has the duration of each order, including the new one.
pub fn ready_at_ms(now_ms: i64, queue_ms: &[i64], pickers: u32) -> Option<i64> {
    let pickers = i64::from(pickers);
    if pickers == 0 {
        return None;
    }
    let work = queue_ms.iter().fold(0_i64, |work, order| work.saturating_add(*order));
    let shared = work / pickers + i64::from(work % pickers > 0);
    let longest = queue_ms.iter().copied().max().unwrap_or(0);
    Some(now_ms.saturating_add(shared.max(longest)))
}

/// A time slot for pickups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The start: milliseconds since 1970, UTC.
    pub from_ms: i64,
    /// The maximum number of orders.
    pub cap: u32,
    /// The number of orders in it.
    pub taken: u32,
}

/// The first slot with free capacity that begins when the order is ready or later.
pub fn first_free(slots: &[Slot], ready_at_ms: i64) -> Option<&Slot> {
    let free = slots.iter().filter(|slot| slot.from_ms >= ready_at_ms && slot.taken < slot.cap);
    free.min_by_key(|slot| slot.from_ms)
}

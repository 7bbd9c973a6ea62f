//! When an order will be ready, and which pickup slot takes it.

/// When the last of the orders that wait will be ready: the work shared among pickers, but no order is done faster than
/// one picker does it. `None` if nobody picks.
///
/// `queue_ms` is how long each order takes, the asked one among them.
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

/// A time in which customers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// When it begins: milliseconds since 1970, UTC.
    pub from_ms: i64,
    /// The most orders.
    pub cap: u32,
    /// The orders that have it.
    pub taken: u32,
}

/// The first slot that begins when the order is ready or later, and takes one more.
pub fn first_free(slots: &[Slot], ready_at_ms: i64) -> Option<&Slot> {
    let free = slots.iter().filter(|slot| slot.from_ms >= ready_at_ms && slot.taken < slot.cap);
    free.min_by_key(|slot| slot.from_ms)
}

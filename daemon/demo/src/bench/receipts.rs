//! Finding what of a sale can come back, by the code on its receipt, anywhere in the store's history: one after the
//! other, as a cashier does. HQ is asked each time what other stores took back.

use std::time::{Duration, Instant};

use crate::{client::Client, replay::Percentiles};

/// The number of receipts.
const RECEIPTS: u64 = 300;

/// The time per receipt, scattered over `sales`.
///
/// # Errors
/// The hub refuses one.
pub(super) async fn measure(client: &mut Client, sales: u64) -> Result<Percentiles, String> {
    let mut times: Vec<Duration> = Vec::new();
    for number in 0..RECEIPTS {
        // Steps through the history by a prime number.
        let sale = number * 7_919 * 104_729 % sales.max(1) + 1;
        let asked = Instant::now();
        client.get(&format!("/api/v1/returns/sale?sale={sale}")).await?.done()?;
        times.push(asked.elapsed());
    }
    Ok(Percentiles::of(times))
}

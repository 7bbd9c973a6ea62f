//! Rate limits: per key, and per address for clients without a valid key.

use std::{num::NonZeroU32, time::Duration};

use edge::Peer;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::HashMapStateStore,
};

use super::problem::{Problem, TOO_MANY_REQUESTS};

/// For a key: requests per second, and the burst after a pause.
const KEY: (NonZeroU32, NonZeroU32) = (number(50), number(200));

/// For an address without a valid key.
const STRANGER: (NonZeroU32, NonZeroU32) = (number(1), number(20));

const fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(number - 1)
}

/// The maximum number of addresses that are distinguished; beyond it all share one rate.
const TOLD_APART: usize = 10_000;

type Limiter = RateLimiter<String, HashMapStateStore<String>, DefaultClock>;

pub(super) struct Rates {
    keys: Limiter,
    strangers: Limiter,
}

impl Default for Rates {
    fn default() -> Self {
        let limiter = |(rate, burst)| RateLimiter::hashmap(Quota::per_second(rate).allow_burst(burst));
        Self { keys: limiter(KEY), strangers: limiter(STRANGER) }
    }
}

impl Rates {
    /// Counts a request of a key.
    ///
    /// # Errors
    /// The key exceeds its rate.
    pub(super) fn key(&self, id: &str) -> Result<(), Problem> {
        take(&self.keys, id).map_err(|wait| {
            let (rate, burst) = KEY;
            too_many(wait, &format!("this key is limited to {rate} requests per second, with bursts of {burst}"))
        })
    }

    /// Counts a request without a valid key.
    ///
    /// # Errors
    /// Its address exceeds its rate.
    pub(super) fn stranger(&self, peer: Peer) -> Result<(), Problem> {
        if self.strangers.len() >= TOLD_APART {
            self.strangers.retain_recent();
        }
        let is_apart = self.strangers.len() < TOLD_APART;
        let name = if is_apart { peer.to_string() } else { "others".to_owned() };
        take(&self.strangers, &name)
            .map_err(|wait| too_many(wait, "too many requests without a valid API key from this address"))
    }
}

fn take(limiter: &Limiter, name: &str) -> Result<(), Duration> {
    limiter.check_key(&name.to_owned()).map_err(|not_until| not_until.wait_time_from(limiter.clock().now()))
}

fn too_many(wait: Duration, detail: &str) -> Problem {
    let seconds = wait.as_secs() + 1;
    TOO_MANY_REQUESTS.because(format!("{detail}; wait {seconds} s")).retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use super::*;

    #[test]
    fn each_key_and_each_address_has_its_own_rate() {
        let rates = Rates::default();
        let peer = |text: &str| Peer::from(text.parse::<IpAddr>().unwrap());
        let turns = |take: &dyn Fn() -> Result<(), Problem>| (0..1000).take_while(|_| take().is_ok()).count();
        assert!((200..1000).contains(&turns(&|| rates.key("a"))));
        assert!((200..1000).contains(&turns(&|| rates.key("b"))));
        assert!((20..1000).contains(&turns(&|| rates.stranger(peer("10.0.0.1")))));
        assert!((20..1000).contains(&turns(&|| rates.stranger(peer("10.0.0.2")))));
    }

    #[test]
    fn invented_addresses_use_bounded_memory() {
        let rates = Rates::default();
        for number in 0..2 * TOLD_APART {
            let _ = rates.stranger(IpAddr::from(Ipv6Addr::from((number as u128) << 64)).into());
        }
        assert!(rates.strangers.len() <= TOLD_APART + 1);
    }
}

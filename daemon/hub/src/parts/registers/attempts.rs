//! Slows down code guessing, separately for each peer.
//!
//! Each peer may send [`FREE`] wrong codes. After each further one it must wait, twice as long each time, up to
//! [`LONGEST`]; meanwhile even the right code is refused. The count is reset when a peer sends no wrong code for
//! [`FORGOTTEN`], or when it sends the right code.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use edge::Peer;

/// The number of wrong codes without a delay.
const FREE: u32 = 5;

/// The longest delay.
const LONGEST: Duration = Duration::from_secs(300);

/// The time after which wrong codes are forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// The maximum number of peers; beyond it the one whose wrong code is oldest is forgotten.
const PEERS: usize = 4096;

/// The peers with wrong codes. Requests without a connection, which only occur in tests, count as one peer.
#[derive(Default)]
pub(in crate::parts) struct Attempts(HashMap<Option<Peer>, Wrong>);

struct Wrong {
    times: u32,
    last: Instant,
}

impl Wrong {
    fn delay(&self) -> Duration {
        match self.times.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(over) => Duration::from_secs(1_u64.checked_shl(over).unwrap_or(u64::MAX)).min(LONGEST),
        }
    }
}

impl Attempts {
    /// How long a peer must wait before its next code is accepted.
    pub(in crate::parts) fn wait(&self, peer: Option<Peer>, now: Instant) -> Duration {
        self.0.get(&peer).map_or(Duration::ZERO, |wrong| (wrong.last + wrong.delay()).saturating_duration_since(now))
    }

    /// A peer sent a wrong code.
    pub(in crate::parts) fn wrong(&mut self, peer: Option<Peer>, now: Instant) {
        self.0.retain(|_, wrong| now.duration_since(wrong.last) < FORGOTTEN);
        if !self.0.contains_key(&peer)
            && self.0.len() >= PEERS
            && let Some(oldest) = self.0.iter().min_by_key(|(_, wrong)| wrong.last).map(|(peer, _)| *peer)
        {
            self.0.remove(&oldest);
        }
        let wrong = self.0.entry(peer).or_insert(Wrong { times: 0, last: now });
        wrong.times = wrong.times.saturating_add(1);
        wrong.last = now;
    }

    /// A peer sent the right code.
    pub(in crate::parts) fn right(&mut self, peer: Option<Peer>) {
        self.0.remove(&peer);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn peer(host: u16) -> Peer {
        let [high, low] = host.to_be_bytes();
        IpAddr::from([10, 0, high, low]).into()
    }

    #[test]
    fn only_the_guessing_peer_waits_and_longer_each_time() {
        let (mut attempts, mut now) = (Attempts::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..16 {
            attempts.wrong(Some(peer(1)), now);
            let wait = attempts.wait(Some(peer(1)), now);
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(attempts.wait(Some(peer(1)), now), Duration::ZERO);
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!((attempts.wait(Some(peer(2)), now), attempts.wait(None, now)), (Duration::ZERO, Duration::ZERO));
        attempts.right(Some(peer(1)));
        attempts.wrong(Some(peer(1)), now);
        assert_eq!(attempts.wait(Some(peer(1)), now), Duration::ZERO);
    }

    #[test]
    fn a_wrong_code_is_forgotten_after_an_hour_and_peers_are_bounded() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for host in 0..5000 {
            for _ in 0..6 {
                attempts.wrong(Some(peer(host)), now);
            }
        }
        assert_eq!(attempts.0.len(), PEERS);
        attempts.wrong(Some(peer(1)), now + FORGOTTEN);
        assert_eq!(attempts.0.len(), 1);
    }
}

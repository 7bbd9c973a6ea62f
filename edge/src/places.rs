//! Limits on open connections.
//!
//! A new connection is a stranger's and counts for its peer address. The first request with a valid token, session or
//! API key makes it that holder's. The two groups have separate limits, so strangers never use up the connections of
//! those who are signed in.
//!
//! | event | effect |
//! | --- | --- |
//! | a holder exceeds its share ([`Bounds::each`]) | its oldest connection is closed |
//! | a group is full ([`Bounds::all`]) | the oldest connection of the holder with the most is closed |
//! | a stranger is neither signed in nor kept within [`Limits::patience`] | its connection is closed |
//!
//! A new connection is never refused: instead the oldest connection of the holder with the most is closed.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::sleep};

use crate::{log_limiter::LogLimiter, peer::Peer};

/// The limits of a group of connections.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections in the group.
    pub all: usize,
    /// Connections per holder.
    pub each: usize,
}

/// The limits of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For strangers; a holder is a peer address.
    pub strangers: Bounds,
    /// For those who are signed in.
    pub signed_in: Bounds,
    /// How long a connection may be open before it is signed in or kept.
    pub patience: Duration,
}

/// The connections of one listener.
#[derive(Debug)]
pub struct Places {
    groups: Mutex<Groups>,
    patience: Duration,
    closed: LogLimiter,
}

#[derive(Debug)]
struct Groups {
    next: u64,
    strangers: Group,
    signed_in: Group,
}

#[derive(Debug)]
struct Group {
    bounds: Bounds,
    count: usize,
    /// The oldest connection comes first.
    held: HashMap<String, VecDeque<Held>>,
}

#[derive(Clone, Debug)]
struct Held {
    id: u64,
    closed: watch::Sender<bool>,
}

impl Group {
    fn new(bounds: Bounds) -> Self {
        Self { bounds, count: 0, held: HashMap::new() }
    }

    /// Adds a connection of a holder; returns the holder whose oldest connection was closed for it, if any.
    fn enter(&mut self, holder: &str, held: Held) -> Option<String> {
        let crowded = if self.held.get(holder).is_some_and(|all| all.len() >= self.bounds.each) {
            Some(holder.to_owned())
        } else if self.count >= self.bounds.all {
            self.held.iter().max_by_key(|(_, all)| all.len()).map(|(holder, _)| holder.clone())
        } else {
            None
        };
        if let Some(crowded) = &crowded
            && let Some(all) = self.held.get_mut(crowded)
            && let Some(oldest) = all.pop_front()
        {
            oldest.closed.send_replace(true);
            self.count -= 1;
            if all.is_empty() {
                self.held.remove(crowded);
            }
        }
        self.held.entry(holder.to_owned()).or_default().push_back(held);
        self.count += 1;
        crowded
    }

    fn leave(&mut self, holder: &str, id: u64) {
        let Some(all) = self.held.get_mut(holder) else { return };
        let before = all.len();
        all.retain(|held| held.id != id);
        self.count -= before - all.len();
        if all.is_empty() {
            self.held.remove(holder);
        }
    }
}

impl Places {
    /// No connections yet.
    pub fn new(limits: Limits) -> Arc<Self> {
        let Limits { strangers, signed_in, patience } = limits;
        let groups = Groups { next: 0, strangers: Group::new(strangers), signed_in: Group::new(signed_in) };
        Arc::new(Self { groups: Mutex::new(groups), patience, closed: LogLimiter::default() })
    }

    /// Adds a new connection.
    pub fn enter(self: &Arc<Self>, peer: Peer) -> Connection {
        let mut groups = self.groups();
        groups.next += 1;
        let held = Held { id: groups.next, closed: watch::channel(false).0 };
        let holder = peer.to_string();
        let crowded = groups.strangers.enter(&holder, held.clone());
        drop(groups);
        if let Some(crowded) = crowded
            && let Some(suppressed) = self.closed.take(&crowded)
        {
            tracing::warn!(peer = %crowded, suppressed, "closed a connection: too many are open without signing in");
        }
        let owner = Mutex::new(Owner { holder, is_signed_in: false, is_kept: false });
        Connection(Arc::new(Open { places: Arc::clone(self), peer, held, owner }))
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open connection; it counts until it and its clones are dropped.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Open>);

#[derive(Debug)]
struct Open {
    places: Arc<Places>,
    peer: Peer,
    held: Held,
    owner: Mutex<Owner>,
}

#[derive(Debug)]
struct Owner {
    holder: String,
    is_signed_in: bool,
    /// Whether the time limit has ended.
    is_kept: bool,
}

impl Connection {
    /// The peer of the connection.
    pub fn peer(&self) -> Peer {
        self.0.peer
    }

    /// Assigns the connection to a holder who has signed in.
    pub fn belongs_to(&self, holder: &str) {
        let mut owner = self.0.owner();
        if owner.is_signed_in && owner.holder == holder {
            return;
        }
        let mut groups = self.0.places.groups();
        groups.of(owner.is_signed_in).leave(&owner.holder, self.0.held.id);
        // A connection that was closed meanwhile is not counted again.
        if !*self.0.held.closed.borrow() {
            let crowded = groups.signed_in.enter(holder, self.0.held.clone());
            if let Some(crowded) = crowded
                && let Some(suppressed) = self.0.places.closed.take(&crowded)
            {
                tracing::warn!(holder = %crowded, suppressed, "closed a holder's oldest connection: too many are open");
            }
        }
        *owner = Owner { holder: holder.to_owned(), is_signed_in: true, is_kept: true };
    }

    /// Ends the time limit without a sign-in.
    pub fn keep(&self) {
        self.0.owner().is_kept = true;
    }

    /// Waits until the connection must be closed.
    pub async fn closed(&self) {
        let mut closed = self.0.held.closed.subscribe();
        // The sender is part of `self`.
        let _ = closed.wait_for(|closed| *closed).await;
    }

    /// Waits until the time limit is exceeded; for ever if the connection is signed in or kept in time.
    pub async fn overdue(&self) {
        sleep(self.0.places.patience).await;
        if self.0.owner().is_kept {
            std::future::pending::<()>().await;
        }
    }
}

impl Groups {
    fn of(&mut self, is_signed_in: bool) -> &mut Group {
        if is_signed_in { &mut self.signed_in } else { &mut self.strangers }
    }
}

impl Open {
    fn owner(&self) -> MutexGuard<'_, Owner> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let owner = self.owner.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.places.groups().of(owner.is_signed_in).leave(&owner.holder, self.held.id);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const LIMITS: Limits = Limits {
        strangers: Bounds { all: 256, each: 64 },
        signed_in: Bounds { all: 768, each: 64 },
        patience: Duration::from_millis(20),
    };

    fn peer(host: u8) -> Peer {
        IpAddr::from([10, 0, 0, host]).into()
    }

    fn open(all: &[Connection]) -> usize {
        all.iter().filter(|connection| !*connection.0.held.closed.borrow()).count()
    }

    fn counts(places: &Places) -> (usize, usize) {
        let groups = places.groups();
        (groups.strangers.count, groups.signed_in.count)
    }

    #[test]
    fn a_peer_with_too_many_connections_loses_its_oldest() {
        let places = Places::new(LIMITS);
        let other = places.enter(peer(2));
        let all: Vec<_> = (0..1000).map(|_| places.enter(peer(1))).collect();
        assert_eq!(
            (open(&all), open(&all[1000 - LIMITS.strangers.each..])),
            (LIMITS.strangers.each, LIMITS.strangers.each)
        );
        assert_eq!(open(&[other]), 1);
        drop(all);
        assert_eq!(counts(&places), (0, 0));
    }

    #[test]
    fn many_peers_leave_room_for_one_more_and_for_those_signed_in() {
        let places = Places::new(LIMITS);
        let till = places.enter(peer(200));
        till.belongs_to("till-1");
        let crowd: Vec<_> = (0..100)
            .flat_map(|host| (0..LIMITS.strangers.each).map(move |_| host))
            .map(|host| places.enter(peer(host)))
            .collect();
        let late = places.enter(peer(201));
        assert_eq!((open(&crowd), counts(&places)), (LIMITS.strangers.all - 1, (LIMITS.strangers.all, 1)));
        assert_eq!(open(&[till, late]), 2);
    }

    #[test]
    fn a_register_with_too_many_connections_loses_its_oldest() {
        let places = Places::new(LIMITS);
        let sign_in = |name: &str| {
            let connection = places.enter(peer(1));
            connection.belongs_to(name);
            connection.belongs_to(name);
            connection
        };
        let other = sign_in("till-2");
        let all: Vec<_> = (0..1010).map(|_| sign_in("till-1")).collect();
        assert_eq!(counts(&places), (0, LIMITS.signed_in.each + 1));
        assert_eq!((open(&all), open(&[other])), (LIMITS.signed_in.each, 1));
    }

    #[tokio::test]
    async fn strangers_time_out_and_kept_connections_do_not() {
        let places = Places::new(LIMITS);
        let [stranger, till, kept] = [1, 1, 2].map(|host| places.enter(peer(host)));
        till.belongs_to("till-1");
        kept.keep();
        stranger.overdue().await;
        for connection in [till, kept] {
            assert!(tokio::time::timeout(LIMITS.patience * 10, connection.overdue()).await.is_err());
        }
    }
}

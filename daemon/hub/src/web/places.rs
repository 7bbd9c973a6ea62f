//! Limits on open connections.
//!
//! A new connection is a stranger's and counts for its peer address. The first request with a valid token or session
//! makes it the register's or the console's. The two groups have separate limits, so strangers never use up the
//! connections of those who are signed in.
//!
//! | event | effect |
//! | --- | --- |
//! | a holder exceeds its share ([`Bounds::each`]) | its oldest connection is closed |
//! | a group is full ([`Bounds::all`]) | the oldest connection of the holder with the most is closed |
//! | a stranger does not sign in within [`STRANGER`] | its connection is closed |
//!
//! A new connection is never refused: instead the oldest connection of the holder with the most is closed.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use commerce::Actor;
use tokio::{sync::watch, time::sleep};

use crate::{peer::Peer, ration::Ration};

/// How long a connection may be open before somebody signs in.
const STRANGER: Duration = Duration::from_secs(15);

/// The limits of a group of connections.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Connections in the group.
    all: usize,
    /// Connections per holder.
    each: usize,
}

/// The limits for strangers; a holder is a peer address.
const STRANGERS: Bounds = Bounds { all: 256, each: 64 };

/// The limits for those who are signed in; a holder is a register or the console.
const SIGNED_IN: Bounds = Bounds { all: 768, each: 64 };

/// The connections of one listener.
#[derive(Default)]
pub(crate) struct Places {
    groups: Mutex<Groups>,
    told: Ration,
}

struct Groups {
    next: u64,
    strangers: Group,
    signed_in: Group,
}

impl Default for Groups {
    fn default() -> Self {
        Self { next: 0, strangers: Group::new(STRANGERS), signed_in: Group::new(SIGNED_IN) }
    }
}

struct Group {
    bounds: Bounds,
    count: usize,
    /// The oldest connection comes first.
    held: HashMap<String, VecDeque<Held>>,
}

#[derive(Clone)]
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
    /// Adds a new connection.
    pub(super) fn enter(self: &Arc<Self>, peer: Peer) -> Connection {
        let mut groups = self.groups();
        groups.next += 1;
        let held = Held { id: groups.next, closed: watch::channel(false).0 };
        let holder = peer.to_string();
        let crowded = groups.strangers.enter(&holder, held.clone());
        drop(groups);
        if let Some(crowded) = crowded
            && let Some(untold) = self.told.take(&crowded)
        {
            tracing::warn!(peer = %crowded, untold, "closed a connection: too many are open without signing in");
        }
        let owner = Mutex::new(Owner { holder, is_signed_in: false });
        Connection(Arc::new(Open { places: Arc::clone(self), peer, held, owner }))
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open connection; it counts until it and its clones are dropped.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Open>);

struct Open {
    places: Arc<Places>,
    peer: Peer,
    held: Held,
    owner: Mutex<Owner>,
}

struct Owner {
    holder: String,
    is_signed_in: bool,
}

impl Connection {
    /// The peer of the connection.
    pub(crate) fn peer(&self) -> Peer {
        self.0.peer
    }

    /// Assigns the connection to an actor who has signed in.
    pub(super) fn belongs_to(&self, actor: &Actor) {
        let holder = actor.station.to_string();
        let mut owner = self.0.owner();
        if owner.is_signed_in && owner.holder == holder {
            return;
        }
        let mut groups = self.0.places.groups();
        groups.of(owner.is_signed_in).leave(&owner.holder, self.0.held.id);
        // A connection that was closed meanwhile is not counted again.
        if !*self.0.held.closed.borrow() {
            let crowded = groups.signed_in.enter(&holder, self.0.held.clone());
            if let Some(crowded) = crowded
                && let Some(untold) = self.0.places.told.take(&crowded)
            {
                tracing::warn!(holder = %crowded, untold, "closed the holder's oldest connection: too many are open");
            }
        }
        *owner = Owner { holder, is_signed_in: true };
    }

    /// Waits until the connection must be closed.
    pub(crate) async fn closed(&self) {
        let mut closed = self.0.held.closed.subscribe();
        // The sender is part of `self`.
        let _ = closed.wait_for(|closed| *closed).await;
    }

    /// Waits until nobody has signed in for too long; for ever if somebody signs in in time.
    pub(super) async fn overdue(&self) {
        self.overdue_after(STRANGER).await;
    }

    async fn overdue_after(&self, patience: Duration) {
        sleep(patience).await;
        if self.0.owner().is_signed_in {
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
        let places = Arc::new(Places::default());
        let other = places.enter(peer(2));
        let all: Vec<_> = (0..1000).map(|_| places.enter(peer(1))).collect();
        assert_eq!((open(&all), open(&all[1000 - STRANGERS.each..])), (STRANGERS.each, STRANGERS.each));
        assert_eq!(open(&[other]), 1);
        drop(all);
        assert_eq!(counts(&places), (0, 0));
    }

    #[test]
    fn many_peers_leave_room_for_one_more_and_for_those_signed_in() {
        let places = Arc::new(Places::default());
        let till = places.enter(peer(200));
        till.belongs_to(&Actor::register("till-1".parse().unwrap()));
        let crowd: Vec<_> = (0..100)
            .flat_map(|host| (0..STRANGERS.each).map(move |_| host))
            .map(|host| places.enter(peer(host)))
            .collect();
        let late = places.enter(peer(201));
        assert_eq!((open(&crowd), counts(&places)), (STRANGERS.all - 1, (STRANGERS.all, 1)));
        assert_eq!(open(&[till, late]), 2);
    }

    #[test]
    fn a_register_with_too_many_connections_loses_its_oldest() {
        let places = Arc::new(Places::default());
        let sign_in = |name: &str| {
            let connection = places.enter(peer(1));
            connection.belongs_to(&Actor::register(name.parse().unwrap()));
            connection.belongs_to(&Actor::register(name.parse().unwrap()));
            connection
        };
        let other = sign_in("till-2");
        let all: Vec<_> = (0..1010).map(|_| sign_in("till-1")).collect();
        assert_eq!(counts(&places), (0, SIGNED_IN.each + 1));
        assert_eq!((open(&all), open(&[other])), (SIGNED_IN.each, 1));
    }

    #[tokio::test]
    async fn strangers_time_out_and_signed_in_connections_do_not() {
        let places = Arc::new(Places::default());
        let (stranger, till) = (places.enter(peer(1)), places.enter(peer(1)));
        till.belongs_to(&Actor::register("till-1".parse().unwrap()));
        let patience = Duration::from_millis(20);
        stranger.overdue_after(patience).await;
        assert!(tokio::time::timeout(patience * 10, till.overdue_after(patience)).await.is_err());
    }
}

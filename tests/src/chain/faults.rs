//! What fails in a chain, and how it is made to fail.

use std::{
    sync::mpsc::{Receiver, TryRecvError},
    time::Duration,
};

use fastrand::Rng;

use super::{
    Chain,
    database::Database,
    proxy::{Disturbance, Proxy},
};
use crate::{shop::Hub, until};

/// How long a trap waits for its message. Nothing is wrong if none comes: a worker may have no hub just now.
const TRAPPED: Duration = Duration::from_secs(8);

/// Something that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The broker is killed and started again.
    Broker,
    /// PostgreSQL is killed and started again.
    Database,
    /// A hub is killed and started again.
    Hub,
    /// A worker is killed, and started again at once or at the end of the round.
    Worker,
    /// A worker is killed between the commit of events and its acknowledgement.
    WorkerBeforeAcknowledging,
    /// A hub is killed between the commit of items and its acknowledgement.
    HubBeforeAcknowledging,
    /// A hub is killed when events have left it, before the broker has them.
    HubWhileSending,
    /// Every connection is cut.
    Cut,
    /// Connections are cut within packets, from now on.
    CutWithin,
    /// Packets wait, from now on.
    Slow,
    /// Messages are duplicated, from now on.
    Duplicate,
    /// Messages are reordered, from now on.
    Reorder,
    /// A store can't reach the broker, from now on.
    Closed,
}

/// All of them.
const ALL: [Fault; 13] = [
    Fault::Broker,
    Fault::Database,
    Fault::Hub,
    Fault::Worker,
    Fault::WorkerBeforeAcknowledging,
    Fault::HubBeforeAcknowledging,
    Fault::HubWhileSending,
    Fault::Cut,
    Fault::CutWithin,
    Fault::Slow,
    Fault::Duplicate,
    Fault::Reorder,
    Fault::Closed,
];

/// Faults in a random order: each comes once before one comes again.
#[derive(Default)]
pub struct Deck(Vec<Fault>);

impl Deck {
    /// The next fault.
    pub fn draw(&mut self, database: &Database, dice: &mut Rng) -> Fault {
        loop {
            if self.0.is_empty() {
                self.0 = ALL.to_vec();
                dice.shuffle(&mut self.0);
            }
            match self.0.pop() {
                // The processes of SQLite are the workers.
                Some(Fault::Database) if matches!(database, Database::Sqlite(_)) => {}
                Some(fault) => return fault,
                None => {}
            }
        }
    }
}

impl Chain {
    fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        let workers = self.workers.iter().map(|worker| &worker.proxy);
        workers.chain(self.stores.iter().map(|store| &store.proxy))
    }

    /// Makes something fail. `hubs` are the hubs of its stores. False if a trap caught nothing.
    ///
    /// # Errors
    /// What was killed does not start again.
    pub fn fail(&mut self, fault: Fault, hubs: &mut [Hub], dice: &mut Rng) -> Result<bool, String> {
        let store = dice.usize(..self.stores.len());
        let one_of = dice.u32(5..20);
        match fault {
            Fault::Broker => self.broker.restart()?,
            Fault::Database => self.database.restart()?,
            Fault::Hub => self.restart_hub(store, hubs)?,
            Fault::Worker => {
                let worker = dice.usize(..self.workers.len());
                self.kill_worker(worker, dice.bool())?;
            }
            Fault::WorkerBeforeAcknowledging => {
                let traps: Vec<_> = self.workers.iter().map(|worker| worker.proxy.trap("/acknowledgement")).collect();
                let Some(worker) = caught(&traps) else { return Ok(false) };
                self.kill_worker(worker, dice.bool())?;
            }
            Fault::HubBeforeAcknowledging | Fault::HubWhileSending => {
                let topic = if fault == Fault::HubWhileSending { "/sales" } else { "/received" };
                let traps: Vec<_> = self.stores.iter().map(|store| store.proxy.trap(topic)).collect();
                let Some(store) = caught(&traps) else { return Ok(false) };
                self.restart_hub(store, hubs)?;
            }
            Fault::Cut => self.proxies().for_each(Proxy::cut),
            Fault::CutWithin => self.disturb(|disturbance| disturbance.cut = 3 * one_of),
            Fault::Slow => self.disturb(|disturbance| disturbance.slow = Duration::from_millis(u64::from(one_of))),
            Fault::Duplicate => self.disturb(|disturbance| disturbance.duplicate = one_of / 4),
            Fault::Reorder => self.disturb(|disturbance| disturbance.reorder = one_of / 4),
            Fault::Closed => self.stores[store].proxy.close(),
        }
        Ok(true)
    }

    fn disturb(&self, change: impl Fn(&mut Disturbance)) {
        self.proxies().for_each(|proxy| proxy.disturb(&change));
    }

    fn restart_hub(&self, store: usize, hubs: &mut [Hub]) -> Result<(), String> {
        hubs[store].kill();
        hubs[store] = self.stores[store].shop.start(&[])?;
        Ok(())
    }

    fn kill_worker(&mut self, worker: usize, starts_again: bool) -> Result<(), String> {
        self.workers[worker].running = None;
        if starts_again { self.start_worker(worker, None) } else { Ok(()) }
    }

    /// Nothing fails any more: connections are undisturbed, and every worker runs.
    ///
    /// # Errors
    /// A worker does not start.
    pub fn calm(&mut self) -> Result<(), String> {
        self.proxies().for_each(Proxy::calm);
        for worker in 0..self.workers.len() {
            if self.workers[worker].running.is_none() {
                self.start_worker(worker, None)?;
            }
        }
        Ok(())
    }
}

/// Which trap catches something first.
fn caught(traps: &[Receiver<()>]) -> Option<usize> {
    let mut caught = None;
    until(TRAPPED, || {
        caught = traps.iter().position(|trap| trap.try_recv() == Ok(()));
        caught.is_some() || traps.iter().all(|trap| trap.try_recv() == Err(TryRecvError::Disconnected))
    });
    caught
}

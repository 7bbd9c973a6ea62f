//! Leases: a register holds a device of its lane for itself while it renews the lease.
//!
//! A shared scale or terminal is used by one register at a time. A register takes the lease, renews it before
//! [`TERM`] has passed, and gives it back. A register that dies stops renewing, so its lease ends by itself. While a
//! device is held, only its holder may use it and hears its scans and weights; others get the holder's name. Leases are
//! not stored: after a restart of the hub all devices are free, and the registers take their leases again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use commerce::RegisterName;

/// How long a lease lasts without being renewed: three beats of a register that beats every five seconds.
pub(crate) const TERM: Duration = Duration::from_secs(15);

/// The leases of a store's devices.
#[derive(Default)]
pub(crate) struct Leases(Mutex<HashMap<String, Lease>>);

#[derive(Clone, Debug)]
struct Lease {
    holder: RegisterName,
    until: Instant,
}

impl Leases {
    /// Takes or renews a lease.
    ///
    /// # Errors
    /// Another register holds the device: its name.
    pub(crate) fn take(&self, device: &str, register: &RegisterName, now: Instant) -> Result<(), RegisterName> {
        self.free(device, Some(register), now)?;
        let lease = Lease { holder: register.clone(), until: now + TERM };
        self.leases(|leases| leases.insert(device.to_owned(), lease));
        Ok(())
    }

    /// Gives a lease back; nothing changes if another register holds the device.
    pub(crate) fn give_back(&self, device: &str, register: &RegisterName) {
        self.leases(|leases| {
            if leases.get(device).is_some_and(|lease| lease.holder == *register) {
                leases.remove(device);
            }
        });
    }

    /// Whether a register, or a person, may use a device now.
    ///
    /// # Errors
    /// Another register holds it: its name.
    pub(crate) fn free(&self, device: &str, by: Option<&RegisterName>, now: Instant) -> Result<(), RegisterName> {
        match self.holder(device, now) {
            Some(holder) if by != Some(&holder) => Err(holder),
            _ => Ok(()),
        }
    }

    /// Who holds a device.
    pub(crate) fn holder(&self, device: &str, now: Instant) -> Option<RegisterName> {
        self.leases(|leases| leases.get(device).filter(|lease| lease.until > now).map(|lease| lease.holder.clone()))
    }

    fn leases<T>(&self, work: impl FnOnce(&mut HashMap<String, Lease>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn till(number: u8) -> RegisterName {
        format!("till-{number}").parse().unwrap()
    }

    #[test]
    fn one_register_holds_a_device_until_it_gives_it_back() {
        let (leases, now) = (Leases::default(), Instant::now());
        assert_eq!(leases.free("scale-1", None, now), Ok(()));
        assert_eq!(leases.take("scale-1", &till(2), now), Ok(()));
        assert_eq!(leases.take("scale-1", &till(1), now), Err(till(2)));
        assert_eq!(leases.free("scale-1", None, now), Err(till(2)), "a person waits, too");
        assert_eq!(leases.take("scale-2", &till(1), now), Ok(()), "another device");
        leases.give_back("scale-1", &till(1));
        assert_eq!(leases.holder("scale-1", now), Some(till(2)), "not its lease");
        leases.give_back("scale-1", &till(2));
        assert_eq!(leases.take("scale-1", &till(1), now), Ok(()));
    }

    #[test]
    fn the_lease_of_a_dead_register_ends_by_itself() {
        let (leases, now) = (Leases::default(), Instant::now());
        leases.take("scale-1", &till(2), now).unwrap();
        let renewed = now + TERM / 2;
        leases.take("scale-1", &till(2), renewed).unwrap();
        assert_eq!(leases.take("scale-1", &till(1), now + TERM), Err(till(2)), "it was renewed");
        assert_eq!(leases.take("scale-1", &till(1), renewed + TERM), Ok(()));
    }
}

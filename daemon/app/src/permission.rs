//! Permissions.
//!
//! Each operation names one [`Permission`], declared in its capability's folder. Together they form one table
//! ([`permissions`](crate::permissions), `store-hub permissions`). The web layer checks the permission before a handler
//! runs, use cases check what depends on the command, and the OpenAPI document shows it for every operation.

use commerce::{Actor, Station};

use crate::refusal::{FORBIDDEN, Refusal};

/// A group of actors that holds permissions, by their station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// Registers.
    Register,
    /// People at the console or at the machine itself.
    Person,
    /// Programs with an account.
    Service,
    /// Headquarters, through the inbox.
    Headquarters,
}

impl Holder {
    /// All holders.
    pub const ALL: [Self; 4] = [Self::Register, Self::Person, Self::Service, Self::Headquarters];

    /// The name in tables and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Person => "console",
            Self::Service => "service",
            Self::Headquarters => "headquarters",
        }
    }
}

/// A permission.
#[derive(Debug, PartialEq, Eq)]
pub struct Permission {
    /// The stable name, such as `stock.counts.decide`.
    pub name: &'static str,
    /// What it allows.
    pub doc: &'static str,
    /// Who holds it.
    pub holders: &'static [Holder],
}

impl Permission {
    /// Declares a permission.
    pub const fn new(name: &'static str, doc: &'static str, holders: &'static [Holder]) -> Self {
        Self { name, doc, holders }
    }

    /// Whether an actor holds it. The hub itself holds all permissions.
    pub fn is_held_by(&self, actor: &Actor) -> bool {
        let holder = match actor.station {
            Station::Register(_) => Holder::Register,
            Station::Console | Station::Shell => Holder::Person,
            Station::Service(_) => Holder::Service,
            Station::Headquarters => Holder::Headquarters,
            Station::Hub => return true,
        };
        self.holders.contains(&holder)
    }

    /// Requires that an actor holds it.
    ///
    /// # Errors
    /// The actor does not; the refusal says who does.
    pub fn require(&self, actor: &Actor) -> Result<(), Refusal> {
        if self.is_held_by(actor) {
            return Ok(());
        }
        let holders: Vec<_> = self.holders.iter().map(|holder| holder.name()).collect();
        let detail = format!(
            "{actor} may not do this; it requires the permission `{}`, held by: {}",
            self.name,
            holders.join(", ")
        );
        Err(FORBIDDEN.because(detail).member("permission", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static DECIDE: Permission = Permission::new("test.decide", "Decide", &[Holder::Person]);

    #[test]
    fn a_permission_is_held_by_the_station() {
        let till = Actor::register("till-1".parse().unwrap());
        assert_eq!(DECIDE.require(&Actor::console()), Ok(()));
        assert_eq!(DECIDE.require(&Station::Shell.into()), Ok(()));
        assert_eq!(DECIDE.require(&Station::Hub.into()), Ok(()));
        for actor in [till, Station::Headquarters.into(), Station::Service("erp".parse().unwrap()).into()] {
            let refusal = DECIDE.require(&actor).unwrap_err();
            assert_eq!((refusal.kind, refusal.members), (&FORBIDDEN, vec![("permission", "test.decide".into())]));
        }
    }
}

//! The actor behind each change.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{OperatorId, RegisterName, ServiceName};

/// Who acts: the station, and the operator if one has signed in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Actor {
    /// The place or program that the command comes from.
    pub station: Station,
    /// The person, if one has signed in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
}

/// The place or program that a command comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Station {
    /// A register of the store.
    Register(RegisterName),
    /// A person at the hub's console page.
    Console,
    /// A person at the machine itself, on the command line.
    Shell,
    /// A program with its own account.
    Service(ServiceName),
    /// Headquarters.
    Headquarters,
    /// The hub itself.
    Hub,
}

impl Actor {
    /// A register at which nobody has signed in.
    pub fn register(name: RegisterName) -> Self {
        Station::Register(name).into()
    }

    /// A person at the console, not signed in as an operator.
    pub fn console() -> Self {
        Station::Console.into()
    }

    /// The register, if the actor is at one.
    pub fn register_name(&self) -> Option<&RegisterName> {
        if let Station::Register(name) = &self.station { Some(name) } else { None }
    }
}

impl From<Station> for Actor {
    fn from(station: Station) -> Self {
        Self { station, operator: None }
    }
}

impl fmt::Display for Station {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register(name) => write!(f, "register {name}"),
            Self::Console => f.write_str("console"),
            Self::Shell => f.write_str("shell"),
            Self::Service(name) => write!(f, "service {name}"),
            Self::Headquarters => f.write_str("headquarters"),
            Self::Hub => f.write_str("hub"),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.operator {
            Some(operator) => write!(f, "operator {operator} at {}", self.station),
            None => self.station.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_register_has_a_registers_name() {
        let till: RegisterName = "till-1".parse().unwrap();
        assert_eq!(Actor::register(till.clone()).register_name(), Some(&till));
        assert_eq!(Actor::console().register_name(), None);
    }

    #[test]
    fn an_actor_reads_back_as_it_was_written() {
        let till = Station::Register("till-1".parse().unwrap());
        let anna = Actor { station: till.clone(), operator: Some("anna".parse().unwrap()) };
        let erp = Station::Service("erp".parse().unwrap());
        for (actor, json, text) in [
            (anna, r#"{"station":{"register":"till-1"},"operator":"anna"}"#, "operator anna at register till-1"),
            (till.into(), r#"{"station":{"register":"till-1"}}"#, "register till-1"),
            (Actor::console(), r#"{"station":"console"}"#, "console"),
            (erp.into(), r#"{"station":{"service":"erp"}}"#, "service erp"),
            (Station::Headquarters.into(), r#"{"station":"headquarters"}"#, "headquarters"),
            (Station::Shell.into(), r#"{"station":"shell"}"#, "shell"),
            (Station::Hub.into(), r#"{"station":"hub"}"#, "hub"),
        ] {
            assert_eq!(serde_json::to_string(&actor).unwrap(), json);
            assert_eq!(serde_json::from_str::<Actor>(json).unwrap(), actor);
            assert_eq!(actor.to_string(), text);
        }
    }
}

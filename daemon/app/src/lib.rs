//! The use cases of a store: everything that happens inside a commit, and the reads that go with it.
//!
//! A use case is a function of a [`Transaction`](store::Transaction), the actor and time of the command ([`By`]) and a
//! request; it returns an answer or a [`Refusal`]. Routes and HQ's inbox call the same use cases. A use case reads,
//! lets `commerce` decide, and writes records, movements, outbox entries and audit entries, which become durable
//! together or not at all. Nothing here depends on HTTP, a runtime or a clock: the caller passes the time.
//!
//! # Layout
//!
//! Each folder is a capability. It owns its tables, refusals, permissions, events for HQ, checks and retention, and
//! declares them in its [`Capability`]; [`CAPABILITIES`] is the list of all. ARCHITECTURE.md has the order in which
//! folders may use each other.

pub mod audit;
mod capability;
pub mod card_data;
pub mod cash;
pub mod catalog;
pub mod check;
pub mod closing;
pub mod customers;
pub mod devices;
pub mod gift_cards;
pub mod guide;
pub mod health;
pub mod hq;
pub mod keeping;
mod lists;
pub mod maintenance;
pub mod operators;
pub mod orders;
mod outgoing;
pub mod payments;
pub mod permission;
pub mod pricing;
pub mod printing;
pub mod publications;
pub mod recalls;
pub mod reconciliation;
pub mod refusal;
pub mod registers;
pub mod returns;
pub mod selling;
pub mod serials;
pub mod services;
pub mod stock;
#[cfg(test)]
mod testing;
pub mod timekeeping;
pub mod training;

pub use capability::{
    Apply, By, Capability, Check, IncomingItem, OutgoingEvent, Prepare, PublishedKind, Retention, Tidied, Tidy, Touched,
};
use permission::Permission;
pub use refusal::Refusal;

/// All capabilities, lower ones first.
pub static CAPABILITIES: &[&Capability] = &[
    &refusal::CAPABILITY,
    &card_data::CAPABILITY,
    &audit::CAPABILITY,
    &publications::CAPABILITY,
    &recalls::CAPABILITY,
    &serials::CAPABILITY,
    &health::CAPABILITY,
    &timekeeping::CAPABILITY,
    &devices::CAPABILITY,
    &registers::CAPABILITY,
    &services::CAPABILITY,
    &operators::CAPABILITY,
    &operators::ROLES,
    &catalog::CAPABILITY,
    &pricing::CAPABILITY,
    &printing::CAPABILITY,
    &cash::CAPABILITY,
    &stock::CAPABILITY,
    &gift_cards::CAPABILITY,
    &customers::CAPABILITY,
    &guide::CAPABILITY,
    &orders::CAPABILITY,
    &returns::CAPABILITY,
    &selling::CAPABILITY,
    &training::CAPABILITY,
    &payments::CAPABILITY,
    &reconciliation::CAPABILITY,
    &closing::CAPABILITY,
    &hq::CAPABILITY,
    &maintenance::CAPABILITY,
    &keeping::CAPABILITY,
    &check::CAPABILITY,
];

/// All permissions and who holds them.
pub fn permissions() -> Vec<&'static Permission> {
    CAPABILITIES.iter().flat_map(|capability| capability.permissions).copied().collect()
}

/// The names of the tables whose records are links of the store's chain.
pub fn linked_tables() -> Vec<&'static str> {
    CAPABILITIES.iter().flat_map(|capability| capability.linked).copied().collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fmt::Debug};

    use super::*;

    fn unique<T: Ord + Copy + Debug>(what: &str, names: impl Iterator<Item = T>) {
        let mut seen = BTreeSet::new();
        for name in names {
            assert!(seen.insert(name), "two {what} are called {name:?}");
        }
        assert!(!seen.is_empty(), "no {what}");
    }

    #[test]
    fn names_are_unique_over_all_capabilities() {
        let all = || CAPABILITIES.iter();
        unique("capabilities", all().map(|capability| capability.name));
        unique("tables", all().flat_map(|capability| capability.tables.iter().chain(capability.linked)).copied());
        unique("refusals", all().flat_map(|capability| capability.refusals).map(|kind| kind.slug));
        unique("permissions", permissions().into_iter().map(|permission| permission.name));
        unique("acts", all().flat_map(|capability| capability.acts).map(|act| act.name));
        unique("incoming items", all().flat_map(|capability| capability.incoming).map(|item| item.kind));
        unique("published kinds", all().flat_map(|capability| capability.published).map(|published| published.kind));
        unique("events", all().flat_map(|capability| capability.events).map(|event| event.kind));
    }

    /// The tables that the source files define.
    fn defined(directory: &std::path::Path, tables: &mut BTreeSet<(bool, String)>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                defined(&path, tables);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            // Tests define their own tables to damage records.
            if path.extension().is_none_or(|extension| extension != "rs")
                || path.components().any(|part| part.as_os_str() == "tests")
                || path.ends_with("tests.rs")
            {
                continue;
            }
            for (is_linked, start) in [(false, "= Table::new("), (true, "= Table::linked(")] {
                let names = text.split(start).skip(1).filter_map(|rest| rest.strip_prefix('"')?.split('"').next());
                tables.extend(names.map(|name| (is_linked, name.to_owned())));
            }
        }
    }

    #[test]
    fn every_table_is_declared_by_its_capability() {
        let mut tables = BTreeSet::new();
        defined(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut tables);
        let declared = CAPABILITIES.iter().flat_map(|capability| {
            let (plain, linked) = (capability.tables.iter(), capability.linked.iter());
            plain.map(|name| (false, (*name).to_owned())).chain(linked.map(|name| (true, (*name).to_owned())))
        });
        assert_eq!(tables, declared.collect());
    }

    #[test]
    fn names_are_plain() {
        let is_plain = |name: &str, also: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || also.contains(c))
        };
        for capability in CAPABILITIES {
            for kind in capability.refusals {
                assert!(is_plain(kind.slug, "-"), "{}", kind.slug);
                assert!(kind.doc.ends_with('.') && !kind.title.ends_with('.'), "{}", kind.slug);
            }
            for permission in capability.permissions {
                assert!(is_plain(permission.name, "._"), "{}", permission.name);
                assert!(!permission.holders.is_empty(), "nobody holds {}", permission.name);
            }
            for act in capability.acts {
                assert!(is_plain(act.name, "_"), "{}", act.name);
            }
        }
    }
}

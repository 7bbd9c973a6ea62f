//! The parts of a running hub: state in memory and connections to the outside. They know neither routes nor the hub
//! that holds them.

pub(crate) mod budget;
pub(crate) mod catalog;
pub(crate) mod certificates;
pub(crate) mod codes;
pub(crate) mod day;
pub(crate) mod devices;
pub(crate) mod enrolment;
pub(crate) mod events;
pub(crate) mod headquarters;
pub(crate) mod operators;
pub(crate) mod prices;
pub(crate) mod printed;
pub(crate) mod publications;
pub(crate) mod registers;
pub(crate) mod requests;
pub(crate) mod sizes;
pub(crate) mod suggestions;
pub(crate) mod terminals;
pub(crate) mod timekeeper;
pub(crate) mod today;

//! The parts of a running hub: state in memory and connections to the outside. They know neither routes nor the hub
//! that holds them.

pub(crate) mod catalog;
pub(crate) mod certificates;
pub(crate) mod devices;
pub(crate) mod events;
pub(crate) mod headquarters;
pub(crate) mod printed;
pub(crate) mod publications;
pub(crate) mod registers;
pub(crate) mod requests;
pub(crate) mod sizes;
pub(crate) mod terminals;
pub(crate) mod timekeeper;
pub(crate) mod today;

//! The store hub: the daemon that owns a store's devices, serves its registers, and carries its sales to headquarters.
//!
//! One folder a capability, each with its use cases and its routes together. Data flows one way: a route turns a request into a command, the use
//! case hands a closure to the store's one committer, `commerce` decides in it, and what follows (paper, screens, HQ) is driven from what is stored,
//! after the answer.
//!
//! | module | holds |
//! | --- | --- |
//! | [`config`] | a store's config file |
//! | [`hub`] | what the capabilities share |
//! | [`registers`] | who may ask: pairing, tokens, people |
//! | [`catalog`] | items |
//! | [`selling`] | baskets, sales, receipts |
//! | [`stock`] | the stock ledger: movements, positions, reservations, notices, transfers, counts, reordering |
//! | [`payments`] | card payments and their recovery |
//! | [`printing`] | the receipt printers' queues |
//! | [`devices`] | devices by name, their events |
//! | [`headquarters`] | the outbox as the bridge reads it |
//! | [`events`] | the WebSocket |
//! | [`audit`] | who did what |
//! | [`status`] | the day's figures and the page |
//! | [`api`] | all routes together, and the OpenAPI document made from them |
//! | [`extract`] | what a request carries |
//! | [`problem`] | errors as RFC 9457 problem details |
//! | [`server`] | TLS, connections, their bounds |
//! | [`maintenance`] | `store-hub store …`: check, backup, restore, convert |
//! | [`run`] | start, watchdog, stop |
//! | `demo` | a whole store in one process tree (feature `demo`) |

/// Tables whose records are links of the store's chain.
pub const LINKED: [&str; 2] = ["sale", "audit"];

pub mod api;
pub mod audit;
pub mod catalog;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod devices;
pub mod events;
pub mod extract;
pub mod headquarters;
pub mod hub;
pub mod maintenance;
pub mod payments;
pub mod printing;
pub mod problem;
pub mod registers;
pub mod run;
pub mod selling;
pub mod server;
pub mod status;
pub mod stock;

//! Drivers for the peripherals of a store: scales, scanners, label and receipt printers, payment terminals.
//!
//! # What this crate promises
//!
//! - It knows wires and nothing of shops: no item, no price, no sale. The hub gives it what to print or charge and
//!   listens to what devices say.
//! - **No mock mode.** A driver is given an [`Address`](transport::Address) and speaks the device's protocol there.
//!   Simulated devices ([`simulate`], behind a feature) stand on the far side of a pseudo-terminal or a TCP socket and
//!   speak the same bytes.
//! - **A fault stays with its device.** Each device runs in its own supervised task: it reconnects with a bounded,
//!   jittered back-off, a panic in it is caught, reported and answered by a restart, and every wait has a time-out.
//! - **Every byte from a device is hostile**: frames are bounded, lengths checked, text sanitised, unknown codes kept
//!   as numbers. Parsers are pure functions over byte slices with property tests.
//! - **No card number gets out** of [`payment_terminal`]: there is no type here that could carry one.
//!
//! # Layout
//!
//! | module | holds |
//! | --- | --- |
//! | [`device`] | names, health, the events every device shares |
//! | [`registry`] | from a device's table in the config to a running driver; each kind lists its protocols in `PROTOCOLS` |
//! | [`transport`] | addresses; serial lines and TCP sockets as one kind of [`Wire`](transport::Wire) |
//! | [`supervise`] | connect, run, reconnect; one task a device |
//! | [`scale`], [`scanner`], [`label_printer`], [`receipt_printer`], [`payment_terminal`] | the trait the hub uses, its `PROTOCOLS`, and a private module a protocol |
//! | [`simulate`] | devices that speak the wire, faults included |

pub mod device;
pub mod label_printer;
pub mod payment_terminal;
mod printer;
pub mod receipt_printer;
pub mod registry;
pub mod scale;
pub mod scanner;
#[cfg(feature = "simulate")]
pub mod simulate;
pub mod supervise;
pub mod transport;

/// A boxed future: the drivers' traits are used behind `Arc<dyn …>`, where `async fn` cannot stand.
pub type Answer<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

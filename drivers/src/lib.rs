//! Drivers for the peripherals of a store: scales, scanners, label and receipt printers, payment terminals.
//!
//! # What this crate promises
//!
//! - It knows device protocols and nothing about the store: no items, prices or sales. The hub tells it what to print
//!   or charge, and listens to events.
//! - **No mock mode.** A driver gets an [`Address`](transport::Address) and speaks the device's protocol there.
//!   Simulated devices ([`simulate`], behind a feature) are at the other end of a pseudo-terminal or TCP socket and
//!   exchange the same bytes.
//! - **Faults are isolated.** Each device runs in its own supervised task. It reconnects with a bounded, jittered
//!   back-off; a panic is caught, reported and followed by a restart; every wait has a time-out.
//! - **Every byte from a device is untrusted**: frames are bounded, lengths checked, texts sanitised, unknown codes
//!   kept as numbers. Parsers are pure functions over byte slices with property tests.
//! - **No card number leaves** [`payment_terminal`]: no type here can hold one.
//!
//! # Layout
//!
//! | module | contents |
//! | --- | --- |
//! | [`device`] | names, health and events of all devices |
//! | [`discover`] | what is plugged in, and which protocol it speaks |
//! | [`registry`] | from a device's table in the config to a running driver; the lists of protocols |
//! | [`transport`] | addresses; serial lines, USB devices and TCP sockets as a [`Wire`](transport::Wire) |
//! | [`usb`] | the thread that owns libusb: what is plugged in, and streams to open devices |
//! | [`supervise`] | connect, run, reconnect; one task per device |
//! | [`scale`], [`scanner`], [`label_printer`] | the trait, its `PROTOCOLS`, a private module per protocol |
//! | [`receipt_printer`], [`payment_terminal`] | the same |
//! | [`sheet`], [`barcode`], [`font`], [`bitmap`] | what is on paper, at its place in dots |
//! | [`preview`] | pictures of a sheet as PNG and SVG |
//! | [`simulate`] | simulated devices that speak the protocols, including faults |

pub mod barcode;
pub mod bitmap;
pub mod customer_display;
pub mod device;
pub mod discover;
pub mod font;
pub mod label_printer;
pub mod payment_terminal;
pub mod preview;
mod printer;
pub mod receipt_printer;
pub mod registry;
pub mod scale;
pub mod scanner;
pub mod sheet;
#[cfg(feature = "simulate")]
pub mod simulate;
pub mod supervise;
pub mod transport;
pub mod usb;

/// A boxed future: the drivers' traits are used as `Arc<dyn …>`, where `async fn` is not possible.
pub type Answer<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

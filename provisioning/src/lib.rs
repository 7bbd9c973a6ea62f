//! Identities: of stores and their hubs, and how boxes get them.
//!
//! # What this crate promises
//!
//! - **A chain** has a root, an issuing authority, and in HQ's ledger a record of each location. A box becomes the
//!   hub of a location by a claim, once ([`enrol`]); its private keys never leave it. Afterwards it renews its
//!   certificates itself.
//! - **A single store** without HQ has an authority of its own ([`StoreAuthority`]): ECDSA P-256, only end-entity
//!   certificates (path length 0), valid for ten years; a hub's certificate has exactly the requested host names and
//!   addresses, for 398 days, as server and as client. It is renewed by the authority that signed it, with the same
//!   names and key, and never outlives it.
//! - Private keys are written atomically (temporary name, fsync, rename, fsync of the directory) with mode 0600 into a
//!   directory with mode 0700. An existing key is never overwritten.
//! - The current time is a parameter.
//!
//! | failure | result |
//! | --- | --- |
//! | power or disk, while writing | files with their final names are complete; run it again with an empty directory |
//! | a file exists | nothing is written |
//! | HQ, while a box enrols or checks in | see [`enrol`] |
//!
//! | module | contents |
//! | --- | --- |
//! | [`headquarters`] | HQ's authorities, and what they sign |
//! | [`enrol`] | which box is a location's hub |
//! | [`service`] | both over HTTPS |
//! | [`config`] | the config of a hub |
//! | [`qr`] | QR codes of claims |

mod authority;
pub mod config;
pub mod enrol;
mod files;
pub mod headquarters;
pub mod qr;
mod renewal;
pub mod service;

pub use authority::{Identity, Names, ProvisioningError, StoreAuthority};
pub use files::{write_new, write_store};
pub use renewal::{Renewed, renew};

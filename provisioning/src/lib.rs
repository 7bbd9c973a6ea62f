//! Identities of a store: its own certificate authority, and certificates for its hub.
//!
//! # What this crate promises
//!
//! - A store's authority signs for that store alone: ECDSA P-256, may sign end certificates only (path length 0), valid
//!   for ten years.
//! - A hub's certificate names exactly the host names and addresses it was asked for, for 398 days, as server and as
//!   client.
//! - Private keys are written with mode 0600 into a directory with mode 0700, whole or not at all (temporary name,
//!   fsync, rename, fsync of the directory), and an existing key is never overwritten.
//! - A certificate is renewed by the authority that signed it, with its names and for its key: registers and browsers
//!   notice nothing, and the private key stays where it is. It never outlives its authority.
//! - Time is passed in.
//!
//! | what fails | what is left |
//! | --- | --- |
//! | power or disk while writing | files under their final names are whole; run it again into an empty directory |
//! | a file exists | nothing is written |

mod authority;
mod files;
mod renewal;

pub use authority::{Identity, Names, ProvisioningError, StoreAuthority};
pub use files::write_store;
pub use renewal::{Renewed, renew};

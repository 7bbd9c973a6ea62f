//! Identities of stores: a certificate authority per store, and certificates for its hub.
//!
//! # What this crate promises
//!
//! - An authority signs for one store only: ECDSA P-256, only end-entity certificates (path length 0), valid for ten
//!   years.
//! - A hub's certificate has exactly the requested host names and addresses, for 398 days, as server and as client.
//! - Private keys are written atomically (temporary name, fsync, rename, fsync of the directory) with mode 0600 into a
//!   directory with mode 0700. An existing key is never overwritten.
//! - A certificate is renewed by the authority that signed it, with the same names and key: registers and browsers
//!   notice nothing, and the private key is not moved. It never outlives its authority.
//! - The current time is a parameter.
//!
//! | failure | result |
//! | --- | --- |
//! | power or disk, while writing | files with their final names are complete; run it again with an empty directory |
//! | a file exists | nothing is written |

mod authority;
mod files;
mod renewal;

pub use authority::{Identity, Names, ProvisioningError, StoreAuthority};
pub use files::write_store;
pub use renewal::{Renewed, renew};

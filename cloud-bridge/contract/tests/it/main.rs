//! The contract from outside: schemas, and messages of earlier versions.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;
mod publication;
mod schemas;

//! The contract as others see it: schemas, and what was sent in the past.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;
mod schemas;

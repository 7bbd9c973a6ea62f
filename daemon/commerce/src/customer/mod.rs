//! Customers: who they are, how to reach them, what they agreed to, and how they are found.
//!
//! # Promises
//!
//! - **A customer is a random id.** Sales, receipts and archives name a customer by it and by nothing else. The profile
//!   is the only link from the id to a person; once it is erased, nothing that was archived can be traced back.
//! - **Consents are kept.** Each has a purpose, the version of the text that was shown, and the time. A later one for
//!   the same purpose replaces it; two profiles that are merged keep the later of both.
//! - **The same key for the same thing.** A phone number, an e-mail address and a name are normalised before they are
//!   compared ([`Lookup`]).

mod lookup;
mod profile;
#[cfg(test)]
mod tests;

pub use lookup::{Lookup, MAX_KEYS, Wanted, keys};
pub use profile::{Consent, CustomerId, Exemption, InvalidCustomer, PersonalOffer, Profile};

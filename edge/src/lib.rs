//! Protection against the outside, shared by the hub, HQ and the enrolment service.
//!
//! # What this crate promises
//!
//! - **Nobody outside can forge the log.** An event is one line of limited length, whatever its values contain
//!   ([`log`]).
//! - **Nobody outside can flood the log.** Lines that outsiders cause have a rate per key ([`LogLimiter`]).
//! - **Strangers can't keep others out.** The connections of strangers have their own limits, and the holder with the
//!   most of them loses its oldest first ([`Places`]).
//!
//! | module | contents |
//! | --- | --- |
//! | [`log`] | the writer of log lines |
//! | [`log_limiter`] | the rate of log lines |
//! | [`peer`] | the origin of a connection |
//! | [`places`] | the limits on open connections |

pub mod log;
pub mod log_limiter;
pub mod peer;
pub mod places;

pub use log_limiter::LogLimiter;
pub use peer::Peer;
pub use places::{Bounds, Connection, Limits, Places};

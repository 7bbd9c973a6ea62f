//! Walks
use crate::Capability;
pub(crate) static CAPABILITY: Capability = Capability::new("check");

//! How the store counts its cash.

use serde::{Deserialize, Serialize};

/// Cash. Everything has a default.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cash {
    /// The largest difference of a count, over or short, that needs no approval, in minor units of the currency.
    pub difference_limit: u32,
}

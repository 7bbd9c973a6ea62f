//! How operators sign in.

use serde::{Deserialize, Serialize};

/// Operators. Everything has a default.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operators {
    /// After how many minutes without a command a register is locked.
    pub lock_minutes: u16,
}

impl Default for Operators {
    fn default() -> Self {
        Self { lock_minutes: 10 }
    }
}

//! Helpers for tests.

use std::path::Path;

use store::{EngineKind, Store};

/// A store of epoch 1 in a directory.
pub(crate) fn store(directory: &Path) -> Store {
    Store::open(directory, EngineKind::Sqlite, 1).unwrap()
}

//! The catalog in memory.

use std::sync::Arc;

use app::catalog::Catalog;
use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;

/// The current catalog: a snapshot that is replaced as a whole.
pub(crate) struct LiveCatalog {
    snapshot: ArcSwap<Catalog>,
    version: watch::Sender<u64>,
}

impl LiveCatalog {
    pub(crate) fn new(catalog: Catalog) -> Self {
        let version = watch::Sender::new(catalog.version());
        Self { snapshot: ArcSwap::from_pointee(catalog), version }
    }

    /// The current catalog.
    pub(crate) fn load(&self) -> Guard<Arc<Catalog>> {
        self.snapshot.load()
    }

    /// Replaces the catalog.
    pub(crate) fn replace(&self, catalog: Catalog) {
        let version = catalog.version();
        self.snapshot.store(Arc::new(catalog));
        self.version.send_replace(version);
    }

    /// Waits until a load is in effect.
    pub(crate) async fn reached(&self, version: u64) {
        let mut reached = self.version.subscribe();
        let _ = reached.wait_for(|reached| *reached >= version).await;
    }
}

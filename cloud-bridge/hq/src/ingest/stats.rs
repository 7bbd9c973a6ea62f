//! Counters of an ingest.

use std::collections::BTreeMap;

use contract::{Epoch, HubId, Sequence, Stream};
use serde::Serialize;

/// Counters of the ingest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IngestStats {
    /// Whether the broker is connected.
    pub connected: bool,
    /// Stored events.
    pub stored: u64,
    /// Repeated events.
    pub repeated: u64,
    /// Stored events that are quarantined.
    pub quarantined: u64,
    /// Batches that did not follow the cursor.
    pub gaps: u64,
    /// Dropped messages: unreadable, or published by the wrong hub.
    pub garbage: u64,
    /// Failed commits.
    pub failed: u64,
    /// Hubs whose store has stopped, with the latest reason of each.
    pub stopped: BTreeMap<HubId, String>,
    /// Names used by two hubs: an earlier epoch sent something after a later one.
    pub namesakes: BTreeMap<HubId, (Epoch, Epoch)>,
    /// Hubs whose events differ from those received, up to the named event: a disk was set back or copied.
    pub diverged: BTreeMap<HubId, (Stream, Sequence)>,
    /// The last error of the broker's connection.
    pub trouble: Option<String>,
}

//! The hubs' latest hellos.

use std::collections::BTreeMap;

use contract::{Epoch, Hello, HubId};

use super::{Ledger, cursor::Key};
use crate::database::{DatabaseError, Transaction, Value, statement::statements, values};

statements! {
    /// Stores a hello, unless a later epoch exists.
    HEARD = "hub/heard" + postgres;
    /// Stores a hub whose hello was lost.
    SENDS = "hub/sends";
    /// Stores the spans of a hub's streams.
    SPAN = "hub/span" + postgres;
    /// The latest epoch of each hub, and why its store has stopped.
    EPOCHS = "hub/epochs";
}

/// The maximum length of a hub's text, in characters.
const MAX_TEXT: usize = 1_024;

/// A hello, and when it arrived: milliseconds since 1970, UTC.
pub type Heard = (Hello, i64);

fn text(text: &str) -> String {
    text.chars().filter(|char| *char != '\0').take(MAX_TEXT).collect()
}

/// Stores that a hub exists when its first event is stored: hellos are written every few seconds, and a worker that is
/// killed in between loses them.
pub(super) async fn sends(transaction: &mut Transaction, key: &Key, now_ms: i64) -> Result<(), DatabaseError> {
    let [hub, epoch, _] = key.values();
    transaction.execute(&SENDS, values![hub, epoch, now_ms]).await.map(drop)
}

impl Ledger {
    /// Stores hellos.
    ///
    /// # Errors
    /// The database fails.
    pub async fn heard(&self, hellos: &BTreeMap<HubId, Heard>) -> Result<(), DatabaseError> {
        let (mut hubs, mut spans) = (Vec::new(), Vec::new());
        for (hub, (hello, at_ms)) in hellos {
            let epoch = Value::unsigned("epoch", hello.epoch.0)?;
            let stopped = hello.stopped.as_deref().map(text);
            hubs.push(values![hub.as_str(), epoch.clone(), text(&hello.software), stopped, *at_ms]);
            let streams: BTreeMap<_, _> = hello.streams.iter().map(|span| (&span.stream, span)).collect();
            for (stream, span) in streams {
                let [first, last] = [span.first_kept, span.last].map(|place| Value::unsigned("sequence", place.0));
                spans.push(values![hub.as_str(), epoch.clone(), stream.as_str(), first?, last?, *at_ms]);
            }
        }
        let mut transaction = self.database().transaction().await?;
        transaction.execute_many(&HEARD, hubs).await?;
        transaction.execute_many(&SPAN, spans).await?;
        transaction.commit().await
    }

    /// The latest epoch of each hub that said hello, and why its store has stopped, if it has.
    ///
    /// # Errors
    /// The database fails.
    pub async fn hubs(&self) -> Result<BTreeMap<HubId, (Epoch, Option<String>)>, DatabaseError> {
        let rows = self.database().read(&EPOCHS, values![]).await?;
        let hub = |row: crate::database::Row| {
            let (hub, epoch, stopped): (String, u64, Option<String>) = row.read()?;
            let bad = |found| DatabaseError::Column { column: 0, expected: "a hub", found };
            Ok((hub.parse().map_err(bad)?, (Epoch(epoch), stopped)))
        };
        rows.into_iter().map(hub).collect()
    }
}

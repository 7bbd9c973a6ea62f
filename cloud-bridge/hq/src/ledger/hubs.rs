//! What hubs say of themselves.

use std::collections::BTreeMap;

use contract::{Epoch, Hello, HubId};

use super::Ledger;
use crate::database::{DatabaseError, Value, statement::statements, values};

statements! {
    /// What hubs said, unless a later epoch of theirs has spoken.
    HEARD = "hub/heard" + postgres;
    /// What their streams have to offer.
    SPAN = "hub/span" + postgres;
    /// The latest epoch of each hub, and why its store has stopped.
    EPOCHS = "hub/epochs";
}

/// The longest text of a hub's that is kept, in characters.
const MAX_TEXT: usize = 1_024;

/// A hello, and when it came: milliseconds since 1970, UTC.
pub type Heard = (Hello, i64);

fn text(text: &str) -> String {
    text.chars().filter(|char| *char != '\0').take(MAX_TEXT).collect()
}

impl Ledger {
    /// Notes down what hubs said last.
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

//! The fleet: presence and newest telemetry of each hub.

use std::collections::BTreeMap;

use contract::{Epoch, HubId, telemetry::Sample};
use serde::Serialize;

use super::Ledger;
use crate::{
    database::{DatabaseError, Row, Value, statement::statements, values},
    presence::Presence,
};

statements! {
    /// Stores presences.
    PRESENT = "presence/note" + postgres;
    /// All presences.
    PRESENCE = "presence/all";
    /// Stores samples.
    SAMPLE = "telemetry/note" + postgres;
    /// All newest samples.
    SAMPLES = "telemetry/all";
}

/// A hub's newest sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sampled {
    /// The epoch of the hub's store.
    pub epoch: Epoch,
    /// When HQ received it: milliseconds since 1970, UTC.
    pub received_at_ms: i64,
    /// The number of samples that the hub has dropped since it started.
    pub dropped: u64,
    /// The sample.
    pub sample: Sample,
}

fn hub(name: &str) -> Result<HubId, DatabaseError> {
    name.parse().map_err(|found| DatabaseError::Column { column: 0, expected: "a hub", found })
}

impl Ledger {
    /// Stores presences.
    ///
    /// # Errors
    /// The database fails.
    pub async fn note_presence(&self, hubs: &BTreeMap<HubId, Presence>) -> Result<(), DatabaseError> {
        let row = |(hub, presence): (&HubId, &Presence)| {
            let Presence { connection, is_online, since_ms, heard_at_ms } = presence;
            values![hub.as_str(), connection, *is_online, *since_ms, *heard_at_ms]
        };
        let mut transaction = self.database().transaction().await?;
        transaction.execute_many(&PRESENT, hubs.iter().map(row).collect()).await?;
        transaction.commit().await
    }

    /// The presence of every hub.
    ///
    /// # Errors
    /// The database fails.
    pub async fn presence(&self) -> Result<BTreeMap<HubId, Presence>, DatabaseError> {
        let read = |row: Row| {
            let (name, connection, is_online, since_ms, heard_at_ms): (String, String, bool, i64, i64) = row.read()?;
            Ok((hub(&name)?, Presence { connection, is_online, since_ms, heard_at_ms }))
        };
        self.database().read(&PRESENCE, values![]).await?.into_iter().map(read).collect()
    }

    /// Stores the newest samples.
    ///
    /// # Errors
    /// The database fails.
    pub async fn note_samples(&self, samples: &BTreeMap<HubId, Sampled>) -> Result<(), DatabaseError> {
        let row = |(hub, sampled): (&HubId, &Sampled)| {
            let json = serde_json::to_string(&sampled.sample).unwrap_or_default();
            let (epoch, dropped) = (Value::unsigned("epoch", sampled.epoch.0)?, sampled.dropped);
            let dropped = Value::unsigned("dropped", dropped)?;
            Ok(values![hub.as_str(), epoch, sampled.sample.at_ms, sampled.received_at_ms, dropped, json])
        };
        let rows = samples.iter().map(row).collect::<Result<_, DatabaseError>>()?;
        let mut transaction = self.database().transaction().await?;
        transaction.execute_many(&SAMPLE, rows).await?;
        transaction.commit().await
    }

    /// The newest sample of every hub.
    ///
    /// # Errors
    /// The database fails.
    pub async fn samples(&self) -> Result<BTreeMap<HubId, Sampled>, DatabaseError> {
        let read = |row: Row| {
            let (name, epoch, received_at_ms, dropped, json): (String, u64, i64, u64, String) = row.read()?;
            let bad = |error: serde_json::Error| DatabaseError::Column {
                column: 4,
                expected: "a sample",
                found: error.to_string(),
            };
            let sample = serde_json::from_str(&json).map_err(bad)?;
            Ok((hub(&name)?, Sampled { epoch: Epoch(epoch), received_at_ms, dropped, sample }))
        };
        self.database().read(&SAMPLES, values![]).await?.into_iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fresh, on_each_engine};

    on_each_engine! {
        the_newest_of_each_hub_is_kept
    }

    async fn the_newest_of_each_hub_is_kept(fresh: Fresh) {
        let ledger = Ledger::on(fresh.database.clone());
        let [one, other]: [HubId; 2] = ["store-1", "store-2"].map(|hub| hub.parse().unwrap());
        let first = Presence::after_hello(None, u64::MAX, 1_000);
        let gone = first.after_will(u64::MAX, 2_000).unwrap();
        let presence =
            |of_one: &Presence| BTreeMap::from([(one.clone(), of_one.clone()), (other.clone(), first.clone())]);
        ledger.note_presence(&presence(&first)).await.unwrap();
        ledger.note_presence(&BTreeMap::from([(one.clone(), gone.clone())])).await.unwrap();
        assert_eq!(ledger.presence().await.unwrap(), presence(&gone));
        for at_ms in [1, 2] {
            let sample = Sample { at_ms, software: "store-hub 0.1.0".into(), ..Sample::default() };
            let sampled = Sampled { epoch: Epoch(7), received_at_ms: 9, dropped: 3, sample };
            let samples = BTreeMap::from([(one.clone(), sampled)]);
            ledger.note_samples(&samples).await.unwrap();
            assert_eq!(ledger.samples().await.unwrap(), samples);
        }
    }
}

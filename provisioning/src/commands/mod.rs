//! The commands, and what they share.

pub(crate) mod claim;
pub(crate) mod headquarters;
pub(crate) mod hub;
pub(crate) mod location;
pub(crate) mod serve;
pub(crate) mod store;

use std::path::PathBuf;

use clap::Args;
use contract::HubId;
use hq::{
    Ledger, LedgerArguments,
    locations::{Change, Location},
};
use provisioning::headquarters::Headquarters;
use serde::Serialize;
use time::OffsetDateTime;

/// HQ: its authority and its ledger.
#[derive(Args)]
pub(crate) struct At {
    /// The directory of HQ's authority, made by `hq init`
    #[arg(long = "authority", default_value = "/etc/store-hub-hq/authority")]
    pub(crate) authority: PathBuf,
    #[command(flatten)]
    pub(crate) ledger: LedgerArguments,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl At {
    pub(crate) fn headquarters(&self) -> Result<Headquarters, String> {
        Headquarters::open(&self.authority).map_err(|error| format!("{error}; `hq init` makes the authority"))
    }

    pub(crate) async fn ledger(&self) -> Result<Ledger, String> {
        self.ledger.make().await.map_err(text)
    }
}

pub(crate) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub(crate) fn now_ms() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}

/// Prints for programs, or else for people.
pub(crate) fn tell(json: bool, value: &impl Serialize, people: impl FnOnce()) -> Result<(), String> {
    if json {
        println!("{}", serde_json::to_string(value).map_err(text)?);
    } else {
        people();
    }
    Ok(())
}

/// A moment for people.
pub(crate) fn moment(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |at| at.strftime("%F %R UTC").to_string())
}

/// A location that must exist.
pub(crate) async fn known(change: &mut Change, id: &HubId) -> Result<Location, String> {
    let location = change.location(id).await.map_err(text)?;
    location.ok_or_else(|| format!("unknown location {id}: add it by `location add`"))
}

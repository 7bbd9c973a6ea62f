//! `store-hub-hq stores`

use std::{fs::File, path::PathBuf};

use clap::{Args, Subcommand};
use hq::orders::{
    Profile,
    profile::{self, Slots},
    stores,
};

use super::{Failure, LedgerArguments, Report, output::Output};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Load stores from a CSV file. A row replaces the store's data. Columns: store, lat, lon, zones, keeps,
    /// time_zone, hours, capacity, prepare_minutes, parcel, per_km, handling, slot_minutes, slot_orders.
    Load {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
    /// List the stores.
    List(Report),
}

pub(crate) async fn run(Arguments { command }: &Arguments) -> Result<(), Failure> {
    match command {
        Command::Load { file, ledger } => {
            let at = |why: String| Failure::Arguments(format!("{}: {why}", file.display()));
            let opened = File::open(file).map_err(|error| at(error.to_string()))?;
            let profiles = profile::read(opened).map_err(|error| at(error.to_string()))?;
            let ledger = ledger.make().await?;
            let mut transaction = ledger.database().transaction().await?;
            stores::store(&mut transaction, &profiles, hq::now_ms()).await?;
            transaction.commit().await?;
            println!("{} stores", profiles.len());
            Ok(())
        }
        Command::List(report) => {
            let header = &["store", "place", "zones", "keeps", "hours", ">capacity", ">minutes", "slots"];
            let mut output = Output::new(report.json, header);
            let mut snapshot = report.ledger.open().await?.database().snapshot().await?;
            for profile in stores::all(&mut snapshot).await? {
                output.row(&profile, columns)?;
            }
            Ok(output.end("No stores; load them with `store-hub-hq stores load`.")?)
        }
    }
}

fn columns(profile: &Profile) -> Vec<String> {
    let place = profile.at.map_or_else(String::new, |at| format!("{:.4} {:.4}", at.lat, at.lon));
    let hours =
        profile.hours.as_ref().map_or_else(|| "always".to_owned(), |hours| format!("{hours} {}", profile.time_zone));
    let capacity = if profile.capacity == u32::MAX { String::new() } else { profile.capacity.to_string() };
    let slots =
        profile.slots.map_or_else(String::new, |Slots { minutes, orders }| format!("{orders} in {minutes} min"));
    vec![
        profile.store.to_string(),
        place,
        profile.zones.join(" "),
        profile.keeps.iter().map(|zone| zone.name()).collect::<Vec<_>>().join(" "),
        hours,
        capacity,
        profile.prepare_minutes.to_string(),
        slots,
    ]
}

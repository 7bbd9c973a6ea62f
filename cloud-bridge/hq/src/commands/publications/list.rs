//! `store-hub-hq publications`.

use contract::{PublicationKind, publication::CATALOG};
use serde::Serialize;

use super::{LedgerArguments, publications};
use crate::commands::output::moment;

/// Selects publications.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A version, to show its state at each hub. Default: the latest publications
    version: Option<u64>,
    /// The kind
    #[arg(long, default_value = CATALOG)]
    kind: PublicationKind,
    /// Print lines of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    ledger: LedgerArguments,
}

/// The number of publications listed.
const LISTED: u32 = 20;

pub(super) async fn run(arguments: &Arguments) -> Result<(), String> {
    let publications = publications(&arguments.ledger).await?;
    let failed = |error: hq::database::DatabaseError| error.to_string();
    match arguments.version {
        Some(version) => {
            for target in publications.targets(&arguments.kind, version).await.map_err(failed)? {
                if arguments.json {
                    print_json(&target)?;
                } else {
                    let state = target.state.as_deref().unwrap_or("unknown");
                    let why = target.why.as_deref().unwrap_or_default().escape_debug();
                    let since = target.since_ms.map(moment).unwrap_or_default();
                    println!("{:<20} {state:<17} {since:<20} {why}", target.hub.as_str());
                }
            }
        }
        None => {
            for published in publications.list(LISTED).await.map_err(failed)? {
                if arguments.json {
                    print_json(&published)?;
                } else {
                    let (kind, version) = (&published.kind, published.version);
                    let targets = publications.targets(kind, version).await.map_err(failed)?;
                    println!(
                        "{kind} version {version}: {} records, from {}; {}",
                        published.records,
                        super::publish::shown(&published.effective),
                        super::publish::summary(&targets)
                    );
                }
            }
        }
    }
    Ok(())
}

fn print_json(row: &impl Serialize) -> Result<(), String> {
    println!("{}", serde_json::to_string(row).map_err(|error| error.to_string())?);
    Ok(())
}

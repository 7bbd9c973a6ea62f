//! `store-hub-provision hub …`

use std::path::PathBuf;

use clap::Subcommand;
use contract::HubId;
use edge::LogLimiter;
use hq::locations::Change;
use provisioning::{enrol::Desk, service::Service};
use time::OffsetDateTime;

use super::{At, known, moment, now_ms, tell, text};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Let a hub renew its certificates at its next check-in, also if they expired too often
    Renew {
        /// The location
        location: HubId,
        #[command(flatten)]
        at: At,
    },
    /// Revoke the certificates of a hub: brokers and HQ refuse it, and it keeps selling
    Revoke {
        /// The location
        location: HubId,
        /// Why
        #[arg(long)]
        why: String,
        #[command(flatten)]
        at: At,
    },
    /// Show what was done with a location and its identities
    Trail {
        /// The location
        location: HubId,
        #[command(flatten)]
        at: At,
    },
    /// Write the list of revoked certificates, PEM
    Revoked {
        /// The file
        #[arg(short, long)]
        output: PathBuf,
        #[command(flatten)]
        at: At,
    },
}

pub(crate) async fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Renew { location, at } => {
            let ledger = at.ledger().await?;
            let mut change = Change::begin(&ledger).await.map_err(text)?;
            let mut record = known(&mut change, &location).await?;
            record.renew = true;
            change.put(&record, now_ms()).await.map_err(text)?;
            change.record(&location, "renewal_ordered", "", now_ms()).await.map_err(text)?;
            change.commit().await.map_err(text)?;
            tell(at.json, &location, || println!("{location} renews its certificates within the hour."))
        }
        Command::Revoke { location, why, at } => {
            let (ledger, headquarters) = (at.ledger().await?, at.headquarters()?);
            let desk = Desk { ledger: &ledger, headquarters: &headquarters, now: OffsetDateTime::now_utc() };
            if !desk.revoke_hub(&location, &why).await.map_err(text)? {
                return Err(format!("unknown location {location}"));
            }
            tell(at.json, &location, || println!("Revoked the hub of {location}. It keeps selling."))
        }
        Command::Trail { location, at } => {
            let ledger = at.ledger().await?;
            for act in ledger.location_acts(&location).await.map_err(text)? {
                tell(at.json, &act, || println!("{}  {}  {}", moment(act.at_ms), act.act, act.detail))?;
            }
            Ok(())
        }
        Command::Revoked { output, at } => {
            let (ledger, headquarters) = (at.ledger().await?, at.headquarters()?);
            let service = Service {
                ledger,
                headquarters,
                list: Some(output.clone()),
                tell: None,
                limiter: LogLimiter::default(),
            };
            let revoked = service.publish_list(None).await.ok_or("could not write the list; see above")?;
            tell(at.json, &revoked, || println!("{} certificates are revoked: {}", revoked.len(), output.display()))
        }
    }
}

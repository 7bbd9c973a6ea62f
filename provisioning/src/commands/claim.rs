//! `store-hub-provision claim …`

use std::path::PathBuf;

use clap::Subcommand;
use contract::{
    Digest, HubId,
    enrolment::{Code, Ticket},
};
use hq::{
    Ledger,
    locations::{Change, State},
    report::fleet::StreamState,
};
use provisioning::{config::put_config, qr, write_new};
use serde::Serialize;

use super::{At, known, moment, now_ms, tell, text};

/// The longest life of a claim, in hours.
const LONGEST: u16 = 14 * 24;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Issue a claim; an earlier one of the location becomes void
    Issue {
        /// The location
        location: HubId,
        /// The box replaces the location's hub, whose certificates are revoked as soon as the new one works
        #[arg(long)]
        replace: bool,
        /// How many hours it is valid
        #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u16).range(1..=i64::from(LONGEST)))]
        hours: u16,
        /// Also write the ticket as a QR code into this PNG
        #[arg(long)]
        png: Option<PathBuf>,
        /// Also write the ticket for a USB stick, into this directory
        #[arg(long)]
        bundle: Option<PathBuf>,
        #[command(flatten)]
        at: At,
    },
}

#[derive(Serialize)]
struct Issued {
    location: HubId,
    code: String,
    ticket: String,
    expires_ms: i64,
    /// What the former hub had not sent when HQ last heard of it.
    unsent: Vec<StreamState>,
}

pub(crate) async fn run(command: Command) -> Result<(), String> {
    let Command::Issue { location: id, replace, hours, png, bundle, at } = command;
    let headquarters = at.headquarters()?;
    let ledger = at.ledger().await?;
    let (code, now) = (Code::draw()?, now_ms());
    let expires_ms = now + i64::from(hours) * 3_600_000;
    let mut change = Change::begin(&ledger).await.map_err(text)?;
    let mut location = known(&mut change, &id).await?;
    if replace != (location.generation > 0) {
        return Err(if replace {
            format!("{id} has had no hub yet: issue the claim without --replace")
        } else {
            format!("{id} has a hub: issue the claim with --replace if another box takes its place")
        });
    }
    if matches!(location.state, State::Closing | State::Closed) {
        return Err(format!("{id} is {}: add a new location", location.state.name()));
    }
    // The settings of HQ may have changed since the location was added.
    put_config(&mut location, &headquarters.settings);
    change.put(&location, now).await.map_err(text)?;
    change.issue(&id, Digest(code.key(&id).0), replace, (now, expires_ms)).await.map_err(text)?;
    let detail = if replace { "for a replacement" } else { "for the first box" };
    change.record(&id, "claim_issued", detail, now).await.map_err(text)?;
    let unsent = if replace { unsent(&ledger, &id).await? } else { Vec::new() };
    let service = headquarters.settings.service.clone();
    let ticket = Ticket { service, location: id.clone(), code: code.clone(), root: headquarters.root() }.to_string();
    if let Some(path) = &png {
        qr::write_png(path, &ticket)?;
    }
    if let Some(directory) = &bundle {
        let files = [("claim.txt", ticket.as_str(), 0o600), ("hq-root.pem", headquarters.root_pem(), 0o644)];
        write_new(directory, &files).map_err(text)?;
    }
    change.commit().await.map_err(text)?;
    let picture = qr::terminal(&ticket)?;
    let issued = Issued { location: id.clone(), code: code.to_string(), ticket, expires_ms, unsent };
    tell(at.json, &issued, || {
        println!("Claim for {id}, valid once, until {}:", moment(expires_ms));
        println!("  code    {}", issued.code);
        println!("  ticket  {}", issued.ticket);
        println!("{picture}");
        println!("On the box: scan or paste the ticket on its page, or run `store-hub enroll TICKET`.");
        for stream in &issued.unsent {
            println!(
                "Not received from the former hub: {} of {} after {}; they may still be on its disk.",
                stream.lag, stream.stream, stream.up_to.0
            );
        }
    })
}

/// What the location's hub told HQ that it has, and HQ lacks.
async fn unsent(ledger: &Ledger, id: &HubId) -> Result<Vec<StreamState>, String> {
    let mut unsent = Vec::new();
    ledger
        .fleet(|member| {
            if member.hub == *id {
                unsent.extend(member.streams.into_iter().filter(|stream| stream.lag > 0));
            }
            Ok::<_, hq::DatabaseError>(())
        })
        .await
        .map_err(text)?;
    Ok(unsent)
}

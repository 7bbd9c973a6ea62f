//! How a box becomes the hub of a location, and keeps its identity.
//!
//! # What this capability promises
//!
//! - The private keys (P-256) are made on the box and never leave it: the identity at HQ and the broker, the store's
//!   authority for the LAN, and the server's own.
//! - `store-hub enroll` and the page of an unclaimed box do the same steps ([`claim`]); each can be
//!   interrupted and repeated.
//! - The running hub checks in, renews its certificates and tries new configs ([`keep`], [`trial`]). Whatever HQ says
//!   or does not say, it keeps selling; only the closing of its location ends it.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, at any step | the next run goes on with the same keys and the same question |
//! | HQ is away | the enrolment waits for another run; carried files do the same |
//! | the code is wrong or used | HQ's reason is shown; nothing changes |
//! | the box has no clock | the answer has HQ's time, and the difference is shown |
//!
//! `enroll`, the files in the state directory:
//!
//! | file | contents |
//! | --- | --- |
//! | `identity.pem`, `identity.key` | the client certificate for the broker |
//! | `store-authority.pem`, `store-authority.key` | signs `hub.pem`; may sign for this store's names only |
//! | `hub.pem`, `hub.key` | the server certificate for the LAN |
//! | `hq-root.pem` | HQ's root, which registers and browsers trust |
//! | `hub.toml` | the config |
//! | `enrolled.json`, `trial.json` | what the hub knows of its enrolment; a config on trial |
//! | `wiping.json` | the location is closed, and the box is being wiped |

mod announce;
mod claim;
mod clearing;
mod client;
mod course;
mod folder;
mod keep;
mod keys;
mod page;
#[cfg(test)]
mod tests;
mod trial;
mod trust;
mod wipe;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use contract::enrolment::{LARGEST, Ticket};
use drivers::discover;

pub(crate) use self::{announce::announce, keep::start, trust::pages, wipe::wipe};
use self::{
    claim::{Applicant, CONFIG, Enrolled},
    folder::Folder,
};
use crate::clock::now_ms;

/// Enrol this box as the hub of a location
#[derive(Args)]
pub struct Arguments {
    /// The ticket, from `store-hub-provision claim issue`
    ticket: Option<String>,
    /// The directory with the ticket, such as a USB stick
    #[arg(long, conflicts_with = "ticket")]
    bundle: Option<PathBuf>,
    /// The hub's state directory
    #[arg(long, default_value = crate::config::STATE)]
    state: PathBuf,
    /// Do not ask HQ: write the question into this file, for `store-hub-provision sign`
    #[arg(long)]
    question: Option<PathBuf>,
    /// The file with HQ's answer, from `store-hub-provision sign`
    #[arg(long, conflicts_with_all = ["ticket", "bundle", "question"])]
    answer: Option<PathBuf>,
}

/// `store-hub enroll`
///
/// # Errors
/// The error, for people.
pub async fn enroll(arguments: Arguments) -> Result<(), String> {
    let Arguments { ticket, bundle, state, question, answer } = arguments;
    let folder = Folder::open(&state)?;
    // What an interrupted wipe left must not take this enrolment with it.
    wipe::finish(&folder)?;
    if let Some(path) = answer {
        let reply = serde_json::from_str(&small(&path)?).map_err(|error| format!("{}: {error}", path.display()))?;
        let (enrolled, at_hq_ms) = Applicant::open(&state)?.answered(&reply)?;
        // A carried answer is as old as its way: only a clock behind it is wrong.
        return say(&told(&folder, &enrolled, (now_ms() < at_hq_ms).then_some(at_hq_ms)).await);
    }
    let text = match (ticket, bundle) {
        (Some(ticket), _) => ticket,
        (None, Some(bundle)) => small(&bundle.join("claim.txt"))?,
        (None, None) => return Err("pass the ticket, or --bundle with the directory that has it".into()),
    };
    let ticket: Ticket = text.parse()?;
    if let Some(path) = question {
        let question = Applicant::open(&state)?.question(&ticket, devices().await, now_ms())?;
        let text = serde_json::to_string(&question).map_err(|error| error.to_string())?;
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("Wrote {}. At HQ: `store-hub-provision sign {0} -o answer.json`.", path.display());
        return Ok(());
    }
    say(&apply(&folder, &ticket).await?)
}

fn small(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    if fs::metadata(path).map_err(failed)?.len() > LARGEST as u64 {
        return Err(format!("{}: larger than {LARGEST} bytes", path.display()));
    }
    fs::read_to_string(path).map_err(failed)
}

#[allow(clippy::unnecessary_wraps, reason = "the end of a command")]
fn say(lines: &[String]) -> Result<(), String> {
    for line in lines {
        println!("{line}");
    }
    Ok(())
}

/// Enrols the box by a ticket; returns what a person should know.
async fn apply(state: &Folder, ticket: &Ticket) -> Result<Vec<String>, String> {
    let applicant = Applicant::open(&state.path(""))?;
    if let Some(enrolled) = applicant.enrolled_by(ticket)? {
        return Ok(told(state, &enrolled, None).await);
    }
    let question = applicant.question(ticket, devices().await, now_ms())?;
    let reply = client::ask(&ticket.service, ticket.root, "/enrolments", &question).await;
    let (enrolled, at_hq_ms) = applicant.answered(&reply.map_err(|error| error.to_string())?)?;
    Ok(told(state, &enrolled, Some(at_hq_ms)).await)
}

async fn told(state: &Folder, enrolled: &Enrolled, at_hq_ms: Option<i64>) -> Vec<String> {
    let mut lines = vec![format!("Enrolled as the hub of {}.", enrolled.location)];
    lines.extend(at_hq_ms.and_then(keep::clocks).map(|fault| format!("Warning: {fault}.")));
    let proposals = discover::look().await.usb.into_iter().filter_map(|device| device.suggestion);
    let config = state.read(CONFIG).ok().flatten().unwrap_or_default();
    let address = |table: &str| {
        let line = table.lines().find(|line| line.trim().starts_with("address"))?;
        line.split_once('"')?.1.split_once('"').map(|(address, _)| address.to_owned())
    };
    for table in proposals.filter(|table| address(table).is_none_or(|address| !config.contains(&address))) {
        lines.push(format!("Plugged in, and not in the lanes of HQ:\n{table}"));
    }
    lines
}

/// What is plugged in, for HQ.
async fn devices() -> Vec<String> {
    let found = discover::look().await;
    let usb = found.usb.into_iter().map(|described| {
        let device = described.device;
        let name = [device.manufacturer, device.name].into_iter().flatten().collect::<Vec<_>>().join(" ");
        format!("usb {:04x}:{:04x} {name}", device.vendor, device.product)
    });
    let serial = found.serial.into_iter().map(|line| line.address);
    usb.chain(serial).take(50).map(|text| text.chars().take(120).collect()).collect()
}

/// Where the config of an enrolled box is. An unclaimed box serves its first page until it is enrolled.
///
/// # Errors
/// The page can't be served, or a file can't be read.
pub async fn config(state: &Path, first_page: SocketAddr) -> Result<PathBuf, String> {
    let folder = Folder::open(state)?;
    wipe::finish(&folder)?;
    if folder.path("enrolling").exists() {
        Applicant::open(state)?.finish()?;
    }
    if folder.read(claim::ENROLLED)?.is_none() {
        page::serve(&folder, first_page).await?;
    }
    if let Some(trial) = trial::at_start(&folder)? {
        tracing::info!(version = trial.version, "trying a new config");
    }
    Ok(folder.path(CONFIG))
}

//! The commands, and what they share.

pub(crate) mod access;
pub(crate) mod export;
pub(crate) mod fleet;
pub(crate) mod ingest;
pub(crate) mod key;
pub(crate) mod output;
pub(crate) mod publications;
pub(crate) mod publish;
pub(crate) mod quarantine;
pub(crate) mod rebuild;
pub(crate) mod replay_request;
pub(crate) mod route;
pub(crate) mod sales;
pub(crate) mod serve;
pub(crate) mod stock;
pub(crate) mod totals;
pub(crate) mod transfers;
pub(crate) mod webhook;

use std::{io, path::PathBuf};

use clap::Args;
use hq::{Access, Address, DatabaseError, Ledger};

/// Which ledger.
#[derive(Args)]
pub(crate) struct LedgerArguments {
    /// A file such as hq.db (SQLite), or postgres://user@host/database.
    #[arg(long)]
    ledger: Address,
    /// PEM file of the authority that signed the certificate of the ledger's server.
    #[arg(long)]
    ledger_ca: Option<PathBuf>,
    /// A file whose first line is the password for the ledger's server.
    #[arg(long)]
    ledger_password_file: Option<PathBuf>,
}

impl LedgerArguments {
    /// Opens the ledger, or makes it.
    pub(crate) async fn make(&self) -> Result<Ledger, Failure> {
        let (authority, password_file) = (self.ledger_ca.clone(), self.ledger_password_file.clone());
        Ok(Ledger::open(&self.ledger, &Access { authority, password_file }).await?)
    }

    /// Opens a ledger that is there.
    pub(crate) async fn open(&self) -> Result<Ledger, Failure> {
        if let Address::File(path) = &self.ledger
            && !path.exists()
        {
            let why = format!("{}: there is no ledger; `store-hub-hq ingest` makes one", path.display());
            return Err(Failure::Arguments(why));
        }
        self.make().await
    }
}

/// A report.
#[derive(Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) ledger: LedgerArguments,
    /// A line of JSON for each row, for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments cannot be followed.
    #[error("{0}")]
    Arguments(String),
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] DatabaseError),
    /// A hub did.
    #[error("a hub refused it")]
    Refused,
    /// The output cannot be written.
    #[error("could not write: {0}")]
    Write(#[from] io::Error),
}

//! The command-line arguments that name a ledger.

use std::path::PathBuf;

use clap::Args;

use super::{Access, Address, DatabaseError};
use crate::Ledger;

/// The ledger.
#[derive(Args)]
pub struct LedgerArguments {
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
    /// Opens the ledger; creates it if missing.
    ///
    /// # Errors
    /// It can't be opened.
    pub async fn make(&self) -> Result<Ledger, DatabaseError> {
        let (authority, password_file) = (self.ledger_ca.clone(), self.ledger_password_file.clone());
        Ledger::open(&self.ledger, &Access { authority, password_file }).await
    }

    /// Opens an existing ledger.
    ///
    /// # Errors
    /// There is none, or it can't be opened.
    pub async fn open(&self) -> Result<Ledger, DatabaseError> {
        if let Address::File(path) = &self.ledger
            && !path.exists()
        {
            let why = "no ledger; `store-hub-hq ingest` creates one".to_owned();
            return Err(DatabaseError::Open { what: path.display().to_string(), why });
        }
        self.make().await
    }
}

//! The commands, and what they share.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod cash;
pub(crate) mod customers;
pub(crate) mod export;
pub(crate) mod fleet;
pub(crate) mod gift_cards;
pub(crate) mod ingest;
pub(crate) mod key;
pub(crate) mod orders;
pub(crate) mod output;
pub(crate) mod parity;
pub(crate) mod publications;
pub(crate) mod publish;
pub(crate) mod quarantine;
pub(crate) mod rebuild;
pub(crate) mod replay_request;
pub(crate) mod returns;
pub(crate) mod route;
pub(crate) mod sales;
pub(crate) mod serve;
pub(crate) mod stock;
pub(crate) mod stores;
pub(crate) mod totals;
pub(crate) mod transfers;
pub(crate) mod webhook;

use std::io;

use clap::Args;
use hq::DatabaseError;
pub(crate) use hq::LedgerArguments;

/// A report.
#[derive(Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) ledger: LedgerArguments,
    /// Print one line of JSON per row, for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments are invalid.
    #[error("{0}")]
    Arguments(String),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] DatabaseError),
    /// A hub refused.
    #[error("a hub refused it")]
    Refused,
    /// A store's prices differ from HQ's.
    #[error("{0} differences")]
    Different(usize),
    /// The output could not be written.
    #[error("could not write: {0}")]
    Write(#[from] io::Error),
}

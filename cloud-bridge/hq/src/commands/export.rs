//! `store-hub-hq export`

use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
};

use clap::Args;
use hq::exports::{Day, Export, ExportError, Format};

use super::{Failure, LedgerArguments};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The business day, such as 2026-11-24.
    day: Day,
    /// csv or parquet.
    #[arg(long)]
    format: Format,
    /// The file to create; must not exist.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    ledger: LedgerArguments,
}

pub(crate) async fn run(Arguments { day, format, out, ledger }: &Arguments) -> Result<(), Failure> {
    let export = Export::new(ledger.open().await?.database().clone(), day.clone(), *format).map_err(failed)?;
    let file = File::create_new(out)
        .map_err(|error| Failure::Arguments(format!("could not create {}: {error}; name a new one", out.display())))?;
    let written = write(export, file).await;
    if written.is_err() {
        // The file is incomplete.
        let _ = fs::remove_file(out);
    }
    written.map_err(failed)
}

async fn write(mut export: Export, mut file: File) -> Result<(), ExportError> {
    while let Some(piece) = export.next().await? {
        file.write_all(&piece)?;
    }
    Ok(file.sync_all()?)
}

fn failed(error: ExportError) -> Failure {
    match error {
        ExportError::Ledger(error) => error.into(),
        ExportError::Write(error) => error.into(),
        error @ ExportError::Parquet(_) => Failure::Write(std::io::Error::other(error)),
    }
}

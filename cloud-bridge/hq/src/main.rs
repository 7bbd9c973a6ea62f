//! `store-hub-hq`: headquarters' end, as a program. A module a command.

mod commands;

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};
use commands::{
    Failure, Report, export, fleet, ingest, key, publications, quarantine, rebuild, replay_request, route, sales,
    serve, stock, totals, transfers, webhook,
};

/// Headquarters' end of the store hubs.
#[derive(Parser)]
#[command(name = "store-hub-hq", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Take what all hubs send from a broker into a ledger, until Ctrl-C.
    Ingest(ingest::Arguments),
    /// Empty all projections (sales, days, stock, transfers, quarantine) and make them again of the events. What hubs
    /// send waits meanwhile.
    Rebuild(rebuild::Arguments),
    /// What was sold: totals by store, business day and tender.
    Ledger(Report),
    /// Every sale, once.
    Sales(Report),
    /// What each store has of each item, in each state.
    Stock(Report),
    /// How the hubs are: software, when they were heard, what HQ lacks of them, alarms.
    Fleet(Report),
    /// Events that have no effect, and why.
    Quarantine(quarantine::Arguments),
    /// Transfers on which sender and receiver do not agree, or not yet.
    Transfers(Report),
    /// Ask a hub to send again what it still keeps.
    ReplayRequest(replay_request::Arguments),
    #[command(flatten)]
    Publications(publications::PublicationsCommand),
    /// Route orders to stores, with the reasons. Orders and stores are read from files.
    Route(route::Options),
    /// Serve the API for web shop, ERP and loyalty, and deliver webhooks, until Ctrl-C.
    Serve(serve::Arguments),
    /// Keys of the API.
    Key(key::Arguments),
    /// Addresses that events are carried to.
    Webhook(webhook::Arguments),
    /// Write a business day of sales into a file: a row for each line.
    Export(export::Arguments),
    /// Print the API's OpenAPI document.
    Openapi,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(tracing::Level::INFO).init();
    let done = match Arguments::parse().command {
        Command::Ingest(arguments) => ingest::run(arguments).await,
        Command::Rebuild(arguments) => rebuild::run(&arguments).await,
        Command::Ledger(report) => totals::run(&report).await,
        Command::Sales(report) => sales::run(&report).await,
        Command::Stock(report) => stock::run(&report).await,
        Command::Fleet(report) => fleet::run(&report).await,
        Command::Quarantine(arguments) => quarantine::run(&arguments).await,
        Command::Transfers(report) => transfers::run(&report).await,
        Command::ReplayRequest(arguments) => replay_request::run(&arguments).await,
        Command::Publications(command) => publications::run(command).await,
        Command::Route(options) => return route::run(&options),
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Key(arguments) => key::run(&arguments).await,
        Command::Webhook(arguments) => webhook::run(&arguments).await,
        Command::Export(arguments) => export::run(&arguments).await,
        Command::Openapi => serve::print_document().await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Arguments(why)) => {
            eprintln!("store-hub-hq: {why}");
            ExitCode::from(2)
        }
        // Whoever reads has seen enough.
        Err(Failure::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("store-hub-hq: {failure}");
            ExitCode::FAILURE
        }
    }
}

//! `store-hub-hq`, one module per command.

mod commands;

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};
use commands::{
    Failure, Report, audit, cash, customers, export, fleet, gift_cards, ingest, key, orders, parity, publications,
    quarantine, rebuild, replay_request, returns, route, sales, serve, stock, stores, totals, transfers, webhook,
};

/// The headquarters side of the store hubs.
#[derive(Parser)]
#[command(name = "store-hub-hq", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Store what all hubs send in a ledger, until Ctrl-C.
    Ingest(ingest::Arguments),
    /// Rebuild all projections (sales, days, stock, transfers, quarantine) from the events. Hubs wait meanwhile.
    Rebuild(rebuild::Arguments),
    /// Totals by store, business day and tender.
    Ledger(Report),
    /// The stores' audit trails: who did what.
    Audit(Report),
    /// Shifts and counts by store and business day, compared with the sales.
    Cash(Report),
    /// Goods that came back, with the decision on each ticket.
    Returns(Report),
    /// All sales.
    Sales(Report),
    /// The stock of each store, by item and state.
    Stock(Report),
    /// The hubs: software, last contact, lag, alarms.
    Fleet(Report),
    /// Quarantined events, and the reasons.
    Quarantine(quarantine::Arguments),
    /// Transfers on which sender and receiver do not agree yet.
    Transfers(Report),
    /// Ask a hub to resend the events that it still keeps.
    ReplayRequest(replay_request::Arguments),
    #[command(flatten)]
    Publications(publications::PublicationsCommand),
    /// List and show orders; the order policy.
    Orders(orders::Arguments),
    /// Customers: look up, export, erase; the loyalty programme.
    Customers(customers::Arguments),
    /// Gift cards and store credit: balances, movements, numbers; block and release.
    GiftCards(gift_cards::Arguments),
    /// The stores' master data for routing: location, hours, capacity, costs.
    Stores(stores::Arguments),
    /// Route orders to stores, with the reasons. Orders and stores are read from files.
    Route(route::Options),
    /// Price items and recorded sales by a store's price book and by HQ's, and list the differences.
    Parity(parity::Arguments),
    /// Serve the API for web shop, ERP and loyalty, and deliver webhooks, until Ctrl-C.
    Serve(serve::Arguments),
    /// API keys.
    Key(key::Arguments),
    /// Webhooks.
    Webhook(webhook::Arguments),
    /// Write a business day of sales to a file, one row per line.
    Export(export::Arguments),
    /// Print the API's OpenAPI document.
    Openapi,
}

#[tokio::main]
async fn main() -> ExitCode {
    edge::log::start();
    let done = match Arguments::parse().command {
        Command::Ingest(arguments) => ingest::run(arguments).await,
        Command::Rebuild(arguments) => rebuild::run(&arguments).await,
        Command::Ledger(report) => totals::run(&report).await,
        Command::Audit(report) => audit::run(&report).await,
        Command::Cash(report) => cash::run(&report).await,
        Command::Returns(report) => returns::run(&report).await,
        Command::Sales(report) => sales::run(&report).await,
        Command::Stock(report) => stock::run(&report).await,
        Command::Fleet(report) => fleet::run(&report).await,
        Command::Quarantine(arguments) => quarantine::run(&arguments).await,
        Command::Transfers(report) => transfers::run(&report).await,
        Command::ReplayRequest(arguments) => replay_request::run(&arguments).await,
        Command::Publications(command) => publications::run(command).await,
        Command::Orders(arguments) => orders::run(&arguments).await,
        Command::Customers(arguments) => customers::run(&arguments).await,
        Command::GiftCards(arguments) => gift_cards::run(&arguments).await,
        Command::Stores(arguments) => stores::run(&arguments).await,
        Command::Route(options) => return route::run(&options),
        Command::Parity(arguments) => parity::run(&arguments).await,
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
        // The reader closed the pipe.
        Err(Failure::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("store-hub-hq: {failure}");
            ExitCode::FAILURE
        }
    }
}

//! `store-hub-provision`, one module per group of commands.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use commands::{claim, headquarters, hub, location, serve, store};

/// Open stores: HQ's authority, locations, claims and the identities of hubs
#[derive(Parser)]
#[command(name = "store-hub-provision", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// HQ's authority
    #[command(subcommand)]
    Hq(headquarters::Command),
    /// Locations: add, import, list, change, close
    #[command(subcommand)]
    Location(location::Command),
    /// Claims: the right of a box to become the hub of a location
    #[command(subcommand)]
    Claim(claim::Command),
    /// Serve enrolment and check-ins of hubs, until Ctrl-C
    Serve(serve::Arguments),
    /// Answer a question that was carried here as a file
    Sign(serve::Sign),
    /// Hubs: renew, revoke, the trail
    #[command(subcommand)]
    Hub(hub::Command),
    /// Create the certificate authority and the hub's certificate of a single store without HQ
    CreateStore(store::Create),
    /// Renew a certificate of a single store without HQ, with the same names and key
    Renew(store::Renew),
}

#[tokio::main]
async fn main() -> ExitCode {
    edge::log::start();
    let done = match Arguments::parse().command {
        Command::Hq(command) => headquarters::run(command),
        Command::Location(command) => location::run(command).await,
        Command::Claim(command) => claim::run(command).await,
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Sign(arguments) => serve::sign(&arguments).await,
        Command::Hub(command) => hub::run(command).await,
        Command::CreateStore(arguments) => store::create(&arguments),
        Command::Renew(arguments) => store::renew(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("store-hub-provision: {why}");
            ExitCode::FAILURE
        }
    }
}

//! `store-hub-hq key`

use clap::{Args, Subcommand};
use hq::api::{
    keys::{self, KeyError, Listed},
    scope::Scope,
};

use super::{
    Failure, LedgerArguments, Report,
    output::{Output, moment},
};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create a key and print it. It cannot be printed again.
    Add {
        /// Its owner, for people.
        name: String,
        /// Its scopes, separated by commas, such as sales:read,stock:read.
        #[arg(long, value_delimiter = ',', required = true)]
        scope: Vec<Scope>,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
    /// List all keys with their scopes and last use.
    List(Report),
    /// Revoke a key; running servers refuse it within seconds.
    Revoke {
        /// Its id, as `key list` shows it.
        id: String,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
}

pub(crate) async fn run(Arguments { command }: &Arguments) -> Result<(), Failure> {
    match command {
        Command::Add { name, scope, ledger } => {
            let key = keys::add(ledger.make().await?.database(), name, scope).await.map_err(failed)?;
            println!("{key}");
            Ok(())
        }
        Command::List(report) => {
            let header = &["key", "name", "scopes", "made", "used", "revoked"];
            let mut output = Output::new(report.json, header);
            for key in keys::list(report.ledger.open().await?.database()).await? {
                output.row(&key, columns)?;
            }
            Ok(output.end("There are no keys; `store-hub-hq key add` creates one.")?)
        }
        Command::Revoke { id, ledger } => keys::revoke(ledger.open().await?.database(), id).await.map_err(failed),
    }
}

fn failed(error: KeyError) -> Failure {
    match error {
        KeyError::Database(error) => error.into(),
        error => Failure::Arguments(error.to_string()),
    }
}

fn columns(key: &Listed) -> Vec<String> {
    let at = |moment_ms: Option<i64>| moment_ms.map_or_else(String::new, moment);
    vec![
        key.id.clone(),
        key.name.clone(),
        key.scopes.join(","),
        moment(key.created_at_ms),
        at(key.last_used_at_ms),
        at(key.revoked_at_ms),
    ]
}

//! `store-hub-hq webhook`

use clap::{Args, Subcommand};
use contract::HubId;
use hq::{
    feed::{Feed, Position},
    webhooks::{self, DeadLetter, Target, Wanted, Webhook, WebhookError},
};

use super::{
    Failure, LedgerArguments, Report,
    output::{Output, moment},
};

/// The number of dead letters read at once.
const AT_ONCE: usize = 500;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Deliver future events to an address; prints the secret that signs them. `serve` delivers them.
    Add {
        /// The address, such as https://shop.example.com/hooks.
        url: Target,
        /// Kinds of events, separated by commas, such as sale.completed. Default: all.
        #[arg(long, value_delimiter = ',')]
        kinds: Vec<String>,
        /// Stores, separated by commas. Default: all.
        #[arg(long, value_delimiter = ',')]
        stores: Vec<HubId>,
        /// Begin with the first event instead of future ones.
        #[arg(long)]
        from_first: bool,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
    /// List all webhooks and their state.
    List(Report),
    /// Remove a webhook with its waiting messages and dead letters.
    Remove {
        /// Its id.
        id: String,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
    /// List messages that were not accepted for about a day.
    DeadLetters {
        /// The webhook's id.
        id: String,
        #[command(flatten)]
        report: Report,
    },
    /// Retry dead letters.
    Retry {
        /// The webhook's id.
        id: String,
        /// A message's id. Default: all.
        #[arg(long)]
        message: Option<String>,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
}

pub(crate) async fn run(Arguments { command }: &Arguments) -> Result<(), Failure> {
    match command {
        Command::Add { url, kinds, stores, from_first, ledger } => {
            let database = ledger.make().await?.database().clone();
            let from =
                if *from_first { Position::default() } else { Feed::start(database.clone()).await?.now().await? };
            let stores = stores.iter().map(ToString::to_string).collect();
            let wanted = Wanted { target: url.clone(), kinds: kinds.clone(), stores, from };
            let mut transaction = database.transaction().await?;
            let (webhook, secret) = webhooks::add(&mut transaction, &wanted).await.map_err(failed)?;
            transaction.commit().await?;
            println!("{} {secret}", webhook.id);
            Ok(())
        }
        Command::List(report) => {
            let header = &["webhook", "address", "kinds", "stores", ">waiting", ">dead", "taken", "failing"];
            let mut output = Output::new(report.json, header);
            for webhook in webhooks::list(report.ledger.open().await?.database()).await? {
                output.row(&webhook, columns)?;
            }
            Ok(output.end("There are no webhooks; `store-hub-hq webhook add` adds one.")?)
        }
        Command::Remove { id, ledger } => {
            let mut transaction = ledger.open().await?.database().transaction().await?;
            webhooks::remove(&mut transaction, id).await.map_err(failed)?;
            Ok(transaction.commit().await?)
        }
        Command::DeadLetters { id, report } => {
            let ledger = report.ledger.open().await?;
            let mut output = Output::new(report.json, &["message", "kind", ">attempts", "why"]);
            let mut after = String::new();
            loop {
                let letters = webhooks::dead_letters(ledger.database(), id, &after, AT_ONCE).await.map_err(failed)?;
                let Some(last) = letters.last() else { break };
                after.clone_from(&last.id);
                for letter in &letters {
                    output.row(letter, dead_letter)?;
                }
            }
            Ok(output.end("There are no dead letters.")?)
        }
        Command::Retry { id, message, ledger } => {
            let mut transaction = ledger.open().await?.database().transaction().await?;
            let messages = webhooks::retry(&mut transaction, id, message.as_deref()).await.map_err(failed)?;
            transaction.commit().await?;
            println!("{messages} will be retried");
            Ok(())
        }
    }
}

fn failed(error: WebhookError) -> Failure {
    match error {
        WebhookError::Database(error) => error.into(),
        error => Failure::Arguments(error.to_string()),
    }
}

fn columns(webhook: &Webhook) -> Vec<String> {
    let all = |names: &[String]| if names.is_empty() { "all".to_owned() } else { names.join(",") };
    vec![
        webhook.id.clone(),
        webhook.url.clone(),
        all(&webhook.kinds),
        all(&webhook.stores),
        webhook.waiting.to_string(),
        webhook.dead.to_string(),
        webhook.taken_at_ms.map_or_else(String::new, moment),
        webhook.failing.as_deref().unwrap_or_default().escape_debug().to_string(),
    ]
}

fn dead_letter(letter: &DeadLetter) -> Vec<String> {
    let why = letter.why.escape_debug().to_string();
    vec![letter.id.clone(), letter.kind.escape_debug().to_string(), letter.attempts.to_string(), why]
}

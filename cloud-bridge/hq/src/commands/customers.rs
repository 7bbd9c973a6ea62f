//! `store-hub-hq customers`

use std::{fs, io, path::PathBuf};

use clap::{Args, Subcommand};
use commerce::{
    customer::{CustomerId, Profile, Wanted},
    loyalty::Programme,
};
use hq::customers::{self, CustomerError};

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
    /// Look customers up, by one of the options.
    Find {
        /// A phone number.
        #[arg(long)]
        phone: Option<String>,
        /// An e-mail address.
        #[arg(long)]
        email: Option<String>,
        /// The number of a loyalty card.
        #[arg(long)]
        card: Option<String>,
        /// The beginnings of the name's parts.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        report: Report,
    },
    /// Print everything that HQ has about a customer, as JSON.
    Export {
        /// The customer.
        customer: CustomerId,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
    /// Erase a customer at HQ and in every store.
    Erase {
        /// The customer.
        customer: CustomerId,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
    /// Print the loyalty programme, or publish another one.
    Programme {
        /// A JSON file.
        #[arg(long)]
        set: Option<PathBuf>,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
    /// Move tiers and let points expire now, which `ingest` does every hour.
    Tiers(LedgerArguments),
}

fn failed(error: CustomerError) -> Failure {
    match error {
        CustomerError::Failed(error) => Failure::Ledger(error),
        error => Failure::Arguments(error.to_string()),
    }
}

pub(crate) async fn run(Arguments { command }: &Arguments) -> Result<(), Failure> {
    match command {
        Command::Find { phone, email, card, name, report } => {
            let wanted = Wanted { phone: phone.clone(), email: email.clone(), card: card.clone(), name: name.clone() };
            find(wanted, report).await
        }
        Command::Export { customer, ledger } => {
            let export = customers::export(ledger.open().await?.database(), customer).await?;
            let export = export.ok_or_else(|| Failure::Arguments(format!("unknown customer {customer}")))?;
            println!("{}", serde_json::to_string_pretty(&export).map_err(io::Error::from)?);
            Ok(())
        }
        Command::Erase { customer, ledger } => {
            let ledger = ledger.open().await?;
            let mut transaction = ledger.database().transaction().await?;
            customers::erase(&mut transaction, customer, hq::now_ms()).await.map_err(failed)?;
            transaction.commit().await?;
            println!("erased; stores that are offline erase them when they are back");
            Ok(())
        }
        Command::Programme { set, ledger } => programme(set.as_ref(), ledger).await,
        Command::Tiers(ledger) => Ok(customers::work(ledger.open().await?.database()).await?),
    }
}

async fn find(wanted: Wanted, report: &Report) -> Result<(), Failure> {
    let one = || Failure::Arguments("give exactly one of --phone, --email, --card and --name".into());
    let lookup = wanted.lookup().ok_or_else(one)?;
    let ledger = report.ledger.open().await?;
    let mut output = Output::new(report.json, &["customer", "name", "phone", "e-mail", "tier", "changed"]);
    for profile in customers::search(ledger.database(), &lookup).await? {
        output.row(&profile, columns)?;
    }
    Ok(output.end("No such customer.")?)
}

fn columns(profile: &Profile) -> Vec<String> {
    let first = |list: &[String]| list.first().map(|one| one.escape_debug().to_string()).unwrap_or_default();
    vec![
        profile.id.to_string(),
        profile.name.as_deref().unwrap_or_default().escape_debug().to_string(),
        first(&profile.phones),
        first(&profile.emails),
        profile.tier.clone().unwrap_or_default(),
        moment(profile.changed_at_ms),
    ]
}

async fn programme(set: Option<&PathBuf>, ledger: &LedgerArguments) -> Result<(), Failure> {
    let ledger = ledger.make().await?;
    if let Some(file) = set {
        let at = |why: String| Failure::Arguments(format!("{}: {why}", file.display()));
        let text = fs::read_to_string(file).map_err(|error| at(error.to_string()))?;
        let programme: Programme = serde_json::from_str(&text).map_err(|error| at(error.to_string()))?;
        programme.check().map_err(at)?;
        let mut transaction = ledger.database().transaction().await?;
        customers::set_programme(&mut transaction, Some(&programme), hq::now_ms()).await?;
        transaction.commit().await?;
    }
    let programme = customers::programme(ledger.database()).await?;
    println!("{}", serde_json::to_string_pretty(&programme).map_err(io::Error::from)?);
    Ok(())
}

//! `store-hub-hq gift-cards`

use std::io::{self, BufRead};

use clap::{Args, Subcommand};
use commerce::{
    Currency,
    gift_card::{CardNumber, InvalidCardNumber},
};
use contract::{HubId, operator::PinHash};
use hq::gift_cards::{self, CardError, Found, Moving};
use serde_json::json;

use super::{
    Failure, LedgerArguments, Report,
    output::{Output, moment, money},
};

/// Cards that are read at once.
const AT_ONCE: usize = 1_000;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List gift cards and store credit, by number.
    List(Report),
    /// Show a card with its movements and what stores hold of it.
    Show {
        /// The card's number.
        card: CardNumber,
        #[command(flatten)]
        report: Report,
    },
    /// Draw numbers for cards that are printed before they are sold.
    Numbers {
        /// How many.
        #[arg(long, default_value_t = 1)]
        count: u32,
    },
    /// Add printed cards without a balance, from standard input: a number per line, and its PIN after a space.
    Add {
        /// Their currency.
        #[arg(long)]
        currency: String,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
    /// Block a card; without a reason, unblock it.
    Block {
        /// The card's number.
        card: CardNumber,
        /// The reason.
        #[arg(long)]
        why: Option<String>,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
    /// Release what a store held before it lost its disk. What it redeemed and never told is then redeemed twice.
    Release {
        /// The card's number.
        card: CardNumber,
        /// The store.
        #[arg(long)]
        store: HubId,
        /// The reason.
        #[arg(long)]
        why: String,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
}

#[allow(clippy::needless_pass_by_value)] // for `map_err`
fn failed(error: CardError) -> Failure {
    Failure::Arguments(error.to_string())
}

pub(crate) async fn run(Arguments { command }: &Arguments) -> Result<(), Failure> {
    match command {
        Command::List(report) => list(report).await,
        Command::Show { card, report } => show(card, report).await,
        Command::Numbers { count } => {
            for _ in 0..*count {
                println!("{}", gift_cards::draw().map_err(failed)?.as_str());
            }
            Ok(())
        }
        Command::Add { currency, ledger } => add(currency, ledger).await,
        Command::Block { card, why, ledger } => {
            let ledger = ledger.open().await?;
            let mut transaction = ledger.database().transaction().await?;
            let blocked = gift_cards::block(&mut transaction, card, why.clone(), hq::now_ms()).await;
            let card = blocked.map_err(failed)?.found();
            transaction.commit().await?;
            print(&card);
            Ok(())
        }
        Command::Release { card, store, why, ledger } => {
            let ledger = ledger.open().await?;
            let latest = ledger.hubs().await?.get(store).map(|(epoch, _)| *epoch);
            let latest = latest.ok_or_else(|| Failure::Arguments(format!("unknown store {store}")))?;
            let moving = Moving { amount: 0, reference: why.clone(), by: "shell".into() };
            let mut transaction = ledger.database().transaction().await?;
            let released = gift_cards::release(&mut transaction, card, (store, latest), moving, hq::now_ms()).await;
            let card = released.map_err(failed)?.found();
            transaction.commit().await?;
            print(&card);
            Ok(())
        }
    }
}

/// A card and its PIN, from a line.
fn printed(line: &str) -> Result<(CardNumber, Option<PinHash>), String> {
    let (number, pin) = line.trim().split_once(' ').map_or((line.trim(), None), |(number, pin)| (number, Some(pin)));
    let number: CardNumber = number.parse().map_err(|error: InvalidCardNumber| error.to_string())?;
    let pin = pin.map(|pin| PinHash::of_card(&number, pin.trim())).transpose()?;
    Ok((number, pin))
}

async fn add(currency: &str, ledger: &LedgerArguments) -> Result<(), Failure> {
    let unknown = || Failure::Arguments(format!("unknown currency {}", currency.escape_debug()));
    let currency = Currency::from_code(currency).ok_or_else(unknown)?;
    let ledger = ledger.make().await?;
    let mut transaction = ledger.database().transaction().await?;
    let mut count = 0_u64;
    for line in io::stdin().lock().lines() {
        count += 1;
        let (number, pin) = printed(&line?).map_err(|why| Failure::Arguments(format!("line {count}: {why}")))?;
        gift_cards::add(&mut transaction, &number, (currency, pin), hq::now_ms()).await.map_err(failed)?;
    }
    transaction.commit().await?;
    println!("{count} cards");
    Ok(())
}

fn print(card: &Found) {
    println!("{}", columns(card).join("  "));
}

fn columns(card: &Found) -> Vec<String> {
    let currency = card.currency.code();
    vec![
        card.card.as_str().to_owned(),
        card.kind.name().to_owned(),
        money(card.balance, currency),
        money(card.free, currency),
        card.blocked.clone().unwrap_or_default(),
    ]
}

async fn list(report: &Report) -> Result<(), Failure> {
    let ledger = report.ledger.open().await?;
    let mut output = Output::new(report.json, &["card", "kind", ">balance", ">free", "blocked"]);
    let mut after = String::new();
    loop {
        let cards = gift_cards::list(ledger.database(), &after, AT_ONCE).await?;
        for card in &cards {
            output.row(card, columns)?;
        }
        match cards.last() {
            Some(last) if cards.len() == AT_ONCE => last.card.as_str().clone_into(&mut after),
            _ => break,
        }
    }
    Ok(output.end("No gift cards.")?)
}

async fn show(card: &CardNumber, report: &Report) -> Result<(), Failure> {
    let ledger = report.ledger.open().await?;
    let found = gift_cards::find(ledger.database(), card).await?;
    let Some((found, held, movements)) = found else {
        return Err(Failure::Arguments(format!("unknown gift card {}", card.masked())));
    };
    if report.json {
        println!("{}", json!({ "card": found, "held": held, "movements": movements }));
        return Ok(());
    }
    print(&found);
    let currency = found.currency.code();
    for at in held {
        println!("  held by {} in epoch {}: {}", at.hub, at.epoch, money(at.held, currency));
    }
    for movement in movements {
        let (at, amount) = (moment(movement.at_ms), money(movement.amount, currency));
        let place = movement.hub.map_or_else(|| "HQ".to_owned(), |hub| hub.to_string());
        let reference = movement.reference.as_deref().unwrap_or_default().escape_debug().to_string();
        println!("  {at}  {}  {amount}  {place}  {}  {reference}", movement.movement, movement.by.escape_debug());
    }
    Ok(())
}

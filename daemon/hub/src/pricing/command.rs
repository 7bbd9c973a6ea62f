//! `store-hub price`: prices a basket by a book, from files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use commerce::{
    Currency, Minor,
    pricing::{
        Adjustment, Basket, Book, Loader, LocalTime, Priced, Store,
        explain::{Reason, quote},
    },
};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::clock::{Calendar, now_ms};

/// The largest basket file, in bytes.
const MAX_BASKET: u64 = 4 * 1024 * 1024;

/// Price a basket by a price book, both from files
#[derive(Args)]
pub struct Arguments {
    /// The price book: one JSON record per line
    #[arg(long)]
    book: PathBuf,
    /// The basket: JSON
    #[arg(long)]
    basket: PathBuf,
    /// The store, as the book's sets of stores name it
    #[arg(long, default_value = "")]
    store: String,
    /// The store's time zone
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// The time on the store's clock, such as 2026-12-01T06:00; default: the basket's moment, or now
    #[arg(long)]
    at: Option<LocalTime>,
    /// Say which offers did not apply, and why
    #[arg(long)]
    explain: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A file can't be read, the book has problems, or the basket has no price.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let zone = if arguments.zone == "UTC" { Ok(TimeZone::UTC) } else { TimeZone::get(&arguments.zone) };
    let zone = zone.map_err(|_| format!("unknown time zone `{}`; use a name such as Europe/Vienna", arguments.zone))?;
    let calendar = Calendar::new(zone, (1, 1));
    let book = book(&arguments.book, &arguments.store, &calendar)?;
    let basket = basket(&arguments.basket, arguments.at, &calendar)?;
    let quote = quote(&book, &basket, arguments.explain).map_err(|refusal| refusal.to_string())?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&quote).map_err(|error| error.to_string())?);
        return Ok(());
    }
    print(&basket, &quote.priced, book.currency());
    if let Some(rejected) = quote.rejected {
        println!("\nnot applied:");
        for one in &rejected {
            println!("  {:<24}  {}", one.name, reason(&one.reason, book.currency()));
        }
        if rejected.is_empty() {
            println!("  every offer of the book applied");
        }
    }
    Ok(())
}

/// Reads a book.
fn book(path: &Path, store: &str, calendar: &Calendar) -> Result<Book, String> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| format!("can't read the price book {}: {error}", path.display()))?;
    let mut loader = Loader::default();
    loader.read(&text);
    let zone = |time: LocalTime| calendar.moment(&time.to_string()).unwrap_or(i64::MAX);
    loader.finish(&Store { name: store, zone: &zone }).map_err(|problems| {
        let listed: Vec<_> = problems.iter().map(|problem| format!("\n- {problem}")).collect();
        format!("{} is not a valid price book:{}", path.display(), listed.concat())
    })
}

/// Reads a basket. Its moment is `at`, its own, or now.
fn basket(path: &Path, at: Option<LocalTime>, calendar: &Calendar) -> Result<Basket, String> {
    let wrong = |why: String| format!("can't read the basket {}: {why}", path.display());
    let size = fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if size > MAX_BASKET {
        return Err(wrong(format!("it has {size} bytes; at most {MAX_BASKET}")));
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let mut value: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let at_ms = at.and_then(|at| calendar.moment(&at.to_string()));
    if let Some(fields) = value.as_object_mut() {
        if at_ms.is_some() || !fields.contains_key("moment") {
            let moment = calendar.pricing_moment(at_ms.unwrap_or_else(now_ms));
            fields.insert("moment".into(), serde_json::to_value(moment).map_err(|error| wrong(error.to_string()))?);
        }
        fields.entry("channel").or_insert("store".into());
    }
    serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
}

/// Prints the lines with what was taken off, and the totals.
fn print(basket: &Basket, priced: &Priced, currency: Currency) {
    let money = |amount: Minor| amount.display(currency).to_string();
    let row = |left: &str, right: &str| println!("{left:<48}{right:>12}");
    for (line, of) in priced.lines.iter().zip(&basket.lines) {
        let unit = of.quantity.unit().symbol();
        let each = line.price.map(|price| format!(" x {}", money(price.minor))).unwrap_or_default();
        row(&format!("{:>3}  {}  {}{unit}{each}", line.number, of.sku, of.quantity), &money(line.regular));
        for adjustment in &line.adjustments {
            row(&format!("       {}", note(adjustment, currency)), &format!("-{}", money(adjustment.amount)));
        }
        for charge in &line.linked {
            row(&format!("       {}", charge.name), &money(charge.amount));
        }
    }
    println!("{}", "-".repeat(60));
    if priced.discount.is_positive() {
        row("saved", &money(priced.discount));
    }
    for tax in &priced.taxes {
        let how = if tax.included { "included" } else { "added" };
        row(&format!("tax {} on {}, {how}", tax.tax, money(tax.base)), &money(tax.amount));
    }
    row(&format!("total {} by book {}", currency.code(), priced.book), &money(priced.total));
    if !priced.exact {
        println!("There were too many combinations of offers to prove that this is the best deal.");
    }
}

fn note(adjustment: &Adjustment, currency: Currency) -> String {
    let (units, basis) = (adjustment.units, adjustment.basis.display(currency));
    format!("{}  ({units} of {basis})", adjustment.short())
}

fn reason(reason: &Reason, currency: Currency) -> String {
    match reason {
        Reason::Time => "it holds at another time".into(),
        Reason::Hours => "it holds at other hours".into(),
        Reason::Channel => "it holds in another channel".into(),
        Reason::Customer => "it is for other customers".into(),
        Reason::Coupon => "its coupon was not presented".into(),
        Reason::Budget => "its budget is used up".into(),
        Reason::NoGoods => "none of its goods are in the basket".into(),
        Reason::NotReached => "too few units or too low an amount, or the lowest price is reached".into(),
        Reason::Beaten { by, would_be } => {
            format!("it would take off {}; better: {}", would_be.display(currency), by.join(", "))
        }
    }
}

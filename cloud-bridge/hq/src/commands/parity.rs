//! `store-hub-hq parity`

use std::path::PathBuf;

use contract::HubId;
use hq::{
    now_ms,
    prices::{
        Books,
        parity::{self, Difference, Sample},
    },
    publications::objects::Objects,
};

use super::{Failure, LedgerArguments, output::Output};

/// Price a sample of items and recorded sales by a store's price book and by HQ's, and list the differences.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The store
    store: HubId,
    /// The directory of published files
    #[arg(long)]
    objects: PathBuf,
    /// The maximum number of items
    #[arg(long, default_value_t = 1000)]
    items: usize,
    /// The maximum number of sales, the latest first
    #[arg(long, default_value_t = 1000)]
    sales: u32,
    /// Print one line of JSON per difference
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    ledger: LedgerArguments,
}

/// Fails if there are differences.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let failed = |error: &dyn std::error::Error| Failure::Arguments(error.to_string());
    let ledger = arguments.ledger.open().await?;
    let objects = Objects::open(&arguments.objects).map_err(|error| failed(&error))?;
    let (database, store) = (ledger.database(), &arguments.store);
    let books = Books::of(database.clone(), objects);
    let sample = Sample { items: arguments.items, sales: arguments.sales, at_ms: now_ms() };
    let report = parity::compare(database, &books, store, sample).await.map_err(|error| failed(&error))?;
    let Some(report) = report else {
        return Err(Failure::Arguments(format!("{store} works by no price book that HQ published")));
    };
    let mut output = Output::new(arguments.json, &["of", "id", "what", ">recorded", ">store", ">HQ"]);
    for difference in &report.differences {
        output.row(difference, columns)?;
    }
    let (items, sales, others) = (report.items, report.sales, report.by_other_books);
    output.end(&format!("No differences: {items} items, {sales} sales; {others} sales by other books."))?;
    if report.differences.is_empty() { Ok(()) } else { Err(Failure::Different(report.differences.len())) }
}

fn columns(difference: &Difference) -> Vec<String> {
    let amount = |amount: Option<i64>| amount.map(|amount| amount.to_string()).unwrap_or_default();
    let Difference { of, id, what, recorded, store, hq } = difference;
    let id = id.escape_debug().to_string();
    vec![(*of).to_owned(), id, what.clone(), amount(*recorded), amount(*store), amount(*hq)]
}

//! `store-hub-hq orders`

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use clap::{Args, Subcommand};
use commerce::OrderId;
use hq::{
    Ledger,
    orders::{
        OrderPolicy,
        story::{self, Decision, OrderInList, Place, Story, StoryPart, Wanted},
    },
};
use serde_json::json;

use super::{
    Failure, LedgerArguments, Report,
    output::{Output, age, moment, money, thousandths},
};

/// Orders that are read at once.
const AT_ONCE: usize = 1_000;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List orders, oldest first.
    List(List),
    /// Show an order with everything about it.
    Show {
        /// The shop's order id.
        order: OrderId,
        #[command(flatten)]
        report: Report,
    },
    /// Print the order policy, or replace it.
    Policy {
        /// A JSON file; missing fields have their defaults.
        #[arg(long)]
        set: Option<PathBuf>,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
}

#[derive(Args)]
struct List {
    /// Only unfinished orders.
    #[arg(long)]
    open: bool,
    /// Only unfinished orders past their promised time.
    #[arg(long)]
    late: bool,
    /// Only orders that this store placed or has a part of.
    #[arg(long)]
    store: Option<String>,
    #[command(flatten)]
    report: Report,
}

pub(crate) async fn run(Arguments { command }: &Arguments) -> Result<(), Failure> {
    match command {
        Command::List(asked) => list(asked).await,
        Command::Show { order, report } => show(order, report).await,
        Command::Policy { set, ledger } => policy(set.as_ref(), ledger).await,
    }
}

async fn list(List { open, late, store, report }: &List) -> Result<(), Failure> {
    let ledger = report.ledger.open().await?;
    let now_ms = hq::now_ms();
    let mut wanted =
        Wanted { after: 0, is_open: *open || *late, due_before_ms: late.then_some(now_ms), store: store.clone() };
    let header = &["order", "kind", "state", "placed", "due", "late by", "taken by"];
    let mut output = Output::new(report.json, header);
    loop {
        let orders = story::list(ledger.database(), &wanted, AT_ONCE).await?;
        for order in &orders {
            output.row(order, |order| columns(order, now_ms))?;
        }
        match orders.last() {
            Some(last) if orders.len() == AT_ONCE => wanted.after = last.number,
            _ => break,
        }
    }
    Ok(output.end("No orders.")?)
}

fn columns(order: &OrderInList, now_ms: i64) -> Vec<String> {
    let is_late = order.ended_at_ms.is_none() && order.due_ms < now_ms;
    vec![
        order.order.clone(),
        order.kind.clone(),
        order.state.clone(),
        moment(order.placed_at_ms),
        moment(order.due_ms),
        if is_late { age(now_ms - order.due_ms) } else { String::new() },
        order.taken_by.clone().unwrap_or_default(),
    ]
}

async fn show(order: &OrderId, report: &Report) -> Result<(), Failure> {
    let ledger: Ledger = report.ledger.open().await?;
    let story = story::story(ledger.database(), order).await?;
    let decisions = story::decisions(ledger.database(), order).await?;
    let Some((story, decisions)) = story.zip(decisions) else {
        return Err(Failure::Arguments(format!("unknown order {order}")));
    };
    let mut out = io::stdout().lock();
    if report.json {
        let whole = json!({ "order": story, "routing": decisions });
        serde_json::to_writer_pretty(&mut out, &whole).map_err(io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    Ok(write_story(&mut out, &story, &decisions)?)
}

fn write_story(out: &mut impl Write, story: &Story, decisions: &[Decision]) -> io::Result<()> {
    let to = match &story.to {
        Place::Store(store) => format!("collection at {store}"),
        Place::Point(point) => format!("to {:.4} {:.4}", point.lat, point.lon),
        Place::Zone(zone) => format!("to zone {zone}"),
    };
    writeln!(out, "order {}  {}  {}  {to}", story.order, story.kind.name(), story.state.name())?;
    let customer = story.customer.as_deref().unwrap_or("none");
    writeln!(out, "  placed {}  due {}  customer {customer}", moment(story.placed_at_ms), moment(story.due_ms))?;
    if let Some(ended_at_ms) = story.ended_at_ms {
        writeln!(out, "  finished {}", moment(ended_at_ms))?;
    }
    for line in &story.lines {
        let quantity = thousandths(line.quantity.milli());
        writeln!(
            out,
            "  line {}: {quantity}{} of {}  {}",
            line.number,
            line.quantity.unit().symbol(),
            line.sku,
            line.description
        )?;
    }
    story.parts.iter().try_for_each(|part| write_part(out, part))?;
    for (what, amounts) in [("left", &story.left), ("unwanted", &story.unwanted), ("unavailable", &story.unavailable)] {
        for amount in amounts {
            writeln!(out, "  {what}: line {}: {}", amount.line, thousandths(amount.milli))?;
        }
    }
    for decision in decisions {
        let plan = &decision.plan;
        let chosen = plan["parts"].as_array().into_iter().flatten().filter_map(|part| part["store"].as_str());
        let (chosen, method) = (chosen.collect::<Vec<_>>().join(", "), plan["method"].as_str().unwrap_or_default());
        let others = plan["others"].as_array().map_or(0, Vec::len);
        let chosen = if chosen.is_empty() { "no store".to_owned() } else { chosen };
        writeln!(out, "  {}  {}: {chosen} ({method}; {others} other stores)", moment(decision.at_ms), decision.why)?;
    }
    for refund in &story.refunds {
        let done = refund.done_at_ms.map_or_else(|| "due".to_owned(), |at_ms| format!("paid {}", moment(at_ms)));
        writeln!(out, "  refund {}: {}  {done}", refund.task, money(refund.amount, &refund.currency))?;
    }
    writeln!(out, "  charged {}", money(story.charged, &story.currency))
}

fn write_part(out: &mut impl Write, part: &StoryPart) -> io::Result<()> {
    let answer = match (part.is_answered, part.recalled_at_ms) {
        (_, Some(at_ms)) => format!("  recalled {}", moment(at_ms)),
        (false, None) => format!("  answer due {}", moment(part.answer_by_ms)),
        (true, None) => String::new(),
    };
    let offered = moment(part.offered_at_ms);
    writeln!(out, "  part {} at {}: {}  offered {offered}{answer}", part.part, part.store, part.state.name())?;
    for line in &part.lines {
        let units: Vec<_> =
            line.units.iter().map(|units| format!("{} {}", thousandths(units.milli), units.state.name())).collect();
        let instead = line.instead_of.map_or_else(String::new, |of| format!(" instead of line {of}"));
        writeln!(out, "    line {}: {} of {}{instead}", line.line, units.join(", "), line.sku)?;
    }
    for (what, list) in [("sale", &part.sales), ("parcel", &part.tracking)] {
        list.iter().try_for_each(|one| writeln!(out, "    {what} {one}"))?;
    }
    Ok(())
}

async fn policy(set: Option<&PathBuf>, ledger: &LedgerArguments) -> Result<(), Failure> {
    let ledger = ledger.make().await?;
    let mut transaction = ledger.database().transaction().await?;
    if let Some(file) = set {
        let at = |why: String| Failure::Arguments(format!("{}: {why}", file.display()));
        let text = fs::read_to_string(file).map_err(|error| at(error.to_string()))?;
        OrderPolicy::read(&text).map_err(at)?.set(&mut transaction).await?;
    }
    let policy = OrderPolicy::load(&mut transaction).await?;
    transaction.commit().await?;
    println!("{}", serde_json::to_string_pretty(&policy).map_err(io::Error::from)?);
    Ok(())
}

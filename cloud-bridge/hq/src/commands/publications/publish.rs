//! `store-hub-hq publish`.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::ValueEnum;
use commerce::Item;
use contract::{
    HubId, PublicationKind,
    publication::{CATALOG, Effective, LocalTime},
};
use hq::publications::{Order, Publications, Target, content, current, diff::Diff, items, objects::Objects, publish};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::{LedgerArguments, publications, signing_key};

/// Lines of each sort that a diff shows.
const SHOWN: usize = 50;

/// How often the states are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What can be published.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Items with their prices, all that a store sells
    Catalog,
}

/// What is published, to whom, and from when.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What it is
    kind: Kind,
    /// A CSV file (sku, description, price in minor units, and as needed gtin, department, category, brand,
    /// package_size, unit), a file with a JSON item a line, or a directory of such files
    path: PathBuf,
    /// A hub that is to have it; may be given again
    #[arg(long)]
    to: Vec<HubId>,
    /// A group of hubs that are to have it; may be given again
    #[arg(long)]
    group: Vec<String>,
    /// Every hub that has spoken to HQ is to have it
    #[arg(long, conflicts_with_all = ["to", "group"])]
    all: bool,
    /// From when it counts: 2026-12-01T05:00 on each store's own clock, or 2026-12-01T04:00:00Z everywhere at once;
    /// without it as soon as it is there
    #[arg(long)]
    effective: Option<String>,
    /// Show what would change, in which stores and from when, and publish nothing
    #[arg(long)]
    dry_run: bool,
    /// Wait until every hub has applied it or refused it
    #[arg(long)]
    wait: bool,
    /// It may leave out more than a fifth of what stores sell
    #[arg(long)]
    may_shrink: bool,
    /// The file of the key by which it is signed
    #[arg(long, required_unless_present = "dry_run")]
    key: Option<PathBuf>,
    /// The directory of manifests and segments, which a server serves
    #[arg(long)]
    objects: PathBuf,
    /// Where hubs fetch them, such as https://hq.example.com/publications
    #[arg(long, required_unless_present = "dry_run")]
    from: Option<String>,
    /// Over so many seconds hubs spread their fetching
    #[arg(long, default_value = "0", value_parser = clap::value_parser!(u32).range(0..=86_400))]
    spread: u32,
    #[command(flatten)]
    ledger: LedgerArguments,
}

/// False if a hub refused it.
pub(super) async fn run(arguments: &Arguments) -> Result<bool, String> {
    let Kind::Catalog = arguments.kind;
    let kind: PublicationKind = CATALOG.parse()?;
    let effective = effective(arguments.effective.as_deref())?;
    let catalog = items::read(&arguments.path).map_err(|error| error.to_string())?;
    let publications = publications(&arguments.ledger).await?;
    let objects = Objects::open(&arguments.objects).map_err(|error| error.to_string())?;
    let hubs = hubs(arguments, &publications).await?;
    if arguments.dry_run {
        return show(&publications, &objects, &kind, &catalog, &hubs, &effective).await.map(|()| true);
    }
    let (Some(key), Some(from)) = (&arguments.key, &arguments.from) else {
        return Err("--key and --from are needed".into());
    };
    if !from.starts_with("https://") {
        return Err(format!("--from `{}`: hubs fetch over https:// alone", from.escape_debug()));
    }
    let order = Order {
        kind: kind.clone(),
        records: items::records(&catalog).map_err(|error| error.to_string())?,
        hubs,
        effective,
        may_shrink: arguments.may_shrink,
        from: from.clone(),
        spread_s: arguments.spread,
        made_at_ms: now_ms(),
    };
    let shown = shown(&order.effective);
    let made =
        publish(&publications, &objects, &signing_key::read(key)?, order).await.map_err(|error| error.to_string())?;
    println!(
        "{kind} version {}: {} items in {} segments, {} of them new; for {} hubs, from {shown}",
        made.version, made.records, made.segments, made.new_segments, made.hubs
    );
    if !arguments.wait {
        return Ok(true);
    }
    wait(&publications, &kind, made.version).await
}

/// Who is to have it.
async fn hubs(arguments: &Arguments, publications: &Publications) -> Result<Vec<HubId>, String> {
    let mut hubs = arguments.to.clone();
    if arguments.all {
        hubs = publications.hubs().await.map_err(|error| error.to_string())?;
    }
    for name in &arguments.group {
        let members = publications.group(name).await.map_err(|error| error.to_string())?;
        if members.is_empty() {
            return Err(format!("there is no group `{}`; make it by store-hub-hq group set", name.escape_debug()));
        }
        hubs.extend(members);
    }
    hubs.sort();
    hubs.dedup();
    if hubs.is_empty() { Err("no hub is to have it; name some by --to, --group or --all".into()) } else { Ok(hubs) }
}

/// From when, as it was typed.
fn effective(typed: Option<&str>) -> Result<Effective, String> {
    let Some(typed) = typed else { return Ok(Effective::At(now_ms())) };
    if let Ok(moment) = typed.parse::<Timestamp>() {
        return Ok(Effective::At(moment.as_millisecond()));
    }
    let is_date = typed.parse::<jiff::civil::DateTime>().is_ok();
    match LocalTime::try_from(typed.to_owned()) {
        Ok(local) if is_date => Ok(Effective::Local(local)),
        _ => Err(format!(
            "--effective `{}`: as in 2026-12-01T05:00, each store's own time, or 2026-12-01T04:00:00Z",
            typed.escape_debug()
        )),
    }
}

/// From when, for people.
pub(super) fn shown(effective: &Effective) -> String {
    match effective {
        Effective::At(at_ms) => {
            Timestamp::from_millisecond(*at_ms).map_or_else(|_| at_ms.to_string(), |at| at.to_string())
        }
        Effective::Local(local) => format!("{local}, each store's own time"),
    }
}

/// What would change, by what stores are to have now.
async fn show(
    publications: &Publications,
    objects: &Objects,
    kind: &PublicationKind,
    catalog: &BTreeMap<String, Item>,
    hubs: &[HubId],
    effective: &Effective,
) -> Result<(), String> {
    for (version, hubs) in current(publications, kind, hubs).await.map_err(|error| error.to_string())? {
        let (before, of) = match version {
            None => (BTreeMap::new(), "no publication yet".to_owned()),
            Some(version) => {
                let records = content(publications, objects, kind, version).await.map_err(|error| error.to_string())?;
                (items::of_records(&records), format!("version {version} before"))
            }
        };
        let diff = Diff::between(&before, catalog);
        let names: Vec<_> = hubs.iter().take(10).map(HubId::as_str).collect();
        let others = hubs.len().saturating_sub(names.len());
        let others = if others > 0 { format!(" and {others} more") } else { String::new() };
        println!("{} hubs ({of}): {}{others}", hubs.len(), names.join(", "));
        println!(
            "from {}: {} added, {} changed, {} removed",
            shown(effective),
            diff.added.len(),
            diff.changed.len(),
            diff.removed.len()
        );
        diff.lines(SHOWN).iter().for_each(|line| println!("  {}", line.escape_debug()));
    }
    Ok(())
}

/// Waits until every hub is done with it, and says how it went.
async fn wait(publications: &Publications, kind: &PublicationKind, version: u64) -> Result<bool, String> {
    let mut told = String::new();
    let mut bar: Option<ProgressBar> = None;
    loop {
        let targets = publications.targets(kind, version).await.map_err(|error| error.to_string())?;
        let done = targets.iter().filter(|target| target.is_done()).count();
        let now = summary(&targets);
        if std::io::stderr().is_terminal() {
            let bar = bar.get_or_insert_with(|| {
                let style = ProgressStyle::with_template("{bar:40} {pos}/{len} hubs  {msg}");
                ProgressBar::new(targets.len() as u64)
                    .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            });
            bar.set_position(done as u64);
            bar.set_message(now.clone());
        } else if now != told {
            eprintln!("{now}");
        }
        told = now;
        if done == targets.len() {
            if let Some(bar) = bar {
                bar.finish();
            }
            let refused: Vec<_> = targets.iter().filter(|target| target.state.as_deref() == Some("refused")).collect();
            for target in &refused {
                let why = target.why.as_deref().unwrap_or_default().escape_debug();
                println!("{} refused it: {why}", target.hub);
            }
            return Ok(refused.is_empty());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How many hubs are in each state.
pub(super) fn summary(targets: &[Target]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for target in targets {
        *counts.entry(target.state.as_deref().unwrap_or("not heard of yet")).or_default() += 1;
    }
    let counts: Vec<_> = counts.into_iter().map(|(state, count)| format!("{count} {state}")).collect();
    counts.join(", ")
}

fn now_ms() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)
}

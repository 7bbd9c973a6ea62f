//! `store-hub-hq publish`.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use contract::{
    HubId, PublicationKind,
    publication::{Effective, LocalTime},
};
use hq::publications::{
    Order, Publications, Target, content, current,
    diff::Diff,
    kinds::{self, Publishable, Records},
    objects::Objects,
    publish,
};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::{LedgerArguments, publications, signing_key};

/// The maximum number of lines of each sort in a diff.
const SHOWN: usize = 50;

/// How often the states are read.
const LOOK: Duration = Duration::from_secs(1);

/// Hubs that are named in a line.
const NAMED: usize = 10;

/// A share of the records; a publication that leaves out more is refused by hubs unless it may shrink.
const FIFTH: usize = 5;

/// The kinds, with what each is read from.
fn kind() -> impl TypedValueParser<Value = &'static Publishable> {
    let values = kinds::ALL.iter().map(|kind| PossibleValue::new(kind.name).help(kind.about));
    PossibleValuesParser::new(values).try_map(|name| kinds::named(&name).ok_or("unknown kind"))
}

/// The content, its receivers, and its effective time.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What it is
    #[arg(value_parser = kind())]
    kind: &'static Publishable,
    /// The file or directory with all of its records
    path: PathBuf,
    /// A receiving hub; repeatable
    #[arg(long)]
    to: Vec<HubId>,
    /// A receiving group of hubs; repeatable
    #[arg(long)]
    group: Vec<String>,
    /// Send it to every hub that has contacted HQ
    #[arg(long, conflicts_with_all = ["to", "group"])]
    all: bool,
    /// When it takes effect: 2026-12-01T05:00 in each store's local time, or 2026-12-01T04:00:00Z everywhere at once.
    /// Default: as soon as possible
    #[arg(long)]
    effective: Option<String>,
    /// Only show what would change, in which stores and when
    #[arg(long)]
    dry_run: bool,
    /// Wait until every hub has applied or refused it
    #[arg(long)]
    wait: bool,
    /// Allow a catalog to omit more than a fifth of what stores sell
    #[arg(long)]
    may_shrink: bool,
    /// The file of the signing key
    #[arg(long, required_unless_present = "dry_run")]
    key: Option<PathBuf>,
    /// The directory for manifests and segments, which a server serves
    #[arg(long)]
    objects: PathBuf,
    /// The URL of that directory for hubs, such as https://hq.example.com/publications
    #[arg(long, required_unless_present = "dry_run")]
    from: Option<String>,
    /// The time in seconds over which hubs spread their downloads
    #[arg(long, default_value = "0", value_parser = clap::value_parser!(u32).range(0..=86_400))]
    spread: u32,
    #[command(flatten)]
    ledger: LedgerArguments,
}

/// Publishes; false if a hub refused.
pub(super) async fn run(arguments: &Arguments) -> Result<bool, String> {
    let kind: PublicationKind = arguments.kind.name.parse()?;
    let effective = effective(arguments.effective.as_deref())?;
    let records = (arguments.kind.read)(&arguments.path).map_err(|error| error.to_string())?;
    let publications = publications(&arguments.ledger).await?;
    let objects = Objects::open(&arguments.objects).map_err(|error| error.to_string())?;
    let hubs = hubs(arguments, &publications).await?;
    if arguments.dry_run {
        return show(arguments, &publications, &objects, &records, &hubs, &effective).await.map(|()| true);
    }
    let (Some(key), Some(from)) = (&arguments.key, &arguments.from) else {
        return Err("--key and --from are required".into());
    };
    if !from.starts_with("https://") {
        return Err(format!("--from `{}`: expected https://", from.escape_debug()));
    }
    let order = Order {
        kind: kind.clone(),
        records,
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
        "{kind} version {}: {} records in {} segments, {} of them new; for {} hubs, from {shown}",
        made.version, made.records, made.segments, made.new_segments, made.hubs
    );
    if !arguments.wait {
        return Ok(true);
    }
    wait(&publications, &kind, made.version).await
}

/// The receiving hubs.
async fn hubs(arguments: &Arguments, publications: &Publications) -> Result<Vec<HubId>, String> {
    let mut hubs = arguments.to.clone();
    if arguments.all {
        hubs = publications.hubs().await.map_err(|error| error.to_string())?;
    }
    for name in &arguments.group {
        let members = publications.group(name).await.map_err(|error| error.to_string())?;
        if members.is_empty() {
            return Err(format!("unknown group `{}`; create it with store-hub-hq group set", name.escape_debug()));
        }
        hubs.extend(members);
    }
    hubs.sort();
    hubs.dedup();
    if hubs.is_empty() { Err("no receiving hub; set --to, --group or --all".into()) } else { Ok(hubs) }
}

/// Parses --effective.
fn effective(typed: Option<&str>) -> Result<Effective, String> {
    let Some(typed) = typed else { return Ok(Effective::At(now_ms())) };
    if let Ok(moment) = typed.parse::<Timestamp>() {
        return Ok(Effective::At(moment.as_millisecond()));
    }
    let is_date = typed.parse::<jiff::civil::DateTime>().is_ok();
    match LocalTime::try_from(typed.to_owned()) {
        Ok(local) if is_date => Ok(Effective::Local(local)),
        _ => Err(format!(
            "invalid --effective `{}`: expected 2026-12-01T05:00 for store local time, or 2026-12-01T04:00:00Z",
            typed.escape_debug()
        )),
    }
}

/// The effective time for people.
pub(super) fn shown(effective: &Effective) -> String {
    match effective {
        Effective::At(at_ms) => {
            Timestamp::from_millisecond(*at_ms).map_or_else(|_| at_ms.to_string(), |at| at.to_string())
        }
        Effective::Local(local) => format!("{local}, each store's local time"),
    }
}

/// Shows what would change, compared with what the stores have now.
async fn show(
    arguments: &Arguments,
    publications: &Publications,
    objects: &Objects,
    after: &Records,
    hubs: &[HubId],
    effective: &Effective,
) -> Result<(), String> {
    let kind: PublicationKind = arguments.kind.name.parse()?;
    for (version, hubs) in current(publications, &kind, hubs).await.map_err(|error| error.to_string())? {
        let (before, of) = match version {
            None => (Records::new(), "no publication yet".to_owned()),
            Some(version) => {
                let records =
                    content(publications, objects, &kind, version).await.map_err(|error| error.to_string())?;
                (records, format!("version {version} before"))
            }
        };
        let diff = Diff::between(&before, after);
        println!("{} hubs ({of}): {}", hubs.len(), named(hubs.iter().map(HubId::as_str)));
        println!(
            "from {}: {} added, {} changed, {} removed",
            shown(effective),
            diff.added.len(),
            diff.changed.len(),
            diff.removed.len()
        );
        diff.lines(arguments.kind, SHOWN).iter().for_each(|line| println!("  {}", line.escape_debug()));
        let shrinks = arguments.kind.refused_if_shrunk && diff.removed.len() * FIFTH > before.len();
        if shrinks && !arguments.may_shrink {
            println!(
                "  These hubs would refuse it: it omits more than a fifth of their items. Set --may-shrink if that is \
                 right."
            );
        }
    }
    Ok(())
}

/// The first of some names, and how many more there are.
fn named<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let all: Vec<_> = names.collect();
    let shown = all.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if all.len() > NAMED { format!("{shown} and {} more", all.len() - NAMED) } else { shown }
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
            let of = |state: &str| targets.iter().filter(|target| target.state.as_deref() == Some(state)).count();
            for target in targets.iter().filter(|target| target.state.as_deref() == Some("refused")) {
                let why = target.why.as_deref().unwrap_or_default().escape_debug();
                println!("{} refused it: {why}", target.hub);
            }
            println!("{} of {} hubs have applied it", of("active") + of("former"), targets.len());
            return Ok(of("refused") == 0);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The number of hubs in each state.
pub(super) fn summary(targets: &[Target]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for target in targets {
        *counts.entry(target.state.as_deref().unwrap_or("unknown")).or_default() += 1;
    }
    let counts: Vec<_> = counts.into_iter().map(|(state, count)| format!("{count} {state}")).collect();
    // What keeps one of them, as an example.
    let kept = targets.iter().find(|target| !target.is_done() && target.why.is_some());
    let kept = kept.map(|target| {
        let why = target.why.as_deref().unwrap_or_default().escape_debug();
        format!("; {}: {why}", target.hub)
    });
    counts.join(", ") + &kept.unwrap_or_default()
}

fn now_ms() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)
}

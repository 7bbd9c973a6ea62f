//! `store-hub-provision location …`

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use contract::HubId;
use hq::locations::{Change, Details, Location, State};
use jiff::civil::Date;
use provisioning::{
    config::{check_lanes, no_config, put_config},
    headquarters::Headquarters,
};
use serde::{Deserialize, Serialize};

use super::{At, known, moment, now_ms, tell, text};

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
pub(crate) enum Command {
    /// Add a location
    Add {
        #[command(flatten)]
        row: Row,
        #[command(flatten)]
        at: At,
    },
    /// Add many locations from CSV; its columns are the options of `add`. All of them are added, or none
    Import {
        /// The file. Paths of lanes are relative to its directory
        file: PathBuf,
        #[command(flatten)]
        at: At,
    },
    /// List the locations
    List {
        #[command(flatten)]
        at: At,
    },
    /// Replace the lanes and devices of a location; its hub gets the new config
    Lanes {
        /// The location
        location: HubId,
        /// Tables of the hub's config: [[register]], [[scale]], …
        file: PathBuf,
        #[command(flatten)]
        at: At,
    },
    /// Close a location: its hub closes the day, sends stock and events, and wipes its disk
    Close {
        /// The location
        location: HubId,
        /// The store that gets the stock
        #[arg(long)]
        stock_to: Option<HubId>,
        #[command(flatten)]
        at: At,
    },
}

/// A location to add.
#[derive(Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// Its name, and its hub's: letters, digits, `-`
    id: HubId,
    /// The name on receipts
    #[arg(long)]
    name: String,
    /// The postal address
    #[arg(long)]
    #[serde(default)]
    address: Option<String>,
    /// The time zone, such as Europe/Berlin
    #[arg(long)]
    #[serde(default)]
    time_zone: Option<String>,
    /// The currency: ISO 4217
    #[arg(long)]
    #[serde(default)]
    currency: Option<String>,
    /// The tax region, as in the price books
    #[arg(long)]
    #[serde(default)]
    tax_region: Option<String>,
    /// The opening hours, such as "mon-sat 08:00-20:00"
    #[arg(long)]
    #[serde(default)]
    hours: Option<String>,
    /// The host names and IP addresses by which registers reach the hub, separated by blanks; ID.local is one in any
    /// case
    #[arg(long)]
    names: String,
    /// The address and port on which the hub listens; default 0.0.0.0:8443
    #[arg(long)]
    #[serde(default)]
    listen: Option<String>,
    /// A file with the lanes and devices: tables of the hub's config
    #[arg(long)]
    #[serde(default)]
    lanes: Option<PathBuf>,
    /// A location from which everything is taken that is not given here
    #[arg(long)]
    #[serde(default)]
    template: Option<HubId>,
    /// The last day of a pop-up
    #[arg(long)]
    #[serde(default)]
    until: Option<Date>,
}

/// Names of HQ's own programs at the broker.
const RESERVED: [&str; 2] = ["hq", "broker"];

impl Row {
    fn location(self, template: Option<&Details>, base: &Path) -> Result<Location, String> {
        let id = self.id;
        let wrong = |why: String| format!("location {id}: {why}");
        if RESERVED.contains(&id.as_str()) {
            return Err(wrong("the name is that of a program of HQ".into()));
        }
        let missing = |what: &str| wrong(format!("`{what}` is missing, and there is no template"));
        let lanes = match &self.lanes {
            None => template.map(|template| template.lanes.clone()).unwrap_or_default(),
            Some(file) => read(&base.join(file))?,
        };
        check_lanes(&lanes).map_err(wrong)?;
        let of = |own: Option<String>, of: &dyn Fn(&Details) -> Option<String>| {
            own.filter(|text| !text.is_empty()).or_else(|| template.and_then(of))
        };
        let currency =
            of(self.currency, &|it| Some(it.currency.code().to_owned())).ok_or_else(|| missing("currency"))?;
        let mut names: Vec<_> = self.names.split_whitespace().map(str::to_owned).collect();
        // The name under which the hub announces itself on the LAN.
        let local = format!("{id}.local").to_lowercase();
        if !names.contains(&local) {
            names.push(local);
        }
        let details = Details {
            name: self.name,
            address: of(self.address, &|_| None),
            time_zone: of(self.time_zone, &|it| Some(it.time_zone.clone())).ok_or_else(|| missing("time_zone"))?,
            currency: commerce::Currency::try_from(currency).map_err(wrong)?,
            tax_region: of(self.tax_region, &|it| it.tax_region.clone()),
            hours: of(self.hours, &|it| it.hours.clone()),
            names,
            listen: of(self.listen, &|it| Some(it.listen.clone())).unwrap_or_else(|| "0.0.0.0:8443".to_owned()),
            lanes,
            until: self.until,
        };
        details.check().map_err(wrong)?;
        Ok(Location::new(id, details, no_config()))
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

pub(crate) async fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Add { row, at } => add(&at, vec![row], Path::new("")).await,
        Command::Import { file, at } => {
            let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(&file).map_err(text)?;
            let rows = reader.deserialize().collect::<Result<Vec<Row>, _>>();
            let rows = rows.map_err(|error| format!("{}: {error}", file.display()))?;
            add(&at, rows, file.parent().unwrap_or(Path::new(""))).await
        }
        Command::List { at } => list(&at).await,
        Command::Lanes { location, file, at } => lanes(&at, &location, &file).await,
        Command::Close { location, stock_to, at } => close(&at, &location, stock_to).await,
    }
}

async fn add(at: &At, rows: Vec<Row>, base: &Path) -> Result<(), String> {
    let Headquarters { settings, .. } = at.headquarters()?;
    let ledger = at.ledger().await?;
    let mut change = Change::begin(&ledger).await.map_err(text)?;
    let mut added = Vec::new();
    for row in rows {
        if change.location(&row.id).await.map_err(text)?.is_some() {
            return Err(format!("location {} exists already", row.id));
        }
        let template = match &row.template {
            Some(id) => Some(known(&mut change, id).await?.details),
            None => None,
        };
        let mut location = row.location(template.as_ref(), base)?;
        put_config(&mut location, &settings);
        change.put(&location, now_ms()).await.map_err(text)?;
        change.record(&location.id, "added", &location.details.name, now_ms()).await.map_err(text)?;
        added.push(location.id);
    }
    change.commit().await.map_err(text)?;
    tell(at.json, &added, || {
        let names: Vec<_> = added.iter().map(HubId::to_string).collect();
        println!("Added {}. Next: `store-hub-provision claim issue LOCATION`.", names.join(", "));
    })
}

/// A location in a list.
#[derive(Serialize)]
struct Listed<'l> {
    id: &'l HubId,
    name: &'l str,
    state: State,
    until: Option<Date>,
    boxes: u32,
    checked_in_ms: Option<i64>,
    config: u64,
    config_used: u64,
    config_refused: &'l Option<String>,
}

async fn list(at: &At) -> Result<(), String> {
    let ledger = at.ledger().await?;
    let locations = ledger.locations().await.map_err(text)?;
    if !at.json && locations.is_empty() {
        println!("no locations");
    }
    for location in &locations {
        let Location { id, state, details, config, generation, checked_in_ms, .. } = location;
        let listed = Listed {
            id,
            name: &details.name,
            state: *state,
            until: details.until,
            boxes: *generation,
            checked_in_ms: *checked_in_ms,
            config: config.version,
            config_used: config.used,
            config_refused: &config.refused,
        };
        tell(at.json, &listed, || {
            let seen = checked_in_ms.map_or_else(|| "never".to_owned(), moment);
            let until = details.until.map(|until| format!(", until {until}")).unwrap_or_default();
            println!("{id}  {}  {}{until}, box {generation}, checked in {seen}", state.name(), details.name);
            if let Some(why) = &config.refused {
                println!("    uses config {} instead of {}: {why}", config.used, config.version);
            }
        })?;
    }
    Ok(())
}

async fn lanes(at: &At, id: &HubId, file: &Path) -> Result<(), String> {
    let Headquarters { settings, .. } = at.headquarters()?;
    let lanes = read(file)?;
    check_lanes(&lanes)?;
    let ledger = at.ledger().await?;
    let mut change = Change::begin(&ledger).await.map_err(text)?;
    let mut location = known(&mut change, id).await?;
    location.details.lanes = lanes;
    put_config(&mut location, &settings);
    let version = location.config.version;
    change.put(&location, now_ms()).await.map_err(text)?;
    change.record(id, "config_changed", &format!("version {version}"), now_ms()).await.map_err(text)?;
    change.commit().await.map_err(text)?;
    tell(at.json, &version, || println!("Config {version} of {id} is sent with its next check-in, within the hour."))
}

async fn close(at: &At, id: &HubId, stock_to: Option<HubId>) -> Result<(), String> {
    let ledger = at.ledger().await?;
    let mut change = Change::begin(&ledger).await.map_err(text)?;
    if let Some(to) = stock_to.as_ref().filter(|to| *to != id) {
        known(&mut change, to).await?;
    } else if stock_to.is_some() {
        return Err(format!("--stock-to {id}: the location itself"));
    }
    let mut location = known(&mut change, id).await?;
    location.state = match location.state {
        State::Planned | State::Closed => State::Closed,
        State::Open | State::Suspended | State::Closing => State::Closing,
    };
    let detail = stock_to.as_ref().map(|to| format!("stock to {to}")).unwrap_or_default();
    location.stock_to = stock_to;
    change.put(&location, now_ms()).await.map_err(text)?;
    change.record(id, "closing", &detail, now_ms()).await.map_err(text)?;
    change.commit().await.map_err(text)?;
    tell(at.json, &location.state, || {
        println!("{id} is {}: its hub sends what waits and wipes its disk, within the hour.", location.state.name());
    })
}

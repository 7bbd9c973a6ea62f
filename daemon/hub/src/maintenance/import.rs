//! `store-hub import-items`: loads items from a CSV file into the running hub.
//!
//! The file is read and checked before anything is loaded. Then it is sent in parts, each loaded as a whole. If it is
//! interrupted, the parts before are loaded; importing the file again loads it all.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
};

use app::{By, catalog};
use axum::{Json, extract::State, http::StatusCode};
use clap::Args;
use commerce::{Item, Station, item_csv};
use serde::{Deserialize, Serialize};
use store::Purpose;

use super::admin;
use crate::{
    config::{self, Config},
    digest::sha256,
    hub::Hub,
};

/// Items in a part.
const PART: usize = 500;

/// Load items from a CSV file into the running hub
#[derive(Args)]
pub struct ImportArguments {
    /// The file. Columns: sku, description, price in minor units, and optionally gtin, department, category, brand,
    /// package_size and unit (each, kilogram, pound, litre or gallon; default each)
    file: PathBuf,
    /// The store's config file
    #[arg(long, default_value = config::BY_HAND)]
    config: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A part of the items.
#[derive(Serialize, Deserialize)]
pub(super) struct Part {
    items: Vec<Item>,
}

/// What a part changed.
#[derive(Serialize, Deserialize)]
struct PartLoaded {
    version: u64,
}

/// Loads a part for a person at the machine.
pub(super) async fn load(State(hub): State<Arc<Hub>>, Json(part): Json<Part>) -> Result<String, (StatusCode, String)> {
    let by = By { actor: Station::Shell.into(), at_ms: hub.now_ms() };
    let failed = |why: String| (StatusCode::UNPROCESSABLE_ENTITY, why);
    let digest = sha256(&serde_json::to_vec(&part).map_err(|error| failed(error.to_string()))?);
    let load = move |transaction: &mut store::Transaction<'_>| catalog::load(transaction, &by, &part.items, digest);
    let loaded = hub.store.commit_for(Purpose::Ordinary, load).await.map_err(|refusal| failed(refusal.detail))?;
    hub.catalog.reached(loaded.version).await;
    serde_json::to_string(&PartLoaded { version: loaded.version }).map_err(|error| failed(error.to_string()))
}

/// Sends a part to the running hub.
async fn send(data: &Path, part: Vec<u8>) -> Result<String, String> {
    let Some((status, answer)) = admin::send_items(data, part).await? else {
        return Err(format!("no hub is running on {}; start it", data.display()));
    };
    let answer = String::from_utf8_lossy(&answer).trim().to_owned();
    if status.is_success() { Ok(answer) } else { Err(answer) }
}

/// Imports the file.
///
/// # Errors
/// The file is wrong, or the hub does not run or refuses a part; the message says what to do.
pub async fn import_items(arguments: &ImportArguments) -> Result<(), String> {
    let ImportArguments { file, config, json } = arguments;
    let config = Config::read(config).map_err(|error| error.to_string())?;
    let opened = File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let items = item_csv::read(BufReader::new(opened)).map_err(|bad| format!("{}, {bad}", file.display()))?;
    let (mut loaded, mut version) = (0, 0);
    for part in items.chunks(PART) {
        let body = serde_json::to_vec(&Part { items: part.to_vec() }).map_err(|error| error.to_string())?;
        let answer = send(&config.store.data, body)
            .await
            .map_err(|why| format!("{}, items {} to {}: {why}", file.display(), loaded + 1, loaded + part.len()))?;
        let answer: PartLoaded = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        (loaded, version) = (loaded + part.len(), answer.version);
        if !json && loaded < items.len() {
            eprintln!("{loaded} of {} items", items.len());
        }
    }
    if *json {
        println!("{}", serde_json::json!({ "items": loaded, "version": version }));
    } else {
        println!("Loaded {loaded} items; the catalog is at version {version}.");
    }
    Ok(())
}

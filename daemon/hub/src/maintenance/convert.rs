//! `store-hub store convert`.

use std::path::Path;

use store::{Converted, EngineKind};

use crate::{
    clock::now_ms,
    config::{self, Config},
};

/// The interval of progress reports, in entries.
const TOLD_EVERY: u64 = 100_000;

pub(super) fn run(config: &Config, config_path: &Path, to: EngineKind, json: bool) -> Result<(), String> {
    let mut told = 0;
    let converted = store::convert(&config.store.data, config::medium(to)?, |done| {
        if done >= told + TOLD_EVERY {
            told = done;
            eprintln!("  {done} entries copied or compared");
        }
    });
    let Converted { entries, former } = converted.map_err(|error| error.to_string())?;
    let store = super::open_as(config, to)?;
    let noted = store.commit_blocking(move |transaction| app::maintenance::converted(transaction, now_ms(), to.name()));
    noted.map_err(|error| error.to_string())?;
    if json {
        println!("{}", serde_json::json!({ "engine": to, "entries": entries, "former": former }));
    } else {
        println!("{entries} entries converted to {to} and compared with the old store.");
        println!("Set `engine = \"{to}\"` under [store] in {}, then start the hub.", config_path.display());
        println!("The old store stays in {} until you delete it.", former.display());
    }
    Ok(())
}

//! A new config is tried before it is kept.
//!
//! ```text
//! kept --trial.json, hub.toml--> tried --connected to HQ again--> kept
//!                                      --4th start, or 10 minutes without HQ--> the former config, and HQ hears why
//! ```
//!
//! `trial.json` has both configs, and is written first: a hub that loses power at any step goes on with the trial, or
//! takes it back, at the next start. A config that HQ was not connected under before is kept after the 10 minutes: an
//! offline store can be changed too.

use serde::{Deserialize, Serialize};

use super::{
    claim::{CONFIG, ENROLLED, Enrolled},
    folder::Folder,
};

/// The file of a trial.
pub(super) const TRIAL: &str = "trial.json";

/// The number of starts with a config before it is taken back.
const STARTS: u32 = 3;

/// How long HQ may be away before a config is taken back.
pub(super) const PATIENCE_MS: i64 = 10 * 60_000;

/// A config on trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trial {
    /// Its version.
    pub(super) version: u64,
    /// The config.
    toml: String,
    /// The former config, and its version.
    former: (u64, String),
    /// Whether HQ was connected under the former one.
    pub(super) was_connected: bool,
    /// The number of starts.
    starts: u32,
}

impl Trial {
    /// Whether the hub runs with it; otherwise it waits for the next start.
    pub(super) fn is_running(&self) -> bool {
        self.starts > 0
    }
}

/// Begins a trial; it takes effect at the next start.
pub(super) fn begin(folder: &Folder, (version, toml): (u64, &str), was_connected: bool) -> Result<(), String> {
    let enrolled: Enrolled = folder.json(ENROLLED)?.ok_or("this hub is not enrolled")?;
    let former = (enrolled.config, folder.need(CONFIG)?);
    folder.write_json(TRIAL, &Trial { version, toml: toml.to_owned(), former, was_connected, starts: 0 })
}

/// Before the config is read at a start: puts a tried config in place, or takes it back.
pub(super) fn at_start(folder: &Folder) -> Result<Option<Trial>, String> {
    let Some(mut trial) = folder.json::<Trial>(TRIAL)? else { return Ok(None) };
    if trial.starts >= STARTS {
        let why = format!("the hub did not run with it, in {STARTS} starts");
        take_back(folder, &trial, &why)?;
        return Ok(None);
    }
    trial.starts += 1;
    folder.write_json(TRIAL, &trial)?;
    folder.write(CONFIG, &trial.toml)?;
    Ok(Some(trial))
}

/// Keeps a tried config.
pub(super) fn keep(folder: &Folder, trial: &Trial) -> Result<(), String> {
    change(folder, |enrolled| (enrolled.config, enrolled.refused_config) = (trial.version, None))?;
    folder.remove(TRIAL)
}

/// Goes back to the former config.
pub(super) fn take_back(folder: &Folder, trial: &Trial, why: &str) -> Result<(), String> {
    let (version, former) = &trial.former;
    folder.write(CONFIG, former)?;
    let refused = contract::enrolment::RefusedConfig { version: trial.version, why: why.to_owned() };
    change(folder, |enrolled| (enrolled.config, enrolled.refused_config) = (*version, Some(refused)))?;
    folder.remove(TRIAL)
}

fn change(folder: &Folder, change: impl FnOnce(&mut Enrolled)) -> Result<(), String> {
    let mut enrolled: Enrolled = folder.json(ENROLLED)?.ok_or("this hub is not enrolled")?;
    change(&mut enrolled);
    folder.write_json(ENROLLED, &enrolled)
}

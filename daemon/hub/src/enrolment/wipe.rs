//! The end of a closed location: its keys and its data are wiped.
//!
//! `wiping.json` is written first and removed last: a box that loses power in between finishes at its next start,
//! without HQ, which answers it no longer. Until it is written, the question stays in `enrolled.json` that HQ has
//! answered: HQ answers it the same way again.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    claim::{CONFIG, ENROLLED},
    folder::Folder,
    keep::{NEXT_AUTHORITY, NEXT_IDENTITY},
    trial::TRIAL,
};
use crate::config::Config;

/// The file that says that a box is being wiped, and where its data is.
const WIPING: &str = "wiping.json";

/// Wipes a closed location.
pub(crate) fn wipe(config: &Config) -> Result<(), String> {
    let Some(enrolment) = &config.enrolment else { return Ok(()) };
    wipe_all(&Folder::at(&enrolment.state), &config.store.data)
}

pub(super) fn wipe_all(folder: &Folder, data: &Path) -> Result<(), String> {
    folder.write_json(WIPING, &data)?;
    finish(folder)
}

/// Finishes a wipe, if one was begun. What is gone already is done.
pub(super) fn finish(folder: &Folder) -> Result<(), String> {
    let Some(data) = folder.json::<PathBuf>(WIPING)? else { return Ok(()) };
    let keys = ["store-authority.key", "hub.key"];
    let others = [CONFIG, TRIAL, NEXT_IDENTITY, NEXT_AUTHORITY, "identity.pem", "store-authority.pem", "hub.pem"];
    for name in keys.into_iter().chain(others).chain(["hq-root.pem"]) {
        folder.remove(name)?;
    }
    match fs::remove_dir_all(&data) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(format!("could not wipe {}: {error}; remove it, and start the hub again", data.display()));
        }
        _ => {}
    }
    for name in [ENROLLED, "identity.key", WIPING] {
        folder.remove(name)?;
    }
    Ok(())
}

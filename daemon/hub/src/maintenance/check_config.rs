//! `store-hub check-config`.

use std::path::Path;

use crate::config::{Config, located};

/// Reads a config, opens what it names, and prints the findings.
///
/// # Errors
/// The hub would not start with it, or not correctly; lists all findings.
pub fn check_config(path: &Path) -> Result<(), String> {
    let path = &located(path);
    let config = Config::read(path).map_err(|error| error.to_string())?;
    let found = config.check_files();
    for warning in &found.warnings {
        println!("warning: {warning}");
    }
    if !found.faults.is_empty() {
        return Err(format!("{}:\n- {}", path.display(), found.faults.join("\n- ")));
    }
    println!("{}: valid. Hub {}, registers: {}.", path.display(), config.store.hub, config.register.len());
    Ok(())
}

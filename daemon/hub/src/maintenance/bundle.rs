//! `store-hub support-bundle`: one file for support, with what is needed to find a fault, and nothing that must not
//! leave the store.
//!
//! | file | contents | taken out |
//! | --- | --- | --- |
//! | `doctor.json` | the findings of `store-hub doctor` | |
//! | `config.toml` | the config, without comments | values of settings named like secrets |
//! | `status.json` | the parts of the status in [`SHARED`] | sales, receipts, names, what was scanned |
//! | `metrics.txt` | the metrics | |
//! | `devices.json` | what is plugged in | |
//! | `log.txt` | the last [`LINES`] lines of the journal | lines with card data, e-mail addresses, bearer tokens |
//! | `system.txt` | kernel, version, uptime, memory, disks | |
//!
//! From every file the contents of the box's own secrets are removed, wherever they occur: keys, passwords, the console
//! code. The store's records, with customers and sales, are never read. What can't be collected is replaced by the
//! reason. The file is private to the caller; it appears under its name when it is complete.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Args;
use commerce::card_data::holds_card_data;
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;

use super::{admin, doctor::Report};
use crate::config::{self, Config, REMOVED, is_secret, located};

/// The parts of the status that may leave the store.
const SHARED: [&str; 10] = [
    "stopped",
    "faults",
    "clock",
    "certificates",
    "payments_in_doubt",
    "keeping",
    "items",
    "devices",
    "headquarters",
    "receipt_numbers",
];

/// The number of lines of the log.
const LINES: &str = "20000";

/// Shorter secrets are not searched for: they would be found everywhere.
const SHORTEST: usize = 4;

/// Write a file for support: config, doctor, state, metrics and log, without secrets and personal data
#[derive(Args)]
pub struct BundleArguments {
    /// The store's config file
    #[arg(long, default_value = config::BY_HAND)]
    config: PathBuf,
    /// The file to write, such as bundle.tar.gz; it must not exist
    #[arg(long)]
    to: PathBuf,
}

/// Runs `store-hub support-bundle`.
///
/// # Errors
/// The file can't be written.
pub async fn write(arguments: BundleArguments) -> Result<(), String> {
    let BundleArguments { config, to } = arguments;
    if to.exists() {
        return Err(format!("{} already exists; choose another name", to.display()));
    }
    let log = said_by("journalctl", &["--unit=store-hub", "--lines", LINES, "--no-pager", "--output=short-iso"]);
    let parts = collect(&config, log).await;
    pack(&parts, &to)?;
    println!("{}: {} files. Look through it before you send it.", to.display(), parts.len());
    Ok(())
}

/// The files of a bundle.
async fn collect(path: &Path, log: String) -> Vec<(&'static str, String)> {
    let config = Config::read(path).ok();
    let text = |value: Result<String, String>| value.unwrap_or_else(|why| format!("not available: {why}\n"));
    let devices = drivers::discover::look().await;
    let mut parts = vec![
        ("doctor.json", text(json(&Report::make(path).await))),
        ("config.toml", text(shared_config(path))),
        ("devices.json", text(json(&devices))),
        ("log.txt", without_persons(&log)),
        ("system.txt", system()),
    ];
    if let Some(config) = &config {
        let data = &config.store.data;
        parts.push(("status.json", text(answer(data, "/status").await.and_then(|text| shared_status(&text)))));
        parts.push(("metrics.txt", text(answer(data, "/metrics").await)));
    }
    let secrets = config.as_ref().map(secrets).unwrap_or_default();
    parts.into_iter().map(|(name, text)| (name, without_secrets(text, &secrets))).collect()
}

fn json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(|error| error.to_string())
}

/// The hub's answer on its admin socket.
async fn answer(data: &Path, route: &str) -> Result<String, String> {
    match admin::ask(data, Method::GET, route).await? {
        Some((StatusCode::OK, body)) => Ok(String::from_utf8_lossy(&body).into_owned()),
        Some((status, _)) => Err(format!("the hub answered {status}")),
        None => Err("the hub is not running".into()),
    }
}

fn shared_config(path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(located(path)).map_err(|error| error.to_string())?;
    // The parser's message would quote the line.
    let table: toml::Table = toml::from_str(&text).map_err(|_| "the file is not valid TOML".to_owned())?;
    let mut config = toml::Value::Table(table);
    hide(&mut config);
    toml::to_string_pretty(&config).map_err(|error| error.to_string())
}

/// Hides the secrets among the settings of a table.
fn hide(value: &mut toml::Value) {
    match value {
        toml::Value::Table(table) => {
            for (name, value) in table.iter_mut() {
                if is_secret(name) {
                    *value = toml::Value::String(REMOVED.into());
                } else {
                    hide(value);
                }
            }
        }
        toml::Value::Array(values) => values.iter_mut().for_each(hide),
        _ => {}
    }
}

fn shared_status(text: &str) -> Result<String, String> {
    let mut status: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let members = status.as_object_mut().ok_or("the status is not an object")?;
    members.retain(|name, _| SHARED.contains(&name.as_str()));
    for device in members.get_mut("devices").and_then(Value::as_array_mut).into_iter().flatten() {
        // A scanner's latest code may be a customer's card.
        device.as_object_mut().into_iter().for_each(|device| drop(device.remove("last")));
    }
    serde_json::to_string_pretty(&status).map_err(|error| error.to_string())
}

/// A log without what can be recognised as a person's.
fn without_persons(log: &str) -> String {
    let line = |line: &str| {
        if holds_card_data(line) {
            return "(a line with what looks like card data was removed)\n".to_owned();
        }
        let mut is_token = false;
        let words = line.split(' ').map(|word| {
            let is_removed = is_token || word.contains('@') && word.contains('.');
            is_token = word.eq_ignore_ascii_case("bearer") || word.ends_with("Bearer");
            if is_removed { REMOVED } else { word }
        });
        words.collect::<Vec<_>>().join(" ") + "\n"
    };
    log.lines().map(line).collect()
}

/// The secrets of the box, as they could occur in a text: each line of their files.
fn secrets(config: &Config) -> Vec<String> {
    let mut files = config.secret_files();
    files.push(config.store.data.join("console-code"));
    let texts = files.iter().filter_map(|path| fs::read_to_string(path).ok());
    let lines = texts.flat_map(|text| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>());
    lines.filter(|line| line.len() >= SHORTEST && !line.starts_with("-----")).collect()
}

fn without_secrets(text: String, secrets: &[String]) -> String {
    secrets.iter().fold(text, |text, secret| {
        if text.contains(secret.as_str()) { text.replace(secret.as_str(), REMOVED) } else { text }
    })
}

fn system() -> String {
    let version = format!("store-hub {}\n", env!("CARGO_PKG_VERSION"));
    let read = ["/proc/version", "/etc/os-release", "/proc/uptime", "/proc/loadavg", "/proc/meminfo", "/proc/mounts"];
    let read = read.map(|path| {
        let text = fs::read_to_string(path).unwrap_or_else(|error| format!("not available: {error}\n"));
        format!("== {path}\n{text}")
    });
    [version, read.concat(), format!("== df\n{}", said_by("df", &["--human-readable"]))].concat()
}

/// The output of a program.
fn said_by(program: &str, arguments: &[&str]) -> String {
    match Command::new(program).args(arguments).output() {
        Ok(ended) => String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned(),
        Err(error) => format!("not available: {program}: {error}\n"),
    }
}

/// Packs the files with tar, by way of a directory beside the result.
fn pack(parts: &[(&str, String)], to: &Path) -> Result<(), String> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| format!("{path}: {error}")
    };
    let beside = |end: &str| PathBuf::from(format!("{}.{end}", to.display()));
    let (directory, unfinished) = (beside("parts"), beside("new"));
    let _ = fs::remove_dir_all(&directory);
    DirBuilder::new().mode(0o700).create(&directory).map_err(failed(&directory))?;
    let packed = || -> Result<(), String> {
        for (name, text) in parts {
            fs::write(directory.join(name), text).map_err(failed(&directory))?;
        }
        let ended = Command::new("tar").arg("-czf").arg(&unfinished).arg("-C").arg(&directory).arg(".").output();
        let ended = ended.map_err(failed(Path::new("tar")))?;
        if !ended.status.success() {
            return Err(format!("tar: {}", String::from_utf8_lossy(&ended.stderr).trim_end()));
        }
        fs::rename(&unfinished, to).map_err(failed(to))
    };
    let packed = packed().inspect_err(|_| drop(fs::remove_file(&unfinished)));
    let _ = fs::remove_dir_all(&directory);
    packed
}

#[cfg(test)]
mod tests;

//! `store-hub doctor`: what is wrong with the box, and what to do about it.
//!
//! Each check gives findings with a level, the value found, and a remedy:
//!
//! | check | looks at |
//! | --- | --- |
//! | `config` | the config file, and what it names |
//! | `clock` | the time, and whether a time server has set it |
//! | `disk` | free space under the data directory |
//! | `permissions` | the data directory, keys and password files: who can read them |
//! | `certificates` | days until each expires |
//! | `dns`, `broker` | the broker's name, and a connection to it with TLS |
//! | `ports` | the address on which registers connect |
//! | `hub` | whether it runs, and what it reports about itself |
//! | `database` | whether the running hub makes a commit durable |
//! | `devices` | each device, as the running hub sees it |
//! | `lag` | events that HQ has not acknowledged |
//!
//! It changes nothing except for the hub's heartbeat. It works while the hub is stopped; then `hub` fails and what only
//! the hub knows is left out. Every check has a time limit. `--before FILE` compares with an earlier output: an upgrade
//! is good if nothing that worked before is worse, so a store whose connection was down already can be upgraded too.

mod machine;
mod network;
mod running;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::config::{self, Config, located};

/// Look for what is wrong with the box and what to do about it
#[derive(Args)]
pub struct DoctorArguments {
    /// The store's config file
    #[arg(long, default_value = config::BY_HAND)]
    config: PathBuf,
    /// Answer as one JSON object
    #[arg(long)]
    json: bool,
    /// Only fail if something is worse than in this file, an earlier output with --json
    #[arg(long)]
    before: Option<PathBuf>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// The store sells, but somebody should look.
    Warn,
    /// The store does not sell, or soon will not.
    Fail,
}

/// A finding of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finding {
    check: String,
    /// What of it, such as a device.
    subject: String,
    level: Level,
    /// What was found.
    value: String,
    /// What to do; absent if all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn ok(check: &str, subject: impl Into<String>, value: impl Into<String>) -> Self {
        let (subject, value) = (subject.into(), value.into());
        Self { check: check.into(), subject, level: Level::Ok, value, advice: None }
    }

    fn warn(check: &str, subject: impl Into<String>, value: impl Into<String>, advice: &str) -> Self {
        Self { level: Level::Warn, advice: Some(advice.into()), ..Self::ok(check, subject, value) }
    }

    fn fail(check: &str, subject: impl Into<String>, value: impl Into<String>, advice: &str) -> Self {
        Self { level: Level::Fail, ..Self::warn(check, subject, value, advice) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok  ",
            Level::Warn => "WARN",
            Level::Fail => "FAIL",
        };
        write!(f, "{level}  {:12}  {:24}  {}", self.check, self.subject, self.value)?;
        self.advice.as_ref().map_or(Ok(()), |advice| write!(f, "\n      -> {advice}"))
    }
}

/// The findings of all checks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Runs all checks.
    pub(super) async fn make(path: &Path) -> Self {
        let config = match Config::read(path) {
            Ok(config) => config,
            Err(error) => {
                let advice = "correct the file; `store-hub check-config` checks it";
                return Self { findings: vec![Finding::fail("config", "file", error.to_string(), advice)] };
            }
        };
        let mut findings = machine::check(&config, &located(path));
        findings.extend(network::check(&config).await);
        findings.extend(running::check(&config).await);
        Self { findings }
    }

    fn of(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// What is worse than before. A warning about something new is not: an upgrade may look at more.
    fn worse_than(&self, before: &Self) -> Vec<&Finding> {
        let was = |finding: &Finding| {
            let same = |other: &&Finding| other.check == finding.check && other.subject == finding.subject;
            before.findings.iter().find(same).map_or(Level::Warn, |found| found.level)
        };
        self.findings.iter().filter(|finding| finding.level > was(finding)).collect()
    }
}

/// Runs `store-hub doctor`.
///
/// # Errors
/// A check fails; with `--before`: something is worse than before.
pub async fn run(arguments: DoctorArguments) -> Result<(), String> {
    let before = arguments.before.as_deref().map(read).transpose()?;
    let report = Report::make(&arguments.config).await;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
    } else {
        report.findings.iter().for_each(|finding| println!("{finding}"));
    }
    match before {
        None if report.of(Level::Fail) == 0 => Ok(()),
        None => Err(format!("{} checks failed, {} warn", report.of(Level::Fail), report.of(Level::Warn))),
        Some(before) => {
            let worse = report.worse_than(&before);
            let told: Vec<_> = worse
                .iter()
                .map(|finding| format!("{} {}: {}", finding.check, finding.subject, finding.value))
                .collect();
            if told.is_empty() { Ok(()) } else { Err(format!("worse than before:\n- {}", told.join("\n- "))) }
        }
    }
}

fn read(path: &Path) -> Result<Report, String> {
    let failed = |error: &dyn fmt::Display| format!("--before {}: {error}", path.display());
    let text = std::fs::read(path).map_err(|error| failed(&error))?;
    serde_json::from_slice(&text).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests;

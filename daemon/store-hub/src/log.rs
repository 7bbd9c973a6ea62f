//! The log: one event per line on standard error, as [`edge::log`] writes it.

use std::io::{self, IsTerminal};

use edge::log::Lines;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    prelude::*,
};

/// The format of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// Text, for people.
    Text,
    /// JSON, one object per line.
    Json,
}

/// Starts the log. `STORE_HUB_LOG` sets the levels (`debug`, or `hub=debug,drivers=info`).
pub(crate) fn start(format: LogFormat, quiet: bool) {
    let usual = if quiet { LevelFilter::ERROR } else { LevelFilter::INFO };
    let targets = match std::env::var("STORE_HUB_LOG").ok().map(|text| text.parse::<Targets>()) {
        Some(Ok(targets)) => targets,
        Some(Err(error)) => {
            eprintln!("store-hub: invalid STORE_HUB_LOG: {error}");
            Targets::new().with_default(usual)
        }
        // sled logs its own internals at INFO.
        None => Targets::new().with_default(usual).with_target("sled", LevelFilter::WARN),
    };
    let has_colours = format == LogFormat::Text && io::stderr().is_terminal();
    let layer = tracing_subscriber::fmt::layer().with_writer(Lines { has_colours }).with_ansi(has_colours);
    let layer = match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(targets)).init();
}

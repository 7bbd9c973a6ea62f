//! The log of a process, a JSON object a line, as `--log-format json` writes it.

use std::{
    env,
    io::{self, Write},
    process::Command,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::runtime::Builder;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    prelude::*,
};

/// Names the test that runs in this process.
const ALONE: &str = "STORE_HUB_TEST_ALONE";

/// What was logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Runs a test in a process of its own, by the test's whole name: a log is the process's.
    pub(crate) fn alone<F: Future<Output = ()>>(test: &str, level: LevelFilter, run: impl FnOnce(Self) -> F) {
        if env::var(ALONE).ok().as_deref() != Some(test) {
            let program = env::current_exe().unwrap();
            let ended = Command::new(program).args([test, "--exact", "--nocapture"]).env(ALONE, test).status().unwrap();
            assert!(ended.success(), "{test}: {ended}");
            return;
        }
        let log = Self::default();
        let writer = log.clone();
        let ours = ["hub", "app", "store", "bridge", "drivers", "link", "hq"].map(|target| (target, level));
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).json().flatten_event(true);
        tracing_subscriber::registry().with(layer.with_filter(Targets::new().with_targets(ours))).init();
        Builder::new_multi_thread().enable_all().build().unwrap().block_on(run(log));
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines that hold a text.
    pub(crate) fn lines(&self, about: &str) -> Vec<Value> {
        let text = self.text();
        text.lines().filter(|line| line.contains(about)).map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

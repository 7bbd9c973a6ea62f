//! The demo's replay of real baskets as a child process in its own directory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::program;

/// A replay as a child process, in its own directory.
pub struct Replay {
    directory: PathBuf,
    child: Child,
}

impl Replay {
    /// Starts `store-hub demo --once --replay` with its state in `directory` and an engine.
    ///
    /// # Panics
    /// The binary does not exist.
    #[allow(clippy::expect_used)] // a test without its binary can only fail
    pub fn start(directory: &Path, data: &Path, engine: &str) -> Self {
        let child = Command::new(program("store-hub"))
            .args(["demo", "--once", "--engine", engine, "--replay"])
            .arg(data)
            .arg("--data")
            .arg(directory)
            .arg("--json")
            .arg(directory.join("replay.json"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("store-hub is there: build it with `cargo build --workspace --bins --tests`, or use ./tests/run");
        Self { directory: directory.to_owned(), child }
    }

    /// The process id of the hub, once it runs.
    pub fn hub(&self) -> Option<u32> {
        let config = self.directory.join("hub.toml").canonicalize().ok()?.display().to_string();
        fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let command = fs::read(entry.path().join("cmdline")).ok()?;
            let words: Vec<_> = command.split(|byte| *byte == 0).collect();
            (words.contains(&&b"run"[..]) && words.contains(&config.as_bytes())).then_some(pid)
        })
    }

    /// The number of bytes that the hub has stored: the progress of the replay, seen from outside.
    pub fn stored(&self) -> u64 {
        let engines = ["data/sled", "data/sqlite"].map(|engine| fs::read_dir(self.directory.join(engine)));
        let files = engines.into_iter().flatten().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum()
    }

    /// Kills the demo, and with it the hub, which stops when its pipe closes.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has ended.
    pub fn is_through(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Waits for its end; returns whether it succeeded, and its results.
    pub fn finish(mut self) -> (bool, serde_json::Value) {
        let content = self.child.wait().is_ok_and(|status| status.success());
        let figures = fs::read(self.directory.join("replay.json")).unwrap_or_default();
        (content, serde_json::from_slice(&figures).unwrap_or_default())
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.kill();
    }
}

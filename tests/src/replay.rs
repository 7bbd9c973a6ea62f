//! System tests: the real binary as a whole store, killed, cut and started again.
//!
//! They run `target/release/store-hub`; `./tests/run` builds it first.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_owned)
}

/// The data that comes with the project.
pub fn data() -> PathBuf {
    root().join("tests/data/complete-journey")
}

/// A replay as a child process, in its own directory.
pub struct Replay {
    directory: PathBuf,
    child: Child,
}

impl Replay {
    /// Starts `store-hub demo --once --replay` with its state kept in `directory`, by an engine.
    ///
    /// # Panics
    /// The binary is not there.
    #[allow(clippy::expect_used)] // a test without its binary can only fail
    pub fn start(directory: &Path, data: &Path, engine: &str) -> Self {
        let binary = root().join("target/release/store-hub");
        let child = Command::new(&binary)
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
            .expect("target/release/store-hub is there: build it with `cargo build --release`, or use ./tests/run");
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

    /// How many bytes the hub has stored: how far the replay is, seen from outside.
    pub fn stored(&self) -> u64 {
        let engines = ["data/sled", "data/sqlite"].map(|engine| fs::read_dir(self.directory.join(engine)));
        let files = engines.into_iter().flatten().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum()
    }

    /// Kills the demo itself, and with it the hub, whose leash it holds.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it is through.
    pub fn is_through(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Waits for its end; gives whether it was content, and its figures.
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

/// Kills a process as a power cut would end it.
pub fn kill_9(pid: u32) {
    let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
}

/// Waits for something that must come; false if it does not.
pub fn until(limit: Duration, mut there: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < limit {
        if there() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

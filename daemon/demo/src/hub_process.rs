//! The hub as a child process, started as in a store (`store-hub run --config …`), and restarted when it ends, as by
//! systemd.
//!
//! It ends with the demo: its standard input is a pipe that the demo keeps open ([`parent_pipe`](crate::parent_pipe)).

use std::{
    fs,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::fs::OFlags;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::watch,
    time::sleep,
};

use crate::wan::Wan;

/// A running hub process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    /// The process id.
    pub(crate) process: u32,
    /// The time of the start.
    pub(crate) started: Instant,
}

/// Runs the hub and restarts it when it ends, as systemd would.
pub(crate) async fn keep_running(config: PathBuf, log: PathBuf, wan: Arc<Wan>, tell: watch::Sender<Option<Running>>) {
    loop {
        let started = Instant::now();
        match start(&config, &log) {
            Ok(mut child) => {
                tell.send_replace(child.id().map(|process| Running { process, started }));
                hold(&mut child, &wan).await;
                tell.send_replace(None);
                tracing::warn!("the hub ended; restarting it");
            }
            Err(error) => tracing::error!(%error, "could not start the hub"),
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn start(config: &Path, log: &Path) -> std::io::Result<Child> {
    // Nobody who may write here can have laid a link for the demo to follow.
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let log = fs::OpenOptions::new().create(true).append(true).custom_flags(no_link).open(log)?;
    Command::new(std::env::current_exe()?)
        .args(["run", "--parent-pipe", "--config"])
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
}

/// Keeps the other end of the hub's pipe: reports the state of the connection to HQ, and executes what its page
/// requests. Returns when the hub ends.
async fn hold(child: &mut Child, wan: &Wan) {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return };
    let mut lines = BufReader::new(output).lines();
    let mut state = wan.state();
    loop {
        let up = *state.borrow_and_update();
        if input.write_all(if up { b"wan up\n" } else { b"wan down\n" }).await.is_err() {
            break;
        }
        tokio::select! {
            line = lines.next_line() => match line {
                Ok(Some(line)) if line == "wan toggle" => {
                    wan.toggle();
                }
                Ok(Some(_)) => {}
                _ => break,
            },
            _ = state.changed() => {}
        }
    }
    // The pipes are closed, so the hub has ended or soon will.
    let _ = child.wait().await;
}

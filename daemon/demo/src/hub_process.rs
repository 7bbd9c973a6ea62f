//! The hub as a child process, started as in a store (`store-hub run --config …`), and again whenever it ends, as
//! systemd would.
//!
//! It ends with the demo: its standard input is a pipe held by the demo ([`parent_pipe`](crate::parent_pipe)).

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::watch,
    time::sleep,
};

use crate::wan::Wan;

/// The hub's process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    /// Its id.
    pub(crate) process: u32,
    /// When it was started.
    pub(crate) started: Instant,
}

/// Runs the hub, and again whenever it ends, as systemd would.
pub(crate) async fn keep_running(config: PathBuf, log: PathBuf, wan: Arc<Wan>, tell: watch::Sender<Option<Running>>) {
    loop {
        let started = Instant::now();
        match start(&config, &log) {
            Ok(mut child) => {
                tell.send_replace(child.id().map(|process| Running { process, started }));
                hold(&mut child, &wan).await;
                tell.send_replace(None);
                tracing::warn!("the hub ended; starting it again");
            }
            Err(error) => tracing::error!(%error, "the hub could not be started"),
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn start(config: &Path, log: &Path) -> std::io::Result<Child> {
    let log = fs::OpenOptions::new().create(true).append(true).open(log)?;
    Command::new(std::env::current_exe()?)
        .args(["run", "--parent-pipe", "--config"])
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
}

/// Holds the other end of the hub's pipe: tells it how the line to HQ is, and does what its page asks. Ends only with
/// the hub's own end.
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
    // The pipes are gone: so is the hub, or soon.
    let _ = child.wait().await;
}

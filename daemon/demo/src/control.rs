//! Steers the devices of a running demo: `store-hub demo-control scan 0400008189811`.
//!
//! The demo listens on a socket in the directory for temporary files. A command is one line, its answer another.

use std::{path::PathBuf, sync::Arc, time::Duration};

use drivers::simulate::Fault;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    time::timeout,
};

use crate::{simulate::thousandths, stage::Devices};

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Steer the devices of a running demo
///
/// scan CODE, weigh 1.25, terminal cut-after-approval, unplug scale-1, plug scale-1, fault moving, paper-out, paper-in.
/// Lane 1 scans and pays, unless `--lane` says another.
#[derive(clap::Args)]
pub struct Arguments {
    /// The lane, from 1
    #[arg(long, default_value_t = 1)]
    lane: usize,
    /// The command
    #[arg(required = true)]
    words: Vec<String>,
}

/// The socket of the running demo.
fn socket() -> PathBuf {
    std::env::temp_dir().join("store-hub-demo.sock")
}

/// Sends a command to the running demo.
///
/// # Errors
/// No demo runs, or it refuses the command.
pub async fn send(arguments: Arguments) -> Result<(), String> {
    let exchange = async {
        let no_demo = |error| format!("no demo is running ({}: {error}); start store-hub demo", socket().display());
        let mut stream = UnixStream::connect(socket()).await.map_err(no_demo)?;
        let line = format!("{} {}\n", arguments.lane, arguments.words.join(" "));
        stream.write_all(line.as_bytes()).await.map_err(|error| error.to_string())?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).await.map_err(|error| error.to_string())?;
        Ok::<_, String>(answer.trim().to_owned())
    };
    match timeout(LIMIT, exchange).await.map_err(|_| "the demo does not answer")??.as_str() {
        "done" => Ok(()),
        why => Err(why.to_owned()),
    }
}

/// Listens for commands while the demo runs.
///
/// # Errors
/// The socket can't be made.
pub(crate) fn listen(devices: Arc<Devices>) -> Result<(), String> {
    let path = socket();
    // Left over by a demo that was killed. A running one loses its socket to the new one.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let devices = Arc::clone(&devices);
            tokio::spawn(timeout(LIMIT, async move {
                let mut line = String::new();
                let (reader, mut writer) = stream.split();
                if BufReader::new(reader).read_line(&mut line).await.is_ok() {
                    let answer = match act(&devices, &line).await {
                        Ok(()) => "done\n".to_owned(),
                        Err(why) => format!("{why}\n"),
                    };
                    let _ = writer.write_all(answer.as_bytes()).await;
                }
            }));
        }
    });
    Ok(())
}

async fn act(devices: &Devices, line: &str) -> Result<(), String> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [lane, words @ ..] = words.as_slice() else { return Err("the command is missing".into()) };
    let lane: usize = lane.parse().map_err(|_| "the lane is not a number")?;
    let of_lane = |lane: usize| lane.checked_sub(1).ok_or_else(|| "lanes count from 1".to_owned());
    let scanner = |lane: usize| devices.scanners.get(of_lane(lane)?).ok_or_else(|| format!("there is no lane {lane}"));
    let failed = |error: std::io::Error| error.to_string();
    match words {
        ["scan", rest @ ..] if !rest.is_empty() => {
            let code = rest.join(" ").replace("<GS>", "\u{1d}");
            let (aim, data) = match code.split_at_checked(3) {
                Some((aim, data)) if aim.starts_with(']') => (aim, data),
                _ => ("", code.as_str()),
            };
            scanner(lane)?.scan(aim, data).await.map(drop).map_err(failed)
        }
        ["weigh", weight] => {
            devices.scale.put(thousandths(weight)?);
            Ok(())
        }
        ["fault", fault] => {
            devices.scale.fault(fault.parse::<Fault>()?);
            Ok(())
        }
        ["terminal", fault] => {
            let terminal = devices.terminals.get(of_lane(lane)?).ok_or_else(|| format!("there is no lane {lane}"))?;
            terminal.fault(fault.parse()?)
        }
        ["unplug", "scale-1"] => {
            devices.scale.unplug();
            Ok(())
        }
        ["plug", "scale-1"] => devices.scale.plug().map_err(failed),
        [act @ ("unplug" | "plug"), name] if name.starts_with("scanner-") => {
            let number = name.trim_start_matches("scanner-").parse().map_err(|_| format!("unknown device {name}"))?;
            match *act {
                "plug" => scanner(number)?.plug().map_err(failed),
                _ => {
                    scanner(number)?.unplug();
                    Ok(())
                }
            }
        }
        ["paper-out"] => {
            devices.receipt_printer.paper_out(true);
            Ok(())
        }
        ["paper-in"] => {
            devices.receipt_printer.paper_out(false);
            Ok(())
        }
        _ => {
            Err("expected: scan CODE, weigh 1.25, fault moving, terminal FAULT, unplug or plug scale-1 or scanner-1, \
             paper-out, paper-in"
                .into())
        }
    }
}

//! `store-hub simulate …`: one simulated device on its own, steered by lines on standard input, so that anybody can try
//! a driver, a till or a config without hardware.

use clap::{Args, Subcommand};
use drivers::simulate::{
    Place, ScaleProtocol, ScannerProtocol, SimulatedCardTerminal, SimulatedReceiptPrinter, SimulatedScale,
    SimulatedScanner, TerminalFault, TerminalProtocol,
};
use tokio::sync::mpsc;

/// Simulate one device
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    device: Device,
}

#[derive(Subcommand)]
enum Device {
    /// A scale; lines on standard input: put 1.25, fault moving, unplug, plug
    Scale {
        /// toledo-8217 (or 8217), mt-sics, nci, cas, dialog-06, hid
        #[arg(long, default_value = "toledo-8217")]
        protocol: ScaleProtocol,
        /// pty:/tmp/scale, tcp:127.0.0.1:4001 or file:/dev/hidg0
        #[arg(long, default_value = "pty:")]
        at: Place,
    },
    /// A scanner; lines on standard input: scan 4006381333931, scan ]C1..., unplug, plug
    Scanner {
        /// serial, hid or keyboard
        #[arg(long, default_value = "serial")]
        protocol: ScannerProtocol,
        /// pty:/tmp/scanner, tcp:127.0.0.1:4002 or file:/dev/hidg1
        #[arg(long, default_value = "pty:")]
        at: Place,
    },
    /// A receipt printer; lines on standard input: paper-out, paper-in, cover-open, cover-shut
    ReceiptPrinter {
        /// The TCP port
        #[arg(long, default_value = "127.0.0.1:9100")]
        at: std::net::SocketAddr,
    },
    /// A card terminal; lines on standard input: fault cut-after-approval, fault none, books
    Terminal {
        /// zvt, nexo, ecr17 or caisse-ap
        #[arg(long, default_value = "zvt")]
        protocol: TerminalProtocol,
        /// The TCP port
        #[arg(long, default_value = "127.0.0.1:20007")]
        at: std::net::SocketAddr,
        /// What goes wrong: decline, wrong-pin, card-removed, partial, offline, slow, cut-before-approval,
        /// cut-after-approval, cut-after-result, reboot, repeat-result, busy, mute, full-pan; may be repeated
        #[arg(long)]
        fault: Vec<TerminalFault>,
        /// The directory for the files that the hub's config names
        #[arg(long, default_value = ".")]
        files: std::path::PathBuf,
    },
}

/// Simulates a device until standard input ends or Ctrl+C.
///
/// # Errors
/// The place can't be opened.
pub async fn run(arguments: Arguments) -> Result<(), String> {
    let lines = input();
    match arguments.device {
        Device::Scale { protocol, at } => {
            let scale = SimulatedScale::speaking(protocol, &at).map_err(opening)?;
            announce(scale.address().as_ref());
            steer(lines, async |words| match words {
                ["put", weight] => {
                    scale.put(thousandths(weight)?);
                    Ok(())
                }
                ["fault", fault] => {
                    scale.fault(fault.parse()?);
                    Ok(())
                }
                ["unplug"] => {
                    scale.unplug();
                    Ok(())
                }
                ["plug"] => scale.plug().map_err(opening),
                _ => Err("expected: put 1.25, fault moving, unplug or plug".into()),
            })
            .await;
        }
        Device::Scanner { protocol, at } => {
            let scanner = SimulatedScanner::speaking(protocol, &at).map_err(opening)?;
            announce(scanner.address().as_ref());
            steer(lines, async |words| match words {
                ["scan", rest @ ..] if !rest.is_empty() => {
                    let code = rest.join(" ").replace("<GS>", "\u{1d}");
                    let (aim, data) = if code.starts_with(']') {
                        code.split_at_checked(3).unwrap_or(("", &code))
                    } else {
                        ("", &*code)
                    };
                    scanner.scan(aim, data).await.map(drop).map_err(|error| error.to_string())
                }
                ["unplug"] => {
                    scanner.unplug();
                    Ok(())
                }
                ["plug"] => scanner.plug().map_err(opening),
                _ => Err("expected: scan CODE (<GS> for the separator), unplug or plug".into()),
            })
            .await;
        }
        Device::ReceiptPrinter { at } => {
            let printer = SimulatedReceiptPrinter::bind(at).await.map_err(opening)?;
            println!("address = \"tcp://{}\"", printer.address());
            steer(lines, async |words| {
                match words {
                    ["paper-out"] => printer.paper_out(true),
                    ["paper-in"] => printer.paper_out(false),
                    ["cover-open"] => printer.cover_open(true),
                    ["cover-shut"] => printer.cover_open(false),
                    _ => return Err("expected: paper-out, paper-in, cover-open or cover-shut".to_owned()),
                }
                Ok(())
            })
            .await;
        }
        Device::Terminal { protocol, at, fault, files } => {
            let terminal = SimulatedCardTerminal::bind(protocol, at).await.map_err(opening)?;
            for fault in fault {
                terminal.fault(fault)?;
            }
            let files = files.canonicalize().map_err(opening)?;
            print!("{}", terminal.config("terminal-1", &files).map_err(opening)?);
            steer(lines, async |words| match words {
                ["fault", fault] => terminal.fault(fault.parse()?),
                ["books"] => {
                    for (minor, state) in terminal.books() {
                        println!("{minor} {state:?}");
                    }
                    Ok(())
                }
                _ => Err("expected: fault NAME, fault none or books".into()),
            })
            .await;
        }
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "passed to `map_err`")]
fn opening(error: std::io::Error) -> String {
    format!("could not open the place: {error}")
}

fn announce(address: Option<&drivers::transport::Address>) {
    match address {
        Some(address) => println!("address = \"{address}\""),
        None => println!("ready"),
    }
}

/// Thousandths of a weight such as 1.25.
pub(crate) fn thousandths(text: &str) -> Result<u32, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{}` is not a weight such as 1.25", text.escape_debug()))?;
    if !(0.0..=99.999).contains(&number) {
        return Err(format!("{number} is out of range; expected 0 to 99.999"));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // The range was checked.
    let milli = (number * 1000.0).round() as u32;
    Ok(milli)
}

/// The lines of standard input, read in a thread of its own.
fn input() -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel(8);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if send.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// Follows the lines; one that is not understood is answered with what is expected.
async fn steer(mut lines: mpsc::Receiver<String>, mut act: impl AsyncFnMut(&[&str]) -> Result<(), String>) {
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(line) = line else { return };
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        match act(&words).await {
            Ok(()) => println!("done"),
            Err(why) => println!("{why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use drivers::simulate::Fault;

    use super::*;

    #[test]
    fn weights_are_read_as_people_write_them() {
        assert_eq!(thousandths("1.25"), Ok(1250));
        assert_eq!(thousandths("0"), Ok(0));
        assert!(thousandths("-1").is_err() && thousandths("x").is_err() && thousandths("NaN").is_err());
        assert_eq!("moving".parse(), Ok(Fault::Moving));
    }
}

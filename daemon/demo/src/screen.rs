//! The demo's output on the terminal.

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use serde_json::Value;
use tokio::{io::AsyncReadExt, sync::mpsc, time::interval};

use super::{client::Client, stage::Stage};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();
const STRONG: Style = Style::new().bold();

/// A text in a style, if the output is a terminal.
fn styled(style: Style, text: &str) -> String {
    if std::io::stdout().is_terminal() { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Prints what a person needs first.
pub(crate) fn welcome(stage: &Stage, items: usize, code: &str, hq_key: &str) {
    let config = &stage.config;
    println!();
    println!(
        "  {}   a whole store, with {} lanes and {items} items",
        styled(STRONG, &config.store.name),
        config.register.len()
    );
    println!();
    println!("  open      {}", styled(GOOD, &format!("https://{}/", stage.endpoint.address)));
    println!("  log in    with code {}", styled(GOOD, code));
    println!(
        "  trust     {}   (or accept the browser's warning: the store signs its own certificate)",
        stage.directory.join("identity/ca.pem").display()
    );
    println!("  HQ        {}", styled(GOOD, &format!("https://{}/", stage.server.address())));
    println!("  HQ's key  {}", styled(GOOD, hq_key));
    println!("  HQ's API  https://{}/docs", stage.server.address());
    println!("  config    {}   the config of the store and its devices", stage.config_path.display());
    println!("  state     {}", config.store.data.display());
    println!("  log       {}", stage.directory.join("hub.log").display());
    println!();
}

/// Prints a status line, and the lines of a story above it, until Ctrl-C; `w` cuts or restores the connection to HQ.
///
/// # Errors
/// The hub does not answer.
pub(crate) async fn watch(stage: &Stage, story: Option<mpsc::Receiver<String>>) -> Result<(), String> {
    let terminal = std::io::stdout().is_terminal();
    let keys = Keys::listen();
    if keys.is_some() {
        println!("  {}", styled(DIM, "w  cut or restore the connection to HQ      Ctrl-C  stop"));
        println!();
    }
    let mut console = Client::log_in(stage.endpoint.clone(), &stage.console_code().await?).await?;
    let mut every = interval(if terminal { Duration::from_secs(1) } else { Duration::from_secs(10) });
    let (_keep, mut pressed) = keys.map_or_else(|| (None, mpsc::channel(1).1), |(keys, pressed)| (Some(keys), pressed));
    let mut story = story.unwrap_or_else(|| mpsc::channel(1).1);
    let mut stop = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            _ = every.tick() => {}
            Some(told) = story.recv() => {
                println!("{}{told}", if terminal { "\r\x1b[K" } else { "" });
                if !terminal {
                    continue;
                }
            }
            Some(key) = pressed.recv() => if key == b'w' {
                stage.wan.toggle();
            },
            _ = &mut stop => break,
        }
        // The session ends when the hub restarts.
        let mut status = console.get("/api/v1/status").await?;
        if status.status == 401 {
            console = Client::log_in(stage.endpoint.clone(), &stage.console_code().await?).await?;
            status = console.get("/api/v1/status").await?;
        }
        let line = line(&status.done()?, *stage.wan.state().borrow());
        if terminal {
            print!("\r\x1b[K{line}");
            let _ = std::io::stdout().flush();
        } else {
            println!("{line}");
        }
    }
    println!();
    Ok(())
}

fn line(status: &Value, wan_up: bool) -> String {
    let today = &status["today"];
    let net = commerce::Minor::new(today["net"].as_i64().unwrap_or(0)).unwrap_or_default();
    let currency = status["currency"].as_str().and_then(commerce::Currency::from_code);
    let takings =
        currency.map_or_else(String::new, |currency| format!("{} {}", currency.code(), net.display(currency)));
    let devices = status["devices"].as_array().map_or(&[][..], Vec::as_slice);
    let ready = devices.iter().filter(|device| device["health"]["state"] == "ready").count();
    let hq = &status["headquarters"];
    let lacks = hq["lacks"].as_u64().unwrap_or(0);
    let hq = match (wan_up, hq["connected"].as_bool()) {
        (false, _) => styled(BAD, &format!("connection cut, {lacks} events pending")),
        (true, Some(true)) if lacks == 0 => styled(GOOD, "HQ is up to date"),
        (true, Some(true)) => format!("{lacks} events pending for HQ"),
        (true, _) => styled(BAD, &format!("HQ does not answer, {lacks} events pending")),
    };
    let devices = format!("{ready}/{} devices", devices.len());
    let orders = format!("{} open web orders", status["orders"]["open"]);
    format!("  {} sales  {}   {orders}   {devices}   {hq}", today["sales"], styled(STRONG, &takings))
}

/// The keys pressed on a terminal, which is restored at the end.
struct Keys {
    before: Termios,
}

impl Keys {
    fn listen() -> Option<(Self, mpsc::Receiver<u8>)> {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut at_once = before.clone();
        at_once.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        at_once.special_codes[SpecialCodeIndex::VMIN] = 1;
        tcsetattr(&stdin, OptionalActions::Now, &at_once).ok()?;
        let (tell, pressed) = mpsc::channel(8);
        tokio::spawn(async move {
            while let Ok(key) = tokio::io::stdin().read_u8().await {
                if tell.send(key).await.is_err() {
                    return;
                }
            }
        });
        Some((Self { before }, pressed))
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}

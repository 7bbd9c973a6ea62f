//! `store-hub devices …`: what is plugged in, which protocol it speaks, and whether the devices of a config work.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::{Args, Subcommand};
use drivers::{
    customer_display,
    device::{Device, DeviceEvent, Listener},
    discover, label_printer, payment_terminal, receipt_printer,
    registry::{StartContext, prepare},
    scale, scanner,
    transport::Address,
};
use tokio::time::sleep;

use crate::config::{self, Config, DeviceKind};

/// Find and try devices
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List what is plugged in, with a table for the config where a driver fits
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Try the scale protocols at an address that no driver uses, such as serial:/dev/ttyUSB0
    Probe {
        /// The address
        address: Address,
    },
    /// Start the devices of a config and print what they report, a JSON object per line; the hub must be stopped
    Test {
        /// Only these devices
        names: Vec<String>,
        /// The store's config file
        #[arg(long, default_value = config::BY_HAND)]
        config: PathBuf,
        /// Stop after this time; by default with Ctrl+C
        #[arg(long)]
        seconds: Option<u64>,
    },
}

/// Runs the subcommand.
///
/// # Errors
/// The error, for people.
pub async fn run(arguments: Arguments) -> Result<(), String> {
    match arguments.command {
        Command::List { json } => list(json).await,
        Command::Probe { address } => probe(&address).await,
        Command::Test { names, config, seconds } => test(&config, &names, seconds).await,
    }
}

async fn list(json: bool) -> Result<(), String> {
    let found = discover::look().await;
    if json {
        let text = serde_json::to_string_pretty(&found).map_err(|error| error.to_string())?;
        println!("{text}");
        return Ok(());
    }
    if let Some(why) = &found.trouble {
        println!("no list of USB devices: {why}");
    }
    for discover::Described { device, suggestion } in &found.usb {
        let named = [&device.manufacturer, &device.name].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        let serial = device.serial.as_deref().unwrap_or("none");
        println!("{:04x}:{:04x}  port {}  serial number {serial}  {named}", device.vendor, device.product, device.port);
        match suggestion {
            Some(table) => table.lines().for_each(|line| println!("    {line}")),
            None => println!("    no driver fits"),
        }
    }
    for discover::Line { path, address } in &found.serial {
        println!("{}  {address}  (store-hub devices probe {address})", path.display());
    }
    if found.usb.is_empty() && found.serial.is_empty() {
        println!("nothing is plugged in");
    }
    Ok(())
}

async fn probe(address: &Address) -> Result<(), String> {
    let answered = discover::probe(address, |attempt| eprintln!("trying {attempt}")).await;
    let Some(discover::Answered { protocol, address, weight }) = answered else {
        return Err(format!(
            "nothing at {address} answered as a scale; check that it is switched on, the cable, and the settings in \
             its own menu; a Dialog 06 scale is not probed, because a request sells"
        ));
    };
    println!("# It shows {weight}.\n[[scale]]\nname = \"scale-1\"\naddress = \"{address}\"\nprotocol = \"{protocol}\"");
    Ok(())
}

async fn test(config: &Path, names: &[String], seconds: Option<u64>) -> Result<(), String> {
    let config = Config::read(config).map_err(|error| error.to_string())?;
    let events: Listener = Arc::new(|event| print(&event));
    let context = StartContext { currency: config.store.currency.number(), events };
    let mut running: Vec<Arc<dyn Device>> = Vec::new();
    for kind in DeviceKind::ALL {
        for setup in config.devices_of(kind) {
            if !names.is_empty() && !names.iter().any(|name| name == setup.name.as_str()) {
                continue;
            }
            let setup = setup.clone();
            let shown = setup.name.clone();
            let started: Result<Arc<dyn Device>, _> = match kind {
                DeviceKind::Scale => {
                    prepare(scale::PROTOCOLS, setup).and_then(|it| it.start(&context)).map(|it| it as Arc<dyn Device>)
                }
                DeviceKind::Scanner => prepare(scanner::PROTOCOLS, setup).and_then(|it| it.start(&context)),
                DeviceKind::LabelPrinter => prepare(label_printer::PROTOCOLS, setup)
                    .and_then(|it| it.start(&context))
                    .map(|it| it as Arc<dyn Device>),
                DeviceKind::ReceiptPrinter => prepare(receipt_printer::PROTOCOLS, setup)
                    .and_then(|it| it.start(&context))
                    .map(|it| it as Arc<dyn Device>),
                DeviceKind::CustomerDisplay => prepare(customer_display::PROTOCOLS, setup)
                    .and_then(|it| it.start(&context))
                    .map(|it| it as Arc<dyn Device>),
                DeviceKind::PaymentTerminal => prepare(payment_terminal::PROTOCOLS, setup)
                    .and_then(|it| it.start(&context))
                    .map(|it| it as Arc<dyn Device>),
            };
            running.push(started.map_err(|error| format!("{} {shown}: {error}", kind.name()))?);
        }
    }
    if running.is_empty() {
        return Err("the config has no such device".into());
    }
    match seconds {
        Some(seconds) => sleep(Duration::from_secs(seconds)).await,
        None => drop(tokio::signal::ctrl_c().await),
    }
    Ok(())
}

fn print(event: &DeviceEvent) {
    if let Ok(line) = serde_json::to_string(event) {
        println!("{line}");
    }
}

//! `store-hub-hq route`: reads orders and stores from files, and prints plans.

mod table;

use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use hq::routing::{self, Network, Policy, Request, files};

/// The maximum size of a file.
const MAX_BYTES: u64 = 1 << 30;

/// Arguments of `route`.
#[derive(clap::Args)]
#[command(after_long_help = FORMATS)]
pub(crate) struct Options {
    /// A file of orders: a JSON array, or one order after another, such as one per line.
    #[arg(long)]
    orders: PathBuf,
    /// A file with the stores, their stock for the web, and the policy: a JSON object.
    #[arg(long)]
    stock: PathBuf,
    /// Print each plan as a line of JSON.
    #[arg(long)]
    json: bool,
}

const FORMATS: &str = r#"Orders are routed in the order of the file. Each plan reduces the stock and the capacity for
the next order.

An order:
  {"order": "web-1", "to": {"point": {"lat": 54.99, "lon": -1.6}}, "due_ms": 1795550000000,
   "lines": [{"line": 1, "sku": "818981", "quantity": {"milli": 2000, "unit": "each"}, "zone": "ambient"}],
   "rejected_by": ["store-7"]}

Stores:
  {"now_ms": 1795500000000,
   "policy": {"most_stores": 3, "most_metres": 500000, "offline_after_minutes": 10, "ms_per_km": 90000,
              "weights": {"money_permille": 1000, "hour": 50, "stock": 200, "split": 300}},
   "stores": [{"store": "store-1", "at": {"lat": 54.97, "lon": -1.61}, "zones": ["NE1"], "keeps": ["ambient"],
               "open": [{"from_ms": 1795478400000, "to_ms": 1795521600000}], "heard_at_ms": 1795499990000,
               "open_orders": 4, "capacity": 20, "prepare_minutes": 30, "parcel": 395, "per_km": 2, "handling": 20,
               "stock": [{"sku": "818981", "unit": "each", "quota": 4000, "confirmed": 0}]}]}

`to` is a point, a {"zone": "NE1"}, or the {"store": "store-1"} for pickup. Quantities are in
thousandths, amounts in minor units, times in milliseconds since 1970, UTC. docs/routing.md explains the
optional fields, the constraints and the weights."#;

/// Routes the orders and prints the plans.
pub(crate) fn run(options: &Options) -> ExitCode {
    let input =
        read(&options.orders, files::orders).and_then(|orders| Ok((orders, read(&options.stock, files::network)?)));
    let (orders, (network, policy)) = match input {
        Ok(input) => input,
        Err(why) => {
            eprintln!("store-hub-hq: {why}");
            return ExitCode::from(2);
        }
    };
    match print(&orders, network, &policy, options.json) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader closed the pipe.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("store-hub-hq: could not write the plans: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read<T>(path: &Path, parse: impl Fn(&str) -> Result<T, files::FileError>) -> Result<T, String> {
    let failed = |error: &dyn std::error::Error| format!("{}: could not read the file: {error}", path.display());
    let file = File::open(path).map_err(|error| failed(&error))?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| failed(&error))?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > MAX_BYTES) {
        return Err(format!("{}: the file is larger than 1 GiB; split it", path.display()));
    }
    parse(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn print(orders: &[Request], mut network: Network, policy: &Policy, json: bool) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for request in orders {
        let plan = routing::route(request, &network, policy);
        if json {
            serde_json::to_writer(&mut out, &plan)?;
            out.write_all(b"\n")?;
        } else {
            table::write(&mut out, request, &plan, network.now_ms)?;
        }
        network.take(request, &plan);
    }
    out.flush()
}

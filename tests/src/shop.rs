//! A store of processes as a retailer would run it: identity, config, hub, broker, HQ. Each process ends when its value
//! is dropped.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio, id},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use ureq::{http::Method, tls::Certificate};

use crate::{
    ENGINES, program,
    register::{Client, Endpoint},
    signal, till, until,
};

/// The time limit for a process to start, catch up or stop.
pub const LIMIT: Duration = Duration::from_secs(120);

/// The maximum number of items in a load.
const LOAD: usize = 1_000;

pub(crate) fn failed(what: impl std::fmt::Display) -> impl Fn(std::io::Error) -> String {
    move |error| format!("{what}: {error}")
}

/// Creates a certificate authority and a certificate of this name for the loopback interface
/// (`store-hub-provision create-store`).
///
/// # Errors
/// They could not be created.
pub(crate) fn provision(name: &str, directory: &Path) -> Result<(), String> {
    let made = Command::new(program("store-hub-provision"))
        .args(["create-store", "--store", name, "--address", "127.0.0.1", "--dir"])
        .arg(directory)
        .output()
        .map_err(failed(
            "could not run store-hub-provision: run ./tests/run, or `cargo build --workspace --bins --tests`",
        ))?;
    if made.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&made.stderr).into_owned()) }
}

/// A free port below the range of outgoing connections, so that a killed hub finds it free again.
///
/// # Errors
/// No port is free.
pub fn free_port() -> Result<u16, String> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(id() % 100).unwrap_or(0) * 100;
    (0..10_000)
        .map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed) % 2_000)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| "no port is free".to_owned())
}

/// The plan of a store.
pub struct Plan<'p> {
    /// The engine.
    pub engine: &'p str,
    /// The data directory.
    pub data: &'p Path,
    /// The number of registers.
    pub registers: usize,
    /// The tables of the config about HQ, if there is one.
    pub headquarters: Option<String>,
}

/// A store: its identity and config.
#[derive(Clone)]
pub struct Shop {
    directory: PathBuf,
    data: PathBuf,
    registers: usize,
    /// The hub's address.
    pub endpoint: Endpoint,
}

impl Shop {
    /// Creates the identity and the config of `store-1`.
    ///
    /// # Errors
    /// Something could not be created.
    pub fn build(directory: &Path, plan: &Plan<'_>) -> Result<Self, String> {
        Self::named("store-1", directory, plan)
    }

    /// Creates the identity and the config of a store.
    ///
    /// # Errors
    /// Something could not be created.
    pub fn named(name: &str, directory: &Path, plan: &Plan<'_>) -> Result<Self, String> {
        fs::create_dir_all(directory).map_err(failed("make the store's directory"))?;
        let identity = directory.join("identity");
        if !identity.exists() {
            provision(name, &identity)?;
        }
        let pem = fs::read(identity.join("ca.pem")).map_err(failed("read ca.pem"))?;
        let authority = Certificate::from_pem(&pem).map_err(|error| error.to_string())?.to_owned();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut config = format!(
            "[store]\nhub = \"{name}\"\nname = \"{name}\"\ncurrency = \"USD\"\ntime_zone = \"UTC\"\ndata = \
             \"{}\"\nengine = \"{}\"\n\n\
             [listen]\naddress = \"{address}\"\ncertificate = \"{identity}/hub.pem\"\nkey = \"{identity}/hub.key\"\n",
            plan.data.display(),
            plan.engine,
            identity = identity.display(),
        );
        if let Some(tables) = &plan.headquarters {
            config += &format!("\n{tables}\n");
        }
        for number in 1..=plan.registers {
            config += &format!("\n[[register]]\nname = \"till-{number}\"\n");
        }
        fs::write(directory.join("hub.toml"), config).map_err(failed("write hub.toml"))?;
        Ok(Self {
            directory: directory.to_owned(),
            data: plan.data.to_owned(),
            registers: plan.registers,
            endpoint: Endpoint { address, authority },
        })
    }

    /// Changes its config for the next start.
    ///
    /// # Errors
    /// The config does not have the text `from`, or can't be written.
    pub fn reconfigure(&self, from: &str, to: &str) -> Result<(), String> {
        let path = self.directory.join("hub.toml");
        let config = fs::read_to_string(&path).map_err(failed("read hub.toml"))?;
        if !config.contains(from) {
            return Err(format!("hub.toml does not have `{from}`"));
        }
        fs::write(&path, config.replace(from, to)).map_err(failed("write hub.toml"))
    }

    /// The directory of its identity and config.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts the hub with additional environment variables.
    ///
    /// # Errors
    /// The program does not exist.
    pub fn start(&self, environment: &[(&str, &str)]) -> Result<Hub, String> {
        let log = File::options().create(true).append(true).open(self.directory.join("hub.log"));
        let log = log.map_err(failed("open hub.log"))?;
        let child = Command::new(program("store-hub"))
            .args(["run", "--config"])
            .arg(self.directory.join("hub.toml"))
            .envs(environment.iter().copied())
            .env("STORE_HUB_LOG", "warn,hub=info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(failed("could not run store-hub: run ./tests/run, or `cargo build --workspace --bins --tests`"))?;
        Ok(Hub { child })
    }

    /// Whether there is a store in the data directory.
    pub fn has_store(&self) -> bool {
        ENGINES.iter().any(|engine| self.data.join(engine).exists())
    }

    /// The end of the hub's log.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.directory.join("hub.log")).unwrap_or_default();
        let last: Vec<_> = log.lines().rev().take(8).collect();
        last.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Waits until a hub answers.
    ///
    /// # Errors
    /// It ends or takes too long; the error has the end of its log.
    pub fn ready(&self, hub: &mut Hub) -> Result<(), String> {
        let page = Client::nobody(&self.endpoint);
        let mut answers = false;
        until(LIMIT, || {
            answers = page.once(&Method::GET, "/", None, "").is_ok_and(|reply| reply.status == 200);
            answers || hub.has_ended()
        });
        if answers { Ok(()) } else { Err(format!("the hub did not start:\n{}", self.log())) }
    }

    /// Opens the store as a person would: logs in, loads the catalog, pairs each register. Returns the registers.
    ///
    /// # Errors
    /// The hub does not start, or refuses.
    pub fn open(&self) -> Result<Vec<Client>, String> {
        let console = self.console()?;
        for (number, items) in (1..).zip(till::catalog().chunks(LOAD)) {
            let items = json!({ "items": items }).to_string();
            let loaded = console.command("/api/v1/items", &format!("catalog-{number}"), &items, || true);
            loaded.map_err(|error| format!("{error:?}"))?;
        }
        (1..=self.registers).map(|number| Client::pair(&console, &self.endpoint, &format!("till-{number}"))).collect()
    }

    /// A person at the console of a running hub.
    ///
    /// # Errors
    /// The hub does not start, or refuses.
    pub fn console(&self) -> Result<Client, String> {
        let path = self.data.join("console-code");
        let code = || fs::read_to_string(&path).ok().filter(|code| code.len() >= 8);
        until(LIMIT, || TcpStream::connect(self.endpoint.address).is_ok() && code().is_some());
        Client::log_in(&self.endpoint, &code().ok_or_else(|| format!("the hub did not start:\n{}", self.log()))?)
    }

    /// Runs `store-hub store check` while the hub is stopped: the number of records checked, and the faults.
    ///
    /// # Errors
    /// The store can't be opened.
    pub fn check(&self) -> Result<(u64, Vec<String>), String> {
        let told = self.store(&["check"], &[])?;
        let faults = told["faults"].as_array().ok_or("store check: no faults in its answer")?;
        let faults = faults.iter().map(|fault| fault.as_str().unwrap_or_default().to_owned()).collect();
        Ok((told["records"].as_u64().unwrap_or(0), faults))
    }

    /// Runs `store-hub store backup`, whether or not the hub is running.
    ///
    /// # Errors
    /// No backup was written.
    pub fn back_up(&self, to: &Path, environment: &[(&str, &str)]) -> Result<(), String> {
        self.store(&["backup", "--to", &to.display().to_string()], environment).map(|_| ())
    }

    /// Runs `store-hub store restore` where there is no store.
    ///
    /// # Errors
    /// The backup is incomplete.
    pub fn restore(&self, from: &Path) -> Result<(), String> {
        self.store(&["restore", "--from", &from.display().to_string()], &[]).map(|_| ())
    }

    /// Runs `store-hub store …` and returns its JSON.
    fn store(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Value, String> {
        let what = format!("store {}", arguments.join(" "));
        let mut running = Command::new(program("store-hub"))
            .arg("store")
            .args(arguments)
            .args(["--json", "--config"])
            .arg(self.directory.join("hub.toml"))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed("store-hub is not there"))?;
        if !until(LIMIT, || matches!(running.try_wait(), Ok(Some(_)))) {
            let _ = running.kill();
        }
        let ended = running.wait_with_output().map_err(failed(&what))?;
        serde_json::from_slice(&ended.stdout)
            .map_err(|_| format!("{what}: {} {}", ended.status, String::from_utf8_lossy(&ended.stderr).trim()))
    }
}

/// A running hub.
pub struct Hub {
    child: Child,
}

impl Hub {
    /// Kills it as a power failure would: `kill -9`.
    pub fn kill(&mut self) {
        self.end();
    }

    /// Stops it gracefully; returns whether it stopped as it should.
    pub fn stop(&mut self) -> bool {
        signal(self.child.id(), "TERM");
        until(LIMIT, || matches!(self.child.try_wait(), Ok(Some(_))))
            && self.child.wait().is_ok_and(|status| status.success())
    }

    /// Whether it ended unexpectedly.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.end();
    }
}

/// HQ: mosquitto and `store-hub-hq ingest` on the loopback interface.
pub struct Headquarters {
    broker: Child,
    ingest: Child,
    /// The file of HQ's ledger.
    pub ledger: PathBuf,
    /// The broker's address for hubs.
    pub address: SocketAddr,
}

impl Headquarters {
    /// Starts both.
    ///
    /// # Errors
    /// A program does not exist or does not start.
    pub fn start(directory: &Path) -> Result<Self, String> {
        let mosquitto = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"];
        let mosquitto = mosquitto.into_iter().find(|path| Path::new(path).exists());
        let mosquitto = mosquitto.ok_or("mosquitto is not installed; run ./tests/run, or install it")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let config = directory.join("mosquitto.conf");
        fs::write(&config, format!("listener {} 127.0.0.1\nallow_anonymous true\n", address.port()))
            .map_err(failed("write mosquitto.conf"))?;
        let quiet =
            |command: &mut Command| command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let broker = quiet(Command::new(mosquitto).arg("-c").arg(&config)).map_err(failed("start mosquitto"))?;
        let ledger = directory.join("headquarters.db");
        let ingest = Self::ingest(address, &ledger)?;
        Ok(Self { broker, ingest, ledger, address })
    }

    fn ingest(broker: SocketAddr, ledger: &Path) -> Result<Child, String> {
        let mut ingest = Command::new(program("store-hub-hq"));
        ingest.args(["ingest", "--broker", &format!("mqtt://{broker}"), "--ledger"]).arg(ledger);
        ingest.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        ingest.spawn().map_err(failed("store-hub-hq is not there"))
    }

    /// A hub's table about HQ in its config.
    pub fn config(&self) -> String {
        format!("[headquarters]\nbroker = \"mqtt://{}\"", self.address)
    }

    /// Kills the ingest: `kill -9`. The broker goes on.
    pub fn kill_ingest(&mut self) {
        let _ = self.ingest.kill();
        let _ = self.ingest.wait();
    }

    /// Starts the ingest again.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart_ingest(&mut self) -> Result<(), String> {
        self.kill_ingest();
        self.ingest = Self::ingest(self.address, &self.ledger)?;
        Ok(())
    }

    /// Kills the broker: `kill -9`.
    pub fn kill_broker(&mut self) {
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }

    /// All sales that HQ has, by id.
    ///
    /// # Errors
    /// The report fails.
    pub fn sales(&self) -> Result<Vec<Value>, String> {
        self.report("sales")
    }

    /// The number of sales that HQ has applied.
    pub fn count(&self) -> usize {
        let days = self.report("ledger").unwrap_or_default();
        let sales = days.iter().filter_map(|day| day["sales"].as_u64()).sum::<u64>();
        usize::try_from(sales).unwrap_or(usize::MAX)
    }

    /// Stops HQ with Ctrl-C; returns its sums, and the stock of each store.
    ///
    /// # Errors
    /// There were none, or the report fails.
    pub fn end(mut self) -> Result<(Value, Vec<Value>), String> {
        signal(self.ingest.id(), "INT");
        let printed = self.ingest.stdout.take().map(std::io::read_to_string);
        let printed = printed.ok_or("HQ has no output")?.map_err(failed("read HQ's sums"))?;
        let sums = serde_json::from_str(&printed).map_err(|error| format!("HQ's sums: {error}: {printed}"))?;
        Ok((sums, self.report("stock")?))
    }

    /// Runs `store-hub-hq` on HQ's ledger; returns what it prints.
    ///
    /// # Errors
    /// It fails.
    pub fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let done = Command::new(program("store-hub-hq")).args(arguments).arg("--ledger").arg(&self.ledger).output();
        let done = done.map_err(failed("store-hub-hq is not there"))?;
        if done.status.success() {
            return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
        }
        Err(format!("store-hub-hq {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr)))
    }

    /// `store-hub-hq NAME --json`: its rows.
    fn report(&self, name: &str) -> Result<Vec<Value>, String> {
        let text = self.run(&[name, "--json"])?;
        let rows =
            text.lines().map(|line| serde_json::from_str(line).map_err(|error| format!("{name}: {error}: {line}")));
        rows.collect()
    }
}

impl Drop for Headquarters {
    fn drop(&mut self) {
        for child in [&mut self.ingest, &mut self.broker] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

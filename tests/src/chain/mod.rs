//! A chain as a retailer would run it: stores with their hubs, a broker, the workers of HQ and their database. Every
//! connection to the broker goes through a [`Proxy`] of its owner. Each process ends when its value is dropped.
//!
//! | module | contents |
//! | --- | --- |
//! | [`broker`] | mosquitto with certificates and an access list |
//! | [`database`] | SQLite or PostgreSQL, and how it is read |
//! | [`faults`] | what fails |
//! | [`judge`] | what HQ sends, and whether everything has arrived |
//! | [`mqtt`] | packets |
//! | [`proxy`] | what disturbs connections |
//! | [`witness`] | every projection, computed by SQL from the events |

pub mod broker;
pub mod database;
pub mod faults;
pub mod judge;
pub mod mqtt;
pub mod proxy;
pub mod witness;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use fastrand::Rng;
use serde_json::Value;
use tokio::runtime::Runtime;

use self::{
    broker::Broker,
    database::Database,
    proxy::{Counts, Proxy},
};
use crate::{
    program,
    shop::{LIMIT, Plan, Shop, failed, free_port, provision},
    until,
};

/// A program of HQ's, killed when this value is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A worker of HQ's: `store-hub-hq ingest`.
pub struct Worker {
    name: String,
    running: Option<Running>,
    /// Between it and the broker.
    pub proxy: Proxy,
}

/// A store.
pub struct Store {
    /// Its identity and config.
    pub shop: Shop,
    /// Its name.
    pub name: String,
    /// Between its hub and the broker.
    pub proxy: Proxy,
}

/// A chain.
pub struct Chain {
    directory: PathBuf,
    /// The database of HQ's ledger.
    pub database: Database,
    /// The broker.
    pub broker: Broker,
    /// HQ's workers.
    pub workers: Vec<Worker>,
    /// The stores; their hubs do not run yet.
    pub stores: Vec<Store>,
    /// What all proxies did.
    pub counts: Arc<Counts>,
    /// Announces and serves publications.
    publisher: Vec<Running>,
    /// Where hubs fetch publications.
    from: String,
    // The last field: the proxies run on it.
    _runtime: Runtime,
}

impl Chain {
    /// Starts the broker, the database and the workers, and creates a store for each of these engines.
    ///
    /// # Errors
    /// A program is not installed, or does not start.
    pub fn start(
        directory: &Path,
        database: &str,
        workers: usize,
        engines: &[&str],
        dice: &mut Rng,
    ) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(failed("start a runtime"))?;
        let identity = |name: &str| directory.join(name).join("identity");
        let names: Vec<_> = (1..=engines.len()).map(|number| format!("store-{number}")).collect();
        for name in ["hq", "broker"].into_iter().chain(names.iter().map(String::as_str)) {
            fs::create_dir_all(directory.join(name)).map_err(failed("make a directory"))?;
            provision(name, &identity(name))?;
        }
        let (hq, of_broker) = (identity("hq"), identity("broker"));
        let clients: Vec<_> = names.iter().map(|name| identity(name)).chain([hq.clone()]).collect();
        let clients: Vec<_> = clients.iter().map(PathBuf::as_path).collect();
        let broker = Broker::start(&directory.join("mosquitto"), &of_broker, &clients)?;
        let counts = Arc::new(Counts::default());
        let mut proxy = |client: &Path| {
            Proxy::start(runtime.handle(), broker.address, &of_broker, client, Arc::clone(&counts), dice.fork())
        };
        let key = hq_program(&["signing-key", &directory.join("signing.key").display().to_string()])?;
        let mut stores = Vec::new();
        for (name, engine) in names.iter().zip(engines) {
            let proxy = proxy(&identity(name))?;
            let headquarters = format!(
                "[headquarters]\nbroker = \"mqtts://{}\"\nauthority = \"{}/ca.pem\"\n\n{key}authority = \"{}/ca.pem\"",
                proxy.address,
                of_broker.display(),
                hq.display(),
            );
            let home = directory.join(name);
            let plan = Plan { engine, data: &home.join("data"), registers: 3, headquarters: Some(headquarters) };
            let shop = Shop::named(name, &home, &plan)?;
            stores.push(Store { shop, name: name.clone(), proxy });
        }
        let mut all = Vec::new();
        for number in 1..=workers {
            all.push(Worker { name: format!("worker-{number}"), running: None, proxy: proxy(&hq)? });
        }
        let from = format!("127.0.0.1:{}", free_port()?);
        let mut chain = Self {
            directory: directory.to_owned(),
            database: Database::new(database, &directory.join("database"))?,
            broker,
            workers: all,
            stores,
            counts,
            publisher: Vec::new(),
            from,
            _runtime: runtime,
        };
        for worker in 0..workers {
            chain.start_worker(worker, None)?;
        }
        Ok(chain)
    }

    fn log(&self, name: &str) -> Result<File, String> {
        let log = File::options().create(true).append(true).open(self.directory.join(name));
        log.map_err(failed("open a log"))
    }

    fn run(&self, log: &str, arguments: &[String]) -> Result<Running, String> {
        let mut command = Command::new(program("store-hub-hq"));
        command.args(arguments).args(["--ledger", &self.database.address()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.log(log)?);
        command.spawn().map(Running).map_err(failed("could not run store-hub-hq: run ./tests/run"))
    }

    /// What a program of HQ's needs to reach the broker.
    fn reach(&self, proxy: &Proxy) -> Vec<String> {
        let identity = |name: &str, file: &str| self.directory.join(name).join("identity").join(file);
        let paths = [identity("broker", "ca.pem"), identity("hq", "hub.pem"), identity("hq", "hub.key")];
        let [ca, certificate, key] = paths.map(|path| path.display().to_string());
        let broker = format!("mqtts://{}", proxy.address);
        ["--broker", &broker, "--ca", &ca, "--certificate", &certificate, "--key", &key].map(str::to_owned).to_vec()
    }

    /// Starts a worker, or starts it again. A worker that begins with items sends them to every store.
    ///
    /// # Errors
    /// The program does not exist.
    pub fn start_worker(&mut self, worker: usize, items: Option<&Path>) -> Result<(), String> {
        self.workers[worker].running = None;
        let mut arguments = vec!["ingest".to_owned()];
        arguments.extend(self.reach(&self.workers[worker].proxy));
        arguments.extend(["--worker".into(), self.workers[worker].name.clone()]);
        if let Some(items) = items {
            arguments.extend(["--publish-items".into(), items.display().to_string()]);
            arguments.extend(self.stores.iter().flat_map(|store| ["--to".into(), store.name.clone()]));
        }
        let running = self.run(&format!("{}.log", self.workers[worker].name), &arguments)?;
        self.workers[worker].running = Some(running);
        Ok(())
    }

    /// Publishes a file to every store, as a catalog or another kind; returns its version.
    ///
    /// # Errors
    /// A program does not start, or refuses.
    pub fn publish(&mut self, kind: &str, file: &Path) -> Result<u64, String> {
        let objects = self.directory.join("objects");
        if self.publisher.is_empty() {
            fs::create_dir_all(&objects).map_err(failed("make the directory of objects"))?;
            let identity = self.directory.join("hq/identity");
            let paths = [identity.join("hub.pem"), identity.join("hub.key"), objects.clone()];
            let [certificate, key, served] = paths.map(|path| path.display().to_string());
            let serve = ["serve", "--listen", &self.from, "--certificate", &certificate, "--key", &key, "--objects"];
            let serve: Vec<_> = serve.into_iter().chain([&*served]).map(str::to_owned).collect();
            let announce = [vec!["announce".to_owned()], self.reach(&self.workers[0].proxy)].concat();
            self.publisher = vec![self.run("serve.log", &serve)?, self.run("announce.log", &announce)?];
            let listens = until(LIMIT, || std::net::TcpStream::connect(&self.from).is_ok());
            if !listens {
                return Err(format!("store-hub-hq serve does not listen on {}", self.from));
            }
        }
        let paths = [file, &self.directory.join("signing.key"), &objects];
        let [path, key, objects] = paths.map(|path| path.display().to_string());
        let from = format!("https://{}/publications", self.from);
        let ledger = self.database.address();
        let told = hq_program(&[
            "publish",
            kind,
            &path,
            "--all",
            "--key",
            &key,
            "--objects",
            &objects,
            "--from",
            &from,
            "--ledger",
            &ledger,
        ])?;
        let version = told.split_once("version ").and_then(|(_, rest)| rest.split_once(':'));
        version.and_then(|(version, _)| version.parse().ok()).ok_or(format!("publish said {told}"))
    }

    /// The rows of `store-hub-hq REPORT --json`.
    ///
    /// # Errors
    /// It fails.
    pub fn report(&self, report: &[&str]) -> Result<Vec<Value>, String> {
        let told = hq_program(&[report, &["--json", "--ledger", &self.database.address()]].concat())?;
        told.lines().map(|line| serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))).collect()
    }

    /// Empties all projections and makes them again.
    ///
    /// # Errors
    /// It fails.
    pub fn rebuild(&self) -> Result<String, String> {
        hq_program(&["rebuild", "--ledger", &self.database.address()])
    }

    /// The ends of the logs of HQ's programs.
    pub fn logs(&self) -> String {
        let names = self.workers.iter().map(|worker| worker.name.as_str()).chain(["serve", "announce"]);
        let end = |name: &str| {
            let log = fs::read_to_string(self.directory.join(format!("{name}.log"))).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            format!("{name}:\n{}", lines[lines.len().saturating_sub(15)..].join("\n"))
        };
        let hubs = self.stores.iter().map(|store| format!("{}:\n{}", store.name, store.shop.log()));
        names.map(end).chain(hubs).collect::<Vec<_>>().join("\n")
    }
}

/// Runs `store-hub-hq` until it ends; gives what it prints.
fn hq_program(arguments: &[&str]) -> Result<String, String> {
    let done = Command::new(program("store-hub-hq")).args(arguments).stdin(Stdio::null()).output();
    let done = done
        .map_err(failed("could not run store-hub-hq: run ./tests/run, or `cargo build --workspace --bins --tests`"))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    Err(format!("store-hub-hq {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr)))
}

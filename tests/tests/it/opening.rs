//! Runs the commands of `docs/opening.md`: HQ initialised, two stores enrolled, four registers paired, sales made, a
//! box killed and replaced, a hub revoked, a pop-up opened and closed. Every machine of the page is a directory.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use serde_json::{Value, json};
use system_tests::{
    program,
    register::{Client, Endpoint},
    root, shared,
    shop::{LIMIT, free_port},
    skipped, till, until,
};
use ureq::tls::Certificate;

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The machines.
struct Chain {
    directory: PathBuf,
    /// The blocks of each chapter: their language and text.
    chapters: BTreeMap<String, Vec<(String, String)>>,
    /// What the page's names and paths are here, longest first.
    names: Vec<(String, String)>,
    addresses: BTreeMap<&'static str, SocketAddr>,
    running: BTreeMap<String, Running>,
    /// Everything that was typed and answered.
    transcript: String,
}

/// The blocks of each chapter of a page.
fn chapters(page: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let chapters = page.split("\n## ").skip(1).map(|chapter| {
        let (heading, text) = chapter.split_once('\n').unwrap();
        let blocks = text.split("```").skip(1).step_by(2);
        let blocks = blocks.map(|block| {
            let (language, text) = block.split_once('\n').unwrap();
            (language.to_owned(), text.replace("\\\n", " "))
        });
        (heading.to_owned(), blocks.collect())
    });
    chapters.collect()
}

impl Chain {
    fn new(directory: &Path) -> Self {
        let page = fs::read_to_string(root().join("docs/opening.md")).unwrap();
        let local = || SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
        let hosts = ["hq.example.com:8445", "hq.example.com:8883", "hq.example.com:8444"];
        let stores = ["10.0.0.2:8443", "10.0.1.2:8443", "10.0.2.2:8443"];
        let addresses: BTreeMap<_, _> = hosts.into_iter().chain(stores).map(|name| (name, local())).collect();
        let mut names: Vec<(String, String)> =
            addresses.iter().map(|(name, address)| ((*name).to_owned(), address.to_string())).collect();
        let place = |name: &str| directory.join(name).display().to_string();
        for port in ["8445", "8444"] {
            let address = addresses[format!("hq.example.com:{port}").as_str()];
            names.push((format!("0.0.0.0:{port}"), address.to_string()));
        }
        let broker = addresses["hq.example.com:8883"];
        names.push(("listener 8883".into(), format!("listener {} 127.0.0.1", broker.port())));
        names.push(("--hostname hq.example.com".into(), "--address 127.0.0.1".into()));
        for store in ["10.0.0.2", "10.0.1.2", "10.0.2.2"] {
            names.push((store.into(), "127.0.0.1".into()));
        }
        for path in ["/etc/store-hub-hq", "/var/lib/store-hub-hq", "/etc/mosquitto", "/media"] {
            fs::create_dir_all(directory.join(path.trim_start_matches('/'))).unwrap();
            names.push((path.into(), place(path.trim_start_matches('/'))));
        }
        names.push(("systemctl restart mosquitto".into(), place("restart-broker")));
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let running = BTreeMap::new();
        let directory = directory.to_owned();
        Self { directory, chapters: chapters(&page), names, addresses, running, transcript: String::new() }
    }

    fn here(&self, text: &str, machine: &str) -> String {
        let state = self.directory.join(machine).join("state").display().to_string();
        let text = self.names.iter().fold(text.to_owned(), |text, (name, here)| text.replace(name, here));
        // Not `/var/lib/store-hub-hq`, which is replaced by now.
        text.replace("store-hub enroll ", &format!("store-hub enroll --state {state} "))
            .replace(
                "hq init ",
                &format!("hq init --authority {}/etc/store-hub-hq/authority ", self.directory.display()),
            )
            .replace(
                "hq certificate ",
                &format!("hq certificate --authority {}/etc/store-hub-hq/authority ", self.directory.display()),
            )
    }

    fn block(&self, chapter: &str, language: &str) -> String {
        let blocks = &self.chapters[chapter];
        let found = blocks.iter().filter(|(of, _)| of == language).map(|(_, text)| text.as_str());
        found.collect::<Vec<_>>().concat()
    }

    /// Runs the commands of a chapter, in order.
    fn run(&mut self, chapter: &str) {
        for line in self.block(chapter, "console").lines() {
            self.type_in(line);
        }
    }

    /// Runs a command.
    fn type_in(&mut self, line: &str) {
        let (machine, command) = line.split_once("$ ").unwrap_or_else(|| panic!("no machine: {line}"));
        if ["systemctl start store-hub", "systemctl restart store-hub"].contains(&command) {
            return self.start(machine);
        }
        let mut command = self.here(command, machine);
        if command.contains("--ledger") && command.starts_with("store-hub-provision") {
            command += &format!(" --authority {}", self.directory.join("etc/store-hub-hq/authority").display());
        }
        let path = program("store-hub").parent().unwrap().display().to_string();
        let done = Command::new("sh")
            .args(["-c", &command])
            .current_dir(&self.directory)
            .env("PATH", format!("{path}:{}", std::env::var("PATH").unwrap()))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [&done.stdout[..], &done.stderr].map(String::from_utf8_lossy).concat();
        self.transcript += &format!("{line}\n{said}");
        assert!(done.status.success(), "{command}\n{said}\n{}", self.logs());
    }

    fn log(&self, name: &str) -> File {
        File::options().create(true).append(true).open(self.directory.join(format!("{name}.log"))).unwrap()
    }

    fn logs(&self) -> String {
        let logs = fs::read_dir(&self.directory).unwrap().flatten().map(|entry| entry.path());
        let logs = logs.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
        let end = |path: PathBuf| {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            format!("{}:\n{}", path.display(), lines[lines.len().saturating_sub(8)..].join("\n"))
        };
        logs.map(end).collect::<Vec<_>>().join("\n")
    }

    fn state(&self, machine: &str) -> PathBuf {
        self.directory.join(machine).join("state")
    }

    /// Starts the service of a hub.
    fn start(&mut self, machine: &str) {
        self.running.remove(machine);
        let mut command = Command::new(program("store-hub"));
        command.args(["run", "--state"]).arg(self.state(machine)).env("STORE_HUB_LOG", "warn,hub=info");
        command.args(["--first-page", &self.addresses["10.0.2.2:8443"].to_string()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.log(machine)).spawn().unwrap();
        self.running.insert(machine.to_owned(), Running(child));
    }

    /// Starts HQ's services, and the broker.
    fn serve(&mut self) {
        let chapter = "Once, at HQ";
        let brokers = fs::read_to_string(root().join("docs/brokers.md")).unwrap();
        let access = brokers.split("```").find(|block| block.contains("# /etc/mosquitto/acl")).unwrap();
        fs::write(self.directory.join("etc/mosquitto/acl"), access).unwrap();
        let pid = self.directory.join("broker.pid");
        let conf = self.directory.join("mosquitto.conf");
        // Started as root, it would read its key as another user.
        let more = format!(
            "user root\npid_file {}\nlog_dest file {}\n",
            pid.display(),
            self.directory.join("mosquitto.log").display()
        );
        fs::write(&conf, self.here(&self.block(chapter, "conf"), "hq") + &more).unwrap();
        let script = format!(
            "#!/bin/sh\nif [ -e {0} ]; then kill -9 \"$(cat {0})\"; fi\nexec /usr/sbin/mosquitto -d -c {1}\n",
            pid.display(),
            conf.display()
        );
        let restart = self.directory.join("restart-broker");
        fs::write(&restart, script).unwrap();
        fs::set_permissions(&restart, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        assert!(Command::new(&restart).status().unwrap().success());
        fs::create_dir_all(self.directory.join("var/lib/store-hub-hq/objects")).unwrap();
        let path = program("store-hub").parent().unwrap().to_owned();
        for (number, line) in self.block(chapter, "services").lines().enumerate() {
            let mut command = format!("exec {}/{}", path.display(), self.here(line, "hq"));
            if line.starts_with("store-hub-provision") {
                command += &format!(" --authority {}/etc/store-hub-hq/authority", self.directory.display());
            }
            let mut shell = Command::new("sh");
            shell.args(["-c", &command]).current_dir(&self.directory).stdin(Stdio::null()).stdout(Stdio::null());
            let child = shell.stderr(self.log(&format!("service-{number}"))).spawn().unwrap();
            self.running.insert(format!("service-{number}"), Running(child));
            if number == 0 {
                // It creates the ledger's tables.
                let ledger = self.directory.join("var/lib/store-hub-hq/hq.db");
                assert!(until(LIMIT, || ledger.exists()), "{}", self.logs());
            }
        }
        let reached = |address| TcpStream::connect(address).is_ok();
        let all = ["hq.example.com:8445", "hq.example.com:8883", "hq.example.com:8444"];
        assert!(until(LIMIT, || all.iter().all(|name| reached(self.addresses[name]))), "{}", self.logs());
    }

    fn endpoint(&self, name: &str) -> Endpoint {
        let pem = fs::read(self.directory.join("etc/store-hub-hq/authority/root.pem")).unwrap();
        Endpoint { address: self.addresses[name], authority: Certificate::from_pem(&pem).unwrap().to_owned() }
    }

    /// Logs in at a hub and pairs its two registers.
    fn pair(&self, machine: &str, address: &str) -> (Client, Vec<Client>) {
        let (endpoint, path) = (self.endpoint(address), self.state(machine).join("data/console-code"));
        let code = || fs::read_to_string(&path).ok().filter(|code| code.len() >= 8);
        let up = until(LIMIT, || code().is_some() && TcpStream::connect(endpoint.address).is_ok());
        assert!(up, "{machine}\n{}", self.logs());
        let console =
            Client::log_in(&endpoint, &code().unwrap()).unwrap_or_else(|why| panic!("{why}\n{}", self.logs()));
        let tills = ["till-1", "till-2"].map(|name| Client::pair(&console, &endpoint, name).unwrap());
        (console, tills.into())
    }

    /// A page, as somebody sees it who does not trust the box yet.
    fn page(&self, address: &str, path: &str, arguments: &[&str]) -> String {
        let mut curl = Command::new("curl");
        curl.args(["-sk", "--max-time", "60", &format!("https://{}{path}", self.addresses[address])]).args(arguments);
        String::from_utf8(curl.output().unwrap().stdout).unwrap()
    }

    /// Pastes the ticket in a file into the first page of a box.
    fn paste_ticket(&self, address: &str, file: &str) {
        let file = self.directory.join(file);
        assert!(until(LIMIT, || TcpStream::connect(self.addresses[address]).is_ok()), "{}", self.logs());
        let page = |arguments: &[&str]| self.page(address, "/", &[&["-w", "%{http_code}"], arguments].concat());
        assert!(page(&[]).contains("This box is not enrolled"));
        assert!(page(&["-d", "ticket=nonsense"]).ends_with("422"));
        let foreign = page(&["-H", "Sec-Fetch-Site: cross-site", "-d", "ticket=nonsense"]);
        assert!(foreign.ends_with("403"), "{foreign}");
        let enrolled = page(&["--data-urlencode", &format!("ticket@{}", file.display())]);
        assert!(
            enrolled.contains("Enrolled as the hub of") && enrolled.ends_with("200"),
            "{enrolled}\n{}",
            self.logs()
        );
    }

    fn hq(&self, arguments: &[&str]) -> Vec<Value> {
        let ledger = self.directory.join("var/lib/store-hub-hq/hq.db").display().to_string();
        let name = if arguments[0] == "location" { "store-hub-provision" } else { "store-hub-hq" };
        let done = Command::new(program(name)).args(arguments).args(["--json", "--ledger", &ledger]).output().unwrap();
        let text = String::from_utf8(done.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn sales(&self, store: &str) -> usize {
        self.hq(&["sales"]).iter().filter(|sale| sale["hub"] == store).count()
    }

    fn location(&self, id: &str) -> Value {
        self.hq(&["location", "list"]).into_iter().find(|location| location["id"] == id).unwrap()
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        if let Ok(pid) = fs::read_to_string(self.directory.join("broker.pid")) {
            let _ = Command::new("kill").arg(pid.trim()).status();
        }
    }
}

/// Whether the broker lets in whoever has this certificate and key.
fn lets_in(chain: &Chain, certificate: &Path, key: &Path) -> bool {
    let der = |path: &Path| CertificateDer::pem_file_iter(path).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    let mut roots = RootCertStore::empty();
    roots.add(der(&chain.directory.join("etc/store-hub-hq/authority/root.pem")).remove(0)).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(der(certificate), PrivateKeyDer::from_pem_file(key).unwrap())
        .unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(Arc::new(client), name).unwrap();
    let Ok(stream) = TcpStream::connect(chain.addresses["hq.example.com:8883"]) else { return false };
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    // CONNECT of MQTT 3.1.1: clean session, keep alive 60 s, client id `try`.
    let connect = [0x10, 15, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 3, b't', b'r', b'y'];
    let mut answer = [0; 4];
    let written = stream.write_all(&connect).and_then(|()| stream.flush());
    written.and_then(|()| stream.read_exact(&mut answer)).is_ok() && answer == [0x20, 2, 0, 0]
}

/// Sells for cash; returns the receipt number.
fn sell(till: &Client, key: &str) -> u64 {
    let line = json!({ "description": "Cereal", "keyed": { "amount": 369, "reason": "not on file" } });
    let sale = json!({ "lines": [line], "tenders": [{ "tender": "cash", "amount": 400 }] }).to_string();
    till.command("/api/v1/sales", key, &sale, || true).unwrap()["receipt"].as_u64().unwrap()
}

/// Receives goods at a store.
fn receive(console: &Client) {
    let item = till::catalog().remove(0);
    let command = |path: &str, key: &str, body: Value| console.command(path, key, &body.to_string(), || true).unwrap();
    command("/api/v1/items", "items-00001", json!({ "items": [item] }));
    let lines = json!([{ "sku": item["sku"], "quantity": { "milli": 5_000, "unit": "each" } }]);
    let announced = json!({ "source": "supplier", "supplier": "Dairy", "order": "order-1", "lines": lines });
    let notice = command("/api/v1/stock/notices", "notice-0001", announced);
    let path = format!("/api/v1/stock/notices/{}/deliveries", notice["id"]);
    command(&path, "delivery-01", json!({ "delivery_note": "1", "lines": lines }));
}

fn is_connected(console: &Client) -> bool {
    console.get("/api/v1/status").is_ok_and(|status| status["headquarters"]["connected"] == true)
}

#[test]
fn the_commands_of_the_page_open_replace_and_close_stores() {
    let _machine = shared();
    if !Path::new("/usr/sbin/mosquitto").exists() {
        return skipped("opening stores: mosquitto is not installed");
    }
    let directory = tempfile::tempdir().unwrap();
    let mut chain = Chain::new(&directory.path().canonicalize().unwrap());
    let write = |chain: &Chain, name: &str, text: &str| {
        fs::write(chain.directory.join(name), chain.here(text, "hq")).unwrap();
    };
    chain.run("Once, at HQ");
    chain.serve();
    write(&chain, "lanes.toml", &chain.block("Add locations", "toml"));
    write(&chain, "stores.csv", &chain.block("Add locations", "csv"));
    fs::write(chain.directory.join("catalog.ndjson"), till::catalog()[0].to_string()).unwrap();
    chain.run("Add locations");

    chain.run("Enrol a box");
    let (console, tills) = chain.pair("store-42", "10.0.0.2:8443");
    let (other_console, other_tills) = chain.pair("store-43", "10.0.1.2:8443");
    assert_eq!(tills.iter().map(|till| sell(till, "first-00001")).collect::<Vec<_>>(), [1, 1]);
    for till in &other_tills {
        sell(till, "first-00001");
    }
    let items = until(LIMIT, || console.get("/api/v1/status").is_ok_and(|status| status["items"] == 1));
    assert!(items, "the first catalog\n{}", chain.logs());
    assert!(until(LIMIT, || chain.sales("store-42") == 2 && chain.sales("store-43") == 2), "{}", chain.logs());

    let root = fs::read_to_string(chain.directory.join("etc/store-hub-hq/authority/root.pem")).unwrap();
    assert_eq!(chain.page("10.0.0.2:8443", "/trust/authority.crt", &[]).trim(), root.trim());
    assert!(chain.page("10.0.0.2:8443", "/trust", &[]).contains("Compare this fingerprint"));

    // HQ orders a renewal; the hub hears of it when it starts.
    let state = chain.state("store-42");
    let identity = || fs::read_to_string(state.join("identity.pem")).unwrap();
    let former = identity();
    chain.type_in("hq$ store-hub-provision hub renew store-42 --ledger /var/lib/store-hub-hq/hq.db");
    chain.start("store-42");
    assert!(until(LIMIT, || identity() != former), "{}", chain.logs());

    assert!(lets_in(&chain, &state.join("identity.pem"), &state.join("identity.key")), "{}", chain.logs());
    assert!(!lets_in(&chain, &state.join("hub.pem"), &state.join("hub.key")), "a server is no client");

    // The box dies. Somebody has its identity.
    chain.running.remove("store-42");
    let stolen = ["identity.pem", "identity.key"].map(|name| {
        let copy = chain.directory.join(name);
        fs::copy(state.join(name), &copy).unwrap();
        copy
    });
    fs::remove_dir_all(&state).unwrap();
    chain.run("Replace a dead box");
    let (console, tills) = chain.pair("store-42-new", "10.0.0.2:8443");
    assert_eq!(sell(&tills[0], "second-0001"), 2, "receipts go on\n{}", chain.logs());
    let checked_in = until(LIMIT, || chain.location("store-42")["checked_in_ms"].is_number());
    assert!(checked_in && is_connected(&console), "{}", chain.logs());

    let refused = until(LIMIT, || !lets_in(&chain, &stolen[0], &stolen[1]));
    assert!(refused, "the identity of the former box is revoked\n{}", chain.logs());

    chain.run("Revoke a hub");
    let [certificate, key] = ["identity.pem", "identity.key"].map(|name| chain.state("store-43").join(name));
    let refused = until(LIMIT, || !lets_in(&chain, &certificate, &key));
    assert!(refused && until(LIMIT, || !is_connected(&other_console)), "the broker refuses it\n{}", chain.logs());
    assert_eq!(sell(&other_tills[0], "revoked-001"), 2, "it keeps selling");
    assert!(until(LIMIT, || is_connected(&console)), "the other store is connected again\n{}", chain.logs());

    chain.run("A pop-up");
    chain.paste_ticket("10.0.2.2:8443", "media/usb-popup/claim.txt");
    let (popup, tills) = chain.pair("popup-1", "10.0.2.2:8443");
    let items = until(LIMIT, || is_connected(&popup));
    assert!(items, "{}", chain.logs());
    receive(&popup);
    sell(&tills[0], "popup-00001");
    chain.run("Close a location");
    let closed = until(LIMIT, || chain.location("popup-1")["state"] == "closed");
    assert!(closed, "{}\n{}", chain.location("popup-1"), chain.logs());
    assert_eq!(chain.sales("popup-1"), 1);
    let transfers = chain.hq(&["transfers"]);
    assert!(
        transfers.iter().any(|transfer| transfer["from"] == "popup-1" && transfer["sent"] == 5_000),
        "{transfers:?}"
    );
    let popup = chain.running.get_mut("popup-1").unwrap();
    assert!(until(LIMIT, || matches!(popup.0.try_wait(), Ok(Some(_)))), "{}", chain.logs());
    assert!(!chain.state("popup-1").join("data").exists() && !chain.state("popup-1").join("identity.key").exists());
    assert_eq!(chain.sales("store-43"), 2, "a revoked hub sends nothing");
    println!("{}", chain.transcript);
}

//! The contract for till vendors: the document is valid, generators make working clients of it, and the hub's answers
//! conform to it.
//!
//! `./tests/run` installs the tools below `target/contract`: a virtual environment and `node_modules`.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use system_tests::{
    alone, program,
    register::{Client, Endpoint},
    root,
    shop::{Headquarters, Plan, Shop, free_port},
    skipped, until,
};
use ureq::{http::Method, tls::Certificate};

/// The directory of the tools and their output.
fn workshop() -> PathBuf {
    root().join("target/contract")
}

/// Whether the tools are installed.
fn has_tools() -> bool {
    let there =
        ["venv/bin/schemathesis", "node_modules/.bin/redocly"].iter().all(|tool| workshop().join(tool).exists());
    if !there {
        skipped("the contract: its tools are not installed (tests/contract, by ./tests/run)");
    }
    there
}

/// Runs a tool in the root of the repository; an error has its output.
fn run(tool: &str, arguments: &[&str]) -> Result<String, String> {
    run_in(&root(), tool, arguments)
}

fn run_in(directory: &Path, tool: &str, arguments: &[&str]) -> Result<String, String> {
    let ended = Command::new(workshop().join(tool))
        .args(arguments)
        .current_dir(directory)
        .env("SCHEMATHESIS_HOOKS", root().join("tests/contract/hooks.py"))
        .output();
    let ended = ended.map_err(|error| format!("{tool}: {error}"))?;
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if ended.status.success() { Ok(said) } else { Err(format!("{tool} {arguments:?}: {}\n{said}", ended.status)) }
}

#[test]
fn the_document_is_valid_and_generated_clients_sell() {
    if !has_tools() {
        return;
    }
    let document = Command::new(program("store-hub")).arg("openapi").output().unwrap().stdout;
    fs::write(workshop().join("openapi.json"), document).unwrap();
    let document = "target/contract/openapi.json";
    run("venv/bin/openapi-spec-validator", &[document]).unwrap();
    run("node_modules/.bin/redocly", &["lint", "--config", "tests/contract/redocly.yaml", document]).unwrap();

    run("node_modules/.bin/openapi-typescript", &[document, "-o", "target/contract/api.ts"]).unwrap();
    fs::copy(root().join("tests/contract/narrow.ts"), workshop().join("narrow.ts")).unwrap();
    run("node_modules/.bin/tsc", &["--noEmit", "--strict", "target/contract/narrow.ts"]).unwrap();

    let _ = fs::remove_dir_all(workshop().join("client"));
    let client = ["generate", "--path", document, "--meta", "none", "--output-path", "target/contract/client"];
    let said = run(
        "venv/bin/openapi-python-client",
        &[&client[..], &["--config", "tests/contract/python-client.yaml", "--fail-on-warning"]].concat(),
    );
    said.unwrap();

    let demo = Demo::start();
    let token = demo.pair("till-1");
    let address = demo.endpoint.address.to_string();
    let sold = run("venv/bin/python", &["tests/contract/sale.py", &address, &demo.authority(), &token]).unwrap();
    assert!(sold.contains("sold "), "{sold}");
}

/// HQ's document, checked by the same validators and generators.
#[test]
fn the_document_of_hq_is_valid_and_generators_make_clients_of_it() {
    if !has_tools() {
        return;
    }
    let document = "docs/hq-openapi.json";
    run("venv/bin/openapi-spec-validator", &[document]).unwrap();
    run("node_modules/.bin/redocly", &["lint", "--config", "tests/contract/redocly.yaml", document]).unwrap();
    run("node_modules/.bin/openapi-typescript", &[document, "-o", "target/contract/hq-api.ts"]).unwrap();
    run("node_modules/.bin/tsc", &["--noEmit", "--strict", "target/contract/hq-api.ts"]).unwrap();
    let _ = fs::remove_dir_all(workshop().join("hq-client"));
    let client = ["generate", "--path", document, "--meta", "none", "--output-path", "target/contract/hq-client"];
    let strict = ["--config", "tests/contract/python-client.yaml", "--fail-on-warning"];
    run("venv/bin/openapi-python-client", &[&client[..], &strict].concat()).unwrap();
}

/// The README's commands, exactly as written there.
#[test]
fn the_readmes_sale_with_curl_works() {
    for tool in ["bash", "curl", "jq"] {
        if Command::new(tool).arg("--version").output().is_err() {
            return skipped(&format!("the README's sale by curl: {tool} is not installed"));
        }
    }
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let script = readme.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0;
    let demo = Demo::start();
    let code = fs::read_to_string(demo.store().join("data/console-code")).unwrap();
    let script = script.replace("127.0.0.1:8443", &demo.endpoint.address.to_string());
    let script = script.replace("4071882605", code.trim()).replace("ca.pem", &demo.authority());
    let ran = Command::new("bash").args(["-euo", "pipefail", "-c", &script]).current_dir(&demo.directory).output();
    let said = String::from_utf8(ran.unwrap().stdout).unwrap();
    let sale = said.rfind("{\"sale\"").map_or("", |place| &said[place..]);
    let sale: Value = serde_json::from_str(sale.trim()).unwrap_or_else(|_| panic!("no sale: {said}"));
    assert_eq!((&sale["totals"]["net"], &sale["totals"]["change"]), (&150.into(), &50.into()), "{said}");
}

/// Valid and invalid requests by a register and by a person cause no error of the hub, and no status, content type or
/// member that the document does not declare.
#[test]
fn nothing_is_answered_that_the_document_does_not_say() {
    if !has_tools() {
        return;
    }
    let _machine = alone();
    let demo = Demo::start();
    let url = format!("https://{}", demo.endpoint.address);
    let document = workshop().join("served.json");
    let served = Client::nobody(&demo.endpoint).get("/api/v1/openapi.json").unwrap();
    fs::write(&document, served.to_string()).unwrap();
    let headers = [format!("Authorization: Bearer {}", demo.pair("till-1")), format!("Cookie: {}", demo.session())];
    let setup = root().join("tests/contract");
    for header in headers {
        let arguments = [
            "--config-file",
            &setup.join("schemathesis.toml").display().to_string(),
            "run",
            &document.display().to_string(),
            "--url",
            &url,
            "--tls-verify",
            &demo.authority(),
            "--header",
            &header,
            "--max-time",
            "60",
        ];
        // It stores its findings in the current directory.
        if let Err(said) = run_in(&workshop(), "venv/bin/schemathesis", &arguments) {
            panic!("{said}");
        }
    }
}

/// The same of HQ's API, over a ledger that a store has filled.
#[test]
fn hq_answers_nothing_that_its_document_does_not_say() {
    if !has_tools() {
        return;
    }
    let _machine = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    let Ok(headquarters) = Headquarters::start(&path).inspect_err(|why| skipped(why)) else { return };
    let tables = Some(headquarters.config());
    let plan = Plan { engine: "sqlite", data: &path.join("data"), registers: 1, headquarters: tables };
    let shop = Shop::build(&path, &plan).unwrap();
    let _hub = shop.start(&[]).unwrap();
    let till = shop.open().unwrap().remove(0);
    let line = json!({ "description": "Cereal", "keyed": { "amount": 369, "reason": "not on file" } });
    let sale = json!({ "lines": [line], "tenders": [{ "tender": "cash", "amount": 400 }], "customer": "c-1" });
    for number in 1..=3 {
        till.command("/api/v1/sales", &format!("sale-{number:06}"), &sale.to_string(), || true).unwrap();
    }
    assert!(until(Duration::from_secs(60), || headquarters.count() == 3), "HQ has the sales");

    let hq = |arguments: &[&str]| {
        let mut command = Command::new(program("store-hub-hq"));
        command.args(arguments).arg("--ledger").arg(&headquarters.ledger).stdin(Stdio::null());
        command
    };
    let described = fs::read_to_string(root().join("docs/hq-openapi.json")).unwrap();
    let described: Value = serde_json::from_str(&described).unwrap();
    let operations =
        described["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let scopes: BTreeSet<_> = operations.filter_map(|operation| operation["x-scope"].as_str()).collect();
    let scopes = scopes.into_iter().collect::<Vec<_>>().join(",");
    let key = hq(&["key", "add", "schemathesis", "--scope", &scopes]).output().unwrap();
    let key = String::from_utf8(key.stdout).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
    let objects = path.join("objects");
    fs::create_dir(&objects).unwrap();
    let serve = ["serve", "--listen", &address.to_string(), "--objects", &objects.display().to_string()];
    let log = File::create(path.join("serve.log")).unwrap();
    let mut serve = hq(&serve).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let listens = until(Duration::from_secs(60), || TcpStream::connect(address).is_ok());
    let setup = root().join("tests/contract");
    let arguments = [
        "--config-file",
        &setup.join("schemathesis.toml").display().to_string(),
        "run",
        &root().join("docs/hq-openapi.json").display().to_string(),
        "--url",
        &format!("http://{address}"),
        "--header",
        &format!("Authorization: Bearer {}", key.trim()),
        "--max-time",
        "60",
    ];
    let said = run_in(&workshop(), "venv/bin/schemathesis", &arguments);
    let _ = serve.kill();
    let _ = serve.wait();
    assert!(listens, "{}", fs::read_to_string(path.join("serve.log")).unwrap());
    if let Err(said) = said {
        panic!("{said}");
    }
}

/// The demo's store: the real hub with simulated devices.
struct Demo {
    directory: tempfile::TempDir,
    child: Child,
    endpoint: Endpoint,
}

impl Demo {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let told = directory.path().join("told");
        let child = Command::new(program("store-hub"))
            .args(["demo", "--data"])
            .arg(directory.path().join("store"))
            .stdin(Stdio::null())
            .stdout(File::create(&told).unwrap())
            .spawn()
            .unwrap();
        // It prints the address once the registers are paired and the catalog is loaded.
        let address = || {
            let told = fs::read_to_string(&told).ok()?;
            told.split_once("https://")?.1.split_once('/')?.0.parse::<SocketAddr>().ok()
        };
        assert!(until(Duration::from_secs(60), || address().is_some()), "the demo did not start");
        let pem = fs::read(directory.path().join("store/identity/ca.pem")).unwrap();
        let authority = Certificate::from_pem(&pem).unwrap().to_owned();
        Self { child, endpoint: Endpoint { address: address().unwrap(), authority }, directory }
    }

    fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// The file of the store's authority.
    fn authority(&self) -> String {
        self.store().join("identity/ca.pem").display().to_string()
    }

    /// A person at the console.
    fn console(&self) -> Client {
        let code = fs::read_to_string(self.store().join("data/console-code")).unwrap();
        Client::log_in(&self.endpoint, code.trim()).unwrap()
    }

    /// A person's session, as a cookie.
    fn session(&self) -> String {
        self.console().session().unwrap().to_owned()
    }

    /// Pairs a register; returns its token.
    fn pair(&self, register: &str) -> String {
        let path = format!("/api/v1/registers/{register}/pairing-code");
        let code: Value = self.console().command(&path, "pairing-code", "{}", || false).unwrap();
        let body = json!({ "code": code["code"] }).to_string();
        let paired = Client::nobody(&self.endpoint).once(&Method::POST, "/api/v1/pairing", None, &body);
        paired.unwrap().done().unwrap()["token"].as_str().unwrap().to_owned()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! `store-hub-hq serve`, with the commands beside it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::SystemTime,
};

use provisioning::{Names, StoreAuthority, write_store};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use crate::world::LIMIT;

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(ledger: &Path, arguments: &[&str]) -> Result<String, String> {
    let ended = Command::new(env!("CARGO_BIN_EXE_store-hub-hq")).args(arguments).arg("--ledger").arg(ledger).output();
    let ended = ended.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().trim().to_owned();
    if ended.status.success() { Ok(text(ended.stdout)) } else { Err(text(ended.stderr)) }
}

#[test]
fn a_key_opens_the_api_over_tls_and_a_day_is_exported() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = directory.path().join("hq.db");
    let authority = StoreAuthority::create("hq", SystemTime::now()).unwrap();
    let names = Names { hosts: vec!["localhost".into()], addresses: vec![] };
    let server = authority.issue("HQ of the tests", &names).unwrap();
    let tls = directory.path().join("tls");
    write_store(&tls, &authority.identity(), &server).unwrap();

    let objects = directory.path().join("objects");
    fs::create_dir(&objects).unwrap();
    fs::write(objects.join("a7"), "a segment").unwrap();

    let key = run(&ledger, &["key", "add", "web shop", "--scope", "sales:read,stores:read"]).unwrap();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_store-hub-hq"));
    serve.args(["serve", "--listen", "127.0.0.1:0", "--ledger"]).arg(&ledger);
    serve.arg("--certificate").arg(tls.join("hub.pem")).arg("--key").arg(tls.join("hub.key"));
    serve.arg("--objects").arg(&objects);
    let mut child = Killed(serve.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    let line = lines.find_map(|line| line.ok().filter(|line| line.contains("https://"))).unwrap();
    let port = line.split(';').next().unwrap().rsplit(':').next().unwrap().to_owned();

    let ca = Certificate::from_pem(&fs::read(tls.join("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::new_with_certs(&[ca]))
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let config = ureq::Agent::config_builder().tls_config(trust).http_status_as_error(false);
    let agent = config.timeout_global(Some(LIMIT)).build().new_agent();
    let rest =
        agent.get(format!("https://localhost:{port}/publications/a7")).header("range", "bytes=2-").call().unwrap();
    assert_eq!((rest.status().as_u16(), rest.into_body().read_to_string().unwrap()), (206, "segment".to_owned()));
    let get = |path: &str, key: &str| {
        let request = agent.get(format!("https://localhost:{port}{path}"));
        let answer = request.header("authorization", &format!("Bearer {key}")).call().unwrap();
        answer.status().as_u16()
    };
    assert_eq!(get("/api/v1/stores", &key), 200);
    assert_eq!(get("/api/v1/events", &key), 403);
    assert_eq!(get("/api/v1/stores", "shk_none"), 401);
    assert_eq!(get("/publications/..%2fhq.db", &key), 404, "nothing outside the directory is served");

    let listed = run(&ledger, &["key", "list"]).unwrap();
    let id = key.rsplit_once('_').map(|_| &key[..12]).unwrap();
    assert!(listed.contains(id) && listed.contains("sales:read,stores:read") && !listed.contains(&key), "{listed}");
    run(&ledger, &["key", "revoke", id]).unwrap();
    assert!(run(&ledger, &["key", "revoke", id]).is_err());
    assert!(run(&ledger, &["key", "add", "x", "--scope", "everything"]).unwrap_err().contains("unknown scope"));

    let added =
        run(&ledger, &["webhook", "add", "https://shop.example.com/hooks", "--kinds", "sale.completed"]).unwrap();
    let (id, secret) = added.split_once(' ').unwrap();
    assert!(secret.starts_with("whsec_"));
    assert!(run(&ledger, &["webhook", "list"]).unwrap().contains("https://shop.example.com/hooks"));
    assert_eq!(run(&ledger, &["webhook", "dead-letters", id]).unwrap(), "There are no dead letters.");
    assert_eq!(run(&ledger, &["webhook", "retry", id]).unwrap(), "0 will be retried");
    run(&ledger, &["webhook", "remove", id]).unwrap();
    assert!(run(&ledger, &["webhook", "remove", id]).is_err());

    let out = directory.path().join("day.csv");
    let export = ["export", "2026-11-24", "--format", "csv", "--out", out.to_str().unwrap()];
    run(&ledger, &export).unwrap();
    assert!(fs::read_to_string(&out).unwrap().starts_with("store,sale,epoch,"));
    assert!(run(&ledger, &export).unwrap_err().contains("name a new one"));
}

#[test]
fn an_address_that_others_reach_needs_a_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let refused = run(&directory.path().join("hq.db"), &["serve", "--listen", "0.0.0.0:0"]).unwrap_err();
    assert!(refused.contains("--certificate"), "{refused}");
}

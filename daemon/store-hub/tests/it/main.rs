//! The program as a process.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Collects everything below a path that others can read or write.
fn open_to_others(path: &Path, found: &mut Vec<String>) {
    let metadata = fs::symlink_metadata(path).unwrap();
    if metadata.permissions().mode() & 0o077 != 0 {
        found.push(format!("{} {:o}", path.display(), metadata.mode()));
    }
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            open_to_others(&entry.unwrap().path(), found);
        }
    }
}

#[test]
fn all_files_of_a_hub_are_private_whatever_the_umask_and_it_imports_items() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("hub.pem"), made.cert.pem()).unwrap();
    fs::write(at("hub.key"), made.signing_key.serialize_pem()).unwrap();
    let [data, certificate, key] = ["data", "hub.pem", "hub.key"].map(|name| at(name).display().to_string());
    let config = format!(
        "[store]\nhub = \"store-1\"\nname = \"Store 1\"\ncurrency = \"USD\"\ntime_zone = \"UTC\"\ndata = \"{data}\"\n\
         engine = \"sqlite\"\n[listen]\naddress = \"127.0.0.1:0\"\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n"
    );
    fs::write(at("hub.toml"), config).unwrap();
    let log = fs::File::create(at("log")).unwrap();
    let mut hub = Command::new("sh")
        .args(["-c", "umask 000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_store-hub")])
        .args(["--log-format", "json", "run", "--config"])
        .arg(at("hub.toml"))
        .stderr(Stdio::from(log))
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let read_log = || fs::read_to_string(at("log")).unwrap();
    while !read_log().contains("\"ready\"") {
        assert!(
            Instant::now() < deadline && hub.try_wait().unwrap().is_none(),
            "the hub did not start: {}",
            read_log()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let rows: Vec<_> = (0..1_200).map(|number| format!("sku-{number},Item {number},199\n")).collect();
    let rows = rows.concat();
    fs::write(at("items.csv"), format!("sku,description,price\n{rows}")).unwrap();
    let import = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_store-hub"));
        command.arg("import-items").arg(at("items.csv")).arg("--json").arg("--config").arg(at("hub.toml"));
        command.output().unwrap()
    };
    let done = import();
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((told["items"].as_u64(), told["version"].as_u64()), (Some(1_200), Some(3)), "{told}");
    fs::write(at("items.csv"), format!("sku,description,price\n{rows}sku-0,Item 0,1.99\n")).unwrap();
    let told = String::from_utf8(import().stderr).unwrap();
    assert!(told.contains("items.csv, row 1201: field 2"), "{told}");
    let mut found = Vec::new();
    open_to_others(&at("data"), &mut found);
    hub.kill().unwrap();
    hub.wait().unwrap();
    assert!(at("data/hub.sock").exists() && at("data/console-code").exists());
    assert!(found.is_empty(), "{}", found.join("\n"));
    for line in read_log().lines() {
        assert!(line.starts_with("{\"timestamp\":\"") && line.ends_with('}'), "{line}");
    }
}

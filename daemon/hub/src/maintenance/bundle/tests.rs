use std::io::Write as _;

use super::*;

/// Secrets and a person's data, each somewhere it could come from.
const PLANTED: [&str; 11] = [
    "s3cret-broker-password",
    "terminal-passphrase",
    "MC4CAQAwBQYDK2VwBCIEIGtleW1hdGVyaWFs",
    "90817263",
    "inline-terminal-secret",
    "comment-secret",
    "4761739001010119",
    "anna.huber@example.com",
    "tok-3f9a",
    "MC4CAQAwBQYDK2VwBCIEIHN0b3JlYXV0aG9y",
    "retailers-identity-secret",
];

fn planted(directory: &Path) -> PathBuf {
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    write("password", &format!("{}\n", PLANTED[0]));
    write("passphrase", PLANTED[1]);
    write("hub.key", &format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", PLANTED[2]));
    write("store-authority.key", &format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", PLANTED[9]));
    fs::create_dir(directory.join("data")).unwrap();
    write("data/console-code", PLANTED[3]);
    let at = directory.display();
    let config = format!(
        "# {}\n[store]\nhub = \"store-1\"\nname = \"Store 1\"\ncurrency = \"EUR\"\ntime_zone = \"UTC\"\n\
         data = \"{at}/data\"\n[listen]\naddress = \"127.0.0.1:1\"\ncertificate = \"{at}/hub.pem\"\n\
         key = \"{at}/hub.key\"\n[headquarters]\nbroker = \"mqtt://127.0.0.1:1\"\nusername = \"store-1\"\n\
         password_file = \"{at}/password\"\n[[payment_terminal]]\nname = \"terminal-1\"\nprotocol = \"zvt\"\n\
         address = \"tcp://127.0.0.1:1\"\npassword_file = \"{at}/passphrase\"\n[enrolment]\n\
         service = \"https://127.0.0.1:1\"\nstate = \"{at}\"\n[returns]\nidentity_key = \"{}\"\n",
        PLANTED[5], PLANTED[10],
    );
    write("hub.toml", &config);
    directory.join("hub.toml")
}

#[tokio::test]
async fn no_planted_secret_and_no_person_is_in_a_bundle() {
    let directory = tempfile::tempdir().unwrap();
    let path = planted(directory.path());
    let log = format!(
        "2026-11-28 store-hub: connecting with {}\nsign-in code {}\nkey {}\ncard {}\nreceipt to {}\n\
         Authorization: Bearer {}\nkey {}\nready address=10.0.0.2:8443\n",
        PLANTED[0], PLANTED[3], PLANTED[2], PLANTED[6], PLANTED[7], PLANTED[8], PLANTED[9],
    );
    let parts = collect(&path, log).await;
    let all: String = parts.iter().map(|(_, text)| text.as_str()).collect();
    for secret in PLANTED {
        assert!(!all.contains(secret), "{secret}");
    }
    let part = |name: &str| &parts.iter().find(|(part, _)| *part == name).unwrap().1;
    assert!(part("log.txt").contains("ready address=10.0.0.2:8443\n"), "{}", part("log.txt"));
    assert!(part("config.toml").contains("hub = \"store-1\"") && part("config.toml").contains("password_file"));
    assert!(part("doctor.json").contains("not running"), "{}", part("doctor.json"));
    assert!(part("status.json").contains("the hub is not running"));

    let to = directory.path().join("bundle.tar.gz");
    pack(&parts, &to).unwrap();
    let listed = Command::new("tar").arg("-tzf").arg(&to).output().unwrap().stdout;
    let listed = String::from_utf8(listed).unwrap();
    for (name, _) in &parts {
        assert!(listed.contains(name), "{name}: {listed}");
    }
    assert!(!directory.path().join("bundle.tar.gz.parts").exists());
}

#[test]
fn settings_named_like_secrets_are_hidden() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = tempfile::NamedTempFile::new_in(directory.path()).unwrap();
    writeln!(file, "[[payment_terminal]]\npassphrase = \"{}\"\nca_file = \"/etc/ca.pem\"", PLANTED[4]).unwrap();
    let shared = shared_config(file.path()).unwrap();
    assert!(!shared.contains(PLANTED[4]) && shared.contains(REMOVED) && shared.contains("/etc/ca.pem"), "{shared}");
    writeln!(file, "broken = {}", PLANTED[4]).unwrap();
    assert_eq!(shared_config(file.path()), Err("the file is not valid TOML".into()));
}

#[test]
fn a_status_is_shared_without_sales_and_codes() {
    let status = r#"{"store":"Anna's","today":{"sales":3},"receipts":[{"text":["Anna Huber"]}],"items":7,
        "devices":[{"device":"scanner-1","last":"2999123456789","health":{"state":"ready"}}]}"#;
    let shared = shared_status(status).unwrap();
    for hidden in ["Anna", "sales", "2999123456789"] {
        assert!(!shared.contains(hidden), "{hidden}: {shared}");
    }
    assert!(shared.contains("scanner-1") && shared.contains("\"items\": 7"));
}

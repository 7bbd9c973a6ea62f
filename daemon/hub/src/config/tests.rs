//! Valid configs, and invalid ones with their findings.

use super::*;

const GOOD: &str = r#"
    [store]
    hub = "store-367"
    name = "Store 367"
    currency = "USD"
    time_zone = "UTC"
    data = "/var/lib/store-hub"
    [listen]
    address = "127.0.0.1:8443"
    certificate = "hub.pem"
    key = "hub.key"
    [[scanner]]
    name = "scanner-1"
    address = "serial:/dev/ttyUSB0?baud=9600"
    [[register]]
    name = "till-1"
    scanner = "scanner-1"
"#;

/// The valid config with more tables.
pub(crate) fn with(more: &str) -> Config {
    read(&format!("{GOOD}{more}")).unwrap()
}

fn read(text: &str) -> Result<Config, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hub.toml");
    fs::write(&path, text).unwrap();
    Config::read(&path)
}

#[test]
fn a_valid_config_round_trips() {
    let config = read(GOOD).unwrap();
    assert_eq!(config.register[0].scanner.as_deref(), Some("scanner-1"));
    assert!(read(&toml::to_string(&config).unwrap()).is_ok());
}

#[test]
fn findings_have_a_remedy() {
    for (from, to, told) in [
        ("\"USD\"", "\"usd\"", "three letters"),
        ("\"UTC\"", "\"Mars/Olympus\"", "IANA"),
        ("scanner = \"scanner-1\"", "scanner = \"scanner-2\"", "add [[scanner]] name = \"scanner-2\""),
        ("till-1", "till 1", "letters, digits"),
        ("store-367", "store/367", "hub id"),
        ("127.0.0.1:8443", "8443", "socket address"),
        ("store-hub\"", "store-hub\"\nfiscal_year_starts = \"02-29\"", "such as 01-01"),
        ("store-hub\"", "store-hub\"\nkeep_sales_days = -1", "expected u16"),
        ("store-hub\"", "store-hub\"\nengine = \"rocks\"", "expected `sled` or `sqlite`"),
        ("hub.key\"", "hub.key\"\nport = 1", "unknown field `port`"),
        ("[listen]", "[listening]", "[listen] is missing"),
        (
            "[[scanner]]",
            "[[scaner]]",
            "unknown table `scaner`; expected one of: [store], [listen], [metrics], [headquarters], [publications], \
             [orders], [cash], [card_payments], [returns], [backup], [[restricted_code]], [[scale]]",
        ),
        (
            "[listen]",
            "[card_payments]\noffline_limit = -1\n[listen]",
            "card_payments.offline_limit is negative: write minor units, 0 or more",
        ),
        ("scanner-1\"\n", "scanner 1\"\n", "Invalid device name `scanner 1`: 1 to 40 letters, digits or `-`"),
        (
            "?baud=9600\"",
            "?baud=9600\"\nprotocol = \"usb\"",
            "scanner scanner-1: unknown protocol `usb`; expected one of: serial",
        ),
        ("?baud=9600\"", "?baud=9600\"\nunit = \"pound\"", "scanner scanner-1: unknown field `unit`"),
        ("[[scanner]]", "[scanner]", "expected a sequence"),
        (
            "[[register]]",
            "[[scanner]]\nname = \"scanner-2\"\naddress = \"serial:/dev/ttyUSB0\"\n[[register]]",
            "devices `scanner-1` and `scanner-2` have the same address",
        ),
        ("till-1", "till-1\"\n[[register]]\nname = \"till-1", "two registers are called `till-1`"),
    ] {
        let error = read(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
}

#[test]
fn a_store_has_a_name_of_60_characters_whatever_their_bytes() {
    assert!(read(&GOOD.replace("Store 367", &"ä".repeat(60))).is_ok());
    let told = read(&GOOD.replace("Store 367", &"ä".repeat(61))).unwrap_err().to_string();
    assert!(told.contains("store.name: expected 1 to 60 visible characters"), "{told}");
}

#[test]
fn broker_settings_must_be_consistent() {
    for (broker, more, told) in [
        ("mqtts://hq:8883", "", "headquarters.authority: mqtts needs"),
        ("mqtts://hq:8883", "authority = \"ca.pem\"\nkey = \"hub.key\"", "headquarters.certificate: set both"),
        ("mqtt://hq:1883", "certificate = \"hub.pem\"\nkey = \"hub.key\"", "requires mqtts://"),
        ("mqtt://127.0.0.1:1883", "username = \"hub\"", "headquarters.username: set both"),
        ("mqtt://hq:1883", "username = \"hub\"\npassword_file = \"password\"", "send the password unencrypted"),
    ] {
        let text = format!("{GOOD}\n[headquarters]\nbroker = \"{broker}\"\n{more}\n");
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
    with("[headquarters]\nbroker = \"mqtt://127.0.0.1:1883\"\nusername = \"hub\"\npassword_file = \"password\"\n");
}

#[test]
fn all_findings_are_reported_at_once() {
    let text = GOOD.replace("\"USD\"", "\"usd\"").replace("127.0.0.1:8443", "8443").replace("?baud=9600", "?baud=1");
    let ConfigError::Invalid { findings, .. } = read(&text).unwrap_err() else { panic!("it was read") };
    let told: Vec<bool> = ["three letters", "socket address", "300 to 921600"]
        .iter()
        .zip(&findings)
        .map(|(what, finding)| finding.contains(what) && finding.contains("line "))
        .collect();
    assert_eq!(told, [true; 3], "{findings:?}");

    let text = GOOD
        .replace("\"UTC\"", "\"Mars/Olympus\"")
        .replace("Store 367", " ")
        .replace("scanner = \"scanner-1\"", "scanner = \"scanner-2\"\nscale = \"scale-1\"");
    let ConfigError::Invalid { findings, .. } = read(&text).unwrap_err() else { panic!("it was read") };
    assert_eq!(findings.len(), 4, "{findings:?}");
}

#[test]
fn a_device_of_each_kind_is_read_with_its_protocols_settings() {
    let text = format!(
        r#"{GOOD}
        [[scale]]
        name = "scale-1"
        protocol = "toledo-8217"
        address = "serial:/dev/ttyUSB1"
        unit = "pound"
        [[label_printer]]
        name = "labels-1"
        protocol = "tspl"
        dpi = 300
        address = "tcp://10.0.0.21:9100"
        [[receipt_printer]]
        name = "receipts-1"
        protocol = "esc-pos"
        address = "tcp://10.0.0.20:9100"
        columns = 48
        [[customer_display]]
        name = "display-1"
        protocol = "esc-pos"
        address = "serial:/dev/ttyUSB2"
        [[payment_terminal]]
        name = "terminal-1"
        protocol = "zvt"
        address = "tcp://10.0.0.30:20007"
        password_file = "/etc/store-hub/terminal-1.password"
    "#
    );
    let config = read(&text).unwrap();
    let again = read(&toml::to_string(&config).unwrap()).unwrap();
    for kind in DeviceKind::ALL {
        assert_eq!(config.devices_of(kind).len(), 1, "{kind:?}");
        assert_eq!(config.devices_of(kind), again.devices_of(kind));
    }
    let wide = text.replace("columns = 48", "columns = 80");
    assert!(read(&wide).unwrap_err().to_string().contains("receipt_printer receipts-1: columns = 80 is out of range"));
}

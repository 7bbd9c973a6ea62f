//! Checks the consistency of tables that are valid by themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use commerce::text::is_readable;
use drivers::transport::Address;

use super::{Config, DeviceKind, Headquarters, Register};

impl Config {
    /// All findings; empty if the config is consistent.
    pub(super) fn check(&self) -> Vec<String> {
        let mut findings = Vec::new();
        findings.extend(self.time_zone().err());
        let name = &self.store.name;
        if name.chars().count() > 60 || !is_readable(name) {
            findings.push("store.name: expected 1 to 60 visible characters".into());
        }
        if let Some(headquarters) = &self.headquarters {
            check_headquarters(headquarters, &mut findings);
        }
        if let Some(publications) = &self.publications {
            match &self.headquarters {
                None => findings.push("[publications] needs [headquarters], by whose broker they are announced".into()),
                Some(headquarters) if publications.authority.is_none() && headquarters.authority.is_none() => findings
                    .push(
                    "publications.authority: name the PEM file of the authority that signed the server's certificate"
                        .into(),
                ),
                Some(_) => {}
            }
        }
        findings.extend(self.orders.check());
        findings.extend(self.card_payments.check());
        findings.extend(self.backup.check());
        findings.extend(self.returns.check().into_iter().map(|why| format!("returns.{why}")));
        self.check_devices(&mut findings);
        let (mut registers, mut scanners) = (BTreeSet::new(), BTreeSet::new());
        for register in &self.register {
            let name = &register.name;
            if !registers.insert(name) {
                findings.push(format!("two registers are called `{name}`; give each its own name"));
            }
            self.check_lane(register, &mut findings);
            if let Some(scanner) = &register.scanner
                && !scanners.insert(scanner)
            {
                findings.push(format!("scanner `{scanner}` belongs to two registers; a scan can go to only one"));
            }
        }
        findings
    }

    fn check_devices(&self, findings: &mut Vec<String>) {
        let (mut names, mut places) = (BTreeSet::new(), BTreeMap::new());
        for (kind, devices) in &self.devices {
            for device in devices {
                if !names.insert(&device.name) {
                    findings.push(format!("two devices are called `{}`; give each its own name", device.name));
                }
                if let Some(other) = places.insert(place(&device.address), &device.name) {
                    findings.push(format!(
                        "devices `{other}` and `{}` have the same address; only one of them could be opened",
                        device.name
                    ));
                }
                if let Err(error) = kind.check(device.clone()) {
                    findings.push(format!("{} {}: {error}", kind.name(), device.name));
                }
            }
        }
    }

    fn check_lane(&self, register: &Register, findings: &mut Vec<String>) {
        for kind in DeviceKind::ALL {
            let Some(wanted) = kind.of_lane(register) else { continue };
            if !self.devices_of(kind).iter().any(|device| device.name.as_str() == wanted) {
                let (name, wanted) = (kind.name(), wanted.escape_debug());
                findings.push(format!(
                    "register {}: unknown {name} `{wanted}`; add [[{name}]] name = \"{wanted}\"",
                    register.name
                ));
            }
        }
    }
}

/// The address of a device without its line settings.
fn place(address: &Address) -> String {
    match address {
        Address::Serial { path, .. } => path.display().to_string(),
        Address::Tcp { host, port } => format!("{host}:{port}"),
        Address::Usb { .. } => address.to_string(),
        Address::UsbSerial { id, .. } => format!("{id} {}", id.serial.as_deref().unwrap_or_default()),
    }
}

fn check_headquarters(headquarters: &Headquarters, findings: &mut Vec<String>) {
    let Headquarters { broker, authority, certificate, key, username, password_file, .. } = headquarters;
    let mut found = |finding: &str| findings.push(format!("headquarters.{finding}"));
    if broker.tls && authority.is_none() {
        found("authority: mqtts needs the PEM file of the authority that signed the broker's certificate");
    }
    if certificate.is_some() != key.is_some() {
        found("certificate: set both certificate and key, or neither");
    }
    if certificate.is_some() && !broker.tls {
        found("certificate: a certificate requires mqtts://");
    }
    if username.is_some() != password_file.is_some() {
        found("username: set both username and password_file, or neither");
    }
    let is_here = broker.host == "localhost" || broker.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    if password_file.is_some() && !broker.tls && !is_here {
        found("password_file: mqtt:// would send the password unencrypted; use mqtts://");
    }
}

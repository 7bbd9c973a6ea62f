//! What tables that are right by themselves must be together.

use std::collections::BTreeSet;

use commerce::text::is_readable;

use super::{Config, DeviceKind, Register};

impl Config {
    /// Everything that is wrong; nothing if it is right.
    pub(super) fn check(&self) -> Vec<String> {
        let mut findings = Vec::new();
        findings.extend(self.time_zone().err());
        let name = &self.store.name;
        if name.chars().count() > 60 || !is_readable(name) {
            findings.push("store.name: write 1 to 60 characters, none of them invisible".into());
        }
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
        let mut names = BTreeSet::new();
        for (kind, devices) in &self.devices {
            for device in devices {
                if !names.insert(&device.name) {
                    findings.push(format!("two devices are called `{}`; give each its own name", device.name));
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
                    "register {}: there is no {name} called `{wanted}`; add [[{name}]] name = \"{wanted}\"",
                    register.name
                ));
            }
        }
    }
}

//! Checks the files, addresses and devices that a config names.

use std::{
    fs::{self, File},
    io,
    net::TcpListener,
    path::{Path, PathBuf},
};

use drivers::{bitmap::Bitmap, transport::Address};
use link::Identity;
use serde_json::Value;

use super::{Config, Headquarters, Templates};
use crate::clock::now_ms;

/// A certificate that expires within this many days is a fault.
pub(crate) const RENEW_DAYS: i64 = 30;

/// The findings about what a config names.
#[derive(Debug, Default)]
pub struct FileFindings {
    /// With these the hub does not start, or not correctly.
    pub faults: Vec<String>,
    /// With these the hub starts.
    pub warnings: Vec<String>,
}

/// Days until a moment, by the system clock.
pub(crate) fn days_until(expires_at: i64) -> i64 {
    expires_at.saturating_sub(now_ms() / 1000).div_euclid(24 * 3600)
}

/// The message about a certificate that expires soon or has expired.
pub(crate) fn ends_soon(field: &str, expires_at: i64) -> Option<String> {
    let how = "renew it with `store-hub-provision renew`";
    match days_until(expires_at) {
        days if days < 0 => Some(format!("{field}: the certificate expired {} days ago; {how}", -days)),
        days if days <= RENEW_DAYS => Some(format!("{field}: the certificate expires in {days} days; {how}")),
        _ => None,
    }
}

impl Config {
    /// Opens what the config names: certificates, keys, password files, the data directory, the address to listen on,
    /// the device files. Changes nothing.
    pub fn check_files(&self) -> FileFindings {
        let mut found = FileFindings::default();
        found.identity("listen.certificate", &self.listen.certificate, &self.listen.key);
        if let Some(headquarters) = &self.headquarters {
            found.headquarters(headquarters);
        }
        found.faults.extend(data_directory(&self.store.data).err().map(|why| format!("store.data: {why}")));
        match TcpListener::bind(self.listen.address) {
            Ok(_) => {}
            // The hub listens on it if it is running.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => {
                found.faults.push(format!("listen.address: can't listen on {}: {error}", self.listen.address));
            }
        }
        if let Some(authority) = self.publications.as_ref().and_then(|publications| publications.authority.as_ref()) {
            found.authority("publications.authority", authority);
        }
        if let Err(why) = Templates::read(self.store.label_templates.as_deref()) {
            found.faults.push(format!("store.label_templates: {why}"));
        }
        found.faults.extend(self.logo().err());
        for (kind, devices) in &self.devices {
            for device in devices {
                let name = format!("{} {}", kind.name(), device.name);
                if let Address::Serial { path, .. } = &device.address
                    && let Err(error) = fs::metadata(path)
                {
                    found.warnings.push(format!("{name}: {}: {error}; check that it is plugged in", path.display()));
                }
                // Independent of the protocol: settings that name a file end like this.
                for (setting, value) in &device.settings {
                    if let (true, Value::String(path)) = (setting.ends_with("_file"), value)
                        && let Err(error) = fs::read(path)
                    {
                        found.faults.push(format!("{name}: {setting}: could not read {path}: {error}"));
                    }
                }
            }
        }
        found
    }

    /// The files with secrets that must exist: keys, passwords, passphrases. Only the hub may read them.
    pub(crate) fn secret_files(&self) -> Vec<PathBuf> {
        let headquarters = self.headquarters.iter().flat_map(|it| [&it.key, &it.password_file].into_iter().flatten());
        let authority = self.enrolment.iter().map(|enrolment| enrolment.state.join("store-authority.key"));
        let settings = self.devices.values().flatten().flat_map(|device| &device.settings);
        let settings = settings.filter(|(name, _)| name.ends_with("_file") && name.as_str() != "ca_file");
        let of_devices = settings.filter_map(|(_, value)| value.as_str().map(PathBuf::from));
        let key = std::iter::once(self.listen.key.clone());
        key.chain(headquarters.cloned()).chain(authority).chain(of_devices).collect()
    }

    /// The logo of receipts, if there is one.
    pub(crate) fn logo(&self) -> Result<Option<Bitmap>, String> {
        let Some(path) = &self.store.receipt_logo else { return Ok(None) };
        let wrong = |why: String| format!("store.receipt_logo: {}: {why}", path.display());
        let file = fs::read(path).map_err(|error| wrong(error.to_string()))?;
        Bitmap::from_png(&file, 576, 400).map(Some).map_err(wrong)
    }
}

impl FileFindings {
    fn identity(&mut self, field: &str, certificate: &Path, key: &Path) {
        match Identity::open(certificate, key) {
            Ok(identity) => self.certificate(field, identity.expires_at()),
            Err(error) => self.faults.push(format!("{field}: {error}")),
        }
    }

    fn certificate(&mut self, field: &str, expires_at: i64) {
        let into = if days_until(expires_at) < 0 { &mut self.faults } else { &mut self.warnings };
        into.extend(ends_soon(field, expires_at));
    }

    fn authority(&mut self, field: &str, authority: &Path) {
        let roots = link::trust::roots_from_file(authority);
        match roots.and_then(|_| link::identity::expires_at(authority)) {
            Ok(expires_at) => self.certificate(field, expires_at),
            Err(error) => self.faults.push(format!("{field}: {error}")),
        }
    }

    fn headquarters(&mut self, headquarters: &Headquarters) {
        if let (true, Some(authority)) = (headquarters.broker.tls, &headquarters.authority) {
            self.authority("headquarters.authority", authority);
        }
        if let (Some(certificate), Some(key)) = (&headquarters.certificate, &headquarters.key) {
            self.identity("headquarters.certificate", certificate, key);
        }
        self.faults.extend(headquarters.login().err());
    }
}

/// Whether the data directory is writable; if it does not exist, whether its nearest existing parent is.
fn data_directory(data: &Path) -> Result<(), String> {
    let mut there = data;
    while !there.exists() {
        there = match there.parent() {
            Some(above) if !above.as_os_str().is_empty() => above,
            _ => Path::new("."),
        };
    }
    if !there.is_dir() {
        return Err(format!("{} is a file, not a directory", there.display()));
    }
    let probe = there.join(format!(".check-config-{}", std::process::id()));
    let written = File::create_new(&probe).and_then(|_| fs::remove_file(&probe));
    written.map_err(|error| format!("could not write into {}: {error}", there.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::tests::with;

    /// The findings for a config in a directory that only has what `prepare` creates.
    fn found(prepare: impl FnOnce(&Path, &mut Config)) -> FileFindings {
        let directory = tempfile::tempdir().unwrap();
        let mut config = with("");
        config.devices = BTreeMap::new();
        config.store.data = directory.path().join("data/deep");
        config.listen.address = "127.0.0.1:0".parse().unwrap();
        config.listen.certificate = directory.path().join("hub.pem");
        config.listen.key = directory.path().join("hub.key");
        prepare(directory.path(), &mut config);
        config.check_files()
    }

    #[test]
    fn files_and_addresses_of_a_config_are_opened() {
        let found = found(|directory, config| {
            fs::write(directory.join("data"), "a file").unwrap();
            config.listen.address = "192.0.2.1:8443".parse().unwrap();
            let more = format!(
                "[headquarters]\nbroker = \"mqtts://hq:8883\"\nauthority = \"{0}/ca.pem\"\nusername = \"hub\"\n\
                 password_file = \"{0}/password\"\n[[payment_terminal]]\nname = \"terminal-1\"\n\
                 protocol = \"zvt\"\naddress = \"tcp://127.0.0.1:1\"\npassword_file = \"{0}/terminal\"\n",
                directory.display()
            );
            let more = with(&more);
            (config.headquarters, config.devices) = (more.headquarters, more.devices);
        });
        for (fault, told) in found.faults.iter().zip([
            "listen.certificate: could not read",
            "headquarters.authority: could not read",
            "headquarters.password_file: could not read",
            "store.data: ",
            "listen.address: can't listen on 192.0.2.1:8443",
            "payment_terminal terminal-1: password_file: could not read",
        ]) {
            assert!(fault.starts_with(told), "{told}: {fault}");
        }
        assert_eq!(found.faults.len(), 6, "{:?}", found.faults);
        assert!(found.warnings[0].contains("scanner-1: /dev/ttyUSB0"), "{:?}", found.warnings);
    }

    #[test]
    fn each_secret_is_listed_once_and_an_authority_of_terminals_is_none() {
        let config = with(
            "[headquarters]\nbroker = \"mqtts://hq:8883\"\nauthority = \"/s/ca.pem\"\ncertificate = \
             \"/s/identity.pem\"\nkey = \"/s/identity.key\"\nusername = \"hub\"\npassword_file = \"/s/password\"\n\
             [enrolment]\nservice = \"https://hq:8445\"\nstate = \"/s\"\n[[payment_terminal]]\nname = \
             \"terminal-1\"\nprotocol = \"nexo\"\naddress = \"tcp://127.0.0.1:1\"\npoi_id = \"V400m-1\"\nca_file = \
             \"/s/terminals.pem\"\npassphrase_file = \"/s/passphrase\"\nkey_identifier = \"hub\"\nkey_version = 1\n",
        );
        let files: Vec<_> = config.secret_files().iter().map(|path| path.display().to_string()).collect();
        let listen = config.listen.key.display().to_string();
        let names = ["identity.key", "password", "store-authority.key", "passphrase"].map(|name| format!("/s/{name}"));
        assert_eq!((&files[0], &files[1..]), (&listen, &names[..]));
    }

    #[test]
    fn a_missing_data_directory_is_checked_in_its_parent() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(data_directory(&directory.path().join("to/be/made")), Ok(()));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left there");
    }

    #[test]
    fn a_certificate_is_reported_from_thirty_days_before_it_expires() {
        let told =
            |days: i64| ends_soon("listen.certificate", now_ms() / 1000 + days * 86_400 + 60).unwrap_or_default();
        assert_eq!(told(31), "");
        assert!(told(30).contains("expires in 30 days"), "{}", told(30));
        assert!(told(0).contains("expires in 0 days"));
        assert!(told(-2).contains("expired 2 days ago") && told(-2).contains("renew"), "{}", told(-2));
    }
}

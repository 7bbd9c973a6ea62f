//! The box itself: config, clock, disk, permissions, certificates.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use app::timekeeping::EARLIEST_MS;
use link::Identity;
use store::room::{self, LOW, SCARCE};

use super::Finding;
use crate::{
    clock::now_ms,
    config::{Config, days_until, ends_soon},
    parts::timekeeper::SYNCHRONIZED,
};

/// Exists while chrony runs.
const CHRONY: &str = "/run/chrony/chronyd.pid";

pub(super) fn check(config: &Config, path: &Path) -> Vec<Finding> {
    let mut findings = vec![clock(now_ms(), [SYNCHRONIZED, CHRONY].iter().any(|path| Path::new(path).exists()))];
    findings.extend(files(config, path));
    findings.push(disk(&config.store.data, room::free_under(&config.store.data)));
    findings.extend(permissions(config));
    findings.extend(certificates(config));
    findings
}

fn clock(at_ms: i64, is_set: bool) -> Finding {
    let shows = jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| format!("{at_ms} ms"), |at| at.to_string());
    let advice = "set it with `timedatectl set-time`, and name a time server in /etc/systemd/timesyncd.conf";
    if at_ms < EARLIEST_MS {
        Finding::fail("clock", "time", shows, advice)
    } else if is_set {
        Finding::ok("clock", "time", format!("{shows}, set by a time server"))
    } else {
        Finding::warn("clock", "time", format!("{shows}, not set by a time server since the box started"), advice)
    }
}

/// What `store-hub check-config` finds; certificates have a check of their own.
fn files(config: &Config, path: &Path) -> Vec<Finding> {
    let found = config.check_files();
    let advice = "correct the config, or put the file or device in its place";
    let subject = |text: &str| text.split(':').next().unwrap_or_default().to_owned();
    let is_other = |text: &&String| !["certificate", "authority"].iter().any(|end| subject(text).ends_with(end));
    let faults = found.faults.iter().filter(is_other).map(|text| Finding::fail("config", subject(text), text, advice));
    let warnings = found.warnings.iter().filter(is_other);
    let warnings = warnings.map(|text| Finding::warn("config", subject(text), text, advice));
    let mut findings: Vec<_> = faults.chain(warnings).collect();
    if findings.is_empty() {
        findings.push(Finding::ok("config", "file", format!("{}: valid", path.display())));
    }
    findings
}

fn disk(data: &Path, free: Option<u64>) -> Finding {
    let advice = "delete what does not belong on this disk, or move backups away; see `Operating a store`";
    let subject = data.display().to_string();
    match free {
        None => Finding::warn("disk", subject, "the free space can't be read", "check that the directory exists"),
        Some(free) => {
            let value = format!("{} MB free", free / 1_000_000);
            match free {
                LOW.. => Finding::ok("disk", subject, value),
                SCARCE..LOW => Finding::warn("disk", subject, value, advice),
                ..SCARCE => Finding::fail("disk", subject, value, advice),
            }
        }
    }
}

fn permissions(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let data = &config.store.data;
    match fs::metadata(data) {
        Err(error) => {
            let advice = "start the hub once, which makes it; run doctor as the hub's user";
            findings.push(Finding::warn("permissions", data.display().to_string(), error.to_string(), advice));
        }
        Ok(found) => {
            let value = format!("mode {:04o}", found.mode() & 0o7777);
            let own = fs::metadata("/proc/self").map(|process| process.uid()).ok();
            findings.push(if found.mode() & 0o077 != 0 {
                let advice = "only the hub may read it: `chmod 700`";
                Finding::fail("permissions", data.display().to_string(), value, advice)
            } else if own.is_some_and(|own| own != found.uid() && own != 0) {
                let value = format!("{value}, of user {}", found.uid());
                let advice = "run doctor as the user that owns it";
                Finding::warn("permissions", data.display().to_string(), value, advice)
            } else {
                Finding::ok("permissions", data.display().to_string(), value)
            });
        }
    }
    for path in config.secret_files() {
        let subject = path.display().to_string();
        findings.push(match fs::metadata(&path) {
            Err(error) => {
                Finding::fail("permissions", subject, error.to_string(), "put the file in its place, mode 0640")
            }
            Ok(found) if found.mode() & 0o007 != 0 => {
                let value = format!("mode {:04o}: everybody on the box can read it", found.mode() & 0o7777);
                Finding::fail(
                    "permissions",
                    subject,
                    value,
                    "`chmod o-rwx`, and replace the secret if others used the box",
                )
            }
            Ok(found) => Finding::ok("permissions", subject, format!("mode {:04o}", found.mode() & 0o7777)),
        });
    }
    findings
}

fn certificates(config: &Config) -> Vec<Finding> {
    let listen = &config.listen;
    let mut own = vec![("listen.certificate", &listen.certificate, &listen.key)];
    let mut authorities = Vec::new();
    if let Some(headquarters) = &config.headquarters {
        if let (Some(certificate), Some(key)) = (&headquarters.certificate, &headquarters.key) {
            own.push(("headquarters.certificate", certificate, key));
        }
        authorities.extend(headquarters.authority.as_ref().map(|path| ("headquarters.authority", path)));
    }
    let publications = config.publications.as_ref().and_then(|publications| publications.authority.as_ref());
    authorities.extend(publications.map(|path| ("publications.authority", path)));
    let own = own.into_iter().map(|(field, certificate, key)| {
        (field, Identity::open(certificate, key).map(|identity| identity.expires_at()))
    });
    let authorities = authorities.into_iter().map(|(field, path)| (field, link::identity::expires_at(path)));
    own.chain(authorities)
        .map(|(field, expires_at)| certificate(field, expires_at.map_err(|it| it.to_string())))
        .collect()
}

fn certificate(field: &str, expires_at: Result<i64, String>) -> Finding {
    let expires_at = match expires_at {
        Ok(expires_at) => expires_at,
        Err(why) => return Finding::fail("certificates", field, why, "put a valid certificate and its key in place"),
    };
    let (days, advice) = (days_until(expires_at), "renew it; see `Renew the certificate` in `Operating a store`");
    match ends_soon(field, expires_at) {
        None => Finding::ok("certificates", field, format!("expires in {days} days")),
        Some(_) if days >= 0 => Finding::warn("certificates", field, format!("expires in {days} days"), advice),
        Some(_) => Finding::fail("certificates", field, format!("expired {} days ago", -days), advice),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Level, *};

    #[test]
    fn a_clock_from_before_the_program_fails_and_one_that_nobody_set_warns() {
        assert_eq!(clock(0, true).level, Level::Fail);
        assert_eq!(clock(EARLIEST_MS, false).level, Level::Warn);
        assert_eq!(clock(EARLIEST_MS, true).level, Level::Ok);
        assert!(clock(EARLIEST_MS, true).value.starts_with("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn the_disk_is_judged_as_the_store_judges_it() {
        let level = |free| disk(Path::new("/data"), free).level;
        assert_eq!((level(Some(LOW)), level(Some(LOW - 1))), (Level::Ok, Level::Warn));
        assert_eq!(
            (level(Some(SCARCE)), level(Some(SCARCE - 1)), level(None)),
            (Level::Warn, Level::Fail, Level::Warn)
        );
    }

    #[test]
    fn a_certificate_warns_before_it_expires() {
        let in_days = |days: i64| certificate("field", Ok(now_ms() / 1000 + days * 86_400 + 60)).level;
        assert_eq!(
            (in_days(31), in_days(30), in_days(0), in_days(-2)),
            (Level::Ok, Level::Warn, Level::Warn, Level::Fail)
        );
        assert_eq!(certificate("field", Err("no such file".into())).level, Level::Fail);
    }
}

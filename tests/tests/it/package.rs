//! The Debian packages, as `systemd/package` builds them: installed, upgraded under a hub that runs, downgraded and
//! removed, in a copy of this machine's file system that nothing else sees (an overlay in a mount namespace of its
//! own). The hub in it is a stand-in: what the real one answers is tested where it is programmed.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use system_tests::{PROFILE, root, skipped};

/// A hub that runs, and answers as the real one does.
const HUB: &str = r#"#!/bin/bash
data=/var/lib/store-hub
runs() { kill -0 "$(cat $data/pid)" 2>/dev/null; }
case "$1 $2" in
    "run "*) echo 12345678 >$data/console-code; echo $$ >$data/pid; exec -a "store-hub run" sleep 1000 ;;
    "may-restart "*) ;;
    "doctor --json") if runs; then echo '{"findings":["a commit became durable"]}'; else echo '{"findings":[]}'; fi ;;
    "doctor --before") runs || { echo "- hub process: not running" >&2; exit 1; } ;;
esac
"#;

/// The program, or one that `tests/run` installed below `target/tools`.
pub(crate) fn cargo_deb() -> Option<String> {
    let path = format!("{}:{}", root().join("target/tools/bin").display(), env::var("PATH").unwrap());
    let is_there = env::split_paths(&path).any(|directory| directory.join("cargo-deb").exists());
    is_there.then_some(path)
}

/// A program's output; panics if it fails.
pub(crate) fn said(command: &mut Command) -> String {
    let ended = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    assert!(ended.status.success(), "{command:?}: {}\n{said}", ended.status);
    said
}

/// A package of another version, with another program or its own.
pub(crate) fn as_version(package: &Path, version: &str, program: Option<&str>, directory: &Path) -> PathBuf {
    let (unpacked, result) = (directory.join("unpacked"), directory.join(format!("{version}.deb")));
    let _ = fs::remove_dir_all(&unpacked);
    said(Command::new("dpkg-deb").arg("-R").arg(package).arg(&unpacked));
    let control = unpacked.join("DEBIAN/control");
    let text = fs::read_to_string(&control).unwrap();
    let line = text.lines().find(|line| line.starts_with("Version: ")).unwrap();
    fs::write(&control, text.replace(line, &format!("Version: {version}"))).unwrap();
    if let Some(program) = program {
        let hub = unpacked.join("usr/lib/store-hub/store-hub");
        fs::write(&hub, program).unwrap();
        fs::set_permissions(&hub, fs::Permissions::from_mode(0o755)).unwrap();
    }
    said(Command::new("dpkg-deb").args(["-Znone", "-b"]).arg(&unpacked).arg(&result));
    result
}

/// What happens in the copy: `$1` is the directory with the packages.
const STORY: &str = r#"
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd "$1"
is() { [ "$1" = "$2" ] || { echo "line ${BASH_LINENO[0]}: '$1' is not '$2'" >&2; exit 1; }; }
install() { dpkg --force-depends --force-confdef --install "$1" >install.log 2>&1 || { cat install.log >&2; exit 1; }; }
hub() { setsid runuser -u store-hub -- /usr/lib/store-hub/current/store-hub run >>hub.log 2>&1 </dev/null & }
status() { store-hub-release status | cut -d' ' -f1-3; }
answers() {
    for _ in $(seq 600); do
        store-hub doctor --json 2>/dev/null | grep -q '"a commit became durable"' && return
        sleep 0.1
    done
    cat hub.log >&2
    exit 1
}

# Installed: a user, directories, units that are enabled, a version.
install one.deb
is "$(status)" "settled 1.0 "
is "$(readlink -f /usr/bin/store-hub)" /usr/lib/store-hub/releases/1.0/store-hub
is "$(stat -c '%U:%G %a' /etc/store-hub)" "root:store-hub 750"
is "$(stat -c '%U:%G %a' /var/lib/store-hub)" "store-hub:store-hub 700"
is "$(stat -c '%U:%G %a' /var/backups/store-hub)" "store-hub:store-hub 700"
id -nG store-hub | grep -qw dialout
for unit in multi-user.target.wants/store-hub.service timers.target.wants/store-hub-release.timer; do
    [ -L /etc/systemd/system/$unit ] || { echo "$unit is not enabled" >&2; exit 1; }
done

# A config, a changed conffile, a hub that runs and has a store.
echo config >/etc/store-hub/hub.toml
echo 'STORE_HUB_LOG=debug' >/etc/default/store-hub
hub
answers
before=$(pgrep -u store-hub -f 'store-hub run')
code=$(cat /var/lib/store-hub/console-code)

# Upgraded: the running hub is not touched, the conffile and the store stay.
install two.deb
is "$(status)" "staged 2.0 1.0"
is "$(pgrep -u store-hub -f 'store-hub run')" "$before"
is "$(cat /etc/default/store-hub)" STORE_HUB_LOG=debug

# Nobody is being served: the link flips. systemd would restart the hub; there is none here.
store-hub-release step
is "$(status)" "trial 2.0 1.0"
is "$(readlink -f /usr/bin/store-hub)" /usr/lib/store-hub/releases/2.0/store-hub
kill -9 "$before"
while kill -0 "$before" 2>/dev/null; do sleep 0.1; done
hub
answers
store-hub-release step
is "$(status)" "settled 2.0 1.0"
is "$(cat /var/lib/store-hub/console-code)" "$code"

# A version whose hub does not run is taken back.
install three.deb
store-hub-release step
kill -9 "$(pgrep -u store-hub -f 'store-hub run')"
sleep 0.2
store-hub-release step
store-hub-release step
is "$(status)" "settled 2.0 "

# Downgraded: the same way.
install one.deb
is "$(status)" "staged 1.0 2.0"
hub
answers
store-hub-release step
is "$(readlink -f /usr/bin/store-hub)" /usr/lib/store-hub/releases/1.0/store-hub
is "$(cat /var/lib/store-hub/console-code)" "$code"
kill -9 "$(pgrep -u store-hub -f 'store-hub run')"

# Purged: the programs go, the store and its config stay.
dpkg --purge store-hub >purge.log 2>&1
[ ! -e /usr/lib/store-hub ] && [ ! -e /usr/bin/store-hub ] && [ ! -e /etc/default/store-hub ]
[ -s /etc/store-hub/hub.toml ] && [ -s /var/lib/store-hub/console-code ]

install hq.deb
store-hub-hq --version >/dev/null
store-hub-provision --version >/dev/null
is "$(stat -c %G /etc/store-hub-hq)" store-hub-hq
is "$(stat -c '%U %a' /var/lib/store-hub-revoked)" "store-hub-hq 755"
[ -s /usr/lib/systemd/system/store-hub-hq-enrolment.service ]
echo "the packages are good"
"#;

/// Runs a script as root of a copy of this machine; `None` if the machine does not permit it.
fn in_a_copy(directory: &Path, script: &str) -> Option<String> {
    let mounts = r#"
set -e
mount --make-rprivate /
mount -t tmpfs -o size=2g copy "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay copy -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for path in dev sys; do mount --rbind /$path "$1/root/$path"; done
mount -t proc proc "$1/root/proc"
mount -t tmpfs run "$1/root/run"
"#;
    let place = directory.join("copy");
    fs::create_dir(&place).unwrap();
    let isolated = |rest: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "bash", "-c"]).arg(format!("{mounts}{rest}"));
        command.arg("bash").arg(&place).arg(directory).arg(script);
        command
    };
    let is_allowed = isolated("chroot \"$1/root\" dpkg --version").output();
    if !is_allowed.is_ok_and(|ended| ended.status.success()) {
        return None;
    }
    // The packages are on a file system that the copy does not have.
    let rest = "mkdir -p \"$1/root/packages\"; cp \"$2\"/*.* \"$1/root/packages\"; \
                exec chroot \"$1/root\" bash -c \"$3\" bash /packages";
    Some(said(&mut isolated(rest)))
}

#[test]
fn a_key_is_made_after_an_enrolment_and_never_over_a_store() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return skipped("the conditions of units: systemd-analyze is not installed");
    }
    let unit = |name: &str| fs::read_to_string(root().join("systemd/hub").join(name)).unwrap();
    let hub = unit("store-hub.service");
    assert!(hub.lines().any(|line| line.starts_with("Wants=") && line.contains("store-hub-key.service")));
    let is_made = |files: &[&str]| {
        let place = tempfile::tempdir().unwrap();
        for file in files {
            let path = place.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let conditions = unit("store-hub-key.service");
        let conditions = conditions.lines().filter(|line| line.starts_with("Condition"));
        let conditions = conditions.map(|line| line.replace("=!/", &format!("=!{}/", place.path().display())));
        let mut checked = Command::new("systemd-analyze");
        checked.arg("condition").args(conditions).stdin(Stdio::null()).output().unwrap().status.success()
    };
    assert!(is_made(&[]));
    assert!(is_made(&["var/lib/store-hub/enrolled.json", "var/lib/store-hub/hub.toml"]), "enrolled, and not started");
    // The store of an enrolled box, that of one with a config of its own, and a key that is there.
    assert!(!is_made(&["var/lib/store-hub/data/sqlite/store.db"]));
    assert!(!is_made(&["var/lib/store-hub/sqlite/store.db"]));
    assert!(!is_made(&["var/lib/store-hub/console-code"]));
    assert!(!is_made(&["etc/credstore.encrypted/store-hub.key"]));
}

#[test]
fn packages_are_installed_upgraded_downgraded_and_removed() {
    let Some(path) = cargo_deb() else { return skipped("the Debian packages: cargo-deb is not installed") };
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    said(Command::new(root().join("systemd/package")).arg(place).args(["--built", PROFILE.0, "1.0"]).env("PATH", path));
    let packages: Vec<_> = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()).collect();
    let find = |name: &str| packages.iter().find(|path| path.to_str().unwrap().contains(name)).unwrap();
    let hub = find("/store-hub_1.0");
    fs::rename(find("/store-hub-hq_1.0"), place.join("hq.deb")).unwrap();
    for (version, name) in [("1.0", "one.deb"), ("2.0", "two.deb"), ("3.0", "three.deb")] {
        fs::rename(as_version(hub, version, Some(HUB), place), place.join(name)).unwrap();
    }
    fs::remove_file(hub).unwrap();

    // The bill of materials is in the package.
    let listed = said(Command::new("dpkg-deb").arg("-c").arg(place.join("hq.deb")));
    for name in ["sbom.cdx.json", "sbom-provision.cdx.json", "usr/bin/store-hub-hq", "usr/bin/store-hub-provision"] {
        assert!(listed.contains(name), "{name}: {listed}");
    }
    let unpack = "dpkg-deb --fsys-tarfile \"$0\" | tar -xO --wildcards '*sbom.cdx.json'";
    let sbom = said(Command::new("sh").args(["-c", unpack]).arg(place.join("one.deb")));
    let sbom: Value = serde_json::from_str(&sbom).unwrap();
    assert_eq!(
        (&sbom["bomFormat"], &sbom["metadata"]["component"]["name"]),
        (&"CycloneDX".into(), &"store-hub".into())
    );
    let has = |name: &str| sbom["components"].as_array().unwrap().iter().any(|it| it["name"] == name);
    assert!(has("rusqlite") && has("rustls") && has("app") && !has("proptest"));

    match in_a_copy(place, STORY) {
        Some(said) => assert!(said.contains("the packages are good"), "{said}"),
        None => skipped("installing the Debian packages: no overlay file system in a mount namespace"),
    }
}

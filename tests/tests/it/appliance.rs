//! The hub's package in a Debian with a real systemd, in a virtual machine: it is installed, enabled and sells; its
//! units, sandbox and devices work; systemd restarts a hub that hangs; an upgrade is kept, one that fails goes back,
//! also when the plug is pulled in the middle of it; and pulled plugs lose nothing that was answered.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::Command,
    thread,
    time::Instant,
};

use fastrand::Rng;
use serde_json::json;
use system_tests::{
    PROFILE, alone,
    appliance::{Appliance, Running},
    is_long,
    register::Client,
    root, seed,
    shop::{Plan, Shop},
    skipped,
    till::Book,
};

use super::{
    guest::{faults, sell_until_cut},
    package::{as_version, cargo_deb, said},
    usb,
};

/// A version whose hub ends as soon as it starts. The old version's commands judge it.
const BAD_HUB: &str = "#!/bin/sh\necho 'this version is bad' >&2\nexit 1\n";

/// Devices that need all of the units' and rules' permissions: a serial adapter of the machine, and a scale that the
/// hub opens through usbfs.
const DEVICES: &str = r#"
[[scale]]
name = "serial"
address = "serial:0403:6001?data=7&parity=even"
protocol = "toledo-8217"

[[scale]]
name = "usb"
address = "usb:0922:8003"
protocol = "hid"
"#;

/// Plugs in a USB scale with 1.23 kg on it: the kernel is both ends of the bus.
const PLUG_IN_A_SCALE: &str = r#"
modprobe -a dummy_hcd libcomposite usb_f_hid
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
gadget=/sys/kernel/config/usb_gadget/scale
mkdir -p $gadget/strings/0x409 $gadget/functions/hid.scale $gadget/configs/c.1
echo 0x0922 >$gadget/idVendor
echo 0x8003 >$gadget/idProduct
echo Scale >$gadget/strings/0x409/product
echo 6 >$gadget/functions/hid.scale/report_length
printf '\x05\x8d\x09\x20\xa1\x01\x85\x03\x09\x32\x15\x00\x26\xff\x00\x75\x08\x95\x05\x81\x02\xc0' \
    >$gadget/functions/hid.scale/report_desc
ln -s $gadget/functions/hid.scale $gadget/configs/c.1/
echo dummy_udc.0 >$gadget/UDC
systemd-run --quiet --unit=scale bash -c \
    'while sleep 0.2; do printf "\x03\x04\x03\xfe\x7b\x00" >/dev/hidg0; done'
"#;

/// As the README installs it: the package, certificate and config, then the service.
const INSTALL: &str = r"
mkdir -p /root/seed
tar -xf /dev/vdb -C /root/seed
cd /root/seed
DEBIAN_FRONTEND=noninteractive dpkg --install one.deb
install -o root -g store-hub -m 640 hub.toml hub.pem hub.key /etc/store-hub/
runuser -u store-hub -- store-hub check-config
systemctl enable --now store-hub
test -s /etc/credstore.encrypted/store-hub.key
";

/// How often the plug is pulled while the store sells.
const CUTS: u64 = 20;

/// Waits until the hub has said that it is ready.
const READY: &str = "until systemctl --quiet is-active store-hub; do sleep 0.2; done";

/// What must hold of a box whose hub runs.
const HEALTHY: &str = r#"
test -z "$(systemctl list-units --failed --plain --no-legend | tee /dev/stderr)"
# The records are encrypted: the hub has the key, and nobody else can read it.
pid=$(systemctl show -P MainPID store-hub)
test "$(stat -c %s /run/credentials/store-hub.service/store-hub.key)" = 32
test "$(stat -c '%U %a' /etc/credstore.encrypted/store-hub.key)" = "root 600"
# systemd watches it, in its sandbox.
test "$(systemctl show -P WatchdogUSec store-hub)" = 30s
grep -q '^Seccomp:.2$' /proc/$pid/status
grep -q '^CapBnd:.0*$' /proc/$pid/status
test "$(stat -c %U /proc/$pid)" = store-hub
"#;

/// Stops the hub as a hang would, and waits until systemd has replaced it.
const HANG: &str = r#"
pid=$(systemctl show -P MainPID store-hub)
kill -STOP $pid
until journalctl --quiet --boot --unit store-hub --grep 'Watchdog timeout' >/dev/null; do sleep 0.5; done
until [ "$(systemctl show -P MainPID store-hub)" != $pid ] && systemctl --quiet is-active store-hub; do sleep 0.2; done
systemctl show -P NRestarts store-hub
"#;

/// Goes on with an upgrade, as the timer does every 30 s, until its state is `$1`.
const STEPS: &str = r#"
for _ in $(seq 60); do
    systemctl start store-hub-release.service
    case "$(store-hub-release status)" in "$1 "*) store-hub-release status; exit 0 ;; esac
    sleep 0.5
done
store-hub-release status
journalctl --boot --unit 'store-hub*' --no-pager | tail -n 40
exit 1
"#;

/// Shuts the hub down and checks the store, as docs/operating.md says.
const CHECK: &str = r"
systemctl stop store-hub
systemd-run --quiet --pipe --wait --uid=store-hub --property=LoadCredentialEncrypted=store-hub.key store-hub store check
";

#[test]
fn the_appliance_works_under_systemd_and_loses_nothing_when_its_plug_is_pulled() {
    if !is_long() {
        return skipped("the appliance: it takes five minutes, so only --long runs it");
    }
    let _machine = alone();
    let Some(path) = cargo_deb() else { return skipped("the appliance: cargo-deb is not installed") };
    let debian = match Appliance::build() {
        Ok(debian) => debian,
        Err(why) => return skipped(&format!("the appliance in a virtual machine: {why}")),
    };
    let (seed, began) = (seed(), Instant::now());
    eprintln!("the appliance: STORE_HUB_SEED={seed}");
    let mut dice = Rng::with_seed(seed);
    let work = tempfile::tempdir().unwrap();
    let (shop, files) = (work.path().join("shop"), work.path().join("seed"));
    let data = work.path().join("data");
    let shop = Shop::build(&shop, &Plan { engine: "sqlite", data: &data, registers: 4, headquarters: None }).unwrap();
    packages(&files, &path);
    config(&shop, &data, &files);
    let box_ = Appliance::install(&debian, &files, work.path(), shop.endpoint.address.port()).unwrap();
    let told = |what: &str| eprintln!("the appliance after {} s: {what}", began.elapsed().as_secs());

    let mut running = switch_on(&box_);
    told("Debian runs");
    do_it(&mut running, PLUG_IN_A_SCALE);
    do_it(&mut running, INSTALL);
    let code = do_it(&mut running, "cat /var/lib/store-hub/console-code");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("console-code"), code).unwrap();
    let registers = shop.open().unwrap();
    do_it(&mut running, HEALTHY);
    told("installed, a store is open");
    weighs(&registers[0], "serial", 1250);
    weighs(&registers[0], "usb", 1230);
    let book = Book::default();
    // Every basket is completed: an upgrade waits for those that are not.
    sell_until_cut(&book, &registers, &mut dice, 0, || ());
    told("sold and weighed");
    assert_eq!(do_it(&mut running, HANG), "1", "restarts");
    weighs(&registers[0], "serial", 1250);
    told("a hub that hung was restarted");
    do_it(&mut running, "systemctl start store-hub-backup.service; ls /var/backups/store-hub/* >&2");

    do_it(&mut running, "dpkg --install /root/seed/two.deb");
    steps(&mut running, "settled 2.0 1.0");
    told("upgraded");
    do_it(&mut running, "dpkg --install /root/seed/three.deb");
    steps(&mut running, "trial 3.0 2.0");
    drop(running);
    running = switch_on(&box_);
    steps(&mut running, "settled 2.0");
    do_it(&mut running, READY);
    told("a bad version was taken back, with a pulled plug in between");

    for cut in 1..=CUTS {
        sell_until_cut(&book, &registers, &mut dice, cut, || drop(running));
        running = switch_on(&box_);
        do_it(&mut running, READY);
        let faults = faults(&book, &registers, &mut dice).unwrap_or_else(|why| vec![why]);
        assert!(faults.is_empty(), "seed {seed}, cut {cut}: {faults:#?}");
        told(&format!("plug {cut} of {CUTS} was pulled, {} sales answered, all there", book.sold()));
    }
    do_it(&mut running, HEALTHY);
    do_it(&mut running, CHECK);
    told("the store is whole");
}

/// Packages of three versions: two with the hub, and one whose hub is bad.
fn packages(files: &Path, path: &str) {
    let built = tempfile::tempdir().unwrap();
    fs::create_dir_all(files).unwrap();
    said(
        Command::new(root().join("systemd/package"))
            .arg(built.path())
            .args(["--built", PROFILE.0, "1.0"])
            .env("PATH", path),
    );
    let found = fs::read_dir(built.path()).unwrap().map(|entry| entry.unwrap().path());
    let hub = found.into_iter().find(|path| path.to_str().unwrap().contains("/store-hub_1.0")).unwrap();
    for (name, version, program) in [("one", "1.0", None), ("two", "2.0", None), ("three", "3.0", Some(BAD_HUB))] {
        let package = as_version(&hub, version, program, built.path());
        fs::copy(package, files.join(format!("{name}.deb"))).unwrap();
    }
}

/// The shop's config and identity as they are in the box.
fn config(shop: &Shop, data: &Path, files: &Path) {
    let identity = shop.directory().join("identity");
    for name in ["hub.pem", "hub.key"] {
        fs::copy(identity.join(name), files.join(name)).unwrap();
    }
    let text = fs::read_to_string(shop.directory().join("hub.toml")).unwrap();
    let text = text
        .replace(&data.display().to_string(), "/var/lib/store-hub")
        .replace(&identity.display().to_string(), "/etc/store-hub")
        .replace("127.0.0.1:", "0.0.0.0:");
    let mut file = File::create(files.join("hub.toml")).unwrap();
    file.write_all((text + DEVICES).as_bytes()).unwrap();
}

/// Switches the box on; a scale is behind its adapter.
fn switch_on(appliance: &Appliance) -> Running {
    let running = appliance.boot().unwrap_or_else(|why| panic!("{why}"));
    let line = appliance.line();
    thread::spawn(move || usb::weigh(&line));
    running
}

fn do_it(running: &mut Running, script: &str) -> String {
    running.run(script).unwrap_or_else(|why| {
        let journal = running.run("journalctl --boot --no-pager | tail -n 60").unwrap_or_else(|why| why);
        panic!("{why}\n{journal}")
    })
}

fn steps(running: &mut Running, state: &str) {
    do_it(running, &format!("set -- '{state}'\n{STEPS}"));
}

fn weighs(register: &Client, scale: &str, milli: u64) {
    let path = format!("/api/v1/devices/{scale}/weigh");
    let weighed = register.command(&path, &format!("weigh-{scale}"), r#"{"within_ms":10000}"#, || true);
    assert_eq!(weighed.as_ref().map(|weighed| weighed["milli"].clone()), Ok(json!(milli)), "{weighed:?}");
}

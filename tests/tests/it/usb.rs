//! USB for real: in a virtual machine a Debian kernel is both ends of the bus, and QEMU plugs in an FTDI adapter. The
//! hub's own drivers meet a HID scale, a HID scanner, a keyboard-wedge scanner, a printer, a CDC-ACM scanner and a
//! scale behind the adapter; each is unplugged in the middle of an exchange and plugged in elsewhere.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use system_tests::{alone, program, root, skipped, until};

const QEMU: &str = "qemu-system-x86_64";

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(240);

#[test]
fn usb_devices_are_used_and_come_back_wherever_they_are_plugged_in() {
    let _machine = alone();
    let directory = root().join("target/usb-guest");
    if let Err(why) = build(&directory) {
        return skipped(&format!("USB in a virtual machine: {why}"));
    }
    let began = Instant::now();
    let work = tempfile::tempdir().unwrap();
    let guest = Guest::start(&directory, work.path());
    guest.waits_for("GUEST unplug");
    let (before, _) = guest.said();

    // What is plugged in says what it is, and which driver fits.
    for part in
        ["0922:8003", "protocol = \"hid\"", "protocol = \"keyboard\"", "[[receipt_printer]]", "serial:0403:6001"]
    {
        assert!(before.contains(part), "{part} is not in\n{before}");
    }
    // The kernel typed with the wedge until the hub took it.
    assert!(before.contains("keyboards before the hub 1") && before.contains("keyboards with the hub 0"), "{before}");
    for device in ["scale", "scanner", "wedge", "acm", "printer", "ftdi"] {
        let is_ready = |event: &Value| event["device"] == device && event["state"] == "ready";
        assert!(events(&before).iter().any(is_ready), "{device} is not ready in\n{before}");
    }
    weighs(&before, "scale", 1250);
    weighs(&before, "ftdi", 1250);
    scans(&before, "scanner", "]E0", "4006381333931");
    scans(&before, "wedge", "]d2", "010952012345678810A\u{1d}17271231");
    scans(&before, "acm", "]E4", "96385074");

    guest.waits_for("GUEST done");
    let (all, _) = guest.said();
    let after = all.split_once("GUEST plug elsewhere").unwrap().1;
    let unplugged = all.split_once("GUEST unplug\r\n").unwrap().1;
    for device in ["scale", "scanner", "wedge", "acm", "printer"] {
        let is = |state: &'static str| move |event: &Value| event["device"] == device && event["state"] == state;
        assert!(events(unplugged).iter().any(is("offline")), "nobody heard that {device} was unplugged:\n{all}");
        assert!(events(after).iter().any(is("ready")), "nobody heard that {device} is back:\n{all}");
    }
    weighs(after, "scale", 2500);
    scans(after, "scanner", "]E0", "4012345678901");
    scans(after, "wedge", "]E0", "5901234123457");
    scans(after, "acm", "]E4", "40170725");
    // Half a code is nobody's.
    let codes = events(&all).iter().filter(|event| event["event"] == "scan").count();
    assert_eq!(codes, 6, "{all}");

    // The adapter goes while its scale is asked, and comes back at another port.
    guest.hears_after("device_del ftdi", |event| event["device"] == "ftdi" && event["state"] == "offline");
    let plugged = Instant::now();
    guest.hears_after("device_add usb-serial,chardev=ftdi,id=ftdi,bus=usb.0,port=3", |event| {
        event["device"] == "ftdi" && event["state"] == "ready"
    });
    eprintln!(
        "six USB devices in {:.0} s; the adapter was back {:.1} s after it was plugged in",
        began.elapsed().as_secs_f64(),
        plugged.elapsed().as_secs_f64()
    );
}

/// Builds the machine.
fn build(directory: &Path) -> Result<(), String> {
    for tool in [QEMU, "busybox", "cpio"] {
        let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).stdout(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            return Err(format!("{tool} is not installed"));
        }
    }
    let built = Command::new(root().join("tests/guest/build-usb")).arg(program("store-hub")).arg(directory).output();
    let built = built.map_err(|error| format!("tests/guest/build-usb: {error}"))?;
    if built.status.success() {
        Ok(())
    } else {
        Err(format!("tests/guest/build-usb: {}", String::from_utf8_lossy(&built.stderr).trim()))
    }
}

/// The events of the hub in the machine's output.
fn events(said: &str) -> Vec<Value> {
    said.lines().filter_map(|line| serde_json::from_str(line.trim()).ok()).collect()
}

fn weighs(said: &str, device: &str, milli: i64) {
    let is_it = |event: &Value| {
        event["device"] == device && event["event"] == "weight" && event["milli"] == milli && event["stable"] == true
    };
    assert!(events(said).iter().any(is_it), "{device} does not weigh {milli} in\n{said}");
}

fn scans(said: &str, device: &str, aim: &str, data: &str) {
    let is_it = |event: &Value| event["device"] == device && event["data"] == data && event["symbology"] == aim;
    assert_eq!(events(said).iter().filter(|event| is_it(event)).count(), 1, "{device} does not scan {data} in\n{said}");
}

/// A running machine; it is killed at the end.
struct Guest {
    child: Child,
    console: PathBuf,
    monitor: PathBuf,
}

impl Guest {
    fn start(directory: &Path, work: &Path) -> Self {
        let (console, monitor, ftdi) = (work.join("console"), work.join("monitor"), work.join("ftdi"));
        let child = Command::new(QEMU)
            .args(["-machine", "q35,accel=tcg", "-cpu", "max", "-m", "768", "-smp", "2"])
            .args(["-nodefaults", "-no-reboot", "-display", "none"])
            .arg("-serial")
            .arg(format!("file:{}", console.display()))
            .arg("-monitor")
            .arg(format!("unix:{},server=on,wait=off", monitor.display()))
            .arg("-chardev")
            .arg(format!("socket,id=ftdi,path={},server=on,wait=off", ftdi.display()))
            .args(["-device", "qemu-xhci,id=usb", "-device", "usb-serial,chardev=ftdi,id=ftdi,bus=usb.0,port=1"])
            .arg("-kernel")
            .arg(directory.join("kernel"))
            .arg("-initrd")
            .arg(directory.join("initramfs"))
            .args(["-append", "console=ttyS0 quiet panic=-1 random.trust_cpu=on"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        assert!(until(LIMIT, || ftdi.exists()), "QEMU did not start");
        thread::spawn(move || weigh(&ftdi));
        Self { child, console, monitor }
    }

    /// What was printed, and whether the machine has ended.
    fn said(&self) -> (String, bool) {
        let said = String::from_utf8_lossy(&fs::read(&self.console).unwrap_or_default()).into_owned();
        let ended = said.contains("Kernel panic");
        (said, ended)
    }

    fn waits_for(&self, text: &str) {
        let came = until(LIMIT, || {
            let (said, ended) = self.said();
            said.contains(text) || ended
        });
        let (said, ended) = self.said();
        assert!(came && !ended && said.contains(text), "`{text}` did not come:\n{said}");
    }

    /// Gives QEMU a command, and waits for an event that comes after it.
    fn hears_after(&self, command: &str, is_it: impl Fn(&Value) -> bool) {
        // The event may come before QEMU's answer.
        let known = self.said().0.len();
        self.monitor(command);
        let heard = until(LIMIT, || events(self.said().0.get(known..).unwrap_or_default()).iter().any(&is_it));
        assert!(heard, "the event did not come after {command}:\n{}", self.said().0);
    }

    fn monitor(&self, command: &str) {
        let mut monitor = UnixStream::connect(&self.monitor).unwrap();
        monitor.write_all(format!("{command}\n").as_bytes()).unwrap();
        // The answer ends with the next prompt.
        monitor.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let (mut answer, mut piece) = (Vec::new(), [0; 512]);
        while let Ok(length @ 1..) = monitor.read(&mut piece) {
            answer.extend_from_slice(&piece[..length]);
            if String::from_utf8_lossy(&answer).matches("(qemu)").count() > 1 {
                return;
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A scale with Toledo 8217 behind the adapter.
pub(crate) fn weigh(line: &Path) {
    let Ok(mut line) = UnixStream::connect(line) else { return };
    let mut byte = [0];
    while let Ok(1) = line.read(&mut byte) {
        if byte[0] & 0x7f == b'W' && line.write_all(b"\x0201.250\r").is_err() {
            return;
        }
    }
}

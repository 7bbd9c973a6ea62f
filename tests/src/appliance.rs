//! The appliance: a Debian with its own systemd in a virtual machine, whose plug is pulled.
//!
//! `tests/guest/build-appliance` builds the disk from Debian's packages. The test reaches the hub through the machine's
//! network card, and everything else by scripts that it sends to a shell in the machine. As in [`guest`](crate::guest),
//! killing QEMU loses what the guest's kernel had not written, and nothing else.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{root, shop::failed, until};

const QEMU: &str = "qemu-system-x86_64";

/// Far longer than a boot takes on a machine whose other programs take the processor.
const BOOT: Duration = Duration::from_secs(300);

/// Far longer than any script takes.
const SCRIPT: Duration = Duration::from_secs(600);

/// A machine that is switched off.
pub struct Appliance {
    directory: PathBuf,
    work: PathBuf,
    port: u16,
}

impl Appliance {
    /// Builds Debian's disk, once for all runs.
    ///
    /// # Errors
    /// A tool or package is not available.
    pub fn build() -> Result<PathBuf, String> {
        let directory = root().join("target/appliance");
        for tool in [QEMU, "mmdebstrap", "busybox", "cpio"] {
            let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).stdout(Stdio::null()).status();
            if !found.is_ok_and(|status| status.success()) {
                return Err(format!("{tool} is not installed"));
            }
        }
        let built = Command::new(root().join("tests/guest/build-appliance")).arg(&directory).output();
        let built = built.map_err(failed("tests/guest/build-appliance"))?;
        if built.status.success() {
            Ok(directory)
        } else {
            Err(format!("tests/guest/build-appliance: {}", String::from_utf8_lossy(&built.stderr).trim()))
        }
    }

    /// A machine with a disk of its own, and the files of `seed` below `/root/seed` after the first boot. Its port
    /// `port` is that of this machine.
    ///
    /// # Errors
    /// The disks can't be created.
    pub fn install(directory: &Path, seed: &Path, work: &Path, port: u16) -> Result<Self, String> {
        let run = |command: &mut Command| {
            let status = command.status().map_err(failed("make the machine's disks"))?;
            if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
        };
        let disk = directory.join("disk.img");
        run(Command::new("cp").args(["--sparse=always", "--reflink=auto"]).arg(disk).arg(work.join("disk.img")))?;
        run(Command::new("tar").arg("-cf").arg(work.join("seed.tar")).arg("-C").arg(seed).arg("."))?;
        Ok(Self { directory: directory.to_owned(), work: work.to_owned(), port })
    }

    /// The socket of the line behind the serial adapter that is plugged in.
    pub fn line(&self) -> PathBuf {
        self.work.join("line")
    }

    /// Switches it on, and waits for its shell.
    ///
    /// # Errors
    /// It does not start; the error has the end of its output.
    pub fn boot(&self) -> Result<Running, String> {
        let (console, shell, port) = (self.work.join("console"), self.work.join("shell"), self.port);
        for socket in [&shell, &self.line()] {
            let _ = fs::remove_file(socket);
        }
        let socket = |path: &Path| format!("path={},server=on,wait=off", path.display());
        let disk =
            |name: &str, mode: &str| format!("file={},if=virtio,format=raw,{mode}", self.work.join(name).display());
        let child = Command::new(QEMU)
            .args(["-machine", "q35,accel=tcg", "-cpu", "max", "-m", "1024", "-smp", "2"])
            .args(["-nodefaults", "-no-reboot", "-display", "none"])
            .arg("-serial")
            .arg(format!("file:{}", console.display()))
            .arg("-kernel")
            .arg(self.directory.join("kernel"))
            .arg("-initrd")
            .arg(self.directory.join("initramfs"))
            .args(["-append", "console=ttyS0 quiet panic=-1 random.trust_cpu=on"])
            // Cached and never flushed: this system does not fail.
            .args(["-drive", &disk("disk.img", "cache=unsafe"), "-drive", &disk("seed.tar", "readonly=on")])
            .args(["-netdev", &format!("user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:{port}")])
            .args(["-device", "virtio-net-pci,netdev=lan", "-device", "virtio-serial"])
            .args(["-chardev", &format!("socket,id=shell,{}", socket(&shell))])
            .args(["-device", "virtserialport,chardev=shell,name=shell"])
            .args(["-chardev", &format!("socket,id=line,{}", socket(&self.line()))])
            .args(["-device", "qemu-xhci,id=usb", "-device", "usb-serial,chardev=line,bus=usb.0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(failed(QEMU))?;
        let mut connected = None;
        let mut plugged = Plug(child);
        until(BOOT, || {
            connected = UnixStream::connect(&shell).ok();
            connected.is_some() || plugged.has_ended()
        });
        let connected = connected.ok_or("QEMU did not start")?;
        connected.set_read_timeout(Some(BOOT)).map_err(failed("the machine's shell"))?;
        let mut running = Running { shell: BufReader::new(connected), console, _plug: plugged };
        running.hear()?;
        running.shell.get_ref().set_read_timeout(Some(SCRIPT)).map_err(failed("the machine's shell"))?;
        Ok(running)
    }
}

/// A process of QEMU; dropping it pulls the plug.
struct Plug(Child);

impl Plug {
    fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Plug {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running machine; dropping it pulls the plug.
pub struct Running {
    shell: BufReader<UnixStream>,
    console: PathBuf,
    _plug: Plug,
}

impl Running {
    /// Runs a script as root of the machine; its output.
    ///
    /// # Errors
    /// It fails; the error has its output. Or the machine is gone; then the error has the end of the console.
    pub fn run(&mut self, script: &str) -> Result<String, String> {
        let gone = |error| format!("the machine's shell: {error}");
        self.shell.get_mut().write_all(format!("set -euo pipefail\n{script}\0").as_bytes()).map_err(gone)?;
        let (output, code) = (self.hear()?, self.hear()?);
        if code == "0" { Ok(output) } else { Err(format!("{script}\nended with {code}:\n{output}")) }
    }

    /// What the shell says next.
    fn hear(&mut self) -> Result<String, String> {
        let mut said = Vec::new();
        match self.shell.read_until(0, &mut said) {
            Ok(1..) if said.pop() == Some(0) => Ok(String::from_utf8_lossy(&said).trim().to_owned()),
            Ok(_) => Err(format!("the machine has ended:\n{}", self.last_words())),
            Err(error) => Err(format!("the machine's shell: {error}:\n{}", self.last_words())),
        }
    }

    fn last_words(&self) -> String {
        let said = fs::read(&self.console).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        let last: Vec<_> = said.lines().rev().take(30).collect();
        last.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

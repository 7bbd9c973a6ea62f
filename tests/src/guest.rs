//! Power failures with a real kernel and file system: a hub in a virtual machine that is killed.
//!
//! `tests/guest/build` builds the machine: a Debian kernel, ext4 on a virtual disk, the hub. The registers run here and
//! reach the hub through the machine's network card, so the answers are known outside. Killing QEMU loses what the
//! guest's kernel had not written: journal, delayed allocation and all. Everything it had written is in the image,
//! because this system, which survives, writes the image.
//!
//! The simulator ([`power`](crate::power)) allows more than a kernel does, but only models what it was taught. This
//! test models nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    program, root,
    shop::{LIMIT, Shop},
    until,
};

/// Bytes of the virtual disk.
const DISK: u64 = 2 * 1024 * 1024 * 1024;

/// A kernel and its initial file system.
pub struct Machine {
    directory: PathBuf,
}

impl Machine {
    /// Builds the machine, once for all runs of the same hub.
    ///
    /// # Errors
    /// A tool or package is not available.
    pub fn build() -> Result<Self, String> {
        let directory = root().join("target/guest");
        for tool in [QEMU, "mkfs.ext4", "busybox", "cpio"] {
            let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).stdout(Stdio::null()).status();
            if !found.is_ok_and(|status| status.success()) {
                return Err(format!("{tool} is not installed"));
            }
        }
        let built = Command::new(root().join("tests/guest/build")).arg(program("store-hub")).arg(&directory).output();
        let built = built.map_err(|error| format!("tests/guest/build: {error}"))?;
        if built.status.success() {
            Ok(Self { directory })
        } else {
            Err(format!("tests/guest/build: {}", String::from_utf8_lossy(&built.stderr).trim()))
        }
    }
}

const QEMU: &str = "qemu-system-x86_64";

/// A virtual machine with its own disk.
pub struct Guest<'m> {
    machine: &'m Machine,
    image: PathBuf,
    console: PathBuf,
    port: u16,
    /// The file where the store's registers read the console code.
    code: PathBuf,
}

impl<'m> Guest<'m> {
    /// Prepares a guest whose disk has a store's identity and config. `data` is the directory of the store's plan.
    ///
    /// # Errors
    /// The disk can't be created.
    pub fn install(machine: &'m Machine, shop: &Shop, data: &Path, work: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("make the guest's disk: {error}");
        let (seed, image) = (work.join("seed"), work.join("disk.img"));
        let target = seed.join("shop");
        fs::create_dir_all(&target).map_err(failed)?;
        fs::create_dir_all(data).map_err(failed)?;
        let config = fs::read_to_string(shop.directory().join("hub.toml")).map_err(failed)?;
        let config = config
            .replace(&data.display().to_string(), "/disk/data")
            .replace(&shop.directory().display().to_string(), "/disk/shop")
            .replace("127.0.0.1:", "0.0.0.0:");
        fs::write(target.join("hub.toml"), config).map_err(failed)?;
        let copied = Command::new("cp").arg("-r").arg(shop.directory().join("identity")).arg(&target).status();
        copied.map_err(failed)?;
        fs::File::create(&image).and_then(|file| file.set_len(DISK)).map_err(failed)?;
        let made = Command::new("mkfs.ext4").args(["-q", "-d"]).arg(&seed).arg(&image).output().map_err(failed)?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned());
        }
        let (console, code) = (work.join("console"), data.join("console-code"));
        Ok(Self { machine, image, console, port: shop.endpoint.address.port(), code })
    }

    /// Starts the machine and waits until its hub has started, after a check of the store if there is one. Returns the
    /// machine, and whether the check found no faults.
    ///
    /// # Errors
    /// It does not start; the error has the end of its output.
    pub fn boot(&self) -> Result<(Running, bool), String> {
        let _ = fs::remove_file(&self.console);
        let port = self.port;
        let child = Command::new(QEMU)
            .args(["-machine", "q35,accel=tcg", "-cpu", "max", "-m", "768", "-smp", "2"])
            .args(["-nodefaults", "-no-reboot", "-display", "none"])
            .arg("-serial")
            .arg(format!("file:{}", self.console.display()))
            .arg("-kernel")
            .arg(self.machine.directory.join("kernel"))
            .arg("-initrd")
            .arg(self.machine.directory.join("initramfs"))
            .args(["-append", "console=ttyS0 quiet panic=-1 random.trust_cpu=on"])
            .arg("-drive")
            // Cached and never flushed: this system does not fail.
            .arg(format!("file={},if=virtio,format=raw,cache=unsafe", self.image.display()))
            .arg("-netdev")
            .arg(format!("user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:{port}"))
            .args(["-device", "virtio-net-pci,netdev=lan"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("{QEMU}: {error}"))?;
        let mut running = Running { child };
        let mut code = None;
        until(LIMIT, || {
            code = self.said().split_once("GUEST code ").and_then(|(_, rest)| {
                let (code, _) = rest.split_once(" .")?;
                Some(code.to_owned())
            });
            code.is_some() || running.has_ended()
        });
        let code = code.ok_or_else(|| format!("the guest did not start:\n{}", self.last_words()))?;
        fs::write(&self.code, code).map_err(|error| format!("{}: {error}", self.code.display()))?;
        Ok((running, self.said().contains("GUEST whole")))
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.console).unwrap_or_default()).into_owned()
    }

    /// The end of its output.
    pub fn last_words(&self) -> String {
        let said = self.said();
        let last: Vec<_> = said.lines().rev().take(30).collect();
        last.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// A running guest; dropping it cuts its power.
pub struct Running {
    child: Child,
}

impl Running {
    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

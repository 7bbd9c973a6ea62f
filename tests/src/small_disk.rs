//! A small file system: a loop-mounted ext4. Needs root, `mkfs.ext4` and a loop device; otherwise the test is skipped
//! with a message.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A mounted file system, unmounted on drop.
pub struct SmallDisk {
    /// The mount point.
    pub path: PathBuf,
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let run = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if run.status.success() { Ok(told(&run.stdout)) } else { Err(format!("{program}: {}", told(&run.stderr))) }
}

impl SmallDisk {
    /// Creates and mounts a file system of a size, in a directory.
    ///
    /// # Errors
    /// It can't be created here; the error says why.
    pub fn mount(directory: &Path, bytes: u64) -> Result<Self, String> {
        let (image, path) = (directory.join("small.ext4"), directory.join("small"));
        let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
        fs::File::create(&image).and_then(|file| file.set_len(bytes)).map_err(failed)?;
        fs::create_dir(&path).map_err(failed)?;
        let (image, shown) = (image.display().to_string(), path.display().to_string());
        // No reserve for root: all free space is free for the hub.
        run("mkfs.ext4", &["-q", "-F", "-m", "0", &image])?;
        run("mount", &["-o", "loop", &image, &shown])?;
        Ok(Self { path })
    }

    /// The free bytes.
    ///
    /// # Errors
    /// The system can't report them.
    pub fn free(&self) -> Result<u64, String> {
        let told = run("stat", &["-f", "-c", "%a %S", &self.path.display().to_string()])?;
        let figures = told
            .split_once(' ')
            .and_then(|(blocks, size)| Some((blocks.parse::<u64>().ok()?, size.parse::<u64>().ok()?)));
        figures.map(|(blocks, size)| blocks * size).ok_or_else(|| format!("stat: {told}"))
    }

    /// Uses up all but at most this many bytes. Others write to the disk meanwhile, so a measurement may be outdated
    /// when the space is taken: then it is measured and taken again.
    ///
    /// # Errors
    /// The system refuses although there is space.
    pub fn fill(&self, leave: u64) -> Result<(), String> {
        const TRIES: usize = 100;
        let mut refused = Err("more space keeps becoming free".to_owned());
        for number in 0..TRIES {
            let Some(take) = self.free()?.checked_sub(leave).filter(|take| *take > 0) else { return Ok(()) };
            let place = self.path.join(format!("filler-{leave}-{number}"));
            refused = run("fallocate", &["--length", &take.to_string(), &place.display().to_string()]).map(|_| ());
        }
        refused
    }

    /// Frees the space again.
    ///
    /// # Errors
    /// The system refuses.
    pub fn make_room(&self) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.path.display());
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_string_lossy().starts_with("filler-") {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, so that a process left behind by a failed test does not prevent it.
        let _ = run("umount", &["-l", &self.path.display().to_string()]);
    }
}

//! `store-hub store backup` and `store-hub store restore`.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use app::maintenance::after_restore;
use store::{BackedUp, room::SpaceGuard};

use super::admin;
use crate::{clock::now_ms, config::Config};

fn failed(path: &Path) -> impl Fn(io::Error) -> String {
    let path = path.display().to_string();
    move |error| format!("{path}: {error}")
}

/// Writes a backup: through the hub if it is running, else from the store directly. The file gets its name after it has
/// been verified.
pub(super) fn back_up(config: &Config, to: &Path, json: bool) -> Result<(), String> {
    if to.exists() {
        return Err(format!("{} already exists; choose another name", to.display()));
    }
    let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = to.file_name().ok_or_else(|| format!("{} is not a file name", to.display()))?.to_string_lossy();
    let unfinished = directory.join(format!("{name}.new"));
    let written = write(config, directory, &unfinished).and_then(|done| {
        fs::rename(&unfinished, to).and_then(|()| File::open(directory)?.sync_all()).map_err(failed(to))?;
        Ok(done)
    });
    let done = written.inspect_err(|_| drop(fs::remove_file(&unfinished)))?;
    let bytes = fs::metadata(to).map_err(failed(to))?.len();
    if json {
        println!("{}", serde_json::json!({ "file": to, "bytes": bytes, "backup": done }));
    } else {
        println!(
            "{} entries and {} segments of the archive, {} MB in {} ({} MB before compression), verified.",
            done.entries,
            done.segments,
            megabytes(bytes),
            to.display(),
            megabytes(done.bytes)
        );
        if done.damaged > 0 {
            println!(
                "{} entries or segments of the store are damaged; stop the hub and run `store-hub store check`.",
                done.damaged
            );
        }
    }
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10)
}

fn write(config: &Config, directory: &Path, path: &Path) -> Result<BackedUp, String> {
    // Created anew, so that nobody else can have put a link there for the hub to follow.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(path)(error)),
        _ => {}
    }
    let file = File::options().write(true).create_new(true).mode(0o600).open(path).map_err(failed(path))?;
    let mut sparing = SpaceGuard::new(&file, directory, &config.store.data).map_err(failed(path))?;
    match admin::ask_for_backup(&config.store.data)? {
        Some(mut backup) => drop(io::copy(&mut backup, &mut sparing).map_err(failed(path))?),
        None => drop(super::open(config)?.backup(&mut sparing).map_err(|error| error.to_string())?),
    }
    file.sync_all().map_err(failed(path))?;
    let written = File::open(path).map_err(failed(path))?;
    store::backup::verify(written)
        .map_err(|error| format!("{error}; no backup was written; the hub's log may have the reason"))
}

/// Reports the progress of reading a file.
struct WithProgress<R> {
    input: R,
    read: u64,
    told: u64,
}

/// The interval of progress reports, in bytes.
const TOLD_EVERY: u64 = 64 * 1024 * 1024;

impl<R: Read> Read for WithProgress<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(bytes)?;
        self.read += length as u64;
        if self.read >= self.told + TOLD_EVERY {
            self.told = self.read;
            eprintln!("  {} MB of the backup read", self.read / 1_000_000);
        }
        Ok(length)
    }
}

/// Restores a store from a backup.
pub(super) fn restore(config: &Config, from: &Path, json: bool) -> Result<(), String> {
    let input = WithProgress { input: File::open(from).map_err(failed(from))?, read: 0, told: 0 };
    let now = u64::try_from(now_ms()).unwrap_or(0);
    let done =
        store::restore(&config.store.data, config.store.engine, input, now).map_err(|error| error.to_string())?;
    let store = super::open(config)?;
    let epoch = store.epoch();
    let doubted = after_restore(&store, now_ms()).map_err(|error| error.to_string())?;
    if json {
        println!("{}", serde_json::json!({ "epoch": epoch, "backup": done, "payments_to_decide": doubted }));
    } else {
        println!(
            "{} entries and {} segments of the archive restored into {}; epoch {epoch} begins.",
            done.entries,
            done.segments,
            config.store.data.display()
        );
        if done.damaged > 0 {
            println!("{} entries or segments were already damaged; `store-hub store check` lists them.", done.damaged);
        }
        if doubted > 0 {
            println!(
                "{doubted} card payments were in progress at the backup: decide them according to the terminals' journals."
            );
        }
        println!("Sales after the backup are at HQ and on paper, but not in this store.");
        println!("Receipt numbers continue from the backup: tell the accountant which numbers were used twice.");
    }
    Ok(())
}

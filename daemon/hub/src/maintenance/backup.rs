//! `store-hub store backup` and `store-hub store restore`.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
};

use app::maintenance::after_restore;
use store::{BackedUp, room::SpaceGuard};

use super::{admin, age};
use crate::{clock::now_ms, config::Config};

fn failed(path: &Path) -> impl Fn(io::Error) -> String {
    let path = path.display().to_string();
    move |error| format!("{path}: {error}")
}

/// Writes a backup: through the hub if it is running, else from the store directly. The file gets its name after it has
/// been verified. Without a name it is one of the nightly backups, of which the oldest are deleted.
pub(super) fn back_up(config: &Config, to: Option<&Path>, recipients: &[String], json: bool) -> Result<(), String> {
    let is_nightly = to.is_none();
    let to = to.map_or_else(|| nightly(config, now_ms(), !recipients.is_empty()), Path::to_owned);
    if to.exists() {
        return Err(format!("{} already exists; choose another name", to.display()));
    }
    let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = to.file_name().ok_or_else(|| format!("{} is not a file name", to.display()))?.to_string_lossy();
    let unfinished = directory.join(format!("{name}.new"));
    let written = write(config, directory, &unfinished, recipients).and_then(|done| {
        fs::rename(&unfinished, &to).and_then(|()| File::open(directory)?.sync_all()).map_err(failed(&to))?;
        Ok(done)
    });
    let done = written.inspect_err(|_| drop(fs::remove_file(&unfinished)))?;
    if is_nightly {
        delete_oldest(config)?;
    }
    let bytes = fs::metadata(&to).map_err(failed(&to))?.len();
    if json {
        println!("{}", serde_json::json!({ "file": to, "bytes": bytes, "backup": done }));
    } else {
        println!(
            "{} entries and {} segments of the archive, {} MB in {} ({} MB before compression), verified{}.",
            done.entries,
            done.segments,
            megabytes(bytes),
            to.display(),
            megabytes(done.bytes),
            if recipients.is_empty() { "" } else { ", encrypted" }
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

/// The name of a nightly backup: names are in the order of time.
fn nightly(config: &Config, at_ms: i64, is_encrypted: bool) -> PathBuf {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ");
    let end = if is_encrypted { ".age" } else { "" };
    config.backup.directory.join(format!("{}-{at}.backup{end}", config.store.hub))
}

/// Deletes this store's oldest nightly backups, beyond those that are kept.
fn delete_oldest(config: &Config) -> Result<(), String> {
    let directory = &config.backup.directory;
    let prefix = format!("{}-", config.store.hub);
    // As `nightly` names them: `20261128T033000Z`.
    let is_moment = |text: &str| {
        text.len() == 16
            && text.bytes().enumerate().all(|(place, byte)| match place {
                8 => byte == b'T',
                15 => byte == b'Z',
                _ => byte.is_ascii_digit(),
            })
    };
    let is_nightly = |name: &str| {
        let named = name.strip_prefix(&prefix).and_then(|rest| rest.split_once(".backup"));
        named.is_some_and(|(moment, end)| is_moment(moment) && matches!(end, "" | ".age"))
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed(directory))? {
        names.push(entry.map_err(failed(directory))?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| is_nightly(name));
    names.sort_unstable();
    let surplus = names.len().saturating_sub(config.backup.keep.into());
    for name in &names[..surplus] {
        let path = directory.join(name);
        fs::remove_file(&path).map_err(failed(&path))?;
    }
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10)
}

fn write(config: &Config, directory: &Path, path: &Path, recipients: &[String]) -> Result<BackedUp, String> {
    // A new file, so that nobody can have put a link there for the hub to follow.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(path)(error)),
        _ => {}
    }
    let file = File::options().write(true).create_new(true).mode(0o600).open(path).map_err(failed(path))?;
    let guard = |out: Box<dyn Write>| SpaceGuard::new(out, directory, &config.store.data).map_err(failed(path));
    let verified = if recipients.is_empty() {
        copy(config, guard(Box::new(file.try_clone().map_err(failed(path))?))?)?;
        file.sync_all().map_err(failed(path))?;
        store::backup::verify(File::open(path).map_err(failed(path))?)
    } else {
        // Nobody here can decrypt the file, so what goes into it is verified.
        let (input, encrypting) = age::encrypt(file.try_clone().map_err(failed(path))?, recipients)?;
        let (read, write) = io::pipe().map_err(failed(path))?;
        let verifying = thread::spawn(move || store::backup::verify(read));
        let copied = copy(config, guard(Box::new(Both(input, write)))?);
        encrypting.end()?;
        copied?;
        file.sync_all().map_err(failed(path))?;
        verifying.join().map_err(|_| "verifying the backup panicked".to_owned())?
    };
    verified.map_err(|error| format!("{error}; no backup was written; the hub's log may have the reason"))
}

/// Writes a backup, and drops the writer.
fn copy(config: &Config, mut out: SpaceGuard<Box<dyn Write>>) -> Result<(), String> {
    match admin::ask_for_backup(&config.store.data)? {
        Some(mut backup) => io::copy(&mut backup, &mut out).map(drop).map_err(|error| format!("the backup: {error}")),
        None => super::open(config)?.backup(&mut out).map(drop).map_err(|error| error.to_string()),
    }
}

/// Writes to both.
struct Both<A, B>(A, B);

impl<A: Write, B: Write> Write for Both<A, B> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.0.write(bytes)?;
        self.1.write_all(&bytes[..length])?;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        self.1.flush()
    }
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
pub(super) fn restore(config: &Config, from: &Path, identity: Option<&Path>, json: bool) -> Result<(), String> {
    let file = File::open(from).map_err(failed(from))?;
    let input: Box<dyn Read> = match identity {
        None => Box::new(file),
        Some(identity) => Box::new(age::decrypt(file, identity)?),
    };
    let input = WithProgress { input, read: 0, told: 0 };
    let now = u64::try_from(now_ms()).unwrap_or(0);
    let done = store::restore(&config.store.data, config.medium()?, input, now).map_err(|error| error.to_string())?;
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
                "Card payments in progress at the backup: {doubted}. Decide them according to the terminals' journals."
            );
        }
        println!("Sales after the backup are at HQ and on paper, but not in this store.");
        println!("Receipt numbers continue from the backup: tell the accountant which numbers were used twice.");
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! The back door of a running hub: a Unix socket in the data directory, for whoever may read that directory. It hands
//! out backups.
//!
//! ```text
//! asker: "backup\n"        hub: "ok\n", then the bytes of the backup; or "no: WHY\n"
//! ```
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the asker goes away, or does not read for [`PATIENCE`] | the backup is given up; the store sells on |
//! | the hub is stopped meanwhile | it does not wait: the bytes end without the backup's end |
//! | the backup fails half-way | the bytes end without the backup's end: the asker refuses it |
//! | the hub was killed and its socket is left | nobody answers; the next hub removes it |

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use store::Store;
use tokio::net::UnixListener;

/// How long the other end may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// Askers served at once.
const ASKERS: usize = 4;

/// The longest line asked or answered.
const LINE: u64 = 400;

fn path(data: &Path) -> PathBuf {
    data.join("hub.sock")
}

/// Opens the door of a hub.
///
/// # Errors
/// The socket can't be made; the hub sells all the same.
pub(crate) fn open(store: &Arc<Store>, data: &Path) -> io::Result<()> {
    let path = path(data);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    let room = Arc::new(tokio::sync::Semaphore::new(ASKERS));
    let store = Arc::clone(store);
    tokio::spawn(async move {
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let store = Arc::clone(&store);
            tokio::task::spawn_blocking(move || {
                let _place = place;
                let served = stream.into_std().and_then(|stream| serve(&store, stream));
                if let Err(error) = served {
                    tracing::warn!(%error, "an asker at the back door was not served to the end");
                }
            });
        }
    });
    Ok(())
}

fn serve(store: &Store, mut stream: UnixStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut asked = String::new();
    BufReader::new((&stream).take(LINE)).read_line(&mut asked)?;
    match asked.trim_end() {
        "backup" => {
            let mut answer = Answer { stream: &stream, is_begun: false };
            match store.backup(&mut answer) {
                Ok(done) => {
                    tracing::info!(entries = done.entries, segments = done.segments, "a backup was written");
                    Ok(())
                }
                Err(error) if answer.is_begun => Err(io::Error::other(error.to_string())),
                Err(error) => writeln!(stream, "no: {error}"),
            }
        }
        other => writeln!(stream, "no: `{}` is not understood; ask for `backup`", other.escape_debug()),
    }
}

/// An answer that says "ok" once there is something of it.
struct Answer<'s> {
    stream: &'s UnixStream,
    is_begun: bool,
}

impl Write for Answer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_begun {
            self.stream.write_all(b"ok\n")?;
            self.is_begun = true;
        }
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Asks the hub of a data directory for a backup; `None` if no hub runs there.
pub(super) fn ask_for_backup(data: &Path) -> Result<Option<impl Read>, String> {
    let path = path(data);
    let failed = |error: io::Error| format!("the hub's socket {}: {error}", path.display());
    let mut stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        // Also where the path is too long for a socket: a hub that runs has the store's lock.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::InvalidInput
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.write_all(b"backup\n").map_err(failed)?;
    let mut answer = BufReader::new(stream);
    let mut line = String::new();
    answer.by_ref().take(LINE).read_line(&mut line).map_err(failed)?;
    if line == "ok\n" { Ok(Some(answer)) } else { Err(format!("the hub writes no backup: {}", line.trim_end())) }
}

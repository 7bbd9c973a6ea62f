//! A pseudo-terminal: a serial line in software.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};
use tokio::net::unix::pipe;

/// The device's end of a serial line; the driver opens the other end by [`path`](Self::path). Dropping it unplugs the
/// device.
pub struct Pty {
    reader: pipe::Receiver,
    writer: pipe::Sender,
    /// The other end, kept open so that the line does not hang up while the driver has it closed.
    _far: File,
    path: PathBuf,
    link: Option<PathBuf>,
}

impl Pty {
    /// Opens a line. `link` is a symbolic link with a stable name, as udev makes for real devices.
    ///
    /// # Errors
    /// The system has no pseudo-terminal, or the link can't be made.
    pub fn open(link: Option<&Path>) -> io::Result<Self> {
        let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&near)?;
        unlockpt(&near)?;
        let path = PathBuf::from(String::from_utf8_lossy(ptsname(&near, Vec::new())?.as_bytes()).into_owned());
        let far = File::options().read(true).write(true).open(&path)?;
        // Raw from the start: an echo or a translated CR before the driver configures the line would be a byte that no
        // device sends.
        let mut raw = tcgetattr(&far)?;
        raw.make_raw();
        tcsetattr(&far, OptionalActions::Now, &raw)?;
        fcntl_setfl(&near, fcntl_getfl(&near)? | OFlags::NONBLOCK)?;
        let link = match link {
            Some(link) => {
                if link.is_symlink() {
                    std::fs::remove_file(link)?;
                }
                std::os::unix::fs::symlink(&path, link)?;
                Some(link.to_owned())
            }
            None => None,
        };
        let near = File::from(near);
        let writer = pipe::Sender::from_file_unchecked(near.try_clone()?)?;
        Ok(Self { reader: pipe::Receiver::from_file_unchecked(near)?, writer, _far: far, path, link })
    }

    /// The driver's path of the line.
    pub fn path(&self) -> &Path {
        self.link.as_deref().unwrap_or(&self.path)
    }

    /// Reads at least one byte from the driver.
    ///
    /// # Errors
    /// The line is closed.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.reader.readable().await?;
            match self.reader.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    /// Sends to the driver.
    ///
    /// # Errors
    /// The line is closed.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.writer.writable().await?;
            match self.writer.try_write(bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            let _ = std::fs::remove_file(link);
        }
    }
}

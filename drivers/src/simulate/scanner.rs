//! A scanner on a pseudo-terminal.

use std::{
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use super::pty::Pty;

/// A simulated scanner.
pub struct SimulatedScanner {
    path: PathBuf,
    link: Option<PathBuf>,
    pty: Option<Pty>,
}

impl SimulatedScanner {
    /// Plugs in a scanner.
    ///
    /// # Errors
    /// The system has no pseudo-terminal.
    pub fn open(link: Option<&Path>) -> io::Result<Self> {
        let mut scanner = Self { path: PathBuf::new(), link: link.map(Path::to_owned), pty: None };
        scanner.plug()?;
        Ok(scanner)
    }

    /// The driver's path of the scanner.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Scans a code; returns the time when its last byte was sent.
    ///
    /// # Errors
    /// It is unplugged.
    pub async fn scan(&self, aim: &str, data: &str) -> io::Result<Instant> {
        self.send(format!("{aim}{data}\r").as_bytes()).await
    }

    /// Sends any bytes, such as line noise or half a code.
    ///
    /// # Errors
    /// It is unplugged.
    pub async fn send(&self, bytes: &[u8]) -> io::Result<Instant> {
        let pty = self.pty.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        pty.write_all(bytes).await?;
        Ok(Instant::now())
    }

    /// Unplugs it.
    pub fn unplug(&mut self) {
        self.pty = None;
    }

    /// Plugs it in again, under the same name if it has a link.
    ///
    /// # Errors
    /// The system has no pseudo-terminal.
    pub fn plug(&mut self) -> io::Result<()> {
        let pty = Pty::open(self.link.as_deref())?;
        self.path = pty.path().to_owned();
        self.pty = Some(pty);
        Ok(())
    }
}

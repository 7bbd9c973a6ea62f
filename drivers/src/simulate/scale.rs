//! A scale that speaks Toledo 8217 on a pseudo-terminal.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::task::JoinHandle;

use super::pty::Pty;

/// The plate and its faults.
#[derive(Clone, Copy, Default)]
struct Plate {
    milli: u32,
    moving: bool,
    over: bool,
    silent: bool,
    garbage: bool,
}

/// A simulated scale.
pub struct SimulatedScale {
    path: PathBuf,
    link: Option<PathBuf>,
    plate: Arc<Mutex<Plate>>,
    task: Option<JoinHandle<()>>,
}

impl SimulatedScale {
    /// Plugs in a scale.
    ///
    /// # Errors
    /// The system has no pseudo-terminal.
    pub fn open(link: Option<&Path>) -> io::Result<Self> {
        let mut scale =
            Self { path: PathBuf::new(), link: link.map(Path::to_owned), plate: Arc::default(), task: None };
        scale.plug()?;
        Ok(scale)
    }

    /// The driver's path of the scale.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts thousandths of the scale's unit on the plate; zero clears it.
    pub fn put(&self, milli: u32) {
        self.plate().milli = milli;
    }

    /// Moves the plate.
    pub fn moving(&self, on: bool) {
        self.plate().moving = on;
    }

    /// Overloads the plate.
    pub fn over_capacity(&self, on: bool) {
        self.plate().over = on;
    }

    /// Stops answering.
    pub fn silent(&self, on: bool) {
        self.plate().silent = on;
    }

    /// Answers with garbage.
    pub fn garbage(&self, on: bool) {
        self.plate().garbage = on;
    }

    /// Unplugs it.
    pub fn unplug(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }

    /// Plugs it in again, under the same name if it has a link.
    ///
    /// # Errors
    /// The system has no pseudo-terminal.
    pub fn plug(&mut self) -> io::Result<()> {
        let pty = Pty::open(self.link.as_deref())?;
        self.path = pty.path().to_owned();
        let plate = Arc::clone(&self.plate);
        self.task = Some(tokio::spawn(async move {
            let mut buffer = [0; 64];
            while let Ok(length) = pty.read(&mut buffer).await {
                for command in &buffer[..length] {
                    let now = *plate.lock().unwrap_or_else(PoisonError::into_inner);
                    if pty.write_all(&answer(*command, now)).await.is_err() {
                        return;
                    }
                }
            }
        }));
        Ok(())
    }

    fn plate(&self) -> MutexGuard<'_, Plate> {
        self.plate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SimulatedScale {
    fn drop(&mut self) {
        self.unplug();
    }
}

fn answer(command: u8, plate: Plate) -> Vec<u8> {
    match (command, plate) {
        (_, Plate { silent: true, .. }) => vec![],
        (_, Plate { garbage: true, .. }) => b"\x02~!@#\r".to_vec(),
        (b'W', Plate { over: true, .. }) => b"\x02?\x42\r".to_vec(),
        (b'W', Plate { moving: true, .. }) => b"\x02?\x41\r".to_vec(),
        (b'W', Plate { milli, .. }) => format!("\x02{:02}.{:03}\r", milli / 1000, milli % 1000).into_bytes(),
        _ => b"\x02?\x40\r".to_vec(),
    }
}

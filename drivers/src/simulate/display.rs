//! A customer display with Epson's command set.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::task::JoinHandle;

use super::line::{Line, Place, Port};
use crate::transport::Address;

/// A simulated display of two lines of 20 characters.
pub struct SimulatedDisplay {
    address: Address,
    screen: Arc<Mutex<Screen>>,
    task: JoinHandle<()>,
}

struct Screen {
    lines: [[u8; 20]; 2],
    column: usize,
    row: usize,
    /// A command that is not complete.
    command: Vec<u8>,
}

impl Default for Screen {
    fn default() -> Self {
        Self { lines: [[b' '; 20]; 2], column: 0, row: 0, command: Vec::new() }
    }
}

impl SimulatedDisplay {
    /// Plugs in a display.
    ///
    /// # Errors
    /// The place can't be opened.
    pub fn open(place: &Place) -> io::Result<Self> {
        let (port, _) = Port::open(place)?;
        let (address, screen) = (port.address()?, Arc::<Mutex<Screen>>::default());
        let shown = Arc::clone(&screen);
        let task = tokio::spawn(async move {
            while let Ok(line) = port.accept().await {
                let _ = serve(line, &shown).await;
                if !port.has_connections() {
                    return;
                }
            }
        });
        Ok(Self { address, screen, task })
    }

    /// The address for the driver's config.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The two lines without the spaces around them.
    pub fn shown(&self) -> [String; 2] {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        screen.lines.map(|line| String::from_utf8_lossy(&line).trim().to_owned())
    }
}

impl Drop for SimulatedDisplay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut line: Line<'_>, screen: &Mutex<Screen>) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        let length = line.read(&mut buffer).await?;
        let mut screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
        buffer[..length].iter().for_each(|byte| screen.push(*byte));
    }
}

impl Screen {
    fn push(&mut self, byte: u8) {
        self.command.push(byte);
        match self.command.as_slice() {
            [0x0c] | [0x1b, b'@'] => *self = Self::default(),
            [0x1b, b't', _] => self.command.clear(),
            [0x1f, b'$', column, row] => {
                (self.column, self.row) = (usize::from(*column).saturating_sub(1), usize::from(*row).saturating_sub(1));
                self.command.clear();
            }
            [0x1b | 0x1f] | [0x1b, b't'] | [0x1f, b'$'] | [0x1f, b'$', _] => {}
            _ => {
                if let Some(place) = self.lines.get_mut(self.row).and_then(|line| line.get_mut(self.column)) {
                    *place = byte;
                }
                self.column += 1;
                self.command.clear();
            }
        }
    }
}

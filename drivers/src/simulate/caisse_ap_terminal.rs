//! A card terminal that speaks Caisse-AP on TCP: one request per connection.

use std::{
    fmt::Write as _,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::BookedState;

#[derive(Default)]
struct State {
    books: Vec<(u64, BookedState)>,
    decline_next: Option<String>,
    lose_answer: bool,
}

/// A simulated terminal.
pub struct SimulatedCaisseApTerminal {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl SimulatedCaisseApTerminal {
    /// Starts a terminal, on a free port if the port is 0.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = serve(stream, &shared).await;
            }
        });
        Ok(Self { address, state, task })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The books: minor units and the state of each transaction.
    pub fn books(&self) -> Vec<(u64, BookedState)> {
        self.state().books.clone()
    }

    /// Declines the next payment with this reason.
    pub fn decline_next(&self, reason: &str) {
        self.state().decline_next = Some(reason.to_owned());
    }

    /// Books the next transaction, and hangs up without an answer.
    pub fn lose_answer(&self) {
        self.state().lose_answer = true;
    }
}

impl Drop for SimulatedCaisseApTerminal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut text = String::new();
    let (mut action, mut amount) = (None, None);
    while action.is_none() || amount.is_none() {
        let mut buffer = [0; 256];
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            length => text.push_str(&String::from_utf8_lossy(&buffer[..length])),
        }
        let mut place = 0;
        while let Some(length) = text.get(place + 2..place + 5).and_then(|length| length.parse::<usize>().ok()) {
            let Some(value) = text.get(place + 5..place + 5 + length) else { break };
            match text.get(place..place + 2) {
                Some("CD") => action = Some(value.to_owned()),
                Some("CB") => amount = value.parse::<u64>().ok(),
                _ => {}
            }
            place += 5 + length;
        }
    }
    let (action, amount) = (action.unwrap_or_default(), amount.unwrap_or_default());
    let (answer, is_lost) = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_lost = std::mem::take(&mut state.lose_answer);
        let mut answer = String::from("CZ0040300");
        match (state.decline_next.take(), action.as_str()) {
            (Some(reason), _) => {
                let _ = write!(answer, "AE00201AF{:03}{reason}", reason.len());
            }
            (None, "2") => match state.books.last_mut() {
                Some((_, booked @ BookedState::Charged)) => {
                    *booked = BookedState::Reversed;
                    answer.push_str("AE00210");
                }
                _ => answer.push_str("AE00201AF00212"),
            },
            (None, action) => {
                let booked = if action == "1" { BookedState::Refund } else { BookedState::Charged };
                state.books.push((amount, booked));
                let digits = amount.to_string();
                // A terminal that sends the whole number, and the expiry.
                let _ = write!(
                    answer,
                    "CB{:03}{digits}AE00210CC00300BAA0164761739001010119AB0042812AC006A1B2C3",
                    digits.len()
                );
            }
        }
        (answer, is_lost)
    };
    if !is_lost {
        stream.write_all(answer.as_bytes()).await?;
    }
    stream.shutdown().await
}

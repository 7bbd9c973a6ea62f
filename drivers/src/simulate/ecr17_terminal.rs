//! A card terminal that speaks ECR17 on TCP, with books that outlive its connections.

use std::{
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

/// A point where the link can be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ecr17Point {
    /// The request arrived; nothing was sent.
    Requested,
    /// It was acknowledged.
    Acknowledged,
    /// It is booked; the answer was not sent.
    Booked,
    /// The answer was sent.
    Answered,
}

impl Ecr17Point {
    /// All points in order.
    pub const ALL: [Self; 4] = [Self::Requested, Self::Acknowledged, Self::Booked, Self::Answered];
}

#[derive(Default)]
struct State {
    books: Vec<(u64, BookedState)>,
    /// The last result, from the result code on.
    last: Option<String>,
    decline_next: bool,
    cut_at: Option<Ecr17Point>,
    refuse_next: u32,
    spoil_next: u32,
}

/// A simulated terminal with the id 12345678.
pub struct SimulatedEcr17Terminal {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl SimulatedEcr17Terminal {
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
                let _ = stream.set_nodelay(true);
                let _ = serve(stream, &shared).await;
            }
        });
        Ok(Self { address, state, task })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The books: minor units and the state of each transaction.
    pub fn books(&self) -> Vec<(u64, BookedState)> {
        self.state().books.clone()
    }

    /// Declines the next payment.
    pub fn decline_next(&self) {
        self.state().decline_next = true;
    }

    /// Cuts the link of the next payment or reversal.
    pub fn cut_at(&self, point: Ecr17Point) {
        self.state().cut_at = Some(point);
    }

    /// Refuses the next requests as damaged.
    pub fn refuse_next(&self, requests: u32) {
        self.state().refuse_next = requests;
    }

    /// Sends the next answers first with a wrong check byte.
    pub fn spoil_next(&self, answers: u32) {
        self.state().spoil_next = answers;
    }
}

impl Drop for SimulatedEcr17Terminal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn framed(payload: &str) -> Vec<u8> {
    let mut frame = vec![2];
    frame.extend(payload.bytes());
    frame.push(3);
    let mut check = 0x7f;
    for byte in payload.bytes() {
        check ^= byte;
    }
    frame.push(check);
    frame
}

fn control(byte: u8) -> [u8; 3] {
    [byte, 3, 0x7f ^ byte]
}

/// One request per connection.
async fn serve(mut stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    loop {
        let request = receive(&mut stream).await?;
        let code = request.as_bytes().get(9).copied().unwrap_or(0);
        {
            let refuses = {
                let mut state = lock(state);
                let refuses = state.refuse_next > 0;
                state.refuse_next = state.refuse_next.saturating_sub(1);
                refuses
            };
            if refuses {
                stream.write_all(&control(0x15)).await?;
                continue;
            }
        }
        let cut_at = if matches!(code, b'P' | b'S') { lock(state).cut_at.take() } else { None };
        if cut_at == Some(Ecr17Point::Requested) {
            return Ok(());
        }
        stream.write_all(&control(0x06)).await?;
        if cut_at == Some(Ecr17Point::Acknowledged) {
            return Ok(());
        }
        if code == b'P' {
            stream.write_all(b"\x01INSERIRE CARTA      \x04").await?;
        }
        let answer = answer(&mut lock(state), code, &request);
        if cut_at == Some(Ecr17Point::Booked) {
            return Ok(());
        }
        let spoils = {
            let mut state = lock(state);
            let spoils = state.spoil_next > 0;
            state.spoil_next = state.spoil_next.saturating_sub(1);
            spoils
        };
        let frame = framed(&answer);
        if spoils {
            let mut spoiled = frame.clone();
            if let Some(check) = spoiled.last_mut() {
                *check ^= 0xff;
            }
            stream.write_all(&spoiled).await?;
            // The refusal.
            stream.read_exact(&mut [0; 3]).await?;
        }
        stream.write_all(&frame).await?;
        if cut_at == Some(Ecr17Point::Answered) {
            return Ok(());
        }
        stream.read_exact(&mut [0; 3]).await?;
    }
}

async fn receive(stream: &mut TcpStream) -> io::Result<String> {
    while stream.read_u8().await? != 2 {}
    let mut payload = Vec::new();
    loop {
        match stream.read_u8().await? {
            3 => break,
            byte => payload.push(byte),
        }
    }
    stream.read_u8().await?;
    Ok(String::from_utf8_lossy(&payload).into_owned())
}

fn answer(state: &mut State, code: u8, request: &str) -> String {
    let stan = |number: usize| format!("{number:06}");
    match code {
        b's' => "123456780s000000000028112610000V1.0".into(),
        b'P' => {
            let amount = request.get(23..31).and_then(|amount| amount.parse().ok()).unwrap_or(0);
            let body = if std::mem::take(&mut state.decline_next) {
                state.books.push((0, BookedState::Reversed));
                format!("01{:<24}00000000000{}{:<11}{}000001", "CARTA RIFIUTATA", "1", "NEXI", stan(state.books.len()))
            } else {
                state.books.push((amount, BookedState::Charged));
                format!(
                    "00{:0>19}ICCA1B2C33321000{}{:<11}{}000001",
                    "4761739001010119",
                    "2",
                    "NEXI",
                    stan(state.books.len())
                )
            };
            state.last = Some(body.clone());
            format!("123456780E{body}")
        }
        b'S' => {
            let number: usize = request.get(18..24).and_then(|number| number.parse().ok()).unwrap_or(0);
            let found = number.checked_sub(1).and_then(|place| state.books.get_mut(place));
            let body = match found {
                Some((_, booked @ BookedState::Charged)) => {
                    *booked = BookedState::Reversed;
                    state.books.push((0, BookedState::Refund));
                    format!(
                        "00{:0>19}ICCA1B2C33321000{}{:<11}{}000001",
                        "4761739001010119",
                        "2",
                        "NEXI",
                        stan(state.books.len())
                    )
                }
                _ => format!("01{:<24}00000000000{}{:<11}{}000001", "STORNO NON POSSIBILE", "1", "NEXI", "000000"),
            };
            if body.starts_with("00") {
                state.last = Some(body.clone());
            }
            format!("123456780E{body}")
        }
        b'G' => {
            let none = format!("01{:<24}00000000000{}{:<11}000000000000", "NESSUNA TRANSAZIONE", "1", "");
            format!("123456780E{}", state.last.clone().unwrap_or(none))
        }
        b'C' => {
            let total: u64 =
                state.books.iter().filter(|(_, booked)| *booked == BookedState::Charged).map(|(minor, _)| minor).sum();
            format!("123456780C00{total:016}{total:016}")
        }
        _ => "123456780E01".into(),
    }
}

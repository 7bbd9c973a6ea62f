//! A label printer on TCP for ZPL, TSPL, EPL2 or CPCL. It interprets the commands independently of the drivers, draws
//! what comes out, and prints one label after the other, with the faults that a test or a person sets.
//!
//! A printer that runs out of labels, or is opened, keeps the label and prints it as a whole when that is remedied, as
//! real ones do. Switched off and on, it has forgotten everything.

mod canvas;
mod cpcl;
mod epl;
mod tspl;
mod zpl;

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinHandle,
    time::sleep,
};

use crate::bitmap::Bitmap;

/// The number of pictures kept.
const KEPT: usize = 20;

/// The most bytes of a label.
const MOST: usize = 4 << 20;

/// The language of a simulated label printer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelLanguage {
    /// ZPL II.
    #[default]
    Zpl,
    /// TSPL.
    Tspl,
    /// EPL2.
    Epl2,
    /// CPCL.
    Cpcl,
}

impl LabelLanguage {
    /// All languages.
    pub const ALL: [Self; 4] = [Self::Zpl, Self::Tspl, Self::Epl2, Self::Cpcl];

    /// The protocol's name in a config.
    pub fn protocol(self) -> &'static str {
        match self {
            Self::Zpl => "zpl",
            Self::Tspl => "tspl",
            Self::Epl2 => "epl2",
            Self::Cpcl => "cpcl",
        }
    }
}

/// A printed label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrintedLabel {
    /// The data of its barcodes; FNC1 as `[FNC1]`.
    pub barcodes: Vec<String>,
    /// The number of copies in its job.
    pub copies: u32,
    /// The label as it looks; empty for all but the latest.
    pub dots: Bitmap,
}

/// A fault that lasts until it is remedied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelFault {
    /// Out of labels.
    PaperOut,
    /// The head or the cover is open.
    HeadOpen,
    /// Out of ribbon. CPCL printers have none.
    RibbonOut,
    /// The print head is too hot, which ZPL printers alone report by name.
    HeadHot,
    /// Paused.
    Paused,
    /// It answers no status request.
    Silent,
}

#[derive(Default)]
struct State {
    language: LabelLanguage,
    printed: Vec<PrintedLabel>,
    /// Labels that are read and not printed.
    waiting: VecDeque<Label>,
    faults: Vec<LabelFault>,
    labels_left: Option<u32>,
    label_time: Duration,
}

/// A label that was read.
#[derive(Clone)]
struct Label {
    barcodes: Vec<String>,
    copies: u32,
    dots: Bitmap,
}

/// What a language makes of the first bytes of its input.
enum Step {
    /// More bytes are needed.
    Incomplete,
    /// This many bytes had no effect outside of the label.
    Skip(usize),
    /// This many bytes were a status request.
    Status(usize),
    /// This many bytes ended a label.
    Label(usize, Label),
}

/// A language's interpreter, with what it knows of the label that it reads.
trait Interpreter: Send {
    fn step(&mut self, input: &[u8]) -> Step;
    fn status(&self, faults: &[LabelFault], waiting: u32) -> Vec<u8>;
}

fn interpreter(language: LabelLanguage) -> Box<dyn Interpreter> {
    match language {
        LabelLanguage::Zpl => Box::new(zpl::Zpl),
        LabelLanguage::Tspl => Box::<tspl::Tspl>::default(),
        LabelLanguage::Epl2 => Box::<epl::Epl>::default(),
        LabelLanguage::Cpcl => Box::<cpcl::Cpcl>::default(),
    }
}

/// A simulated label printer.
pub struct SimulatedLabelPrinter {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    wake: Arc<Notify>,
    power: Arc<Notify>,
    count: watch::Receiver<u64>,
    tasks: [JoinHandle<()>; 2],
}

impl SimulatedLabelPrinter {
    /// Starts a ZPL printer, on a free port if the port is 0.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::bind_with(address, LabelLanguage::Zpl).await
    }

    /// Starts a printer for a language.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn bind_with(address: SocketAddr, language: LabelLanguage) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (tell, count) = watch::channel(0);
        let state = Arc::new(Mutex::new(State { language, ..State::default() }));
        let (wake, power) = (Arc::<Notify>::default(), Arc::<Notify>::default());
        let (shared, woken, off) = (Arc::clone(&state), Arc::clone(&wake), Arc::clone(&power));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // One connection at a time, like print servers.
                tokio::select! {
                    _ = serve(stream, &shared, &woken) => {}
                    () = off.notified() => {}
                }
            }
        });
        let printing = tokio::spawn(print(Arc::clone(&state), Arc::clone(&wake), tell));
        Ok(Self { address, state, wake, power, count, tasks: [serving, printing] })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The printed labels, oldest first.
    pub fn printed(&self) -> Vec<PrintedLabel> {
        lock(&self.state).printed.clone()
    }

    /// The number of labels on paper, copies included, as it changes.
    pub fn count(&self) -> watch::Receiver<u64> {
        self.count.clone()
    }

    /// Sets or remedies a fault.
    pub fn fault(&self, fault: LabelFault, on: bool) {
        let mut state = lock(&self.state);
        state.faults.retain(|other| *other != fault);
        if on {
            state.faults.push(fault);
        }
        drop(state);
        self.wake.notify_waiters();
    }

    /// Its roll ends after this many more labels.
    pub fn paper_out_after(&self, labels: u32) {
        lock(&self.state).labels_left = Some(labels);
    }

    /// Takes this long for each label.
    pub fn slow(&self, time: Duration) {
        lock(&self.state).label_time = time;
    }

    /// Switches it off and on: the connection breaks, and labels that are not printed are lost.
    pub fn power_cycle(&self) {
        lock(&self.state).waiting.clear();
        self.power.notify_waiters();
    }
}

impl Drop for SimulatedLabelPrinter {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn can_print(&self) -> bool {
        self.faults.iter().all(|fault| *fault == LabelFault::Silent)
    }
}

/// Prints label by label.
async fn print(state: Arc<Mutex<State>>, wake: Arc<Notify>, count: watch::Sender<u64>) {
    loop {
        let woken = wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        let next = {
            let state = lock(&state);
            (state.can_print() && !state.waiting.is_empty()).then_some(state.label_time)
        };
        let Some(time) = next else {
            woken.await;
            continue;
        };
        sleep(time).await;
        let mut state = lock(&state);
        if !state.can_print() {
            continue;
        }
        if state.labels_left == Some(0) {
            state.labels_left = None;
            state.faults.push(LabelFault::PaperOut);
            continue;
        }
        let Some(label) = state.waiting.pop_front() else { continue };
        let printed = PrintedLabel { barcodes: label.barcodes.clone(), copies: label.copies, dots: label.dots.clone() };
        let out = u64::from(label.copies);
        state.labels_left = state.labels_left.map(|left| left.saturating_sub(label.copies));
        state.printed.push(printed);
        let old = state.printed.len().checked_sub(KEPT + 1);
        if let Some(old) = old.and_then(|old| state.printed.get_mut(old)) {
            old.dots = Bitmap::new(0, 0);
        }
        count.send_modify(|count| *count += out);
    }
}

async fn serve(mut stream: TcpStream, state: &Mutex<State>, wake: &Notify) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut interpreter = interpreter(lock(state).language);
    let mut input = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 || input.len() > MOST {
            return Ok(());
        }
        input.extend_from_slice(&buffer[..length]);
        let mut used = 0;
        loop {
            match interpreter.step(&input[used..]) {
                Step::Incomplete => break,
                Step::Skip(length) => used += length,
                Step::Status(length) => {
                    used += length;
                    let answer = {
                        let state = lock(state);
                        let waiting = state.waiting.iter().map(|label| label.copies).sum();
                        let is_silent = state.faults.contains(&LabelFault::Silent);
                        (!is_silent).then(|| interpreter.status(&state.faults, waiting))
                    };
                    if let Some(answer) = answer {
                        stream.write_all(&answer).await?;
                    }
                }
                Step::Label(length, label) => {
                    used += length;
                    lock(state).waiting.push_back(label);
                    wake.notify_waiters();
                }
            }
        }
        input.drain(..used);
    }
}

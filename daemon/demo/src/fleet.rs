//! The traffic of a fleet of hubs: each uses the protocol over its own connection to mosquitto, and HQ's workers are
//! processes that write to one database.
//!
//! First each hub sends single sales at the rate of its store's busiest hour, then the next sale as soon as HQ has
//! acknowledged the one before, then a backlog in full batches. Hubs, broker, workers and database share the machine,
//! so compare the results with each other, not with a data centre.

use std::{
    pin::Pin,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use contract::{
    Acknowledgement, Batch, Epoch, Event, Hello, HubId, Packed, Sequence, Stream, StreamSpan, Wire, sale, topic,
};
use link::{Broker, BrokerAddress, Ends, Incoming, Link, Message, connect};
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};

/// The interval of a store's sales in its busiest hour: an eighth of the 2,000 of a day.
const APART: Duration = Duration::from_millis(3_600_000 / 250);

/// Events of a full batch.
const FULL: u64 = 200;

/// The time after which a hub repeats an unacknowledged batch, as a real one does.
const STALLED: Duration = Duration::from_secs(3);

/// The time limit for HQ to acknowledge the first message of every hub.
const GREETED: Duration = Duration::from_mins(3);

/// Measure HQ with the traffic of a fleet. Needs a broker that allows 1,000 messages in flight, and an empty PostgreSQL
/// database; tests/with-postgres starts one
#[derive(clap::Args)]
pub struct Arguments {
    /// The broker, such as mqtt://127.0.0.1:18830
    #[arg(long)]
    broker: BrokerAddress,
    /// An empty database of PostgreSQL
    #[arg(long)]
    ledger: String,
    /// Number of hubs
    #[arg(long, default_value_t = 5_000)]
    hubs: usize,
    /// Number of HQ's workers
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// What the hubs do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Rest,
    /// Single sales, at the rate of the busiest hour.
    Pace,
    /// Single sales, each as soon as the one before is acknowledged.
    Rush,
    /// Full batches.
    Drain,
}

/// The counters of all hubs.
#[derive(Default)]
struct Counts {
    greeted: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
    sales: AtomicU64,
    again: AtomicU64,
    took: Mutex<Vec<Duration>>,
}

impl Counts {
    fn took(&self) -> MutexGuard<'_, Vec<Duration>> {
        self.took.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Workers(Vec<Child>);

impl Drop for Workers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Workers {
    fn start(arguments: &Arguments) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?.with_file_name("store-hub-hq");
        let broker = format!("mqtt://{}:{}", arguments.broker.host, arguments.broker.port);
        let start = |number| {
            let worker = format!("worker-{number}");
            let mut command = Command::new(&program);
            command.args(["ingest", "--broker", &broker, "--ledger", &arguments.ledger, "--worker", &worker]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().map_err(|error| format!("could not run {}: {error}", program.display()))
        };
        Ok(Self((1..=arguments.workers).map(start).collect::<Result<_, _>>()?))
    }
}

/// Measures, and prints the results.
///
/// # Errors
/// A worker could not be started, or HQ does not answer.
pub fn run(arguments: Arguments) -> Pin<Box<dyn Future<Output = Result<(), String>>>> {
    // A `dyn Future` for the reason given at `demo::run`.
    Box::pin(measure_all(arguments))
}

async fn measure_all(arguments: Arguments) -> Result<(), String> {
    let _workers = Workers::start(&arguments)?;
    let (tell, task) = watch::channel(Task::Rest);
    let counts = Arc::new(Counts::default());
    let began = Instant::now();
    for number in 0..arguments.hubs {
        let (broker, counts, task) = (arguments.broker.clone(), Arc::clone(&counts), task.clone());
        tokio::spawn(async move {
            // Hubs do not all connect at the same moment.
            sleep(Duration::from_millis(number as u64)).await;
            let broker = Broker { address: broker, tls: None, login: None };
            hub(number, broker, &counts, task).await;
        });
    }
    while counts.greeted.load(Ordering::Relaxed) < arguments.hubs as u64 {
        if began.elapsed() > GREETED {
            return Err(format!("HQ answered only {} hubs in time", counts.greeted.load(Ordering::Relaxed)));
        }
        sleep(Duration::from_millis(50)).await;
    }
    println!(
        "{} hubs, {} workers: all greeted after {:.1} s",
        arguments.hubs,
        arguments.workers,
        began.elapsed().as_secs_f64()
    );
    // By then the workers have divided the hubs.
    sleep(Duration::from_secs(20)).await;
    for now in [Task::Pace, Task::Rush, Task::Drain] {
        measure(now, &counts, &tell, Duration::from_secs(arguments.seconds)).await;
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // figures for people
async fn measure(task: Task, counts: &Counts, tell: &watch::Sender<Task>, span: Duration) {
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let all = || [&counts.messages, &counts.bytes, &counts.sales, &counts.again].map(of);
    counts.took().clear();
    tell.send_replace(task);
    // Every hub has begun by then.
    sleep(Duration::from_secs(2)).await;
    let (before, began) = (all(), Instant::now());
    sleep(span).await;
    let (after, took) = (all(), began.elapsed().as_secs_f64());
    tell.send_replace(Task::Rest);
    let mut each = std::mem::take(&mut *counts.took());
    each.sort_unstable();
    let ms = |share: usize| each.get(each.len() * share / 100).map_or(0.0, |took| took.as_secs_f64() * 1e3);
    let rate = |place: usize| (after[place] - before[place]) as f64 / took;
    println!(
        "  {task:?}: {:.0} sales/s in {:.0} messages/s, {:.0} KB/s up; acknowledged after {:.0} ms, p99 {:.0} ms; \
         {} repeated",
        rate(2),
        rate(0),
        rate(1) / 1e3,
        ms(50),
        ms(99),
        after[3] - before[3],
    );
    // Messages in flight arrive, and hubs that wait repeat theirs.
    sleep(Duration::from_secs(5)).await;
}

/// A hub; reconnects when it has to.
async fn hub(number: usize, broker: Broker, counts: &Counts, mut task: watch::Receiver<Task>) {
    let Ok(name) = format!("store-{number}").parse::<HubId>() else { return };
    let (mut sent, mut is_greeted) = (Sequence(0), false);
    loop {
        let ends = Ends {
            broker: broker.clone(),
            client_id: format!("hub-{name}"),
            subscribe: vec![topic::acknowledgement(&name)],
            // The client allocates this much for each connection.
            max_payload: 64 << 10,
            will: None,
        };
        let (link, mut incoming) = connect(ends);
        if matches!(incoming.recv().await, Some(Incoming::Ready)) {
            let hello = hello(&name, sent);
            // Until HQ answers; its workers may not run yet.
            let mut cursor = None;
            while cursor.is_none() && publish(&link, counts, topic::hello(&name), &hello) {
                cursor = timeout(STALLED, acknowledged(&mut incoming)).await.unwrap_or(None);
            }
            if let Some(up_to) = cursor {
                sent = up_to;
                if !std::mem::replace(&mut is_greeted, true) {
                    counts.greeted.fetch_add(1, Ordering::Relaxed);
                }
                connected(number, &name, &link, &mut incoming, counts, &mut task, &mut sent).await;
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Does the task; returns when the connection ends.
async fn connected(
    number: usize,
    name: &HubId,
    link: &Link,
    incoming: &mut tokio::sync::mpsc::Receiver<Incoming>,
    counts: &Counts,
    task: &mut watch::Receiver<Task>,
    sent: &mut Sequence,
) {
    loop {
        let now = *task.borrow_and_update();
        let events = if now == Task::Drain { FULL } else { 1 };
        match now {
            Task::Rest => {
                if task.changed().await.is_err() {
                    return;
                }
                // Spreads the stores over the interval.
                if *task.borrow() == Task::Pace {
                    sleep(APART / 1_000 * u32::try_from(number % 1_000).unwrap_or(0)).await;
                }
                continue;
            }
            Task::Pace | Task::Rush | Task::Drain => {}
        }
        let (began, batch) = (Instant::now(), batch(name, *sent, events));
        let last = Sequence(sent.0 + events);
        let mut tries = 0;
        while *sent < last {
            if !publish(link, counts, topic::stream(name, &Stream::sales()), &batch) {
                return;
            }
            counts.again.fetch_add(u64::from(tries > 0), Ordering::Relaxed);
            tries += 1;
            let Ok(heard) = timeout(STALLED, acknowledged(incoming)).await else { continue };
            let Some(up_to) = heard else { return };
            *sent = up_to;
        }
        counts.sales.fetch_add(events, Ordering::Relaxed);
        counts.took().push(began.elapsed());
        if now == Task::Pace {
            sleep_until(began + APART).await;
        }
    }
}

/// HQ's next cursor; `None` when the connection ends.
async fn acknowledged(incoming: &mut tokio::sync::mpsc::Receiver<Incoming>) -> Option<Sequence> {
    loop {
        match incoming.recv().await? {
            Incoming::Message(message) => {
                if let Ok(heard) = Acknowledgement::decode(message.content_type.as_deref(), &message.payload) {
                    return Some(heard.up_to);
                }
            }
            Incoming::Closed(_) => return None,
            Incoming::Ready | Incoming::Room => {}
        }
    }
}

/// Returns false if the connection accepts no more.
fn publish(link: &Link, counts: &Counts, topic: String, message: &impl Wire) -> bool {
    let Ok(Packed { content_type, payload }) = message.encode() else { return false };
    counts.messages.fetch_add(1, Ordering::Relaxed);
    counts.bytes.fetch_add(payload.len() as u64, Ordering::Relaxed);
    link.publish(Message::new(topic, content_type, payload)).is_ok()
}

fn hello(name: &HubId, last: Sequence) -> Hello {
    let span = StreamSpan { stream: Stream::sales(), first_kept: Sequence(1), last, known: None };
    let software = "fleet".into();
    Hello { hub: name.clone(), epoch: Epoch(1), software, streams: vec![span], connection: 1, stopped: None }
}

/// Sales of five lines each.
fn batch(name: &HubId, Sequence(after): Sequence, events: u64) -> Batch {
    let event = |sequence: u64| {
        let sku = |number: u64| (100_000 + (sequence * 7 + number * 131) % 2_000).to_string();
        let line = |number: u64| {
            json!({ "number": number, "sku": sku(number), "on_file": true, "gtin": "4006381333931",
                "description": "Cereal with honey and nuts", "quantity_milli": 1000, "unit": "each",
                "regular": 399, "net": 399 })
        };
        let moved =
            |number: u64| json!({ "sku": sku(number), "quantity_milli": 1000, "unit": "each", "from": "on_hand" });
        let body = json!({
            "sale": format!("1-{sequence}"), "register": "till-1", "receipt": sequence, "fiscal_year": 2026,
            "business_day": "2026-11-24", "sold_at_ms": 1_795_500_000_000_u64 + sequence, "currency": "USD",
            "lines": (1..=5).map(line).collect::<Vec<_>>(), "tenders": [{ "kind": "cash", "amount": 2_000 }],
            "totals": { "regular": 1_995, "discount": 0, "net": 1_995, "manufacturer_coupon": 0, "tendered": 2_000,
                "change": 5 },
            "movement": sequence, "moved": (1..=5).map(moved).collect::<Vec<_>>(),
        });
        Event {
            sequence: Sequence(sequence),
            kind: sale::COMPLETED.name().into(),
            occurred_at_ms: 1_795_500_000_000,
            body: to_raw_value(&body).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        }
    };
    let events = (after + 1..=after + events).map(event).collect();
    Batch { hub: name.clone(), epoch: Epoch(1), stream: Stream::sales(), events, link: None }
}

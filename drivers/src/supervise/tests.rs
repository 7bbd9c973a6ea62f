//! A driver that echoes bytes, on connections that break.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// Echoes one byte per job; panics on `!`.
struct Echo;

type Job = (u8, oneshot::Sender<Result<u8, String>>);

impl Abandon for Job {
    fn is_abandoned(&self) -> bool {
        self.1.is_closed()
    }
}

impl Driver for Echo {
    type Job = Job;

    async fn run(&mut self, mut wire: Box<dyn Wire>, jobs: &mut Jobs<Job>, report: &Reporter) -> String {
        report.ready();
        while let Some((byte, answer)) = jobs.next().await {
            assert_ne!(byte, b'!', "a fault on purpose");
            if let Err(error) = wire.write_all(&[byte]).await {
                return error.to_string();
            }
            match wire.read_u8().await {
                Ok(echoed) => {
                    let _ = answer.send(Ok(echoed));
                }
                Err(error) => return error.to_string(),
            }
        }
        HANDLE_DROPPED.into()
    }

    fn refuse(&mut self, (_, answer): Job, why: &str) {
        let _ = answer.send(Err(why.to_owned()));
    }
}

const LIMIT: Duration = Duration::from_secs(20);

async fn until(health: &mut watch::Receiver<Health>, wanted: impl FnMut(&Health) -> bool) -> Health {
    timeout(LIMIT, health.wait_for(wanted)).await.unwrap().unwrap().clone()
}

/// A device that echoes; each connection ends after `bytes` bytes.
async fn device(bytes: usize) -> (Address, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            for _ in 0..bytes {
                let Ok(byte) = stream.read_u8().await else { break };
                stream.write_u8(byte).await.unwrap();
            }
        }
    });
    (address, task)
}

fn begin(address: Address) -> (Handle<Job>, mpsc::UnboundedReceiver<DeviceEvent>) {
    let (tell, heard) = mpsc::unbounded_channel();
    let events: Listener = Arc::new(move |event| drop(tell.send(event)));
    (start("echo-1".parse().unwrap(), address, Echo, events), heard)
}

#[tokio::test]
async fn a_broken_wire_is_connected_again() {
    let (address, _device) = device(1).await;
    let (handle, _heard) = begin(address);
    let mut health = handle.health.clone();
    for byte in [b'a', b'b', b'c'] {
        until(&mut health, |health| *health == Health::Ready).await;
        let answer = handle.ask(LIMIT, |answer| (byte, answer)).await;
        assert_eq!(answer, Ok(Ok(byte)));
        // The device has closed the connection, which the next job notices.
        let _ = handle.ask(LIMIT, |answer| (b'x', answer)).await;
        until(&mut health, |health| *health != Health::Ready).await;
    }
}

#[tokio::test]
async fn a_panicking_driver_is_restarted_and_reported() {
    let (address, _device) = device(9).await;
    let (handle, mut heard) = begin(address);
    let mut health = handle.health.clone();
    until(&mut health, |health| *health == Health::Ready).await;
    assert_eq!(handle.ask(LIMIT, |answer| (b'!', answer)).await, Err(Unanswered::Broken));
    let reported = loop {
        if let What::Health(Health::Offline { why, .. }) = heard.recv().await.unwrap().what {
            break why;
        }
    };
    assert!(reported.contains("panicked"), "{reported}");
    until(&mut health, |health| *health == Health::Ready).await;
    assert_eq!(handle.ask(LIMIT, |answer| (b'a', answer)).await, Ok(Ok(b'a')));
}

#[tokio::test]
async fn jobs_are_refused_with_the_reason_while_a_device_is_offline() {
    let (address, device) = device(1).await;
    device.abort();
    let _ = device.await;
    let (handle, _heard) = begin(address);
    until(&mut handle.health.clone(), |health| matches!(health, Health::Offline { attempts: 2, .. })).await;
    let refused = handle.ask(LIMIT, |answer| (b'a', answer)).await.unwrap().unwrap_err();
    assert!(refused.contains("switched on") || refused.contains("connecting"), "{refused}");
}

#[tokio::test]
async fn an_abandoned_job_is_never_executed() {
    let (jobs, waiting) = mpsc::channel(4);
    let mut waiting = Jobs(waiting);
    for (byte, abandoned) in [(1, true), (2, false), (3, true)] {
        let (answer, answered) = oneshot::channel();
        jobs.try_send((byte, answer)).unwrap();
        if !abandoned {
            tokio::spawn(answered);
        }
    }
    drop(jobs);
    assert_eq!(waiting.next().await.map(|job: Job| job.0), Some(2));
    assert!(waiting.next().await.is_none());
}

#[tokio::test]
async fn a_repeated_failure_is_not_an_event() {
    let (address, device) = device(1).await;
    device.abort();
    let _ = device.await;
    let (handle, mut heard) = begin(address);
    until(&mut handle.health.clone(), |health| matches!(health, Health::Offline { attempts: 3.., .. })).await;
    drop(handle);
    let mut events = 0;
    while heard.recv().await.is_some() {
        events += 1;
    }
    assert_eq!(events, 1);
}

#[tokio::test]
async fn one_log_line_when_a_device_goes_offline_and_one_when_it_is_back() {
    let log = Log::default();
    // With one dispatcher, `tracing` asks only that of the thread that logs first: of another test, which has none.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let _guard = tracing::subscriber::set_default(log.clone());
    let (address, device) = device(9).await;
    device.abort();
    let _ = device.await;
    let (handle, _heard) = begin(address.clone());
    let mut health = handle.health.clone();
    until(&mut health, |health| matches!(health, Health::Offline { attempts: 4.., .. })).await;
    assert_eq!(log.lines(), ["offline; reconnecting"]);
    let Address::Tcp { host, port } = &address else { panic!("a TCP address") };
    let listener = TcpListener::bind((host.as_str(), *port)).await.unwrap();
    let _back = listener.accept().await.unwrap();
    timeout(LIMIT, async {
        while log.lines().len() < 2 {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(log.lines(), ["offline; reconnecting", "online again"]);
}

/// The messages in this crate's log.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<String>>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("drivers")
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Message(String);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().unwrap().push(message.0);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn pauses_grow_to_their_bound_and_have_jitter() {
    let pauses: Vec<Duration> = BACK_OFF.build().take(50).collect();
    assert_eq!(pauses.len(), 50, "it never gives up");
    assert!(pauses[0] <= Duration::from_millis(100) && pauses.iter().all(|pause| *pause <= HELD), "{pauses:?}");
    assert!(pauses[20..].iter().all(|pause| *pause >= Duration::from_millis(2_500)), "{pauses:?}");
    assert_ne!(pauses, BACK_OFF.build().take(50).collect::<Vec<_>>());
}

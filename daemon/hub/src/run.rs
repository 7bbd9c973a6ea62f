//! A hub's life: start, serve, stop. Crash, then restart, is the normal way to stop; a polite stop only saves the
//! clients a retry.

use std::{
    pin::Pin,
    sync::{Arc, mpsc::RecvTimeoutError},
    thread,
    time::Duration,
};

use app::{
    Retention,
    catalog::Catalog,
    check, hq, keeping,
    timekeeping::{self, Trust},
};
use axum::Router;
use commerce::RegisterName;
use sd_notify::NotifyState;
use store::{Depth, MostlyEmpty, Purpose, Store, StoreError, Transaction};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{broadcast, watch},
};

use crate::{
    catalog::FollowCatalog,
    clock::{Calendar, now_ms},
    config::{Config, DeviceKind},
    followers,
    hub::Hub,
    maintenance::admin,
    parts::{
        catalog::LiveCatalog,
        certificates::Certificates,
        devices::Devices,
        events,
        headquarters::Headquarters,
        printed::LastPrinted,
        registers::Registers,
        requests::Requests,
        sizes::Sizes,
        terminals::TerminalLocks,
        timekeeper::{ClockFigures, Timekeeper},
        today::Today,
    },
    payments::ResolvePayments,
    printing::PrintReceipts,
    status::{self, FollowSales},
    web::{openapi, server},
};

/// How long systemd is asked to wait on while the hub starts.
const STARTING: Duration = Duration::from_secs(60);

/// How often the hub tidies up.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// Builds a hub from its config: opens and checks the store (a damaged one still sells what does not rest on the
/// damage, and says so everywhere), starts the devices, the bridge and the followers.
///
/// # Errors
/// What can't be used, and what to do about it.
pub fn open(config: Config) -> Result<Arc<Hub>, String> {
    open_with(config, Certificates::default())
}

fn open_with(config: Config, certificates: Certificates) -> Result<Arc<Hub>, String> {
    let calendar = Calendar::new(config.time_zone()?, config.store.fiscal_year_starts.into());
    let now = now_ms();
    let born = u64::try_from(now).unwrap_or(0);
    let linked = app::linked_tables();
    let store =
        Store::open(&config.store.data, config.store.engine, &linked, born).map_err(|error| error.to_string())?;
    let latest_ms = timekeeping::latest(&store, now).map_err(|error| error.to_string())?;
    let timekeeper = Arc::new(Timekeeper::from(latest_ms));
    let now = timekeeper.read().now_ms;
    let mut faults = check::check(&store, Depth::Fast).map_err(|error| error.to_string())?.faults;
    // Before anybody asks a terminal of a moment that is past.
    off_the_runtime(|| app::maintenance::after_restore(&store, now)).map_err(|error| error.to_string())?;
    let store = Arc::new(store);
    // Before anything is written in this epoch. HQ's view of the stock is no reason not to sell.
    if let Err(error) = off_the_runtime(|| hq::open_epoch(&store, now)) {
        faults.push(format!("could not queue the opening stock for HQ; will retry at the next start: {error}"));
    }
    let mut fault = |error: StoreError| faults.push(error.to_string());
    let catalog = Catalog::read(&store, &mut fault).map_err(|error| error.to_string())?;
    let today = Today::read(&store, calendar.business_day(now), &mut fault).map_err(|error| error.to_string())?;
    for fault in &faults {
        tracing::error!(%fault, "found at the start; stop the hub and run `store-hub store check`");
    }
    let is_in_config = |name: &RegisterName| config.lane(name).is_some();
    let registers = thread::scope(|scope| {
        // It may have tokens to forget: a commit, for which no task of the runtime may wait.
        scope.spawn(|| Registers::open(&store, &config.store.data, is_in_config, now)).join()
    });
    let registers = registers.map_err(|_| "reading the registers panicked".to_owned())??;
    let events = broadcast::channel(events::EVENTS).0;
    let listeners = events.clone();
    // Nobody need listen.
    let devices = Devices::start(&config, move |event| drop(listeners.send(Arc::new(event))))?;
    let headquarters = Headquarters::start(&config, Arc::clone(&store), Arc::clone(&timekeeper), &certificates)?;
    certificates.follow();
    let terminals = config.devices_of(DeviceKind::PaymentTerminal).iter().map(|terminal| terminal.name.to_string());
    let terminals = TerminalLocks::new(terminals);
    let hub = Arc::new(Hub {
        config,
        faults,
        store,
        catalog: LiveCatalog::new(catalog),
        devices,
        registers,
        terminals,
        certificates,
        last_printed: LastPrinted::default(),
        headquarters,
        today,
        events,
        console: watch::channel("".into()).0,
        requests: Requests::default(),
        sizes: Sizes::default(),
        calendar,
        timekeeper,
    });
    follow(&hub);
    status::start(&hub);
    tidy_up(&hub);
    if let Err(error) = admin::open(&hub) {
        tracing::warn!(%error, "admin socket unavailable: no backup can be taken while the hub runs");
    }
    Ok(hub)
}

/// Starts what is driven from stored state.
fn follow(hub: &Arc<Hub>) {
    followers::start(&hub.store, FollowCatalog(Arc::clone(hub)));
    followers::start(&hub.store, FollowSales(Arc::clone(hub)));
    followers::start(&hub.store, ResolvePayments(Arc::clone(hub)));
    for printer in hub.config.devices_of(DeviceKind::ReceiptPrinter) {
        followers::start(&hub.store, PrintReceipts::new(Arc::clone(hub), printer.name.to_string()));
    }
}

/// What a process that embeds the hub adds to it.
#[derive(Default)]
pub struct Embedding {
    /// More routes.
    pub routes: Option<Box<dyn FnOnce(Arc<Hub>) -> Router + Send>>,
    /// Ends the hub when it becomes true.
    pub end: Option<watch::Receiver<bool>>,
}

/// Runs a hub until it is told to stop.
///
/// # Errors
/// It can't start, or can't listen.
pub fn run(config: Config, embedding: Embedding) -> Pin<Box<dyn Future<Output = Result<(), String>>>> {
    // As a `dyn Future` it is compiled in this crate. An `async fn` would be compiled, with all that it calls, in the
    // binary.
    Box::pin(run_to_the_end(config, embedding))
}

async fn run_to_the_end(config: Config, embedding: Embedding) -> Result<(), String> {
    let certificates = Certificates::default();
    let identity = server::tls(&config.listen, &certificates)?;
    let address = config.listen.address;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!("listen.address: can't listen on {address}: {error}; is another hub running, or the port taken?")
    })?;
    let metrics = match &config.metrics {
        Some(metrics) => Some(TcpListener::bind(metrics.address).await.map_err(|error| {
            format!("metrics.address: can't listen on {}: {error}; is the port taken?", metrics.address)
        })?),
        None => None,
    };
    let hub = starting(|| open_with(config, certificates))?;
    if let Some(listener) = metrics {
        admin::publish(&hub, listener);
    }
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    tracing::info!(%address, hub = %hub.config.store.hub, epoch = hub.store.epoch(), "ready");
    let (tell_stop, stop) = watch::channel(false);
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    watchdog(&hub);
    let more = embedding.routes.map(|routes| routes(Arc::clone(&hub)));
    let router = openapi::router(Arc::clone(&hub), more.unwrap_or_default());
    let serving = tokio::spawn(server::serve(listener, identity, router, stop));
    stopped(embedding.end).await?;
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    tracing::info!("stopping");
    let _ = tell_stop.send(true);
    serving.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// The routes of a hub, as [`run`] serves them.
pub fn router(hub: &Arc<Hub>) -> Router {
    openapi::router(Arc::clone(hub), Router::new())
}

/// Does what may take minutes (raising the format of a large store), and tells systemd that it goes on.
fn starting<T>(work: impl FnOnce() -> T) -> T {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            while wait.recv_timeout(STARTING / 3) == Err(RecvTimeoutError::Timeout) {
                let limit = u32::try_from(STARTING.as_micros()).unwrap_or(u32::MAX);
                let _ = sd_notify::notify(&[NotifyState::ExtendTimeoutUsec(limit)]);
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// Does what waits for the store's commits, which a task of the runtime may not.
fn off_the_runtime<T: Send>(work: impl FnOnce() -> Result<T, StoreError> + Send) -> Result<T, StoreError> {
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or(Err(StoreError::Panicked))
}

/// Until SIGTERM, SIGINT, or the end that was given.
async fn stopped(end: Option<watch::Receiver<bool>>) -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let ended = async {
        match end {
            Some(mut end) => drop(end.wait_for(|ended| *ended).await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = ended => Ok(()),
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(|error| error.to_string()),
    }
}

/// Forgets what is remembered no longer and archives what is old, at the start and every [`TIDY_EVERY`].
fn tidy_up(hub: &Arc<Hub>) {
    let hub = Arc::clone(hub);
    tokio::spawn(async move {
        let mut every = tokio::time::interval(TIDY_EVERY);
        loop {
            every.tick().await;
            if let Err(error) = tidy(&hub).await {
                tracing::warn!(%error, "retention run failed; will retry in an hour");
            }
        }
    });
}

/// Runs retention, but only while the clock is trusted; stores the latest trusted moment first.
async fn tidy(hub: &Arc<Hub>) -> Result<(), StoreError> {
    let reading = hub.timekeeper.read();
    if reading.trust != Trust::Trusted {
        let clock = ClockFigures::of(&hub.timekeeper, &hub.calendar);
        tracing::error!(fault = clock.fault, "retention run left out");
        return Ok(());
    }
    let now_ms = reading.now_ms;
    let latest_ms = hub.timekeeper.latest_ms();
    let keep = move |transaction: &mut Transaction<'_>| timekeeping::keep(transaction, latest_ms);
    hub.store.commit_for(Purpose::Housekeeping, keep).await?;
    let store = Arc::clone(&hub.store);
    let retention = Retention {
        now_ms,
        keep_sales_days: hub.config.store.keep_sales_days,
        has_headquarters: hub.config.headquarters.is_some(),
    };
    let tidied = tokio::task::spawn_blocking(move || keeping::tidy(&store, &retention)).await;
    ask_for_rewriting(hub).await?;
    let tidied = tidied.map_err(|_| StoreError::Panicked)??;
    if !tidied.is_empty() {
        tracing::info!(?tidied, "tidied up");
    }
    Ok(())
}

/// Has the store rewritten at the next start if most of its files is space that the engine does not give back.
async fn ask_for_rewriting(hub: &Arc<Hub>) -> Result<(), StoreError> {
    let store = Arc::clone(&hub.store);
    let empty = tokio::task::spawn_blocking(move || store.mostly_empty()).await.map_err(|_| StoreError::Panicked)??;
    let Some(MostlyEmpty { files, live }) = empty else { return Ok(()) };
    tracing::warn!(files, live, "the store's files are mostly empty; restart the hub at a quiet hour to rewrite them");
    store::ask_for_rewriting(&hub.config.store.data)
}

/// Tells systemd that the hub lives, for as long as its store commits or has stopped for good: a hub that hangs is
/// better restarted.
fn watchdog(hub: &Arc<Hub>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let hub = Arc::clone(hub);
    tokio::spawn(async move {
        let mut every = tokio::time::interval((limit / 3).max(Duration::from_millis(100)));
        loop {
            every.tick().await;
            let commits = hub.store.commit_for(Purpose::Settled, |_| Ok::<_, StoreError>(())).await.is_ok();
            // A hub whose disk failed stays up, refuses, and says why: started again by itself it would believe the
            // disk once more.
            let stopped = hub.store.stopped();
            if commits || stopped.is_some() {
                let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            }
            // For `systemctl status`.
            if let Some(why) = stopped {
                let _ = sd_notify::notify(&[NotifyState::Status(&format!("store stopped, not selling: {why}"))]);
            }
        }
    });
}

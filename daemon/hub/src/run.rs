//! The life of a hub: start, serve, stop. A crash and a restart are the normal way to stop; a graceful stop only saves
//! the clients a retry.

use std::{
    pin::Pin,
    sync::{Arc, mpsc::RecvTimeoutError},
    thread,
    time::Duration,
};

use app::{
    Retention, cash,
    catalog::Catalog,
    check, customers, hq, keeping, selling,
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
    config::{Config, DeviceKind, Templates},
    enrolment, followers,
    guide::LearnFromSales,
    hub::Hub,
    maintenance::admin,
    orders::{FollowDeadlines, FollowOrders, FollowQuotas},
    parts::{
        budget::Budget,
        catalog::LiveCatalog,
        certificates::Certificates,
        devices::Devices,
        enrolment::{Ending, EnrolmentState},
        events,
        headquarters::Headquarters,
        operators::Operators,
        prices::Prices,
        printed::LastPrinted,
        publications::Publications,
        registers::Registers,
        requests::Requests,
        sizes::Sizes,
        suggestions::Suggestions,
        terminals::TerminalLocks,
        timekeeper::{ClockFigures, Timekeeper},
        today::Today,
    },
    payments::{ReconcileTerminals, ResolvePayments},
    pricing::FollowPrices,
    printing::{PrintLabels, PrintReceipts},
    publications::{ActivatePublications, FetchPublications},
    selling::numbering,
    status::{self, FollowSales},
    web::{openapi, server},
};

/// The extension of systemd's start time-out.
const STARTING: Duration = Duration::from_secs(60);

/// The interval of retention runs.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// Builds a hub from its config: opens and checks the store (a damaged store still sells where the damage allows, and
/// reports its faults), and starts the devices, the bridge and the followers.
///
/// # Errors
/// Something can't be used; the message says what to do.
pub fn open(config: Config) -> Result<Arc<Hub>, String> {
    open_with(config, Certificates::default())
}

fn open_with(config: Config, certificates: Certificates) -> Result<Arc<Hub>, String> {
    let templates = Templates::read(config.store.label_templates.as_deref());
    let templates = templates.map_err(|why| format!("store.label_templates:\n- {why}"))?;
    let logo = config.logo()?;
    let calendar = Calendar::new(config.time_zone()?, config.store.fiscal_year_starts.into());
    let now = now_ms();
    let born = u64::try_from(now).unwrap_or(0);
    let linked = app::linked_tables();
    let medium = config.medium()?;
    let is_encrypted = medium.key.is_some();
    let store = Store::open(&config.store.data, medium, &linked, born).map_err(|error| error.to_string())?;
    let latest_ms = timekeeping::latest(&store, now).map_err(|error| error.to_string())?;
    let timekeeper = Arc::new(Timekeeper::from(latest_ms));
    let now = timekeeper.read().now_ms;
    let mut faults = check::check(&store, Depth::Fast).map_err(|error| error.to_string())?.faults;
    // Before any terminal is asked about a payment from before the restore.
    off_the_runtime(|| app::maintenance::after_restore(&store, now)).map_err(|error| error.to_string())?;
    let store = Arc::new(store);
    off_the_runtime(|| put_home(&store, &config)).map_err(|error| error.to_string())?;
    // Before anything is written in this epoch. HQ's view of the stock must not keep the hub from selling.
    if let Err(error) = off_the_runtime(|| hq::open_epoch(&store, now)) {
        faults.push(format!("could not queue the opening stock for HQ; will retry at the next start: {error}"));
    }
    if config.headquarters.is_some() {
        off_the_runtime(|| customers::begin_epoch(&store, now)).map_err(|error| error.to_string())?;
    }
    off_the_runtime(|| selling::begin_numbering(&store, config.headquarters.is_some()))
        .map_err(|error| error.to_string())?;
    let mut fault = |error: StoreError| faults.push(error.to_string());
    let catalog = Catalog::read(&store, &mut fault).map_err(|error| error.to_string())?;
    let mut told = |why: String| tracing::error!(why, "the price book is damaged");
    let prices = Prices::open(&store, &config.store.hub.to_string(), &calendar, &mut told);
    let prices = prices.map_err(|error| error.to_string())?;
    let mut fault = |error: StoreError| faults.push(error.to_string());
    let business_day = cash::date_of_sales(&store, calendar.business_day(now)).map_err(|error| error.to_string())?;
    let today = Today::read(&store, business_day, &mut fault).map_err(|error| error.to_string())?;
    for fault in &faults {
        tracing::error!(%fault, "the check at the start found a fault; stop the hub and run `store-hub store check`");
    }
    let is_in_config = |name: &RegisterName| config.lane(name).is_some();
    let registers = thread::scope(|scope| {
        // This may delete tokens in a commit, which a runtime task must not wait for.
        scope.spawn(|| Registers::open(&store, &config.store.data, is_in_config, now)).join()
    });
    let registers = registers.map_err(|_| "reading the registers panicked".to_owned())??;
    let events = broadcast::channel(events::EVENTS).0;
    let idle = Duration::from_secs(u64::from(config.operators.lock_minutes) * 60);
    let listeners = events.clone();
    // There may be no listeners.
    let devices = Devices::start(&config, move |event| drop(listeners.send(Arc::new(event))))?;
    let publications = Publications::open(&config, &store, &timekeeper, &certificates)?;
    let announcements = publications.as_ref().map(|publications| Arc::clone(&publications.announcements));
    let headquarters =
        Headquarters::start(&config, Arc::clone(&store), Arc::clone(&timekeeper), &certificates, announcements)?;
    certificates.follow();
    headquarters.follow();
    let terminals = config.devices_of(DeviceKind::PaymentTerminal).iter().map(|terminal| terminal.name.to_string());
    let terminals = TerminalLocks::new(terminals);
    let hub = Arc::new(Hub {
        config,
        is_encrypted,
        faults,
        store,
        catalog: LiveCatalog::new(catalog),
        prices,
        devices,
        registers,
        operators: Operators::new(idle),
        budget: Budget::default(),
        terminals,
        certificates,
        enrolment: EnrolmentState::default(),
        templates,
        logo,
        last_printed: LastPrinted::default(),
        publications,
        headquarters,
        today,
        events,
        console: watch::channel("".into()).0,
        requests: Requests::default(),
        suggestions: Suggestions::default(),
        sizes: Sizes::default(),
        calendar,
        timekeeper,
    });
    follow(&hub);
    numbering::start(&hub);
    status::start(&hub);
    enrolment::start(&hub);
    tidy_up(&hub);
    if let Err(error) = admin::open(&hub) {
        tracing::warn!(%error, "admin socket unavailable: no backup can be taken while the hub runs");
    }
    Ok(hub)
}

/// Stores what items of HQ, which come without a config, need to know of it.
fn put_home(store: &Store, config: &Config) -> Result<(), StoreError> {
    let (hub, currency, orders) = (config.store.hub.clone(), config.store.currency, config.orders.policy());
    let home = app::stock::Home { hub, epoch: store.epoch(), currency, orders };
    store.commit_blocking(move |transaction| app::stock::put_home(transaction, &home))
}

/// Starts the followers.
fn follow(hub: &Arc<Hub>) {
    followers::start(&hub.store, FollowCatalog(Arc::clone(hub)));
    followers::start(&hub.store, FollowPrices(Arc::clone(hub)));
    followers::start(&hub.store, FetchPublications::new(Arc::clone(hub)));
    followers::start(&hub.store, ActivatePublications::new(Arc::clone(hub)));
    followers::start(&hub.store, FollowSales(Arc::clone(hub)));
    followers::start(&hub.store, LearnFromSales::new(Arc::clone(hub)));
    followers::start(&hub.store, ResolvePayments::new(Arc::clone(hub)));
    followers::start(&hub.store, ReconcileTerminals::new(Arc::clone(hub)));
    followers::start(&hub.store, FollowOrders::new(Arc::clone(hub)));
    followers::start(&hub.store, FollowDeadlines::new(Arc::clone(hub)));
    if hub.config.headquarters.is_some() {
        followers::start(&hub.store, FollowQuotas::new(Arc::clone(hub)));
    }
    for printer in hub.config.devices_of(DeviceKind::ReceiptPrinter) {
        followers::start(&hub.store, PrintReceipts::new(Arc::clone(hub), printer.name.to_string()));
    }
    for printer in hub.config.devices_of(DeviceKind::LabelPrinter) {
        followers::start(&hub.store, PrintLabels::new(Arc::clone(hub), printer.name.to_string()));
    }
}

/// The additions of a process that embeds the hub.
#[derive(Default)]
pub struct Embedding {
    /// Additional routes.
    pub routes: Option<Box<dyn FnOnce(Arc<Hub>) -> Router + Send>>,
    /// Stops the hub when it becomes true.
    pub end: Option<watch::Receiver<bool>>,
}

/// Runs a hub until it is stopped.
///
/// # Errors
/// It can't start or can't listen.
pub fn run(config: Config, embedding: Embedding) -> Pin<Box<dyn Future<Output = Result<(), String>>>> {
    // As a `dyn Future` it is compiled in this crate. An `async fn` would be compiled in the binary, with everything
    // that it calls.
    Box::pin(run_to_the_end(config, embedding))
}

async fn run_to_the_end(config: Config, embedding: Embedding) -> Result<(), String> {
    let certificates = Certificates::default();
    let identity = server::tls(&config.listen, &certificates)?;
    let address = config.listen.address;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!(
            "listen.address: can't listen on {address}: {error}; check that no other hub is running and the port \
             is free"
        )
    })?;
    let metrics = match &config.metrics {
        Some(metrics) => Some(TcpListener::bind(metrics.address).await.map_err(|error| {
            format!("metrics.address: can't listen on {}: {error}; check that the port is free", metrics.address)
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
    let _announced = enrolment::announce(&hub.config, address);
    let mut ending = hub.enrolment.ending();
    tokio::select! {
        stopped = stopped(embedding.end) => stopped?,
        _ = ending.wait_for(Option::is_some) => {}
    }
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    tracing::info!("stopping");
    let _ = tell_stop.send(true);
    serving.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    if *ending.borrow() == Some(Ending::Wipe) {
        enrolment::wipe(&hub.config)?;
        tracing::warn!("the location is closed: wiped the keys and the data");
    }
    Ok(())
}

/// The routes of a hub, as served by [`run`].
pub fn router(hub: &Arc<Hub>) -> Router {
    openapi::router(Arc::clone(hub), Router::new())
}

/// Runs work that may take minutes (such as upgrading the format of a large store) and keeps systemd from timing out.
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

/// Runs work that waits for commits, which a runtime task must not do.
fn off_the_runtime<T: Send>(work: impl FnOnce() -> Result<T, StoreError> + Send) -> Result<T, StoreError> {
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or(Err(StoreError::Panicked))
}

/// Waits for SIGTERM, SIGINT, or the given end.
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

/// Runs retention at the start and every [`TIDY_EVERY`].
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
        tracing::error!(fault = clock.fault, "skipping the retention run");
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
        tracing::info!(?tidied, "retention run done");
    }
    Ok(())
}

/// Requests a rewrite of the store at the next start if most of its files is unused space.
async fn ask_for_rewriting(hub: &Arc<Hub>) -> Result<(), StoreError> {
    let store = Arc::clone(&hub.store);
    let empty = tokio::task::spawn_blocking(move || store.mostly_empty()).await.map_err(|_| StoreError::Panicked)??;
    let Some(MostlyEmpty { files, live }) = empty else { return Ok(()) };
    tracing::warn!(files, live, "the store's files are mostly empty; restart the hub at a quiet hour to rewrite them");
    store::ask_for_rewriting(&hub.config.store.data)
}

/// Notifies systemd's watchdog while the store commits heartbeats or has stopped for good. A hub that hangs is better
/// restarted.
fn watchdog(hub: &Arc<Hub>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let hub = Arc::clone(hub);
    tokio::spawn(async move {
        let mut every = tokio::time::interval((limit / 3).max(Duration::from_millis(100)));
        loop {
            every.tick().await;
            let commits = hub.beat().await.is_ok();
            // A hub with a failed disk keeps running, refuses requests and reports the reason. If it restarted by
            // itself, it would trust the disk again.
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

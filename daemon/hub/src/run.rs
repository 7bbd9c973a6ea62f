//! A hub's life: start, serve, stop. Crash, then restart, is the normal way to stop; a polite stop only saves the clients a retry.

use std::{
    sync::{Arc, mpsc::RecvTimeoutError},
    thread,
    time::Duration,
};

use arc_swap::ArcSwap;
use axum::Router;
use sd_notify::NotifyState;
use store::{Depth, MostlyEmpty, Purpose, Store, StoreError};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{broadcast, watch},
};

use crate::{
    api,
    catalog::Catalog,
    config::Config,
    devices::{self, Devices},
    events,
    headquarters::Headquarters,
    hub::{Hub, business_day, now_ms},
    maintenance::{self, door},
    payments::{self, Payments},
    printing::{self, Printing},
    registers::Registers,
    selling, server,
    status::{Today, history},
    stock,
};

/// How long systemd is asked to wait on while the hub starts.
const STARTING: Duration = Duration::from_secs(60);

/// How often the hub tidies up.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// Builds a hub from its config: opens and checks the store (a damaged one still sells what does not rest on the damage, and says so everywhere), starts the devices, the bridge, the printers, and resolves what was under way.
///
/// # Errors
/// What can't be used, and what to do about it.
pub fn open(config: Config) -> Result<Arc<Hub>, String> {
    let time_zone = config.time_zone()?;
    let now = now_ms();
    let born = u64::try_from(now).unwrap_or(0);
    let store = Store::open(&config.store.data, config.store.engine, &crate::LINKED, born)
        .map_err(|error| error.to_string())?;
    let mut faults = maintenance::check(&store, Depth::Fast).map_err(|error| error.to_string())?.faults;
    // Before anybody asks a terminal of a moment that is past.
    off_the_runtime(|| maintenance::conclude(&store)).map_err(|error| error.to_string())?;
    let store = Arc::new(store);
    // Before anything is written in this epoch. HQ's view of the stock is no reason not to sell.
    if let Err(error) = off_the_runtime(|| stock::open_epoch(&store, now)) {
        faults.push(format!(
            "HQ can't be told yet of the stock with which the epoch began, the next start tries again: {error}"
        ));
    }
    let mut fault = |error: StoreError| faults.push(error.to_string());
    let catalog = Catalog::read(&store, &mut fault).map_err(|error| error.to_string())?;
    let today = Today::read(&store, &business_day(now, &time_zone), &mut fault).map_err(|error| error.to_string())?;
    for fault in &faults {
        tracing::error!(%fault, "found at the start; stop the hub and run `store-hub store check`");
    }
    let registers = Registers::open(&store, &config.store.data)?;
    let (devices, heard) = Devices::start(&config)?;
    let headquarters = Headquarters::start(&config, Arc::clone(&store))?;
    let payments = Payments::new(config.payment_terminal.iter().map(|terminal| terminal.name.clone()));
    let printing = Printing::new(config.receipt_printer.iter().map(|printer| printer.name.clone()));
    let hub = Hub {
        config,
        faults,
        store,
        catalog: ArcSwap::from_pointee(catalog),
        devices,
        registers,
        payments,
        printing,
        headquarters,
        today,
        events: broadcast::channel(events::EVENTS).0,
        time_zone,
    };
    let hub = Arc::new(hub);
    devices::listen(&hub, heard);
    payments::resume(&hub).map_err(|problem| problem.detail)?;
    printing::start(&hub);
    history::start(&hub);
    tidy_up(&hub);
    if let Err(error) = door::open(&hub.store, &hub.config.store.data) {
        tracing::warn!(%error, "the back door can't be opened: no backup can be taken while the hub runs");
    }
    Ok(hub)
}

/// What a process around the hub adds to it.
#[derive(Default)]
pub struct Around {
    /// More routes.
    pub routes: Option<Box<dyn FnOnce(Arc<Hub>) -> Router + Send>>,
    /// Ends the hub when it becomes true.
    pub end: Option<watch::Receiver<bool>>,
}

/// Runs a hub until it is told to stop.
///
/// # Errors
/// It can't start, or can't listen.
pub async fn run(config: Config, around: Around) -> Result<(), String> {
    let tls = server::tls(&config.listen)?;
    let address = config.listen.address;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!("listen.address: {address} can't be listened on: {error}; is another hub running, or the port taken?")
    })?;
    let hub = starting(|| open(config))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    tracing::info!(%address, hub = %hub.config.store.hub, epoch = hub.store.epoch(), "ready");
    let (tell_stop, stop) = watch::channel(false);
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    watchdog(&hub);
    let mut router = api::router(Arc::clone(&hub));
    if let Some(routes) = around.routes {
        router = routes(Arc::clone(&hub)).merge(router);
    }
    let serving = tokio::spawn(server::serve(listener, tls, router, stop));
    stopped(around.end).await?;
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    tracing::info!("stopping");
    let _ = tell_stop.send(true);
    serving.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
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
            if let Err(error) = tidy(&hub, now_ms()).await {
                tracing::warn!(%error, "what is old stays for now");
            }
        }
    });
}

async fn tidy(hub: &Arc<Hub>, now_ms: i64) -> Result<(), StoreError> {
    // Each whatever becomes of the others.
    let answers = hub.store.forget_answers(now_ms).await;
    let samples = history::tidy(&hub.store, now_ms).await;
    let sales = selling::tidy(hub, now_ms).await;
    let ledger = stock::keeping::tidy(&hub.store, now_ms, hub.config.store.keep_sales_days).await;
    let rewriting = ask_for_rewriting(hub).await;
    let (answers, samples, (movements, of_ledger)) = (answers?, samples?, ledger?);
    rewriting?;
    let selling::Tidied { baskets, archived, given_up } = sales?;
    if answers + samples + baskets + archived + given_up + movements + of_ledger > 0 {
        tracing::info!(
            answers,
            samples,
            baskets,
            of_ledger,
            sales_archived = archived,
            movements_archived = movements,
            sales_given_up = given_up,
            "tidied up"
        );
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

/// Tells systemd that the hub lives, for as long as its store commits or has stopped for good: a hub that hangs is better restarted.
fn watchdog(hub: &Arc<Hub>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let hub = Arc::clone(hub);
    tokio::spawn(async move {
        let mut every = tokio::time::interval((limit / 3).max(Duration::from_millis(100)));
        loop {
            every.tick().await;
            let commits = hub.store.commit_for(Purpose::Settled, |_| Ok::<_, StoreError>(())).await.is_ok();
            // A hub whose disk failed stays up, refuses, and says why: started again by itself it would believe the disk once more.
            let stopped = hub.store.stopped();
            if commits || stopped.is_some() {
                let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            }
            // For `systemctl status`.
            if let Some(why) = stopped {
                let _ = sd_notify::notify(&[NotifyState::Status(&format!("sells nothing: {why}"))]);
            }
        }
    });
}

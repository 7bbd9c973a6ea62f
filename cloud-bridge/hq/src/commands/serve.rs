//! `store-hub-hq serve`

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use hq::{
    api::{self, server},
    feed::Feed,
    metrics,
    publications::{self, objects::Objects},
    webhooks::{Reach, Sender, deliver},
};
use link::Identity;
use rustls::RootCertStore;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use super::{Failure, LedgerArguments};

/// How often a renewed certificate is looked for.
const LOOK_FOR_RENEWED: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    ledger: LedgerArguments,
    /// Address and port, such as 0.0.0.0:8444.
    #[arg(long)]
    listen: SocketAddr,
    /// PEM file of the server's certificate.
    #[arg(long, requires = "key")]
    certificate: Option<PathBuf>,
    /// PEM file of its key.
    #[arg(long, requires = "certificate")]
    key: Option<PathBuf>,
    /// Serve plain HTTP on a public address; a proxy must provide TLS.
    #[arg(long, conflicts_with = "certificate")]
    plain_http: bool,
    /// Also serve metrics for the monitoring, by plain HTTP and to anybody: address and port, such as 10.0.0.7:9465.
    #[arg(long)]
    metrics: Option<SocketAddr>,
    /// Also serve published files, at /publications, and the items of stores: the directory given to `publish` as
    /// --objects. Hubs verify the files by hash and HQ's signature; anyone may read them.
    #[arg(long)]
    objects: Option<PathBuf>,
    /// Allow webhooks to addresses of this network and to plain HTTP.
    #[arg(long)]
    webhooks_anywhere: bool,
    /// PEM file of an authority that webhooks trust in addition to the system's.
    #[arg(long)]
    webhook_ca: Option<PathBuf>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Arguments(error.to_string());
    let Arguments {
        ledger,
        listen,
        certificate,
        key,
        plain_http,
        metrics: monitored,
        objects,
        webhooks_anywhere,
        webhook_ca,
    } = arguments;
    if let Some(objects) = objects.as_ref().filter(|objects| !objects.is_dir()) {
        return Err(Failure::Arguments(format!("--objects {}: no such directory", objects.display())));
    }
    let identity = certificate.zip(key).map(|(certificate, key)| Identity::open(&certificate, &key).map(Arc::new));
    let identity = identity.transpose().map_err(|error| failed(&error))?;
    if identity.is_none() && !plain_http && !listen.ip().is_loopback() {
        let why = format!("{listen} is a public address: set --certificate and --key, or --plain-http");
        return Err(Failure::Arguments(why));
    }
    let tls = identity.clone().map(server::tls).transpose().map_err(|error| failed(&error))?;
    let reach = if webhooks_anywhere { Reach::Anywhere } else { Reach::Public };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = webhook_ca {
        roots.roots.extend(link::trust::roots_from_file(&path).map_err(|error| failed(&error))?.roots);
    }
    let sender = Sender::new(reach, link::client_config(roots, None).map_err(|error| failed(&error))?);

    let ledger = ledger.open().await?;
    let database = ledger.database().clone();
    let bind = async |address: SocketAddr| {
        let listener = TcpListener::bind(address).await;
        listener.map_err(|error| failed(&format!("could not listen on {address}: {error}")))
    };
    let listener = bind(listen).await?;
    let feed = Feed::start(database.clone()).await?;
    let files = objects.as_deref().map(Objects::open).transpose().map_err(|error| failed(&error))?;
    let mut router = api::router(database.clone(), feed.clone(), reach, files);
    if let Some(objects) = objects {
        router = router.merge(publications::routes(&objects));
    }
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    tasks.spawn(api::tidy(database.clone()));
    tasks.spawn(deliver::run(database, feed, sender));
    let scheme = if tls.is_some() { "https" } else { "http" };
    eprintln!("serving {scheme}://{}; /docs shows the API", listener.local_addr()?);
    if let Some(address) = monitored {
        let listener = bind(address).await?;
        tasks.spawn(server::serve(listener, None, metrics::routes(ledger), stopped.clone()));
    }
    tasks.spawn(server::serve(listener, tls, router, stopped));
    let mut renewed = tokio::time::interval(LOOK_FOR_RENEWED);
    loop {
        tokio::select! {
            _ = renewed.tick() => if let Some(Err(why)) = identity.as_ref().map(|identity| identity.reload()) {
                tracing::warn!(%why, "could not load a renewed certificate; the old one stays in use");
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    stop.send_replace(true);
    Ok(())
}

/// `store-hub-hq openapi`
pub(crate) async fn print_document() -> Result<(), Failure> {
    let document = serde_json::to_string_pretty(&api::document().await?).map_err(std::io::Error::from)?;
    println!("{document}");
    Ok(())
}

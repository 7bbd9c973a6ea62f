//! `store-hub-hq serve`

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use hq::{
    api::{self, server},
    feed::Feed,
    publications,
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
    /// Plain HTTP on an address that others reach: something in front of it must speak TLS.
    #[arg(long, conflicts_with = "certificate")]
    plain_http: bool,
    /// Serve published files, too: the directory that `publish` was given as --objects, at /publications. Hubs check
    /// what they fetch by its hash and HQ's signature; anyone may read it.
    #[arg(long)]
    objects: Option<PathBuf>,
    /// Let webhooks go to addresses of this network, and by plain HTTP.
    #[arg(long)]
    webhooks_anywhere: bool,
    /// PEM file of an authority that webhooks trust besides those of the system.
    #[arg(long)]
    webhook_ca: Option<PathBuf>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Arguments(error.to_string());
    let Arguments { ledger, listen, certificate, key, plain_http, objects, webhooks_anywhere, webhook_ca } = arguments;
    if let Some(objects) = objects.as_ref().filter(|objects| !objects.is_dir()) {
        return Err(Failure::Arguments(format!("--objects {}: no such directory", objects.display())));
    }
    let identity = certificate.zip(key).map(|(certificate, key)| Identity::open(&certificate, &key).map(Arc::new));
    let identity = identity.transpose().map_err(|error| failed(&error))?;
    if identity.is_none() && !plain_http && !listen.ip().is_loopback() {
        let why = format!("{listen} is reached by others: name --certificate and --key, or say --plain-http");
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

    let database = ledger.open().await?.database().clone();
    let listener = TcpListener::bind(listen).await;
    let listener = listener.map_err(|error| failed(&format!("could not listen on {listen}: {error}")))?;
    let feed = Feed::start(database.clone()).await?;
    let mut router = api::router(database.clone(), feed.clone(), reach);
    if let Some(objects) = objects {
        router = router.merge(publications::routes(&objects));
    }
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    tasks.spawn(api::tidy(database.clone()));
    tasks.spawn(deliver::run(database, feed, sender));
    let scheme = if tls.is_some() { "https" } else { "http" };
    eprintln!("serving {scheme}://{}; /docs shows the API", listener.local_addr()?);
    tasks.spawn(server::serve(listener, tls, router, stopped));
    let mut renewed = tokio::time::interval(LOOK_FOR_RENEWED);
    loop {
        tokio::select! {
            _ = renewed.tick() => if let Some(Err(why)) = identity.as_ref().map(|identity| identity.reload()) {
                tracing::warn!(%why, "could not take over a renewed certificate; the former one is shown still");
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

//! `store-hub-provision serve` and `sign`

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use contract::enrolment::{CheckIn, LARGEST, Question, read};
use edge::LogLimiter;
use hq::api::server;
use link::Identity;
use provisioning::{
    enrol::Desk,
    service::{self, Service},
};
use time::OffsetDateTime;
use tokio::{net::TcpListener, sync::watch};

use super::{At, text};

/// How often the revocation list is looked at.
const LOOK_AT_LIST: Duration = Duration::from_secs(5);

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    at: At,
    /// Address and port, such as 0.0.0.0:8445
    #[arg(long)]
    listen: SocketAddr,
    /// PEM file of the service's certificate, made by `hq certificate`
    #[arg(long)]
    certificate: PathBuf,
    /// PEM file of its key
    #[arg(long)]
    key: PathBuf,
    /// Write the list of revoked certificates into this file whenever it changes
    #[arg(long)]
    revoked: Option<PathBuf>,
    /// Run this after the list has changed, so that the broker loads it, such as "systemctl restart mosquitto"
    #[arg(long, requires = "revoked")]
    tell_broker: Option<String>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), String> {
    let Arguments { at, listen, certificate, key, revoked, tell_broker } = arguments;
    let identity = Arc::new(Identity::open(&certificate, &key).map_err(text)?);
    let tls = server::tls(Arc::clone(&identity)).map_err(text)?;
    let (headquarters, ledger) = (at.headquarters()?, at.ledger().await?);
    let service =
        Arc::new(Service { ledger, headquarters, list: revoked, tell: tell_broker, limiter: LogLimiter::default() });
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("could not listen on {listen}: {error}"))?;
    eprintln!("serving enrolment on https://{}", listener.local_addr().map_err(text)?);
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(server::serve(listener, Some(tls), service::router(Arc::clone(&service)), stopped));
    let mut every = tokio::time::interval(LOOK_AT_LIST);
    let mut list = None;
    loop {
        tokio::select! {
            _ = every.tick() => {
                list = service.publish_list(list).await;
                if let Err(error) = identity.reload() {
                    tracing::warn!(%error, "could not load a renewed certificate; the old one stays in use");
                }
            }
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    stop.send_replace(true);
    serving.await.map_err(text)
}

#[derive(Args)]
pub(crate) struct Sign {
    /// The question, from `store-hub enroll --question`
    question: PathBuf,
    /// The file for the answer, for `store-hub enroll --answer`
    #[arg(short, long)]
    output: PathBuf,
    #[command(flatten)]
    at: At,
}

pub(crate) async fn sign(arguments: &Sign) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", arguments.question.display());
    if fs::metadata(&arguments.question).map_err(failed)?.len() > LARGEST as u64 {
        return Err(format!("{}: larger than {LARGEST} bytes", arguments.question.display()));
    }
    let file = fs::read_to_string(&arguments.question).map_err(failed)?;
    let question: Question = read(&file).map_err(|why| format!("{}: {why}", arguments.question.display()))?;
    let (ledger, headquarters) = (arguments.at.ledger().await?, arguments.at.headquarters()?);
    let desk = Desk { ledger: &ledger, headquarters: &headquarters, now: OffsetDateTime::now_utc() };
    let reply = match read::<CheckIn>(&question.body) {
        Ok(_) => desk.check_in(&question).await,
        Err(_) => desk.enrol(&question).await,
    };
    let reply = serde_json::to_string(&reply.map_err(text)?).map_err(text)?;
    fs::write(&arguments.output, reply).map_err(|error| format!("{}: {error}", arguments.output.display()))?;
    println!("Wrote {}; on the box: `store-hub enroll --answer FILE`.", arguments.output.display());
    Ok(())
}

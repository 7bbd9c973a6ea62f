//! The enrolment service: `store-hub-provision serve`.
//!
//! It is a program and a port of its own, beside `store-hub-hq serve`: it alone holds the issuing authority's key, and
//! the API for web shops, with its larger surface, never does. Both work on the same ledger.
//!
//! - TLS; a body of at most 256 KiB, within 10 s; a rate and a number of connections per address.
//! - `POST /enrolments`, `POST /check-ins`: a [`Question`] gets a [`Reply`](contract::enrolment::Reply), or a problem
//!   document (RFC 9457). Its `type` is `/problems/` and a name that never changes.
//! - A refusal is logged at most once a minute for each address.
//! - `GET /revoked.pem`: the list of revoked certificates. Whenever it changes, also by another program on the same
//!   ledger, it is written to a file, and a command tells the broker. A command that takes longer than a minute is
//!   ended.

use std::{
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use contract::enrolment::{LARGEST, Question, Reply};
use edge::{Connection, LogLimiter};
use hq::{Ledger, api::server, locations::Change};
use rustix::process::{Pid, Signal, kill_process_group};
use time::OffsetDateTime;
use tokio::{task::spawn_blocking, time::timeout};

use crate::{
    enrol::{Desk, Refused},
    files,
    headquarters::Headquarters,
};

/// The time limit of a body.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time limit of the command that tells the broker.
const TELLING: Duration = Duration::from_secs(60);

/// What the service works with.
pub struct Service {
    /// The ledger.
    pub ledger: Ledger,
    /// The authority.
    pub headquarters: Headquarters,
    /// Where the revocation list is written.
    pub list: Option<PathBuf>,
    /// The command, for `sh`, that tells the broker when the list changed.
    pub tell: Option<String>,
    /// Log lines that strangers cause.
    pub limiter: LogLimiter,
}

/// The routes.
pub fn router(service: Arc<Service>) -> Router {
    let router = Router::new()
        .route("/enrolments", post(enrol))
        .route("/check-ins", post(check_in))
        .route("/revoked.pem", get(revoked))
        .fallback(|| async { said(StatusCode::NOT_FOUND, "route-unknown", "the service has no such route") })
        .method_not_allowed_fallback(|| async {
            said(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "the route does not have this method")
        })
        .with_state(service);
    server::for_strangers(router, LARGEST)
}

impl Service {
    fn desk(&self) -> Desk<'_> {
        Desk { ledger: &self.ledger, headquarters: &self.headquarters, now: OffsetDateTime::now_utc() }
    }

    /// The list of revoked certificates, PEM.
    ///
    /// # Errors
    /// The ledger or the authority fails.
    pub async fn revocation_list(&self) -> Result<(Vec<String>, String), Refused> {
        let now = OffsetDateTime::now_utc();
        let mut change = Change::begin(&self.ledger).await?;
        let revoked = change.revoked(now.unix_timestamp().saturating_mul(1_000)).await?;
        drop(change);
        let list = self.headquarters.revocation_list(&revoked, now)?;
        Ok((revoked.into_iter().map(|identity| identity.serial).collect(), list))
    }

    /// Writes the revocation list if it has other certificates than `before`; returns its certificates.
    pub async fn publish_list(&self, before: Option<Vec<String>>) -> Option<Vec<String>> {
        let Some(path) = &self.list else { return before };
        let (serials, list) = match self.revocation_list().await {
            Ok(list) => list,
            Err(error) => {
                tracing::error!(%error, "could not make the revocation list; will retry");
                return before;
            }
        };
        if before.as_ref() == Some(&serials) {
            return before;
        }
        let to = path.clone();
        // The disk may take long, and boxes must be answered meanwhile.
        let written = spawn_blocking(move || files::replace(&to, list.as_bytes(), 0o644)).await;
        let written = written.map_err(|error| error.to_string());
        if let Err(error) = written.and_then(|written| written.map_err(|error| error.to_string())) {
            tracing::error!(error, "could not write the revocation list; will retry");
            return before;
        }
        tracing::info!(revoked = serials.len(), path = %path.display(), "wrote the revocation list");
        if let Some(tell) = &self.tell
            && let Err(why) = tell_broker(tell, TELLING).await
        {
            tracing::error!(tell, why, "could not tell the broker to load the revocation list: reload it by hand");
        }
        Some(serials)
    }
}

/// Runs the command that tells the broker, and ends it when it takes too long.
async fn tell_broker(tell: &str, within: Duration) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let mut command = Command::new("sh");
    // In a process group of its own, so that what the shell started can be ended with it.
    command.arg("-c").arg(tell).stdin(Stdio::null()).process_group(0);
    let mut child = command.spawn().map_err(|error| text(&error))?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let mut ended = spawn_blocking(move || child.wait());
    match timeout(within, &mut ended).await {
        Ok(Ok(Ok(status))) if status.success() => Ok(()),
        Ok(Ok(Ok(status))) => Err(status.to_string()),
        Ok(Ok(Err(error))) => Err(text(&error)),
        Ok(Err(error)) => Err(text(&error)),
        Err(_) => {
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = ended.await;
            Err(format!("it took longer than {} s", within.as_secs()))
        }
    }
}

async fn enrol(State(service): State<Arc<Service>>, request: Request) -> Response {
    let peer = peer(&request);
    let answered = match question(request).await {
        Ok(question) => service.desk().enrol(&question).await,
        Err(refused) => return refused,
    };
    service.answer("enrolment", &peer, answered)
}

async fn check_in(State(service): State<Arc<Service>>, request: Request) -> Response {
    let peer = peer(&request);
    let answered = match question(request).await {
        Ok(question) => service.desk().check_in(&question).await,
        Err(refused) => return refused,
    };
    service.answer("check-in", &peer, answered)
}

async fn revoked(State(service): State<Arc<Service>>) -> Response {
    match service.revocation_list().await {
        Ok((_, list)) => ([(header::CONTENT_TYPE, "application/x-pem-file")], list).into_response(),
        Err(refused) => problem(&refused),
    }
}

/// The origin of a request, for the log.
fn peer(request: &Request) -> String {
    request
        .extensions()
        .get()
        .map_or_else(|| "unknown".to_owned(), |connection: &Connection| connection.peer().to_string())
}

async fn question(request: Request) -> Result<Question, Response> {
    let too_large =
        || said(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", &format!("the body is larger than {LARGEST} bytes"));
    // A body that is only somewhat too large is read, so that its sender gets the answer.
    let read = timeout(PATIENCE, to_bytes(request.into_body(), 2 * LARGEST)).await;
    let bytes = match read {
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", PATIENCE.as_secs());
            return Err(said(StatusCode::REQUEST_TIMEOUT, "request-timeout", &detail));
        }
        Ok(Err(_)) => return Err(too_large()),
        Ok(Ok(bytes)) if bytes.len() > LARGEST => return Err(too_large()),
        Ok(Ok(bytes)) => bytes,
    };
    serde_json::from_slice(&bytes)
        .map_err(|error| said(StatusCode::BAD_REQUEST, "bad-request", &format!("invalid body: {error}")))
}

impl Service {
    fn answer(&self, what: &'static str, peer: &str, answered: Result<Reply, Refused>) -> Response {
        match answered {
            Ok(reply) => axum::Json(reply).into_response(),
            Err(refused) => {
                if let Some(suppressed) = self.limiter.take(peer) {
                    tracing::warn!(what, peer, %refused, suppressed, "refused");
                }
                problem(&refused)
            }
        }
    }
}

/// A refusal as a problem document.
fn problem(refused: &Refused) -> Response {
    let (status, slug) = match refused {
        Refused::Unreadable(_) => (StatusCode::BAD_REQUEST, "bad-request"),
        Refused::Request(_) => (StatusCode::BAD_REQUEST, "certificate-request-refused"),
        Refused::Claim(_) => (StatusCode::FORBIDDEN, "claim-wrong"),
        Refused::Locked(_) => (StatusCode::FORBIDDEN, "claim-locked"),
        Refused::Expired(_) => (StatusCode::FORBIDDEN, "claim-expired"),
        Refused::Used(_) => (StatusCode::CONFLICT, "claim-used"),
        Refused::Closed { .. } => (StatusCode::FORBIDDEN, "location-closed"),
        Refused::Proof(_) => (StatusCode::FORBIDDEN, "signature-wrong"),
        Refused::Revoked { .. } => (StatusCode::FORBIDDEN, "hub-revoked"),
        Refused::Cloned(_) => (StatusCode::CONFLICT, "hub-cloned"),
        Refused::OtherKey(_) => (StatusCode::FORBIDDEN, "key-changed"),
        Refused::Recovered(_) => (StatusCode::FORBIDDEN, "renewal-by-hand"),
        Refused::Ledger(_) => (StatusCode::SERVICE_UNAVAILABLE, "ledger-unavailable"),
        Refused::Signing(_) => (StatusCode::INTERNAL_SERVER_ERROR, "fault"),
    };
    said(status, slug, &refused.to_string())
}

fn said(status: StatusCode, slug: &str, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let body = serde_json::json!({
        "type": format!("/problems/{slug}"), "title": title, "status": status.as_u16(), "detail": detail
    });
    let headers: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, headers, body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use hq::database::Database;
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        sync::watch,
    };

    use super::*;
    use crate::headquarters::Settings;

    #[tokio::test]
    async fn boxes_are_answered_while_the_broker_loads_a_list() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        let settings = Settings::example();
        let headquarters = Headquarters::init(&place("authority"), &settings, OffsetDateTime::now_utc()).unwrap();
        let (list, answered, told) = (place("revoked.pem"), place("answered"), place("told"));
        // It succeeds when this thread, which is the runtime's only one, goes on meanwhile.
        let wait = format!("until [ -e '{}' ]; do sleep 0.05; done", answered.display());
        let tell = format!("timeout 30 sh -c \"{wait}\" && touch '{}'", told.display());
        let ledger = Ledger::on(Database::in_memory().await.unwrap());
        let service = Service {
            ledger,
            headquarters,
            list: Some(list.clone()),
            tell: Some(tell),
            limiter: LogLimiter::default(),
        };
        let (published, ()) = tokio::join!(service.publish_list(None), async {
            while !list.exists() {
                tokio::task::yield_now().await;
            }
            service.revocation_list().await.unwrap();
            fs::write(&answered, "").unwrap();
        });
        assert_eq!(published, Some(vec![]));
        assert!(told.exists(), "the runtime was blocked");
        assert!(fs::read_to_string(&list).unwrap().contains("X509 CRL"));
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_ended_with_what_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let pid = directory.path().join("pid");
        let tell = format!("sleep 1000 & echo $! > '{}'; wait", pid.display());
        let why = tell_broker(&tell, Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(why, "it took longer than 1 s");
        let pid: i32 = fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        // It is gone, or waits to be reaped by init.
        let is_ended = || {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        let ended = async {
            while !is_ended() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), ended).await.expect("it goes on");
        assert!(tell_broker("exit 3", Duration::from_secs(60)).await.unwrap_err().contains('3'));
        assert_eq!(tell_broker("true", Duration::from_secs(60)).await, Ok(()));
    }

    #[tokio::test]
    async fn every_refusal_is_a_problem_document_with_a_type() {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings::example();
        let authority = directory.path().join("authority");
        let headquarters = Headquarters::init(&authority, &settings, OffsetDateTime::now_utc()).unwrap();
        let ledger = Ledger::on(Database::in_memory().await.unwrap());
        let limiter = LogLimiter::default();
        let service = Arc::new(Service { ledger, headquarters, list: None, tell: None, limiter });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stop, stopped) = watch::channel(false);
        tokio::spawn(server::serve(listener, None, router(service), stopped));

        let claim = json!({ "body": json!({ "location": "store-1" }).to_string(), "proof": "00" }).to_string();
        for (request, body, status, kind) in [
            ("POST /enrolments", "{".to_owned(), 400, "bad-request"),
            ("POST /enrolments", claim, 400, "bad-request"),
            ("POST /check-ins", "x".repeat(LARGEST + 40_000), 413, "body-too-large"),
            ("GET /enrolments", String::new(), 405, "method-not-allowed"),
            ("GET /nothing", String::new(), 404, "route-unknown"),
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let length = body.len();
            let head = format!("{request} HTTP/1.1\r\nhost: hq\r\ncontent-length: {length}\r\nconnection: close\r\n");
            stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            let (head, problem) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
            assert!(head.contains("content-type: application/problem+json"), "{request}: {answer}");
            let problem: serde_json::Value = serde_json::from_str(problem).unwrap();
            assert_eq!(problem["type"], format!("/problems/{kind}"), "{request}: {answer}");
            assert_eq!((&problem["status"], problem["detail"].is_string()), (&status.into(), true));
        }
    }
}

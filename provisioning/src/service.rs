//! The enrolment service: `store-hub-provision serve`.
//!
//! It is a program and a port of its own, beside `store-hub-hq serve`: it alone holds the issuing authority's key, and
//! the API for web shops, with its larger surface, never does. Both work on the same ledger.
//!
//! - TLS; a body of at most 256 KiB, within 10 s; a rate and a number of connections per address.
//! - `POST /enrolments`, `POST /check-ins`: a [`Question`] gets a [`Reply`](contract::enrolment::Reply), or a problem
//!   document (RFC 9457).
//! - `GET /revoked.pem`: the list of revoked certificates. Whenever it changes, also by another program on the same
//!   ledger, it is written to a file, and a command tells the broker.

use std::{
    path::{Path, PathBuf},
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
use hq::{Ledger, api::server, locations::Change};
use time::OffsetDateTime;
use tokio::task::spawn_blocking;

use crate::{
    enrol::{Desk, Refused},
    files,
    headquarters::Headquarters,
};

/// The time limit of a body.
const PATIENCE: Duration = Duration::from_secs(10);

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
}

/// The routes.
pub fn router(service: Arc<Service>) -> Router {
    let router = Router::new()
        .route("/enrolments", post(enrol))
        .route("/check-ins", post(check_in))
        .route("/revoked.pem", get(revoked))
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
        let (path, tell, revoked) = (path.clone(), self.tell.clone(), serials.len());
        // The disk and the command may take long, and boxes must be answered meanwhile.
        let written = spawn_blocking(move || write_list(&path, &list, tell.as_deref(), revoked)).await;
        if let Err(error) = written.map_err(|error| error.to_string()).flatten() {
            tracing::error!(error, "could not write the revocation list; will retry");
            return before;
        }
        Some(serials)
    }
}

/// Writes the revocation list and tells the broker. Blocks.
fn write_list(path: &Path, list: &str, tell: Option<&str>, revoked: usize) -> Result<(), String> {
    files::replace(path, list.as_bytes(), 0o644).map_err(|error| error.to_string())?;
    tracing::info!(revoked, path = %path.display(), "wrote the revocation list");
    if let Some(tell) = tell {
        let done = Command::new("sh").arg("-c").arg(tell).stdin(Stdio::null()).status();
        if !done.is_ok_and(|status| status.success()) {
            tracing::error!(tell, "could not tell the broker to load the revocation list: reload it by hand");
        }
    }
    Ok(())
}

async fn enrol(State(service): State<Arc<Service>>, request: Request) -> Response {
    let question = match question(request).await {
        Ok(question) => question,
        Err(refused) => return refused,
    };
    answered("enrolment", service.desk().enrol(&question).await)
}

async fn check_in(State(service): State<Arc<Service>>, request: Request) -> Response {
    let question = match question(request).await {
        Ok(question) => question,
        Err(refused) => return refused,
    };
    answered("check-in", service.desk().check_in(&question).await)
}

async fn revoked(State(service): State<Arc<Service>>) -> Response {
    match service.revocation_list().await {
        Ok((_, list)) => ([(header::CONTENT_TYPE, "application/x-pem-file")], list).into_response(),
        Err(refused) => problem(&refused),
    }
}

async fn question(request: Request) -> Result<Question, Response> {
    let read = tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), LARGEST)).await;
    let bytes = match read {
        Err(_) => return Err(said(StatusCode::REQUEST_TIMEOUT, "the body did not arrive within 10 s")),
        Ok(Err(_)) => {
            return Err(said(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body is larger than {LARGEST} bytes")));
        }
        Ok(Ok(bytes)) => bytes,
    };
    serde_json::from_slice(&bytes).map_err(|error| said(StatusCode::BAD_REQUEST, &error.to_string()))
}

fn answered(what: &'static str, answered: Result<Reply, Refused>) -> Response {
    match answered {
        Ok(reply) => axum::Json(reply).into_response(),
        Err(refused) => {
            tracing::warn!(what, %refused, "refused");
            problem(&refused)
        }
    }
}

/// A refusal as a problem document.
fn problem(refused: &Refused) -> Response {
    let status = match refused {
        Refused::Unreadable(_) | Refused::Request(_) => StatusCode::BAD_REQUEST,
        Refused::Ledger(_) => StatusCode::SERVICE_UNAVAILABLE,
        Refused::Signing(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Refused::Used(_) | Refused::Cloned(_) => StatusCode::CONFLICT,
        _ => StatusCode::FORBIDDEN,
    };
    said(status, &refused.to_string())
}

fn said(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let body = serde_json::json!({ "title": title, "status": status.as_u16(), "detail": detail });
    let headers: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, headers, body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use hq::database::Database;

    use super::*;
    use crate::headquarters::Settings;

    #[tokio::test]
    async fn boxes_are_answered_while_the_broker_is_told_of_a_list() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        let settings = Settings {
            service: "https://hq:8445".into(),
            broker: "mqtts://hq:8883".parse().unwrap(),
            publications_key: None,
            identity_days: 90,
        };
        let headquarters = Headquarters::init(&place("authority"), &settings, OffsetDateTime::now_utc()).unwrap();
        let (list, answered, told) = (place("revoked.pem"), place("answered"), place("told"));
        // It succeeds when this thread, which is the runtime's only one, goes on meanwhile.
        let wait = format!("until [ -e '{}' ]; do sleep 0.05; done", answered.display());
        let tell = format!("timeout 30 sh -c \"{wait}\" && touch '{}'", told.display());
        let ledger = Ledger::on(Database::in_memory().await.unwrap());
        let service = Service { ledger, headquarters, list: Some(list.clone()), tell: Some(tell) };
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
}

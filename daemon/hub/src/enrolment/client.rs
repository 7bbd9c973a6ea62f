//! Questions to HQ's enrolment service, over HTTPS.

use std::{sync::Arc, time::Duration};

use axum::http::{Request, StatusCode, Uri, header};
use contract::{
    Digest,
    enrolment::{LARGEST, Question, Reply},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Bytes, client::conn::http1::handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

/// The time limit for a question.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unanswered {
    /// HQ refused.
    #[error("HQ refused: {0}")]
    Refused(String),
    /// It can be tried again.
    #[error("could not reach HQ's enrolment service at {service}: {why}")]
    Unreachable {
        /// The service.
        service: String,
        /// The reason.
        why: String,
    },
}

/// Asks HQ. `path` is `/enrolments` or `/check-ins`.
pub(super) async fn ask(service: &str, root: Digest, path: &str, question: &Question) -> Result<Reply, Unanswered> {
    let asked = timeout(PATIENCE, send(service, root, path, question)).await;
    let unreachable = |why| Unanswered::Unreachable { service: service.to_owned(), why };
    match asked {
        Err(_) => Err(unreachable(format!("no answer within {} s", PATIENCE.as_secs()))),
        Ok(Err(why)) => Err(unreachable(why)),
        Ok(Ok((StatusCode::OK, body))) => {
            serde_json::from_slice(&body).map_err(|error| unreachable(format!("unreadable answer: {error}")))
        }
        Ok(Ok((status, body))) => {
            let problem: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
            let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
            let told = detail.map_or_else(|| status.to_string(), |detail| detail.chars().take(500).collect());
            let is_final = status.is_client_error()
                && ![StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
            Err(if is_final { Unanswered::Refused(told) } else { unreachable(told) })
        }
    }
}

async fn send(service: &str, root: Digest, path: &str, question: &Question) -> Result<(StatusCode, Bytes), String> {
    let uri: Uri = service.parse().map_err(|_| "invalid address".to_owned())?;
    let (Some("https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("the address is not https://HOST:PORT".into());
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(443))).await.map_err(|error| text(&error))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| text(&error))?;
    let tls = link::pinned::client_config(root.0).map_err(|error| text(&error))?;
    let stream = TlsConnector::from(Arc::clone(&tls)).connect(name, stream).await.map_err(|error| text(&error))?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| text(&error))?;
    // Ends with the sender.
    tokio::spawn(connection);
    let body = serde_json::to_vec(question).map_err(|error| text(&error))?;
    let request = Request::post(path)
        .header(header::HOST, authority.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| text(&error))?;
    let response = sender.send_request(request).await.map_err(|error| text(&error))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LARGEST).collect().await.map_err(|error| text(&error))?;
    Ok((status, body.to_bytes()))
}

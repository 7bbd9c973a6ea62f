//! A connection to the terminal: TLS, HTTP/1.1, and the sealed envelope.
//!
//! Everything from the terminal is bounded and checked: the answer must be sealed, its clear header must equal the
//! sealed one, and it must answer this request of this hub to this terminal.

use std::{sync::Arc, time::Duration};

use data_encoding::BASE64;
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::crypto::{Keys, Sealed};
use crate::transport::{Address, Wire};

/// The largest answer.
const MAX_BYTES: usize = 256 * 1024;

/// The limit for a connection and its handshakes.
const CONNECT: Duration = Duration::from_secs(5);

/// Who speaks with whom, and by which keys.
pub(super) struct Parties {
    pub(super) address: Address,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) keys: Keys,
    pub(super) key_identifier: String,
    pub(super) key_version: u32,
    pub(super) sale_id: String,
    pub(super) poi_id: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing was sent.
    Unsent(String),
    /// The link was lost.
    Lost(String),
    /// No answer in time.
    Silent(Duration),
    /// The answer is not one.
    Protocol(String),
}

impl Trouble {
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Unsent(why) | Self::Lost(why) | Self::Protocol(why) => why.clone(),
            Self::Silent(limit) => format!("no answer for {} s", limit.as_secs()),
        }
    }
}

/// A connection.
pub(super) struct Link {
    requests: SendRequest<Full<Bytes>>,
}

impl Link {
    /// Connects again.
    pub(super) async fn open(parties: &Parties) -> Result<Self, Trouble> {
        let wire = parties.address.connect(CONNECT).await.map_err(|error| Trouble::Unsent(error.to_string()))?;
        Self::over(wire, parties).await
    }

    /// Uses a connected wire.
    pub(super) async fn over(wire: Box<dyn Wire>, parties: &Parties) -> Result<Self, Trouble> {
        let unsent = |why: String| Trouble::Unsent(why);
        let shaken = timeout(CONNECT, async {
            // The name is checked by the verifier; none is sent.
            let name = ServerName::try_from("terminal").map_err(|error| unsent(error.to_string()))?;
            let stream = TlsConnector::from(Arc::clone(&parties.tls))
                .connect(name, wire)
                .await
                .map_err(|error| unsent(format!("no trusted TLS connection: {error}; check `ca_file` and `poi_id`")))?;
            handshake(TokioIo::new(stream)).await.map_err(|error| unsent(error.to_string()))
        });
        let (requests, connection) =
            shaken.await.map_err(|_| unsent(format!("no TLS handshake within {} s", CONNECT.as_secs())))??;
        // It ends with the connection.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { requests })
    }

    /// Whether the terminal has closed it.
    pub(super) fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Sends a request and returns the body of its answer, such as `PaymentResponse`.
    pub(super) async fn ask(
        &mut self,
        parties: &Parties,
        category: &str,
        service_id: &str,
        body: Value,
        limit: Duration,
    ) -> Result<Value, Trouble> {
        let header = json!({
            "ProtocolVersion": "3.0",
            "MessageClass": "Service",
            "MessageCategory": category,
            "MessageType": "Request",
            "ServiceID": service_id,
            "SaleID": parties.sale_id,
            "POIID": parties.poi_id,
        });
        let envelope = seal(parties, &header, category, body)?;
        let request = Request::post("/nexo")
            .header(HOST, parties.poi_id.as_str())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(envelope.to_string())))
            .map_err(|error| Trouble::Unsent(error.to_string()))?;
        self.requests.ready().await.map_err(|error| Trouble::Unsent(error.to_string()))?;
        let answered = timeout(limit, async {
            let lost = |error: hyper::Error| Trouble::Lost(error.to_string());
            let response = self.requests.send_request(request).await.map_err(lost)?;
            if response.status() != StatusCode::OK {
                return Err(Trouble::Protocol(format!("HTTP status {}", response.status().as_u16())));
            }
            let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
            body.map(Collected::to_bytes).map_err(|error| Trouble::Lost(error.to_string()))
        });
        let bytes = answered.await.map_err(|_| Trouble::Silent(limit))??;
        open(parties, &header, &bytes).map_err(Trouble::Protocol)
    }
}

fn seal(parties: &Parties, header: &Value, category: &str, body: Value) -> Result<Value, Trouble> {
    let mut request = Map::new();
    request.insert("MessageHeader".into(), header.clone());
    request.insert(format!("{category}Request"), body);
    let plain = json!({ "SaleToPOIRequest": request }).to_string();
    let sealed = parties.keys.seal(plain.as_bytes()).map_err(|_| Trouble::Unsent("no randomness".into()))?;
    Ok(json!({ "SaleToPOIRequest": {
        "MessageHeader": header,
        "NexoBlob": BASE64.encode(&sealed.text),
        "SecurityTrailer": {
            "AdyenCryptoVersion": 1,
            "KeyIdentifier": parties.key_identifier,
            "KeyVersion": parties.key_version,
            "Nonce": BASE64.encode(&sealed.nonce),
            "Hmac": BASE64.encode(&sealed.hmac),
        },
    } }))
}

/// Opens an answer to the request with this header. The error never repeats what the terminal sent.
fn open(parties: &Parties, asked: &Value, bytes: &[u8]) -> Result<Value, String> {
    let outer: Value = serde_json::from_slice(bytes).map_err(|_| "the answer is not JSON".to_owned())?;
    let outer = &outer["SaleToPOIResponse"];
    let trailer = &outer["SecurityTrailer"];
    let decoded = |value: &Value| BASE64.decode(value.as_str()?.as_bytes()).ok();
    if trailer["KeyIdentifier"] != parties.key_identifier.as_str() || trailer["KeyVersion"] != parties.key_version {
        return Err("the answer is not sealed with the configured key; check `key_identifier` and `key_version`".into());
    }
    let sealed = decoded(&outer["NexoBlob"]).zip(decoded(&trailer["Nonce"])).zip(decoded(&trailer["Hmac"]));
    let sealed = sealed.and_then(|((text, nonce), hmac)| Some(Sealed { text, nonce: nonce.try_into().ok()?, hmac }));
    let sealed = sealed.ok_or("the answer is not sealed")?;
    let plain = parties.keys.open(&sealed).map_err(|_| "the answer's seal is broken; check the passphrase")?;
    let mut inner: Value = serde_json::from_slice(&plain).map_err(|_| "the sealed answer is not JSON".to_owned())?;
    let mut inner = inner["SaleToPOIResponse"].take();
    let header = inner["MessageHeader"].take();
    if header != outer["MessageHeader"] {
        return Err("the clear header differs from the sealed one".into());
    }
    let same = ["MessageCategory", "ServiceID", "SaleID", "POIID"].iter().all(|field| header[field] == asked[field]);
    if !same || header["MessageType"] != "Response" {
        return Err("the answer is not for this request".into());
    }
    let category = asked["MessageCategory"].as_str().unwrap_or_default();
    Ok(inner[format!("{category}Response")].take())
}

//! The records of locations, claims and identities.

use std::{collections::BTreeSet, net::IpAddr};

use commerce::Currency;
use contract::{Digest, HubId};
use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::orders::hours::Hours;

/// What is known of a location before it has a hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Details {
    /// The name on receipts.
    pub name: String,
    /// The postal address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The time zone: an IANA name.
    pub time_zone: String,
    /// The currency: ISO 4217.
    pub currency: Currency,
    /// The tax region, as in the price books.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_region: Option<String>,
    /// The opening hours, such as `mon-sat 08:00-20:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// The host names and IP addresses by which registers reach the hub.
    pub names: Vec<String>,
    /// The address and port on which the hub listens.
    pub listen: String,
    /// The lanes and their devices: tables of the hub's config.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lanes: String,
    /// The last day of a pop-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// The longest text of a location.
const LONGEST: usize = 200;

impl Details {
    /// Checks each value.
    ///
    /// # Errors
    /// One is invalid; the message names it.
    pub fn check(&self) -> Result<(), String> {
        for (what, text) in [("name", Some(&self.name)), ("address", self.address.as_ref())] {
            let is_plain =
                |text: &String| !text.is_empty() && text.len() <= LONGEST && !text.contains(char::is_control);
            if !text.is_none_or(is_plain) {
                return Err(format!("{what}: 1 to {LONGEST} bytes without control characters"));
            }
        }
        let zone = TimeZone::get(&self.time_zone);
        zone.map_err(|_| format!("unknown time zone `{}`: such as Europe/Berlin", self.time_zone.escape_debug()))?;
        if let Some(hours) = &self.hours {
            hours.parse::<Hours>()?;
        }
        if self.names.is_empty() {
            return Err("name at least one host name or IP address by which registers reach the hub".into());
        }
        let mut seen = BTreeSet::new();
        for name in &self.names {
            if name.parse::<IpAddr>().is_err() && !is_host(name) {
                return Err(format!("`{}` is neither a host name nor an IP address", name.escape_debug()));
            }
            if !seen.insert(name) {
                return Err(format!("`{name}` is listed twice"));
            }
        }
        let listen = self.listen.parse::<std::net::SocketAddr>();
        listen.map_err(|_| format!("`{}` is not an IP address with a port", self.listen.escape_debug())).map(drop)
    }
}

fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// The life of a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has had no hub yet.
    Planned,
    /// A hub serves it.
    Open,
    /// Two boxes have claimed to be its hub. Both sell, and neither reaches HQ, until one of them is replaced.
    Suspended,
    /// Its hub is to send what waits, and to wipe its disk.
    Closing,
    /// It has no hub any more.
    Closed,
}

impl State {
    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Open => "open",
            Self::Suspended => "suspended",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }
}

/// A location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Its name, and its hub's.
    pub id: HubId,
    /// Its state.
    pub state: State,
    /// What it is.
    pub details: Details,
    /// Its hub's config.
    pub config: HubConfig,
    /// How many boxes have been its hub.
    pub generation: u32,
    /// The join number that the next check-in must have.
    pub join: u64,
    /// The last question of its hub, and the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Exchange>,
    /// Whether a person asked for new certificates.
    pub renew: bool,
    /// The store that gets the stock when the location is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock_to: Option<HubId>,
    /// When its hub last checked in: milliseconds since 1970, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_in_ms: Option<i64>,
    /// When its hub renewed a certificate that had expired.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovered_ms: Vec<i64>,
}

impl Location {
    /// A location without a hub.
    pub fn new(id: HubId, details: Details, config: HubConfig) -> Self {
        Self {
            id,
            state: State::Planned,
            details,
            config,
            generation: 0,
            join: 0,
            last: None,
            renew: false,
            stock_to: None,
            checked_in_ms: None,
            recovered_ms: Vec::new(),
        }
    }
}

/// A hub's config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubConfig {
    /// Its version; each change increments it.
    pub version: u64,
    /// The file.
    pub toml: String,
    /// The version that the hub uses.
    pub used: u64,
    /// Why the hub does not use the newest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A question and its answer, so that a repeated question gets the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The SHA-256 of the question's body.
    pub question: Digest,
    /// The answer: a [`Reply`](contract::enrolment::Reply) as JSON.
    pub reply: String,
}

/// A claim: the right to become the hub of a location, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Random.
    pub id: String,
    /// The location.
    pub location: HubId,
    /// Proves the code: 64 hexadecimal digits.
    pub key: Digest,
    /// Whether the box takes another one's place.
    pub replaces: bool,
    /// When it was issued: milliseconds since 1970, UTC.
    pub issued_ms: i64,
    /// When it expires.
    pub expires_ms: i64,
    /// How many wrong proofs there were.
    pub wrong: u32,
    /// The question that used it, and its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Exchange>,
}

/// What became of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The newest of its box.
    Current,
    /// Renewed, for the same key.
    Former,
    /// Refused by brokers and by HQ.
    Revoked,
}

impl Standing {
    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Former => "former",
            Self::Revoked => "revoked",
        }
    }
}

/// A certificate of a hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its serial number: hexadecimal digits.
    pub serial: String,
    /// The location.
    pub location: HubId,
    /// Which box of the location, from 1.
    pub generation: u32,
    /// `hub` or `store authority`.
    pub purpose: Purpose,
    /// The P-256 key, an uncompressed point: hexadecimal digits.
    pub public_key: String,
    /// When it was issued: milliseconds since 1970, UTC.
    pub issued_ms: i64,
    /// When it expires.
    pub not_after_ms: i64,
    /// What became of it.
    pub standing: Standing,
    /// When it was revoked, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revoked>,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The hub, at the broker and at HQ.
    Hub,
    /// The store's authority, which signs for the LAN.
    StoreAuthority,
}

/// A revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// Why.
    pub why: String,
}

/// An entry of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The location.
    pub location: String,
    /// What was done, such as `claim_issued`.
    pub act: String,
    /// The values.
    pub detail: String,
}

//! The announcement, and what a hub says of the publications it knows.

use serde::{Deserialize, Serialize};

use super::Effective;
use crate::{
    down::MAX_REASON,
    message::BadMessage,
    name::{Digest, Epoch, HubId, PublicationKind},
    wire::Wire,
};

/// The largest signed announcement, in bytes.
pub const MAX_ANNOUNCEMENT: usize = 4 * 1024;

/// The content type of a signed announcement. What is signed does not depend on it.
pub const ANNOUNCEMENT: &str = "application/vnd.store-hub.announcement+json; version=1";

/// The most states in a [`PublicationStates`].
pub const MAX_STATES: usize = 64;

/// "There is a publication for you."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// For whom.
    pub hub: HubId,
    /// What.
    pub kind: PublicationKind,
    /// Its version.
    pub version: u64,
    /// The manifest's name.
    pub manifest: Digest,
    /// The manifest's size in bytes.
    pub bytes: u32,
    /// From when it counts, for people who look at the message; the manifest says the same.
    pub effective: Effective,
    /// Where manifest and segments are: `https://hq.example.com/publications`. Each is there under its SHA-256.
    pub from: String,
    /// Over so many seconds hubs spread their fetching, each at a time of its own.
    pub spread_s: u32,
}

/// How a publication is at a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Parts of it are still to be fetched; a reason says what keeps it.
    Fetching,
    /// It is there, checked, and waits for its time.
    Waiting,
    /// The store works by it.
    Active,
    /// It was active; the store can go back to it.
    Former,
    /// It is not taken; the reason says why.
    Refused,
    /// A later one took its place before it was active.
    Superseded,
}

impl State {
    /// As it is called in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fetching => "fetching",
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Former => "former",
            Self::Refused => "refused",
            Self::Superseded => "superseded",
        }
    }

    /// Whether HQ need not announce it again.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Fetching)
    }
}

/// A publication at a hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicationState {
    /// What.
    pub kind: PublicationKind,
    /// Which.
    pub version: u64,
    /// How it is.
    pub state: State,
    /// Since when: milliseconds since 1970, UTC.
    pub since_ms: i64,
    /// Why it is refused, or not there yet; at most [`MAX_REASON`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Every publication that a hub knows of, newest first in each kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicationStates {
    /// Who says so.
    pub hub: HubId,
    /// In which life of its store.
    pub epoch: Epoch,
    /// At most [`MAX_STATES`].
    pub publications: Vec<PublicationState>,
}

impl Wire for PublicationStates {
    const NAME: &'static str = "publications";

    fn check(&self) -> Result<(), BadMessage> {
        if self.publications.len() > MAX_STATES {
            let count = self.publications.len();
            return Err(BadMessage::TooMany { what: "states", count, most: MAX_STATES });
        }
        let whys = self.publications.iter().filter_map(|state| state.why.as_ref());
        match whys.map(String::len).find(|bytes| *bytes > MAX_REASON) {
            Some(bytes) => Err(BadMessage::TooLong { what: "reason", bytes, most: MAX_REASON }),
            None => Ok(()),
        }
    }
}

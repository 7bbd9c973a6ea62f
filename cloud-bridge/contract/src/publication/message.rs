//! Announcements, and the hubs' publication states.

use serde::{Deserialize, Serialize};

use super::Effective;
use crate::{
    down::MAX_REASON,
    message::BadMessage,
    name::{Digest, Epoch, HubId, PublicationKind},
    wire::Wire,
};

/// The maximum size of a signed announcement, in bytes.
pub const MAX_ANNOUNCEMENT: usize = 4 * 1024;

/// The content type of a signed announcement. It is not covered by the signature.
pub const ANNOUNCEMENT: &str = "application/vnd.store-hub.announcement+json; version=1";

/// The maximum number of states in a [`PublicationStates`].
pub const MAX_STATES: usize = 64;

/// Announces a publication to a hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Announcement {
    /// The hub.
    pub hub: HubId,
    /// The kind.
    pub kind: PublicationKind,
    /// The version.
    pub version: u64,
    /// The manifest's digest, which is its name.
    pub manifest: Digest,
    /// The manifest's size in bytes.
    pub bytes: u32,
    /// When it takes effect, for people who read the message; the manifest repeats it.
    pub effective: Effective,
    /// The base URL of manifest and segments, such as `https://hq.example.com/publications`; each is named by its
    /// digest.
    pub from: String,
    /// The time in seconds over which the hubs spread their downloads.
    pub spread_s: u32,
}

/// The state of a publication at a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = PublicationProgress))]
pub enum State {
    /// Parts are still to be fetched; a reason says what prevents it.
    Fetching,
    /// Complete and checked; it takes effect later.
    Waiting,
    /// In effect.
    Active,
    /// No longer in effect; the store can go back to it.
    Former,
    /// Refused, with a reason.
    Refused,
    /// Replaced by a later publication before it took effect.
    Superseded,
}

impl State {
    /// The name in JSON.
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

    /// Whether HQ can stop announcing it.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Fetching)
    }
}

/// The state of a publication at a hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PublicationState {
    /// The kind.
    pub kind: PublicationKind,
    /// The version.
    pub version: u64,
    /// The state.
    pub state: State,
    /// When the state began: milliseconds since 1970, UTC.
    pub since_ms: i64,
    /// Why it is refused or not fetched yet; at most [`MAX_REASON`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// All publications that a hub knows, newest first in each kind. The broker may deliver it twice, also after a later
/// one: HQ ignores states of an earlier epoch, or of the same epoch and an earlier revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PublicationStates {
    /// The hub.
    pub hub: HubId,
    /// The epoch of the hub's store.
    pub epoch: Epoch,
    /// Increases with every change of the states.
    pub revision: u64,
    /// At most [`MAX_STATES`] states.
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

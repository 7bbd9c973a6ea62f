//! Whether a hub is connected, and since when. Pure.
//!
//! A hub says hello on every connection and every half minute; the broker publishes its last will when the connection
//! ends. A last will may arrive after the hello of the next connection, so it counts only for the connection that it
//! names. If it was lost because HQ was down, silence counts.

use serde::Serialize;

/// The silence after which a hub counts as disconnected, in milliseconds: three hellos.
pub const SILENT_MS: i64 = 90_000;

/// The state of a hub's connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Presence {
    /// The connection of the last hello.
    #[serde(skip)]
    pub connection: String,
    /// Whether it said hello and is not known to be gone.
    pub is_online: bool,
    /// When this state began: milliseconds since 1970, UTC.
    pub since_ms: i64,
    /// When the last hello or last will arrived.
    pub heard_at_ms: i64,
}

impl Presence {
    /// The state after a hello.
    #[must_use]
    pub fn after_hello(known: Option<Self>, connection: u64, now_ms: i64) -> Self {
        let connection = connection.to_string();
        let since_ms = match known {
            Some(known) if known.connection == connection && known.is_online_at(now_ms) => known.since_ms,
            _ => now_ms,
        };
        Self { connection, is_online: true, since_ms, heard_at_ms: now_ms }
    }

    /// The state after a last will; `None` if it names an earlier connection, or is repeated.
    #[must_use]
    pub fn after_will(&self, connection: u64, now_ms: i64) -> Option<Self> {
        let is_of_it = self.is_online && self.connection == connection.to_string();
        let gone = Self { is_online: false, since_ms: now_ms, heard_at_ms: now_ms, ..self.clone() };
        is_of_it.then_some(gone)
    }

    /// The state at a moment: a hub that was silent for too long is gone.
    #[must_use]
    pub fn at(&self, now_ms: i64) -> Self {
        if self.is_online && !self.is_online_at(now_ms) {
            return Self { is_online: false, since_ms: self.heard_at_ms, ..self.clone() };
        }
        self.clone()
    }

    /// Whether the hub counts as connected at a moment.
    pub fn is_online_at(&self, now_ms: i64) -> bool {
        self.is_online && now_ms.saturating_sub(self.heard_at_ms) < SILENT_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_is_online_from_its_hello_until_its_will_or_silence() {
        let first = Presence::after_hello(None, 7, 1_000);
        assert_eq!((first.since_ms, first.is_online_at(1_000 + SILENT_MS - 1)), (1_000, true));
        assert!(!first.is_online_at(1_000 + SILENT_MS));
        assert_eq!(first.at(1_000 + SILENT_MS - 1), first);
        let silent = first.at(1_000 + SILENT_MS);
        assert_eq!((silent.is_online, silent.since_ms), (false, 1_000));
        let again = Presence::after_hello(Some(first), 7, 31_000);
        assert_eq!((again.since_ms, again.heard_at_ms), (1_000, 31_000));
        let gone = again.after_will(7, 40_000).unwrap();
        assert_eq!((gone.is_online, gone.since_ms), (false, 40_000));
        assert_eq!(gone.after_will(7, 41_000), None, "once");
        let back = Presence::after_hello(Some(gone), 8, 50_000);
        assert_eq!((back.is_online, back.since_ms), (true, 50_000));
        assert_eq!(back.after_will(7, 51_000), None, "the will of the connection before");
        let silent = Presence::after_hello(Some(back), 8, 50_000 + SILENT_MS);
        assert_eq!(silent.since_ms, 50_000 + SILENT_MS, "it was silent for so long that it counted as gone");
    }
}

//! Identifiers: hubs, shards, streams, epochs, sequences, digests.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// 1 to 63 letters, digits or `-`: safe in topics, file names and host names.
fn check(kind: &str, text: &str) -> Result<(), String> {
    if (1..=63).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        Ok(())
    } else {
        Err(format!("invalid {kind} `{}`: 1 to 63 letters, digits or `-`", text.escape_debug()))
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[A-Za-z0-9-]{1,63}$"))]
        pub struct $type(Cow<'static, str>);

        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                check($kind, &text).map(|()| Self(Cow::Owned(text)))
            }
        }

        impl FromStr for $type {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                text.to_owned().try_into()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.into_owned()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A hub's name, unique in the retailer.
    HubId,
    "hub id"
);
name!(
    /// A stream of one hub, up or down, such as `sales`. Messages are ordered within a stream, not between streams.
    Stream,
    "stream"
);

/// The number of shards.
pub const SHARDS: u8 = 64;

/// A share of the hubs. HQ's workers divide the hubs among themselves by shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// The shard of a number below [`SHARDS`].
    pub fn new(number: u8) -> Option<Self> {
        (number < SHARDS).then_some(Self(number))
    }

    /// All shards, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self)
    }

    /// The number.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl HubId {
    /// The hub's shard: the CRC-32 (ISO-HDLC, as in zlib) of its name, modulo [`SHARDS`]. It never changes, because it
    /// is part of every hub's topics.
    pub fn shard(&self) -> Shard {
        // The remainder is below `SHARDS`.
        Shard((crc32fast::hash(self.as_str().as_bytes()) % u32::from(SHARDS)).to_le_bytes()[0])
    }
}

name!(
    /// A kind of publication from HQ, such as `catalog`.
    PublicationKind,
    "kind of publication"
);

impl Stream {
    /// From a hub: completed sales, which are money.
    pub const fn sales() -> Self {
        Self(Cow::Borrowed("sales"))
    }

    /// From a hub: stock movements that are not sales.
    pub const fn stock() -> Self {
        Self(Cow::Borrowed("stock"))
    }

    /// Both ways: orders, web quotas and notices of transfers.
    pub const fn orders() -> Self {
        Self(Cow::Borrowed("orders"))
    }

    /// The streams from a hub.
    pub const fn up() -> [Self; 6] {
        [Self::sales(), Self::stock(), Self::orders(), Self::cash(), Self::audit(), Self::customers()]
    }

    /// From a hub: shifts of tills, movements of cash, business days.
    pub const fn cash() -> Self {
        Self(Cow::Borrowed("cash"))
    }

    /// From a hub: its audit trail.
    pub const fn audit() -> Self {
        Self(Cow::Borrowed("audit"))
    }

    /// Both ways: customers, loyalty points, gift cards.
    pub const fn customers() -> Self {
        Self(Cow::Borrowed("customers"))
    }

    /// From HQ: the items of the catalog.
    pub const fn items() -> Self {
        Self(Cow::Borrowed("items"))
    }
}

/// The epoch of a hub's store, or of HQ's queue for a hub: drawn at its creation; later epochs are higher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in a stream, from 1; 0 is the place before the first event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sequence(pub u64);

impl Sequence {
    /// The next place.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A link of a hub's hash chain at an event. Stores with the same link at an event have the same history up to it. A
/// disk that was set back or copied has different links after that point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
pub struct ChainLink(pub [u8; 32]);

/// The SHA-256 of a file, which is also its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
pub struct Digest(pub [u8; 32]);

macro_rules! hexadecimal {
    ($type:ident, $kind:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hexadecimal(&self.0))
            }
        }

        impl From<$type> for String {
            fn from(bytes: $type) -> Self {
                bytes.to_string()
            }
        }

        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let mut bytes = [0; 32];
                if from_hexadecimal(&text, &mut bytes) {
                    Ok(Self(bytes))
                } else {
                    Err(concat!("invalid ", $kind, ": 64 hexadecimal digits").to_owned())
                }
            }
        }
    };
}
hexadecimal!(ChainLink, "link");
hexadecimal!(Digest, "SHA-256");

/// Bytes as lowercase hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Fills `bytes` from hexadecimal digits; false if their number differs.
pub(crate) fn from_hexadecimal(text: &str, bytes: &mut [u8]) -> bool {
    let is_hexadecimal = text.len() == 2 * bytes.len() && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hexadecimal
        && bytes.iter_mut().enumerate().all(|(place, byte)| {
            let digits = text.get(2 * place..2 * place + 2).map(|digits| u8::from_str_radix(digits, 16));
            digits.and_then(Result::ok).is_some_and(|value| {
                *byte = value;
                true
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_those_of_zlibs_crc32_and_take_equal_shares() {
        // python3 -c 'import zlib; print(zlib.crc32(b"store-367") % 64)'
        for (hub, shard) in [("store-367", 63), ("store-1", 10), ("A", 11)] {
            assert_eq!(hub.parse::<HubId>().unwrap().shard().number(), shard, "{hub}");
        }
        let mut counts = [0; SHARDS as usize];
        for hub in 1..=5_000 {
            counts[usize::from(format!("store-{hub}").parse::<HubId>().unwrap().shard().number())] += 1;
        }
        assert!(counts.iter().all(|count| (60..=100).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_link_is_64_hexadecimal_digits() {
        let link = ChainLink([0xa7; 32]);
        assert_eq!(ChainLink::try_from(link.to_string()), Ok(link));
        for wrong in ["", "a7", &"ä".repeat(32), &"+7".repeat(32)] {
            assert!(ChainLink::try_from((*wrong).to_owned()).is_err(), "{wrong}");
        }
    }
}

//! Hubs, streams, epochs, sequences.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Letters, digits and `-`, 1 to 63 of them: safe in topics, file names, host names.
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
        pub struct $type(Cow<'static, str>);

        impl $type {
            /// As text.
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
    /// A stream of one hub, up or down, such as `sales`. What travels in it is ordered; streams among themselves are
    /// not.
    Stream,
    "stream"
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

    /// From HQ: the items of the catalog.
    pub const fn items() -> Self {
        Self(Cow::Borrowed("items"))
    }
}

/// Which life of a hub's store, or of HQ's queue for a hub: drawn when it is created, later ones higher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in a stream, from 1; 0 stands before the first event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The place after this one.
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

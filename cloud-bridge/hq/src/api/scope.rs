//! What an API key may do.

use std::{fmt, str::FromStr};

/// A scope: a key has one or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `stores:read`.
    StoresRead,
    /// `sales:read`.
    SalesRead,
    /// `stock:read`.
    StockRead,
    /// `events:read`.
    EventsRead,
    /// `exports:read`.
    ExportsRead,
    /// `webhooks:manage`.
    WebhooksManage,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::StoresRead, Self::SalesRead, Self::StockRead, Self::EventsRead, Self::ExportsRead, Self::WebhooksManage];

    /// What it is called, as in `sales:read`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StoresRead => "stores:read",
            Self::SalesRead => "sales:read",
            Self::StockRead => "stock:read",
            Self::EventsRead => "events:read",
            Self::ExportsRead => "exports:read",
            Self::WebhooksManage => "webhooks:manage",
        }
    }

    /// What it allows.
    pub(super) const fn doc(self) -> &'static str {
        match self {
            Self::StoresRead => "Stores, the state of their hubs, alarms and quarantine.",
            Self::SalesRead => "Sales and receipts, with their customers.",
            Self::StockRead => "What each store has of each item.",
            Self::EventsRead => "The feed of everything that hubs sent, whatever it is about.",
            Self::ExportsRead => "Whole days of sales.",
            Self::WebhooksManage => "Webhooks: add, remove, see and retry. They carry what the feed carries.",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or_else(|| {
            let all = Self::ALL.map(Self::name).join(", ");
            format!("unknown scope `{}`; there are {all}", text.escape_debug())
        })
    }
}

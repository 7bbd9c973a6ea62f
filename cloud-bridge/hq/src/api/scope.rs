//! Scopes of API keys.

use std::{fmt, str::FromStr};

/// A scope. A key has one or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `stores:read`.
    StoresRead,
    /// `sales:read`.
    SalesRead,
    /// `stock:read`.
    StockRead,
    /// `items:read`.
    ItemsRead,
    /// `events:read`.
    EventsRead,
    /// `exports:read`.
    ExportsRead,
    /// `webhooks:manage`.
    WebhooksManage,
    /// `orders:read`.
    OrdersRead,
    /// `orders:write`.
    OrdersWrite,
    /// `refunds:manage`.
    RefundsManage,
    /// `gift-cards:read`.
    GiftCardsRead,
    /// `gift-cards:manage`.
    GiftCardsManage,
    /// `warranties:write`.
    WarrantiesWrite,
    /// `customers:read`.
    CustomersRead,
    /// `customers:manage`.
    CustomersManage,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 15] = [
        Self::StoresRead,
        Self::SalesRead,
        Self::StockRead,
        Self::ItemsRead,
        Self::EventsRead,
        Self::ExportsRead,
        Self::WebhooksManage,
        Self::OrdersRead,
        Self::OrdersWrite,
        Self::RefundsManage,
        Self::GiftCardsRead,
        Self::GiftCardsManage,
        Self::WarrantiesWrite,
        Self::CustomersRead,
        Self::CustomersManage,
    ];

    /// The name, such as `sales:read`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StoresRead => "stores:read",
            Self::SalesRead => "sales:read",
            Self::StockRead => "stock:read",
            Self::ItemsRead => "items:read",
            Self::EventsRead => "events:read",
            Self::ExportsRead => "exports:read",
            Self::WebhooksManage => "webhooks:manage",
            Self::OrdersRead => "orders:read",
            Self::OrdersWrite => "orders:write",
            Self::RefundsManage => "refunds:manage",
            Self::GiftCardsRead => "gift-cards:read",
            Self::GiftCardsManage => "gift-cards:manage",
            Self::WarrantiesWrite => "warranties:write",
            Self::CustomersRead => "customers:read",
            Self::CustomersManage => "customers:manage",
        }
    }

    /// What it allows.
    pub(super) const fn doc(self) -> &'static str {
        match self {
            Self::StoresRead => "Stores, the state of their hubs, alarms, quarantine, publications.",
            Self::SalesRead => "Sales and receipts, with their customers; business days.",
            Self::StockRead => "The stock and the web quota of each item, per store.",
            Self::ItemsRead => "The items of each store, with their prices.",
            Self::EventsRead => "The feed of all events, of every kind.",
            Self::ExportsRead => "Exports of whole days of sales.",
            Self::WebhooksManage => "Webhooks: add, remove, list and retry. They carry the events of the feed.",
            Self::OrdersRead => "Orders, their routing, pickup slots.",
            Self::OrdersWrite => "Place, change and cancel orders.",
            Self::RefundsManage => "Refunds: list them and mark them as paid.",
            Self::GiftCardsRead => "Gift cards and store credit: numbers, balances, movements.",
            Self::GiftCardsManage => "Issue, load, redeem, block and release gift cards.",
            Self::WarrantiesWrite => "Register the warranties of units.",
            Self::CustomersRead => "Customers: profiles, with what is personal, and the loyalty programme.",
            Self::CustomersManage => "Enter, change and erase customers; publish the loyalty programme.",
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
            format!("unknown scope `{}`; the scopes are {all}", text.escape_debug())
        })
    }
}

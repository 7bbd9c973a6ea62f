//! The body of `item.changed`: an item of the catalog, as HQ wants the store to sell it.
//!
//! It is the item whole, as the hub's `POST /api/v1/items` takes it; an item of the same SKU is replaced. The hub
//! refuses an item whose texts it cannot print or whose price is out of range, by the same rule as for that route.

use commerce::Item;

use crate::{
    kind::{BadBody, Body, DownKind, Kind},
    name::Stream,
};

/// An item is new or has changed.
pub static CHANGED: DownKind<Item> = Kind::new("item.changed", Stream::items());

impl Body for Item {
    fn check(&self) -> Result<(), BadBody> {
        Ok(())
    }
}

//! The body of `item.changed`: an item of the catalog.
//!
//! It is the whole item, as in the hub's `POST /api/v1/items`; it replaces an item with the same SKU. The hub refuses
//! an item whose texts cannot be printed or whose price is out of range, by the same rules as that route.

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

//! The totals of a card, at a hub and at HQ.

use serde::{Deserialize, Serialize};

use super::MovementKind;
use crate::money::Minor;

/// What a hub did with a card since the beginning of the epoch, in minor units. A total never shrinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = GiftCardTotals))]
pub struct Totals {
    /// The epoch of the store.
    pub epoch: u64,
    /// Loaded, given back and refunded.
    pub loaded: i64,
    /// Granted by HQ, as far as this side knows.
    pub granted: i64,
    /// Redeemed and unloaded.
    pub spent: i64,
    /// Given back to HQ.
    pub returned: i64,
}

impl Totals {
    /// The largest total, so that no sum of them overflows.
    pub const MOST: i64 = 1_000_000_000_000;

    /// What the hub holds.
    pub fn held(&self) -> i64 {
        self.loaded + self.granted - self.spent - self.returned
    }

    /// Whether the totals can be: each in range, and no more out than in.
    pub fn is_possible(&self) -> bool {
        let all = [self.loaded, self.granted, self.spent, self.returned];
        all.iter().all(|total| (0..=Self::MOST).contains(total)) && self.held() >= 0
    }

    /// The larger of each total.
    fn merge(&mut self, other: &Self) {
        self.loaded = self.loaded.max(other.loaded);
        self.granted = self.granted.max(other.granted);
        self.spent = self.spent.max(other.spent);
        self.returned = self.returned.max(other.returned);
    }
}

/// A hub does not hold enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store holds {held} minor units of this card, not {requested}")]
pub struct Overspent {
    /// What it holds.
    pub held: i64,
    /// What was asked for.
    pub requested: i64,
}

/// A hub's side of a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The totals.
    pub totals: Totals,
}

impl Held {
    /// The state in an epoch: what an earlier epoch held is void.
    #[must_use]
    pub fn in_epoch(self, epoch: u64) -> Self {
        if self.totals.epoch == epoch { self } else { Self { totals: Totals { epoch, ..Totals::default() } } }
    }

    /// What can be redeemed without HQ.
    pub fn available(&self) -> Minor {
        Minor::new(self.totals.held()).unwrap_or(Minor::ZERO)
    }

    /// Books a movement.
    ///
    /// # Errors
    /// The hub does not hold the amount, or a total is out of range.
    pub fn book(&mut self, kind: MovementKind, amount: Minor) -> Result<(), Overspent> {
        let mut totals = self.totals;
        match kind {
            MovementKind::Load | MovementKind::GiveBack | MovementKind::Refund => totals.loaded += amount.get(),
            MovementKind::Redeem | MovementKind::Unload => totals.spent += amount.get(),
            MovementKind::Return => totals.returned += amount.get(),
        }
        if !amount.is_positive() || !totals.is_possible() {
            return Err(Overspent { held: self.totals.held(), requested: amount.get() });
        }
        self.totals = totals;
        Ok(())
    }

    /// HQ told what it has granted.
    pub fn receive(&mut self, epoch: u64, granted: i64) {
        if epoch == self.totals.epoch && (0..=Totals::MOST).contains(&granted) {
            self.totals.granted = self.totals.granted.max(granted);
        }
    }

    /// The total of grants that a hub asks HQ for, to hold an amount.
    pub fn wanted(&self, amount: Minor) -> i64 {
        self.totals.granted + (amount.get() - self.totals.held()).max(0)
    }
}

/// HQ's side of a card: what is free, and the totals of each hub and epoch under a key of the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account<K> {
    /// Loaded by HQ less redeemed by HQ, and what a person released.
    pub own: i64,
    /// What each hub told, with HQ's grants.
    pub hubs: Vec<(K, Totals)>,
}

impl<K: PartialEq> Account<K> {
    /// What HQ can grant or redeem.
    pub fn free(&self) -> i64 {
        self.own + self.hubs.iter().map(|(_, totals)| totals.returned - totals.granted).sum::<i64>()
    }

    /// The whole balance, as far as HQ knows.
    pub fn balance(&self) -> i64 {
        self.own + self.hubs.iter().map(|(_, totals)| totals.loaded - totals.spent).sum::<i64>()
    }

    /// A hub told its totals.
    pub fn receive(&mut self, key: K, told: &Totals) {
        let totals = self.of(key, told.epoch);
        // What HQ has granted it knows itself; after it was restored from a backup, it learns it here.
        totals.merge(told);
    }

    /// A hub asks for grants up to a total; gives the total that it has now.
    pub fn grant(&mut self, key: K, epoch: u64, wanted: i64) -> i64 {
        let free = self.free().max(0);
        let totals = self.of(key, epoch);
        let more = (wanted.min(Totals::MOST) - totals.granted).clamp(0, free);
        totals.granted += more;
        totals.granted
    }

    /// HQ redeems, or takes off, an amount that is free.
    ///
    /// # Errors
    /// Less is free.
    pub fn redeem(&mut self, amount: Minor) -> Result<(), Overspent> {
        let free = self.free();
        if !amount.is_positive() || amount.get() > free {
            return Err(Overspent { held: free, requested: amount.get() });
        }
        self.own -= amount.get();
        Ok(())
    }

    fn of(&mut self, key: K, epoch: u64) -> &mut Totals {
        let place = self.hubs.iter().position(|(known, totals)| *known == key && totals.epoch == epoch);
        let place = place.unwrap_or_else(|| {
            self.hubs.push((key, Totals { epoch, ..Totals::default() }));
            self.hubs.len() - 1
        });
        &mut self.hubs[place].1
    }
}

//! The effect of showing suggestions.

use serde::{Deserialize, Serialize};

/// Whether a basket is shown what was mined: half of them, by a hash of their id (FNV-1a).
pub fn is_shown(basket: u64) -> bool {
    let hash = basket
        .to_le_bytes()
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 32) & 1 == 1
}

/// Baskets for which there was something to suggest, and those in which it was bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SuggestionOutcomes))]
pub struct Outcomes {
    /// Baskets that were shown it.
    pub shown: u64,
    /// Of these, those in which it was bought.
    pub shown_bought: u64,
    /// Baskets that were not shown it.
    pub held_back: u64,
    /// Of these, those in which it was bought.
    pub held_back_bought: u64,
}

/// How much more often what was suggested is bought, with the interval of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SuggestionUplift))]
pub struct Uplift {
    /// The difference of the two rates.
    pub difference: f64,
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
}

/// The quantile of 95 %.
const Z: f64 = 1.959_964;

/// Wilson's interval of a rate.
pub(super) fn wilson(hits: f64, of: f64) -> (f64, f64) {
    if of <= 0.0 {
        return (0.0, 1.0);
    }
    let (rate, z2) = (hits / of, Z * Z);
    let centre = rate + z2 / (2.0 * of);
    let spread = Z * (rate * (1.0 - rate) / of + z2 / (4.0 * of * of)).max(0.0).sqrt();
    let scale = 1.0 + z2 / of;
    (((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0))
}

impl Outcomes {
    /// Counts a basket.
    pub fn add(&mut self, is_shown: bool, is_bought: bool) {
        let (baskets, bought) = if is_shown {
            (&mut self.shown, &mut self.shown_bought)
        } else {
            (&mut self.held_back, &mut self.held_back_bought)
        };
        *baskets += 1;
        *bought += u64::from(is_bought);
    }

    /// The sum of two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            shown: self.shown + other.shown,
            shown_bought: self.shown_bought + other.shown_bought,
            held_back: self.held_back + other.held_back,
            held_back_bought: self.held_back_bought + other.held_back_bought,
        }
    }

    /// The uplift, by Newcombe's interval of a difference; none before there are baskets of both kinds.
    #[allow(clippy::cast_precision_loss)] // counts of baskets
    pub fn uplift(&self) -> Option<Uplift> {
        if self.shown == 0 || self.held_back == 0 {
            return None;
        }
        let (hits, of) = (self.shown_bought as f64, self.shown as f64);
        let (other_hits, other_of) = (self.held_back_bought as f64, self.held_back as f64);
        let ((l1, u1), (l2, u2)) = (wilson(hits, of), wilson(other_hits, other_of));
        let (one, other) = (hits / of, other_hits / other_of);
        let difference = one - other;
        let below = ((one - l1).powi(2) + (u2 - other).powi(2)).sqrt();
        let above = ((u1 - one).powi(2) + (other - l2).powi(2)).sqrt();
        Some(Uplift { difference, lower: difference - below, upper: difference + above })
    }
}

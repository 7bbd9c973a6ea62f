//! The loyalty programme: what a sale earns, tiers, and when points expire.
//!
//! Points are money of a card of the kind [`LoyaltyPoints`](crate::gift_card::CardKind): each is worth
//! [`Programme::point_value`]. So a store redeems the points that it holds, also without HQ, and never more than there
//! are. HQ holds the rest, moves tiers and lets points expire.

use serde::{Deserialize, Serialize};

use crate::{
    MAX_TEXT,
    item::Sku,
    line::{Goods, Line},
    money::Minor,
    pricing::share::shares,
    returns::share,
    sale::Sale,
    text::is_readable,
};

/// Points for an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ItemPoints {
    /// The item.
    pub sku: Sku,
    /// Points for each line with it.
    pub points: u32,
}

/// A tier: customers who earned enough points in the last 365 days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tier {
    /// The name, such as `gold`.
    pub name: String,
    /// The points that it takes.
    pub from_points: u64,
    /// Additional points for what its customers buy, in thousandths.
    #[serde(default)]
    pub bonus_permille: u32,
    /// The groups of customers of the price book that they belong to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// The programme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = LoyaltyProgramme))]
pub struct Programme {
    /// What a point is worth when it is redeemed, in minor units.
    pub point_value: u32,
    /// Minor units of goods that earn one point; absent if amounts earn no points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minor_per_point: Option<u32>,
    /// Points for each sale.
    #[serde(default)]
    pub per_visit: u32,
    /// Points for items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemPoints>,
    /// The tiers, lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// Days after which points expire, the oldest first; absent if they never expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_days: Option<u32>,
}

/// Points that a sale earned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Earned {
    /// The points.
    pub points: u32,
    /// What they are worth.
    pub amount: Minor,
    /// The movement of the account.
    pub movement: u64,
}

/// Points that are taken back, because goods of the sale that earned them came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PointsBack {
    /// The customer who earned them.
    pub customer: String,
    /// The points.
    pub points: u32,
    /// What they are worth.
    pub amount: Minor,
    /// The part of `amount` that the store held and took back when the return was completed. HQ takes the rest as far
    /// as it is left, and raises an alarm if the customer has spent it.
    #[serde(default, skip_serializing_if = "Minor::is_zero")]
    pub taken: Minor,
}

impl PointsBack {
    /// The worth of the points that the store did not hold.
    pub fn short(&self) -> Minor {
        (self.amount - self.taken).max(Minor::ZERO)
    }
}

/// The points that go back with thousandths of a line, after those that came back `before`. The points of a sale are
/// divided among its lines by what was paid for the goods, and those of a line among its units; all units together give
/// back exactly what the sale earned.
pub fn points_back(sale: &Sale, line: u32, before: i64, milli: i64) -> u32 {
    let Some(earned) = &sale.points else { return 0 };
    let earns = |line: &&Line| line.sells() && !line.voided && line.sku().is_some();
    let lines: Vec<&Line> = sale.lines.iter().filter(earns).collect();
    let weights: Vec<i64> = lines.iter().map(|line| line.net().get().max(0)).collect();
    let of_lines = shares(i64::from(earned.points), &weights);
    let found = lines.iter().zip(of_lines).find(|(known, _)| known.number == line);
    let points = found.and_then(|(known, points)| {
        let points = Minor::new(points)?;
        Some(share::part(points, known.quantity.milli(), before, milli))
    });
    points.and_then(|points| u32::try_from(points.get()).ok()).unwrap_or(0)
}

/// The most points of a sale.
const MOST_POINTS: u64 = 1_000_000;

/// The most entries of a list.
const MOST: usize = 1_000;

impl Programme {
    /// Checks what the types alone cannot guarantee.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.point_value == 0 || self.minor_per_point == Some(0) || self.expire_days == Some(0) {
            return Err("`point_value`, `minor_per_point` and `expire_days` are at least 1".into());
        }
        if self.items.len() > MOST || self.tiers.len() > MOST {
            return Err(format!("at most {MOST} items and {MOST} tiers"));
        }
        for (place, tier) in self.tiers.iter().enumerate() {
            let texts = std::iter::once(&tier.name).chain(&tier.groups);
            if !texts.into_iter().all(|text| text.len() <= MAX_TEXT && is_readable(text)) {
                return Err(format!("tier {}: names are 1 to {MAX_TEXT} bytes of printable text", place + 1));
            }
            if self.tiers[..place].iter().any(|lower| lower.from_points >= tier.from_points) {
                return Err(format!("tier `{}`: tiers are listed from the lowest number of points up", tier.name));
            }
        }
        Ok(())
    }

    /// The tier of a customer with this many points earned in the last 365 days.
    pub fn tier(&self, points: u64) -> Option<&Tier> {
        self.tiers.iter().rev().find(|tier| tier.from_points <= points)
    }

    /// The tier with a name.
    pub fn tier_named(&self, name: &str) -> Option<&Tier> {
        self.tiers.iter().find(|tier| tier.name == name)
    }

    /// The points that a sale earns: for its goods after discounts, without deposits, taxes on top and gift cards.
    pub fn earn(&self, tier: Option<&str>, sale: &Sale) -> u32 {
        // Goods that come back take their own points back ([`points_back`]).
        let goods = sale.lines.iter().filter(|line| line.sells()).filter_map(|line| match &line.goods {
            Goods::Item { sku, .. } => Some((sku, line.net())),
            Goods::NotOnFile { .. } => None,
        });
        let is_visit = sale.lines.iter().any(|line| line.returned.is_none());
        let (mut net, mut points) = (0_i64, if is_visit { u64::from(self.per_visit) } else { 0 });
        for (sku, amount) in goods {
            net = net.saturating_add(amount.get());
            let of_item = self.items.iter().find(|item| item.sku == *sku);
            points += of_item.map_or(0, |item| u64::from(item.points));
        }
        let net = u64::try_from(net).unwrap_or(0);
        points += self.minor_per_point.map_or(0, |minor| net / u64::from(minor));
        let bonus = tier.and_then(|name| self.tier_named(name)).map_or(0, |tier| u64::from(tier.bonus_permille));
        let points = (points.min(MOST_POINTS) * (1_000 + bonus) / 1_000).min(MOST_POINTS);
        u32::try_from(points).unwrap_or(u32::MAX)
    }

    /// What points are worth.
    pub fn worth(&self, points: u32) -> Minor {
        Minor::new(i64::from(points) * i64::from(self.point_value)).unwrap_or(Minor::ZERO)
    }

    /// How many points an amount of the account is.
    pub fn points(&self, amount: Minor) -> i64 {
        amount.get() / i64::from(self.point_value.max(1))
    }
}

/// What has expired of an account, given its movements in order of time: what was earned before a moment and not used
/// since, the oldest first. Each movement is a time and an amount, negative if it left the account.
pub fn expired(movements: impl IntoIterator<Item = (i64, i64)>, before_ms: i64) -> i64 {
    let (mut old, mut used) = (0_i64, 0_i64);
    for (at_ms, amount) in movements {
        if amount < 0 {
            used = used.saturating_sub(amount);
        } else if at_ms < before_ms {
            old = old.saturating_add(amount);
        }
    }
    (old - used).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programme() -> Programme {
        let tier = |name: &str, from_points, bonus_permille| Tier {
            name: name.into(),
            from_points,
            bonus_permille,
            groups: vec![],
        };
        Programme {
            point_value: 2,
            minor_per_point: Some(100),
            per_visit: 5,
            items: vec![],
            tiers: vec![tier("silver", 100, 100), tier("gold", 1_000, 500)],
            expire_days: Some(365),
        }
    }

    #[test]
    fn a_tier_is_the_highest_that_was_reached() {
        let programme = programme();
        let name = |points| programme.tier(points).map(|tier| tier.name.as_str());
        assert_eq!([name(99), name(100), name(999), name(1_000)], [None, Some("silver"), Some("silver"), Some("gold")]);
        assert_eq!((programme.worth(7), programme.points(Minor::literal(15))), (Minor::literal(14), 7));
    }

    #[test]
    fn a_programme_is_checked() {
        assert_eq!(programme().check(), Ok(()));
        let mut tiers = programme();
        tiers.tiers.reverse();
        for wrong in
            [Programme { point_value: 0, ..programme() }, Programme { minor_per_point: Some(0), ..programme() }, tiers]
        {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_oldest_points_are_used_first_and_expire_first() {
        let movements = [(1, 100), (2, -30), (10, 50), (20, -90)];
        assert_eq!(expired(movements, 5), 0, "120 were used");
        assert_eq!(expired([(1, 100), (2, -30), (10, 50)], 5), 70);
        assert_eq!(expired([(1, 100), (2, -70), (10, 50)], 1), 0);
        assert_eq!(expired([(1, 100), (6, -30)], 11), 70);
    }

    #[test]
    fn a_tier_is_found_by_its_name() {
        let programme = programme();
        assert_eq!(programme.tier_named("gold").map(|tier| tier.from_points), Some(1_000));
        assert_eq!(programme.tier_named("bronze"), None);
    }

    #[test]
    fn lists_and_names_are_bounded() {
        let tier = |place: usize| Tier {
            name: "n".repeat(MAX_TEXT),
            from_points: place as u64,
            bonus_permille: 0,
            groups: vec!["g".repeat(MAX_TEXT)],
        };
        let item = ItemPoints { sku: "1".parse().unwrap(), points: 1 };
        let with = |items: usize, tiers: usize| Programme {
            items: vec![item.clone(); items],
            tiers: (0..tiers).map(tier).collect(),
            ..programme()
        };
        assert_eq!(with(MOST, MOST).check(), Ok(()));
        for (items, tiers) in [(MOST + 1, 0), (0, MOST + 1)] {
            assert_eq!(with(items, tiers).check(), Err("at most 1000 items and 1000 tiers".into()));
        }
        for bad in [String::new(), "n".repeat(MAX_TEXT + 1), "\u{200b}".into()] {
            let mut wrong = programme();
            wrong.tiers[1].name = bad.clone();
            assert!(wrong.check().unwrap_err().starts_with("tier 2: names are"), "{bad:?}");
            let mut wrong = programme();
            wrong.tiers[1].groups = vec![bad.clone()];
            assert!(wrong.check().unwrap_err().starts_with("tier 2: names are"), "{bad:?}");
        }
    }

    #[test]
    fn points_earned_at_the_moment_itself_have_not_expired() {
        assert_eq!(expired([(4, 10), (5, 100)], 5), 10);
    }
}

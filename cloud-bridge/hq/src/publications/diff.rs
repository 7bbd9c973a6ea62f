//! What a publication of the catalog changes.

use std::collections::BTreeMap;

use commerce::Item;
use serde::Serialize;

/// What is different, in the order of SKUs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Items that are new.
    pub added: Vec<Item>,
    /// Items that change: as they are, and as they will be.
    pub changed: Vec<(Item, Item)>,
    /// Items that will be sold no more.
    pub removed: Vec<Item>,
}

impl Diff {
    /// From one catalog to another.
    pub fn between(before: &BTreeMap<String, Item>, after: &BTreeMap<String, Item>) -> Self {
        let added = after.iter().filter(|(sku, _)| !before.contains_key(*sku)).map(|(_, item)| item.clone());
        let removed = before.iter().filter(|(sku, _)| !after.contains_key(*sku)).map(|(_, item)| item.clone());
        let both = after.iter().filter_map(|(sku, after)| Some((before.get(sku)?, after)));
        let changed =
            both.filter(|(before, after)| before != after).map(|(before, after)| (before.clone(), after.clone()));
        Self { added: added.collect(), changed: changed.collect(), removed: removed.collect() }
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// For people: a line for each, at most `most` of each sort.
    pub fn lines(&self, most: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let price = |item: &Item| format!("{} per {}", item.price.minor.get(), item.price.per.name());
        let shown = |item: &Item| format!("{}  {}", item.sku, item.description);
        let added = self.added.iter().map(|item| format!("+ {}  {}", shown(item), price(item)));
        let removed = self.removed.iter().map(|item| format!("- {}  {}", shown(item), price(item)));
        let changed = self.changed.iter().map(|(before, after)| {
            let what = if before.price == after.price {
                "same price, other details".to_owned()
            } else {
                format!("{} -> {}", price(before), price(after))
            };
            format!("~ {}  {what}", shown(after))
        });
        let mut add = |all: Vec<String>| {
            let left = all.len().saturating_sub(most);
            lines.extend(all.into_iter().take(most));
            if left > 0 {
                lines.push(format!("  and {left} more"));
            }
        };
        add(added.collect());
        add(changed.collect());
        add(removed.collect());
        lines
    }
}

#[cfg(test)]
mod tests {
    use commerce::{Minor, Price, Unit};

    use super::*;

    fn catalog(items: &[(&str, i64)]) -> BTreeMap<String, Item> {
        let item = |(sku, price): &(&str, i64)| Item {
            sku: sku.parse().unwrap(),
            gtin: None,
            description: "Cereal".into(),
            department: "".into(),
            category: "".into(),
            brand: "".into(),
            package_size: "".into(),
            price: Price { minor: Minor::new(*price).unwrap(), per: Unit::Each },
        };
        items.iter().map(|pair| (pair.0.to_owned(), item(pair))).collect()
    }

    #[test]
    fn what_comes_changes_and_goes_is_told_with_old_and_new_price() {
        let (before, mut after) = (catalog(&[("a", 1), ("b", 2), ("c", 3)]), catalog(&[("b", 5), ("c", 3), ("d", 4)]));
        after.get_mut("c").unwrap().description = "Muesli".into();
        let diff = Diff::between(&before, &after);
        assert_eq!(
            diff.lines(9),
            [
                "+ d  Cereal  4 per each",
                "~ b  Cereal  2 per each -> 5 per each",
                "~ c  Muesli  same price, other details",
                "- a  Cereal  1 per each",
            ]
        );
        assert!(Diff::between(&after, &after).is_empty());
        let many: Vec<_> = (0..30).map(|number| (format!("{number:02}"), 1)).collect();
        let many = catalog(&many.iter().map(|(sku, price)| (sku.as_str(), *price)).collect::<Vec<_>>());
        assert_eq!(Diff::between(&BTreeMap::new(), &many).lines(3).last().unwrap(), "  and 27 more");
    }
}

//! What a publication changes.

use serde_json::value::RawValue;

use super::kinds::{Publishable, Records};

/// What is different, in the order of keys.
#[derive(Debug, Default)]
pub struct Diff<'r> {
    /// Records that are new.
    pub added: Vec<&'r RawValue>,
    /// Records that change: as they are, and as they will be.
    pub changed: Vec<(&'r RawValue, &'r RawValue)>,
    /// Records that will be gone.
    pub removed: Vec<&'r RawValue>,
}

impl<'r> Diff<'r> {
    /// From some records to others.
    pub fn between(before: &'r Records, after: &'r Records) -> Self {
        let mut diff = Self::default();
        for (key, after) in after {
            match before.get(key) {
                None => diff.added.push(after),
                Some(before) if before.get() != after.get() => diff.changed.push((before, after)),
                Some(_) => {}
            }
        }
        diff.removed = before.iter().filter(|(key, _)| !after.contains_key(*key)).map(|(_, body)| &**body).collect();
        diff
    }

    /// For people: a line for each, at most `most` of each sort.
    pub fn lines(&self, kind: &Publishable, most: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let mut add = |all: Vec<String>| {
            let left = all.len().saturating_sub(most);
            lines.extend(all.into_iter().take(most));
            if left > 0 {
                lines.push(format!("  and {left} more"));
            }
        };
        add(self.added.iter().map(|record| format!("+ {}", (kind.shown)(record))).collect());
        add(self.changed.iter().map(|(before, after)| format!("~ {}", (kind.changed)(before, after))).collect());
        add(self.removed.iter().map(|record| format!("- {}", (kind.shown)(record))).collect());
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publications::items::CATALOG_OF_ITEMS;

    fn catalog(items: &[(&str, &str, i64)]) -> Records {
        let record = |(sku, description, price): &(&str, &str, i64)| {
            let price = serde_json::json!({ "minor": price, "per": "each" });
            let item = serde_json::json!({ "sku": sku, "description": description, "price": price });
            ((*sku).to_owned(), serde_json::value::to_raw_value(&item).unwrap())
        };
        items.iter().map(record).collect()
    }

    #[test]
    fn a_diff_lists_new_changed_and_removed_items_with_prices() {
        let before = catalog(&[("a", "Cereal", 1), ("b", "Cereal", 2), ("c", "Cereal", 3)]);
        let after = catalog(&[("b", "Cereal", 5), ("c", "Muesli", 3), ("d", "Cereal", 4)]);
        assert_eq!(
            Diff::between(&before, &after).lines(&CATALOG_OF_ITEMS, 9),
            [
                "+ d  Cereal  4 per each",
                "~ b  Cereal  2 per each -> 5 per each",
                "~ c  Muesli  same price, other details",
                "- a  Cereal  1 per each",
            ]
        );
        assert_eq!(Diff::between(&after, &after).lines(&CATALOG_OF_ITEMS, 9), [""; 0]);
        let many: Vec<_> = (0..30).map(|number| format!("{number:02}")).collect();
        let many = catalog(&many.iter().map(|sku| (sku.as_str(), "Cereal", 1)).collect::<Vec<_>>());
        let none = Records::new();
        assert_eq!(Diff::between(&none, &many).lines(&CATALOG_OF_ITEMS, 3).last().unwrap(), "  and 27 more");
    }
}

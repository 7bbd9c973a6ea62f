//! The catalog's items from a retailer: CSV, one JSON item per line, or a directory of such files.
//!
//! [`item_csv`] has the columns. Items are checked by the hubs' rules; a duplicate SKU or GTIN is an error, because
//! it is ambiguous.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

use commerce::{
    Item,
    item_csv::{self, BadRow},
};
use contract::publication::CATALOG;
use serde_json::value::{RawValue, to_raw_value};

use super::kinds::{Publishable, Records};

/// The catalog: items with their prices, all that a store sells.
pub static CATALOG_OF_ITEMS: Publishable = Publishable {
    name: CATALOG,
    about: "Items with their prices, all that a store sells: CSV (sku, description, price in minor units, and as \
            needed gtin, department, category, brand, package_size, unit), a JSON item a line, or a directory of such \
            files",
    read: |path| records(&read(path)?).map_err(|error| BadRecords::at(path, error)),
    shown: |body| {
        item(body).map_or_else(|_| body.get().to_owned(), |item| format!("{}  {}", line(&item), price(&item)))
    },
    changed: |before, after| match (item(before), item(after)) {
        (Ok(before), Ok(after)) if before.price == after.price => {
            format!("{}  same price, other details", line(&after))
        }
        (Ok(before), Ok(after)) => format!("{}  {} -> {}", line(&after), price(&before), price(&after)),
        _ => after.get().to_owned(),
    },
    refused_if_shrunk: true,
};

fn item(body: &RawValue) -> serde_json::Result<Item> {
    serde_json::from_str(body.get())
}

fn line(item: &Item) -> String {
    format!("{}  {}", item.sku, item.description)
}

fn price(item: &Item) -> String {
    format!("{} per {}", item.price.minor.get(), item.price.per.name())
}

/// Why records are not taken: where, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", place)]
pub struct BadRecords {
    /// The file, with its line if it is known.
    place: String,
    why: String,
}

impl BadRecords {
    pub(super) fn at(path: &Path, why: impl std::fmt::Display) -> Self {
        Self { place: path.display().to_string(), why: why.to_string() }
    }
}

/// Reads and checks the items of a file, or of all files in a directory.
///
/// # Errors
/// A file can't be read, or an item is wrong: which, and why.
pub fn read(path: &Path) -> Result<BTreeMap<String, Item>, BadRecords> {
    let mut all = BTreeMap::new();
    let mut of_codes: HashMap<_, String> = HashMap::new();
    for file in files(path)? {
        let is_csv = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        for (place, item) in if is_csv { csv(&file)? } else { json(&file)? } {
            let wrong = |why: String| BadRecords { place: place.clone(), why };
            item.check().map_err(wrong)?;
            let sku = item.sku.to_string();
            if let Some(gtin) = item.gtin
                && let Some(other) = of_codes.insert(gtin, sku.clone()).filter(|other| *other != sku)
            {
                return Err(wrong(format!("item {sku}: item {other} also has GTIN {gtin}; a scan must sell one item")));
            }
            if all.insert(sku.clone(), item).is_some() {
                return Err(wrong(format!("duplicate item {sku}")));
            }
        }
    }
    Ok(all)
}

/// Converts items to records of a publication.
///
/// # Errors
/// An item has no JSON form.
pub fn records(items: &BTreeMap<String, Item>) -> Result<Records, serde_json::Error> {
    items.iter().map(|(sku, item)| Ok((sku.clone(), to_raw_value(item)?))).collect()
}

/// Records of a publication as items. What is no item is left out: it was checked when it was published.
pub fn of_records(records: &Records) -> BTreeMap<String, Item> {
    records.iter().filter_map(|(sku, body)| Some((sku.clone(), serde_json::from_str(body.get()).ok()?))).collect()
}

/// A file, or those of a directory in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>, BadRecords> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let is_items = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        ["csv", "ndjson", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    };
    let failed = |error: std::io::Error| BadRecords::at(path, error);
    let entries: Result<Vec<_>, _> = fs::read_dir(path).map_err(failed)?.collect();
    let mut files: Vec<_> = entries.map_err(failed)?.into_iter().map(|entry| entry.path()).filter(is_items).collect();
    files.sort();
    if files.is_empty() {
        return Err(BadRecords::at(path, "no *.csv, *.ndjson or *.json file in it"));
    }
    Ok(files)
}

type Placed = Vec<(String, Item)>;

fn csv(path: &Path) -> Result<Placed, BadRecords> {
    let file = File::open(path).map_err(|error| BadRecords::at(path, format!("could not read it: {error}")))?;
    let wrong = |BadRow { row, why }| BadRecords { place: place(path, row), why };
    let items = item_csv::read(BufReader::new(file)).map_err(wrong)?;
    Ok((1..).zip(items).map(|(number, item)| (place(path, number), item)).collect())
}

/// The place of an item in a file.
fn place(path: &Path, number: usize) -> String {
    format!("{}, item {number}", path.display())
}

/// A JSON array of items, or one item after another.
fn json(path: &Path) -> Result<Placed, BadRecords> {
    let text = fs::read_to_string(path).map_err(|error| BadRecords::at(path, format!("could not read it: {error}")))?;
    let items: Result<Vec<Item>, _> = if text.trim_start().starts_with('[') {
        serde_json::from_str(&text)
    } else {
        serde_json::Deserializer::from_str(&text).into_iter().collect()
    };
    let items = items.map_err(|error| BadRecords::at(path, error))?;
    Ok((1..).zip(items).map(|(number, item)| (place(path, number), item)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        directory
    }

    const CSV: &str = "sku,gtin,description,price\n818981,0400008189811,Cereal,369\n4011,,Bananas,99\n";

    #[test]
    fn items_come_from_csv_json_and_directories() {
        let json = r#"{"sku":"1","description":"Soap","price":{"minor":5,"per":"each"}}"#;
        let directory = written(&[("a.csv", CSV), ("b.ndjson", json), ("notes.txt", "not items")]);
        let all = read(directory.path()).unwrap();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["1", "4011", "818981"]);
        assert_eq!(of_records(&records(&all).unwrap()), all);
        assert_eq!(read(&directory.path().join("a.csv")).unwrap().len(), 2);
        assert!(read(written(&[]).path()).unwrap_err().to_string().contains("no *.csv"));
        assert!(read(Path::new("/nowhere/items.json")).unwrap_err().to_string().contains("could not read"));
    }

    #[test]
    fn an_invalid_item_is_named_by_its_place() {
        for (text, expected) in [
            ("sku,description,price\n1,Soap,-1\n", "item 1: the price -1"),
            ("sku,description,price\n1,Soap,1\n1,Soap,2\n", "duplicate item 1"),
            ("sku,description,price\n1,Soap,1.99\n", "item 1: field 2"),
            ("sku,description,price,unit\n1,Soap,1,dozen\n", "unknown unit `dozen`"),
            ("sku,description,price,colour\n1,Soap,1,red\n", "unknown field `colour`"),
            ("sku,gtin,description,price\n1,123,Soap,1\n", "Invalid GTIN `123`"),
            ("sku,gtin,description,price\n1,96385074,Soap,1\n2,96385074,Soap,1\n", "item 1 also has GTIN 96385074"),
        ] {
            let directory = written(&[("items.csv", text)]);
            let told = read(directory.path()).unwrap_err().to_string();
            assert!(told.contains("items.csv") && told.contains(expected), "{told}");
        }
    }
}

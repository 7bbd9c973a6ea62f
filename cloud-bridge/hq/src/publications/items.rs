//! The catalog's items as a retailer has them: CSV, one JSON item a line, or a directory of such files.
//!
//! CSV has a header: `sku`, `description`, `price` (minor units), and as needed `gtin`, `department`, `category`,
//! `brand`, `package_size`, `unit` (`each` without it). Every item is checked as hubs check it; a SKU or a GTIN that comes
//! twice is an error, because nobody could say which counts.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use commerce::{Item, Price, Unit};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

/// Why items are not taken: where, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", place)]
pub struct BadItems {
    /// The file, with its line if it is known.
    place: String,
    why: String,
}

impl BadItems {
    fn at(path: &Path, why: impl std::fmt::Display) -> Self {
        Self { place: path.display().to_string(), why: why.to_string() }
    }
}

/// A row of a CSV file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sku: String,
    #[serde(default)]
    gtin: String,
    description: String,
    #[serde(default)]
    department: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    brand: String,
    #[serde(default)]
    package_size: String,
    price: i64,
    #[serde(default)]
    unit: String,
}

impl Line {
    fn item(self) -> Result<Item, String> {
        let gtin = if self.gtin.is_empty() { None } else { Some(self.gtin.parse()?) };
        let minor = commerce::Minor::new(self.price).ok_or_else(|| format!("price {} is out of range", self.price))?;
        let per = match self.unit.as_str() {
            "" => Unit::Each,
            unit => {
                serde_json::from_value(unit.into()).map_err(|_| format!("unknown unit `{}`", unit.escape_debug()))?
            }
        };
        Ok(Item {
            sku: self.sku.parse()?,
            gtin,
            description: self.description,
            department: self.department.into(),
            category: self.category.into(),
            brand: self.brand.into(),
            package_size: self.package_size.into(),
            price: Price { minor, per },
        })
    }
}

/// Reads and checks the items of a file, or of all files of a directory.
///
/// # Errors
/// A file can't be read, or an item is wrong: which, and why.
pub fn read(path: &Path) -> Result<BTreeMap<String, Item>, BadItems> {
    let mut all = BTreeMap::new();
    let mut of_codes: HashMap<_, String> = HashMap::new();
    for file in files(path)? {
        let is_csv = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        for (place, item) in if is_csv { csv(&file)? } else { json(&file)? } {
            let wrong = |why: String| BadItems { place: place.clone(), why };
            item.check().map_err(wrong)?;
            let sku = item.sku.to_string();
            if let Some(gtin) = item.gtin
                && let Some(other) = of_codes.insert(gtin, sku.clone()).filter(|other| *other != sku)
            {
                return Err(wrong(format!("item {sku}: GTIN {gtin} is item {other}'s too; a scan must sell one item")));
            }
            if all.insert(sku.clone(), item).is_some() {
                return Err(wrong(format!("item {sku} is there twice")));
            }
        }
    }
    Ok(all)
}

/// Items as records of a publication.
///
/// # Errors
/// An item has no JSON form.
pub fn records(items: &BTreeMap<String, Item>) -> Result<BTreeMap<String, Box<RawValue>>, serde_json::Error> {
    items.iter().map(|(sku, item)| Ok((sku.clone(), to_raw_value(item)?))).collect()
}

/// Records of a publication as items. What is no item is left out: it was checked when it was published.
pub fn of_records(records: &BTreeMap<String, Box<RawValue>>) -> BTreeMap<String, Item> {
    records.iter().filter_map(|(sku, body)| Some((sku.clone(), serde_json::from_str(body.get()).ok()?))).collect()
}

/// A file, or those of a directory in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>, BadItems> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let is_items = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        ["csv", "ndjson", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    };
    let failed = |error: std::io::Error| BadItems::at(path, error);
    let entries: Result<Vec<_>, _> = fs::read_dir(path).map_err(failed)?.collect();
    let mut files: Vec<_> = entries.map_err(failed)?.into_iter().map(|entry| entry.path()).filter(is_items).collect();
    files.sort();
    if files.is_empty() {
        return Err(BadItems::at(path, "no *.csv, *.ndjson or *.json file in it"));
    }
    Ok(files)
}

type Placed = Vec<(String, Item)>;

fn csv(path: &Path) -> Result<Placed, BadItems> {
    let mut reader = ::csv::ReaderBuilder::new()
        .trim(::csv::Trim::All)
        .from_path(path)
        .map_err(|error| BadItems::at(path, error))?;
    let mut items = Vec::new();
    for line in reader.deserialize::<Line>() {
        let line = line.map_err(|error| BadItems::at(path, error))?;
        let place = format!("{}, item {}", path.display(), items.len() + 1);
        let item = line.item().map_err(|why| BadItems { place: place.clone(), why })?;
        items.push((place, item));
    }
    Ok(items)
}

/// A JSON array of items, or one item after another.
fn json(path: &Path) -> Result<Placed, BadItems> {
    let text = fs::read_to_string(path).map_err(|error| BadItems::at(path, format!("could not read it: {error}")))?;
    let items: Result<Vec<Item>, _> = if text.trim_start().starts_with('[') {
        serde_json::from_str(&text)
    } else {
        serde_json::Deserializer::from_str(&text).into_iter().collect()
    };
    let items = items.map_err(|error| BadItems::at(path, error))?;
    let placed = |(number, item)| (format!("{}, item {}", path.display(), number + 1), item);
    Ok(items.into_iter().enumerate().map(placed).collect())
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
    fn what_is_wrong_is_named_by_its_place() {
        for (text, expected) in [
            ("sku,description,price\n1,Soap,-1\n", "item 1: the price -1"),
            ("sku,description,price\n1,Soap,1\n1,Soap,2\n", "item 1 is there twice"),
            ("sku,description,price\n1,Soap,1.99\n", "line: 2"),
            ("sku,description,price,unit\n1,Soap,1,dozen\n", "unknown unit `dozen`"),
            ("sku,description,price,colour\n1,Soap,1,red\n", "unknown field `colour`"),
            ("sku,gtin,description,price\n1,123,Soap,1\n", "Invalid GTIN `123`"),
            ("sku,gtin,description,price\n1,96385074,Soap,1\n2,96385074,Soap,1\n", "GTIN 96385074 is item 1's too"),
        ] {
            let directory = written(&[("items.csv", text)]);
            let told = read(directory.path()).unwrap_err().to_string();
            assert!(told.contains("items.csv") && told.contains(expected), "{told}");
        }
    }
}

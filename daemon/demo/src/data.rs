//! Real baskets from CSV files: items.csv and baskets.csv, an excerpt of "The Complete Journey".
//!
//! Everything is read, checked and sold once by the rules alone ([`dry_run`]) before anything is loaded. Errors have
//! the file, line and column.

mod dry_run;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io::Read,
    path::Path,
};

use commerce::{Currency, Gtin, Item, Minor, Price, Quantity, Rounding, Sku, Unit};
use csv::StringRecord;

/// Items, and baskets of these items.
pub(crate) struct Data {
    /// The catalog.
    pub(crate) items: Vec<Item>,
    /// Baskets in the order of the file.
    pub(crate) baskets: Vec<DataBasket>,
}

/// A basket as sold.
#[derive(Clone)]
pub(crate) struct DataBasket {
    /// The id in the data.
    pub(crate) id: String,
    /// The household.
    pub(crate) customer: Option<String>,
    /// Its lines.
    pub(crate) lines: Vec<DataLine>,
}

/// A line as sold.
#[derive(Clone)]
pub(crate) struct DataLine {
    /// The item.
    pub(crate) sku: Sku,
    /// The barcode, if the item is on file and sold by the piece.
    pub(crate) gtin: Option<Gtin>,
    /// Whether the catalog has it.
    pub(crate) on_file: bool,
    /// The quantity.
    pub(crate) quantity: Quantity,
    /// The amount at the shelf price of that day.
    pub(crate) regular: Minor,
    /// Whether it equals the catalog's price.
    pub(crate) at_catalog_price: bool,
    /// The discount of the loyalty programme.
    pub(crate) loyalty: Minor,
    /// The store's match of a coupon.
    pub(crate) coupon_match: Minor,
    /// The amount paid by a manufacturer's coupon.
    pub(crate) manufacturer_coupon: Minor,
}

impl DataBasket {
    /// The sums of regular amounts, discounts, net amounts and manufacturer coupons.
    pub(crate) fn sums(&self) -> [i64; 4] {
        self.lines.iter().fold([0; 4], |[regular, discount, net, coupon], line| {
            let off = line.loyalty.get() + line.coupon_match.get();
            [
                regular + line.regular.get(),
                discount + off,
                net + line.regular.get() - off,
                coupon + line.manufacturer_coupon.get(),
            ]
        })
    }
}

impl DataLine {
    /// The description of an item that is not on file.
    pub(crate) fn description(&self) -> String {
        format!("Item {} not on file", self.sku)
    }
}

/// The data that comes with the program, so that the demo needs no files.
const ITEMS: &str = include_str!("../../../tests/data/complete-journey/items.csv");
const BASKETS: &str = include_str!("../../../tests/data/complete-journey/baskets.csv");

/// A file with its columns.
struct Table {
    name: String,
    columns: HashMap<String, usize>,
    rows: Vec<(u64, StringRecord)>,
}

/// A row of a file.
#[derive(Clone, Copy)]
struct Row<'a> {
    table: &'a Table,
    line: u64,
    record: &'a StringRecord,
}

impl Table {
    fn open(directory: &Path, file: &str, columns: &[&str]) -> Result<Self, String> {
        let path = directory.join(file);
        let name = path.display().to_string();
        let file = File::open(&path).map_err(|error| format!("could not read {name}: {error}"))?;
        Self::read(name, file, columns)
    }

    fn read(name: String, text: impl Read, columns: &[&str]) -> Result<Self, String> {
        let mut reader = csv::Reader::from_reader(text);
        let header = reader.headers().map_err(|error| format!("{name}, line 1: {error}"))?;
        let found: HashMap<_, _> =
            header.iter().enumerate().map(|(place, column)| (column.trim().to_owned(), place)).collect();
        if let (1, Some(separator)) = (header.len(), header.iter().flat_map(str::chars).find(|c| ";\t|".contains(*c))) {
            return Err(format!("{name}, line 1: the columns are separated by {separator:?}; separate them by commas"));
        }
        if let Some(missing) = columns.iter().find(|column| !found.contains_key(**column)) {
            return Err(format!("{name}, line 1: the column `{missing}` is missing; expected {}", columns.join(", ")));
        }
        let mut rows = Vec::new();
        for record in reader.into_records() {
            let record = record.map_err(|error| match error.kind() {
                csv::ErrorKind::UnequalLengths { pos, expected_len, len } => format!(
                    "{name}, line {}: expected {expected_len} columns, found {len}",
                    pos.as_ref().map_or(0, csv::Position::line)
                ),
                csv::ErrorKind::Utf8 { pos, err } => format!(
                    "{name}, line {}, column {}: the text is not UTF-8",
                    pos.as_ref().map_or(0, csv::Position::line),
                    err.field() + 1
                ),
                _ => format!("{name}: {error}"),
            })?;
            rows.push((record.position().map_or(0, csv::Position::line), record));
        }
        Ok(Self { name, columns: found, rows })
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, record)| Row { table: self, line: *line, record })
    }
}

impl<'a> Row<'a> {
    fn text(self, column: &str) -> &'a str {
        self.table.columns.get(column).and_then(|place| self.record.get(*place)).unwrap_or_default().trim()
    }

    fn wrong(self, column: &str, why: impl std::fmt::Display) -> String {
        let place = self.table.columns.get(column).map_or(0, |place| place + 1);
        format!("{}, line {}, column {place} ({column}): {why}", self.table.name, self.line)
    }

    fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(self, column: &str) -> Result<T, String> {
        self.text(column).parse().map_err(|error| self.wrong(column, error))
    }

    /// A value whose parser does not say what is expected.
    fn expect<T: std::str::FromStr>(self, column: &str, expected: &str) -> Result<T, String> {
        let text = self.text(column);
        text.parse().map_err(|_| self.wrong(column, format!("`{}` is not {expected}", text.escape_debug())))
    }

    /// An amount in cents, zero or more.
    fn cents(self, column: &str) -> Result<Minor, String> {
        let (cents, most): (i64, i64) =
            (self.expect(column, "an amount in whole cents")?, commerce::MAX_LINE_AMOUNT.get());
        match Minor::new(cents).filter(|_| (0..=most).contains(&cents)) {
            Some(minor) => Ok(minor),
            None => Err(self.wrong(column, format!("{cents} cents are out of range; expected 0 to {most}"))),
        }
    }

    /// A text that the catalog accepts.
    fn words(self, column: &str) -> Result<String, String> {
        let text = self.text(column);
        if text.len() > commerce::MAX_TEXT || text.chars().any(char::is_control) {
            return Err(
                self.wrong(column, format!("expected at most {} bytes without control characters", commerce::MAX_TEXT))
            );
        }
        Ok(text.to_owned())
    }
}

const ITEM_COLUMNS: [&str; 8] =
    ["sku", "gtin", "description", "department", "category", "brand", "package_size", "price"];
const BASKET_COLUMNS: [&str; 10] = [
    "basket_id",
    "line",
    "sold_at",
    "customer",
    "sku",
    "quantity",
    "regular_cents",
    "loyalty_discount_cents",
    "coupon_match_cents",
    "manufacturer_coupon_cents",
];

impl Data {
    /// Reads a directory with items.csv and baskets.csv.
    ///
    /// # Errors
    /// The first error, with file, line and column.
    pub(crate) fn read(directory: &Path) -> Result<Self, String> {
        let items = Table::open(directory, "items.csv", &ITEM_COLUMNS)?;
        Self::of(&items, &Table::open(directory, "baskets.csv", &BASKET_COLUMNS)?)
    }

    /// The data that comes with the program.
    ///
    /// # Errors
    /// Never, as the tests show.
    pub(crate) fn built_in() -> Result<Self, String> {
        let items = Table::read("items.csv".into(), ITEMS.as_bytes(), &ITEM_COLUMNS)?;
        Self::of(&items, &Table::read("baskets.csv".into(), BASKETS.as_bytes(), &BASKET_COLUMNS)?)
    }

    fn of(items: &Table, baskets: &Table) -> Result<Self, String> {
        let items = read_items(items)?;
        let baskets = read_baskets(baskets, &items)?;
        Ok(Self { items, baskets })
    }
}

fn read_items(table: &Table) -> Result<Vec<Item>, String> {
    let (mut skus, mut gtins, mut items) = (HashSet::new(), HashMap::new(), Vec::new());
    for row in table.rows() {
        let sku: Sku = row.parse("sku")?;
        if !skus.insert(sku.clone()) {
            return Err(row.wrong("sku", format!("{sku} is listed twice")));
        }
        let gtin = if row.text("gtin").is_empty() { None } else { Some(row.parse::<Gtin>("gtin")?) };
        if let Some(other) = gtin.and_then(|gtin| gtins.insert(gtin, sku.clone())) {
            return Err(row.wrong("gtin", format!("item {other} has the same GTIN")));
        }
        let description = row.words("description")?;
        let department = row.words("department")?;
        // The data has no units; only gasoline is sold by measure.
        let per = if is_gasoline(&description) { Unit::Gallon } else { Unit::Each };
        items.push(Item {
            description: if description.is_empty() { format!("Item {sku}") } else { description },
            sku,
            gtin,
            department: department.into(),
            category: row.words("category")?.into(),
            brand: row.words("brand")?.into(),
            package_size: row.words("package_size")?.into(),
            price: Price { minor: row.cents("price")?, per },
        });
    }
    Ok(items)
}

fn is_gasoline(description: &str) -> bool {
    description.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("gasoline"))
}

fn read_baskets(table: &Table, items: &[Item]) -> Result<Vec<DataBasket>, String> {
    let catalog: HashMap<&Sku, &Item> = items.iter().map(|item| (&item.sku, item)).collect();
    let (mut places, mut baskets, mut seen) = (BTreeMap::new(), Vec::<DataBasket>::new(), HashSet::new());
    let mut rows = Vec::<Vec<Row<'_>>>::new();
    for row in table.rows() {
        let id = row.words("basket_id")?;
        if id.is_empty() || id.len() > 60 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(row.wrong("basket_id", "expected 1 to 60 printable characters without spaces"));
        }
        let number: u32 = row.expect("line", "a line number")?;
        if !seen.insert((id.clone(), number)) {
            return Err(row.wrong("line", format!("basket {id} has line {number} twice")));
        }
        // Not replayed, because the hub assigns its own time; but it must be valid.
        row.expect::<jiff::civil::DateTime>("sold_at", "a time such as 2017-02-27T17:25:43")?;
        let sku: Sku = row.parse("sku")?;
        let item = catalog.get(&sku).copied();
        let count: i64 = row.expect("quantity", "a whole number")?;
        let unit = item.map_or(Unit::Each, |item| item.price.per);
        let milli = if unit.is_measure() { Some(count) } else { count.checked_mul(1000) };
        let quantity = milli.and_then(|milli| Quantity::new(milli, unit).ok());
        let quantity = quantity
            .ok_or_else(|| row.wrong("quantity", format!("{count} is out of range; expected 0 to 1,000,000")))?;
        let regular = row.cents("regular_cents")?;
        let (loyalty, coupon_match) = (row.cents("loyalty_discount_cents")?, row.cents("coupon_match_cents")?);
        if loyalty + coupon_match > regular {
            let column = if loyalty > regular { "loyalty_discount_cents" } else { "coupon_match_cents" };
            return Err(row.wrong(column, format!("the discounts exceed the line's {} cents", regular.get())));
        }
        let at_catalog_price =
            item.is_some_and(|item| item.price.extend(quantity, Rounding::HalfAwayFromZero) == Some(regular));
        let line = DataLine {
            gtin: item.filter(|_| !unit.is_measure()).and_then(|item| item.gtin),
            on_file: item.is_some(),
            sku,
            quantity,
            regular,
            at_catalog_price,
            loyalty,
            coupon_match,
            manufacturer_coupon: row.cents("manufacturer_coupon_cents")?,
        };
        let customer = Some(row.words("customer")?).filter(|customer| !customer.is_empty());
        let place = *places.entry(id.clone()).or_insert_with(|| {
            baskets.push(DataBasket { id: id.clone(), customer: customer.clone(), lines: Vec::new() });
            rows.push(Vec::new());
            baskets.len() - 1
        });
        let (Some(basket), Some(its_rows)) = (baskets.get_mut(place), rows.get_mut(place)) else { continue };
        if basket.customer != customer {
            let first = basket.customer.as_deref().unwrap_or("none");
            return Err(row.wrong("customer", format!("the other lines of basket {id} have customer {first}")));
        }
        if basket.lines.len() >= commerce::MAX_LINES {
            return Err(row.wrong("line", format!("basket {id} has more than {} lines", commerce::MAX_LINES)));
        }
        basket.lines.push(line);
        its_rows.push(row);
    }
    let dollars = Currency::from_code("USD").ok_or("USD is unknown")?;
    for (basket, rows) in baskets.iter().zip(&rows) {
        dry_run::sell(basket, dollars, |line| catalog.get(&line.sku).copied()).map_err(|refused| {
            let why = format!("the hub would refuse basket {}: {}", basket.id, refused.why);
            rows.get(refused.line).map_or_else(|| why.clone(), |row| row.wrong(refused.column, &why))
        })?;
    }
    Ok(baskets)
}

#[cfg(test)]
mod as_promotions;
#[cfg(test)]
mod tests {
    use super::*;

    const SOME_ITEMS: &str = "sku,gtin,description,department,category,brand,package_size,price\n\
        818981,0400008189811,All Family Cereal,GROCERY,COLD CEREAL,National,10.4 OZ,369\n\
        6533889,0400065338894,Gasoline-Reg Unleaded,FUEL,FUEL,Private,,236\n";
    const SOME_BASKETS: &str = "basket_id,line,sold_at,customer,sku,quantity,regular_cents,loyalty_discount_cents,\
        coupon_match_cents,manufacturer_coupon_cents\n\
        1,1,2017-02-27T17:25:43,1366,818981,2,738,38,0,50\n\
        1,2,2017-02-27T17:25:43,1366,6533889,11066,2610,110,0,0\n\
        2,1,2017-02-27T20:33:37,,999,1,72,0,0,0\n";

    fn read(items: &str, baskets: &str) -> Result<Data, String> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("items.csv"), items).unwrap();
        std::fs::write(directory.path().join("baskets.csv"), baskets).unwrap();
        Data::read(directory.path())
    }

    #[test]
    fn the_built_in_data_is_valid() {
        let data = Data::built_in().unwrap();
        assert!(data.items.len() > 2_000 && data.baskets.len() > 300);
    }

    #[test]
    fn gasoline_is_read_by_measure_and_unknown_items_are_kept() {
        let data = read(SOME_ITEMS, SOME_BASKETS).unwrap();
        assert_eq!(data.baskets.len(), 2);
        let [cereal, gasoline] = &data.baskets[0].lines[..] else { panic!("two lines") };
        assert!(cereal.at_catalog_price && cereal.gtin.is_some());
        assert_eq!((gasoline.quantity.to_string().as_str(), gasoline.gtin), ("11.066 gal", None));
        assert!(!gasoline.at_catalog_price);
        assert_eq!(data.baskets[0].sums(), [3348, 148, 3200, 50]);
        assert!(!data.baskets[1].lines[0].on_file);
    }

    #[test]
    fn a_basket_that_the_hub_would_refuse_is_reported_with_its_line() {
        let (header, lines) = SOME_BASKETS.split_once('\n').unwrap();
        let line = lines.lines().next().unwrap();
        let coupons = |count: usize| -> String {
            let line = |number: usize| line.replace("1,1,", &format!("1,{number},")).replace(",50", ",1");
            (1..=count).map(line).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(read(SOME_ITEMS, &format!("{header}\n{}", coupons(39))).unwrap().baskets[0].lines.len(), 39);
        for (count, told) in [(40, "line 41, column 10"), (45, "line 42, column 10")] {
            let error = read(SOME_ITEMS, &format!("{header}\n{}", coupons(count))).err().unwrap();
            assert!(error.contains(told) && error.contains("the maximum of 40 tenders"), "{error}");
        }
    }

    #[test]
    fn errors_have_file_line_and_column() {
        for (from, to, told) in [
            (
                "2017-02-27T20:33:37",
                "27.02.2017 20:33",
                "line 4, column 3 (sold_at): `27.02.2017 20:33` is not a time such as 2017-02-27T17:25:43",
            ),
            (",738,", ",7.38,", "line 2, column 7 (regular_cents): `7.38` is not an amount in whole cents"),
            (
                ",738,",
                ",1000000001,",
                "column 7 (regular_cents): 1000000001 cents are out of range; expected 0 to 1000000000",
            ),
            (",11066,", ",many,", "line 3, column 6 (quantity): `many` is not a whole number"),
            (
                ",1366,6533889",
                ",1367,6533889",
                "line 3, column 4 (customer): the other lines of basket 1 have customer 1366",
            ),
            (",0,50", ",0,3201", "line 2, column 10 (manufacturer_coupon_cents): the hub would refuse basket 1: 3201"),
            (",11066,", ",-1,", "baskets.csv, line 3, column 6 (quantity)"),
            (",38,0,50", ",739,0,50", "baskets.csv, line 2, column 8 (loyalty_discount_cents)"),
            ("1,2,2017", "1,1,2017", "baskets.csv, line 3, column 2 (line)"),
            (",72,0,0,0", ",72,0,0", "baskets.csv, line 4: expected 10 columns, found 9"),
            ("quantity,", "count,", "the column `quantity` is missing"),
            ("basket_id,line,sold_at", "basket_id;line;sold_at", "the column `basket_id` is missing"),
        ] {
            assert!(SOME_BASKETS.contains(from));
            let error = read(SOME_ITEMS, &SOME_BASKETS.replacen(from, to, 1)).err().unwrap();
            assert!(error.contains(told), "{error}");
        }
        let error = read(SOME_ITEMS, &SOME_BASKETS.replace(',', ";")).err().unwrap();
        assert!(error.contains("baskets.csv, line 1: the columns are separated by ';'"), "{error}");
        let error = read(&SOME_ITEMS.replace("0400008189811", "0400008189812"), SOME_BASKETS).err().unwrap();
        assert!(error.contains("items.csv, line 2, column 2 (gtin)") && error.contains("check digit"), "{error}");
    }
}

//! The fields of a label that an item of the catalog gives.

use std::collections::BTreeMap;

use commerce::{Currency, Item, UnitPrice};

/// The fields by name; which of them a label shows is up to its template.
pub(super) fn item_fields(item: &Item, currency: Currency) -> BTreeMap<String, String> {
    let sign = currency.symbol();
    let price = item.price.minor.display(currency).to_string();
    let per = item.price.per.symbol();
    let unit_price = if item.price.per.is_measure() {
        format!("{price} {sign}/{per}")
    } else {
        let unit_price = UnitPrice::of(item.price.minor, &item.package_size);
        let shown = unit_price.map(|price| format!("{} {sign}/{}", price.minor.display(currency), price.unit));
        shown.unwrap_or_default()
    };
    let more = if item.brand.is_empty() { &item.department } else { &item.brand };
    let detail = [&*item.package_size, &**more].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    // A GTIN of 14 digits is a case's, and is printed as GS1-128.
    let (gtin, gtin14, own_code) = match item.gtin.map(|gtin| gtin.to_string()) {
        Some(gtin) if gtin.len() == 14 => (String::new(), gtin, String::new()),
        Some(gtin) => (gtin, String::new(), String::new()),
        None => (String::new(), String::new(), item.sku.to_string()),
    };
    let fields = [
        ("title", item.description.clone()),
        ("detail", detail.join(" · ")),
        ("price", price),
        ("currency", sign),
        ("per", per.to_owned()),
        ("unit_price", unit_price),
        ("sku", item.sku.to_string()),
        ("gtin", gtin),
        ("gtin14", gtin14),
        ("own_code", own_code),
        ("department", item.department.to_string()),
        ("category", item.category.to_string()),
        ("brand", item.brand.to_string()),
        ("package_size", item.package_size.to_string()),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_gives_its_texts_price_and_one_barcode() {
        let item = |json: &str| serde_json::from_str::<Item>(json).unwrap();
        let fields = |item: &Item| item_fields(item, Currency::from_code("EUR").unwrap());
        let oats = item(
            r#"{"sku":"1","gtin":"4006381333931","description":"Oats","brand":"Mill",
                "package_size":"500 G","price":{"minor":199,"per":"each"}}"#,
        );
        let oats = fields(&oats);
        for (name, value) in [
            ("price", "1.99"),
            ("unit_price", "3.98 €/kg"),
            ("detail", "500 G · Mill"),
            ("gtin", "4006381333931"),
            ("own_code", ""),
        ] {
            assert_eq!(oats[name], value, "{name}");
        }
        let apples = fields(&item(r#"{"sku":"A-1","description":"Apples","price":{"minor":299,"per":"kilogram"}}"#));
        for (name, value) in
            [("per", "kg"), ("unit_price", "2.99 €/kg"), ("detail", ""), ("gtin", ""), ("own_code", "A-1")]
        {
            assert_eq!(apples[name], value, "{name}");
        }
    }
}

//! Price books from a retailer: one JSON record per line, as `store-hub price` reads them.
//!
//! A book is checked as hubs check it and refused with all its problems. Of a book's order only that of the taxes has a
//! meaning: taxes on taxes are computed in it. So the keys of taxes are their places, those of other records their
//! names.

use std::{fs, path::Path};

use commerce::pricing::{
    Loader, LocalTime, Problem, Record, Store,
    offer::Offer,
    read::lines,
    record::{CouponClass, PriceEntry, PriceKind},
    tax::{Rate, Tax},
    time::Validity,
};
use contract::publication::PRICES;
use serde_json::value::{RawValue, to_raw_value};

use super::{
    items::BadRecords,
    kinds::{Publishable, Records},
};

/// The price book: prices, offers, taxes, deposits and fees.
pub static PRICE_BOOK: Publishable = Publishable {
    name: PRICES,
    about: "The price book: prices, offers, taxes, deposits and fees of all stores; a JSON record a line",
    read: |path| read(path).map_err(|why| BadRecords::at(path, why)),
    shown: |body| record(body).map_or_else(|_| body.get().to_owned(), |record| shown(&record).join(": ")),
    changed: |before, after| match (record(before), record(after)) {
        (Ok(before), Ok(after)) => {
            let ([_, before], [name, after]) = (shown(&before), shown(&after));
            if before == after {
                format!("{name}: {after}, other details")
            } else {
                format!("{name}: {before} -> {after}")
            }
        }
        _ => after.get().to_owned(),
    },
    refused_if_shrunk: false,
};

fn record(body: &RawValue) -> serde_json::Result<Record> {
    serde_json::from_str(body.get())
}

/// Reads and checks a book.
fn read(path: &Path) -> Result<Records, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("could not read it: {error}"))?;
    let mut loader = Loader::default();
    loader.read(&text);
    // The checks do not depend on the store and its time zone.
    loader.finish(&Store { name: "", zone: &|_| 0 }).map_err(|problems| told(&problems))?;
    let (mut records, mut taxes) = (Records::new(), 0);
    for (line, text) in lines(&text) {
        let wrong = |error: serde_json::Error| format!("line {line}: {error}");
        let record: Record = serde_json::from_str(text).map_err(wrong)?;
        taxes += u32::from(matches!(record, Record::Tax(_)));
        records.insert(key(&record, taxes), to_raw_value(&record).map_err(wrong)?);
    }
    Ok(records)
}

fn told(problems: &[Problem]) -> String {
    let listed: Vec<_> = problems.iter().map(|problem| format!("\n- {problem}")).collect();
    format!("not a valid price book:{}", listed.concat())
}

/// The key of a record. The checks of a book make it unique.
fn key(record: &Record, taxes: u32) -> String {
    match record {
        Record::Book(_) => "book".into(),
        Record::Stores(set) => format!("stores/{}", set.name),
        Record::Item(item) => format!("item/{}", item.sku),
        Record::Price(price) => format!("price/{}", price.id),
        Record::Offer(offer) => format!("offer/{}", offer.id),
        Record::Coupon(class) => format!("coupon/{}", class.class),
        Record::Tax(_) => format!("tax/{taxes:06}"),
    }
}

/// A record in a line: its name, and what it says.
fn shown(record: &Record) -> [String; 2] {
    match record {
        Record::Book(book) => ["book".into(), format!("version {}, {}", book.version, book.currency.code())],
        Record::Stores(set) => [format!("stores {}", set.name), set.stores.join(", ")],
        Record::Item(item) => {
            let tax = item.tax.as_deref().unwrap_or("not taxed");
            let linked: Vec<_> =
                item.linked.iter().map(|linked| format!(", {} {}", linked.name, linked.minor.get())).collect();
            [format!("item {}", item.sku), format!("{tax}{}", linked.concat())]
        }
        Record::Price(price) => [format!("price {}", price.id), of_price(price)],
        Record::Offer(offer) => [format!("offer {}", offer.id), of_offer(offer)],
        Record::Coupon(class) => [format!("coupon {}", class.class), of_coupon(class)],
        Record::Tax(tax) => [format!("tax {}", tax.id), of_tax(tax)],
    }
}

fn of_price(price: &PriceEntry) -> String {
    let kind = match price.kind {
        PriceKind::Regular => "regular",
        PriceKind::Member => "member",
        PriceKind::Promotional => "promotional",
        PriceKind::Clearance => "clearance",
        PriceKind::Override => "override",
    };
    let multi = price.multi.map(|multi| format!(", {} for {}", multi.count, multi.minor.get())).unwrap_or_default();
    let (sku, amount, unit) = (&price.sku, price.price.minor.get(), price.price.per.name());
    format!("{sku} {kind} {amount} per {unit}{multi}{}{}", at(price.location.as_deref()), span(price.validity()))
}

fn of_offer(offer: &Offer) -> String {
    let at: Vec<_> = offer.locations.iter().map(|location| at(Some(location))).collect();
    format!("{}, version {}{}{}", offer.name, offer.version, at.concat(), span(offer.validity()))
}

fn of_coupon(class: &CouponClass) -> String {
    let uses = |uses: Option<u32>, of: &str| uses.map(|uses| format!(", {uses} uses {of}")).unwrap_or_default();
    let prefix = &class.prefix;
    format!("codes begin with {prefix}{}{}", uses(class.uses, "each"), uses(class.per_customer, "per customer"))
}

fn of_tax(tax: &Tax) -> String {
    let rate = match tax.rate {
        Rate::Ppm(ppm) => format!("{ppm} ppm"),
        Rate::Fixed(minor) => format!("{} each", minor.get()),
    };
    format!("{rate} on {}{}{}", tax.classes.join(", "), at(tax.location.as_deref()), span(tax.validity()))
}

fn at(location: Option<&str>) -> String {
    location.map(|location| format!(", at {location}")).unwrap_or_default()
}

fn span(validity: Validity) -> String {
    let of = |word: &str, time: Option<LocalTime>| time.map(|time| format!(", {word} {time}")).unwrap_or_default();
    of("from", validity.from) + &of("until", validity.until)
}

#[cfg(test)]
mod tests;

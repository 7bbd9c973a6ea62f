//! Codes on goods: what a scanned payload means at a till.
//!
//! | payload | meaning |
//! | --- | --- |
//! | 8, 12, 13, 14 digits with a valid check digit | a GTIN (EAN, UPC-A, ITF-14), a UPC-E, or an ISBN or ISSN as EAN |
//! | an ISBN of 10 characters | its EAN |
//! | a number by a [`Rule`] | an item with a price, weight or count inside |
//! | a GS1 element string or Digital Link | an item with its batch, dates, serial number, weight or price |
//! | other printable text | an item number of the retailer |
//!
//! The AIM identifier of the scanner decides where it can. Without one, digits are tried first, then GS1 data, then the
//! retailer's number; and eight digits can be an EAN-8 or a UPC-E ([`ScannedCode`]).
//!
//! Nothing is guessed: a code with a wrong check digit, a date that does not exist or a price in another currency is
//! refused with the reason.

mod restricted;

use serde::Serialize;

pub use self::restricted::{Inside, Rule, ValueKind, price_check};
use crate::{
    gs1::{self, Element, Elements, Gs1Error},
    ids::BusinessDay,
    item::{Gtin, ScannedCode, Sku},
    money::{Currency, Minor},
    particulars::Particulars,
    quantity::{Quantity, Unit},
};

/// What the store knows that codes don't say.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The rules for restricted circulation numbers, the first that applies counts.
    pub rules: &'a [Rule],
    /// The store's currency.
    pub currency: Currency,
    /// Today, for the century of dates.
    pub today: BusinessDay,
}

/// A decoded code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Code {
    /// The GTINs that the code can stand for, in the order of look-up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub gtins: Vec<Gtin>,
    /// The retailer's numbers that it can stand for, in the order of look-up, after the GTINs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub skus: Vec<Sku>,
    /// The weight or the number of pieces in the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// The price of the whole package in the code, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Minor>,
    /// Batch, dates, serial number.
    #[serde(skip_serializing_if = "Particulars::is_empty")]
    pub particulars: Particulars,
    /// All elements of GS1 data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<Element>,
}

/// Why a code can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// It is not valid GS1 data.
    #[error("{0}; scan again, or enter the number below the code")]
    Gs1(#[from] Gs1Error),
    /// The check digit is wrong.
    #[error("{0}; scan again")]
    CheckDigit(String),
    /// The check digit of the price or weight inside is wrong.
    #[error("the check digit of the price or weight inside is wrong; scan again, or weigh the goods")]
    PriceCheck,
    /// GS1 data without an item.
    #[error("the code names no item: it has no (01) or (02)")]
    NoItem,
    /// An add-on was read without the code beside it.
    #[error("only the add-on was read; scan the whole code")]
    AddOn,
    /// A price in another currency.
    #[error("the price in the code is in currency {0}, not in the store's")]
    Currency(String),
    /// A number that does not fit.
    #[error("the {0} in the code is out of range")]
    Range(&'static str),
    /// Neither a code nor a number.
    #[error("the code is not a GTIN, GS1 data or an item number")]
    Unknown,
}

/// Decodes a payload with its AIM identifier, such as `]C1`, if the scanner sends one.
///
/// # Errors
/// The code is not valid.
pub fn decode(data: &str, aim: Option<&str>, context: Context<'_>) -> Result<Code, CodeError> {
    let mut code = understand(data, aim, context)?;
    code.particulars.scanned = Some(data.chars().take(crate::MAX_TEXT).collect());
    Ok(code)
}

fn understand(data: &str, aim: Option<&str>, context: Context<'_>) -> Result<Code, CodeError> {
    match aim {
        Some("]C1" | "]e0" | "]e1" | "]e2" | "]d2" | "]Q3" | "]J1") => gs1_data(Elements::parse(data)?, context),
        Some("]E1" | "]E2") => Err(CodeError::AddOn),
        // A composite code: the linear part, then GS1 data.
        Some("]E0") if data.contains("|]e") => {
            let (linear, composite) = data.split_once('|').unwrap_or((data, ""));
            let mut code = digits(linear, context)?;
            if let Ok(elements) = Elements::parse(composite.get(3..).unwrap_or_default()) {
                read_elements(&mut code, &elements, context)?;
                code.elements = elements.into_all();
            }
            Ok(code)
        }
        // An EAN with an add-on, such as the issue of a magazine: the item is the EAN.
        Some("]E3") => digits(data.get(..13).unwrap_or(data), context),
        Some("]E4") => Ok(gtin(data.parse().map_err(CodeError::CheckDigit)?)),
        Some("]E0") => digits(data, context),
        _ if gs1::is_link(data) => gs1_data(Elements::parse_link(data)?, context),
        _ if is_all_digits(data) => digits(data, context),
        _ if data.contains(gs1::GS) || data.starts_with("(01)") || data.starts_with("(02)") => {
            gs1_data(Elements::parse(data)?, context)
        }
        _ => match isbn(data) {
            Some(isbn) => Ok(gtin(isbn)),
            None => other(data, context),
        },
    }
}

fn gtin(gtin: Gtin) -> Code {
    Code { gtins: vec![gtin], ..Code::default() }
}

fn is_all_digits(data: &str) -> bool {
    matches!(data.len(), 8 | 12 | 13 | 14) && data.bytes().all(|byte| byte.is_ascii_digit())
}

/// A linear code of digits.
fn digits(data: &str, context: Context<'_>) -> Result<Code, CodeError> {
    let scanned: ScannedCode = data.parse().map_err(CodeError::CheckDigit)?;
    let long = if data.len() == 8 { data.to_owned() } else { format!("{data:0>13}") };
    let long = long.get(long.len().saturating_sub(13)..).unwrap_or_default();
    for rule in context.rules {
        match rule.read(long) {
            None => {}
            Some(Ok(inside)) => return restricted(&inside, context.currency),
            Some(Err(_)) => return Err(CodeError::PriceCheck),
        }
    }
    Ok(Code { gtins: scanned.gtins().collect(), ..Code::default() })
}

fn restricted(inside: &Inside, currency: Currency) -> Result<Code, CodeError> {
    let numbers = [inside.item.as_str(), inside.item.trim_start_matches('0')];
    let mut skus: Vec<Sku> = numbers.into_iter().filter_map(|number| number.parse().ok()).collect();
    skus.dedup();
    let mut code = Code { gtins: inside.base.parse().into_iter().collect(), skus, ..Code::default() };
    let decimals = u32::from(inside.decimals);
    let value = i64::from(inside.value);
    let measured = |unit| measure(value, decimals, unit).map(Some);
    match inside.kind {
        ValueKind::Price => code.amount = Some(price(value, decimals, currency)?),
        ValueKind::Kilogram => code.quantity = measured(Unit::Kilogram)?,
        ValueKind::Pound => code.quantity = measured(Unit::Pound)?,
        ValueKind::Count => code.quantity = measured(Unit::Each)?,
    }
    Ok(code)
}

/// A number with decimals in thousandths of a unit, if it is exact.
fn measure(value: i64, decimals: u32, unit: Unit) -> Result<Quantity, CodeError> {
    let out = CodeError::Range(if unit == Unit::Each { "count" } else { "weight" });
    scaled(value, decimals, 3).and_then(|milli| Quantity::new(milli, unit).ok()).ok_or(out)
}

/// A price with decimals in minor units, if it is exact.
fn price(value: i64, decimals: u32, currency: Currency) -> Result<Minor, CodeError> {
    scaled(value, decimals, currency.exponent()).and_then(Minor::new).ok_or(CodeError::Range("price"))
}

fn scaled(value: i64, from: u32, to: u32) -> Option<i64> {
    if from <= to {
        return value.checked_mul(10_i64.checked_pow(to - from)?);
    }
    let divisor = 10_i64.checked_pow(from - to)?;
    (value % divisor == 0).then_some(value / divisor)
}

fn gs1_data(elements: Elements, context: Context<'_>) -> Result<Code, CodeError> {
    let number = elements.get("01").or_else(|| elements.get("02")).ok_or(CodeError::NoItem)?;
    let mut code = gtin(number.parse().map_err(CodeError::CheckDigit)?);
    read_elements(&mut code, &elements, context)?;
    code.elements = elements.into_all();
    Ok(code)
}

/// Weight, price, batch, serial number and dates.
fn read_elements(code: &mut Code, elements: &Elements, context: Context<'_>) -> Result<(), CodeError> {
    let number = |text: &str, what| text.parse::<i64>().map_err(|_| CodeError::Range(what));
    for (ai, unit) in [("310", Unit::Kilogram), ("320", Unit::Pound), ("315", Unit::Litre), ("361", Unit::Gallon)] {
        if let Some((decimals, value)) = elements.measure(ai) {
            code.quantity = Some(measure(number(value, "weight")?, decimals, unit)?);
            break;
        }
    }
    if code.quantity.is_none()
        && let Some(count) = elements.get("30").or_else(|| elements.get("37"))
    {
        code.quantity = Some(measure(number(count, "count")?, 0, Unit::Each)?);
    }
    if let Some((decimals, value)) = elements.measure("392") {
        code.amount = Some(price(number(value, "price")?, decimals, context.currency)?);
    } else if let Some((decimals, value)) = elements.measure("393") {
        let (currency, value) = value.split_at_checked(3).unwrap_or((value, ""));
        if currency.parse() != Ok(context.currency.number()) {
            return Err(CodeError::Currency(currency.to_owned()));
        }
        code.amount = Some(price(number(value, "price")?, decimals, context.currency)?);
    }
    let text = |ai| elements.get(ai).map(str::to_owned);
    let day = |ai: &str| elements.get(ai).and_then(|value| gs1::day(value, context.today));
    let earliest = |ais: &[&str]| ais.iter().filter_map(|ai| day(ai)).min();
    code.particulars = Particulars {
        batch: text("10"),
        serial: text("21"),
        use_by: earliest(&["17", "7003"]),
        best_before: earliest(&["15", "16"]),
        ..Particulars::default()
    };
    Ok(())
}

/// An ISBN of ten characters as its EAN: 978, nine digits, and a new check digit.
fn isbn(text: &str) -> Option<Gtin> {
    let plain: String = text.chars().filter(|sign| *sign != '-').collect();
    let (body, check) = plain.split_at_checked(9).filter(|(body, check)| body.is_ascii() && check.len() == 1)?;
    let mut sum = 0;
    for (digit, weight) in body.chars().zip((2..=10).rev()) {
        sum += digit.to_digit(10)? * weight;
    }
    sum += match check {
        "X" | "x" => 10,
        digit => digit.parse().ok()?,
    };
    if sum % 11 != 0 {
        return None;
    }
    let body = format!("978{body}");
    format!("{body}{}", char::from(gs1::check_digit(body.as_bytes()))).parse().ok()
}

/// GS1 data of a scanner that sends no AIM identifier and no separator, or the retailer's own number.
fn other(data: &str, context: Context<'_>) -> Result<Code, CodeError> {
    let is_long_number = data.len() >= 16 && (data.starts_with("01") || data.starts_with("02"));
    if is_long_number && let Ok(elements) = Elements::parse(data) {
        return gs1_data(elements, context);
    }
    match data.parse::<Sku>() {
        Ok(sku) => Ok(Code { skus: vec![sku], ..Code::default() }),
        Err(_) => Err(CodeError::Unknown),
    }
}

#[cfg(test)]
mod tests;

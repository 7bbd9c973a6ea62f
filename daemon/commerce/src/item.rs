//! Items: what is sold, under which codes and at what price.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    MAX_LINE_AMOUNT, MAX_TEXT,
    money::{Minor, Rounding},
    quantity::{Quantity, Unit},
    text::is_readable,
};

/// The retailer's own number of an item: 1 to 32 printable ASCII characters without spaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, min_length = 1, max_length = 32, pattern = "^[!-~]{1,32}$",
    example = "818981"))]
pub struct Sku(String);

impl Sku {
    /// The SKU as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sku {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text))
        } else {
            Err(format!("Invalid SKU `{}`: 1 to 32 printable ASCII characters without spaces", text.escape_debug()))
        }
    }
}

impl FromStr for Sku {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

impl From<Sku> for String {
    fn from(sku: Sku) -> Self {
        sku.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A Global Trade Item Number of 8, 12, 13 or 14 digits with a valid check digit (GS1 General Specifications, 7.9).
///
/// All lengths share one number space: a UPC-A of twelve digits is an EAN-13 with a leading zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^([0-9]{8}|[0-9]{12,14})$",
    example = "0400008189811"))]
pub struct Gtin(u64);

impl Gtin {
    /// The number without leading zeros, the same for a GTIN in every length.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl FromStr for Gtin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |why: &str| Err(format!("Invalid GTIN `{}`: {why}", text.escape_debug()));
        if !matches!(text.len(), 8 | 12 | 13 | 14) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return refuse("expected 8, 12, 13 or 14 digits");
        }
        let digits = text.bytes().rev().map(|byte| u64::from(byte - b'0'));
        let weighed: u64 =
            digits.clone().skip(1).zip([3, 1].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
        let check = (10 - weighed % 10) % 10;
        if digits.clone().next() != Some(check) {
            return refuse(&format!("its check digit should be {check}"));
        }
        Ok(Self(digits.rev().fold(0, |number, digit| number * 10 + digit)))
    }
}

impl TryFrom<String> for Gtin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Gtin> for String {
    fn from(gtin: Gtin) -> Self {
        gtin.to_string()
    }
}

impl fmt::Display for Gtin {
    /// Formatted with 8 digits if it fits a GTIN-8, else with 13, else with 14.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 100_000_000 { write!(f, "{:08}", self.0) } else { write!(f, "{:013}", self.0) }
    }
}

/// A barcode as a scanner sends it: a GTIN or a UPC-E.
///
/// Eight digits can be either, because a scanner that sends no AIM identifier does not say which, and some numbers are
/// valid as both. An item whose own code has these eight digits takes precedence; otherwise the code is a UPC-E and
/// stands for the GTIN of its UPC-A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ScannedCode {
    first: Gtin,
    second: Option<Gtin>,
}

impl ScannedCode {
    /// The GTINs that the code can stand for, in lookup order.
    pub fn gtins(self) -> impl Iterator<Item = Gtin> {
        [Some(self.first), self.second].into_iter().flatten()
    }
}

impl From<Gtin> for ScannedCode {
    fn from(gtin: Gtin) -> Self {
        Self { first: gtin, second: None }
    }
}

impl FromStr for ScannedCode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let gtin = text.parse::<Gtin>();
        match (gtin, upc_a(text).and_then(|text| text.parse().ok())) {
            (Ok(first), second) => Ok(Self { first, second }),
            (Err(_), Some(first)) => Ok(Self { first, second: None }),
            (Err(error), None) => Err(error),
        }
    }
}

impl TryFrom<String> for ScannedCode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for ScannedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.second {
            Some(second) => write!(f, "{} or {second}", self.first),
            None => write!(f, "{}", self.first),
        }
    }
}

/// Expands a UPC-E of eight digits to its UPC-A (GS1 General Specifications, 5.2.2.4.2): the digit before the check
/// digit says where zeros were left out. `None` if the text is not a valid UPC-E.
fn upc_a(upc_e: &str) -> Option<String> {
    let is_upc_e = upc_e.len() == 8 && upc_e.bytes().all(|byte| byte.is_ascii_digit()) && upc_e.starts_with(['0', '1']);
    if !is_upc_e {
        return None;
    }
    let (system, digits, check) = (&upc_e[..1], &upc_e[1..7], &upc_e[7..]);
    let expanded = match &digits[5..] {
        zeros @ ("0" | "1" | "2") => format!("{}{zeros}0000{}", &digits[..2], &digits[2..5]),
        "3" => format!("{}00000{}", &digits[..3], &digits[3..5]),
        "4" => format!("{}00000{}", &digits[..4], &digits[4..5]),
        last => format!("{}0000{last}", &digits[..5]),
    };
    Some(format!("{system}{expanded}{check}"))
}

/// The price of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Price {
    /// Minor units of the store's currency.
    #[cfg_attr(feature = "schema", schema(minimum = 0, maximum = 1_000_000_000))]
    pub minor: Minor,
    /// The unit that the price is for.
    pub per: Unit,
}

impl Price {
    /// The price of a quantity, rounded once. `None` if the units differ.
    pub fn extend(self, quantity: Quantity, rounding: Rounding) -> Option<Minor> {
        if quantity.unit() != self.per {
            return None;
        }
        let exact = i128::from(self.minor.get()) * i128::from(quantity.milli());
        i64::try_from(rounding.divide(exact, 1000)).ok().and_then(Minor::new)
    }
}

/// An item of the catalog. Texts that many items have in common are shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Item {
    /// The retailer's number and the key.
    pub sku: Sku,
    /// The GTIN of its barcode, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtin: Option<Gtin>,
    /// As printed on receipts and labels.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub description: String,
    /// The department.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = String, max_length = 120))]
    pub department: Arc<str>,
    /// The category within the department.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = String, max_length = 120))]
    pub category: Arc<str>,
    /// The manufacturer.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = String, max_length = 120))]
    pub brand: Arc<str>,
    /// The package size, such as `10.4 OZ`.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = String, max_length = 120))]
    pub package_size: Arc<str>,
    /// The shelf price.
    pub price: Price,
}

impl Item {
    /// Checks what the types do not hold: texts can be read and printed, and the price is in range. The same at HQ and
    /// at the hub.
    ///
    /// # Errors
    /// The first thing that is wrong, with the item's SKU.
    pub fn check(&self) -> Result<(), String> {
        let texts = [
            ("description", &*self.description),
            ("department", &*self.department),
            ("category", &*self.category),
            ("brand", &*self.brand),
            ("package_size", &*self.package_size),
        ];
        for (field, text) in texts {
            let may_be_empty = field != "description" && text.is_empty();
            if text.len() > MAX_TEXT || !(may_be_empty || is_readable(text)) {
                return Err(format!(
                    "item {}: `{field}` must be readable text of at most {MAX_TEXT} bytes, without control or \
                     invisible characters",
                    self.sku
                ));
            }
        }
        if self.price.minor.is_negative() || self.price.minor > MAX_LINE_AMOUNT {
            let (sku, price) = (&self.sku, self.price.minor.get());
            return Err(format!(
                "item {sku}: the price {price} is out of range; 0 to {} minor units",
                MAX_LINE_AMOUNT.get()
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sku_is_1_to_32_printable_characters_without_blanks() {
        let longest = "!".repeat(31) + "~";
        let sku: Sku = longest.parse().unwrap();
        assert_eq!((sku.as_str(), sku.to_string().as_str()), (longest.as_str(), longest.as_str()));
        assert_eq!(String::from(sku), longest);
        for text in ["", " ", "a b", "é", "\u{7f}", &"1".repeat(33)] {
            assert!(text.parse::<Sku>().unwrap_err().contains("1 to 32 printable"), "{text:?}");
        }
    }

    #[test]
    fn a_gtin_must_have_a_valid_check_digit() {
        assert_eq!("0400008189811".parse::<Gtin>().unwrap().to_string(), "0400008189811");
        assert!("0400008189812".parse::<Gtin>().unwrap_err().contains("should be 1"));
        assert!("040000818981".parse::<Gtin>().is_err());
        assert!("04000081898１1".parse::<Gtin>().is_err());
    }

    #[test]
    fn a_upc_and_its_ean_are_the_same_gtin() {
        assert_eq!("036000291452".parse::<Gtin>(), "0036000291452".parse::<Gtin>());
        assert_eq!("96385074".parse::<Gtin>().unwrap().to_string(), "96385074");
        assert_eq!("036000291452".parse::<Gtin>().unwrap().number(), 36_000_291_452);
        assert_eq!("10400008189818".parse::<Gtin>().unwrap().to_string(), "10400008189818");
    }

    #[test]
    fn a_gtin_is_text_in_json() {
        let gtin: Gtin = "036000291452".parse().unwrap();
        assert_eq!(serde_json::to_string(&gtin).unwrap(), "\"0036000291452\"");
        assert_eq!(serde_json::from_str::<Gtin>("\"036000291452\"").unwrap(), gtin);
        assert!(serde_json::from_str::<Gtin>("36000291452").is_err());
    }

    #[test]
    fn a_upc_e_stands_for_its_upc_a() {
        let upc_as = [
            ("01234505", "012000003455"),
            ("01234514", "012100003454"),
            ("01234523", "012200003453"),
            ("01234531", "012300000451"),
            ("01234543", "012340000053"),
            ("01234558", "012345000058"),
            ("01234565", "012345000065"),
            ("01234596", "012345000096"),
        ];
        for (short, long) in upc_as {
            let gtins: Vec<_> = short.parse::<ScannedCode>().unwrap().gtins().collect();
            assert_eq!(gtins.last(), Some(&long.parse().unwrap()), "{short}");
            let is_gtin_8 = short.parse::<Gtin>().is_ok();
            assert_eq!(gtins.len(), 1 + usize::from(is_gtin_8), "{short}");
        }
        assert_eq!("1".to_owned() + &upc_a("01234565").unwrap()[1..], upc_a("11234565").unwrap());
    }

    #[test]
    fn a_code_that_can_be_both_names_both() {
        let code: ScannedCode = "12345670".parse().unwrap();
        let gtins = ["12345670", "123456000070"].map(|text| text.parse::<Gtin>().unwrap());
        assert_eq!(code.gtins().collect::<Vec<_>>(), gtins);
        assert_eq!(code.to_string(), "12345670 or 0123456000070");
    }

    #[test]
    fn a_scanned_code_of_another_length_is_a_gtin() {
        for text in ["96385074", "036000291452", "0400008189811", "10400008189818"] {
            let gtin = text.parse::<Gtin>().unwrap();
            assert_eq!(text.parse::<ScannedCode>().unwrap().gtins().collect::<Vec<_>>(), [gtin]);
            assert_eq!(text.parse(), Ok(ScannedCode::from(gtin)));
            assert_eq!(ScannedCode::from(gtin).to_string(), gtin.to_string());
        }
        for text in ["", "1234567", "01234566", "91234565", "0123456\u{ff11}", "040000818981"] {
            assert!(text.parse::<ScannedCode>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_field_of_an_item_is_refused() {
        let item = |field: &str, price: &str| {
            let text = format!(
                r#"{{"sku":"T1","description":"Typo","{field}":"4006381333931",
                    "price":{{"minor":1,"per":"each"{price}}}}}"#
            );
            serde_json::from_str::<Item>(&text).map_err(|error| error.to_string())
        };
        assert!(item("gtin", "").is_ok());
        assert!(item("gtln", "").unwrap_err().contains("unknown field `gtln`"));
        assert!(item("gtin", r#","curency":"USD""#).unwrap_err().contains("unknown field `curency`"));
    }

    #[test]
    fn a_measure_is_priced_with_a_named_rounding() {
        let price = Price { minor: Minor::literal(236), per: Unit::Gallon };
        let fill = Quantity::new(11_066, Unit::Gallon).unwrap();
        assert_eq!(price.extend(fill, Rounding::HalfAwayFromZero), Some(Minor::literal(2612)));
        assert_eq!(price.extend(Quantity::pieces(1).unwrap(), Rounding::HalfAwayFromZero), None);
    }

    proptest! {
        #[test]
        fn gtins_round_trip(number in 0_u64..1_000_000_000_000) {
            let weight = |place: u32| if place.is_multiple_of(2) { 3 } else { 1 };
            let weighed: u64 = (0..13).map(|place| number / 10_u64.pow(place) % 10 * weight(place)).sum();
            let text = format!("{number:012}{}", (10 - weighed % 10) % 10);
            let gtin: Gtin = text.parse().unwrap();
            prop_assert_eq!(gtin.to_string().parse::<Gtin>().unwrap(), gtin);
        }

        #[test]
        fn parsers_never_panic(text in ".{0,40}") {
            let _ = text.parse::<Gtin>();
            let _ = text.parse::<Sku>();
        }
    }

    #[test]
    fn an_item_has_readable_texts_and_a_price_in_range() {
        let item = |description: &str, brand: &str, minor| Item {
            sku: "T1".parse().unwrap(),
            gtin: None,
            description: description.into(),
            department: "".into(),
            category: "".into(),
            brand: brand.into(),
            package_size: "".into(),
            price: Price { minor, per: Unit::Each },
        };
        let (longest, most) = ("x".repeat(MAX_TEXT), MAX_LINE_AMOUNT);
        for (description, brand, minor) in
            [("Tea", "", Minor::ZERO), ("Tea", "Best", Minor::literal(1)), (&longest, &longest, most)]
        {
            assert_eq!(item(description, brand, minor).check(), Ok(()));
        }
        let too_long = "x".repeat(MAX_TEXT + 1);
        for (description, brand, field) in [
            ("", "", "description"),
            ("\u{200b}", "", "description"),
            (&too_long, "", "description"),
            ("Tea", "\u{200b}", "brand"),
            ("Tea", &too_long, "brand"),
        ] {
            let why = item(description, brand, Minor::ZERO).check().unwrap_err();
            assert!(why.starts_with(&format!("item T1: `{field}` must be readable")), "{why}");
        }
        for minor in [Minor::literal(-1), most + Minor::literal(1)] {
            let why = item("Tea", "", minor).check().unwrap_err();
            assert!(why.starts_with("item T1: the price"), "{why}");
        }
    }
}

//! Barcodes as modules: EAN-13, EAN-8, UPC-A, Code 128, GS1-128, QR, Data Matrix, GS1 Data Matrix.
//!
//! The linear ones are encoded here; QR and Data Matrix by the crates `qrcode` and `datamatrix`. Data is checked:
//! digits and check digits of a GTIN, the characters of Code 128, the element strings of GS1.

mod code128;
mod ean;
mod gs1;

use datamatrix::{DataMatrix, SymbolList};
use serde::Deserialize;

pub(crate) use code128::Sign;

use crate::bitmap::Bitmap;

/// A kind of barcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symbology {
    /// A GTIN with its check digit: 8 digits as EAN-8, 12 as UPC-A, 13 as EAN-13.
    Ean,
    /// A number without its check digit, 7, 11 or 12 digits: for codes with a price or weight inside.
    EanBare,
    /// Printable ASCII.
    #[serde(rename = "code-128")]
    Code128,
    /// GS1 elements, such as `(01)09520123456788(3103)000350`, as Code 128.
    #[serde(rename = "gs1-128")]
    Gs1128,
    /// Any text.
    Qr,
    /// Any text.
    DataMatrix,
    /// GS1 elements as Data Matrix.
    Gs1DataMatrix,
}

/// An encoded barcode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barcode {
    /// Bars next to each other.
    Linear(Linear),
    /// A square or rectangle of modules, black if set.
    Matrix(Bitmap),
}

/// A linear barcode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linear {
    /// The widths of bars and spaces in modules; the first is a bar.
    pub widths: Vec<u8>,
    /// The modules that must be empty on both sides.
    pub quiet: usize,
    /// The text below, if any.
    pub text: String,
    /// Its contents, for printers that draw it themselves.
    pub(crate) contents: Contents,
}

/// The contents of a linear barcode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// A kind of EAN, and its digits without the check digit, which printers add.
    Ean(Ean, String),
    /// The signs of a Code 128 between its start and its check character.
    Code128(Vec<Sign>),
}

/// A kind of EAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ean {
    Ean13,
    Ean8,
    UpcA,
}

impl Linear {
    /// A Code 128 of these signs; the first is the set to start in.
    #[cfg(feature = "simulate")]
    pub(crate) fn of_signs(signs: Vec<Sign>) -> Self {
        code128::of_signs(signs, String::new())
    }

    /// Its width in modules, without quiet zones.
    pub fn modules(&self) -> usize {
        self.widths.iter().map(|width| usize::from(*width)).sum()
    }

    /// Its bars: place and width in modules.
    pub fn bars(&self) -> impl Iterator<Item = (usize, usize)> {
        let mut at = 0;
        self.widths.iter().enumerate().filter_map(move |(index, width)| {
            let (from, width) = (at, usize::from(*width));
            at += width;
            index.is_multiple_of(2).then_some((from, width))
        })
    }
}

/// Encodes data.
///
/// # Errors
/// The data does not suit the symbology; the text says why.
pub fn encode(symbology: Symbology, data: &str) -> Result<Barcode, String> {
    match symbology {
        Symbology::Ean => ean::encode(data).map(Barcode::Linear),
        Symbology::EanBare => ean::with_check_digit(data).and_then(|whole| ean::encode(&whole)).map(Barcode::Linear),
        Symbology::Code128 => {
            if !(1..=80).contains(&data.len()) || !data.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                return Err(format!("barcode `{}`: expected 1 to 80 printable ASCII characters", data.escape_debug()));
            }
            Ok(Barcode::Linear(code128::encode(data.as_bytes(), data.to_owned())))
        }
        Symbology::Gs1128 => {
            let elements = gs1::elements(data)?;
            // GS1 General Specifications, 5.4.1: at most 48 data characters.
            if elements.message.len() > 48 {
                let length = elements.message.len();
                return Err(format!("barcode `{data}` has {length} characters; a GS1-128 has at most 48"));
            }
            let signs = [&[gs1::FNC1][..], &elements.message].concat();
            Ok(Barcode::Linear(code128::encode(&signs, elements.text)))
        }
        Symbology::Qr => {
            let code = qrcode::QrCode::new(data).map_err(|error| too_long("QR code", data, &error))?;
            let side = code.width();
            let mut modules = Bitmap::new(side, side);
            for (index, color) in code.into_colors().into_iter().enumerate() {
                if color == qrcode::Color::Dark {
                    modules.blacken(index % side, index / side);
                }
            }
            Ok(Barcode::Matrix(modules))
        }
        Symbology::DataMatrix => {
            matrix(DataMatrix::encode_str(data, SymbolList::default()).map_err(|error| format!("{error:?}")), data)
        }
        Symbology::Gs1DataMatrix => {
            let message = gs1::elements(data)?.message;
            matrix(DataMatrix::encode_gs1(&message, SymbolList::default()).map_err(|error| format!("{error:?}")), data)
        }
    }
}

fn too_long(kind: &str, data: &str, error: &dyn std::fmt::Display) -> String {
    format!("a {kind} of {} characters can't be made: {error}", data.chars().count())
}

fn matrix(code: Result<DataMatrix, String>, data: &str) -> Result<Barcode, String> {
    let bitmap = code.map_err(|error| too_long("Data Matrix", data, &error))?.bitmap();
    let mut modules = Bitmap::new(bitmap.width(), bitmap.height());
    bitmap.pixels().for_each(|(x, y)| modules.blacken(x, y));
    Ok(Barcode::Matrix(modules))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Symbology; 7] = [
        Symbology::Ean,
        Symbology::EanBare,
        Symbology::Code128,
        Symbology::Gs1128,
        Symbology::Qr,
        Symbology::DataMatrix,
        Symbology::Gs1DataMatrix,
    ];

    proptest! {
        #[test]
        fn any_text_is_encoded_or_refused(data in "\\PC{0,60}|[0-9]{7,14}|(\\([0-9]{2,4}\\)[0-9A-Za-z]{0,12}){1,5}") {
            for symbology in ALL {
                match encode(symbology, &data) {
                    Ok(Barcode::Linear(linear)) => {
                        prop_assert!(linear.widths.iter().all(|width| (1..=4).contains(width)));
                        // It begins and ends with a bar.
                        prop_assert!(linear.widths.len() % 2 == 1);
                    }
                    Ok(Barcode::Matrix(modules)) => prop_assert!(modules.width() >= 8 && modules.black_dots() > 0),
                    Err(why) => prop_assert!(!why.is_empty()),
                }
            }
        }
    }
}

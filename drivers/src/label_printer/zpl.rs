//! ZPL II, the language of most label printers (Zebra "ZPL II Programming Guide").
//!
//! - A label has 58 x 40 mm at 8 dots per millimetre (203 dpi), the common shelf label.
//! - Field data is sent with `^FH`: every byte that is not a plain letter, digit or harmless sign is written as `_hh`,
//!   so no text can be a command.
//! - `~HS` (host status) is requested before and after a label, to check paper, head and ribbon.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{Barcode, Label, LabelPrinter, PrintError};
use crate::{
    Answer,
    device::{Device, DeviceName, Health},
    printer::{Fault, Language, Printer, Status, Work},
    registry::Start,
    transport::Wire,
};

/// How long a printer may take to answer `~HS`, including while it prints.
const STATUS: Duration = Duration::from_secs(5);

const STX: u8 = 0x02;
const ETX: u8 = 0x03;

/// This protocol has no settings besides the address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {}

/// A running label printer.
struct ZplPrinter(Printer<Zpl>);

/// Starts a label printer.
pub(super) fn start(start: Start<'_, Settings>) -> Arc<dyn LabelPrinter> {
    Arc::new(ZplPrinter(Printer::start(start)))
}

impl Device for ZplPrinter {
    fn name(&self) -> &DeviceName {
        self.0.name()
    }

    fn health(&self) -> Health {
        self.0.health()
    }
}

impl LabelPrinter for ZplPrinter {
    fn print<'a>(&'a self, label: &'a Label) -> Answer<'a, Result<(), PrintError>> {
        Box::pin(async { self.0.send(Work::Print { data: encode(label)?, lines: 0 }).await.map(drop) })
    }
}

/// The language ZPL.
#[derive(Default)]
struct Zpl;

impl Language for Zpl {
    const JOB: Duration = Duration::from_secs(30);

    fn patience(_: u32) -> Duration {
        Duration::from_secs(5)
    }

    /// `~HS`: the answer is three strings, each framed STX … ETX CR LF.
    async fn status(&mut self, wire: &mut dyn Wire) -> Result<Status, Fault> {
        let asked = timeout(STATUS, async {
            wire.write_all(b"~HS").await?;
            wire.flush().await?;
            let mut strings: Vec<Vec<u8>> = Vec::new();
            let mut open = None;
            for _ in 0..512 {
                let byte = wire.read_u8().await?;
                match (byte, &mut open) {
                    (STX, _) => open = Some(Vec::new()),
                    (ETX, Some(_)) => {
                        strings.extend(open.take());
                        if strings.len() == 3 {
                            return Ok(strings);
                        }
                    }
                    (byte, Some(string)) => string.push(byte),
                    (_, None) => {}
                }
            }
            Err(std::io::Error::other("its status is too long"))
        });
        let strings = asked.await.map_err(|_| {
            Fault::Broken(
                "it did not answer a status request (~HS); check that it is a ZPL printer and switched on".into(),
            )
        })??;
        trouble(&strings)
            .ok_or_else(|| Fault::Broken("its status (~HS) is not valid; check that it is a ZPL printer".into()))
    }
}

/// The trouble reported by the three strings of `~HS`: in the first, field 2 is "paper out" and 3 "pause"; in the
/// second, 3 is "head up" and 4 "ribbon out". `None` if the strings are not a status. Pure.
#[allow(clippy::option_option)] // no strings, strings of a printer that is well, strings of one that is not
fn trouble(strings: &[Vec<u8>]) -> Option<Status> {
    let flag = |string: usize, field: usize| {
        let value = strings.get(string)?.split(|byte| *byte == b',').nth(field)?.trim_ascii();
        match value {
            b"0" => Some(false),
            b"1" => Some(true),
            _ => None,
        }
    };
    let (paper, pause, head, ribbon) = (flag(0, 1)?, flag(0, 2)?, flag(1, 2)?, flag(1, 3)?);
    Some(if head {
        Some("the print head is open; close it")
    } else if paper {
        Some("out of labels; insert a new roll")
    } else if ribbon {
        Some("out of ribbon; insert a new ribbon")
    } else if pause {
        Some("paused; press the pause button")
    } else {
        None
    })
}

/// Encodes a label. Pure.
///
/// # Errors
/// The code is not a GTIN, or a number is out of range.
pub(crate) fn encode(label: &Label) -> Result<Vec<u8>, PrintError> {
    let invalid = |why: String| PrintError::Invalid { why };
    if !(1..=999).contains(&label.copies) {
        return Err(invalid(format!("{} copies; expected 1 to 999", label.copies)));
    }
    let barcode = barcode(&label.barcode).map_err(invalid)?;
    let (title, detail) = (field(&label.title, 60), field(&label.detail, 40));
    let (price, currency) = (field(&label.price, MAX_PRICE), field(&label.currency, 4));
    let (high, wide) = price_size(label.price.chars().count());
    let zpl = format!(
        // UTF-8; 464 x 320 dots; then the fields with their positions.
        "^XA^CI28^PW464^LL320\
         ^FO16,14^A0N,34,32^FB432,2,2,L^FH^FD{title}^FS\
         ^FO16,92^A0N,22,20^FB432,1,0,L^FH^FD{detail}^FS\
         ^FO24,200{barcode}^FS\
         ^FO16,128^A0N,30,28^FB56,1,0,R^FH^FD{currency}^FS\
         ^FO80,126^A0N,{high},{wide}^FB368,1,0,R^FH^FD{price}^FS\
         ^PQ{}^XZ",
        label.copies
    );
    Ok(zpl.into_bytes())
}

/// The maximum length of a price, such as `1,000,000.00/gal`.
const MAX_PRICE: usize = 16;

/// Height and width of the price's characters, in dots: as large as fits into 368 dots. A digit of font 0 is slightly
/// wider than half its width parameter.
fn price_size(letters: usize) -> (usize, usize) {
    let wide = (368 * 10 / 6 / letters.clamp(1, MAX_PRICE)).min(58);
    (wide * 64 / 58, wide)
}

/// The commands and data of a barcode. The label has 424 dots for it.
fn barcode(barcode: &Barcode) -> Result<String, String> {
    const ROOM: usize = 424;
    // Modules: 11, 11 and 13 for the start, check and stop characters; 11 for each data character.
    let module = |characters: usize| if (11 * (characters + 2) + 13) * 2 <= ROOM { 2 } else { 1 };
    match barcode {
        Barcode::Gtin(digits) => {
            if !check_digit_is_right(digits) {
                let given = digits.escape_debug();
                return Err(format!("barcode `{given}` has a wrong check digit or characters other than digits"));
            }
            // The printer adds the check digit: ^BE takes 12 digits, ^B8 seven, ^BU eleven.
            let bare = digits.get(..digits.len().saturating_sub(1)).unwrap_or_default();
            match digits.len() {
                13 => Ok(format!("^BY2^BEN,80,Y,N^FD{bare}")),
                8 => Ok(format!("^BY2^B8N,80,Y,N^FD{bare}")),
                12 => Ok(format!("^BY2^BUN,80,Y,N,Y^FD{bare}")),
                // Code set C and FNC1 (`>;>8`), then the application identifier: two digits per character.
                14 => Ok(format!("^BY{}^BCN,80,Y,N,N^FD>;>801{digits}", module(9))),
                other => {
                    Err(format!("barcode `{}` has {other} digits; expected 8, 12, 13 or 14", digits.escape_debug()))
                }
            }
        }
        Barcode::Code128(text) => {
            if !(1..=32).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
                let given = text.escape_debug();
                return Err(format!("barcode `{given}`: expected 1 to 32 printable ASCII characters"));
            }
            // Code set B throughout; `>` begins a command within the barcode, and `>0` stands for the character itself.
            Ok(format!("^BY{}^BCN,80,Y,N,N^FH^FD>:{}", module(text.len()), code_set_b(text)))
        }
    }
}

/// Field data of at most `most` characters; every character that could be part of a command is written in hexadecimal.
fn field(text: &str, most: usize) -> String {
    let mut data = String::new();
    for char in text.chars().filter(|char| !char.is_control()).take(most) {
        if char.is_ascii_alphanumeric() || " .,-/%&()+".contains(char) {
            data.push(char);
        } else {
            for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                data.push_str(&format!("_{byte:02X}"));
            }
        }
    }
    data
}

/// Barcode data in code set B.
fn code_set_b(text: &str) -> String {
    text.split('>').map(|part| field(part, 32)).collect::<Vec<_>>().join(">0")
}

/// GS1 General Specifications, 7.9.
fn check_digit_is_right(code: &str) -> bool {
    code.bytes().all(|byte| byte.is_ascii_digit())
        && code
            .bytes()
            .rev()
            .zip([1, 3].into_iter().cycle())
            .map(|(digit, weight)| u32::from(digit - b'0') * weight)
            .sum::<u32>()
            % 10
            == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(super) fn label() -> Label {
        Label {
            title: "All Family Cereal".into(),
            detail: "10.4 OZ  GROCERY".into(),
            price: "3.69".into(),
            currency: "$".into(),
            barcode: Barcode::Gtin("0400008189811".into()),
            copies: 2,
        }
    }

    #[test]
    fn a_label_has_its_fields_barcode_and_copies() {
        let zpl = String::from_utf8(encode(&label()).unwrap()).unwrap();
        for part in ["^FDAll Family Cereal^FS", "^BY2^BEN,80,Y,N^FD040000818981^FS", "^FD_24^FS", "^PQ2^XZ"] {
            assert!(zpl.contains(part), "{part} in {zpl}");
        }
    }

    #[test]
    fn a_gtin_14_is_gs1_128_and_an_sku_is_code_128() {
        let zpl = |barcode| String::from_utf8(encode(&Label { barcode, ..label() }).unwrap()).unwrap();
        let case = zpl(Barcode::Gtin("10400008189818".into()));
        assert!(case.contains("^BY2^BCN,80,Y,N,N^FD>;>80110400008189818^FS"), "{case}");
        let sku = zpl(Barcode::Code128("A>^1".into()));
        assert!(sku.contains("^BY2^BCN,80,Y,N,N^FH^FD>:A>0_5E1^FS"), "{sku}");
        assert!(zpl(Barcode::Code128("x".repeat(32))).contains("^BY1^BCN"));
    }

    #[test]
    fn a_long_price_is_printed_smaller_and_not_truncated() {
        let zpl = |price: &str| String::from_utf8(encode(&Label { price: price.into(), ..label() }).unwrap()).unwrap();
        assert!(zpl("3.69").contains("^A0N,64,58^FB368,1,0,R^FH^FD3.69"));
        assert!(zpl("1,000,000.00/gal").contains("^A0N,41,38^FB368,1,0,R^FH^FD1,000,000.00/gal"));
    }

    #[test]
    fn invalid_labels_are_refused_with_a_reason() {
        let wrong = |change: fn(&mut Label)| {
            let mut label = label();
            change(&mut label);
            encode(&label).unwrap_err().to_string()
        };
        assert!(wrong(|label| label.barcode = Barcode::Gtin("0400008189812".into())).contains("check digit"));
        assert!(wrong(|label| label.barcode = Barcode::Gtin("4006381333931x".into())).contains("check digit"));
        assert!(wrong(|label| label.barcode = Barcode::Gtin("17".into())).contains("2 digits"));
        assert!(wrong(|label| label.barcode = Barcode::Code128(String::new())).contains("1 to 32"));
        assert!(wrong(|label| label.barcode = Barcode::Code128("é".into())).contains("ASCII"));
        assert!(wrong(|label| label.copies = 0).contains("1 to 999"));
    }

    #[test]
    fn status_strings_become_instructions() {
        let strings = |first: &str, second: &str| [first, second, "1234,0"].map(|text| text.as_bytes().to_vec());
        assert_eq!(
            trouble(&strings("030,0,0,1245,000,0,0,0,000,0,0,0", "000,0,0,0,1,2,6,0,00000000,1,000")),
            Some(None)
        );
        assert!(trouble(&strings("030,1,0,1245", "000,0,0,0")).unwrap().unwrap().contains("labels"));
        assert!(trouble(&strings("030,0,1,1245", "000,0,0,0")).unwrap().unwrap().contains("paused"));
        assert!(trouble(&strings("030,0,0,1245", "000,0,1,0")).unwrap().unwrap().contains("head"));
        assert!(trouble(&strings("030,0,0,1245", "000,0,0,1")).unwrap().unwrap().contains("ribbon"));
        assert_eq!(trouble(&strings("nonsense", "000,0,0,1")), None);
    }

    proptest! {
        /// Any texts give as many commands as an empty label.
        #[test]
        fn no_text_can_be_a_command(title in ".{0,80}", detail in "[\\^~_\\x00-\\x20a]{0,40}", price in ".{0,20}") {
            let commands = |label: &Label| {
                let zpl = encode(label).unwrap();
                zpl.iter().filter(|byte| matches!(byte, b'^' | b'~')).count()
            };
            let empty = Label { title: String::new(), detail: String::new(), price: String::new(), ..label() };
            prop_assert_eq!(commands(&Label { title, detail, price, ..label() }), commands(&empty));
        }

        #[test]
        fn the_status_parser_never_panics(strings in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..5)) {
            let _ = trouble(&strings);
        }
    }
}

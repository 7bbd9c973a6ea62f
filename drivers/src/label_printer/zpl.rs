//! ZPL II, the language of most label printers (Zebra "ZPL II Programming Guide").
//!
//! - A label of 58 x 40 mm at 8 dots a millimetre (203 dpi), the common shelf label.
//! - Field data goes out with `^FH`: every byte that is not a plain letter, digit or harmless sign is written as `_hh`,
//!   so no text can be a command.
//! - `~HS` (host status) before and after: paper, head and ribbon are looked at, not assumed.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{Label, LabelPrinter, PrintError};
use crate::{
    Answer,
    device::{Device, DeviceName, Health},
    printer::{Fault, Language, Printer, Status},
    registry::Start,
    transport::Wire,
};

/// How long a printer may take to answer `~HS`, also while it prints.
const STATUS: Duration = Duration::from_secs(5);

const STX: u8 = 0x02;
const ETX: u8 = 0x03;

/// A config has nothing to say of a label printer with this protocol but its address.
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
        Box::pin(async { self.0.send(encode(label)?).await })
    }
}

/// The language.
struct Zpl;

impl Language for Zpl {
    const TAKE: Duration = Duration::from_secs(5);
    const JOB: Duration = Duration::from_secs(30);

    /// `~HS`: the answer is three strings, each framed STX … ETX CR LF.
    async fn status(wire: &mut dyn Wire) -> Result<Status, Fault> {
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
            Err(std::io::Error::other("its status has no end"))
        });
        let strings = asked.await.map_err(|_| {
            Fault::Broken("it did not tell its status (~HS); is it a ZPL printer, and switched on?".into())
        })??;
        trouble(&strings).ok_or_else(|| Fault::Broken("its status (~HS) can't be read; is it a ZPL printer?".into()))
    }
}

/// What is wrong, by the three strings of `~HS`: in the first, field 2 is "paper out" and 3 "pause"; in the second, 3
/// is "head up" and 4 "ribbon out". `None` if the strings are something else. Pure.
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
        Some("its head is open; close it")
    } else if paper {
        Some("it is out of labels; put in a new roll")
    } else if ribbon {
        Some("it is out of ribbon; put in a new one")
    } else if pause {
        Some("it is paused; press its pause button")
    } else {
        None
    })
}

/// A label as the printer wants it. Pure.
///
/// # Errors
/// The code is not a GTIN, or a number is out of range.
pub(crate) fn encode(label: &Label) -> Result<Vec<u8>, PrintError> {
    let invalid = |why: String| PrintError::Invalid { why };
    if !(1..=999).contains(&label.copies) {
        return Err(invalid(format!("{} copies; print 1 to 999", label.copies)));
    }
    // The printer adds the check digit itself: ^BE takes 12 digits, ^B8 seven, ^BU eleven.
    let symbol = match label.barcode.len() {
        13 => "^BEN,80,Y,N",
        8 => "^B8N,80,Y,N",
        12 => "^BUN,80,Y,N,Y",
        other => {
            return Err(invalid(format!("barcode `{}` has {other} digits; 8, 12 or 13", label.barcode.escape_debug())));
        }
    };
    let digits = label.barcode.get(..label.barcode.len() - 1).unwrap_or_default();
    if !check_digit_is_right(&label.barcode) {
        return Err(invalid(format!(
            "barcode `{}` has a wrong check digit or no digits",
            label.barcode.escape_debug()
        )));
    }
    let (title, detail) = (field(&label.title, 60), field(&label.detail, 40));
    let (price, currency) = (field(&label.price, 12), field(&label.currency, 4));
    let zpl = format!(
        // UTF-8; 464 x 320 dots; then each field at its place.
        "^XA^CI28^PW464^LL320\
         ^FO16,14^A0N,34,32^FB432,2,2,L^FH^FD{title}^FS\
         ^FO16,92^A0N,22,20^FB432,1,0,L^FH^FD{detail}^FS\
         ^FO24,178^BY2{symbol}^FD{digits}^FS\
         ^FO216,128^A0N,30,28^FB56,1,0,R^FH^FD{currency}^FS\
         ^FO248,126^A0N,64,58^FB200,1,0,R^FH^FD{price}^FS\
         ^PQ{}^XZ",
        label.copies
    );
    Ok(zpl.into_bytes())
}

/// Field data, at most `most` characters; every character that could be a command is written in hexadecimal.
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
            barcode: "0400008189811".into(),
            copies: 2,
        }
    }

    #[test]
    fn a_label_has_its_fields_barcode_and_copies() {
        let zpl = String::from_utf8(encode(&label()).unwrap()).unwrap();
        for part in ["^FDAll Family Cereal^FS", "^BEN,80,Y,N^FD040000818981^FS", "^FD_24^FS", "^PQ2^XZ"] {
            assert!(zpl.contains(part), "{part} in {zpl}");
        }
    }

    #[test]
    fn what_can_not_be_printed_says_why() {
        let wrong = |change: fn(&mut Label)| {
            let mut label = label();
            change(&mut label);
            encode(&label).unwrap_err().to_string()
        };
        assert!(wrong(|label| label.barcode = "0400008189812".into()).contains("check digit"));
        assert!(wrong(|label| label.barcode = "12".into()).contains("2 digits"));
        assert!(wrong(|label| label.copies = 0).contains("1 to 999"));
    }

    #[test]
    fn status_strings_say_what_to_do() {
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
        /// Whatever the texts: as many commands as in an empty label.
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
        fn no_status_makes_the_parser_panic(strings in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..5)) {
            let _ = trouble(&strings);
        }
    }
}

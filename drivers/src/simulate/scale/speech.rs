//! What a simulated scale answers, byte by byte.

use std::str::FromStr;

use super::super::line::Fault;

/// The protocol of a simulated scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleProtocol {
    /// Toledo 8217.
    Toledo8217,
    /// MT-SICS.
    MtSics,
    /// NCI SCP-01.
    Nci,
    /// CAS type 6.
    Cas,
    /// Dialog 06 with the public test polynomial 11021.
    Dialog06,
    /// Reports of a HID scale, each with its length before it, as the USB transport delivers them.
    Hid,
}

impl ScaleProtocol {
    /// All protocols, with their names in a config.
    pub const ALL: [(&'static str, Self); 6] = [
        ("toledo-8217", Self::Toledo8217),
        ("mt-sics", Self::MtSics),
        ("nci", Self::Nci),
        ("cas", Self::Cas),
        ("dialog-06", Self::Dialog06),
        ("hid", Self::Hid),
    ];
}

impl FromStr for ScaleProtocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Short names such as 8217 will do.
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text || name.ends_with(&format!("-{text}")));
        found.map(|(_, protocol)| protocol).ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name).join(", ");
            format!("unknown protocol `{}`; expected one of: {names}", text.escape_debug())
        })
    }
}

/// The plate and its faults.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plate {
    pub(super) milli: u32,
    pub(super) fault: Fault,
    /// Something was put on or taken off since the last weighing.
    pub(super) has_moved: bool,
}

/// A scale in conversation.
pub(super) struct Speech {
    pub(super) protocol: ScaleProtocol,
    input: Vec<u8>,
    price: Option<u32>,
    /// Dialog 06: the register has answered the challenge of this power-on.
    is_trusted: bool,
    verdict: Option<bool>,
}

/// The random byte of the challenge.
const CHALLENGE: u8 = 0x47;

impl Speech {
    pub(super) fn new(protocol: ScaleProtocol) -> Self {
        Self { protocol, input: Vec::new(), price: None, is_trusted: false, verdict: None }
    }

    /// The answer to a byte, if it completes a command.
    pub(super) fn hear(&mut self, byte: u8, plate: &mut Plate) -> Vec<u8> {
        self.input.push(byte);
        if self.input.len() > 64 {
            self.input.clear();
        }
        let ends = match self.protocol {
            ScaleProtocol::Toledo8217 | ScaleProtocol::Cas => true,
            ScaleProtocol::MtSics => byte == b'\n',
            ScaleProtocol::Nci => byte == b'\r',
            ScaleProtocol::Dialog06 => matches!(byte, 3 | 5),
            ScaleProtocol::Hid => false,
        };
        if !ends {
            return Vec::new();
        }
        let command = std::mem::take(&mut self.input);
        match self.protocol {
            ScaleProtocol::Toledo8217 => toledo(&command, *plate),
            ScaleProtocol::MtSics => sics(&command, *plate),
            ScaleProtocol::Nci => nci(&command, *plate),
            ScaleProtocol::Cas => cas(&command, *plate),
            ScaleProtocol::Dialog06 => self.dialog(&command, plate),
            ScaleProtocol::Hid => Vec::new(),
        }
    }

    /// A report of a HID scale in kilograms.
    pub(super) fn report(plate: Plate) -> Vec<u8> {
        let status = match plate.fault {
            Fault::Over => 6,
            Fault::Under => 5,
            Fault::Moving => 3,
            Fault::WrongCheck => 9,
            _ if plate.milli == 0 => 2,
            _ => 4,
        };
        let [low, high] = u16::try_from(plate.milli).unwrap_or(u16::MAX).to_le_bytes();
        vec![0, 6, 3, status, 3, 0xfd, low, high]
    }

    fn dialog(&mut self, command: &[u8], plate: &mut Plate) -> Vec<u8> {
        if command.ends_with(&[4, 5]) {
            return self.result(plate);
        }
        let Some(start) = command.iter().rposition(|byte| *byte == 2) else { return vec![0x15] };
        let record = String::from_utf8_lossy(&command[start + 1..command.len() - 1]).into_owned();
        let fields: Vec<&str> = record.split('\x1b').collect();
        match fields.as_slice() {
            ["01", _, ""] if !self.is_trusted => format!("\x0211\x1b2{CHALLENGE:02X}\x03").into_bytes(),
            ["01", price, ""] => {
                self.price = price.parse().ok();
                vec![if self.price.is_some() { 6 } else { 0x15 }]
            }
            ["10", answer] => {
                self.is_trusted = is_right(answer);
                self.verdict = Some(self.is_trusted);
                vec![6]
            }
            _ => vec![0x15],
        }
    }

    fn result(&mut self, plate: &mut Plate) -> Vec<u8> {
        if let Some(verdict) = self.verdict.take() {
            return format!("\x0211\x1b{}\x03", u8::from(verdict)).into_bytes();
        }
        let code = |code: &str| format!("\x0209\x1b{code}\x03").into_bytes();
        let Some(price) = self.price else { return code("10") };
        match plate.fault {
            Fault::Moving => return code("20"),
            Fault::Over => return code("32"),
            Fault::Under => return code("31"),
            Fault::WrongCheck => return b"\x0202\x1b3\x1b0!250\x1b000199\x1b000249\x03".to_vec(),
            _ if plate.milli == 0 => return code("30"),
            _ if !plate.has_moved => return code("21"),
            _ => {}
        }
        (plate.has_moved, self.price) = (false, None);
        let amount = (u64::from(price) * u64::from(plate.milli) + 500) / 1000;
        format!("\x0202\x1b3\x1b{:05}\x1b{price:06}\x1b{amount:06}\x03", plate.milli).into_bytes()
    }
}

/// The remainder and the rotations as the scale computes them: bit by bit, over the whole product.
fn is_right(answer: &str) -> bool {
    let number = |digits: Option<&str>| digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let (Some(sent), Some(proof)) = (number(answer.get(..4)), number(answer.get(4..8))) else { return false };
    let chosen = sent.rotate_right(u32::from(CHALLENGE >> 4));
    let mut product = u64::from(chosen) << 16;
    for place in (16..32).rev() {
        if product >> place & 1 == 1 {
            product ^= 0x1_1021 << (place - 16);
        }
    }
    u64::from(proof.rotate_left(u32::from(CHALLENGE & 0x0f))) == product
}

fn weight(plate: Plate, decimals: usize) -> String {
    let width = if decimals == 2 { 5 } else { 6 };
    format!("{:0width$.decimals$}", f64::from(plate.milli) / 1000.0)
}

fn toledo(command: &[u8], plate: Plate) -> Vec<u8> {
    match (command, plate.fault) {
        (b"W", Fault::Over) => b"\x02?\x42\r".to_vec(),
        (b"W", Fault::Under) => b"\x02?\x44\r".to_vec(),
        (b"W", Fault::Moving) => b"\x02?\x41\r".to_vec(),
        (b"W", Fault::WrongCheck) => b"\x0201/250\r".to_vec(),
        (b"W", _) => format!("\x02{}\r", weight(plate, 3)).into_bytes(),
        _ => b"\x02?\x40\r".to_vec(),
    }
}

fn sics(command: &[u8], plate: Plate) -> Vec<u8> {
    match (command, plate.fault) {
        (b"SI\r\n", Fault::Over) => b"S +\r\n".to_vec(),
        (b"SI\r\n", Fault::Under) => b"S -\r\n".to_vec(),
        (b"SI\r\n", Fault::WrongCheck) => b"ET\r\n".to_vec(),
        (b"SI\r\n", fault) => {
            let letter = if fault == Fault::Moving { 'D' } else { 'S' };
            format!("S {letter} {:>10.3} kg\r\n", f64::from(plate.milli) / 1000.0).into_bytes()
        }
        _ => b"ES\r\n".to_vec(),
    }
}

fn nci(command: &[u8], plate: Plate) -> Vec<u8> {
    if command != b"W\r" {
        return b"\n?\r\x03".to_vec();
    }
    let status = match plate.fault {
        Fault::Over => "02",
        Fault::Under => "01",
        Fault::Moving => "10",
        Fault::WrongCheck => "\x10\x10",
        _ if plate.milli == 0 => "20",
        _ => "00",
    };
    format!("\n{}KG\r\n{status}\r\x03", weight(plate, 3)).into_bytes()
}

fn cas(command: &[u8], plate: Plate) -> Vec<u8> {
    match command {
        [5] => vec![6],
        [0x11] => {
            let status = if plate.fault == Fault::Moving { 'U' } else { 'S' };
            let body = match plate.fault {
                Fault::Over => format!("{status}FFFFFFFkg"),
                Fault::Under => format!("{status}-00.105kg"),
                _ => format!("{status} {}kg", weight(plate, 3)),
            };
            let wrong = if plate.fault == Fault::WrongCheck { 0x55 } else { 0 };
            let check = body.bytes().fold(wrong, |sum, byte| sum ^ byte);
            [&[1, 2][..], body.as_bytes(), &[check, 3, 4]].concat()
        }
        _ => vec![0x15],
    }
}

//! Claim codes and tickets: the right of one box to become the hub of one location, once.
//!
//! A code has 8 symbols of Crockford's base 32 (40 random bits) and a check symbol, which catches every wrong or
//! swapped symbol. Letters that look like digits are read as those. A ticket is the code with everything else that a
//! box needs: the address of the enrolment service, the location, and the SHA-256 of HQ's root certificate. It fits
//! into a QR code.

use std::{fmt, num::NonZeroU32, str::FromStr};

use ring::{
    hmac, pbkdf2,
    rand::{SecureRandom, SystemRandom},
};

use crate::name::{Digest, HubId, from_hexadecimal, hexadecimal};

/// Crockford's base 32, and the five additional check symbols.
const SYMBOLS: &[u8; 37] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";

/// The symbols of a code without its check symbol.
const LENGTH: usize = 8;

/// Makes guessing a code from a recorded proof 100,000 times as expensive.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(100_000).unwrap();

/// A claim code.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; LENGTH]);

impl Code {
    /// Draws a code.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub fn draw() -> Result<Self, String> {
        let mut bytes = [0; LENGTH];
        let drawn = SystemRandom::new().fill(&mut bytes);
        drawn.map_err(|_| "could not draw a code: the system gave no random bytes".to_owned())?;
        Ok(Self(bytes.map(|byte| byte & 31)))
    }

    fn check(&self) -> u8 {
        let sum = self.0.iter().fold(0_u32, |sum, digit| (sum * 32 + u32::from(*digit)) % 37);
        SYMBOLS[sum as usize]
    }

    /// The key that proves the code for a location. HQ keeps it in the place of the code.
    pub fn key(&self, location: &HubId) -> ClaimKey {
        let mut key = [0; 32];
        let salt = format!("store-hub claim 1\n{location}");
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt.as_bytes(), &self.0, &mut key);
        ClaimKey(key)
    }
}

/// As `7K3M-9QXT-C`.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, digit) in self.0.iter().enumerate() {
            let separator = if place == LENGTH / 2 { "-" } else { "" };
            write!(f, "{separator}{}", char::from(SYMBOLS[usize::from(*digit)]))?;
        }
        write!(f, "-{}", char::from(self.check()))
    }
}

/// Without the code.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}

impl FromStr for Code {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |symbol: char| match symbol.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            symbol => symbol,
        };
        let symbols: Vec<_> = text.chars().filter(|symbol| !"- ".contains(*symbol)).take(64).map(plain).collect();
        let digit = |symbol: &char| SYMBOLS.iter().position(|known| char::from(*known) == *symbol);
        let [digits @ .., check] = symbols.as_slice() else { return Err("the claim code is empty".into()) };
        if digits.len() != LENGTH {
            return Err(format!("the claim code has {} symbols instead of 9", symbols.len()));
        }
        let mut code = Self([0; LENGTH]);
        for (to, symbol) in code.0.iter_mut().zip(digits) {
            let value = digit(symbol).filter(|value| *value < 32).and_then(|value| u8::try_from(value).ok());
            *to = value.ok_or_else(|| format!("the claim code contains `{}`", symbol.escape_debug()))?;
        }
        if char::from(code.check()) == *check {
            Ok(code)
        } else {
            Err("the claim code is mistyped: its last symbol does not match the others".into())
        }
    }
}

/// The key that proves a claim code.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimKey(pub [u8; 32]);

impl ClaimKey {
    /// Proves the code for a request, without revealing it.
    pub fn prove(&self, request: &str) -> String {
        hexadecimal(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), request.as_bytes()).as_ref())
    }

    /// Whether a proof belongs to a request. Takes the same time for every wrong proof.
    pub fn is_proven(&self, request: &str, proof: &str) -> bool {
        let mut bytes = [0; 32];
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        from_hexadecimal(proof, &mut bytes) && hmac::verify(&key, request.as_bytes(), &bytes).is_ok()
    }
}

/// Without the key.
impl fmt::Debug for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimKey")
    }
}

/// What a box needs to enrol: `https://hq.example.com:8445/#store-42.7K3M9QXTC.SHA-256`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The enrolment service: `https://HOST:PORT`.
    pub service: String,
    /// The location.
    pub location: HubId,
    /// The code.
    pub code: Code,
    /// The SHA-256 of HQ's root certificate, DER.
    pub root: Digest,
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.to_string().replace('-', "");
        write!(f, "{}/#{}.{code}.{}", self.service, self.location, self.root)
    }
}

impl FromStr for Ticket {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let parts = (text.len() <= 600).then(|| text.split_once("/#")).flatten();
        let parts = parts.and_then(|(service, rest)| {
            let mut rest = rest.split('.');
            Some((service, rest.next()?, rest.next()?, rest.next()?, rest.next()))
        });
        let Some((service, location, code, root, None)) = parts.filter(|parts| parts.0.starts_with("https://")) else {
            return Err(
                "not a claim ticket: expected https://HOST:PORT/#LOCATION.CODE.SHA-256, as `store-hub-provision \
                        claim issue` prints it"
                    .into(),
            );
        };
        let root = Digest::try_from(root.to_owned());
        let root = root.map_err(|_| "the claim ticket's SHA-256 is not 64 hexadecimal digits".to_owned())?;
        Ok(Self { service: service.to_owned(), location: location.parse()?, code: code.parse()?, root })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_code_reads_back_however_it_is_typed(bytes in proptest::array::uniform8(0_u8..32)) {
            let code = Code(bytes);
            let text = code.to_string();
            let typed = text.to_lowercase().replace('0', "o").replace('1', "l").replace('-', " ");
            prop_assert_eq!(text.parse::<Code>().unwrap(), code.clone());
            prop_assert_eq!(typed.parse::<Code>().unwrap(), code);
        }

        #[test]
        fn one_wrong_symbol_and_two_swapped_ones_are_found(
            bytes in proptest::array::uniform8(0_u8..32), place in 0_usize..8, other in 1_u8..32,
        ) {
            let code = Code(bytes);
            let check = char::from(code.check()).to_string();
            let typed = |bytes: [u8; LENGTH]| {
                let text = Code(bytes).to_string();
                format!("{}{check}", &text[..text.len() - 1]).parse::<Code>()
            };
            let mut wrong = bytes;
            wrong[place] = (wrong[place] + other) % 32;
            prop_assert!(typed(wrong).is_err());
            let mut swapped = bytes;
            swapped.swap(place, (place + 1) % LENGTH);
            // The first and the last are not neighbours.
            if place + 1 < LENGTH && swapped != bytes {
                prop_assert!(typed(swapped).is_err());
            }
        }

        #[test]
        fn any_text_is_a_ticket_or_refused(text in "\\PC{0,80}") {
            let _ = (text.parse::<Ticket>(), text.parse::<Code>());
        }
    }

    #[test]
    fn a_ticket_reads_back() {
        let root = Digest::of(b"root");
        let code = Code::draw().unwrap();
        let location: HubId = "store-42".parse().unwrap();
        let ticket = Ticket { service: "https://hq.example.com:8445".into(), location, code, root };
        assert_eq!(ticket.to_string().parse::<Ticket>(), Ok(ticket.clone()));
        assert!(!format!("{ticket:?}").contains(&ticket.code.to_string()), "a log does not have the code");
        for wrong in ["", "http://hq/#store-42.00000000.00", "https://hq.example.com"] {
            assert!(wrong.parse::<Ticket>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_proof_is_of_one_request_location_and_code() {
        let code: Code = "0000-0001-1".parse().unwrap();
        let [one, other]: [HubId; 2] = ["store-1", "store-2"].map(|name| name.parse().unwrap());
        let proof = code.key(&one).prove("request");
        assert!(code.key(&one).is_proven("request", &proof));
        assert!(!code.key(&one).is_proven("other", &proof));
        assert!(!code.key(&other).is_proven("request", &proof));
        assert!(!"0000-0002-2".parse::<Code>().unwrap().key(&one).is_proven("request", &proof));
        assert!(!code.key(&one).is_proven("request", "00"));
    }
}

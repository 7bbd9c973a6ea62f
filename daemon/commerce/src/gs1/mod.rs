//! GS1 data: element strings and Digital Link URIs, by the whole dictionary of application identifiers (AIs).
//!
//! An element string is a list of identifiers and values, such as `(01)09520123456788(17)271231(10)ABC123`. Scanners
//! send it without parentheses; a value of variable length ends at the separator GS (1D hexadecimal). The same elements
//! can be a web address: `https://id.gs1.org/01/09520123456788/10/ABC123?17=271231`.
//!
//! Everything is validated: identifiers, lengths, characters, check digits, dates. An identifier that occurs twice must
//! have the same value. Which identifiers require or exclude each other is not checked: it is a rule for who prints.
//!
//! Standard: GS1 General Specifications, 3 and 7; GS1 Digital Link URI Syntax 1.5.

mod check;
mod date;
mod dictionary;
mod link;

use serde::{Deserialize, Serialize};

pub(crate) use self::check::check_digit;
pub use self::date::day;
use self::dictionary::{DICTIONARY, Identifier};
pub use self::link::is_link;

/// The separator that scanners send for FNC1.
pub const GS: char = '\u{1d}';

/// The longest data that is read: a GS1 DataMatrix or QR code has at most this many characters.
pub const MAX_DATA: usize = 4_096;

/// An element: an application identifier and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Element {
    /// The application identifier.
    #[cfg_attr(feature = "schema", schema(example = "10"))]
    pub ai: String,
    /// The value as in the code.
    #[cfg_attr(feature = "schema", schema(example = "ABC123"))]
    pub value: String,
}

/// Why data is not valid GS1 data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gs1Error {
    /// There is no element.
    #[error("the code is empty")]
    Empty,
    /// Too much of it.
    #[error("the code has more than {MAX_DATA} characters")]
    TooLong,
    /// The identifier does not exist.
    #[error("unknown application identifier at `{at}`")]
    UnknownIdentifier {
        /// The beginning of the rest.
        at: String,
    },
    /// A value does not follow its definition.
    #[error("({ai}) {title} `{value}`: {why}")]
    Value {
        /// The identifier.
        ai: String,
        /// Its title.
        title: String,
        /// The value.
        value: String,
        /// What is wrong.
        why: &'static str,
    },
    /// An identifier occurs with two values.
    #[error("({ai}) occurs with two values")]
    Twice {
        /// The identifier.
        ai: String,
    },
    /// The web address is not a GS1 Digital Link.
    #[error("not a GS1 Digital Link: {why}")]
    Link {
        /// What is wrong.
        why: &'static str,
    },
}

/// The elements of a code, in its order. At least one; each identifier once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elements(Vec<Element>);

impl Elements {
    /// Reads an element string as a scanner sends it, or with parentheses around the identifiers as people write it.
    ///
    /// # Errors
    /// It is not valid GS1 data; nothing of it is used.
    pub fn parse(text: &str) -> Result<Self, Gs1Error> {
        if text.len() > MAX_DATA {
            return Err(Gs1Error::TooLong);
        }
        if text.starts_with('(') {
            return Self::parse_written(text);
        }
        let mut elements = Self(Vec::new());
        // Some scanners send the FNC1 at the beginning, too.
        let mut rest = text.strip_prefix(GS).unwrap_or(text);
        while !rest.is_empty() {
            let (ai, identifier) = at_start(rest)?;
            let after = rest.get(ai.len()..).unwrap_or_default();
            let end = after.find(GS).unwrap_or(after.len());
            let length = if identifier.is_predefined { end.min(identifier.most()) } else { end };
            let value = after.get(..length).ok_or_else(|| wrong(ai, identifier, after, "it has other characters"))?;
            elements.add(ai, identifier, value)?;
            let after = after.get(length..).unwrap_or_default();
            // A separator after a predefined length is superfluous and harmless.
            rest = after.strip_prefix(GS).unwrap_or(after);
        }
        elements.complete()
    }

    /// Reads a Digital Link URI.
    ///
    /// # Errors
    /// It is not a valid Digital Link.
    pub fn parse_link(text: &str) -> Result<Self, Gs1Error> {
        if text.len() > MAX_DATA {
            return Err(Gs1Error::TooLong);
        }
        link::parse(text)
    }

    fn parse_written(text: &str) -> Result<Self, Gs1Error> {
        let unknown = |at: &str| Gs1Error::UnknownIdentifier { at: at.chars().take(8).collect() };
        let mut elements = Self(Vec::new());
        let mut rest = text;
        while !rest.is_empty() {
            let (ai, after) =
                rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or_else(|| unknown(rest))?;
            let identifier = DICTIONARY.get(ai).ok_or_else(|| unknown(ai))?;
            // A value may have parentheses; one that begins an identifier ends it.
            let end = after.match_indices('(').map(|(place, _)| place).find(|place| {
                let inner = after.get(place + 1..).and_then(|rest| rest.split_once(')'));
                inner.is_some_and(|(ai, _)| DICTIONARY.get(ai).is_some())
            });
            let (value, next) = after.split_at_checked(end.unwrap_or(after.len())).unwrap_or((after, ""));
            elements.add(ai, identifier, value)?;
            rest = next;
        }
        elements.complete()
    }

    /// Adds an element after checking it.
    fn add(&mut self, ai: &str, identifier: &Identifier, value: &str) -> Result<(), Gs1Error> {
        check_value(identifier, value).map_err(|why| wrong(ai, identifier, value, why))?;
        match self.get(ai) {
            Some(known) if known == value => Ok(()),
            Some(_) => Err(Gs1Error::Twice { ai: ai.to_owned() }),
            None => {
                self.0.push(Element { ai: ai.to_owned(), value: value.to_owned() });
                Ok(())
            }
        }
    }

    fn complete(self) -> Result<Self, Gs1Error> {
        if self.0.is_empty() { Err(Gs1Error::Empty) } else { Ok(self) }
    }

    /// The value of an identifier.
    pub fn get(&self, ai: &str) -> Option<&str> {
        self.0.iter().find(|element| element.ai == ai).map(|element| element.value.as_str())
    }

    /// The first identifier of three digits and a number of decimals, such as `310n`; with its decimals and its value.
    pub fn measure(&self, ai: &str) -> Option<(u32, &str)> {
        self.0.iter().find_map(|element| {
            let decimals = element.ai.strip_prefix(ai).filter(|decimals| decimals.len() == 1)?;
            Some((decimals.parse().ok()?, element.value.as_str()))
        })
    }

    /// All elements.
    pub fn all(&self) -> &[Element] {
        &self.0
    }

    /// All elements.
    pub fn into_all(self) -> Vec<Element> {
        self.0
    }
}

fn at_start(text: &str) -> Result<(&str, &'static Identifier), Gs1Error> {
    DICTIONARY.at_start(text).ok_or_else(|| Gs1Error::UnknownIdentifier { at: text.chars().take(8).collect() })
}

fn wrong(ai: &str, identifier: &Identifier, value: &str, why: &'static str) -> Gs1Error {
    let value = value.chars().take(100).collect::<String>().escape_debug().to_string();
    Gs1Error::Value { ai: ai.to_owned(), title: identifier.title.clone(), value, why }
}

/// Checks a value part by part.
fn check_value(identifier: &Identifier, value: &str) -> Result<(), &'static str> {
    if value.is_empty() {
        return Err("it is empty");
    }
    let mut rest = value;
    for part in &identifier.parts {
        if rest.is_empty() && part.is_optional {
            break;
        }
        let (piece, after) = rest.split_at_checked(part.most.min(rest.len())).ok_or("it has other characters")?;
        if piece.len() < part.least {
            return Err("it is too short");
        }
        if !piece.bytes().all(|byte| part.set.has(byte)) {
            return Err("it has characters that are not permitted");
        }
        for check in &part.checks {
            check.check(piece)?;
        }
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err("it is too long") }
}

#[cfg(test)]
mod tests;

//! The application identifiers (AIs), read from GS1's own dictionary.
//!
//! `gs1-syntax-dictionary.txt` is the file of GS1 AISBL (gs1/gs1-syntax-dictionary, release of January 2026, Apache
//! License 2.0; its notice is at the top of the file). It is part of the program and read once.

use std::{collections::HashMap, sync::LazyLock};

use super::check::Check;

const TEXT: &str = include_str!("gs1-syntax-dictionary.txt");

/// All identifiers.
pub(super) static DICTIONARY: LazyLock<Dictionary> = LazyLock::new(|| Dictionary::read(TEXT));

/// The identifiers by their digits.
#[derive(Debug, Default)]
pub(super) struct Dictionary(HashMap<String, Identifier>);

/// An application identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identifier {
    /// Its title, such as `BATCH/LOT`.
    pub(super) title: String,
    /// The value has a length that readers know, so that no separator follows.
    pub(super) is_predefined: bool,
    /// It may be in the query of a Digital Link.
    pub(super) is_attribute: bool,
    /// The parts of its value.
    pub(super) parts: Vec<Part>,
    /// For the primary key of a Digital Link: the qualifiers that may follow it, in their order.
    pub(super) qualifiers: Option<Vec<Vec<String>>>,
}

/// A part of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The permitted characters.
    pub(super) set: Set,
    /// The minimum length.
    pub(super) least: usize,
    /// The maximum length.
    pub(super) most: usize,
    /// It may be absent.
    pub(super) is_optional: bool,
    /// Its rules.
    pub(super) checks: Vec<Check>,
}

/// The character sets of the GS1 General Specifications, 7.11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// Digits.
    Numeric,
    /// 82 characters of ISO/IEC 646.
    Invariant,
    /// 39 characters, for component and part identifiers.
    Part,
    /// 64 characters, for digital signatures.
    File,
}

impl Set {
    /// Whether a character is in the set.
    pub(super) fn has(self, byte: u8) -> bool {
        match self {
            Self::Numeric => byte.is_ascii_digit(),
            Self::Invariant => byte.is_ascii_alphanumeric() || br#"!"%&'()*+,-./:;<=>?_"#.contains(&byte),
            Self::Part => byte.is_ascii_digit() || byte.is_ascii_uppercase() || b"#-/".contains(&byte),
            Self::File => byte.is_ascii_alphanumeric() || b"-_=".contains(&byte),
        }
    }
}

impl Identifier {
    /// The longest value.
    pub(super) fn most(&self) -> usize {
        self.parts.iter().map(|part| part.most).sum()
    }
}

impl Dictionary {
    /// An identifier by its digits.
    pub(super) fn get(&self, ai: &str) -> Option<&Identifier> {
        self.0.get(ai)
    }

    /// The identifier at the beginning of a text. No identifier is the beginning of another.
    pub(super) fn at_start<'t>(&self, text: &'t str) -> Option<(&'t str, &Identifier)> {
        (2..=4).find_map(|length| {
            let ai = text.get(..length)?;
            Some((ai, self.get(ai)?))
        })
    }

    /// Reads the dictionary. A line that does not follow its format is left out; a test counts them.
    fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
        Self(lines.filter_map(entry).flatten().collect())
    }
}

/// A line: the identifier or a range, flags, parts, attributes, title.
fn entry(line: &str) -> Option<Vec<(String, Identifier)>> {
    let (line, title) = line.split_once(" #").unwrap_or((line, ""));
    let mut words = line.split_ascii_whitespace().peekable();
    let ais = words.next()?;
    let flags = words.next_if(|word| word.bytes().all(|byte| b"*?".contains(&byte))).unwrap_or_default();
    let (mut parts, mut qualifiers) = (Vec::new(), None);
    for word in words {
        if let Some(keys) = word.strip_prefix("dlpkey") {
            let paths = keys.strip_prefix('=').map(|keys| keys.split('|').map(path).collect());
            qualifiers = Some(paths.unwrap_or_default());
        } else if !word.contains('=') {
            parts.push(part(word)?);
        }
    }
    let identifier = Identifier {
        title: title.trim().to_owned(),
        is_predefined: flags.contains('*'),
        is_attribute: flags.contains('?'),
        parts,
        qualifiers,
    };
    let all: Vec<String> = match ais.split_once('-') {
        Some((first, last)) => {
            let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
            (first..=last).map(|ai| ai.to_string()).collect()
        }
        None => vec![ais.to_owned()],
    };
    Some(all.into_iter().map(|ai| (ai, identifier.clone())).collect())
}

fn path(keys: &str) -> Vec<String> {
    keys.split(',').map(str::to_owned).collect()
}

/// A part such as `N13,csum,gcppos1`, `X..20` or `[N4],hhmi`.
fn part(word: &str) -> Option<Part> {
    let mut names = word.split(',');
    let shape = names.next()?;
    let inner = shape.strip_prefix('[').and_then(|shape| shape.strip_suffix(']'));
    let (shape, is_optional) = (inner.unwrap_or(shape), inner.is_some());
    let set = match shape.get(..1)? {
        "N" => Set::Numeric,
        "X" => Set::Invariant,
        "Y" => Set::Part,
        "Z" => Set::File,
        _ => return None,
    };
    let length = shape.get(1..)?;
    let (least, most) = match length.strip_prefix("..") {
        Some(most) => (1, most.parse().ok()?),
        None => (length.parse().ok()?, length.parse().ok()?),
    };
    let checks = names.map(Check::of).collect::<Option<_>>()?;
    Some(Part { set, least, most, is_optional, checks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_dictionary_is_understood() {
        let lines: Vec<_> = TEXT.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect();
        for line in &lines {
            assert!(entry(line).is_some(), "{line}");
        }
        assert!(lines.len() >= 220, "{}", lines.len());
        assert!(DICTIONARY.0.len() > 480, "{}", DICTIONARY.0.len());
    }

    #[test]
    fn no_identifier_begins_another() {
        for ai in DICTIONARY.0.keys() {
            for length in 2..ai.len() {
                assert!(DICTIONARY.get(&ai[..length]).is_none(), "{ai}");
            }
        }
    }

    #[test]
    fn entries_have_the_facts_of_the_general_specifications() {
        let gtin = DICTIONARY.get("01").unwrap();
        assert!(gtin.is_predefined && gtin.most() == 14);
        assert_eq!(gtin.qualifiers.as_ref().unwrap(), &[path("22,10,21"), path("235")]);
        let batch = DICTIONARY.get("10").unwrap();
        assert_eq!((batch.title.as_str(), batch.most(), batch.is_predefined), ("BATCH/LOT", 20, false));
        assert!(!DICTIONARY.get("37").unwrap().is_predefined);
        assert!(DICTIONARY.get("3103").unwrap().is_predefined && !DICTIONARY.get("3922").unwrap().is_predefined);
        assert_eq!(DICTIONARY.at_start("39221999").map(|(ai, _)| ai), Some("3922"));
        assert!(DICTIONARY.get("3106").is_none());
    }
}

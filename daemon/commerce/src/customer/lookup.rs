//! The keys by which customers are found.

use serde::Deserialize;

use super::Profile;

/// What a customer is looked up by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A phone number, in any form.
    Phone(String),
    /// An e-mail address.
    Email(String),
    /// The number of a loyalty card.
    Card(String),
    /// The beginning of a name's part.
    Name(String),
}

/// The most keys of a profile.
pub const MAX_KEYS: usize = 80;

/// The digits that tell phone numbers apart, whether or not they have the country's prefix.
const PHONE_DIGITS: usize = 9;

/// A phone number without its form: the last nine digits.
pub(super) fn phone(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits[digits.len().saturating_sub(PHONE_DIGITS)..].to_owned()
}

/// An e-mail address in lower case.
pub(super) fn email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The parts of a name in lower case.
fn names(text: &str) -> impl Iterator<Item = String> {
    text.split(|sign: char| !sign.is_alphanumeric()).filter(|part| !part.is_empty()).map(str::to_lowercase).take(8)
}

impl Lookup {
    /// The key, and whether keys that only begin with it are meant too. None if there is nothing to look for.
    pub fn key(&self) -> Option<(String, bool)> {
        let (kind, key, is_prefix) = match self {
            Self::Phone(text) => ('p', phone(text), false),
            Self::Email(text) => ('e', email(text), false),
            Self::Card(text) => ('c', text.trim().to_owned(), false),
            Self::Name(text) => ('n', names(text).next().unwrap_or_default(), true),
        };
        let is_usable = !key.is_empty() && !key.contains('\0');
        is_usable.then(|| (format!("{kind}{key}"), is_prefix))
    }

    /// Whether a profile that was found by the key is meant. Of a name, every part must begin a part of the profile's.
    pub fn matches(&self, profile: &Profile) -> bool {
        let Self::Name(text) = self else { return true };
        let own: Vec<_> = names(profile.name.as_deref().unwrap_or_default()).collect();
        names(text).all(|part| own.iter().any(|known| known.starts_with(&part)))
    }
}

/// Every key of a profile, in order and without repeats.
pub fn keys(profile: &Profile) -> Vec<String> {
    let mut keys: Vec<_> = profile.phones.iter().map(|text| format!("p{}", phone(text))).collect();
    keys.extend(profile.emails.iter().map(|text| format!("e{}", email(text))));
    keys.extend(profile.cards.iter().map(|text| format!("c{}", text.trim())));
    keys.extend(names(profile.name.as_deref().unwrap_or_default()).map(|name| format!("n{name}")));
    keys.sort_unstable();
    keys.dedup();
    keys.truncate(MAX_KEYS);
    keys
}

/// What a customer is looked up by, as the APIs take it: exactly one field.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = CustomerWanted))]
pub struct Wanted {
    /// A phone number, in any form.
    #[serde(default)]
    pub phone: Option<String>,
    /// An e-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The number of a loyalty card.
    #[serde(default)]
    pub card: Option<String>,
    /// The beginnings of the name's parts.
    #[serde(default)]
    pub name: Option<String>,
}

impl Wanted {
    /// The look-up; none unless exactly one field is there.
    pub fn lookup(self) -> Option<Lookup> {
        let Self { phone, email, card, name } = self;
        let all = [phone.map(Lookup::Phone), email.map(Lookup::Email), card.map(Lookup::Card), name.map(Lookup::Name)];
        let mut given = all.into_iter().flatten();
        given.next().filter(|_| given.next().is_none())
    }
}

//! The profile of a customer.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{MAX_TEXT, gift_card::CardNumber, text::is_readable};

/// The id of a customer: a random UUID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"))]
pub struct CustomerId(String);

impl CustomerId {
    /// Makes an id of random bytes: a UUID of version 4 (RFC 9562, section 5.4).
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = format!("{:032x}", u128::from_be_bytes(bytes));
        Self([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CustomerId {
    type Error = InvalidCustomer;

    fn try_from(text: String) -> Result<Self, InvalidCustomer> {
        let is_uuid = text.len() == 36
            && text.bytes().enumerate().all(|(place, byte)| match place {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            });
        if is_uuid { Ok(Self(text)) } else { Err(InvalidCustomer::Id) }
    }
}

impl FromStr for CustomerId {
    type Err = InvalidCustomer;

    fn from_str(text: &str) -> Result<Self, InvalidCustomer> {
        text.to_owned().try_into()
    }
}

impl From<CustomerId> for String {
    fn from(id: CustomerId) -> Self {
        id.0
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a customer agreed to, or refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Consent {
    /// The purpose, such as `email_marketing`.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub purpose: String,
    /// The version of the text that the customer was shown.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub text_version: String,
    /// Whether they agreed.
    pub given: bool,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

/// An exemption from tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = CustomerExemption))]
pub struct Exemption {
    /// The number of the certificate.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub number: String,
    /// Until when it is valid: milliseconds since 1970, UTC.
    pub until_ms: i64,
}

/// An offer to this customer alone: a coupon of the price book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PersonalOffer {
    /// The code of the coupon. Its class says what it takes off and how often it may be used.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub code: String,
    /// Until when it is valid: milliseconds since 1970, UTC.
    pub until_ms: i64,
}

/// A customer. Empty fields are absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = CustomerProfile))]
pub struct Profile {
    /// The id.
    pub id: CustomerId,
    /// The name, as the customer writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Phone numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<String>,
    /// E-mail addresses; receipts go to the first one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<String>,
    /// The numbers of loyalty cards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<String>,
    /// The language, such as `de`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Labels for people and rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The tier of the loyalty programme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// The groups of customers of the price book that they belong to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The exemption from tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption: Option<Exemption>,
    /// Consents, one for each purpose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<Consent>,
    /// Offers to them alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<PersonalOffer>,
    /// The account of their loyalty points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<CardNumber>,
    /// The latest change: milliseconds since 1970, UTC.
    pub changed_at_ms: i64,
}

/// The most entries of a list of a profile.
const MOST: usize = 20;

/// Why a profile is not accepted. It does not repeat what is wrong: that is personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCustomer {
    /// The id is not a UUID.
    #[error("invalid id of a customer: expected a UUID in lower case")]
    Id,
    /// A text is empty, too long or illegible.
    #[error("invalid `{0}`: expected 1 to {MAX_TEXT} bytes of printable text")]
    Text(&'static str),
    /// A list is too long.
    #[error("too many `{0}`: at most {MOST}")]
    TooMany(&'static str),
    /// A phone number has too few or too many digits.
    #[error("invalid phone number: expected 6 to 15 digits")]
    Phone,
    /// An e-mail address has no @.
    #[error("invalid e-mail address: expected NAME@DOMAIN")]
    Email,
    /// Nothing by which the customer can be found.
    #[error("a customer needs a name, a phone number, an e-mail address or a card")]
    Empty,
}

impl Profile {
    /// An empty profile.
    pub fn new(id: CustomerId, changed_at_ms: i64) -> Self {
        Self {
            id,
            name: None,
            phones: Vec::new(),
            emails: Vec::new(),
            cards: Vec::new(),
            language: None,
            tags: Vec::new(),
            tier: None,
            groups: Vec::new(),
            exemption: None,
            consents: Vec::new(),
            offers: Vec::new(),
            points: None,
            changed_at_ms,
        }
    }

    /// Checks what the types alone cannot guarantee.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), InvalidCustomer> {
        let text = |field, text: &str| {
            let is_valid = text.len() <= MAX_TEXT && is_readable(text);
            if is_valid { Ok(()) } else { Err(InvalidCustomer::Text(field)) }
        };
        let lists = [
            ("phones", &self.phones),
            ("emails", &self.emails),
            ("cards", &self.cards),
            ("tags", &self.tags),
            ("groups", &self.groups),
        ];
        for (field, list) in lists {
            if list.len() > MOST {
                return Err(InvalidCustomer::TooMany(field));
            }
            list.iter().try_for_each(|one| text(field, one))?;
        }
        if self.consents.len() > MOST || self.offers.len() > MOST {
            return Err(InvalidCustomer::TooMany("consents or offers"));
        }
        for (field, one) in [("name", &self.name), ("language", &self.language), ("tier", &self.tier)] {
            one.as_deref().map_or(Ok(()), |one| text(field, one))?;
        }
        for consent in &self.consents {
            text("purpose", &consent.purpose)?;
            text("text_version", &consent.text_version)?;
        }
        self.offers.iter().try_for_each(|offer| text("code", &offer.code))?;
        self.exemption.as_ref().map_or(Ok(()), |exemption| text("exemption", &exemption.number))?;
        for phone in &self.phones {
            let digits = phone.bytes().filter(u8::is_ascii_digit).count();
            let is_phone = phone.chars().all(|sign| sign.is_ascii_digit() || " +-()/.".contains(sign));
            if !is_phone || !(6..=15).contains(&digits) {
                return Err(InvalidCustomer::Phone);
            }
        }
        let is_email = |email: &String| {
            email.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
        };
        if !self.emails.iter().all(is_email) {
            return Err(InvalidCustomer::Email);
        }
        let is_found = self.name.is_some() || !self.phones.is_empty() || !self.emails.is_empty();
        if is_found || !self.cards.is_empty() { Ok(()) } else { Err(InvalidCustomer::Empty) }
    }

    /// Whether they agreed to a purpose.
    pub fn agreed_to(&self, purpose: &str) -> bool {
        self.consents.iter().any(|consent| consent.purpose == purpose && consent.given)
    }

    /// Whether they refused a purpose.
    pub fn refused(&self, purpose: &str) -> bool {
        self.consents.iter().any(|consent| consent.purpose == purpose && !consent.given)
    }

    /// Sets a consent.
    pub fn consent(&mut self, consent: Consent) {
        match self.consents.iter_mut().find(|known| known.purpose == consent.purpose) {
            Some(known) if known.at_ms <= consent.at_ms => *known = consent,
            Some(_) => {}
            None => self.consents.push(consent),
        }
    }

    /// Takes in what another profile of the same person has: what is missing here, all ways to reach them, and the
    /// later consent for each purpose. The order of merges does not change what comes out, except for names and tiers.
    pub fn merge(&mut self, other: Self) {
        fn add(list: &mut Vec<String>, more: Vec<String>, same: impl Fn(&str, &str) -> bool) {
            for one in more {
                if list.len() < MOST && !list.iter().any(|known| same(known, &one)) {
                    list.push(one);
                }
            }
        }
        let exact = |one: &str, other: &str| one == other;
        add(&mut self.phones, other.phones, |one, other| super::lookup::phone(one) == super::lookup::phone(other));
        add(&mut self.emails, other.emails, |one, other| super::lookup::email(one) == super::lookup::email(other));
        add(&mut self.cards, other.cards, exact);
        add(&mut self.tags, other.tags, exact);
        add(&mut self.groups, other.groups, exact);
        self.name = self.name.take().or(other.name);
        self.language = self.language.take().or(other.language);
        self.tier = self.tier.take().or(other.tier);
        self.exemption = self.exemption.take().or(other.exemption);
        self.points = self.points.take().or(other.points);
        for consent in other.consents {
            self.consent(consent);
        }
        for offer in other.offers {
            if self.offers.len() < MOST && !self.offers.contains(&offer) {
                self.offers.push(offer);
            }
        }
        self.changed_at_ms = self.changed_at_ms.max(other.changed_at_ms);
    }
}

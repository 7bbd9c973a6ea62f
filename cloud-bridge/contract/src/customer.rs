//! Customers and the loyalty programme. Stream `customers`, both directions; the rules are in [`commerce::customer`]
//! and [`commerce::loyalty`].
//!
//! - **Up, `customer.changed`:** a store created or changed a profile. It is [private](kept):
//!   HQ keeps the profile with its customers, and of the event only the customer's id. So the archive of events, the
//!   feed and the webhooks hold nothing personal, and an erasure leaves nothing behind in them.
//! - **Up, `erasure.requested`, `receipt.requested`:** a customer asked a store to be forgotten, or for a receipt by
//!   e-mail. They name the customer by id.
//! - **Up, `profiles.requested`:** the store is new, or was restored, and has no profiles.
//! - **Down, `customer.told`:** HQ's profile of a customer, for every store.
//! - **Down, `customer.gone`:** a profile was erased, or merged into another: the store forgets it.
//! - **Down, `programme.published`:** the loyalty programme.

use std::borrow::Cow;

use commerce::{
    SaleId,
    customer::{CustomerId, InvalidCustomer, Profile},
    loyalty::Programme,
};
use serde::{Deserialize, Serialize};

use crate::{
    kind::{BadBody, Body, DownKind, EventKind, Kind},
    message::Event,
    name::Stream,
};

/// Up: a store created or changed a profile.
pub static CHANGED: EventKind<CustomerChanged> = Kind::new("customer.changed", Stream::customers());
/// Up: a customer asked to be forgotten.
pub static ERASURE_REQUESTED: EventKind<CustomerNamed> = Kind::new("erasure.requested", Stream::customers());
/// Up: a customer wants a receipt by e-mail.
pub static RECEIPT_REQUESTED: EventKind<ReceiptRequested> = Kind::new("receipt.requested", Stream::customers());
/// Up: a store without profiles asks for all of them.
pub static PROFILES_REQUESTED: EventKind<ProfilesRequested> = Kind::new("profiles.requested", Stream::customers());
/// Down: HQ's profile of a customer.
pub static TOLD: DownKind<CustomerTold> = Kind::new("customer.told", Stream::customers());
/// Down: a profile is gone.
pub static GONE: DownKind<CustomerGone> = Kind::new("customer.gone", Stream::customers());
/// Down: the loyalty programme.
pub static PROGRAMME: DownKind<ProgrammePublished> = Kind::new("programme.published", Stream::customers());

/// The largest profile, in bytes of JSON.
pub const MAX_PROFILE: usize = 4_096;

/// A store created or changed a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CustomerChanged {
    /// The customer.
    pub customer: CustomerId,
    /// The profile, which HQ stores elsewhere; absent if it is gone meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
}

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CustomerNamed {
    /// The customer.
    pub customer: CustomerId,
}

/// A store without profiles asks for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProfilesRequested {
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

/// A customer wants a receipt by e-mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReceiptRequested {
    /// The customer.
    pub customer: CustomerId,
    /// The sale.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub sale: SaleId,
}

/// HQ's profile of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CustomerTold {
    /// The profile.
    pub profile: Profile,
}

/// A profile is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CustomerGone {
    /// The customer.
    pub customer: CustomerId,
    /// The customer that it was merged into; absent if it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<CustomerId>,
}

/// The loyalty programme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProgrammePublished {
    /// The programme; absent if there is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<Programme>,
    /// When it was published: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

/// A message about a customer that can't be. It repeats nothing personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCustomer {
    /// The profile is invalid.
    #[error(transparent)]
    Profile(#[from] InvalidCustomer),
    /// The profile is of another customer.
    #[error("the profile is of another customer")]
    Other,
    /// The profile is too large.
    #[error("the profile has {0} bytes; the limit is {MAX_PROFILE}")]
    TooLarge(usize),
    /// The programme is invalid.
    #[error("{0}")]
    Programme(String),
}

/// What HQ keeps of an event in its archive: all of it, or of a private one only the customer's id.
pub fn kept(event: &Event) -> Cow<'_, str> {
    if !CHANGED.is(event) {
        return Cow::Borrowed(event.body.get());
    }
    let named: Option<CustomerNamed> = serde_json::from_str(event.body.get()).ok();
    Cow::Owned(named.and_then(|named| serde_json::to_string(&named).ok()).unwrap_or_else(|| "{}".to_owned()))
}

/// Checks a profile.
///
/// # Errors
/// What is wrong, without anything personal.
pub fn check(profile: &Profile) -> Result<(), BadCustomer> {
    profile.check()?;
    let bytes = serde_json::to_vec(profile).map_or(usize::MAX, |json| json.len());
    if bytes > MAX_PROFILE { Err(BadCustomer::TooLarge(bytes)) } else { Ok(()) }
}

impl Body for CustomerChanged {
    fn check(&self) -> Result<(), BadBody> {
        match &self.profile {
            Some(profile) if profile.id != self.customer => Err(BadCustomer::Other.into()),
            Some(profile) => Ok(check(profile)?),
            None => Ok(()),
        }
    }
}

impl Body for CustomerNamed {
    fn check(&self) -> Result<(), BadBody> {
        Ok(())
    }
}

impl Body for ProfilesRequested {
    fn check(&self) -> Result<(), BadBody> {
        Ok(())
    }
}

impl Body for ReceiptRequested {
    fn check(&self) -> Result<(), BadBody> {
        Ok(())
    }
}

impl Body for CustomerTold {
    fn check(&self) -> Result<(), BadBody> {
        Ok(check(&self.profile)?)
    }
}

impl Body for CustomerGone {
    fn check(&self) -> Result<(), BadBody> {
        Ok(())
    }
}

impl Body for ProgrammePublished {
    fn check(&self) -> Result<(), BadBody> {
        let programme = self.programme.as_ref().map_or(Ok(()), Programme::check);
        programme.map_err(|why| BadCustomer::Programme(why).into())
    }
}

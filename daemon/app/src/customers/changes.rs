//! Customers who are entered, changed and erased at this store, and receipts by e-mail.

use commerce::{
    SaleId,
    customer::{Consent, CustomerId, Profile},
    gift_card::CardNumber,
};
use contract::customer::{
    CHANGED, CustomerChanged, CustomerNamed, ERASURE_REQUESTED, RECEIPT_REQUESTED, ReceiptRequested, check,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{Store, StoreError, Transaction, outbox::Entry};
use utoipa::ToSchema;

use super::{
    CUSTOMER_INVALID, CUSTOMER_KNOWN, CUSTOMER_UNKNOWN, ERASE, MANAGE, NO_EMAIL,
    records::{CUSTOMERS, delete, put, read, same_person},
};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    outgoing,
};

/// What a register or a person enters about a customer. It replaces what was entered before. Groups, tiers, exemptions
/// and offers are HQ's.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EnterCustomer)]
pub struct Enter {
    /// The name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub name: Option<String>,
    /// Phone numbers.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub phones: Vec<String>,
    /// E-mail addresses; receipts go to the first one.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub emails: Vec<String>,
    /// The numbers of loyalty cards.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub cards: Vec<String>,
    /// The language, such as `de`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub language: Option<String>,
    /// Labels.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub tags: Vec<String>,
    /// What the customer agreed to or refused now. Earlier answers for other purposes stay.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub consents: Vec<ConsentNow>,
}

/// A consent that is given or refused now.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentNow {
    /// The purpose, such as `email_marketing`.
    #[schema(min_length = 1, max_length = 120)]
    pub purpose: String,
    /// The version of the text that the customer was shown.
    #[schema(min_length = 1, max_length = 120)]
    pub text_version: String,
    /// Whether they agree.
    pub given: bool,
}

/// A customer who was entered. The answer is kept under its key, so it has nothing personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewCustomer {
    /// The id.
    pub customer: CustomerId,
}

/// A customer was erased.
#[derive(Serialize)]
pub(super) struct CustomerErased<'a> {
    customer: &'a CustomerId,
}

impl Act for CustomerErased<'_> {
    const KIND: ActKind = ActKind { name: "customer_erased", doc: "A customer was erased" };
}

impl Enter {
    fn apply(self, profile: &mut Profile, at_ms: i64) {
        let Self { name, phones, emails, cards, language, tags, consents } = self;
        (profile.name, profile.language) = (name, language);
        (profile.phones, profile.emails, profile.cards, profile.tags) = (phones, emails, cards, tags);
        for ConsentNow { purpose, text_version, given } in consents {
            profile.consent(Consent { purpose, text_version, given, at_ms });
        }
        profile.changed_at_ms = at_ms.max(profile.changed_at_ms);
    }
}

fn store_and_tell(transaction: &mut Transaction<'_>, by: &By, profile: &Profile) -> Result<(), Refusal> {
    check(profile).map_err(|why| CUSTOMER_INVALID.because(why.to_string()))?;
    put(transaction, profile)?;
    let (stream, kind) = (CHANGED.stream().as_str(), CHANGED.name());
    Ok(transaction.append_to_outbox(stream, kind, by.at_ms, profile.id.as_str()).map(drop)?)
}

/// Requires that no known customer has the contacts or cards of a new one. Blocks.
///
/// # Errors
/// A customer with a phone number, an e-mail address or a card of the new one is known.
fn is_new(store: &Store, profile: &Profile) -> Result<(), Refusal> {
    match same_person(store, profile)? {
        None => Ok(()),
        Some(id) => {
            let detail = format!("customer {id} has one of these phone numbers, e-mail addresses or cards");
            Err(CUSTOMER_KNOWN.because(detail).member("customer", id.as_str()))
        }
    }
}

/// Makes the profile of a new customer, whose id and account the caller drew. Blocks.
///
/// # Errors
/// A field is invalid, or the customer is known.
pub fn enter(
    store: &Store,
    entered: Enter,
    (id, account): (CustomerId, CardNumber),
    at_ms: i64,
) -> Result<Profile, Refusal> {
    let mut profile = Profile::new(id, at_ms);
    profile.points = Some(account);
    entered.apply(&mut profile, at_ms);
    check(&profile).map_err(|why| CUSTOMER_INVALID.because(why.to_string()))?;
    is_new(store, &profile)?;
    Ok(profile)
}

impl NewCustomer {
    /// Stores the profile of a new customer, and tells HQ.
    ///
    /// # Errors
    /// The actor lacks the permission, or the store fails.
    pub fn store(transaction: &mut Transaction<'_>, by: &By, profile: &Profile) -> Result<Self, Refusal> {
        MANAGE.require(&by.actor)?;
        store_and_tell(transaction, by, profile)?;
        Ok(Self { customer: profile.id.clone() })
    }
}

fn unknown(id: &CustomerId) -> Refusal {
    CUSTOMER_UNKNOWN.because(format!("unknown customer {id}"))
}

/// Changes a customer, and tells HQ.
///
/// # Errors
/// The customer is unknown, a field is invalid, or the actor lacks the permission.
pub fn change(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: &CustomerId,
    entered: Enter,
) -> Result<NewCustomer, Refusal> {
    MANAGE.require(&by.actor)?;
    let mut profile = read(transaction, id)?.ok_or_else(|| unknown(id))?;
    entered.apply(&mut profile, by.at_ms);
    store_and_tell(transaction, by, &profile)?;
    Ok(NewCustomer { customer: profile.id })
}

/// Erases a customer here, and has HQ erase them everywhere.
///
/// # Errors
/// The customer is unknown, or the actor lacks the permission.
pub fn erase(transaction: &mut Transaction<'_>, by: &By, id: &CustomerId) -> Result<NewCustomer, Refusal> {
    ERASE.require(&by.actor)?;
    let customer = read(transaction, id)?.ok_or_else(|| unknown(id))?.id;
    delete(transaction, &customer)?;
    let (stream, kind) = (ERASURE_REQUESTED.stream().as_str(), ERASURE_REQUESTED.name());
    transaction.append_to_outbox(stream, kind, by.at_ms, customer.as_str())?;
    audit::record(transaction, by, &CustomerErased { customer: &customer })?;
    Ok(NewCustomer { customer })
}

/// Asks HQ to send a receipt to the customer of a sale.
///
/// # Errors
/// The customer is unknown or has no e-mail address, or the actor lacks the permission.
pub fn request_receipt(
    transaction: &mut Transaction<'_>,
    by: &By,
    sale: SaleId,
    customer: Option<&str>,
) -> Result<NewCustomer, Refusal> {
    MANAGE.require(&by.actor)?;
    let missing = || NO_EMAIL.because(format!("sale {sale} has no customer with an e-mail address"));
    let id: CustomerId = customer.and_then(|text| text.parse().ok()).ok_or_else(missing)?;
    let profile = read(transaction, &id)?.filter(|profile| !profile.emails.is_empty()).ok_or_else(missing)?;
    let (stream, kind) = (RECEIPT_REQUESTED.stream().as_str(), RECEIPT_REQUESTED.name());
    transaction.append_to_outbox(stream, kind, by.at_ms, &format!("{sale} {}", profile.id))?;
    Ok(NewCustomer { customer: profile.id })
}

fn of(entry: &Entry, text: &str) -> Result<CustomerId, StoreError> {
    text.parse().map_err(|_| outgoing::missing(CUSTOMERS.name(), entry))
}

/// The body of a changed profile: as it is now, and none if it is gone.
pub(super) fn changed(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let customer = of(entry, &entry.subject)?;
    let profile = store.get(&CUSTOMERS, customer.as_str())?;
    outgoing::written(&CHANGED, &CustomerChanged { customer, profile }, entry)
}

/// The body of a requested erasure.
pub(super) fn erasure(_: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let customer = of(entry, &entry.subject)?;
    outgoing::written(&ERASURE_REQUESTED, &CustomerNamed { customer }, entry)
}

/// The body of a requested receipt.
pub(super) fn receipt(_: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let missing = || outgoing::missing(CUSTOMERS.name(), entry);
    let (sale, customer) = entry.subject.split_once(' ').ok_or_else(missing)?;
    let (sale, customer) = (sale.parse().map_err(|_| missing())?, of(entry, customer)?);
    outgoing::written(&RECEIPT_REQUESTED, &ReceiptRequested { customer, sale }, entry)
}

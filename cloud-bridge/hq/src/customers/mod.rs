//! Customers at HQ: one profile for each person, known to every store.
//!
//! - **One profile.** A store's new customer with a phone number, an e-mail address or a card that HQ knows is merged
//!   into the known one. Stores may name either; sales of both are one history.
//! - **Told to every store.** A change is queued for every hub, in the transaction that makes it. A hub that begins
//!   without profiles asks for all of them.
//! - **Nothing personal in events.** The ledger keeps the id alone of a private event
//!   ([`contract::customer::kept`]).
//! - **Erasure.** The profile and its keys are deleted, and what is still queued for hubs is replaced; every hub is
//!   told to forget, in order, and acknowledges. Sales stay, under an id that leads to nobody.
//! - **Decisions, not projections.** A rebuild does not touch these tables.
//!
//! | failure | effect |
//! | --- | --- |
//! | a hub is offline | what it lacks waits in its queue, an erasure too, and is applied once, in order |
//! | two stores change a profile at once | the later change counts; consents are kept by purpose, the later one |
//! | an erased customer is changed by a store that was offline | the change is dropped, and that store forgets it |
//! | a hub's store is restored | it forgets all profiles and asks for them again |

mod loyalty;
mod records;
#[cfg(test)]
mod tests;

use commerce::customer::{CustomerId, Profile, keys};
use contract::{
    HubId, Stream,
    customer::{
        BadCustomer, CHANGED, CustomerGone, CustomerTold, ERASURE_REQUESTED, GONE, PROFILES_REQUESTED, TOLD, check,
    },
    kind::{Body, DownKind},
};
pub use loyalty::{programme, run, selling_rules, set_programme, set_selling_rules, work};
use records::Record;
#[cfg(test)]
pub(crate) use records::STATEMENTS;
pub(crate) use records::sales_of;
pub use records::{Export, export, find, history, search, stored};

use crate::{
    database::{DatabaseError, Transaction},
    down::{Outgoing, QueueError, rows},
    gift_cards,
    projection::told::Stored,
};

/// Profiles that are queued at once.
const AT_ONCE: i64 = 1_000;

/// Why a command about a customer is refused; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum CustomerError {
    /// HQ does not know the customer.
    #[error("unknown customer {0}")]
    Unknown(CustomerId),
    /// The customer was erased.
    #[error("customer {0} was erased")]
    Erased(CustomerId),
    /// The profile is invalid.
    #[error(transparent)]
    Invalid(#[from] BadCustomer),
    /// The database failed.
    #[error(transparent)]
    Failed(#[from] DatabaseError),
}

/// Processes what stores tell about customers, in the transaction that stores the events.
pub(crate) async fn heard(transaction: &mut Transaction, events: &[Stored]) -> Result<(), DatabaseError> {
    for stored in events.iter().filter(|stored| stored.stream == Stream::customers()) {
        if let Ok(changed) = CHANGED.read(&stored.event) {
            if let Some(profile) = changed.profile {
                change(transaction, Some(&stored.hub), profile).await?;
            }
        } else if let Ok(requested) = ERASURE_REQUESTED.read(&stored.event) {
            match erase(transaction, &requested.customer, stored.event.occurred_at_ms).await {
                Ok(()) | Err(CustomerError::Unknown(_) | CustomerError::Erased(_) | CustomerError::Invalid(_)) => {}
                Err(CustomerError::Failed(error)) => return Err(error),
            }
        } else if PROFILES_REQUESTED.read(&stored.event).is_ok() {
            tell_all(transaction, &stored.hub).await?;
        }
    }
    Ok(())
}

/// A store's change of a profile; of a customer that is new there, or whom HQ or another store knows.
async fn change(transaction: &mut Transaction, from: Option<&HubId>, told: Profile) -> Result<(), DatabaseError> {
    let id = told.id.clone();
    let record = records::lock(transaction, &id).await?;
    if record.as_ref().is_some_and(|record| record.erased_at_ms.is_some()) {
        let gone = item(&GONE, &CustomerGone { customer: id, into: None })?;
        return match from {
            Some(hub) => queue(transaction, hub, &[gone]).await,
            None => Ok(()),
        };
    }
    match record {
        Some(Record { profile: Some(known), .. }) => put(transaction, newer(known, told)).await,
        Some(Record { merged_into: Some(into), .. }) => merge(transaction, &into, told).await,
        _ => match records::same_person(transaction, &told).await? {
            Some(into) => merge(transaction, &into, told).await,
            None => put(transaction, told).await,
        },
    }
}

/// The profile after a change. Tier, groups, exemption, points and offers are HQ's; the later change has the rest.
fn newer(known: Profile, told: Profile) -> Profile {
    if told.changed_at_ms < known.changed_at_ms {
        let mut profile = known;
        for consent in told.consents {
            profile.consent(consent);
        }
        return profile;
    }
    let mut profile = told;
    profile.tier = known.tier;
    profile.points = known.points.or(profile.points);
    profile.offers = known.offers;
    profile.groups = known.groups;
    profile.exemption = known.exemption;
    for consent in known.consents {
        profile.consent(consent);
    }
    profile
}

/// Merges a profile into a known customer, under whose id it is from now on.
async fn merge(transaction: &mut Transaction, into: &CustomerId, told: Profile) -> Result<(), DatabaseError> {
    let alias = told.id.clone();
    let Some(Record { profile: Some(mut profile), .. }) = records::lock(transaction, into).await? else {
        return Ok(());
    };
    let account = told.points.clone();
    profile.merge(Profile { id: into.clone(), ..told });
    if let (Some(from), Some(account)) = (account, &profile.points)
        && from != *account
    {
        gift_cards::pour(transaction, &from, account).await?;
    }
    let merged = Record { merged_into: Some(into.clone()), changed_at_ms: profile.changed_at_ms, ..Record::default() };
    merged.store(transaction, &alias, &[]).await?;
    let gone = item(&GONE, &CustomerGone { customer: alias, into: Some(into.clone()) })?;
    // A merged profile may exceed what hubs take; the known one is then kept as it is.
    if check(&profile).is_ok() {
        put(transaction, profile).await?;
    }
    tell(transaction, &[gone]).await
}

/// Stores a profile and tells every hub.
async fn put(transaction: &mut Transaction, mut profile: Profile) -> Result<(), DatabaseError> {
    if profile.points.is_none() {
        profile.points = gift_cards::draw().ok();
    }
    let (id, keys) = (profile.id.clone(), keys(&profile));
    let told = item(&TOLD, &CustomerTold { profile: profile.clone() })?;
    let record =
        Record { changed_at_ms: profile.changed_at_ms, profile: Some(profile), merged_into: None, erased_at_ms: None };
    record.store(transaction, &id, &keys).await?;
    tell(transaction, &[told]).await
}

/// Adds or changes a customer for the web shop: groups, offers and exemptions too, which stores can't set.
///
/// # Errors
/// The profile is invalid, the customer was erased, or the database failed.
pub async fn upsert(transaction: &mut Transaction, profile: Profile) -> Result<(), CustomerError> {
    check(&profile)?;
    let record = records::lock(transaction, &profile.id).await?;
    match record {
        Some(Record { erased_at_ms: Some(_), .. }) => Err(CustomerError::Erased(profile.id)),
        Some(Record { profile: Some(known), .. }) => {
            let mut profile = Profile { points: known.points.or(profile.points), tier: known.tier, ..profile };
            for consent in known.consents {
                profile.consent(consent);
            }
            Ok(put(transaction, profile).await?)
        }
        _ => Ok(change(transaction, None, profile).await?),
    }
}

/// Erases a customer, and every customer that was merged into it.
///
/// # Errors
/// The customer is unknown or was erased already, or the database failed.
pub async fn erase(transaction: &mut Transaction, id: &CustomerId, now_ms: i64) -> Result<(), CustomerError> {
    let record = records::lock(transaction, id).await?.ok_or_else(|| CustomerError::Unknown(id.clone()))?;
    if record.erased_at_ms.is_some() {
        return Err(CustomerError::Erased(id.clone()));
    }
    let primary = record.merged_into.unwrap_or_else(|| id.clone());
    let mut all = records::aliases(transaction, &primary).await?;
    all.push(primary);
    for id in all {
        let gone = item(&GONE, &CustomerGone { customer: id.clone(), into: None })?;
        records::unsay(transaction, &id, &gone).await?;
        let erased = Record { erased_at_ms: Some(now_ms), changed_at_ms: now_ms, ..Record::default() };
        erased.store(transaction, &id, &[]).await?;
        tell(transaction, &[gone]).await?;
    }
    Ok(())
}

/// Sends all profiles and the programme to a hub that has none.
async fn tell_all(transaction: &mut Transaction, hub: &HubId) -> Result<(), DatabaseError> {
    let mut settings = vec![loyalty::item(transaction).await?];
    settings.extend(loyalty::rules_item(transaction).await?);
    queue(transaction, hub, &settings).await?;
    let mut after = String::new();
    loop {
        let page = records::page(transaction, &after, AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        last.id.as_str().clone_into(&mut after);
        let told = page.into_iter().map(|profile| item(&TOLD, &CustomerTold { profile }));
        queue(transaction, hub, &told.collect::<Result<Vec<_>, _>>()?).await?;
    }
}

/// Queues items for every hub.
async fn tell(transaction: &mut Transaction, items: &[Outgoing]) -> Result<(), DatabaseError> {
    for hub in records::hubs(transaction).await? {
        queue(transaction, &hub, items).await?;
    }
    Ok(())
}

async fn queue(transaction: &mut Transaction, hub: &HubId, items: &[Outgoing]) -> Result<(), DatabaseError> {
    match rows::append(transaction, hub, &Stream::customers(), items).await {
        // An abandoned hub must not keep others from hearing; it asks for all profiles when it begins again.
        Err(error @ QueueError::Full { .. }) => {
            tracing::warn!(%hub, %error, "could not tell a hub about customers");
            Ok(())
        }
        appended => appended.map(drop).map_err(QueueError::into_database),
    }
}

fn item<B: Body>(kind: &DownKind<B>, body: &B) -> Result<Outgoing, DatabaseError> {
    let bad = |error: contract::BadBody| DatabaseError::Statement { statement: "queue/append", why: error.to_string() };
    Outgoing::new(kind, body).map_err(bad)
}

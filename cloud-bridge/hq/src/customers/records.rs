//! The rows of customers.

use commerce::customer::{CustomerId, Lookup, Profile, keys};
use contract::{HubId, SaleCompleted};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    database::{Database, DatabaseError, Transaction, statement::statements, values},
    down::Outgoing,
    gift_cards::{self, Movement},
};

statements! {
    /// A customer, locked until the transaction ends.
    LOCK = "customer/lock" + postgres;
    /// The profile of a customer.
    ONE = "customer/one";
    /// Writes a customer.
    STORE = "customer/store";
    /// Deletes the keys of a customer.
    DELETE_KEYS = "customer/delete_keys";
    /// Adds a key of a customer.
    INSERT_KEY = "customer/insert_key";
    /// The customers with keys in a range.
    BY_KEY = "customer/by_key";
    /// The customers that were merged into one.
    ALIASES = "customer/aliases";
    /// Profiles after one.
    PAGE = "customer/page";
    /// All hubs.
    HUBS = "customer/hubs";
    /// Replaces profiles that wait in queues.
    UNSAY = "customer/unsay";
    /// What is published to every store under a name.
    SETTING = "customer/setting";
    /// Publishes something under a name.
    SET_SETTING = "customer/set_setting";
    /// The movements of an account of points.
    POINTS = "customer/points";
    /// The sales of a customer, newest first.
    SALES = "customer/sales";
}

/// The most customers that a search finds.
const MOST_FOUND: i64 = 50;

/// The last character, after every other one in a range of keys.
const LAST: char = '\u{10ffff}';

/// A customer's row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) profile: Option<Profile>,
    pub(super) merged_into: Option<CustomerId>,
    pub(super) erased_at_ms: Option<i64>,
    pub(super) changed_at_ms: i64,
}

fn bad(expected: &'static str) -> impl Fn(String) -> DatabaseError {
    move |found| DatabaseError::Column { column: 0, expected, found }
}

/// The text of a profile is not part of the error: it is personal.
fn profile(text: &str) -> Result<Profile, DatabaseError> {
    serde_json::from_str(text).map_err(|_| bad("a profile")("unreadable JSON".into()))
}

fn id(text: String) -> Result<CustomerId, DatabaseError> {
    text.try_into().map_err(|error: commerce::customer::InvalidCustomer| bad("a customer")(error.to_string()))
}

pub(super) async fn lock(transaction: &mut Transaction, of: &CustomerId) -> Result<Option<Record>, DatabaseError> {
    let Some(row) = transaction.query(&LOCK, values![of.as_str()]).await?.pop() else { return Ok(None) };
    let (text, merged_into, erased_at_ms): (Option<String>, Option<String>, Option<i64>) = row.read()?;
    let profile = text.as_deref().map(profile).transpose()?;
    let merged_into = merged_into.map(id).transpose()?;
    let changed_at_ms = profile.as_ref().map_or(0, |profile| profile.changed_at_ms);
    Ok(Some(Record { profile, merged_into, erased_at_ms, changed_at_ms }))
}

impl Record {
    pub(super) async fn store(
        &self,
        transaction: &mut Transaction,
        of: &CustomerId,
        keys: &[String],
    ) -> Result<(), DatabaseError> {
        let text = self.profile.as_ref().map(serde_json::to_string).transpose();
        let text = text.map_err(|error| bad("a profile")(error.to_string()))?;
        let into = self.merged_into.as_ref().map(CustomerId::as_str);
        transaction.execute(&STORE, values![of.as_str(), text, into, self.erased_at_ms, self.changed_at_ms]).await?;
        transaction.execute(&DELETE_KEYS, values![of.as_str()]).await?;
        for key in keys {
            transaction.execute(&INSERT_KEY, values![key, of.as_str()]).await?;
        }
        Ok(())
    }
}

/// Another customer who has a phone number, an e-mail address or a card of this profile.
pub(super) async fn same_person(
    transaction: &mut Transaction,
    told: &Profile,
) -> Result<Option<CustomerId>, DatabaseError> {
    for key in keys(told).iter().filter(|key| !key.starts_with('n')) {
        let found = transaction.query(&BY_KEY, values![key, format!("{key}\u{1}"), 2_i64]).await?;
        for row in found {
            let (other,): (String,) = row.read()?;
            if other != told.id.as_str() {
                return id(other).map(Some);
            }
        }
    }
    Ok(None)
}

pub(super) async fn aliases(transaction: &mut Transaction, of: &CustomerId) -> Result<Vec<CustomerId>, DatabaseError> {
    let rows = transaction.query(&ALIASES, values![of.as_str()]).await?;
    rows.into_iter().map(|row| row.read::<(String,)>().and_then(|(text,)| id(text))).collect()
}

pub(super) async fn page(transaction: &mut Transaction, after: &str, most: i64) -> Result<Vec<Profile>, DatabaseError> {
    let rows = transaction.query(&PAGE, values![after, most]).await?;
    rows.into_iter().map(|row| row.read::<(String, String)>().and_then(|(_, text)| profile(&text))).collect()
}

pub(super) async fn hubs(transaction: &mut Transaction) -> Result<Vec<HubId>, DatabaseError> {
    let rows = transaction.query(&HUBS, values![]).await?;
    rows.into_iter().map(|row| row.read::<(String,)>().and_then(|(hub,)| hub.parse().map_err(bad("a hub")))).collect()
}

/// Replaces what still waits for hubs about a customer.
pub(super) async fn unsay(
    transaction: &mut Transaction,
    of: &CustomerId,
    gone: &Outgoing,
) -> Result<(), DatabaseError> {
    let pattern = format!("%\"id\":\"{of}\"%");
    transaction.execute(&UNSAY, values![gone.body.get(), pattern]).await.map(drop)
}

/// The profile of a customer; of one that was merged, that of the other.
///
/// # Errors
/// The database failed.
pub async fn find(database: &Database, of: &CustomerId) -> Result<Option<Profile>, DatabaseError> {
    let mut transaction = database.transaction().await?;
    Ok(primary(&mut transaction, of).await?.and_then(|(_, record)| record.profile))
}

/// The same in a transaction.
///
/// # Errors
/// The database failed.
pub async fn stored(transaction: &mut Transaction, of: &CustomerId) -> Result<Option<Profile>, DatabaseError> {
    Ok(primary(transaction, of).await?.and_then(|(_, record)| record.profile))
}

async fn primary(
    transaction: &mut Transaction,
    of: &CustomerId,
) -> Result<Option<(CustomerId, Record)>, DatabaseError> {
    let Some(record) = lock(transaction, of).await? else { return Ok(None) };
    match record.merged_into.clone() {
        Some(into) => Ok(lock(transaction, &into).await?.map(|record| (into, record))),
        None => Ok(Some((of.clone(), record))),
    }
}

/// The customers who are looked for, at most 50.
///
/// # Errors
/// The database failed.
pub async fn search(database: &Database, lookup: &Lookup) -> Result<Vec<Profile>, DatabaseError> {
    let Some((key, is_prefix)) = lookup.key() else { return Ok(Vec::new()) };
    let end = if is_prefix { format!("{key}{LAST}") } else { format!("{key}\u{1}") };
    let mut transaction = database.snapshot().await?;
    let mut found = Vec::new();
    for row in transaction.query(&BY_KEY, values![key, end, MOST_FOUND]).await? {
        let (text,): (String,) = row.read()?;
        let record = read_only(&mut transaction, &id(text)?).await?;
        found.extend(record.and_then(|record| record.profile).filter(|profile| lookup.matches(profile)));
    }
    transaction.commit().await?;
    Ok(found)
}

/// Reads without a lock, which a snapshot can't take.
async fn read_only(transaction: &mut Transaction, of: &CustomerId) -> Result<Option<Record>, DatabaseError> {
    let mut page = transaction.query(&ONE, values![of.as_str()]).await?;
    let Some(row) = page.pop() else { return Ok(None) };
    let (text,): (Option<String>,) = row.read()?;
    Ok(Some(Record { profile: text.as_deref().map(profile).transpose()?, ..Record::default() }))
}

/// The sales of a customer and of those that were merged into them, newest first.
///
/// # Errors
/// The database failed.
pub async fn history(database: &Database, of: &CustomerId, most: usize) -> Result<Vec<SaleCompleted>, DatabaseError> {
    let sales = sales_of(database, of, most).await?;
    Ok(sales.into_iter().map(|(_, sale)| sale).collect())
}

/// The same, each with its store.
pub(crate) async fn sales_of(
    database: &Database,
    of: &CustomerId,
    most: usize,
) -> Result<Vec<(String, SaleCompleted)>, DatabaseError> {
    let mut transaction = database.transaction().await?;
    let of = primary(&mut transaction, of).await?.map_or_else(|| of.clone(), |(id, _)| id);
    let mut ids = aliases(&mut transaction, &of).await?;
    ids.push(of);
    let most_rows = i64::try_from(most).unwrap_or(i64::MAX);
    let mut sales: Vec<(String, SaleCompleted)> = Vec::new();
    for id in ids {
        for row in transaction.query(&SALES, values![id.as_str(), most_rows]).await? {
            let (hub, body): (String, String) = row.read()?;
            sales.push((hub, serde_json::from_str(&body).map_err(|error| bad("a sale")(error.to_string()))?));
        }
    }
    sales.sort_by_key(|(_, sale)| std::cmp::Reverse(sale.sold_at_ms));
    sales.truncate(most);
    Ok(sales)
}

/// Everything that HQ has about a customer (GDPR, article 15).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CustomerExport)]
pub struct Export {
    /// The profile.
    pub profile: Profile,
    /// The ids under which they are known.
    pub ids: Vec<CustomerId>,
    /// Their sales, newest first.
    #[schema(value_type = Vec<Object>)]
    pub sales: Vec<SaleCompleted>,
    /// The movements of their points.
    pub points: Vec<Movement>,
}

/// The most sales of an export.
const EXPORTED: usize = 100_000;

/// Everything about a customer; none if the customer is unknown or erased.
///
/// # Errors
/// The database failed.
pub async fn export(database: &Database, of: &CustomerId) -> Result<Option<Export>, DatabaseError> {
    let mut transaction = database.transaction().await?;
    let Some((id, Record { profile: Some(profile), .. })) = primary(&mut transaction, of).await? else {
        return Ok(None);
    };
    let mut ids = aliases(&mut transaction, &id).await?;
    ids.insert(0, id.clone());
    drop(transaction);
    let sales = history(database, &id, EXPORTED).await?;
    let points = match &profile.points {
        Some(account) => {
            gift_cards::find(database, account).await?.map_or_else(Vec::new, |(_, _, movements)| movements)
        }
        None => Vec::new(),
    };
    Ok(Some(Export { profile, ids, sales, points }))
}

//! The loyalty programme and the rules of guided selling at HQ: published to every store; tiers and the expiry of
//! points, once an hour.

use std::time::Duration;

use commerce::{
    customer::Profile,
    guide::Rules,
    loyalty::{Programme, expired},
};
use contract::{
    customer::{PROGRAMME, ProgrammePublished},
    guide::{RULES, RulesPublished},
};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    AT_ONCE, put,
    records::{self, POINTS, SET_SETTING, SETTING},
    tell,
};
use crate::{
    database::{Database, DatabaseError, Row, Transaction, values},
    down::Outgoing,
    gift_cards::{self, CardError, Moving},
    ledger::now_ms,
};

/// The name under which the programme is published.
const NAME: &str = "loyalty_programme";

/// The name under which the rules of guided selling are published.
const SELLING_RULES: &str = "selling_rules";

/// How often tiers are moved and points expire.
const EVERY: Duration = Duration::from_secs(60 * 60);

const DAY_MS: i64 = 24 * 60 * 60_000;

/// The days whose points decide the tier.
const TIER_DAYS: i64 = 365;

async fn read(transaction: &mut Transaction) -> Result<ProgrammePublished, DatabaseError> {
    let Some(row) = transaction.query(&SETTING, values![NAME]).await?.pop() else {
        return Ok(ProgrammePublished { programme: None, at_ms: 0 });
    };
    let (text, at_ms): (Option<String>, i64) = row.read()?;
    let bad = |error: serde_json::Error| DatabaseError::Column {
        column: 0,
        expected: "a loyalty programme",
        found: error.to_string(),
    };
    let programme = text.map(|text| serde_json::from_str(&text)).transpose().map_err(bad)?;
    Ok(ProgrammePublished { programme, at_ms })
}

/// The programme for a hub.
pub(super) async fn item(transaction: &mut Transaction) -> Result<Outgoing, DatabaseError> {
    super::item(&PROGRAMME, &read(transaction).await?)
}

/// The rules of guided selling for a hub; none before they were published.
pub(super) async fn rules_item(transaction: &mut Transaction) -> Result<Option<Outgoing>, DatabaseError> {
    let published = rules(transaction).await?;
    published.map(|published| super::item(&RULES, &published)).transpose()
}

async fn rules(transaction: &mut Transaction) -> Result<Option<RulesPublished>, DatabaseError> {
    let Some(row) = transaction.query(&SETTING, values![SELLING_RULES]).await?.pop() else { return Ok(None) };
    let (text, at_ms): (String, i64) = row.read()?;
    let bad = |error: serde_json::Error| DatabaseError::Column {
        column: 0,
        expected: "rules of guided selling",
        found: error.to_string(),
    };
    Ok(Some(RulesPublished { rules: serde_json::from_str(&text).map_err(bad)?, at_ms }))
}

/// The rules of guided selling.
///
/// # Errors
/// The database failed.
pub async fn selling_rules(database: &Database) -> Result<Rules, DatabaseError> {
    let mut transaction = database.transaction().await?;
    Ok(rules(&mut transaction).await?.unwrap_or_default().rules)
}

/// Publishes the rules of guided selling to every store.
///
/// # Errors
/// The database failed.
pub async fn set_selling_rules(transaction: &mut Transaction, rules: &Rules, now_ms: i64) -> Result<(), DatabaseError> {
    let text = serde_json::to_string(rules).unwrap_or_default();
    transaction.execute(&SET_SETTING, values![SELLING_RULES, text, now_ms]).await?;
    let item = super::item(&RULES, &RulesPublished { rules: rules.clone(), at_ms: now_ms })?;
    tell(transaction, &[item]).await
}

/// The programme.
///
/// # Errors
/// The database failed.
pub async fn programme(database: &Database) -> Result<Option<Programme>, DatabaseError> {
    let mut transaction = database.transaction().await?;
    Ok(read(&mut transaction).await?.programme)
}

/// Publishes the programme to every store, or ends it.
///
/// # Errors
/// The database failed.
pub async fn set_programme(
    transaction: &mut Transaction,
    programme: Option<&Programme>,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let text = programme.map(|programme| serde_json::to_string(programme).unwrap_or_default());
    transaction.execute(&SET_SETTING, values![NAME, text, now_ms]).await?;
    let item = item(transaction).await?;
    tell(transaction, &[item]).await
}

/// The movements of an account in order: time, kind, amount.
async fn movements(transaction: &mut Transaction, profile: &Profile) -> Result<Vec<(i64, String, i64)>, DatabaseError> {
    let Some(account) = &profile.points else { return Ok(Vec::new()) };
    let rows = transaction.query(&POINTS, values![account.as_str()]).await?;
    rows.into_iter().map(Row::read).collect()
}

/// Moves tiers: each customer gets the tier of what they earned in the last 365 days. Returns how many changed.
///
/// # Errors
/// The database failed.
pub(super) async fn tiers(transaction: &mut Transaction, now_ms: i64) -> Result<u64, DatabaseError> {
    let Some(programme) = read(transaction).await?.programme else { return Ok(0) };
    let (mut after, mut changed) = (String::new(), 0);
    loop {
        let page = records::page(transaction, &after, AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(changed) };
        last.id.as_str().clone_into(&mut after);
        for profile in page.into_iter().filter(|profile| profile.points.is_some()) {
            let since_ms = now_ms.saturating_sub(TIER_DAYS * DAY_MS);
            let earned: i64 = movements(transaction, &profile)
                .await?
                .into_iter()
                .filter(|(at_ms, movement, _)| *at_ms >= since_ms && ["load", "unload"].contains(&movement.as_str()))
                .map(|(_, movement, amount)| if movement == "load" { amount } else { -amount })
                .sum();
            let points = u64::try_from(earned / i64::from(programme.point_value.max(1))).unwrap_or(0);
            let tier = programme.tier(points).map(|tier| tier.name.clone());
            if tier != profile.tier {
                changed += 1;
                put(transaction, Profile { tier, changed_at_ms: now_ms.max(profile.changed_at_ms), ..profile }).await?;
            }
        }
    }
}

/// Lets points expire, the oldest first. What stores hold of an account is called back, and expires with the next run.
/// Returns how many accounts lost points.
///
/// # Errors
/// The database failed.
pub(super) async fn expire(transaction: &mut Transaction, now_ms: i64) -> Result<u64, DatabaseError> {
    let Some(programme) = read(transaction).await?.programme else { return Ok(0) };
    let Some(days) = programme.expire_days else { return Ok(0) };
    let before_ms = now_ms.saturating_sub(i64::from(days) * DAY_MS);
    let (mut after, mut lost) = (String::new(), 0);
    loop {
        let page = records::page(transaction, &after, AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(lost) };
        last.id.as_str().clone_into(&mut after);
        for profile in page {
            let moved = movements(transaction, &profile).await?.into_iter().map(|(at_ms, movement, amount)| {
                let change = match movement.as_str() {
                    "load" | "give_back" | "refund" | "pour_in" => amount,
                    "redeem" | "unload" | "expire" | "pour_out" => -amount,
                    _ => 0,
                };
                (at_ms, change)
            });
            let amount = expired(moved, before_ms);
            let Some(account) = profile.points.as_ref().filter(|_| amount > 0) else { continue };
            let moving = Moving { amount, reference: format!("after {days} days"), by: "HQ".into() };
            match gift_cards::expire(transaction, account, moving, now_ms).await {
                Ok(()) => lost += 1,
                Err(CardError::Failed(error)) => return Err(error.into_database()),
                Err(error) => tracing::debug!(%error, "points will expire later"),
            }
        }
    }
}

/// Moves tiers and lets points expire, until it is dropped.
pub async fn run(database: Database) {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(error) = work(&database).await {
            tracing::warn!(%error, "could not move tiers or let points expire; trying again in an hour");
        }
    }
}

/// Moves tiers and lets points expire, once.
///
/// # Errors
/// The database failed.
pub async fn work(database: &Database) -> Result<(), DatabaseError> {
    let mut transaction = database.transaction().await?;
    let moved = tiers(&mut transaction, now_ms()).await?;
    let lost = expire(&mut transaction, now_ms()).await?;
    transaction.commit().await?;
    if moved + lost > 0 {
        tracing::info!(moved, lost, "moved tiers and let points expire");
    }
    Ok(())
}

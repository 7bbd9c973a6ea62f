//! Guided selling: the route of suggestions, and the follower that learns from sales.
//!
//! Suggestions are left out rather than late: what isn't found within [`BUDGET`] is not suggested. They are a read of
//! their own, which no tender waits for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use app::{
    Refusal, customers,
    guide::{self, OUTCOME, SUGGEST},
    selling, stock,
};
use axum::{Json, extract::State};
use commerce::{
    BasketId, BusinessDay, Line, Sale, Sku,
    customer::CustomerId,
    guide::{Outcomes, RuleKind, Uplift, is_shown},
};
use serde::Serialize;
use store::{Purpose, Store, StoreError};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    followers::Follower,
    hub::Hub,
    web::{Asker, InPath, Problem, Routes, reading},
};

/// The time for suggestions.
const BUDGET: Duration = Duration::from_millis(5);

/// The most suggestions.
const MOST: usize = 3;

/// The maximum number of types and items to check.
const LOOKED_AT: usize = 8;

/// Sales that are read at once.
const PAGE: usize = 200;

/// The last sales that are learnt from when the hub starts.
const LEARNT: u64 = 20_000;

/// The purpose of the consent to mined suggestions; a customer who refuses it is shown none.
const PURPOSE: &str = "suggestions";

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("suggestions", "Guided selling", &["guide", "selling"])
        .read(&SUGGEST, routes!(suggest))
        .read(&OUTCOME, routes!(outcome))
}

/// An item to suggest.
#[derive(Serialize, ToSchema)]
#[schema(as = GuideSuggestion)]
struct Suggestion {
    /// The item.
    sku: Sku,
    /// Its description.
    description: String,
    /// The kind of rule; absent if it was mined.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleKind>,
    /// What the associate can say.
    say: String,
}

/// Suggestions for a basket.
#[derive(Serialize, ToSchema)]
struct Suggested {
    /// At most 3, the best first.
    suggestions: Vec<Suggestion>,
    /// Whether time ran out before everything was checked.
    is_late: bool,
}

/// Get suggestions for a basket of the register
///
/// By HQ's rules, and from what customers of this store buy together: in stock, and at most 5 ms of work. Half of the
/// baskets get nothing that was mined, so that the effect can be measured.
#[utoipa::path(get, path = "/api/v1/baskets/{id}/suggestions", params(("id" = BasketId, Path)),
    responses((status = 200, body = Suggested), (status = 404, body = Problem)))]
async fn suggest(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
) -> Result<Json<Suggested>, Problem> {
    reading(move || {
        let began = Instant::now();
        let unknown = || selling::BASKET_UNKNOWN.because(format!("unknown basket {id}"));
        let basket = selling::basket(&hub.store, id)?.filter(|basket| actor.register_name() == Some(&basket.register));
        let basket = basket.ok_or_else(unknown)?;
        let skus = basket.lines.iter().filter(|line| !line.voided && line.returned.is_none()).filter_map(Line::sku);
        let goods: Vec<_> = skus.map(|sku| (sku.clone(), type_of(&hub, sku))).collect();
        let customer = basket.customer.as_deref().and_then(|text| text.parse().ok());
        Ok(look(&hub, id, &goods, customer.as_ref(), began)?)
    })
    .await
    .map(Json)
}

/// The type of an item: the catalog's category, or the item itself.
fn type_of(hub: &Hub, sku: &Sku) -> String {
    let catalog = hub.catalog.load();
    let category = catalog.sku(sku).map(|item| item.category.to_string()).filter(|category| !category.is_empty());
    category.unwrap_or_else(|| sku.as_str().to_owned())
}

fn look(
    hub: &Hub,
    id: BasketId,
    goods: &[(Sku, String)],
    customer: Option<&CustomerId>,
    began: Instant,
) -> Result<Suggested, StoreError> {
    let (_, rules) = hub.suggestions.rules();
    let mut found = Suggested { suggestions: Vec::new(), is_late: false };
    for rule in rules.applying(goods).take(LOOKED_AT) {
        if found.suggestions.iter().any(|known| known.sku == rule.offer) {
            continue;
        }
        if let Some(description) = offered(hub, &rule.offer)? {
            let (sku, say) = (rule.offer.clone(), rule.say.clone());
            found.suggestions.push(Suggestion { sku, description, rule: Some(rule.kind), say });
        }
        if found.suggestions.len() == MOST || is_over(began, &mut found) {
            return Ok(found);
        }
    }
    let profile = customer.map(|customer| customers::profile(&hub.store, customer)).transpose()?.flatten();
    if profile.is_some_and(|profile| profile.refused(PURPOSE)) {
        return Ok(found);
    }
    let types: BTreeSet<&str> = goods.iter().map(|(_, name)| name.as_str()).collect();
    let mut mined = Vec::new();
    'types: for (scored, items) in hub.suggestions.mined(&types, LOOKED_AT) {
        for sku in items {
            if is_over(began, &mut found) {
                break 'types;
            }
            let is_found = found.suggestions.iter().any(|known| known.sku == sku);
            if is_found || !rules.may_suggest(&sku, &scored.name) {
                continue;
            }
            if let Some(description) = offered(hub, &sku)? {
                let say = format!("Goes with {}", scored.with);
                mined.push(Suggestion { sku, description, rule: None, say });
                break;
            }
        }
        if found.suggestions.len() + mined.len() == MOST {
            break;
        }
    }
    if !mined.is_empty() {
        let is_shown = is_shown(id.0);
        hub.suggestions.await_outcome(id, is_shown, mined.iter().map(|suggestion| suggestion.sku.clone()));
        if is_shown {
            found.suggestions.extend(mined);
        }
    }
    Ok(found)
}

fn is_over(began: Instant, found: &mut Suggested) -> bool {
    found.is_late = began.elapsed() >= BUDGET;
    found.is_late
}

/// The description of an item that can be sold now: on file, not delisted, and in stock if its stock is tracked.
fn offered(hub: &Hub, sku: &Sku) -> Result<Option<String>, StoreError> {
    let catalog = hub.catalog.load();
    let Some(item) = catalog.sku(sku).filter(|item| !item.delisted) else { return Ok(None) };
    let is_there = stock::is_on_hand(&hub.store, sku)?;
    Ok(is_there.then(|| item.description.clone()))
}

/// What came of suggestions.
#[derive(Serialize, ToSchema)]
struct SuggestionReport {
    /// The baskets.
    outcomes: Outcomes,
    /// The uplift, once there are baskets of both kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    uplift: Option<Uplift>,
    /// The baskets that the suggestions were learnt from.
    baskets: u32,
    /// The pairs of types in them.
    pairs: usize,
}

/// Get what came of suggestions
///
/// How often what was mined was bought, in baskets that were shown it and in baskets that were not, with the interval
/// of the difference (95 %).
#[utoipa::path(get, path = "/api/v1/suggestions/outcome", responses((status = 200, body = SuggestionReport)))]
async fn outcome(State(hub): State<Arc<Hub>>) -> Result<Json<SuggestionReport>, Problem> {
    reading(move || {
        let outcomes = guide::outcomes(&hub.store)?;
        let (baskets, pairs) = hub.suggestions.size();
        Ok(SuggestionReport { outcomes, uplift: outcomes.uplift(), baskets, pairs })
    })
    .await
    .map(Json)
}

/// Learns from sales, and counts what came of suggestions.
pub(crate) struct LearnFromSales {
    hub: Arc<Hub>,
    /// The next sale; none before the first sweep.
    next: Option<u64>,
}

impl LearnFromSales {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, next: None }
    }
}

/// The sale to begin with. Blocks.
fn first(store: &Store) -> Result<u64, StoreError> {
    let last = selling::last_readable_sales(store, None, 1)?.first().map_or(0, |sale| sale.id.sequence);
    Ok((selling::given_up_to(store)? + 1).max(last.saturating_sub(LEARNT) + 1))
}

/// Learns from a page of sales; returns what came of suggestions, and the next sale if there may be more. Blocks.
fn learn(hub: &Hub, next: u64) -> Result<(BTreeMap<BusinessDay, Outcomes>, u64, bool), StoreError> {
    let sales = selling::sales_from(&hub.store, next, PAGE)?;
    let mut outcomes = BTreeMap::new();
    // A void's basket was learnt from when it was sold: customers wanted the goods together.
    for sale in sales.iter().filter(|sale| sale.voids.is_none()) {
        hub.suggestions.learn(sale.business_day, &goods(hub, sale));
        let mut outcome = Outcomes::default();
        hub.suggestions.outcome(sale, &mut outcome);
        if outcome != Outcomes::default() {
            let day: &mut Outcomes = outcomes.entry(sale.business_day).or_default();
            *day = day.plus(outcome);
        }
    }
    let after = sales.last().map_or(next, |sale| sale.id.sequence + 1);
    Ok((outcomes, after, sales.len() == PAGE))
}

fn goods(hub: &Hub, sale: &Sale) -> Vec<(Sku, String)> {
    let sold = sale.lines.iter().filter(|line| line.returned.is_none());
    sold.filter_map(Line::sku).map(|sku| (sku.clone(), type_of(hub, sku))).collect()
}

impl Follower for LearnFromSales {
    fn name(&self) -> String {
        "suggestions".into()
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        let hub = Arc::clone(&self.hub);
        let follow_rules = move || {
            let generation = guide::generation(&hub.store)?;
            if hub.suggestions.rules().0 != generation {
                hub.suggestions.set_rules(generation, guide::rules(&hub.store)?);
            }
            Ok::<_, StoreError>(())
        };
        tokio::task::spawn_blocking(follow_rules).await.map_err(|_| StoreError::Panicked)??;
        loop {
            let (hub, next) = (Arc::clone(&self.hub), self.next);
            let learnt = tokio::task::spawn_blocking(move || {
                let next = next.map_or_else(|| first(&hub.store), Ok)?;
                learn(&hub, next)
            });
            let (outcomes, next, has_more) = learnt.await.map_err(|_| StoreError::Panicked)??;
            self.next = Some(next);
            if !outcomes.is_empty() {
                let note = move |transaction: &mut store::Transaction<'_>| {
                    outcomes.into_iter().try_for_each(|(day, more)| guide::note(transaction, day, more))
                };
                self.hub.store.commit_for(Purpose::Housekeeping, note).await?;
            }
            if !has_more {
                return Ok(());
            }
        }
    }
}

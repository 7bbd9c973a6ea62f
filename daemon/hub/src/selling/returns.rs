//! The routes of returns: what can come back, taking it back in a basket, and giving the money back.

#![allow(unused_qualifications)] // in what a macro makes of `params(Which)`

use std::sync::Arc;

use app::{
    By, Refusal,
    payments::{REFUND, RefundRequest},
    refusal::BAD_REQUEST,
    returns::{Attempt, READ, ReturnLine, ReturnRequest, Returning, TAKE_BACK, note_refused},
    selling::{self, BasketStatus, LineRequest, Returnable},
};
use axum::{Json, extract::State};
use commerce::{
    BasketId, Minor, RegisterName, Sale, Tender, Totals,
    gift_card::CardNumber,
    returns::{Disposition, Reason, RefundStep, SoldIn, Validated},
};
use contract::HubId;
use serde::{Deserialize, Serialize};
use store::Purpose;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::{
    elsewhere::{self, Receipt, receipt},
    entry::Entry,
    no_receipt,
};
use crate::{
    digest,
    hub::Hub,
    payments,
    web::{Asker, Command, InPath, InQuery, Problem, Routes, reading},
};

/// The maximum number of things that identify a customer.
const MAX_IDENTITIES: usize = 5;

/// The routes of returns.
pub(crate) fn routes() -> Routes {
    let capabilities = &[
        "returns",
        "selling",
        "catalog",
        "recalls",
        "serials",
        "stock",
        "payments",
        "devices",
        "pricing",
        "gift_cards",
        "roles",
    ];
    Routes::new("returns", "Goods that come back, and refunds", capabilities)
        .read(&READ, routes!(find))
        .keyless(&READ, routes!(no_receipt::search))
        .command(&TAKE_BACK, routes!(take_back))
        .command(&TAKE_BACK, routes!(take_back_blind))
        .command(&REFUND, routes!(refund))
}

/// Selects a sale: by `sale`, or by `register`, `fiscal_year` and `receipt`.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// The sale, as the code on its receipt says: `1-7`.
    sale: Option<String>,
    /// With `sale`, the store that sold; default this one.
    store: Option<String>,
    /// The register that printed the receipt.
    register: Option<RegisterName>,
    /// The fiscal year, by the calendar year in which it begins.
    fiscal_year: Option<u16>,
    /// The number on the receipt.
    receipt: Option<u64>,
}

/// Something that identifies the customer. Only its hash is kept.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    /// What it is.
    kind: IdentityKind,
    /// The number.
    #[schema(min_length = 1, max_length = 64)]
    value: String,
}

/// What identifies a customer.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum IdentityKind {
    /// An identity document.
    Document,
    /// A telephone number.
    Phone,
    /// The customer's number.
    Customer,
}

/// Goods of a receipt that come back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TakeBack {
    /// The sale, as the code on its receipt says: `1-7`.
    #[schema(max_length = 48)]
    sale: String,
    /// The store that sold; default this one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    store: Option<HubId>,
    /// The lines.
    #[schema(min_items = 1, max_items = 200)]
    lines: Vec<ReturnLine>,
    /// Whether the receipt's number was keyed instead of scanned.
    #[serde(default)]
    keyed: bool,
    /// What identifies the customer.
    #[serde(default)]
    #[schema(max_items = 5)]
    identities: Vec<Identity>,
    /// Why a rule is overridden.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    override_reason: Option<String>,
}

/// An item that comes back without a receipt.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TakeBackBlind {
    /// The item, as it would be sold now.
    line: LineRequest,
    /// Why.
    reason: Reason,
    /// Where the goods go; default sellable.
    #[serde(default)]
    disposition: Option<Disposition>,
    /// What identifies the customer.
    #[serde(default)]
    #[schema(max_items = 5)]
    identities: Vec<Identity>,
    /// Why a rule is overridden.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    override_reason: Option<String>,
}

/// A basket and the steps of its refund.
#[derive(Serialize, ToSchema)]
struct RefundStatus {
    /// The steps.
    steps: Vec<RefundStep>,
    /// The totals.
    totals: Totals,
    /// The amount still due; negative while money is to be given back.
    due: Minor,
    /// The number of new store credit, if a part went to it now: give it to the customer. Only this answer has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    store_credit: Option<CardNumber>,
}

/// The hashes of identities.
fn hashed(hub: &Hub, identities: &[Identity]) -> Result<Vec<String>, Refusal> {
    if identities.len() > MAX_IDENTITIES {
        return Err(BAD_REQUEST.because(format!("`identities`: expected at most {MAX_IDENTITIES}")));
    }
    let hash = |identity: &Identity| {
        let plain: String = identity.value.chars().filter(char::is_ascii_alphanumeric).collect();
        if plain.is_empty() || identity.value.len() > 64 {
            return Err(BAD_REQUEST.because("`identities`: expected values of 1 to 64 letters and digits"));
        }
        let kind = match identity.kind {
            IdentityKind::Document => "document",
            IdentityKind::Phone => "phone",
            IdentityKind::Customer => "customer",
        };
        Ok(digest::identity(&hub.config.returns.identity_key, kind, &plain.to_ascii_uppercase()))
    };
    identities.iter().map(hash).collect()
}

/// The hash of the card that paid a sale.
fn card_of(sale: &Sale) -> Option<String> {
    sale.tenders.iter().find_map(|tender| match tender {
        Tender::Card { slip, .. } => slip.identity.clone(),
        _ => None,
    })
}

/// Find what of a sale can come back
///
/// By the code on the receipt, of this store or another, or by register, fiscal year and number. HQ is asked what other
/// stores took back; without it the answer says `offline`.
#[utoipa::path(get, path = "/api/v1/returns/sale", params(Which),
    responses((status = 200, body = Found), (status = 404, body = Problem)))]
async fn find(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    InQuery(which): InQuery<Which>,
) -> Result<Json<Found>, Problem> {
    let (store, code) = match which {
        Which { sale: Some(code), store, register: None, fiscal_year: None, receipt: None } => (store, code),
        Which {
            sale: None,
            store: None,
            register: Some(register),
            fiscal_year: Some(year),
            receipt: Some(receipt),
        } => {
            let hub = Arc::clone(&hub);
            let found = reading(move || Ok(selling::by_receipt(&hub.store, register.as_str(), year, receipt)?.id));
            (None, found.await?.to_string())
        }
        _ => return Err(BAD_REQUEST.because("send `sale`, or `register`, `fiscal_year` and `receipt`").into()),
    };
    let store = store.map(|store| store.parse::<HubId>()).transpose();
    let store = store.map_err(|why| BAD_REQUEST.because(format!("`store`: {why}")))?;
    let Receipt { sale, store, validated, elsewhere } = receipt(&hub, &actor.station, store, code, Vec::new()).await?;
    let sale = sale?;
    let found = reading(move || selling::returnable(&hub.store, &sale, store, &elsewhere));
    Ok(Json(Found { validated, returnable: found.await? }))
}

/// What of a sale can come back, and how that is known.
#[derive(Serialize, ToSchema)]
#[schema(as = ReturnableFound)]
struct Found {
    /// How the receipt was verified.
    validated: Validated,
    /// What can come back.
    returnable: Returnable,
}

/// Take goods of a receipt back in a basket
///
/// Adds lines with negative amounts: what was really paid for the goods. Add what the customer takes instead as ever;
/// if the basket then owes the customer money, give it back by `refunds`, and complete the basket. A refusal
/// `return-refused` names the rules that fired; send `override_reason` to override them.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/returns", request_body = TakeBack, params(("id" = BasketId, Path)),
    responses((status = 200, body = BasketStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn take_back(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<TakeBack>,
) -> Result<Json<BasketStatus>, Problem> {
    let (store, code) = (command.body.store.clone(), command.body.sale.clone());
    let identities = hashed(&hub, &command.body.identities);
    // Found before the commit and refused inside it, so that a repeat gets its answer.
    let known = identities.clone().unwrap_or_default();
    let Receipt { sale, store, validated, elsewhere } =
        receipt(&hub, &command.by.actor.station, store, code, known).await?;
    let at = Arc::clone(&hub);
    let policies = reading(move || Ok(at.return_policies()?)).await?;
    let today = hub.business_day(command.by.at_ms)?;
    let (of_hub, by) = (Arc::clone(&hub), command.by.clone());
    let attempt = Attempt {
        basket: id,
        sale: sale.as_ref().ok().map(|sale| SoldIn { store: store.clone(), sale: sale.id }),
        identities: identities.iter().flatten().cloned().chain(sale.as_ref().ok().and_then(card_of)).collect(),
    };
    let taken = command.commit(&hub.store, Purpose::Money, move |transaction, by, body| {
        let (hub, sale) = (of_hub, sale?);
        let catalog = hub.catalog.load();
        let pricing = hub.prices.at(sale.sold_at_ms);
        let context = Returning {
            policies: &policies,
            catalog: &catalog,
            today,
            validated,
            elsewhere: &elsewhere,
            pricing: pricing.as_ref(),
            store: store.as_deref(),
        };
        let TakeBack { lines, keyed, override_reason, .. } = body;
        let card = card_of(&sale);
        let request = ReturnRequest { lines, identities: identities?, card, keyed, override_reason };
        selling::take_back(transaction, by, id, &sale, context, &request)
    });
    Ok(Json(noted(&hub, by, attempt, taken.await).await?))
}

/// Take an item back without a receipt
///
/// At the price at which it is sold now. The policy limits it, and asks for the customer's identity.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/returns/without-receipt", request_body = TakeBackBlind,
    params(("id" = BasketId, Path)),
    responses((status = 200, body = BasketStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn take_back_blind(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<TakeBackBlind>,
) -> Result<Json<BasketStatus>, Problem> {
    let at_ms = command.by.at_ms;
    let mut entry = Entry::default();
    let identities = hashed(&hub, &command.body.identities);
    let (today, now) = (hub.business_day(at_ms)?, hub.prices.at(at_ms));
    let elsewhere = elsewhere::of(&hub, &command.by.actor.station, None, identities.clone().unwrap_or_default()).await;
    let elsewhere = elsewhere.map(|(elsewhere, _)| elsewhere).unwrap_or_default();
    let at = Arc::clone(&hub);
    let policies = reading(move || Ok(at.return_policies()?)).await?;
    let command = command.map(|body| {
        let found = entry.line(&hub, &hub.catalog.load(), at_ms, body.line);
        (found, body.reason, body.disposition.unwrap_or(Disposition::Sellable), body.override_reason)
    });
    let (of_hub, by) = (Arc::clone(&hub), command.by.clone());
    let known = identities.iter().flatten().cloned().collect();
    let attempt = Attempt { basket: id, sale: None, identities: known };
    let taken =
        command.commit(&hub.store, Purpose::Money, move |transaction, by, (found, reason, disposition, why)| {
            let hub = of_hub;
            let catalog = hub.catalog.load();
            let context = Returning {
                policies: &policies,
                catalog: &catalog,
                today,
                validated: Validated::NoReceipt,
                elsewhere: &elsewhere,
                pricing: None,
                store: None,
            };
            let (lines, identities) = (Vec::new(), identities?);
            let request = ReturnRequest { lines, identities, card: None, keyed: false, override_reason: why };
            selling::take_back_blind(
                transaction,
                by,
                id,
                (found?, reason, disposition),
                now.as_ref(),
                context,
                &request,
            )
        });
    let taken = noted(&hub, by, attempt, taken.await).await?;
    entry.spend();
    Ok(Json(taken))
}

/// Notes an attempt that a rule refused.
async fn noted<T>(hub: &Hub, by: By, attempt: Attempt, taken: Result<T, Refusal>) -> Result<T, Refusal> {
    if let Err(refusal) = &taken {
        let refusal = refusal.clone();
        let noted = hub
            .store
            .commit_for(Purpose::Ordinary, move |transaction| note_refused(transaction, &by, &attempt, &refusal));
        if let Err(error) = noted.await {
            tracing::warn!(%error, "could not note a refused return");
        }
    }
    taken
}

/// Give the money of a basket back: its next step
///
/// The tenders of the sale get their shares: each card by a command of its own, whose answer waits for the terminal,
/// then everything else in one. Repeat with a new key until `due` is zero, then complete the basket. A card that
/// declines is replaced by store credit, and what was given back before stays.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/refunds", request_body = RefundRequest,
    params(("id" = BasketId, Path)),
    responses((status = 200, body = RefundStatus), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn refund(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<RefundRequest>,
) -> Result<Json<RefundStatus>, Problem> {
    let (basket, store_credit) = payments::refund_step(&hub, id, command).await?;
    let (totals, due) = (basket.totals(), basket.due());
    Ok(Json(RefundStatus { totals, due, steps: basket.refund, store_credit }))
}

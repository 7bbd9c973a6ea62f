//! Gift cards and store credit.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use commerce::{
    Currency,
    gift_card::{CardKind, CardNumber},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    command::{Asking, Command},
    extract::{InPath, InQuery, Page, limit, read_cursor},
    problem::{BAD_REQUEST, FAULT, Kind, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::{
    gift_cards::{self, CardError, Found, HeldAt, Movement, Moving},
    moment::now_ms,
};

/// HQ does not know the card.
static CARD_UNKNOWN: Kind =
    Kind::new("gift-card-unknown", StatusCode::NOT_FOUND, "Unknown gift card", "HQ does not know the card.");
/// The card is blocked.
static CARD_BLOCKED: Kind =
    Kind::new("gift-card-blocked", StatusCode::CONFLICT, "Gift card blocked", "A person has blocked the card.");
/// Less is free.
static CARD_NOT_FREE: Kind = Kind::new(
    "gift-card-not-free",
    StatusCode::CONFLICT,
    "Not enough free",
    "Less of the balance is free at HQ. What stores hold is called back; repeat the command with a new key.",
);

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "gift_cards", "Gift cards and store credit")
        .read(Scope::GiftCardsRead, &[], routes!(list))
        .read(Scope::GiftCardsRead, &[&CARD_UNKNOWN], routes!(read))
        .command(Scope::GiftCardsManage, &[], routes!(issue))
        .command(Scope::GiftCardsManage, &[&CARD_UNKNOWN, &CARD_BLOCKED], routes!(load))
        .command(Scope::GiftCardsManage, &[&CARD_UNKNOWN, &CARD_BLOCKED, &CARD_NOT_FREE], routes!(redeem))
        .command(Scope::GiftCardsManage, &[&CARD_UNKNOWN], routes!(block))
}

impl From<CardError> for Problem {
    fn from(error: CardError) -> Self {
        match error {
            CardError::Unknown(_) => CARD_UNKNOWN.because(error.to_string()),
            CardError::Blocked { .. } => CARD_BLOCKED.because(error.to_string()),
            CardError::NotFree { .. } => CARD_NOT_FREE.because(error.to_string()),
            CardError::Amount(_) => BAD_REQUEST.because(error.to_string()),
            CardError::Random => FAULT.because(error.to_string()),
            CardError::Failed(failed) => failed.into_database().into(),
        }
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// `next` of the page before; from the first without it.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List gift cards
///
/// By number.
#[utoipa::path(get, path = "/api/v1/gift-cards", params(Asked),
    responses((status = 200, body = Page<Found>, description = "A page of gift cards.")))]
async fn list(State(api): State<Arc<Api>>, InQuery(asked): InQuery<Asked>) -> Result<Json<Page<Found>>, Problem> {
    let limit = limit(asked.limit, 100, 500)?;
    let after: Option<String> = asked.after.as_deref().map(read_cursor).transpose()?;
    let found = gift_cards::list(&api.database, &after.unwrap_or_default(), limit + 1).await?;
    Ok(Json(Page::of(found, limit, |last| last.card.as_str().to_owned())))
}

/// A gift card, where its money is, and what happened to it.
#[derive(Serialize, ToSchema)]
struct GiftCardStory {
    /// The card.
    card: Found,
    /// What stores hold.
    held: Vec<HeldAt>,
    /// The movements, oldest first; at most 1000.
    movements: Vec<Movement>,
}

/// Show a gift card
///
/// With the part of its balance that each store holds, and its movements.
#[utoipa::path(get, path = "/api/v1/gift-cards/{card}",
    params(("card" = String, Path, description = "The card's number.")),
    responses((status = 200, body = GiftCardStory, description = "The card.")))]
async fn read(State(api): State<Arc<Api>>, InPath(card): InPath<String>) -> Result<Json<GiftCardStory>, Problem> {
    let number = number(&card)?;
    let found = gift_cards::find(&api.database, &number).await?;
    let (card, held, movements) = found.ok_or_else(|| CardError::Unknown(number.masked()))?;
    Ok(Json(GiftCardStory { card, held, movements }))
}

fn number(text: &str) -> Result<CardNumber, Problem> {
    text.parse().map_err(|error: commerce::gift_card::InvalidCardNumber| BAD_REQUEST.because(error.to_string()))
}

/// A new card.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IssueGiftCard {
    /// Its kind.
    #[serde(default)]
    kind: CardKind,
    /// Its currency.
    #[schema(value_type = String)]
    currency: Currency,
    /// Its balance, in minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    amount: i64,
    /// The web shop's reference, or the reason.
    #[schema(min_length = 1, max_length = 120)]
    reference: String,
}

/// Issue a gift card
///
/// HQ draws the number, which nobody can guess.
#[utoipa::path(post, path = "/api/v1/gift-cards", request_body = IssueGiftCard,
    responses((status = 201, body = Found, description = "The card.")))]
async fn issue(asking: Asking, mut command: Command<IssueGiftCard>) -> Result<Response, Problem> {
    let IssueGiftCard { kind, currency, amount, .. } = command.body;
    let moving = moving(&asking, amount, std::mem::take(&mut command.body.reference))?;
    let number = gift_cards::draw()?;
    let transaction = &mut command.transaction;
    let card = gift_cards::issue(transaction, &number, (kind, currency), moving, now_ms()).await?;
    command.answer(StatusCode::CREATED, &card.found()).await
}

/// Money that goes to a card or comes from it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GiftCardAmount {
    /// The amount, in minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    amount: i64,
    /// The web shop's reference, or the reason.
    #[schema(min_length = 1, max_length = 120)]
    reference: String,
}

fn text(name: &str, text: String) -> Result<String, Problem> {
    if !(1..=commerce::MAX_TEXT).contains(&text.len()) || !commerce::text::is_readable(&text) {
        return Err(BAD_REQUEST.because(format!("`{name}`: 1 to 120 bytes of text without control characters")));
    }
    Ok(text)
}

fn moving(Asking(key): &Asking, amount: i64, reference: String) -> Result<Moving, Problem> {
    Ok(Moving { amount, reference: text("reference", reference)?, by: format!("key {key}") })
}

/// Load a gift card
///
/// A top-up, or a refund to the card.
#[utoipa::path(post, path = "/api/v1/gift-cards/{card}/load", request_body = GiftCardAmount,
    params(("card" = String, Path, description = "The card's number.")),
    responses((status = 200, body = Found, description = "The card.")))]
async fn load(
    InPath(card): InPath<String>,
    asking: Asking,
    mut command: Command<GiftCardAmount>,
) -> Result<Response, Problem> {
    let moving = moving(&asking, command.body.amount, std::mem::take(&mut command.body.reference))?;
    let card = gift_cards::load(&mut command.transaction, &number(&card)?, moving, now_ms()).await?;
    command.answer(StatusCode::OK, &card.found()).await
}

/// Redeem from a gift card
///
/// Only what is free at HQ. What stores hold is called back, which takes seconds while they are connected.
#[utoipa::path(post, path = "/api/v1/gift-cards/{card}/redeem", request_body = GiftCardAmount,
    params(("card" = String, Path, description = "The card's number.")),
    responses((status = 200, body = Found, description = "The card.")))]
async fn redeem(
    State(api): State<Arc<Api>>,
    InPath(card): InPath<String>,
    asking: Asking,
    mut command: Command<GiftCardAmount>,
) -> Result<Response, Problem> {
    let number = number(&card)?;
    let moving = moving(&asking, command.body.amount, std::mem::take(&mut command.body.reference))?;
    match gift_cards::redeem(&mut command.transaction, &number, moving, now_ms()).await {
        Ok(card) => command.answer(StatusCode::OK, &card.found()).await,
        Err(refused) => {
            // The refused command leaves nothing behind; calling back is another transaction.
            drop(command);
            if matches!(refused, CardError::NotFree { .. }) {
                let mut transaction = api.database.transaction().await?;
                gift_cards::recall(&mut transaction, &number, now_ms()).await?;
                transaction.commit().await?;
            }
            Err(refused.into())
        }
    }
}

/// Why a card is blocked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BlockGiftCard {
    /// The reason; without it, the card is unblocked.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    why: Option<String>,
}

/// Block a gift card, or unblock it
///
/// What stores hold of it is called back; until then a store can still redeem that part.
#[utoipa::path(post, path = "/api/v1/gift-cards/{card}/block", request_body = BlockGiftCard,
    params(("card" = String, Path, description = "The card's number.")),
    responses((status = 200, body = Found, description = "The card.")))]
async fn block(InPath(card): InPath<String>, mut command: Command<BlockGiftCard>) -> Result<Response, Problem> {
    let why = command.body.why.take().map(|why| text("why", why)).transpose()?;
    let card = gift_cards::block(&mut command.transaction, &number(&card)?, why, now_ms()).await?;
    command.answer(StatusCode::OK, &card.found()).await
}

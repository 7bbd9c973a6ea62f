//! The routes of gift cards and store credit.
//!
//! A card is presented first: its PIN is checked, and HQ is asked for money that the store does not hold. While HQ
//! can't be asked, a card pays what the store holds. The tender of a basket then names what was presented.

use std::{sync::Arc, time::Duration};

use app::{
    Refusal,
    gift_cards::{self, CARD_UNKNOWN, CardAtHub, PRESENT, PresentRequest, Presented},
    refusal::{BAD_REQUEST, FAULT},
    selling::{self, BasketStatus, SELL},
    training,
};
use axum::{Json, extract::State};
use commerce::{BasketId, Minor, Station, gift_card::CardNumber};
use contract::{
    Answer, Question,
    gift_card::{GiftCardAnswer, GiftCardAsked},
};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use store::{Purpose, StoreError, hexadecimal};
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    web::{Asker, Command, InPath, Problem, Routes, SecretBody},
};

/// How long HQ has, including the time in which another store gives back what it holds.
const WITHIN: Duration = Duration::from_secs(6);

/// How long HQ has for an answer.
pub(crate) const ANSWER: Duration = Duration::from_secs(3);

/// The pause before HQ is asked again while another store gives back what it holds.
const PAUSE: Duration = Duration::from_millis(500);

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    let capabilities = &["gift_cards", "selling", "pricing", "roles"];
    Routes::new("gift_cards", "Gift cards and store credit", capabilities)
        .keyless(&PRESENT, routes!(present))
        .command(&SELL, routes!(sell))
}

pub(crate) fn random() -> Result<[u8; 16], Refusal> {
    let mut bytes = [0; 16];
    let drawn = SystemRandom::new().fill(&mut bytes);
    drawn.map_err(|_| FAULT.because("the system has no random numbers"))?;
    Ok(bytes)
}

/// A new number.
///
/// # Errors
/// The system has no random numbers.
pub(crate) fn new_number() -> Result<CardNumber, Refusal> {
    random().map(CardNumber::from_random)
}

fn number(text: &str) -> Result<CardNumber, Refusal> {
    text.parse().map_err(|error: commerce::gift_card::InvalidCardNumber| BAD_REQUEST.because(error.to_string()))
}

/// Present a gift card or store credit
///
/// Checks the PIN, and asks HQ for what the store does not hold: for `amount`, or for the whole balance. If HQ can't be
/// asked, the card pays what the store holds. The tender of a basket names `presented`. Needs no idempotency key.
#[utoipa::path(post, path = "/api/v1/gift-cards/present", request_body = PresentRequest,
    responses((status = 200, body = Presented), (status = 404, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem)))]
async fn present(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    SecretBody(request): SecretBody<PresentRequest>,
) -> Result<Json<Presented>, Problem> {
    let PresentRequest { card, pin, amount } = request;
    let (number, by) = (number(&card)?, app::By { actor, at_ms: hub.now_ms() });
    // Before HQ is asked for money of the card.
    training::require_real_now(&hub.store, &by)?;
    let asker = by.actor.station.clone();
    let mut balance = None;
    if known(&hub, &number).await?.is_none_or(|card| card.pin.is_none()) {
        // HQ may know a PIN that this store has not heard of.
        balance = ask(&hub, &asker, &number, 0).await?.map(|answer| answer.balance);
    }
    let unknown = || CARD_UNKNOWN.because(format!("unknown gift card {}", number.masked()));
    let card = known(&hub, &number).await?.ok_or_else(unknown)?;
    check_pin(&hub, &number, card, pin, by.at_ms).await?;
    let fetched = fetch(&hub, &asker, &number, amount).await?.or(balance);
    Ok(Json(finish(&hub, by, number, fetched).await?))
}

/// Presents the account of a customer's points, which has no PIN.
pub(crate) async fn present_account(
    hub: &Arc<Hub>,
    by: app::By,
    account: CardNumber,
    amount: Option<Minor>,
) -> Result<Presented, Refusal> {
    training::require_real_now(&hub.store, &by)?;
    let asker = by.actor.station.clone();
    if known(hub, &account).await?.is_none() {
        ask(hub, &asker, &account, 0).await?;
    }
    let balance = fetch(hub, &asker, &account, amount).await?;
    finish(hub, by, account, balance).await
}

async fn finish(hub: &Arc<Hub>, by: app::By, number: CardNumber, balance: Option<i64>) -> Result<Presented, Refusal> {
    let reference = hexadecimal::of(&random()?);
    let presented = hub.store.commit_for(Purpose::Money, move |transaction| {
        training::require_real(transaction, &by)?;
        gift_cards::present(transaction, &by, &number, reference, balance)
    });
    presented.await
}

async fn known(hub: &Arc<Hub>, number: &CardNumber) -> Result<Option<CardAtHub>, Refusal> {
    let (hub, number) = (Arc::clone(hub), number.clone());
    let read = tokio::task::spawn_blocking(move || gift_cards::card(&hub.store, &number)).await;
    Ok(read.map_err(|_| StoreError::Panicked)??)
}

async fn check_pin(
    hub: &Arc<Hub>,
    number: &CardNumber,
    card: CardAtHub,
    pin: Option<String>,
    at_ms: i64,
) -> Result<(), Refusal> {
    if card.pin.is_none() {
        return Ok(());
    }
    // One PIN at a time, as each takes 19 MB.
    let turn = hub.operators.turn.acquire().await.map_err(|_| FAULT.because("the hub is stopping"))?;
    let (at, of) = (Arc::clone(hub), number.clone());
    let checked =
        tokio::task::spawn_blocking(move || gift_cards::has_right_pin(&at.store, &of, &card, pin.as_deref(), at_ms));
    let is_right = checked.await.map_err(|_| StoreError::Panicked)??;
    let of = number.clone();
    let noted = hub
        .store
        .commit_for(Purpose::Settled, move |transaction| gift_cards::note_pin(transaction, &of, is_right, at_ms));
    noted.await?;
    // The next PIN is checked after this one is counted.
    drop(turn);
    if is_right { Ok(()) } else { Err(CardAtHub::wrong_pin(number)) }
}

/// Asks HQ until the store holds an amount of the card, or as much as there is; gives the balance if HQ answered.
async fn fetch(
    hub: &Arc<Hub>,
    asker: &Station,
    number: &CardNumber,
    amount: Option<Minor>,
) -> Result<Option<i64>, Refusal> {
    let began = Instant::now();
    let mut balance = None;
    loop {
        let Some(card) = known(hub, number).await? else { return Ok(balance) };
        let held = card.held.available();
        let amount = amount.or_else(|| Minor::new(balance.unwrap_or(i64::from(u32::MAX)))).unwrap_or(held);
        if held >= amount {
            return Ok(balance);
        }
        let Some(answer) = ask(hub, asker, number, card.held.wanted(amount)).await? else { return Ok(balance) };
        balance = Some(answer.balance);
        let is_short = answer.granted < card.held.wanted(amount.min(Minor::new(answer.balance).unwrap_or(amount)));
        if !is_short || answer.elsewhere == 0 || answer.blocked.is_some() || began.elapsed() >= WITHIN {
            return Ok(balance);
        }
        // The hub that holds the rest was asked for it.
        sleep(PAUSE).await;
    }
}

/// Asks HQ, and stores its answer; none if HQ can't be asked or does not know the card.
async fn ask(
    hub: &Arc<Hub>,
    asker: &Station,
    number: &CardNumber,
    wanted: i64,
) -> Result<Option<GiftCardAnswer>, Refusal> {
    let question = Question::GiftCard(GiftCardAsked { card: number.clone(), wanted });
    let answer = match hub.headquarters.ask(asker, question, ANSWER).await {
        Ok(Answer::GiftCard(Some(answer))) => answer,
        Ok(_) => return Ok(None),
        Err(why) => {
            tracing::debug!(%why, card = number.masked(), "HQ did not answer about a gift card");
            return Ok(None);
        }
    };
    let (of, told) = (number.clone(), answer.clone());
    hub.store.commit_for(Purpose::Money, move |transaction| gift_cards::note_answer(transaction, &of, told)).await?;
    Ok(Some(answer))
}

/// A gift card to sell or to top up.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SellCard {
    /// The number, as scanned or keyed; without it the hub draws a new one.
    #[serde(default)]
    #[schema(min_length = 20, max_length = 40)]
    card: Option<String>,
    /// The amount.
    amount: Minor,
}

/// A gift card in a basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
struct CardInBasket {
    /// Its number.
    card: CardNumber,
    /// The basket.
    basket: BasketStatus,
}

/// Sell a gift card, or top one up
///
/// Adds a line without tax. The card is loaded when the basket is completed, and can pay at once in this store. To
/// take it out, void the line.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/gift-cards", request_body = SellCard,
    params(("id" = BasketId, Path)),
    responses((status = 200, body = CardInBasket), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn sell(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<SellCard>,
) -> Result<Json<CardInBasket>, Problem> {
    let pricing = hub.prices.at(command.by.at_ms);
    let card = match &command.body.card {
        Some(text) => number(text)?,
        None => new_number()?,
    };
    let added = command.commit(&hub.store, Purpose::Money, move |transaction, by, SellCard { amount, .. }| {
        let basket = selling::add_gift_card(transaction, by, id, pricing.as_ref(), card.clone(), amount)?;
        Ok(CardInBasket { card, basket })
    });
    Ok(Json(added.await?))
}

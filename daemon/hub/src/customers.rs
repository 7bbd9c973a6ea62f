//! The routes of customers, their points and their history.
//!
//! What is personal is in bodies only, never in an address, which may be logged. Look-ups and exports have no
//! idempotency key, whose record would hold what was found.

use std::sync::Arc;

use app::{
    By,
    customers::{self, CUSTOMER_UNKNOWN, ERASE, Enter, Exported, Found, HISTORY, MANAGE, NewCustomer, READ, Worth},
    gift_cards::{PRESENT, Presented},
    refusal::BAD_REQUEST,
    selling::{self, BasketStatus, SELL},
};
use axum::{Json, extract::State};
use commerce::{
    BasketId, Minor, Sale, SaleId,
    customer::{CustomerId, Profile, Wanted},
    gift_card::CardNumber,
};
use contract::{Answer, Question, SaleCompleted, customer::CustomerNamed};
use serde::{Deserialize, Serialize};
use store::Purpose;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    coupons,
    gift_cards::{ANSWER, present_account, random},
    hub::Hub,
    web::{Asker, Command, Empty, InPath, Problem, Routes, SecretBody, reading},
};

/// The most sales of a history.
const LAST_SALES: usize = 20;

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    let capabilities = &["customers", "gift_cards", "selling", "pricing", "roles"];
    Routes::new("customers", "Customers, loyalty points, history", capabilities)
        .keyless(&READ, routes!(search))
        .command(&MANAGE, routes!(enter))
        .read(&READ, routes!(read))
        .command(&MANAGE, routes!(change))
        .command(&ERASE, routes!(erase))
        .keyless(&ERASE, routes!(export))
        .read(&HISTORY, routes!(history))
        .read(&READ, routes!(points))
        .keyless(&PRESENT, routes!(present_points))
        .command(&MANAGE, routes!(email))
        .command(&SELL, routes!(set))
}

/// Look customers up
///
/// By exactly one of `phone`, `email`, `card` and `name`; at most 20, and without HQ. `as_of_ms` says when HQ last told
/// this store about customers. Needs no idempotency key.
#[utoipa::path(post, path = "/api/v1/customers/search", request_body = Wanted,
    responses((status = 200, body = Found)))]
async fn search(State(hub): State<Arc<Hub>>, SecretBody(wanted): SecretBody<Wanted>) -> Result<Json<Found>, Problem> {
    let one = || BAD_REQUEST.because("send exactly one of `phone`, `email`, `card` and `name`");
    let lookup = wanted.lookup().ok_or_else(one)?;
    reading(move || Ok(customers::find(&hub.store, &lookup)?)).await.map(Json)
}

/// Enter a customer
///
/// Refused with the id of the known customer if the phone number, e-mail address or card is known here. HQ merges
/// customers that another store knows.
#[utoipa::path(post, path = "/api/v1/customers", request_body = Enter,
    responses((status = 200, body = NewCustomer), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn enter(State(hub): State<Arc<Hub>>, command: Command<Enter>) -> Result<Json<NewCustomer>, Problem> {
    let ids = (CustomerId::from_random(random()?), CardNumber::from_random(random()?));
    let (entered, at_ms, at) = (command.body.clone(), command.by.at_ms, Arc::clone(&hub));
    // Checked before the commit and refused inside it, so that a repeat gets its answer.
    let profile = reading(move || Ok(customers::enter(&at.store, entered, ids, at_ms))).await?;
    let stored = command.map(|_| profile).commit(&hub.store, Purpose::Ordinary, |transaction, by, profile| {
        NewCustomer::store(transaction, by, &profile?)
    });
    Ok(Json(stored.await?))
}

/// Get a customer's profile
#[utoipa::path(get, path = "/api/v1/customers/{id}", params(("id" = CustomerId, Path)),
    responses((status = 200, body = Profile), (status = 404, body = Problem)))]
async fn read(State(hub): State<Arc<Hub>>, InPath(id): InPath<CustomerId>) -> Result<Json<Profile>, Problem> {
    reading(move || {
        let unknown = || CUSTOMER_UNKNOWN.because(format!("unknown customer {id}"));
        customers::profile(&hub.store, &id)?.ok_or_else(unknown)
    })
    .await
    .map(Json)
}

/// Change a customer
///
/// Replaces what stores enter. Groups, tier, exemption and offers are HQ's and stay.
#[utoipa::path(post, path = "/api/v1/customers/{id}", request_body = Enter, params(("id" = CustomerId, Path)),
    responses((status = 200, body = NewCustomer), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<CustomerId>,
    command: Command<Enter>,
) -> Result<Json<NewCustomer>, Problem> {
    let changed = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, entered| {
        customers::change(transaction, by, &id, entered)
    });
    Ok(Json(changed.await?))
}

/// Erase a customer
///
/// Here at once, and by way of HQ in every store. Sales stay, under an id that leads to nobody.
#[utoipa::path(post, path = "/api/v1/customers/{id}/erase", request_body = Empty, params(("id" = CustomerId, Path)),
    responses((status = 200, body = NewCustomer), (status = 404, body = Problem)))]
async fn erase(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<CustomerId>,
    command: Command<Empty>,
) -> Result<Json<NewCustomer>, Problem> {
    let erased = command
        .commit(&hub.store, Purpose::Settled, move |transaction, by, Empty {}| customers::erase(transaction, by, &id));
    Ok(Json(erased.await?))
}

/// Export what the store has about a customer
///
/// With an entry in the audit trail. HQ's export has the sales of all stores. Needs no idempotency key.
#[utoipa::path(post, path = "/api/v1/customers/{id}/export", request_body = Empty, params(("id" = CustomerId, Path)),
    responses((status = 200, body = Exported), (status = 404, body = Problem)))]
async fn export(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<CustomerId>,
    SecretBody(Empty {}): SecretBody<Empty>,
) -> Result<Json<Exported>, Problem> {
    let by = By { actor, at_ms: hub.now_ms() };
    let exported = hub.store.commit_for(Purpose::Settled, move |transaction| customers::export(transaction, &by, &id));
    Ok(Json(exported.await?))
}

/// What a customer bought.
#[derive(Serialize, ToSchema)]
struct History {
    /// The last sales in this store, newest first; at most 20.
    here: Vec<Sale>,
    /// The last sales in all stores and channels, newest first; absent if HQ can't be asked now.
    #[serde(skip_serializing_if = "Option::is_none")]
    everywhere: Option<Vec<SaleCompleted>>,
}

/// Get what a customer bought
///
/// In this store, and in all stores and the web shop if HQ answers.
#[utoipa::path(get, path = "/api/v1/customers/{id}/history", params(("id" = CustomerId, Path)),
    responses((status = 200, body = History), (status = 404, body = Problem)))]
async fn history(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<CustomerId>,
) -> Result<Json<History>, Problem> {
    let (at, of) = (Arc::clone(&hub), id.clone());
    let (customer, here) = reading(move || {
        let unknown = || CUSTOMER_UNKNOWN.because(format!("unknown customer {of}"));
        let customer = customers::profile(&at.store, &of)?.ok_or_else(unknown)?.id;
        let mut sales = Vec::new();
        for sequence in customers::last_sales(&at.store, &customer, LAST_SALES)? {
            sales.extend(selling::sale_at(&at.store, sequence)?);
        }
        Ok((customer, sales))
    })
    .await?;
    let question = Question::CustomerSales(CustomerNamed { customer });
    let everywhere = match hub.headquarters.ask(&actor.station, question, ANSWER).await {
        Ok(Answer::Sales(sales)) => Some(sales),
        Ok(_) => None,
        Err(why) => {
            tracing::debug!(%why, customer = %id, "HQ did not answer about what a customer bought");
            None
        }
    };
    Ok(Json(History { here, everywhere }))
}

/// Get the points that a customer can redeem here without HQ
#[utoipa::path(get, path = "/api/v1/customers/{id}/points", params(("id" = CustomerId, Path)),
    responses((status = 200, body = Worth), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn points(State(hub): State<Arc<Hub>>, InPath(id): InPath<CustomerId>) -> Result<Json<Worth>, Problem> {
    reading(move || customers::worth(&hub.store, &id)).await.map(Json)
}

/// Points to redeem.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RedeemPoints {
    /// What the points should be worth, such as what is due; default: all.
    #[serde(default)]
    amount: Option<Minor>,
}

/// Present a customer's points
///
/// As a gift card: HQ is asked for what the store does not hold, and the tender `gift_card` of a basket names
/// `presented`. Needs no idempotency key.
#[utoipa::path(post, path = "/api/v1/customers/{id}/points/present", request_body = RedeemPoints,
    params(("id" = CustomerId, Path)),
    responses((status = 200, body = Presented), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn present_points(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<CustomerId>,
    SecretBody(RedeemPoints { amount }): SecretBody<RedeemPoints>,
) -> Result<Json<Presented>, Problem> {
    let at = Arc::clone(&hub);
    let (account, ..) = reading(move || customers::account(&at.store, &id)).await?;
    let by = By { actor, at_ms: hub.now_ms() };
    Ok(Json(present_account(&hub, by, account, amount).await?))
}

/// Send the receipt of a sale to its customer by e-mail
///
/// HQ's webhooks tell the retailer's mailer, with the customer's id and the sale's.
#[utoipa::path(post, path = "/api/v1/sales/{id}/email", request_body = Empty, params(("id" = SaleId, Path)),
    responses((status = 200, body = NewCustomer), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn email(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<SaleId>,
    command: Command<Empty>,
) -> Result<Json<NewCustomer>, Problem> {
    let at = Arc::clone(&hub);
    // Refused inside the commit, so that a repeat gets its answer.
    let sale = reading(move || Ok(selling::find_sale(&at.store, id))).await?;
    let requested = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, Empty {}| {
        customers::request_receipt(transaction, by, id, sale?.customer.as_deref())
    });
    Ok(Json(requested.await?))
}

/// The customer of a basket.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetCustomer {
    /// The customer; nobody without it.
    #[serde(default)]
    customer: Option<CustomerId>,
}

/// Set the customer of a basket
///
/// Their price groups, tier, tax exemption and personal offers count from now on, and the sale earns points. Call it
/// before something is paid.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/customer", request_body = SetCustomer,
    params(("id" = BasketId, Path)),
    responses((status = 200, body = BasketStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn set(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<SetCustomer>,
) -> Result<Json<BasketStatus>, Problem> {
    let pricing = hub.prices.at(command.by.at_ms);
    let asker = command.by.actor.station.clone();
    let set = command.commit(&hub.store, Purpose::Money, move |transaction, by, SetCustomer { customer }| {
        selling::set_customer(transaction, by, id, pricing.as_ref(), customer)
    });
    let set = set.await?;
    coupons::learn(&hub, &asker, id).await;
    Ok(Json(set))
}

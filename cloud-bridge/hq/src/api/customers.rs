//! Customers and the loyalty programme.
//!
//! What is personal is in bodies only, never in an address, which may be logged.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use commerce::{
    customer::{CustomerId, Profile, Wanted},
    guide::Rules,
    loyalty::Programme,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    command::{Command, Nothing, Question},
    extract::InPath,
    problem::{BAD_REQUEST, Kind, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::{
    customers::{self, CustomerError, Export},
    moment::now_ms,
};

/// HQ does not know the customer.
static CUSTOMER_UNKNOWN: Kind =
    Kind::new("customer-unknown", StatusCode::NOT_FOUND, "Unknown customer", "HQ does not know the customer.");
/// The customer was erased.
static CUSTOMER_ERASED: Kind =
    Kind::new("customer-erased", StatusCode::GONE, "Customer erased", "The customer was erased; use a new id.");

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "customers", "Customers and the loyalty programme")
        .question(Scope::CustomersRead, &[], routes!(search))
        .read(Scope::CustomersRead, &[&CUSTOMER_UNKNOWN], routes!(read))
        .read(Scope::CustomersRead, &[&CUSTOMER_UNKNOWN], routes!(export))
        .command(Scope::CustomersManage, &[&CUSTOMER_ERASED], routes!(upsert))
        .command(Scope::CustomersManage, &[&CUSTOMER_UNKNOWN, &CUSTOMER_ERASED], routes!(erase))
        .read(Scope::CustomersRead, &[], routes!(programme))
        .command(Scope::CustomersManage, &[], routes!(set_programme))
        .read(Scope::CustomersRead, &[], routes!(selling_rules))
        .command(Scope::CustomersManage, &[], routes!(set_selling_rules))
}

impl From<CustomerError> for Problem {
    fn from(error: CustomerError) -> Self {
        match error {
            CustomerError::Unknown(_) => CUSTOMER_UNKNOWN.because(error.to_string()),
            CustomerError::Erased(_) => CUSTOMER_ERASED.because(error.to_string()),
            CustomerError::Invalid(_) => BAD_REQUEST.because(error.to_string()),
            CustomerError::Failed(failed) => failed.into(),
        }
    }
}

fn id(text: &str) -> Result<CustomerId, Problem> {
    text.parse().map_err(|error: commerce::customer::InvalidCustomer| BAD_REQUEST.because(error.to_string()))
}

/// Customers that were looked for.
#[derive(Serialize, ToSchema)]
struct Customers {
    /// At most 50.
    items: Vec<Profile>,
}

/// Look customers up
///
/// By exactly one of `phone`, `email`, `card` and `name`. Changes nothing and needs no key.
#[utoipa::path(post, path = "/api/v1/customers/search", request_body = Wanted,
    responses((status = 200, body = Customers, description = "The customers.")))]
async fn search(State(api): State<Arc<Api>>, Question(wanted): Question<Wanted>) -> Result<Json<Customers>, Problem> {
    let one = || BAD_REQUEST.because("send exactly one of `phone`, `email`, `card` and `name`");
    let lookup = wanted.lookup().ok_or_else(one)?;
    Ok(Json(Customers { items: customers::search(&api.database, &lookup).await? }))
}

/// Get a customer
///
/// Of a customer who was merged, the profile of the other.
#[utoipa::path(get, path = "/api/v1/customers/{customer}",
    params(("customer" = String, Path, description = "The customer's id.")),
    responses((status = 200, body = Profile, description = "The profile.")))]
async fn read(State(api): State<Arc<Api>>, InPath(customer): InPath<String>) -> Result<Json<Profile>, Problem> {
    let id = id(&customer)?;
    Ok(Json(customers::find(&api.database, &id).await?.ok_or(CustomerError::Unknown(id))?))
}

/// Export everything about a customer
///
/// The profile, the sales of all stores and channels, and the movements of points.
#[utoipa::path(get, path = "/api/v1/customers/{customer}/export",
    params(("customer" = String, Path, description = "The customer's id.")),
    responses((status = 200, body = Export, description = "What HQ has about the customer.")))]
async fn export(State(api): State<Arc<Api>>, InPath(customer): InPath<String>) -> Result<Json<Export>, Problem> {
    let id = id(&customer)?;
    Ok(Json(customers::export(&api.database, &id).await?.ok_or(CustomerError::Unknown(id))?))
}

/// Enter or change a customer
///
/// Every store is told. A new customer whose phone number, e-mail address or card is known is merged into the known
/// one.
#[utoipa::path(put, path = "/api/v1/customers/{customer}", request_body = Profile,
    params(("customer" = String, Path, description = "The customer's id: a random UUID in lower case.")),
    responses((status = 200, body = StoredCustomer, description = "The customer is stored.")))]
async fn upsert(InPath(customer): InPath<String>, mut command: Command<Profile>) -> Result<Response, Problem> {
    let id = id(&customer)?;
    if command.body.id != id {
        return Err(BAD_REQUEST.because("`id` and the address name different customers"));
    }
    let profile = command.body.clone();
    customers::upsert(&mut command.transaction, profile).await?;
    let stored = customers::stored(&mut command.transaction, &id).await?.ok_or(CustomerError::Unknown(id))?;
    // The answer is kept under the key, and what is personal must not be.
    command.answer(StatusCode::OK, &StoredCustomer { customer: stored.id }).await
}

/// A customer who was stored.
#[derive(Serialize, ToSchema)]
struct StoredCustomer {
    /// The id of the profile: another one if the customer was merged.
    customer: CustomerId,
}

/// Erase a customer
///
/// Everywhere: stores that are offline erase them when they are back. Sales stay, under an id that leads to nobody.
#[utoipa::path(post, path = "/api/v1/customers/{customer}/erase",
    params(("customer" = String, Path, description = "The customer's id.")),
    responses((status = 200, body = StoredCustomer, description = "The customer is erased.")))]
async fn erase(InPath(customer): InPath<String>, mut command: Command<Nothing>) -> Result<Response, Problem> {
    let customer = id(&customer)?;
    customers::erase(&mut command.transaction, &customer, now_ms()).await?;
    command.answer(StatusCode::OK, &StoredCustomer { customer }).await
}

/// The loyalty programme.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Loyalty {
    /// The programme; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    programme: Option<Programme>,
}

/// Get the loyalty programme
#[utoipa::path(get, path = "/api/v1/loyalty-programme",
    responses((status = 200, body = Loyalty, description = "The programme.")))]
async fn programme(State(api): State<Arc<Api>>) -> Result<Json<Loyalty>, Problem> {
    Ok(Json(Loyalty { programme: customers::programme(&api.database).await? }))
}

/// Publish the loyalty programme
///
/// To every store; without `programme` it ends, and points stay.
#[utoipa::path(put, path = "/api/v1/loyalty-programme", request_body = Loyalty,
    responses((status = 200, body = Loyalty, description = "The programme.")))]
async fn set_programme(mut command: Command<Loyalty>) -> Result<Response, Problem> {
    let loyalty = command.body.clone();
    if let Some(programme) = &loyalty.programme {
        programme.check().map_err(|why| BAD_REQUEST.because(why))?;
    }
    customers::set_programme(&mut command.transaction, loyalty.programme.as_ref(), now_ms()).await?;
    command.answer(StatusCode::OK, &loyalty).await
}

/// Get the rules of guided selling
#[utoipa::path(get, path = "/api/v1/selling-rules",
    responses((status = 200, body = Rules, description = "The rules.")))]
async fn selling_rules(State(api): State<Arc<Api>>) -> Result<Json<Rules>, Problem> {
    Ok(Json(customers::selling_rules(&api.database).await?))
}

/// Publish the rules of guided selling
///
/// To every store. They replace the rules before.
#[utoipa::path(put, path = "/api/v1/selling-rules", request_body = Rules,
    responses((status = 200, body = Rules, description = "The rules.")))]
async fn set_selling_rules(mut command: Command<Rules>) -> Result<Response, Problem> {
    let rules = command.body.clone();
    rules.check().map_err(|why| BAD_REQUEST.because(why))?;
    customers::set_selling_rules(&mut command.transaction, &rules, now_ms()).await?;
    command.answer(StatusCode::OK, &rules).await
}

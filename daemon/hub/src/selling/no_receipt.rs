//! The route that finds sales without their receipt, for a person to choose from.

use std::sync::Arc;

use app::{Refusal, refusal::BAD_REQUEST};
use axum::{Json, extract::State};
use commerce::{customer::CustomerId, line::checked_text, returns::SoughtBy, serial::SerialNumber};
use contract::ask::FoundSale;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::elsewhere;
use crate::{
    digest,
    hub::Hub,
    web::{Asker, Problem, SecretBody},
};

/// What the customer has instead of the receipt: exactly one of these.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FindSales {
    /// The number of an order.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    order: Option<String>,
    /// The token that the terminal gives for the card that paid.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    card: Option<String>,
    /// The serial number of a unit.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 20)]
    serial: Option<SerialNumber>,
    /// The customer.
    #[serde(default)]
    customer: Option<CustomerId>,
}

/// Sales that may be the one whose receipt is missing.
#[derive(Serialize, ToSchema)]
#[schema(as = SalesFound)]
pub(super) struct Sales {
    /// Whether HQ was asked for sales of other stores; otherwise these are the ones that this store knows.
    everywhere: bool,
    /// The sales, newest first; at most 20.
    sales: Vec<FoundSale>,
}

/// Find sales without a receipt
///
/// By an order, a card, a serial number or a customer: of this store, and of other stores and the web shop if HQ
/// answers. Choose one, and continue with its `store` and `sale`. Needs no idempotency key.
#[utoipa::path(post, path = "/api/v1/returns/search", request_body = FindSales,
    responses((status = 200, body = Sales)))]
pub(super) async fn search(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    SecretBody(asked): SecretBody<FindSales>,
) -> Result<Json<Sales>, Problem> {
    let sought = match asked {
        FindSales { order: Some(order), card: None, serial: None, customer: None } => {
            SoughtBy::Order(checked_text("order", order).map_err(Refusal::from)?)
        }
        FindSales { order: None, card: Some(token), serial: None, customer: None } => {
            let token = checked_text("card", token).map_err(Refusal::from)?;
            SoughtBy::Card(digest::card(&hub.config.returns.identity_key, &token))
        }
        FindSales { order: None, card: None, serial: Some(serial), customer: None } => SoughtBy::Serial(serial.into()),
        FindSales { order: None, card: None, serial: None, customer: Some(customer) } => {
            SoughtBy::Customer(customer.as_str().to_owned())
        }
        _ => return Err(BAD_REQUEST.because("send exactly one of `order`, `card`, `serial` and `customer`").into()),
    };
    let (everywhere, sales) = elsewhere::sales(&hub, &actor.station, sought).await?;
    Ok(Json(Sales { everywhere, sales }))
}

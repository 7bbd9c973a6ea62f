//! The routes of webhooks.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    command::{Command, Nothing},
    events::{names, place},
    extract::{InPath, InQuery, Page, limit, read_cursor},
    problem::{BAD_REQUEST, FAULT, Kind, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::webhooks::{self, DeadLetter, Target, Wanted, Webhook, WebhookError};

/// Unknown webhook.
static WEBHOOK_UNKNOWN: Kind =
    Kind::new("webhook-unknown", StatusCode::NOT_FOUND, "Unknown webhook", "HQ has no webhook with this id.");
/// Too many webhooks.
static TOO_MANY_WEBHOOKS: Kind = Kind::new(
    "too-many-webhooks",
    StatusCode::UNPROCESSABLE_ENTITY,
    "Too many webhooks",
    "The maximum number of webhooks is reached; remove one.",
);
/// The address is not allowed.
static ADDRESS_REFUSED: Kind = Kind::new(
    "webhook-address-refused",
    StatusCode::UNPROCESSABLE_ENTITY,
    "Webhook address refused",
    "A webhook's address must be `https://`, without a user, and not in a private network.",
);

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "webhooks", "The feed, delivered to your address, signed according to Standard Webhooks")
        .read(Scope::WebhooksManage, &[], routes!(list))
        .command(Scope::WebhooksManage, &[&TOO_MANY_WEBHOOKS, &ADDRESS_REFUSED], routes!(add))
        .command(Scope::WebhooksManage, &[&WEBHOOK_UNKNOWN], routes!(remove))
        .read(Scope::WebhooksManage, &[&WEBHOOK_UNKNOWN], routes!(list_dead_letters))
        .command(Scope::WebhooksManage, &[&WEBHOOK_UNKNOWN], routes!(retry))
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::TooMany => TOO_MANY_WEBHOOKS.because(error.to_string()),
            WebhookError::Unknown { .. } => WEBHOOK_UNKNOWN.because(error.to_string()),
            WebhookError::Random => FAULT.because(error.to_string()),
            WebhookError::Database(error) => error.into(),
        }
    }
}

/// All webhooks.
#[derive(Serialize, ToSchema)]
struct Webhooks {
    /// Oldest first.
    items: Vec<Webhook>,
}

/// List webhooks
#[utoipa::path(get, path = "/api/v1/webhooks",
    responses((status = 200, body = Webhooks, description = "All webhooks.")))]
async fn list(State(api): State<Arc<Api>>) -> Result<Json<Webhooks>, Problem> {
    Ok(Json(Webhooks { items: webhooks::list(&api.database).await? }))
}

/// A new webhook.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    /// The address.
    #[schema(format = "uri", max_length = 2000, example = "https://shop.example.com/hooks/stores")]
    url: String,
    /// Kinds of events, such as `sale.completed`. Default: all.
    #[serde(default)]
    #[schema(max_items = 100)]
    kinds: Vec<String>,
    /// Stores. Default: all.
    #[serde(default)]
    #[schema(max_items = 100)]
    stores: Vec<String>,
    /// Start after this place in the feed, a `next` of the feed. Default: future events only.
    #[serde(default)]
    after: Option<String>,
}

/// A new webhook.
#[derive(Serialize, ToSchema)]
struct WebhookAdded {
    /// The webhook.
    webhook: Webhook,
    /// The secret that signs its messages; shown only once.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// Add a webhook
///
/// Each event of the feed becomes a POST to the address: `{"type", "timestamp", "data"}`, where `data` is the event as
/// in the feed, with the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`. Answer 2xx within 15
/// seconds. Other messages are retried for about a day and then become dead letters. A message may be delivered twice;
/// its id is the event's id.
#[utoipa::path(post, path = "/api/v1/webhooks", request_body = NewWebhook,
    responses((status = 201, body = WebhookAdded, description = "The webhook, and its secret.")))]
async fn add(State(api): State<Arc<Api>>, mut command: Command<NewWebhook>) -> Result<Response, Problem> {
    let NewWebhook { url, kinds, stores, after } = &command.body;
    let target: Target = url.parse().map_err(|why: String| ADDRESS_REFUSED.because(why))?;
    target.check(api.reach).map_err(|why| ADDRESS_REFUSED.because(why))?;
    for (what, list) in [("kinds", kinds), ("stores", stores)] {
        if names(what, Some(&list.join(",")))? != *list {
            return Err(BAD_REQUEST.because(format!("`{what}`: names without commas")));
        }
    }
    let from = match after.as_deref() {
        None => api.feed.now().await?,
        Some(after) => place(after)?,
    };
    let wanted = Wanted { target, kinds: kinds.clone(), stores: stores.clone(), from };
    let (webhook, secret) = webhooks::add(&mut command.transaction, &wanted).await?;
    command.answer(StatusCode::CREATED, &WebhookAdded { webhook, secret }).await
}

/// The removed webhook.
#[derive(Serialize, ToSchema)]
struct WebhookRemoved {
    /// Its id.
    id: String,
}

/// Remove a webhook
///
/// Also removes its waiting messages and its dead letters.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", params(("id" = String, Path, description = "The webhook's.")),
    responses((status = 200, body = WebhookRemoved, description = "It was removed.")))]
async fn remove(InPath(id): InPath<String>, mut command: Command<Nothing>) -> Result<Response, Problem> {
    webhooks::remove(&mut command.transaction, &id).await?;
    command.answer(StatusCode::OK, &WebhookRemoved { id }).await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Paging {
    /// The `next` of the page before. Default: the first page.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List dead letters
///
/// Messages that were not accepted for about a day.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/dead-letters",
    params(("id" = String, Path, description = "The webhook's id."), Paging),
    responses((status = 200, body = Page<DeadLetter>, description = "A page of dead letters.")))]
async fn list_dead_letters(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<String>,
    InQuery(asked): InQuery<Paging>,
) -> Result<Json<Page<DeadLetter>>, Problem> {
    let limit = limit(asked.limit, 100, 500)?;
    let after: String = asked.after.as_deref().map(read_cursor).transpose()?.unwrap_or_default();
    let letters = webhooks::dead_letters(&api.database, &id, &after, limit + 1).await?;
    Ok(Json(Page::of(letters, limit, |last| last.id.clone())))
}

/// The dead letters to retry.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Retry {
    /// The message's id. Default: all.
    #[serde(default)]
    message: Option<String>,
}

/// What is sent again.
#[derive(Serialize, ToSchema)]
struct Retried {
    /// How many messages.
    messages: u64,
}

/// Send dead letters again
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/dead-letters/retry", request_body = Retry,
    params(("id" = String, Path, description = "The webhook's.")),
    responses((status = 200, body = Retried, description = "They are sent again.")))]
async fn retry(InPath(id): InPath<String>, mut command: Command<Retry>) -> Result<Response, Problem> {
    let message = command.body.message.clone();
    if message.as_deref().is_some_and(|message| message.bytes().any(|byte| !byte.is_ascii_graphic())) {
        return Err(BAD_REQUEST.because("`message`: the id of a dead letter"));
    }
    let messages = webhooks::retry(&mut command.transaction, &id, message.as_deref()).await?;
    command.answer(StatusCode::OK, &Retried { messages }).await
}

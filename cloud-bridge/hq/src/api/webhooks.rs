//! Webhooks, over the API.

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

/// There is no such webhook.
static WEBHOOK_UNKNOWN: Kind =
    Kind::new("webhook-unknown", StatusCode::NOT_FOUND, "Unknown webhook", "There is no such webhook.");
/// There are too many.
static TOO_MANY_WEBHOOKS: Kind = Kind::new(
    "too-many-webhooks",
    StatusCode::UNPROCESSABLE_ENTITY,
    "Too many webhooks",
    "There are as many webhooks as there may be; remove one.",
);
/// The address may not be reached.
static ADDRESS_REFUSED: Kind = Kind::new(
    "webhook-address-refused",
    StatusCode::UNPROCESSABLE_ENTITY,
    "Webhook address refused",
    "A webhook's address is `https://`, without a user, and no address of a private network.",
);

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "webhooks", "The feed, carried to an address of yours, signed in the manner of Standard Webhooks")
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
    /// The oldest first.
    items: Vec<Webhook>,
}

/// List webhooks
#[utoipa::path(get, path = "/api/v1/webhooks",
    responses((status = 200, body = Webhooks, description = "All webhooks.")))]
async fn list(State(api): State<Arc<Api>>) -> Result<Json<Webhooks>, Problem> {
    Ok(Json(Webhooks { items: webhooks::list(&api.database).await? }))
}

/// A webhook to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    /// Where messages go.
    #[schema(format = "uri", max_length = 2000, example = "https://shop.example.com/hooks/stores")]
    url: String,
    /// Kinds of events, as in `sale.completed`; all if there is none.
    #[serde(default)]
    #[schema(max_items = 100)]
    kinds: Vec<String>,
    /// Stores; all if there is none.
    #[serde(default)]
    #[schema(max_items = 100)]
    stores: Vec<String>,
    /// From here in the feed, as its `next` told it; from now on without it.
    #[serde(default)]
    after: Option<String>,
}

/// A new webhook.
#[derive(Serialize, ToSchema)]
struct WebhookAdded {
    /// The webhook.
    webhook: Webhook,
    /// Signs its messages; told this once.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// Add a webhook
///
/// Each event of the feed becomes a POST to its address: `{"type", "timestamp", "data"}`, where `data` is the event as
/// the feed has it, with the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`. Answer 2xx within 15
/// seconds. What is not taken is sent again for about a day, then it is a dead letter. A message may come twice; its id
/// is that of its event.
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

/// What was removed.
#[derive(Serialize, ToSchema)]
struct WebhookRemoved {
    /// Which.
    id: String,
}

/// Remove a webhook
///
/// With its messages that wait, and its dead letters.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", params(("id" = String, Path, description = "The webhook's.")),
    responses((status = 200, body = WebhookRemoved, description = "It is removed.")))]
async fn remove(InPath(id): InPath<String>, mut command: Command<Nothing>) -> Result<Response, Problem> {
    webhooks::remove(&mut command.transaction, &id).await?;
    command.answer(StatusCode::OK, &WebhookRemoved { id }).await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Paging {
    /// `next` of the page before; from the first without it.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List dead letters
///
/// Messages that were not taken for about a day.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/dead-letters",
    params(("id" = String, Path, description = "The webhook's."), Paging),
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

/// Which dead letters are sent again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Retry {
    /// One of them; all without it.
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

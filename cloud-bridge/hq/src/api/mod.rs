//! HQ's API for web shop, ERP and loyalty: the state of all stores, over REST, and a feed of all events.
//!
//! # What this module promises
//!
//! - **Every request is authenticated.** Every route needs a [scope](scope::Scope) of an API key. Stored digests of
//!   keys are useless to a thief. A revoked key is refused within seconds, by every process.
//! - **Commands execute once.** A command carries an idempotency key; its effect and its answer are one transaction.
//! - **Nothing is missed.** The [feed](crate::feed) has every event once, in the order of commits.
//! - **Bounded.** Connections, requests per key and per address, bodies, pages and waits are limited; a client that
//!   does not read is disconnected.
//! - **Documented.** `docs/hq-openapi.json` describes everything; errors are RFC 9457 problem details.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the ledger | 503 or 500; nothing is lost, a command may be repeated under its key |
//! | this process, or one of several | clients repeat; nothing is kept in it |
//! | a client | its connection alone |
//!
//! | module | holds |
//! | --- | --- |
//! | [`server`] | TLS, connections |
//! | `authenticate`, [`keys`], [`scope`], `rates` | who asks, whether they may, how often |
//! | `routes`, `openapi` | how a resource declares its routes, and the document |
//! | `command`, `extract` | what a request carries |
//! | `problem` | errors |
//! | `stores`, `sales`, `days`, `stock`, `items`, `prices`, `publications` | the resources |
//! | `events`, `webhooks`, `exports` | what others follow and take away |
//! | `orders`, `slots`, `availability`, `refunds` | those of orders |
//! | `customers` | customers and the loyalty programme |
//! | `gift_cards` | gift cards and store credit |

mod authenticate;
mod availability;
mod by_item;
pub(crate) mod command;
mod coupons;
mod customers;
pub(crate) mod days;
mod events;
mod exports;
mod extract;
mod gift_cards;
mod items;
pub mod keys;
mod openapi;
mod orders;
mod prices;
mod problem;
mod publications;
mod rates;
mod refunds;
mod returns;
mod routes;
pub(crate) mod sales;
pub mod scope;
pub mod server;
pub(crate) mod slots;
pub(crate) mod stock;
pub(crate) mod stores;
mod units;
mod webhooks;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::HttpBody as _,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{Next, from_fn},
    response::Response,
    routing::get,
};
use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval},
};

use self::{
    keys::Keys,
    problem::{METHOD_NOT_ALLOWED, ROUTE_UNKNOWN},
    rates::Rates,
    routes::Routes,
};
use crate::{
    database::{Database, DatabaseError},
    feed::Feed,
    prices::Books,
    publications::objects::Objects,
    webhooks::Reach,
};

/// How often old answers to commands are deleted.
const TIDY: Duration = Duration::from_secs(60 * 60);

/// The state shared by all handlers.
pub(crate) struct Api {
    pub(crate) database: Database,
    pub(crate) feed: Feed,
    keys: Keys,
    rates: Rates,
    reach: Reach,
    /// Permits for exports.
    exports: Arc<Semaphore>,
    /// The files of publications, if the server has them.
    objects: Option<Objects>,
    /// The price books among them.
    books: Option<Books>,
}

impl Api {
    fn new(database: Database, feed: Feed, reach: Reach, objects: Option<Objects>) -> Arc<Self> {
        let keys = Keys::new(database.clone());
        let books = objects.clone().map(|objects| Books::of(database.clone(), objects));
        Arc::new(Self {
            database,
            feed,
            keys,
            rates: Rates::default(),
            reach,
            exports: Semaphore::new(exports::AT_ONCE).into(),
            objects,
            books,
        })
    }
}

/// All resources.
fn resources(api: &Arc<Api>) -> Vec<Routes> {
    vec![
        stores::routes(api),
        sales::routes(api),
        stock::routes(api),
        items::routes(api),
        prices::routes(api),
        days::routes(api),
        publications::routes(api),
        events::routes(api),
        webhooks::routes(api),
        exports::routes(api),
        orders::routes(api),
        slots::routes(api),
        availability::routes(api),
        refunds::routes(api),
        gift_cards::routes(api),
        returns::routes(api),
        units::routes(api),
        coupons::routes(api),
        customers::routes(api),
    ]
}

/// All routes of the API, and the pages. `reach`: where webhooks may be added to; `objects`: the files
/// of publications, for the items of stores.
pub fn router(database: Database, feed: Feed, reach: Reach, objects: Option<Objects>) -> Router {
    let api = Api::new(database, feed, reach, objects);
    let (router, document) = openapi::routes(&api);
    let document = document.to_string();
    router
        .route(
            "/api/v1/openapi.json",
            get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) }),
        )
        .merge(pages::router(Some("fleet"), &["fleet", "docs"]))
        .fallback(|| async { ROUTE_UNKNOWN.because("unknown route; see /docs") })
        .method_not_allowed_fallback(|request: Request| async move {
            let detail = format!("{} has no method {}; see /docs", request.uri().path(), request.method());
            METHOD_NOT_ALLOWED.because(detail)
        })
        .with_state(api)
        .layer(from_fn(close_after_refusal))
        .layer(from_fn(with_headers))
}

/// Adds the headers of all answers: they are not stored on the way, and browsers do not guess their type. Pages have
/// their own rule for caches.
async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Says that the connection closes after a refusal that left a body unread, so that the client does not send its next
/// request on it.
async fn close_after_refusal(request: Request, next: Next) -> Response {
    let has_body = !request.body().is_end_stream();
    let mut response = next.run(request).await;
    if has_body && response.status().is_client_error() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

pub(crate) use events::Event;

/// The OpenAPI 3.1 document.
///
/// # Errors
/// The in-memory database could not be created.
pub async fn document() -> Result<serde_json::Value, DatabaseError> {
    let database = Database::in_memory().await?;
    let feed = Feed::start(database.clone()).await?;
    Ok(openapi::routes(&Api::new(database, feed, Reach::Public, None)).1)
}

/// Deletes old answers, for as long as it runs.
pub async fn tidy(database: Database) {
    let mut every = interval(TIDY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(error) = command::forget(&database).await {
            tracing::warn!(%error, "could not delete old answers to commands");
        }
    }
}

//! One API for web shop, ERP and loyalty: what HQ knows of all stores, over REST, and a feed of all that changes.
//!
//! # What this module promises
//!
//! - **Who asks is known.** Every route is behind a [scope](scope::Scope) of an API key. What is stored of a key lets
//!   nobody in. A revoked key is refused within seconds, by every process.
//! - **Once.** A command carries an idempotency key: it and its answer are one transaction.
//! - **Nothing is missed.** The [feed](crate::feed) has every event once, in the order of commits.
//! - **Bounded.** Connections, requests of a key and of an address, bodies, pages and waits have bounds; a client that
//!   does not read is cut off.
//! - **The document says all.** `docs/hq-openapi.json` is what is served; errors are RFC 9457 problem details.
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
//! | `stores`, `sales`, `stock`, `events`, `webhooks`, `exports` | the resources |

mod authenticate;
pub(crate) mod command;
mod events;
mod exports;
mod extract;
pub mod keys;
mod openapi;
mod problem;
mod rates;
mod routes;
pub(crate) mod sales;
pub mod scope;
pub mod server;
pub(crate) mod stock;
pub(crate) mod stores;
mod webhooks;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
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
    webhooks::Reach,
};

/// How often old answers to commands are forgotten.
const TIDY: Duration = Duration::from_secs(60 * 60);

/// What every handler shares.
pub(crate) struct Api {
    pub(crate) database: Database,
    pub(crate) feed: Feed,
    keys: Keys,
    rates: Rates,
    reach: Reach,
    /// Turns of exports.
    exports: Arc<Semaphore>,
}

impl Api {
    fn new(database: Database, feed: Feed, reach: Reach) -> Arc<Self> {
        let keys = Keys::new(database.clone());
        Arc::new(Self {
            database,
            feed,
            keys,
            rates: Rates::default(),
            reach,
            exports: Semaphore::new(exports::AT_ONCE).into(),
        })
    }
}

/// All resources.
fn resources(api: &Arc<Api>) -> Vec<Routes> {
    vec![
        stores::routes(api),
        sales::routes(api),
        stock::routes(api),
        events::routes(api),
        webhooks::routes(api),
        exports::routes(api),
    ]
}

/// All routes of the API, and the page that shows them. `reach`: where webhooks may be added to.
pub fn router(database: Database, feed: Feed, reach: Reach) -> Router {
    let api = Api::new(database, feed, reach);
    let (router, document) = openapi::routes(&api);
    let document = document.to_string();
    let page = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text) })
    };
    router
        .route(
            "/api/v1/openapi.json",
            get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) }),
        )
        .route("/docs", page("text/html; charset=utf-8", include_str!("page/docs.html")))
        .route("/docs.js", page("text/javascript; charset=utf-8", include_str!("page/docs.js")))
        .route("/docs.css", page("text/css; charset=utf-8", include_str!("page/docs.css")))
        .fallback(|| async { ROUTE_UNKNOWN.because("unknown route; see /docs for those there are") })
        .method_not_allowed_fallback(|request: Request| async move {
            let detail = format!("{} has no method {}; see /docs", request.uri().path(), request.method());
            METHOD_NOT_ALLOWED.because(detail)
        })
        .with_state(api)
}

pub(crate) use events::Event;

/// The OpenAPI 3.1 document.
///
/// # Errors
/// There is no memory for a database.
pub async fn document() -> Result<serde_json::Value, DatabaseError> {
    let database = Database::in_memory().await?;
    let feed = Feed::start(database.clone()).await?;
    Ok(openapi::routes(&Api::new(database, feed, Reach::Public)).1)
}

/// Forgets what is kept for a time only, for as long as it runs.
pub async fn tidy(database: Database) {
    let mut every = interval(TIDY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(error) = command::forget(&database).await {
            tracing::warn!(%error, "could not forget old answers to commands");
        }
    }
}

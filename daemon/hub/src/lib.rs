//! The store hub: the daemon that owns a store's devices, serves its registers, and sends its sales to headquarters.
//!
//! The rules and the records are in `commerce`, `store` and `app`. This crate is the runtime: the LAN API, the
//! followers, the devices, the bridge. Each capability has a folder with its routes and I/O. A handler turns a request
//! into a command and runs a use case of `app` in the store's committer. Followers then do what follows the commit
//! (receipts, totals, screens, the terminal), according to what is stored.
//!
//! | module | contents |
//! | --- | --- |
//! | [`config`] | a store's config file |
//! | `web` | the LAN API: TLS, authentication, commands, problem details, the OpenAPI document |
//! | `followers` | work after a commit, driven by stored records |
//! | `registers`, `operators`, `catalog`, `publications` | capabilities: their routes and followers |
//! | `cash`, `selling`, `orders`, `stock`, `payments`, `gift_cards`, `customers`, `coupons` | the same |
//! | `guide`, `printing`, `training` | the same |
//! | `devices`, `events`, `status`, `headquarters`, `timekeeping`, `audit` | the same |
//! | `hub`, `parts` | the running hub and its parts: authentication, catalog, devices, the bridge to HQ |
//! | `clock`, `digest` | the store's calendar, SHA-256 |
//! | `trail` | a sale's trail in the log |
//! | [`maintenance`] | `store-hub store …`: check, backup, restore, convert |
//! | [`enrolment`] | how a box becomes a hub, and keeps its identity |
//! | [`run`] | start, watchdog, stop |

mod audit;
mod cash;
mod catalog;
mod clock;
pub mod config;
mod coupons;
mod customers;
mod devices;
mod digest;
pub mod enrolment;
mod events;
mod followers;
mod gift_cards;
mod guide;
mod headquarters;
mod hub;
pub mod maintenance;
mod operators;
mod orders;
mod parts;
mod payments;
pub mod pricing;
mod printing;
mod publications;
mod recalls;
mod registers;
pub mod run;
mod selling;
mod serials;
mod services;
mod status;
mod stock;
mod timekeeping;
mod trail;
mod training;
mod web;

pub use hub::Hub;
pub use status::resident_in;
pub use web::openapi::document;

/// The pages of the hub.
fn page_routes() -> axum::Router<std::sync::Arc<Hub>> {
    pages::router(Some("console"), &["console", "docs", "register"]).merge(enrolment::pages())
}

/// The routes of every capability, in the order of the OpenAPI document.
fn routes() -> Vec<web::Routes> {
    vec![
        registers::routes(),
        services::routes(),
        operators::routes(),
        catalog::routes(),
        pricing::routes(),
        publications::routes(),
        recalls::routes(),
        serials::routes(),
        cash::routes(),
        selling::basket_routes(),
        payments::routes(),
        gift_cards::routes(),
        customers::routes(),
        guide::routes(),
        selling::sale_routes(),
        selling::return_routes(),
        printing::receipt_routes(),
        training::routes(),
        orders::routes(),
        stock::routes(),
        printing::label_routes(),
        devices::routes(),
        events::routes(),
        status::routes(),
        headquarters::routes(),
        timekeeping::routes(),
        audit::routes(),
    ]
}

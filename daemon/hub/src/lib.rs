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
//! | `registers`, `catalog`, `publications`, `selling`, `stock`, `payments`, `printing`, `devices`, `events`, `status`, `timekeeping`, `audit` | the capabilities: their routes and followers |
//! | `hub`, `parts` | the running hub and its parts: authentication, the catalog, devices, terminals, the bridge to HQ |
//! | `clock`, `digest` | the store's calendar, SHA-256 |
//! | `peer`, `ration` | the origin of a connection; rate limits for log lines caused from outside |
//! | `trail` | a sale's trail in the log |
//! | [`maintenance`] | `store-hub store …`: check, backup, restore, convert |
//! | [`run`] | start, watchdog, stop |

mod audit;
mod catalog;
mod clock;
pub mod config;
mod devices;
mod digest;
mod events;
mod followers;
mod hub;
pub mod maintenance;
mod parts;
mod payments;
mod peer;
mod printing;
mod publications;
mod ration;
mod registers;
pub mod run;
mod selling;
mod status;
mod stock;
mod timekeeping;
mod trail;
mod web;

pub use hub::Hub;
pub use status::resident_in;
pub use web::openapi::document;

/// The pages of the hub.
fn pages() -> axum::Router<std::sync::Arc<Hub>> {
    status::page()
}

/// The routes of every capability, in the order of the OpenAPI document.
fn routes() -> Vec<web::Routes> {
    vec![
        registers::routes(),
        catalog::routes(),
        publications::routes(),
        selling::basket_routes(),
        payments::routes(),
        selling::sale_routes(),
        printing::routes(),
        stock::routes(),
        devices::routes(),
        events::routes(),
        status::routes(),
        timekeeping::routes(),
        audit::routes(),
    ]
}

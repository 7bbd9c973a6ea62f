//! The store hub: the daemon that owns a store's devices, serves its registers, and carries its sales to headquarters.
//!
//! The rules and the records are in `commerce`, `store` and `app`; here is what runs: the LAN API, the followers, the
//! devices, the bridge. A folder a capability, with its routes and its I/O. A handler turns a request into a command
//! and calls a use case of `app` in the store's one committer; what follows a commit (paper, figures, screens, the
//! terminal) is done by followers that read what is stored.
//!
//! | module | holds |
//! | --- | --- |
//! | [`config`] | a store's config file |
//! | `web` | the LAN API: TLS, who asks, commands, problem details, the OpenAPI document |
//! | `followers` | what is driven from stored state after a commit |
//! | `registers`, `catalog`, `selling`, `stock`, `payments`, `printing`, `devices`, `events`, `status`, `timekeeping`, `audit` | the capabilities: their routes and followers |
//! | `hub`, `parts` | a hub at work, and its parts: who may ask, the catalog, devices, terminals, the bridge to HQ |
//! | `clock`, `digest` | the store's calendar, SHA-256 |
//! | `peer`, `ration` | where a connection comes from; how often something from outside may be told |
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
mod ration;
mod registers;
pub mod run;
mod selling;
mod status;
mod stock;
mod timekeeping;
mod web;

pub use hub::Hub;
pub use status::resident_in;
pub use web::openapi::document;

/// The pages that the hub serves.
fn pages() -> axum::Router<std::sync::Arc<Hub>> {
    status::page()
}

/// The routes of every capability, in the order of the OpenAPI document.
fn routes() -> Vec<web::Routes> {
    vec![
        registers::routes(),
        catalog::routes(),
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

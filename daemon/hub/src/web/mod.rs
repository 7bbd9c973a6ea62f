//! The LAN API: from TLS to a handler and back.
//!
//! | module | holds |
//! | --- | --- |
//! | `server` | TLS, connections, their bounds |
//! | `detached` | handlers that outlive their connection |
//! | `authenticate` | who asks, and whether they may |
//! | `routes` | how a capability declares its routes |
//! | `command`, `extract` | what a request carries |
//! | `problem` | refusals as RFC 9457 problem details |
//! | `openapi` | all routes together, and the document made from them |

pub(crate) mod authenticate;
pub(crate) mod command;
mod detached;
pub(crate) mod extract;
pub(crate) mod openapi;
pub(crate) mod problem;
pub(crate) mod routes;
pub(crate) mod server;

use app::refusal::{Class, Kind};
pub(crate) use command::{Asker, Command, Empty};
pub(crate) use extract::{Body, InPath, InQuery, Page, PageAfter, reading};
pub(crate) use problem::Problem;
pub(crate) use routes::Routes;

/// No such route.
static ROUTE_UNKNOWN: Kind = Kind::new("route-unknown", Class::NotFound, "Unknown route", "The API has no such route.");
/// A person's cookie was sent by a page that is not the hub's own.
pub(crate) static FOREIGN_ORIGIN: Kind = Kind::new(
    "foreign-origin",
    Class::Forbidden,
    "Foreign origin",
    "A page of another site may not use a person's session.",
);

/// The route has no such method.
static METHOD_NOT_ALLOWED: Kind =
    Kind::new("method-not-allowed", Class::Malformed, "Method not allowed", "The path has no such method.");
/// The body of a request is too large.
static BODY_TOO_LARGE: Kind = Kind::new(
    "body-too-large",
    Class::Malformed,
    "Body too large",
    "The body of the request has more than 524,288 bytes; send it in parts.",
);

//! The LAN API: from TLS to a handler and back.
//!
//! | module | holds |
//! | --- | --- |
//! | `server` | TLS, connections |
//! | `places` | how many connections, and whose |
//! | `hosts` | which hosts the hub is |
//! | `body` | bodies come whole, within a time and a size |
//! | `detached` | handlers that outlive their connection |
//! | `authenticate` | who asks, and whether they may |
//! | `routes` | how a capability declares its routes |
//! | `command`, `extract` | what a request carries |
//! | `problem` | refusals as RFC 9457 problem details |
//! | `openapi` | all routes together, and the document made from them |

pub(crate) mod authenticate;
mod body;
pub(crate) mod command;
mod detached;
pub(crate) mod extract;
mod hosts;
pub(crate) mod openapi;
pub(crate) mod places;
pub(crate) mod problem;
pub(crate) mod routes;
pub(crate) mod server;

use app::refusal::{Class, Kind};
pub(crate) use command::{Asker, CameFrom, Command, Empty, Known};
pub(crate) use extract::{Body, InPath, InQuery, Page, PageAfter, reading};
pub(crate) use problem::Problem;
pub(crate) use routes::Routes;

/// No such route.
static ROUTE_UNKNOWN: Kind = Kind::new("route-unknown", Class::NotFound, "Unknown route", "The API has no such route.");
/// The route has no such method.
static METHOD_NOT_ALLOWED: Kind = Kind::new(
    "method-not-allowed",
    Class::Method,
    "Method not allowed",
    "The route does not have this method; the header `Allow` names those that it has.",
);
/// The request is for another host.
static HOST_UNKNOWN: Kind = Kind::new(
    "host-unknown",
    Class::Malformed,
    "Unknown host",
    "The header `Host` names neither a host of the hub's certificate nor an address.",
);
/// The body has more bytes than the hub takes.
static BODY_TOO_LARGE: Kind =
    Kind::new("body-too-large", Class::TooLarge, "Body too large", "The body has more bytes than the hub takes.");
/// The request did not arrive in time.
static REQUEST_TIMEOUT: Kind = Kind::new(
    "request-timeout",
    Class::Late,
    "Request timeout",
    "The body did not arrive in time; send the request again with the same key.",
);
/// A person's cookie was sent by a page that is not the hub's own.
pub(crate) static FOREIGN_ORIGIN: Kind = Kind::new(
    "foreign-origin",
    Class::Forbidden,
    "Foreign origin",
    "A page of another site may not use a person's session.",
);

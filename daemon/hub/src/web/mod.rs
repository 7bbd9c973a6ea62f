//! The LAN API: everything between TLS and the handlers.
//!
//! | module | contents |
//! | --- | --- |
//! | `server` | TLS, connections |
//! | `hosts` | the host names of the hub |
//! | `body` | limits on request bodies |
//! | `detached` | handlers that outlive their connection |
//! | `authenticate` | authentication and authorization |
//! | `cors` | calls of pages that do not come from the hub |
//! | `routes` | how a capability declares its routes |
//! | `command`, `extract` | extractors |
//! | `problem` | refusals as RFC 9457 problem details |
//! | `openapi` | the router of all routes, and the document made from them |

pub(crate) mod authenticate;
mod body;
pub(crate) mod command;
mod cors;
mod detached;
pub(crate) mod extract;
mod hosts;
pub(crate) mod openapi;
pub(crate) mod problem;
pub(crate) mod routes;
pub(crate) mod server;

use app::refusal::{Class, Kind, Member};
pub(crate) use command::{Asker, CameFrom, Command, Empty, Known};
pub(crate) use extract::{Body, InPath, InQuery, Page, PageAfter, SecretBody, reading, turn_of};
pub(crate) use problem::Problem;
pub(crate) use routes::Routes;

/// The route does not exist.
static ROUTE_UNKNOWN: Kind = Kind::new("route-unknown", Class::NotFound, "Unknown route", "The route does not exist.");
/// The route does not have the method.
static METHOD_NOT_ALLOWED: Kind = Kind::new(
    "method-not-allowed",
    Class::Method,
    "Method not allowed",
    "The route does not have this method; the header `Allow` lists the methods that it has.",
);
/// The request is for another host.
static HOST_UNKNOWN: Kind = Kind::new(
    "host-unknown",
    Class::Malformed,
    "Unknown host",
    "The header `Host` is neither a name in the hub's certificate nor an address.",
);
/// The body is too large.
static BODY_TOO_LARGE: Kind =
    Kind::new("body-too-large", Class::TooLarge, "Body too large", "The body exceeds the maximum size.");
/// The request did not arrive in time.
static REQUEST_TIMEOUT: Kind = Kind::new(
    "request-timeout",
    Class::Late,
    "Request timeout",
    "The body did not arrive in time; send the request again with the same key.",
);
/// The register writes too much.
static WRITE_LIMIT: Kind = Kind::new(
    "write-limit",
    Class::TooMany,
    "Write limit reached",
    "The register wrote far more than a register does; it must wait. Other registers are not affected.",
)
.with(&[Member::integer("retry_after_s", "Seconds until the command is accepted.")]);
/// A page of another site sent a person's cookie.
pub(crate) static FOREIGN_ORIGIN: Kind = Kind::new(
    "foreign-origin",
    Class::Forbidden,
    "Foreign origin",
    "A page of another site must not use a person's session.",
);

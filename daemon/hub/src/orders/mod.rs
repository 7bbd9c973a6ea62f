//! The routes and followers of customer orders.
//!
//! A picking app claims a cart (`next`), scans each item (`picks`), reports shorts and substitutes, packs into staging
//! places, and makes the order ready. A register looks orders up and hands them over. Every answer has the whole part
//! as it is now; the WebSocket announces changes (`order_changed`).
//!
//! | follower | does |
//! | --- | --- |
//! | [`FollowOrders`] | tells listeners which part changed |
//! | [`FollowDeadlines`] | expires claims and uncollected orders, reports missed deadlines, ends unanswered orders |
//! | [`FollowQuotas`] | refills the web's quotas from the stock that moved, and sends them to HQ |

mod follow;
mod handover;
mod parts;
mod picking;
mod placed;
mod quotas;
mod route;

pub(crate) use follow::{FollowDeadlines, FollowOrders};
pub(crate) use quotas::FollowQuotas;

use crate::web::Routes;

/// The routes of this capability, in the order of the document.
pub(crate) fn routes() -> Routes {
    let routes = Routes::new(
        "orders",
        "Customer orders: look-up, picking, staging, handover, and orders for other stores",
        &["orders", "selling", "stock", "catalog", "devices", "printing", "roles"],
    );
    placed::routes(handover::routes(picking::routes(parts::routes(routes))))
}

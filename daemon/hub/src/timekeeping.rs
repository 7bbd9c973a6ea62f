//! The route for agreeing to the clock.

use std::sync::Arc;

use app::timekeeping::{self, AGREE, Agreed};
use axum::{Json, extract::State};
use store::Purpose;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    web::{Command, Empty, Problem, Routes},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("clock", "Whether the hub's clock is right", &["timekeeping"]).command(&AGREE, routes!(agree))
}

/// Agree that the hub's clock is right
///
/// For a clock that is far from the expected time (`clock` in the status): from now on it is trusted. Check the time it
/// shows first.
#[utoipa::path(post, path = "/api/v1/clock/agree", request_body = Empty, responses((status = 200, body = Agreed)))]
async fn agree(State(hub): State<Arc<Hub>>, command: Command<Empty>) -> Result<Json<Agreed>, Problem> {
    let (clock_ms, expected_ms) = hub.timekeeper.compared();
    let agree = command.commit_first(&hub.store, Purpose::Settled, move |transaction, by, Empty {}| {
        timekeeping::agree(transaction, by, clock_ms, expected_ms)
    });
    let (agreed, is_first) = agree.await?;
    if is_first {
        hub.timekeeper.agreed(agreed.clock_ms);
    }
    Ok(Json(agreed))
}

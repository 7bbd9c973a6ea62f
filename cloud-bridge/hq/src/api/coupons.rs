//! Where store coupons were used.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{Api, extract::InPath, problem::Problem, routes::Routes, scope::Scope};
use crate::ledger::coupons::{self, CouponUse};

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "coupons", "Where store coupons were used").read(Scope::SalesRead, &[], routes!(read))
}

/// The uses of a store coupon.
#[derive(Serialize, ToSchema)]
struct CouponStory {
    /// The latest uses, newest first; at most 100. Empty if no store has sold with it, or HQ has not heard of it yet.
    uses: Vec<CouponUse>,
}

/// Show where a store coupon was used
#[utoipa::path(get, path = "/api/v1/coupons/{class}/{code}",
    params(("class" = String, Path, description = "The class of coupons."),
        ("code" = String, Path, description = "The coupon's code.")),
    responses((status = 200, body = CouponStory, description = "Its uses.")))]
async fn read(
    State(api): State<Arc<Api>>,
    InPath((class, code)): InPath<(String, String)>,
) -> Result<Json<CouponStory>, Problem> {
    Ok(Json(CouponStory { uses: coupons::uses(&api.database, &class, &code).await? }))
}

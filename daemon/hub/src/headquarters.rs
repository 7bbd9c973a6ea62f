//! Questions to HQ: what only HQ knows, such as a receipt of another store.
//!
//! A question has one answer within [`WITHIN`], or a refusal that says why there is none. Without a connection the
//! refusal comes at once: nothing is queued, because whoever asks stands at a register. A question changes nothing, so
//! it may be repeated.

use std::{sync::Arc, time::Duration};

use app::{
    Refusal,
    hq::{ASK, HQ_NOT_NOW},
    refusal::BAD_REQUEST,
};
use axum::{Json, extract::State};
use bridge::NotNow;
use commerce::RegisterName;
use contract::{Answer, HubId, Question, SaleCompleted, ask::ReceiptAsked};
use serde::Deserialize;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    web::{Asker, InPath, InQuery, Problem, Routes},
};

/// How long HQ has for an answer.
const WITHIN: Duration = Duration::from_secs(5);

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("headquarters", "Questions that only HQ can answer", &["hq"]).read(&ASK, routes!(receipts_of_store))
}

/// The register that printed the receipt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRegister {
    register: RegisterName,
}

/// Find the sales of another store by the number on a receipt, newest first
///
/// HQ answers within 5 s, with at most 20 sales, because numbers begin again with each fiscal year. It only knows what
/// that store has sent. Without a connection to HQ the refusal comes at once.
#[utoipa::path(get, path = "/api/v1/headquarters/stores/{store}/receipts/{receipt}",
    params(("store" = String, Path, description = "The store's name at HQ"),
        ("receipt" = u64, Path, description = "The number on the receipt"),
        ("register" = RegisterName, Query, description = "The register that printed the receipt")),
    responses((status = 200, body = [SaleCompleted]), (status = 503, body = Problem)))]
async fn receipts_of_store(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    InPath((store, receipt)): InPath<(HubId, u64)>,
    InQuery(OfRegister { register }): InQuery<OfRegister>,
) -> Result<Json<Vec<SaleCompleted>>, Problem> {
    if i64::try_from(receipt).is_err() {
        return Err(BAD_REQUEST.because(format!("receipt {receipt} is higher than any: check the number")).into());
    }
    let asked = Question::Receipt(ReceiptAsked { store, register: register.to_string(), receipt });
    match hub.headquarters.ask(&actor.station, asked, WITHIN).await.map_err(|why| not_now(&why))? {
        Answer::Sales(sales) => Ok(Json(sales)),
        other => Err(not_now(&NotNow::Unable(format!("unexpected answer {other:?}"))).into()),
    }
}

fn not_now(why: &NotNow) -> Refusal {
    HQ_NOT_NOW.because(format!("{why}; the answer is only known at HQ"))
}

//! Asks HQ how often the coupons of a customer were used in other stores.

use std::{sync::Arc, time::Duration};

use app::{pricing, selling};
use commerce::{BasketId, Station, basket::StoreCoupon};
use contract::{Answer, Question};
use store::Purpose;

use crate::hub::Hub;

/// How long a register waits for it.
const WITHIN: Duration = Duration::from_millis(1_500);

/// Learns about the coupons of a basket before it can be paid, for whoever changed it. Without an answer only what is
/// known limits them.
pub(crate) async fn learn(hub: &Arc<Hub>, asker: &Station, id: BasketId) {
    let basket = match selling::basket(&hub.store, id) {
        Ok(Some(basket)) if !basket.buyer.coupons.is_empty() => basket,
        Ok(_) => return,
        Err(error) => return tracing::warn!(%error, basket = %id, "could not read the coupons of a basket"),
    };
    learn_of(hub, asker, &basket.buyer.coupons, basket.customer.as_deref()).await;
}

/// Learns about coupons.
pub(crate) async fn learn_of(hub: &Arc<Hub>, asker: &Station, coupons: &[StoreCoupon], customer: Option<&str>) {
    let Some(asked) = pricing::question(coupons, customer) else { return };
    let answered = match hub.headquarters.ask(asker, Question::Coupons(asked.clone()), WITHIN).await {
        Ok(Answer::Coupons(uses)) => uses,
        Ok(_) => return tracing::warn!("HQ answered another question than that about coupons"),
        Err(why) => return tracing::debug!(%why, "HQ did not answer about coupons"),
    };
    let at_ms = hub.now_ms();
    let noted = hub
        .store
        .commit_for(Purpose::Money, move |transaction| pricing::note_elsewhere(transaction, &asked, &answered, at_ms));
    if let Err(error) = noted.await {
        tracing::warn!(%error, "could not store what HQ said about coupons");
    }
}

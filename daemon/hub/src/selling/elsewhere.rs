//! What other stores know about goods that come back: their sales, what they took back, the customer's past returns.
//!
//! HQ is asked, for as long as a customer waits for a receipt to be found. Without an answer the store decides by its
//! own records and by the sales of other stores that HQ told before; the ticket then says `offline`, and HQ decides
//! again when it hears of it.

use std::{sync::Arc, time::Duration};

use app::{
    Refusal,
    returns::{self, Elsewhere},
    selling::{self, SALE_UNKNOWN},
};
use commerce::{
    Sale, SaleId, Station,
    returns::{SoldIn, SoughtBy, Validated},
};
use contract::{
    Answer, HubId, Question, SaleCompleted,
    ask::{FoundSale, MAX_FOUND, ReturnAsked, SaleAsked},
};
use store::Purpose;

use crate::{
    hub::Hub,
    web::{Problem, reading},
};

/// How long HQ has for an answer.
const WITHIN: Duration = Duration::from_secs(3);

/// A receipt, and what is known of it.
pub(super) struct Receipt {
    /// The sale, or why there is none.
    pub(super) sale: Result<Sale, Refusal>,
    /// Its store, if it is another one.
    pub(super) store: Option<String>,
    /// How it was verified.
    pub(super) validated: Validated,
    /// What HQ knows.
    pub(super) elsewhere: Elsewhere,
}

/// What HQ knows about a sale and the returns of identities; `None` without an answer.
pub(super) async fn of(
    hub: &Hub,
    asker: &Station,
    sale: Option<SaleAsked>,
    identities: Vec<String>,
) -> Option<(Elsewhere, Option<SaleCompleted>)> {
    hub.config.headquarters.as_ref()?;
    let own = hub.config.store.hub.clone();
    let question = Question::Return(ReturnAsked { sale, identities });
    let Ok(Answer::Return(known)) = hub.headquarters.ask(asker, question, WITHIN).await else { return None };
    // What this store took back is in its own records, and more recent there.
    let others = known.back.into_iter().filter(|back| back.store != own);
    let own_key = format!("{own}/");
    let history = known.history.into_iter().filter(|past| !past.key.starts_with(&own_key)).collect();
    let elsewhere = Elsewhere { back: others.map(|back| (back.line, back.milli)).collect(), history };
    Some((elsewhere, known.sale))
}

/// Finds the sale of a receipt: here, or at HQ if it is of another store.
pub(super) async fn receipt(
    hub: &Arc<Hub>,
    asker: &Station,
    store: Option<HubId>,
    code: String,
    identities: Vec<String>,
) -> Result<Receipt, Problem> {
    let store = store.filter(|store| *store != hub.config.store.hub);
    let own = match &store {
        None => {
            let (hub, code) = (Arc::clone(hub), code.clone());
            Some(reading(move || Ok(selling::by_code(&hub.store, &code))).await?)
        }
        Some(_) => None,
    };
    let id = match (&own, code.parse::<SaleId>()) {
        (Some(Ok(sale)), _) => Some(sale.id),
        (None, Ok(id)) => Some(id),
        _ => None,
    };
    let asked = id.map(|id| SaleAsked {
        store: store.clone().unwrap_or_else(|| hub.config.store.hub.clone()),
        sale: id.to_string(),
    });
    let known = of(hub, asker, asked, identities).await;
    let name = store.as_ref().map(ToString::to_string);
    let (validated, elsewhere, told) = match known {
        Some((elsewhere, told)) if store.is_some() => (Validated::Headquarters, elsewhere, told),
        Some((elsewhere, told)) => (Validated::Local, elsewhere, told),
        None if hub.config.headquarters.is_some() => (Validated::Offline, Elsewhere::default(), None),
        None => (Validated::Local, Elsewhere::default(), None),
    };
    let sale = match own {
        Some(own) => own,
        None => other(hub, name.as_deref().unwrap_or_default(), id, told.as_ref(), &code).await?,
    };
    Ok(Receipt { sale, store: name, validated, elsewhere })
}

/// The sales that are looked for without a receipt: those of this store, and of all stores if HQ answers. Newest first.
pub(super) async fn sales(
    hub: &Arc<Hub>,
    asker: &Station,
    sought: SoughtBy,
) -> Result<(bool, Vec<FoundSale>), Problem> {
    let own = hub.config.store.hub.clone();
    let (at, here, by) = (Arc::clone(hub), own.clone(), sought.clone());
    let mut found = reading(move || selling::find(&at.store, &here, &by, MAX_FOUND)).await?;
    let told = match hub.config.headquarters {
        Some(_) => hub.headquarters.ask(asker, Question::Find(sought), WITHIN).await.ok(),
        None => None,
    };
    let is_everywhere = match told {
        Some(Answer::Found(told)) => {
            // What this store sold is in its own records.
            let is_new = |sale: &FoundSale| {
                sale.store != own && found.iter().all(|known| (&known.store, &known.sale) != (&sale.store, &sale.sale))
            };
            let others: Vec<_> = told.into_iter().filter(is_new).collect();
            found.extend(others);
            true
        }
        _ => hub.config.headquarters.is_none(),
    };
    found.sort_by_key(|sale| std::cmp::Reverse(sale.sold_at_ms));
    found.truncate(MAX_FOUND);
    Ok((is_everywhere, found))
}

/// A sale of another store: as HQ tells it now, or told it before.
async fn other(
    hub: &Arc<Hub>,
    store: &str,
    id: Option<SaleId>,
    told: Option<&SaleCompleted>,
    code: &str,
) -> Result<Result<Sale, Refusal>, Problem> {
    let unknown = || {
        let detail = format!(
            "sale {} of {store} is not known here, and HQ did not tell it; take the goods back without a receipt",
            code.escape_debug()
        );
        SALE_UNKNOWN.because(detail)
    };
    let Some(sale) = id else { return Ok(Err(unknown())) };
    let key = SoldIn { store: Some(store.to_owned()), sale }.key();
    if let Some(sale) = told.and_then(selling::sale_of) {
        let (kept, store, at_ms) = (sale.clone(), store.to_owned(), hub.now_ms());
        let keep = hub.store.commit_for(Purpose::Housekeeping, move |transaction| {
            returns::keep_other(transaction, &store, kept, at_ms)
        });
        if let Err(error) = keep.await {
            tracing::warn!(%error, "could not keep a sale of another store; it can't come back offline");
        }
        return Ok(Ok(sale));
    }
    let hub = Arc::clone(hub);
    let kept = reading(move || Ok(returns::other_sale(&hub.store, &key)?)).await?;
    Ok(kept.ok_or_else(unknown))
}

//! The end of a location, before its hub is wiped: the day is closed with its cash counted, the stock is sent to
//! another store, registers are unpaired.
//!
//! Each part is a commit of its own, and is done once however often this runs. A shift that was opened must be
//! counted and closed by people first: the hub says so, and waits.

use std::sync::Arc;

use app::{
    By,
    cash::NO_DAY,
    closing, registers,
    stock::{self, Dispatch, ThisStore},
};
use commerce::{
    Quantity, Station,
    stock::{Portion, Position},
};
use contract::HubId;
use store::{Purpose, StoreError, Transaction};
use tokio::task::spawn_blocking;

use crate::hub::Hub;

/// The most lines of a transfer.
const LINES: usize = 400;

/// Clears the location.
///
/// # Errors
/// Something is not settled; the message says what to do.
pub(super) async fn clear(hub: &Arc<Hub>, stock_to: Option<&HubId>) -> Result<(), String> {
    let by = || By { actor: Station::Headquarters.into(), at_ms: hub.now_ms() };
    let reading = Arc::clone(hub);
    let unsettled = spawn_blocking(move || closing::unsettled(&reading.store)).await;
    let unsettled = unsettled.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let terminals: Vec<_> = hub.devices.terminals().map(|(name, _)| name.clone()).collect();
    let (closer, currency) = (by(), hub.currency());
    let close = move |transaction: &mut Transaction<'_>| {
        closing::close_day(transaction, &closer, unsettled, &terminals, currency).map(drop)
    };
    match hub.store.commit_for(Purpose::Money, close).await {
        Err(refusal) if refusal.kind != &NO_DAY => {
            return Err(format!("can't close the location yet: {}", refusal.detail));
        }
        _ => {}
    }
    for register in hub.registers.paired() {
        let (name, by) = (register.clone(), by());
        let unpair = move |transaction: &mut Transaction<'_>| registers::unpair(transaction, &by, &name);
        hub.store.commit_for(Purpose::Settled, unpair).await.map_err(|refusal| refusal.detail)?;
        hub.registers.forget(&register, None);
    }
    let Some(to) = stock_to else { return Ok(()) };
    let mut after: Option<String> = None;
    loop {
        let (reading, from) = (Arc::clone(hub), after.clone());
        let page = spawn_blocking(move || stock::positions(&reading.store, from.as_deref(), LINES)).await;
        let page = page.map_err(|error| error.to_string())?.map_err(|error: StoreError| error.to_string())?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.position.sku.to_string());
        let lines: Vec<_> = page.iter().filter_map(|view| portion(&view.position)).collect();
        // A page has all units of its last item, and so may be longer than a transfer.
        for lines in lines.chunks(LINES) {
            let catalog = Arc::clone(&hub.catalog.load());
            let here = ThisStore { hub: hub.config.store.hub.clone(), epoch: hub.store.epoch() };
            let (by, request) = (by(), Dispatch { to: to.clone(), lines: lines.to_vec() });
            let dispatch =
                move |transaction: &mut Transaction<'_>| stock::dispatch(transaction, &by, &catalog, &here, request);
            let sent = hub.store.commit_for(Purpose::Ordinary, dispatch).await;
            sent.map_err(|refusal| format!("can't send the stock to {to} yet: {}", refusal.detail))?;
        }
    }
}

/// What of a position can be sent.
fn portion(position: &Position) -> Option<Portion> {
    let quantity = Quantity::new(position.on_hand, position.unit).ok().filter(|_| position.on_hand > 0)?;
    Some(Portion { sku: position.sku.clone(), quantity })
}

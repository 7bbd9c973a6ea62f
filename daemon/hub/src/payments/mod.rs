//! Card payments: from a command to the terminal and back. [`app::payments`] has the states and what happens when
//! something fails.
//!
//! - A payment is driven by a task of its own that holds its terminal's lock, whether or not its register still
//!   listens.
//! - A payment that is `Started` while nobody holds its terminal's lock (the hub was restarted, its task ended, its end
//!   could not be stored) is found by the payments' follower, which asks the terminal.

mod drive;
mod follower;
mod routes;

use std::{sync::Arc, time::Duration};

use app::{
    Refusal,
    devices::DEVICE_UNKNOWN,
    payments::{
        self, Intent, PAYMENT_DECLINED, PAYMENT_NOT_CHARGED, PAYMENT_OUTCOME_UNKNOWN, PAYMENT_UNDER_WAY, Payment,
        PaymentState,
    },
    selling::SaleDone,
};
use commerce::{Basket, PaymentId, RegisterName};
pub(crate) use follower::ResolvePayments;
pub(crate) use routes::routes;
use store::Purpose;
use tokio::sync::oneshot;

use crate::{hub::Hub, web::Command};

/// How long a request waits for the terminal before it answers "still under way".
const WAIT: Duration = Duration::from_secs(90);

/// The terminal of a register's lane.
fn lane_terminal(hub: &Hub, register: &RegisterName) -> Result<String, Refusal> {
    let terminal = hub.config.lane(register).and_then(|lane| lane.payment_terminal.clone());
    terminal.ok_or_else(|| {
        DEVICE_UNKNOWN
            .because(format!("register {register} has no payment terminal; add `payment_terminal` to its [[register]]"))
    })
}

/// Stores an intent by a command and drives the payment, or finds the payment of a repeat; waits for its end as long as
/// a request may. `start` gets an intent for all that is due.
async fn take<T>(
    hub: &Arc<Hub>,
    register: &RegisterName,
    command: Command<T>,
    start: impl FnOnce(&mut store::Transaction<'_>, &app::By, T, Intent) -> Result<Payment, Refusal> + Send + 'static,
) -> Result<Payment, Refusal>
where
    T: Send + 'static,
{
    // A repeat finds its terminal held by the very payment it asks about, or its lane without a terminal: whether that
    // matters is known once the key was looked up.
    let taken = lane_terminal(hub, register).and_then(|terminal| {
        let (held, before) = drive::take(hub, &terminal)?;
        Ok((held, (terminal, before)))
    });
    let (held, taken) = match taken {
        Ok((held, taken)) => (Some(held), Ok(taken)),
        Err(refusal) => (None, Err(refusal)),
    };
    let (id, is_first) = command
        .commit_first(&hub.store, Purpose::Money, move |transaction, by, body| {
            let (terminal, before) = taken?;
            let intent = Intent { terminal, amount: None, before };
            start(transaction, by, body, intent).map(|payment| payment.id)
        })
        .await?;
    // A repeat lets go of the terminal: whoever resolves the payment needs it.
    let ended = match held.filter(|_| is_first) {
        Some(held) => Some(drive::spawn(hub, payments::read(&hub.store, id)?, held)),
        None => None,
    };
    settled(hub, id, ended).await
}

/// Waits until a payment has an end, for as long as a request may.
async fn settled(hub: &Hub, id: PaymentId, ended: Option<oneshot::Receiver<()>>) -> Result<Payment, Refusal> {
    let waited = async {
        if let Some(ended) = ended {
            let _ = ended.await;
            return;
        }
        let mut commits = hub.store.committed();
        let is_under_way = || payments::read(&hub.store, id).is_ok_and(|payment| !payment.state.is_settled());
        while is_under_way() && commits.changed().await.is_ok() {}
    };
    let _ = tokio::time::timeout(WAIT, waited).await;
    payments::read(&hub.store, id)
}

/// A whole sale by card: the basket and the intent in one commit, the result and the sale in another.
///
/// # Errors
/// The terminal is busy, declines, or does not answer; the store fails. The basket stays open then.
pub(crate) async fn sell_by_card(
    hub: &Arc<Hub>,
    register: &RegisterName,
    command: Command<Result<Basket, Refusal>>,
) -> Result<SaleDone, Refusal> {
    let payment = take(hub, register, command, |transaction, by, basket, intent| {
        payments::start_whole_sale(transaction, by, basket?, intent)
    })
    .await?;
    let Payment { id, basket, terminal, sale, state, .. } = payment;
    if let (Some(sale), PaymentState::Unknown { why }) = (&sale, &state) {
        let detail = format!(
            "sale {} was made, and then its payment {id} came into doubt: {why}; read the terminal's journal and decide it at the \
             console, and keep the goods if it is not charged",
            sale.sale
        );
        return Err(PAYMENT_OUTCOME_UNKNOWN.because(detail).member("payment", id.to_string()));
    }
    let still_open = format!("basket {basket} is still open: pay it otherwise or abandon it");
    match (sale, state) {
        (Some(sale), _) => Ok(sale),
        (None, PaymentState::Declined { why, .. }) => {
            Err(PAYMENT_DECLINED.because(format!("{why}; {still_open}")).member("basket", basket.to_string()))
        }
        (None, PaymentState::NotCharged { why }) => {
            let detail = format!("{why}; nothing was charged; {still_open}");
            Err(PAYMENT_NOT_CHARGED.because(detail).member("basket", basket.to_string()))
        }
        (None, PaymentState::Unknown { why }) => {
            let detail = format!("{why}; read the terminal's journal and decide payment {id} at the console");
            Err(PAYMENT_OUTCOME_UNKNOWN.because(detail).member("payment", id.to_string()))
        }
        (None, PaymentState::Started | PaymentState::Approved) => {
            let detail =
                format!("payment {id} is still with terminal {terminal}; repeat this command with the same key");
            Err(PAYMENT_UNDER_WAY.because(detail).member("payment", id.to_string()))
        }
    }
}

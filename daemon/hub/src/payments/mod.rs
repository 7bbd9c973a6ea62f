//! Card payments, from the command to the terminal and back. [`app::payments`] has the states and the failures.
//!
//! - A payment is driven by its own task, which holds the terminal's lock, whether or not its register still waits.
//! - The payments' follower finds a payment that is `Started` while nobody holds its terminal's lock (the hub was
//!   restarted, the task ended, or the result could not be stored), and asks the terminal.

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

use crate::{hub::Hub, trail, web::Command};

/// How long a request waits for the terminal before it returns an unfinished payment.
const WAIT: Duration = Duration::from_secs(90);

/// The terminal of a register's lane.
fn lane_terminal(hub: &Hub, register: &RegisterName) -> Result<String, Refusal> {
    let terminal = hub.config.lane(register).and_then(|lane| lane.payment_terminal.clone());
    terminal.ok_or_else(|| {
        DEVICE_UNKNOWN
            .because(format!("register {register} has no payment terminal; add `payment_terminal` to its [[register]]"))
    })
}

/// Stores the intent of a command and drives the payment, or finds the payment of a repeated command; waits for its end
/// as long as a request may. `start` receives an intent for the whole amount due.
async fn take<T>(
    hub: &Arc<Hub>,
    register: &RegisterName,
    command: Command<T>,
    start: impl FnOnce(&mut store::Transaction<'_>, &app::By, T, Intent) -> Result<Payment, Refusal> + Send + 'static,
) -> Result<Payment, Refusal>
where
    T: Send + 'static,
{
    // For a repeated command the terminal may be locked by the same payment, or no longer in the lane. Whether that
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
    // A repeated command releases the terminal, because the task that resolves the payment needs it.
    let ended = match held.filter(|_| is_first) {
        Some(held) => Some(drive::spawn(hub, payments::read(&hub.store, id)?, held)),
        None => None,
    };
    settled(hub, id, ended).await
}

/// Waits until a payment ends, as long as a request may.
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

/// A whole sale by card: basket and intent are stored in one commit, result and sale in another.
///
/// # Errors
/// The terminal is busy, declines or does not answer, or the store fails. The basket stays open then.
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
    if let Some(sale) = &sale {
        trail::about(sale.sale);
    }
    if let (Some(sale), PaymentState::Unknown { why }) = (&sale, &state) {
        let detail = format!(
            "sale {} was made, but its payment {id} is in doubt: {why}; read the terminal's journal, decide the payment at the \
             console, and keep the goods if it was not charged",
            sale.sale
        );
        return Err(PAYMENT_OUTCOME_UNKNOWN.because(detail).member("payment", id.to_string()));
    }
    let still_open = format!("basket {basket} is still open: pay it in another way or abandon it");
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
            let detail = format!(
                "payment {id} is still in progress at terminal {terminal}; repeat this command with the same key"
            );
            Err(PAYMENT_UNDER_WAY.because(detail).member("payment", id.to_string()))
        }
    }
}

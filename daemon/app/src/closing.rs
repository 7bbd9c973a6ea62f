//! Closing shifts and the business day: nothing may be closed over money whose fate is not settled.
//!
//! [`unsettled`] finds what is not settled before the commit: payments without an outcome, payments that are to be
//! reversed, and baskets that are partly paid. The commit looks at every terminal again, so that a payment that begins
//! in between is found as well. A basket that is first paid in between belongs to the next shift, like its sale.

use commerce::{BasketId, Currency, PaymentId, RegisterName, ShiftId, cash::Shift};
use store::{Store, StoreError, Transaction};

use crate::{
    By, Capability, Refusal,
    cash::{self, DayReport, ShiftReport},
    payments::{self, Payment},
    reconciliation,
    refusal::{Class, Kind, Member},
    selling,
};

/// Something is not settled.
pub static UNSETTLED: Kind = Kind::new(
    "unsettled",
    Class::Conflict,
    "Payments are not settled",
    "Payments have no outcome or are to be reversed, or baskets are partly paid; settle them before closing.",
)
.with(&[Member::list("payments", "The payments."), Member::list("baskets", "The partly paid baskets.")]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability { refusals: &[&UNSETTLED], ..Capability::new("closing") };

/// What is not settled, each with its register.
#[derive(Clone, Debug, Default)]
pub struct Unsettled {
    payments: Vec<(PaymentId, RegisterName, String)>,
    baskets: Vec<(BasketId, RegisterName)>,
}

impl Unsettled {
    fn add(&mut self, payment: Payment) {
        if self.payments.iter().all(|(id, ..)| *id != payment.id) {
            self.payments.push((payment.id, payment.register, payment.terminal));
        }
    }

    /// Adds what holds the store's terminals now.
    fn with_terminals(mut self, transaction: &Transaction<'_>, terminals: &[String]) -> Result<Self, StoreError> {
        for terminal in terminals {
            if let Some(payment) = payments::unresolved_at(transaction, terminal)? {
                self.add(payment);
            }
        }
        Ok(self)
    }

    /// Requires that nothing is left, of all registers or of some.
    fn require_none(&self, is_of: impl Fn(&RegisterName) -> bool) -> Result<(), Refusal> {
        let payments: Vec<_> = self.payments.iter().filter(|(_, register, _)| is_of(register)).collect();
        let baskets: Vec<_> = self.baskets.iter().filter(|(_, register)| is_of(register)).collect();
        if payments.is_empty() && baskets.is_empty() {
            return Ok(());
        }
        let listed = payments.iter().map(|(id, register, terminal)| {
            format!("payment {id} of register {register} on terminal {terminal} has no outcome or is to be reversed")
        });
        let paid = baskets.iter().map(|(id, register)| format!("basket {id} of register {register} is partly paid"));
        let detail = format!(
            "{}; wait for the terminals or decide the payments at the console, and complete or abandon the baskets",
            listed.chain(paid).collect::<Vec<_>>().join("; ")
        );
        let payments: Vec<_> = payments.iter().map(|(id, ..)| id.to_string()).collect();
        let baskets: Vec<_> = baskets.iter().map(|(id, _)| id.to_string()).collect();
        Err(UNSETTLED.because(detail).member("payments", payments).member("baskets", baskets))
    }
}

/// What is not settled now. Reads all baskets of the last week, so it must not run on a request thread.
///
/// # Errors
/// The engine fails.
pub fn unsettled(store: &Store) -> Result<Unsettled, StoreError> {
    let mut found = Unsettled::default();
    for payment in payments::unresolved(store)?.into_iter().chain(payments::to_reverse(store)?) {
        found.add(payment);
    }
    selling::each_open_basket(store, |basket| {
        if basket.is_partly_paid() {
            found.baskets.push((basket.id, basket.register));
        }
    })?;
    Ok(found)
}

/// Closes a counted shift, unless something of its registers is not settled.
///
/// # Errors
/// As for [`cash::close`], or something is not settled.
pub fn close_shift(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: ShiftId,
    limit: commerce::Minor,
    unsettled: Unsettled,
    terminals: &[String],
) -> Result<ShiftReport, Refusal> {
    let shift = cash::shift_at(transaction, id)?;
    let uses = |shift: &Shift, register: &RegisterName| {
        shift.registers.contains(register) || shift.takings.contains_key(register)
    };
    unsettled.with_terminals(transaction, terminals)?.require_none(|register| uses(&shift, register))?;
    cash::close(transaction, by, id, limit)
}

/// Closes the business day, unless something is not settled, and leaves the task to reconcile each terminal.
///
/// # Errors
/// As for [`cash::close_day`], or something is not settled.
pub fn close_day(
    transaction: &mut Transaction<'_>,
    by: &By,
    unsettled: Unsettled,
    terminals: &[String],
    currency: Currency,
) -> Result<DayReport, Refusal> {
    unsettled.with_terminals(transaction, terminals)?.require_none(|_| true)?;
    let closed = cash::close_day(transaction, by)?;
    reconciliation::due(transaction, by, terminals, (closed.day.number, closed.day.business_day), currency)?;
    Ok(closed)
}

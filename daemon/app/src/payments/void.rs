//! Voiding a completed sale: each card gets back what it paid, and the rest is cash from the till.
//!
//! The void and the wish to reverse its cards are one commit. The payments' follower then reverses each card once, as
//! for an abandoned basket, after a restart as well. A card that the terminal refuses to reverse waits for a person.

use commerce::{Minor, PaymentId, PaymentState, SaleId, void::GivenBack};
use serde::{Deserialize, Serialize};
use store::Transaction;
use utoipa::ToSchema;

use super::{PAYMENTS, apply::put, refusals::NOT_REVERSIBLE, unknown};
use crate::{
    By, Refusal,
    selling::{self, SaleContext, SaleDone},
};

/// A request to void a sale.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VoidSale {
    /// The reason; in the audit trail.
    #[schema(min_length = 1, max_length = 120)]
    pub reason: String,
}

/// A voided sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SaleVoided {
    /// The sale with the opposite amounts.
    pub void: SaleDone,
    /// The cash to give back.
    pub cash: Minor,
    /// The card payments that the hub reverses now.
    pub payments: Vec<PaymentId>,
}

/// Voids a sale of the day: its goods are on hand again, its cards are to be reversed.
///
/// # Errors
/// The sale is not known, of another register, of another day, an order's, void already, or a card of it was refunded.
pub fn void_sale(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: SaleId,
    request: VoidSale,
    context: &SaleContext,
) -> Result<SaleVoided, Refusal> {
    let (sale, void) = selling::void(transaction, by, id, request.reason, context)?;
    let given = GivenBack::of(&sale);
    let mut payments = Vec::new();
    for (id, _) in given.cards {
        let mut payment = transaction.get(&PAYMENTS, id.0)?.ok_or_else(|| unknown(id))?;
        if payment.refunded.is_positive() {
            let (left, refunded) = (payment.charged() - payment.refunded, payment.refunded.get());
            let detail = format!("payment {id}: {refunded} minor units were refunded; take the goods back as a return");
            return Err(NOT_REVERSIBLE.because(detail).member("left", left.get()));
        }
        // A payment in doubt is reversed if it turns out to be charged. One that was declined later has nothing to
        // give back.
        if payment.state.is_charged() || matches!(payment.state, PaymentState::Unknown { .. }) {
            payment.unwanted = true;
            put(transaction, &payment)?;
            payments.push(id);
        }
    }
    Ok(SaleVoided { void: SaleDone::from(&void), cash: given.cash, payments })
}

#[cfg(test)]
mod tests {
    use commerce::{BusinessDay, payment::Event};
    use serde_json::Value;
    use store::{Depth, Store};

    use super::*;
    use crate::{
        payments::{Intent, apply, start_refund, start_whole_sale, to_reverse},
        testing::{self, CEREAL, basket, by, faults, register},
    };

    fn reason() -> VoidSale {
        VoidSale { reason: "wrong customer".into() }
    }

    fn context() -> SaleContext {
        testing::sale_context(1, 2)
    }

    /// Sells two pieces by card; returns the payment.
    fn sold(store: &Store) -> (PaymentId, SaleId) {
        let ended = store.commit_blocking(|transaction| {
            let intent = Intent { terminal: "terminal-1".into(), amount: None, before: Value::Null };
            let id = start_whole_sale(transaction, &register(1), basket(0, 2), intent)?.id;
            apply(transaction, id, &Event::Send, None, &context())?;
            apply(transaction, id, &Event::Approve { offline: false }, None, &context())
        });
        let ended = ended.unwrap();
        (ended.payment.id, ended.sale.unwrap().id)
    }

    fn open() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        store.commit_blocking(|transaction| testing::goods(transaction, 5_000, 1)).unwrap();
        (directory, store)
    }

    #[test]
    fn a_voided_sale_gives_everything_back_once() {
        let (_directory, store) = open();
        let (payment, sale) = sold(&store);
        assert_eq!(testing::position(&store, CEREAL).on_hand, 3_000);
        let voided = store
            .commit_blocking(move |transaction| void_sale(transaction, &register(2), sale, reason(), &context()))
            .unwrap();
        assert_eq!((voided.cash, voided.payments), (Minor::ZERO, vec![payment]));
        assert_eq!(testing::position(&store, CEREAL).on_hand, 5_000);
        let void = selling::find_sale(&store, voided.void.sale).unwrap();
        assert_eq!((void.voids, void.totals.net), (Some(sale), Minor::literal(-738)));
        assert_eq!((void.receipt.0, void.movement), (2, None));
        assert_eq!(to_reverse(&store).unwrap().len(), 1);
        for id in [sale, void.id] {
            let again =
                store.commit_blocking(move |transaction| void_sale(transaction, &by(3), id, reason(), &context()));
            assert_eq!(again.unwrap_err().kind, &selling::SALE_NOT_VOIDABLE);
        }
        assert_eq!(faults(&store, Depth::Whole), [""; 0]);
    }

    #[test]
    fn a_sale_is_voided_by_its_register_or_a_person_on_its_day_and_not_after_a_refund() {
        let (_directory, store) = open();
        let (payment, sale) = sold(&store);
        let refused = |by: By, context: SaleContext| {
            let voided =
                store.commit_blocking(move |transaction| void_sale(transaction, &by, sale, reason(), &context));
            voided.unwrap_err().kind
        };
        let other = By { actor: commerce::Actor::register("till-2".parse().unwrap()), at_ms: 2 };
        assert_eq!(refused(other, context()), &selling::SALE_UNKNOWN);
        let tomorrow = SaleContext { business_day: BusinessDay::new(2026, 11, 25).unwrap(), ..context() };
        assert_eq!(refused(by(2), tomorrow), &selling::SALE_NOT_VOIDABLE);
        store
            .commit_blocking(move |transaction| {
                let refund = start_refund(transaction, &register(2), payment, Some(Minor::literal(1)), Value::Null)?.id;
                apply(transaction, refund, &Event::Send, None, &context())?;
                apply(transaction, refund, &Event::Approve { offline: false }, None, &context())
            })
            .unwrap();
        assert_eq!(refused(by(2), context()), &NOT_REVERSIBLE);
        assert_eq!(testing::position(&store, CEREAL).on_hand, 3_000, "a refusal changes nothing");
    }
}

//! Training: a register at which people practise, and where nothing counts.
//!
//! # What this capability promises
//!
//! - Training is a property of a **register**, from the switch to the switch back, over sign-ins and restarts. It can't
//!   switch while it has an open basket, so a basket is of training or real from its opening to its end.
//! - A training basket is in a table of its own, and what it becomes is in another one. The use cases here write these
//!   tables, the queue of receipts and nothing else: no stock, reservation, quota, shift, point, gift card, coupon,
//!   receipt number or event for HQ. They ask what a real sale asks: prices, roles, recalls, serial numbers, ages.
//! - Training sales have numbers of their own, `T1`, `T2` and so on, and every receipt and answer says what it is.
//! - A register in training does nothing that counts: its other commands are refused, as is any card or gift card.
//! - Who begins and ends it needs the right for it; the audit trail records that.
//!
//! ```text
//! real --switch--> in training --switch--> real
//!                   open -> lines, cash -> complete: T1
//!                                       -> abandon
//! ```
//!
//! | failure | effect |
//! | --- | --- |
//! | power | the register is in training as before, and its basket is there |
//! | the printer fails | the receipt waits on disk, behind those that count |
//! | the record that a register is in training is damaged | the register is real; the check reports it |

mod basket;
mod mode;
mod sale;
#[cfg(test)]
mod tests;

pub use basket::{
    TrainingOpened, TrainingStatus, abandon, add_line, basket, discount_line, identify, open, tender, void_line,
    void_tender,
};
pub use mode::{RegisterTraining, SwitchTraining, in_training, is_in_training, require_real, require_real_now, switch};
pub use sale::{TrainingDone, TrainingSale, complete, find_sale, last_sales, sale};
use store::{Store, StoreError};

use crate::{
    Capability, Retention, Tidied,
    audit::Act as _,
    capability::DAY_MS,
    permission::{Holder, Permission},
    refusal::{Class, Kind},
};

/// How long training baskets and sales are kept.
const KEPT_DAYS: i64 = 31;

/// See training.
pub static READ: Permission = Permission::new(
    "training.read",
    "See which registers are in training, and training sales",
    &[Holder::Register, Holder::Person, Holder::Service],
);
/// Begin and end training.
pub static SWITCH: Permission =
    Permission::new("training.switch", "Begin and end the training of the register", &[Holder::Register]);
/// Practise.
pub static PRACTISE: Permission =
    Permission::new("training.practise", "Fill, pay and complete training baskets", &[Holder::Register]);

/// The register is in training.
pub static REGISTER_IN_TRAINING: Kind = Kind::new(
    "register-in-training",
    Class::Conflict,
    "Register in training",
    "The register is in training, where nothing may count: only training baskets, paid in cash or by coupon.",
);
/// The register is not in training.
pub static REGISTER_NOT_IN_TRAINING: Kind = Kind::new(
    "register-not-in-training",
    Class::Conflict,
    "Register not in training",
    "The register is not in training, so it has no training baskets; begin training first.",
);
/// The register has an open basket.
pub static BASKETS_OPEN: Kind = Kind::new(
    "register-has-open-basket",
    Class::Conflict,
    "Open basket",
    "The register has an open basket; complete, park or abandon it before training begins or ends.",
);
/// The training basket is unknown.
pub static TRAINING_BASKET_UNKNOWN: Kind = Kind::new(
    "training-basket-unknown",
    Class::NotFound,
    "Unknown training basket",
    "The register has no training basket with this id.",
);
/// The training sale is unknown.
pub static TRAINING_SALE_UNKNOWN: Kind = Kind::new(
    "training-sale-unknown",
    Class::NotFound,
    "Unknown training sale",
    "The store has no training sale with this number, or has deleted it.",
);
/// Not in training.
pub static TENDER_NOT_IN_TRAINING: Kind = Kind::new(
    "tender-not-in-training",
    Class::Rule,
    "Not in training",
    "The tender is real money, which training does not touch; pay in cash or by coupon.",
);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["training_register", "training_basket", "training_sale"],
    refusals: &[
        &REGISTER_IN_TRAINING,
        &REGISTER_NOT_IN_TRAINING,
        &BASKETS_OPEN,
        &TRAINING_BASKET_UNKNOWN,
        &TRAINING_SALE_UNKNOWN,
        &TENDER_NOT_IN_TRAINING,
    ],
    permissions: &[&READ, &SWITCH, &PRACTISE],
    acts: &[mode::TrainingBegun::KIND, mode::TrainingEnded::KIND],
    tidy: Some(tidy),
    ..Capability::new("training")
};

/// Deletes old training baskets and sales. Blocks.
fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let keep_from_ms = retention.now_ms.saturating_sub(KEPT_DAYS * DAY_MS);
    Ok(vec![
        ("training baskets", store.forget(&basket::BASKETS, move |basket| basket.opened_at_ms < keep_from_ms)?),
        ("training sales", store.forget(&sale::SALES, move |sold| sold.sale.sold_at_ms < keep_from_ms)?),
    ])
}

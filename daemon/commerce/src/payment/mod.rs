//! The life of a card payment: charge, refund and reversal as one state machine. Pure.
//!
//! # What this module promises
//!
//! - The hub stores a state before it takes the step that the state names: `Created` before anything, `Sent` before the
//!   first byte to the terminal, `Reversing` before the first byte of a reversal. So after a crash the stored state
//!   says what the terminal may have done.
//! - A request is sent to the terminal once. Nothing leads back to `Created`, and only a reversal that the terminal
//!   itself says it does not have may be sent again.
//! - `Unknown` ends only with the terminal's own answer to an inquiry, or with a person's decision. A time-out, a lost
//!   link and a restart are never taken for an answer.
//! - [`todo`] says what to do for a stored state that nobody drives, from the terminal's ability to be asked. It needs
//!   no name of a protocol.
//!
//! # States
//!
//! ```text
//!  Created --> Sent --> InProgress --> Approved <--> ApprovedOffline (forwarded or declined later)
//!     |          |          |     \--> RefundSubmitted (a refund whose outcome is settled outside the store)
//!     |          |          |
//!     |          +----------+--------> Declined
//!     +----------+-------------------> NotCharged
//!                |          |
//!                +----------+--------> Unknown --inquiry or a person--> any of the above, or Reversed
//!                                        ^
//!  Approved --> Reversing --------------/--> Reversed | RefundSubmitted | Approved (refused)
//! ```
//!
//! # Table
//!
//! An event that is not in a state's row does not change it. A test compares every cell with the code.
//!
#![doc = include_str!("table.md")]
//!
//! # Failures
//!
//! | failure | effect |
//! | --- | --- |
//! | power, in `Created` | nothing was sent: not charged |
//! | power or the link, in `Sent`, `InProgress`, `Reversing` | `Unknown`; the terminal is asked |
//! | the terminal can't be asked, or its answer proves nothing | `Unknown`, and a person decides from its journal |
//! | the terminal has no such request | not charged if it never took it; otherwise a person decides |

mod state;

pub use state::{Doubted, Event, Finding, PaymentState, Waits};

/// How a terminal can be asked for the outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inquiry {
    /// By the request's own id.
    ById,
    /// Only for its last transaction, which is compared with the one before the request.
    LastOnly,
    /// Not at all.
    None,
}

/// What to do for a stored payment that nobody drives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Todo {
    /// Store this event.
    Store(Event),
    /// Ask the terminal for the outcome.
    Ask,
    /// Wait for a person, or for nothing: it has ended.
    Wait,
}

/// What to do for a payment that nobody drives: the hub was restarted, or the task that drove it ended.
pub fn todo(state: &PaymentState, inquiry: Inquiry) -> Todo {
    match state {
        PaymentState::Created => {
            Todo::Store(Event::NotSent { why: "the hub stopped before it sent the payment to the terminal".into() })
        }
        PaymentState::Sent | PaymentState::InProgress | PaymentState::Reversing => {
            Todo::Store(Event::Doubt { why: "the hub stopped before the terminal's answer was stored".into() })
        }
        PaymentState::Unknown { waits_for: Waits::Terminal, .. } if inquiry == Inquiry::None => {
            let why = "the terminal can't be asked for an outcome; read its journal or receipt";
            Todo::Store(Event::Found(Finding::Inconclusive { why: why.into() }))
        }
        PaymentState::Unknown { waits_for: Waits::Terminal, .. } => Todo::Ask,
        PaymentState::Unknown { .. }
        | PaymentState::Approved
        | PaymentState::ApprovedOffline
        | PaymentState::Declined { .. }
        | PaymentState::NotCharged { .. }
        | PaymentState::Reversed
        | PaymentState::RefundSubmitted => Todo::Wait,
    }
}

#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tests;

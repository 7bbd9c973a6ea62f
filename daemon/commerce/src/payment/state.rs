//! The states of a payment, and the events that change them.

use serde::{Deserialize, Serialize};

/// The state of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum PaymentState {
    /// Stored; nothing was sent to the terminal.
    Created,
    /// About to be sent, or sent; the terminal has not confirmed that it took the request.
    Sent,
    /// The terminal took the request.
    InProgress,
    /// The customer was charged; for a refund: the money was given back.
    Approved,
    /// The terminal approved without its bank, which may still decline.
    ApprovedOffline,
    /// Nothing was charged: the terminal or the bank declined.
    Declined {
        /// The terminal's code.
        code: String,
        /// The reason in words.
        why: String,
    },
    /// Nothing was charged: the payment was never sent or not booked.
    NotCharged {
        /// The reason in words.
        why: String,
    },
    /// The outcome is unknown.
    Unknown {
        /// The state before the doubt.
        was: Doubted,
        /// Who can settle it.
        waits_for: Waits,
        /// The reason in words.
        why: String,
    },
    /// A reversal is about to be sent, or sent.
    Reversing,
    /// It was charged and reversed.
    Reversed,
    /// The terminal took a refund or reversal, whose outcome is settled outside the store.
    RefundSubmitted,
}

/// The state that is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Doubted {
    /// The terminal may not have taken the request.
    Sent,
    /// The terminal took the request.
    InProgress,
    /// The terminal approved it, and then reported a failure or no longer knew it.
    Approved,
    /// The reversal.
    Reversing,
}

/// Who can settle a doubt. A person can always decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Waits {
    /// The terminal: it is asked until it answers.
    Terminal,
    /// A person, who reads the terminal's journal.
    Person,
}

/// Something that happened to a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The hub is about to send it.
    Send,
    /// Nothing was sent.
    NotSent {
        /// The reason in words.
        why: String,
    },
    /// The terminal took it.
    Taken,
    /// The terminal approved it.
    Approve {
        /// Without its bank.
        offline: bool,
    },
    /// The terminal or the bank declined it.
    Decline {
        /// The terminal's code.
        code: String,
        /// The reason in words.
        why: String,
    },
    /// The terminal took a refund or reversal, whose outcome is settled outside the store.
    Submit,
    /// The link was lost, the terminal was silent, or the hub stopped.
    Doubt {
        /// The reason in words.
        why: String,
    },
    /// After the approval the terminal reported a failure, or no longer knew it.
    Retract {
        /// The reason in words.
        why: String,
    },
    /// The terminal's answer to an inquiry.
    Found(Finding),
    /// A person read the terminal's journal.
    Decide {
        /// Whether the customer stays charged.
        charged: bool,
    },
    /// The hub is about to send a reversal.
    Reverse,
    /// The terminal reversed it.
    Reversed,
    /// The terminal refused the reversal: the payment stands.
    KeepCharged,
    /// The terminal refused the reversal of a payment that nobody wants; a person must give the money back.
    Strand {
        /// The reason in words.
        why: String,
    },
    /// The bank accepted an offline payment.
    Forwarded,
    /// The bank declined an offline payment.
    DeclineLater {
        /// The bank's code.
        code: String,
        /// The reason in words.
        why: String,
    },
}

/// A terminal's answer to an inquiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It booked the payment.
    Charged {
        /// Without its bank.
        offline: bool,
    },
    /// It did not book it.
    NotCharged {
        /// The evidence in words.
        why: String,
    },
    /// It has no such request.
    NotFound {
        /// The answer in words.
        why: String,
    },
    /// It reversed the payment.
    Reversed,
    /// It took the refund or reversal, whose outcome is settled outside the store.
    Submitted,
    /// Its answer proves nothing, or it can't be asked.
    Inconclusive {
        /// The answer in words.
        why: String,
    },
}

impl PaymentState {
    /// Whether only a person or a later event could still change it: nothing is running.
    pub fn is_settled(&self) -> bool {
        self.has_ended() || matches!(self, Self::Unknown { waits_for: Waits::Person, .. })
    }

    /// Whether the outcome is known.
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Approved
            | Self::ApprovedOffline
            | Self::Declined { .. }
            | Self::NotCharged { .. }
            | Self::Reversed
            | Self::RefundSubmitted => true,
            Self::Created | Self::Sent | Self::InProgress | Self::Unknown { .. } | Self::Reversing => false,
        }
    }

    /// Whether the customer is charged.
    pub fn is_charged(&self) -> bool {
        matches!(self, Self::Approved | Self::ApprovedOffline)
    }

    /// Whether nothing was ever charged.
    pub fn charged_nothing(&self) -> bool {
        matches!(self, Self::Declined { .. } | Self::NotCharged { .. })
    }

    /// The state after an event; `None` if the event does not change it.
    pub fn after(&self, event: &Event) -> Option<Self> {
        let unknown = |was, why: &String| Self::Unknown { was, waits_for: Waits::Terminal, why: why.clone() };
        Some(match (self, event) {
            (Self::Created, Event::Send) => Self::Sent,
            (Self::Created | Self::Sent, Event::NotSent { why }) => Self::NotCharged { why: why.clone() },
            (Self::Sent, Event::Taken) => Self::InProgress,
            (Self::Sent | Self::InProgress, Event::Approve { offline }) => Self::approved(*offline),
            (Self::Sent | Self::InProgress, Event::Decline { code, why })
            | (Self::ApprovedOffline, Event::DeclineLater { code, why }) => {
                Self::Declined { code: code.clone(), why: why.clone() }
            }
            (Self::Sent | Self::InProgress | Self::Reversing, Event::Submit) => Self::RefundSubmitted,
            (Self::Sent, Event::Doubt { why }) => unknown(Doubted::Sent, why),
            (Self::InProgress, Event::Doubt { why }) => unknown(Doubted::InProgress, why),
            (Self::Reversing, Event::Doubt { why }) => unknown(Doubted::Reversing, why),
            (Self::Approved | Self::ApprovedOffline, Event::Retract { why }) => unknown(Doubted::Approved, why),
            (Self::Approved | Self::ApprovedOffline, Event::Reverse) => Self::Reversing,
            (Self::Reversing, Event::Reversed) => Self::Reversed,
            (Self::ApprovedOffline, Event::Forwarded) | (Self::Reversing, Event::KeepCharged) => Self::Approved,
            (Self::Reversing, Event::Strand { why }) => {
                Self::Unknown { was: Doubted::Reversing, waits_for: Waits::Person, why: why.clone() }
            }
            (Self::Unknown { was, .. }, Event::Decide { charged }) => match (was, charged) {
                (_, true) => Self::Approved,
                (Doubted::Reversing, false) => Self::Reversed,
                (_, false) => Self::NotCharged { why: "decided by a person from the terminal's journal".into() },
            },
            (Self::Unknown { was, waits_for: Waits::Terminal, .. }, Event::Found(finding)) => {
                Self::found(*was, finding)
            }
            _ => return None,
        })
    }

    fn approved(offline: bool) -> Self {
        if offline { Self::ApprovedOffline } else { Self::Approved }
    }

    /// The end of a doubt by the terminal's answer.
    fn found(was: Doubted, finding: &Finding) -> Self {
        match (was, finding) {
            (_, Finding::Charged { offline }) => Self::approved(*offline),
            (_, Finding::Submitted) => Self::RefundSubmitted,
            (_, Finding::Reversed) | (Doubted::Reversing, Finding::NotCharged { .. }) => Self::Reversed,
            (Doubted::Sent, Finding::NotCharged { why } | Finding::NotFound { why })
            | (Doubted::InProgress, Finding::NotCharged { why }) => Self::NotCharged { why: why.clone() },
            // The reversal never reached it, so the payment stands.
            (Doubted::Reversing, Finding::NotFound { .. }) => Self::Approved,
            // A terminal that took a request and forgot it was exchanged or reset. An approval is booked at the hub,
            // perhaps as a sale.
            (_, Finding::Inconclusive { why })
            | (Doubted::InProgress, Finding::NotFound { why })
            | (Doubted::Approved, Finding::NotCharged { why } | Finding::NotFound { why }) => {
                Self::Unknown { was, waits_for: Waits::Person, why: why.clone() }
            }
        }
    }
}

//! The people at the registers: their roles, and what each role may do, up to which limit.
//!
//! | may | cashier | supervisor | manager | IT | picker |
//! | --- | --- | --- | --- | --- | --- |
//! | sell | yes | yes | yes | | |
//! | manager's discount, of a line | 10 % | 30 % | yes | | |
//! | void a tender | | yes | yes | | |
//! | refund to a card, void a sale | | 200.00 | yes | | |
//! | take a card that the terminal approves without its bank | 50.00 | 200.00 | yes | | |
//! | take goods back | 50.00 | 500.00 | yes | | |
//! | take goods back against a rule | | 200.00 | yes | | |
//! | open the drawer without a sale | | yes | yes | | |
//! | move cash without a sale | | yes | yes | | |
//! | approve a difference of a count | | 20.00 | yes | | |
//! | see what an open shift has taken | | yes | yes | | |
//! | begin and end training | | yes | yes | | |
//! | pick orders | yes | yes | yes | | yes |
//!
//! Amounts are in the store's currency, with its decimals left out: 200.00 is 20,000 minor units of any currency.

use serde::{Deserialize, Serialize};

/// A role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Role {
    /// Sells.
    Cashier,
    /// Helps cashiers, and approves what exceeds their limits.
    Supervisor,
    /// Runs the store.
    Manager,
    /// Looks after the devices.
    It,
    /// Picks orders.
    Picker,
}

impl Role {
    /// All roles, in the order of the table.
    pub const ALL: [Self; 5] = [Self::Cashier, Self::Supervisor, Self::Manager, Self::It, Self::Picker];

    /// The name in the API, in files and in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cashier => "cashier",
            Self::Supervisor => "supervisor",
            Self::Manager => "manager",
            Self::It => "it",
            Self::Picker => "picker",
        }
    }
}

/// What an operator does at a register, if the role allows it. Amounts are in thousandths of the price for `discount`, in
/// minor units for `refund`, `return`, `override_return` and `approve_count`; the others have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OperatorRight))]
pub enum Right {
    /// Sell.
    Sell,
    /// Take a discount off a line, in thousandths of what it costs.
    Discount,
    /// Give a tender back.
    VoidTender,
    /// Refund an amount to a card, or void a sale of that amount, in minor units.
    Refund,
    /// Take a card that its terminal approves without the bank, up to an amount in minor units.
    AcceptOffline,
    /// Take goods back, in minor units of what is given back.
    Return,
    /// Take goods back although a rule is against it, in minor units of what is given back.
    OverrideReturn,
    /// Open the drawer without a sale.
    OpenDrawer,
    /// Put cash into a till or take it out without a sale.
    MoveCash,
    /// Approve a difference of a count, in minor units.
    ApproveCount,
    /// See what an open shift has taken, and what should be in its till.
    ReadShift,
    /// Begin and end the training of a register.
    SwitchTraining,
    /// Pick orders.
    Pick,
}

/// How far a role may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Not at all.
    Never,
    /// Up to an amount, in the unit of the right.
    UpTo(u64),
    /// Without a limit.
    Always,
}

impl Limit {
    /// Whether an amount is within it.
    pub fn allows(self, amount: u64) -> bool {
        match self {
            Self::Never => false,
            Self::UpTo(most) => amount <= most,
            Self::Always => true,
        }
    }
}

impl Right {
    /// All rights, in the order of the table.
    pub const ALL: [Self; 13] = [
        Self::Sell,
        Self::Discount,
        Self::VoidTender,
        Self::Refund,
        Self::AcceptOffline,
        Self::Return,
        Self::OverrideReturn,
        Self::OpenDrawer,
        Self::MoveCash,
        Self::ApproveCount,
        Self::ReadShift,
        Self::SwitchTraining,
        Self::Pick,
    ];

    /// The name in the API and in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sell => "sell",
            Self::Discount => "discount",
            Self::VoidTender => "void_tender",
            Self::Refund => "refund",
            Self::AcceptOffline => "accept_offline",
            Self::Return => "return",
            Self::OverrideReturn => "override_return",
            Self::OpenDrawer => "open_drawer",
            Self::MoveCash => "move_cash",
            Self::ApproveCount => "approve_count",
            Self::ReadShift => "read_shift",
            Self::SwitchTraining => "switch_training",
            Self::Pick => "pick",
        }
    }

    /// How far a role may go: the table.
    pub fn limit(self, role: Role) -> Limit {
        use Limit::{Always, Never, UpTo};
        // Cashier, supervisor, manager, IT, picker.
        let row = match self {
            Self::Sell => [Always, Always, Always, Never, Never],
            Self::Discount => [UpTo(100), UpTo(300), Always, Never, Never],
            Self::VoidTender | Self::OpenDrawer | Self::MoveCash | Self::ReadShift | Self::SwitchTraining => {
                [Never, Always, Always, Never, Never]
            }
            Self::Refund | Self::OverrideReturn => [Never, UpTo(20_000), Always, Never, Never],
            Self::AcceptOffline => [UpTo(5_000), UpTo(20_000), Always, Never, Never],
            Self::Return => [UpTo(5_000), UpTo(50_000), Always, Never, Never],
            Self::ApproveCount => [Never, UpTo(2_000), Always, Never, Never],
            Self::Pick => [Always, Always, Always, Never, Always],
        };
        let [cashier, supervisor, manager, it, picker] = row;
        match role {
            Role::Cashier => cashier,
            Role::Supervisor => supervisor,
            Role::Manager => manager,
            Role::It => it,
            Role::Picker => picker,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_never_shrink_from_cashier_to_manager() {
        for right in Right::ALL {
            for amount in [0, 100, 101, 300, 301, 2_000, 2_001, 20_000, 20_001, u64::MAX] {
                let allowed =
                    [Role::Cashier, Role::Supervisor, Role::Manager].map(|role| right.limit(role).allows(amount));
                assert!(allowed.is_sorted(), "{} {amount}: {allowed:?}", right.name());
            }
        }
    }

    #[test]
    fn it_and_pickers_handle_no_money() {
        for right in Right::ALL.into_iter().filter(|right| *right != Right::Pick) {
            for role in [Role::It, Role::Picker] {
                assert_eq!(right.limit(role), Limit::Never, "{} {}", right.name(), role.name());
            }
        }
    }

    #[test]
    fn names_are_those_of_json() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        for right in Right::ALL {
            assert_eq!(serde_json::to_value(right).unwrap(), right.name());
        }
    }

    #[test]
    fn a_limit_includes_its_amount() {
        for (limit, allowed) in [
            (Limit::Never, [false, false, false]),
            (Limit::UpTo(100), [true, true, false]),
            (Limit::Always, [true, true, true]),
        ] {
            assert_eq!([0, 100, 101].map(|amount| limit.allows(amount)), allowed, "{limit:?}");
        }
    }
}

//! What the customer of a register sees of its basket: the item that was just added or changed, and what is due.

use app::{By, selling::BasketStatus};
use commerce::{Minor, RegisterName};

use crate::{
    hub::Hub,
    parts::{devices::displays::Shown, events::HubEvent},
};

/// The customer in front of the register that sends a command.
pub(super) struct Customer<'h> {
    hub: &'h Hub,
    /// None if a person sends the command from the console.
    register: Option<RegisterName>,
}

impl<'h> Customer<'h> {
    pub(super) fn of(hub: &'h Hub, by: &By) -> Self {
        Self { hub, register: by.actor.register_name().cloned() }
    }

    /// Shows the line that the command added or changed, or the store's name, and what is due or the change.
    pub(super) fn sees(&self, status: BasketStatus) -> BasketStatus {
        let line = status.line.as_ref().filter(|line| !line.voided);
        // With more than enough tendered it is the change, as at the end of the sale.
        let is_change = status.due.is_negative() && status.totals.tendered.is_positive();
        let amount = if is_change { -status.due } else { status.due };
        self.show(line.map_or(&self.hub.config.store.name, |line| &line.description), amount);
        status
    }

    /// Shows the change at the end of a sale.
    pub(super) fn receives(&self, change: Minor) {
        self.show(&self.hub.config.store.name, change);
    }

    fn show(&self, above: &str, amount: Minor) {
        let Some(register) = &self.register else { return };
        let currency = self.hub.currency();
        let shown =
            Shown { above: above.to_owned(), below: format!("{} {}", amount.display(currency), currency.code()) };
        if self.hub.devices.displays.show(register, &shown) {
            self.hub.tell(HubEvent::display(register, shown));
        }
    }
}

//! The hub's events for listeners on the WebSocket.
//!
//! A register receives the events of its own lane (scans, weights, payment progress), the health of devices, and its
//! own sales, and all changes of the store's orders. A person at the console receives everything, and the whole status
//! at most four times per second. A listener that can't keep up is told how many events it missed. State is available
//! from the routes, and a lane's scans and weights are kept for a while (`devices::lanes`), so nothing depends on an
//! event arriving.

use commerce::{Minor, OrderId, RegisterName, Sale, SaleId, order::State};
use drivers::device::DeviceEvent;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    codes::Decoded,
    devices::{displays::Shown, lanes::LanePosition},
};

/// The number of events that may wait for a listener.
pub(crate) const EVENTS: usize = 4096;

/// An event and its listeners.
#[derive(Clone, Debug)]
pub(crate) struct HubEvent {
    /// The event.
    pub(crate) what: HubWhat,
    /// The registers that receive it; `None` for all.
    pub(crate) registers: Option<Vec<RegisterName>>,
}

/// An event in a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = RegisterEvent)]
pub(crate) enum HubWhat {
    /// A device's event: `health`, `scan`, `weight` or `payment`.
    Device {
        /// The device and the event.
        #[serde(flatten)]
        event: DeviceEvent,
        /// For a scan or weight: its position in the lane's sequence, to request what followed after a broken
        /// connection.
        #[serde(skip_serializing_if = "Option::is_none")]
        lane: Option<LanePosition>,
        /// For a scan: what the code means.
        #[serde(skip_serializing_if = "Option::is_none")]
        decoded: Option<Decoded>,
    },
    /// A sale was completed.
    SaleCompleted {
        /// The sale's id.
        sale: SaleId,
        /// The register.
        register: RegisterName,
        /// The receipt number.
        receipt: u64,
        /// The net total.
        net: Minor,
        /// The number of lines.
        lines: usize,
    },
    /// An order of this store changed; its part is at `/api/v1/orders/{order}/{part}`.
    OrderChanged {
        /// The order.
        order: OrderId,
        /// The part.
        part: u32,
        /// Its state now.
        state: State,
        /// When it changed: milliseconds since 1970, UTC.
        at_ms: i64,
    },
    /// What the customer sees has changed.
    Display {
        /// The register.
        register: RegisterName,
        /// The two lines.
        #[serde(flatten)]
        shown: Shown,
    },
    /// The listener was too slow.
    Missed {
        /// The number of lost events.
        events: u64,
    },
}

impl HubEvent {
    /// An event of a device, for one lane's register or, without one, for all.
    pub(crate) fn device(
        event: DeviceEvent,
        register: Option<&RegisterName>,
        lane: Option<LanePosition>,
        decoded: Option<Decoded>,
    ) -> Self {
        Self {
            what: HubWhat::Device { event, lane, decoded },
            registers: register.map(|register| vec![register.clone()]),
        }
    }

    /// What the customer of a register sees.
    pub(crate) fn display(register: &RegisterName, shown: Shown) -> Self {
        let what = HubWhat::Display { register: register.clone(), shown };
        Self { what, registers: Some(vec![register.clone()]) }
    }

    /// An event of a sale.
    pub(crate) fn sale(sale: &Sale) -> Self {
        let what = HubWhat::SaleCompleted {
            sale: sale.id,
            register: sale.register.clone(),
            receipt: sale.receipt.0,
            net: sale.totals.net,
            lines: sale.lines.len(),
        };
        Self { what, registers: Some(vec![sale.register.clone()]) }
    }

    /// An event of an order, for all registers.
    pub(crate) fn order(order: OrderId, part: u32, state: State, at_ms: i64) -> Self {
        Self { what: HubWhat::OrderChanged { order, part, state, at_ms }, registers: None }
    }

    /// Whether a register receives it.
    pub(crate) fn is_for(&self, register: &RegisterName) -> bool {
        self.registers.as_ref().is_none_or(|registers| registers.contains(register))
    }
}

//! What happens in the store, told over one WebSocket to whoever may hear it.
//!
//! A register hears what its own lane does (scans, weights, how a payment goes), how devices are, and its own sales; a
//! person at the console hears everything, and the whole status at most four times a second. A listener that can't keep
//! up is told how much it missed; the state itself is at the routes, and a lane's scans and weights are kept for a
//! while (`devices::lanes`), so nothing rests on an event arriving.

use commerce::{Minor, RegisterName, Sale, SaleId};
use drivers::device::DeviceEvent;
use serde::Serialize;
use utoipa::ToSchema;

use super::devices::lanes::LanePosition;

/// Events that may wait for a listener.
pub(crate) const EVENTS: usize = 4096;

/// Something that happened, and who hears of it.
#[derive(Clone, Debug)]
pub(crate) struct HubEvent {
    /// What.
    pub(crate) what: HubWhat,
    /// Registers that hear it; `None` for all.
    pub(crate) registers: Option<Vec<RegisterName>>,
}

/// An event as it is sent.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = RegisterEvent)]
pub(crate) enum HubWhat {
    /// A device said something: `event` is `health`, `scan`, `weight` or `payment`.
    Device {
        /// Which, and what.
        #[serde(flatten)]
        event: DeviceEvent,
        /// Of a scan or a weight: its place in the lane's sequence, to ask for what follows after a broken connection.
        #[serde(skip_serializing_if = "Option::is_none")]
        lane: Option<LanePosition>,
    },
    /// A sale was completed.
    SaleCompleted {
        /// Its id.
        sale: SaleId,
        /// Which register sold it.
        register: RegisterName,
        /// Its receipt's number.
        receipt: u64,
        /// What was owed.
        net: Minor,
        /// How many lines.
        lines: usize,
    },
    /// This listener was too slow.
    Missed {
        /// So many events are gone.
        events: u64,
    },
}

impl HubEvent {
    /// From a device, for one lane's register or, without one, for all.
    pub(crate) fn device(event: DeviceEvent, register: Option<&RegisterName>, lane: Option<LanePosition>) -> Self {
        Self { what: HubWhat::Device { event, lane }, registers: register.map(|register| vec![register.clone()]) }
    }

    /// Of a sale.
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

    /// Whether a register hears it.
    pub(crate) fn is_for(&self, register: &RegisterName) -> bool {
        self.registers.as_ref().is_none_or(|registers| registers.contains(register))
    }
}

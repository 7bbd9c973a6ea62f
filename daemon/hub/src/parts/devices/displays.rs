//! What customers see: two lines for each register, on its customer display and on a second screen.
//!
//! They show the register's last command on a basket, so they say what the hub answered. They are
//! not stored: after a restart of the hub they are blank until the next command.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use commerce::RegisterName;
use drivers::customer_display::CustomerDisplay;
use serde::Serialize;
use utoipa::ToSchema;

use crate::config::{Config, Register};

/// What a customer sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Shown {
    /// The upper line: an item, or the store's name.
    pub(crate) above: String,
    /// The lower line: an amount, aligned to the right.
    pub(crate) below: String,
}

/// The displays of a store.
pub(crate) struct Displays {
    /// The devices, by register.
    devices: HashMap<RegisterName, Arc<dyn CustomerDisplay>>,
    shown: Mutex<HashMap<RegisterName, Shown>>,
}

impl Displays {
    /// The displays of the registers of a config, blank.
    pub(crate) fn new(config: &Config, by_name: &HashMap<String, Arc<dyn CustomerDisplay>>) -> Self {
        let of = |lane: &Register| {
            let display = by_name.get(lane.customer_display.as_ref()?)?;
            Some((lane.name.clone(), Arc::clone(display)))
        };
        Self { devices: config.register.iter().filter_map(of).collect(), shown: Mutex::default() }
    }

    /// Shows something to the customer of a register; false if it is shown already.
    pub(crate) fn show(&self, register: &RegisterName, shown: &Shown) -> bool {
        if let Some(device) = self.devices.get(register) {
            device.show(&shown.above, &shown.below);
        }
        let mut all = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(register.clone(), shown.clone()).is_none_or(|before| before != *shown)
    }

    /// What the customer of a register sees.
    pub(crate) fn of(&self, register: &RegisterName) -> Shown {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).get(register).cloned().unwrap_or_default()
    }
}

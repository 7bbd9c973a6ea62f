//! Customer displays: two lines that the customer reads.

use crate::{
    device::Device,
    registry::{Protocol, with_settings},
};

mod escpos;

/// The protocols of customer displays.
pub const PROTOCOLS: &[Protocol<dyn CustomerDisplay>] =
    &[Protocol { name: "esc-pos", prepare: |setup| with_settings(setup, |start| Ok(escpos::start(start))) }];

/// A customer display.
pub trait CustomerDisplay: Device {
    /// Shows two lines, the second aligned to the right. Returns at once: what can't be shown in time is replaced by
    /// what is to be shown next, and a display that comes back shows the latest.
    fn show(&self, above: &str, below: &str);
}

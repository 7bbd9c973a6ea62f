//! One task a device: connect, run, reconnect.
//!
//! ```text
//!            connect ok               run() returns or panics
//! Connecting ----------> (driver says Ready) ----------> Offline --back-off--> Connecting …
//!      \___ connect failed or timed out ________________/
//! ```
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the address can't be opened | `Offline` with the reason and a remedy; jobs are refused at once; retry after 0.1 s doubling to 5 s, jittered |
//! | the wire breaks | the driver's `run` returns; what it was doing is answered by the driver; as above |
//! | the driver panics | caught, reported as `Offline`, the job's answer channel is dropped, the driver goes on with a new wire |
//! | the hub drops the handle | the task ends, the wire is closed |

use tokio::sync::mpsc;

use crate::{
    device::{DeviceEvent, DeviceName, Health, What},
    transport::{Address, Wire},
};

/// Jobs that may wait for a device; past it the asker is refused at once.
pub const JOB_QUEUE: usize = 32;

/// A protocol's side of the bargain: what to do with a wire while it holds.
pub trait Driver: Send + 'static {
    /// What the hub may ask of it; carries its own answer channel.
    type Job: Send + 'static;

    /// Runs on a fresh wire until it breaks, and says why. Reports [`Health::Ready`] itself, once the device has answered
    /// (or at once for a device that only talks).
    fn run(
        &mut self,
        wire: Box<dyn Wire>,
        jobs: &mut mpsc::Receiver<Self::Job>,
        report: &Reporter,
    ) -> impl Future<Output = String> + Send;

    /// Answers a job that came while there was no wire.
    fn refuse(&mut self, job: Self::Job, why: &str);
}

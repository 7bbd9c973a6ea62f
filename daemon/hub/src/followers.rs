//! Followers: work after a commit, driven by stored records and never by a request.
//!
//! A [`Follower`] has no input. Every commit wakes it, and it also sweeps every [`EVERY`], or when it
//! [asked to](Follower::rest). Each sweep reads what is stored and does what is left to do. So a lost wake-up, a client
//! that disconnects, and a restart all take the same path.
//!
//! | failure | effect |
//! | --- | --- |
//! | a sweep fails | it is repeated after [`RETRY`] |
//! | a sweep panics | the same; the panic is logged |
//! | the hub is killed | the first sweep of the next hub does the rest |

use std::{panic::AssertUnwindSafe, time::Duration};

use app::{Refusal, refusal::FAULT};
use futures_util::FutureExt;
use store::Store;

/// The interval of sweeps without commits.
pub(crate) const EVERY: Duration = Duration::from_secs(60);

/// The delay before a failed sweep is repeated.
const RETRY: Duration = Duration::from_secs(2);

/// Work that follows commits.
pub(crate) trait Follower: Send + 'static {
    /// The name in the log.
    fn name(&self) -> String;

    /// Does what is left to do, according to what is stored.
    fn sweep(&mut self) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// The time until the next sweep without a commit: shorter if something is due earlier.
    fn rest(&self) -> Duration {
        EVERY
    }
}

/// Starts a follower.
pub(crate) fn start(store: &Store, mut follower: impl Follower) {
    let mut commits = store.committed();
    tokio::spawn(async move {
        let name = follower.name();
        let mut told = String::new();
        loop {
            // Later commits wake it again.
            commits.borrow_and_update();
            let swept = AssertUnwindSafe(follower.sweep()).catch_unwind().await;
            match swept.unwrap_or_else(|_| Err(FAULT.because("panicked"))) {
                Ok(()) => {
                    told.clear();
                    let committed = tokio::time::timeout(follower.rest(), commits.changed()).await;
                    if matches!(committed, Ok(Err(_))) {
                        return;
                    }
                }
                Err(refusal) => {
                    // Repeated failures are logged once.
                    if told != refusal.detail {
                        tracing::warn!(follower = %name, %refusal, "follower failed; will retry");
                        told = refusal.detail;
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    });
}

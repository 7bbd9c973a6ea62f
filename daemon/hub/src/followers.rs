//! What follows a commit: work that is driven from what is stored, never by a request.
//!
//! A [`Follower`] takes no input. It is woken by every commit, sweeps every [`EVERY`] in any case, and each time looks at what is stored and does
//! what is left to be done. So a wake that was lost, a client that hung up, and a restart are one and the same path.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | a sweep fails | it is tried again after [`RETRY`] |
//! | a sweep panics | the same; the log has it |
//! | the hub is killed | the next hub's first sweep finds what is left |

use std::{panic::AssertUnwindSafe, time::Duration};

use app::{Refusal, refusal::FAULT};
use futures_util::FutureExt;
use store::Store;

/// Between two sweeps without a commit.
const EVERY: Duration = Duration::from_secs(60);

/// How long a follower that failed waits.
const RETRY: Duration = Duration::from_secs(2);

/// Work that follows what is stored.
pub(crate) trait Follower: Send + 'static {
    /// What it is called in the log.
    fn name(&self) -> String;

    /// Does what is left to be done, by what is stored.
    fn sweep(&mut self) -> impl Future<Output = Result<(), Refusal>> + Send;
}

/// Starts a follower.
pub(crate) fn start(store: &Store, mut follower: impl Follower) {
    let mut commits = store.committed();
    tokio::spawn(async move {
        let name = follower.name();
        let mut told = String::new();
        loop {
            // What is committed from here on wakes it again.
            commits.borrow_and_update();
            let swept = AssertUnwindSafe(follower.sweep()).catch_unwind().await;
            match swept.unwrap_or_else(|_| Err(FAULT.because("panicked"))) {
                Ok(()) => {
                    told.clear();
                    let committed = tokio::time::timeout(EVERY, commits.changed()).await;
                    if matches!(committed, Ok(Err(_))) {
                        return;
                    }
                }
                Err(refusal) => {
                    // What goes on for hours is told once.
                    if told != refusal.detail {
                        tracing::warn!(follower = %name, %refusal, "could not do what follows a commit; will try again");
                        told = refusal.detail;
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    });
}

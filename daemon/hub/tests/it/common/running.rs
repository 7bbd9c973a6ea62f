//! A hub that can be killed and started again.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use hub::Hub;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::{ENGINE, ask, enter, open_with};

/// A hub with a runtime of its own. Dropped, it is killed: none of its tasks goes on.
pub(crate) struct Running {
    runtime: Option<Runtime>,
    hub: Option<Arc<Hub>>,
    router: Option<Router>,
    token: String,
}

impl Running {
    /// Starts a hub, with the register `till-2`.
    pub(crate) fn start(directory: &Path, config: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let (hub, router, token) = runtime.block_on(async {
            let (hub, router) = open_with(directory, ENGINE, config);
            let (_, token) = enter(&router, directory, "till-2").await;
            (hub, router, token)
        });
        Self { runtime: Some(runtime), hub: Some(hub), router: Some(router), token }
    }

    pub(crate) fn hub(&self) -> &Hub {
        self.hub.as_ref().unwrap()
    }

    /// The answer to the register's request.
    pub(crate) fn ask(&self, method: &str, path: &str, key: &str, body: &Value) -> Value {
        let headers = [("authorization", &*self.token), ("idempotency-key", key)];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let asking = ask(self.router.as_ref().unwrap(), method, path, &headers, &body);
        self.runtime.as_ref().unwrap().block_on(asking).body
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.router.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(20));
        }
        // The last to have the store closes it.
        let hub = self.hub.take().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while Arc::strong_count(&hub) > 1 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Waits until something is so.
pub(crate) fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within two minutes");
        std::thread::sleep(Duration::from_millis(5));
    }
}

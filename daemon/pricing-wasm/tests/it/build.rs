//! The checked-in `pricing.wasm` is what the sources build.

use std::{env, fs, path::Path, process::Command};

use crate::{equal, node};

/// The tools of Debian that `build` uses.
const TOOLS: [&str; 4] =
    ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/wasm-ld-19", "/usr/lib/rustlib/src/rust/library/std"];

#[test]
fn the_checked_in_file_prices_as_a_new_build() {
    if !TOOLS.iter().all(|tool| Path::new(tool).exists()) {
        node::skipped("a new build of pricing.wasm; `apt-get install rustc-web cargo-web rust-web-src lld-19`");
        return;
    }
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pricing.wasm");
    let done = Command::new(node::here().join("build")).arg(&built).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    if fs::read(&built).unwrap() == fs::read(node::npm().join("pricing.wasm")).unwrap() {
        return;
    }
    // Another version of the compiler gives other bytes.
    assert!(env::var_os("STORE_HUB_LONG").is_none(), "pricing.wasm is out of date: run daemon/pricing-wasm/build");
    if node::has("node", "nodejs") {
        let seed = equal::seed();
        equal::compare(seed, 1000, None);
        equal::compare(seed, 1000, Some(&built));
    }
}

//! The web pages in a browser, at the real hub with simulated devices.
//!
//! `tests/pages/*.mjs` drive Debian's Chromium with Playwright, against the demo. `./tests/run` installs the tools
//! below `target/contract`. `PICTURES=docs/screens` saves the pictures of the documentation.

use std::process::Command;

use system_tests::{alone, is_long, program, root, skipped};

/// Whether a browser and the tools are there.
fn has_tools() -> bool {
    let tools = root().join("target/contract/node_modules");
    let missing = [tools.join("playwright-core"), tools.join("axe-core"), "/usr/bin/chromium".into()];
    if let Some(missing) = missing.iter().find(|path| !path.exists()) {
        skipped(&format!("the pages: {} is not installed (tests/contract, by ./tests/run)", missing.display()));
        return false;
    }
    true
}

/// Runs a script in the root of the repository, and shows what it prints.
fn play(script: &str) {
    let script = root().join("tests/pages").join(script);
    let ended = Command::new("node")
        .arg(&script)
        .env("STORE_HUB", program("store-hub"))
        .env("TOOLS", root().join("target/contract"))
        .current_dir(root())
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&ended.stdout));
    assert!(ended.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn a_cashier_sells_also_while_the_hub_is_away() {
    if !has_tools() {
        return;
    }
    // Times are measured.
    let _alone = alone();
    play("register.mjs");
}

#[test]
fn a_manager_and_it_work_at_the_console_and_hq_looks_on() {
    if !has_tools() {
        return;
    }
    let _alone = alone();
    play("console.mjs");
}

/// With 100,000 items; the figures are printed.
#[test]
fn the_register_works_with_a_large_catalog() {
    if !is_long() || !has_tools() {
        return;
    }
    let _alone = alone();
    play("measure.mjs");
}

/// The types of answers are those of the OpenAPI document.
#[test]
fn scripts_have_the_types_that_they_say() {
    let tools = root().join("target/contract/node_modules/.bin");
    let types = root().join("target/contract/hub-api.d.ts");
    let generate = ["docs/openapi.json", "-o", types.to_str().unwrap()];
    for (tool, arguments) in [("openapi-typescript", &generate[..]), ("tsc", &["-p", "tests/pages/tsconfig.json"])] {
        if !tools.join(tool).exists() {
            skipped(&format!("the types of the pages: {tool} is not installed (tests/contract, by ./tests/run)"));
            return;
        }
        let ended = Command::new(tools.join(tool)).args(arguments).current_dir(root()).output().unwrap();
        let said = [ended.stdout, ended.stderr].concat();
        assert!(ended.status.success(), "{tool}: {}", String::from_utf8_lossy(&said));
    }
}

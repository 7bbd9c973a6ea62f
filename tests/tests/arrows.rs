//! The arrows between the rooms hold: who may use whom.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;
use system_tests::root;

#[test]
fn no_room_uses_another_than_the_arrows_allow() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("commerce", &[][..]),
        ("drivers", &[]),
        ("contract", &["commerce"]),
        ("store", &["commerce", "contract"]),
        ("link", &[]),
        ("bridge", &["link", "contract"]),
        ("hq", &["link", "contract", "commerce"]),
        ("provisioning", &["contract", "link"]),
        // The last two for the demo alone; see the next test.
        ("hub", &["store", "commerce", "drivers", "contract", "link", "bridge", "hq", "provisioning"]),
        // The life of a store without a hub.
        ("system-tests", &["store"]),
    ]);
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert_eq!(packages.len(), allowed.len(), "a new room needs its arrows here and in ARCHITECTURE.md");
    for package in packages {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            // HQ's tests drive a real bridge.
            let of_tests = dependency["kind"] == "dev" && (name, used) == ("hq", "bridge");
            if allowed.contains_key(used) && used != name && !of_tests {
                assert!(allowed[name].contains(&used), "{name} uses {used}");
            }
        }
    }
}

#[test]
fn a_stores_package_has_no_broker_no_hq_and_no_simulators() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "-p", "hub", "--no-default-features", "-e", "normal,features", "--prefix", "none", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    assert!(tree.contains("store v"), "{tree}");
    for absent in ["mqtt5 ", "hq v", "provisioning v", "indicatif ", "drivers feature \"simulate\""] {
        assert!(!tree.contains(absent), "{absent}");
    }
}

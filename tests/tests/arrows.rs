//! The arrows between the rooms hold: who may use whom.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;
use system_tests::root;

fn cargo(arguments: &[&str]) -> String {
    let done = Command::new(env!("CARGO")).args(arguments).arg("--locked").current_dir(root()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn no_room_uses_another_than_the_arrows_allow() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("commerce", &[][..]),
        ("drivers", &[]),
        ("contract", &["commerce"]),
        ("store", &["commerce", "contract"]),
        ("bridge", &["contract"]),
        // HQ uses the bridge's fenced link to the broker, nothing else of it.
        ("hq", &["contract", "commerce", "bridge"]),
        ("provisioning", &["contract"]),
        // The last two for the demo alone; see the next test.
        ("hub", &["store", "commerce", "drivers", "contract", "bridge", "hq", "provisioning"]),
        // The life of a store without a hub.
        ("system-tests", &["store"]),
    ]);
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--format-version=1", "--no-deps"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert_eq!(packages.len(), allowed.len(), "a new room needs its arrows here and in ARCHITECTURE.md");
    for package in packages {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            if allowed.contains_key(used) && used != name {
                assert!(allowed[name].contains(&used), "{name} uses {used}");
            }
        }
    }
}

/// The features with which each package of somebody else is built. A package that is built for the host as well has both sets.
fn features(of: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let tree = cargo(&[&["tree", "--prefix=none", "--format={p}|{f}"], of].concat());
    let mut features = BTreeMap::<_, BTreeSet<_>>::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let (package, set) = line.trim_end_matches(" (*)").split_once('|').unwrap();
        // `name v1.2.3`, with a path behind it if it is ours, with `(proc-macro)` if it is one.
        let mut words = package.split(' ');
        let name = [words.next().unwrap(), words.next().unwrap()].join(" ");
        if !package.contains(root().to_str().unwrap()) {
            features.entry(name).or_default().insert(set.to_owned());
        }
    }
    assert!(features.len() > 100, "{tree}");
    features
}

/// `cargo build --release` and `cargo build --release --workspace` share what they build, and so do the tests of the workspace with and
/// without the system tests. One feature more in one of the two builds everything above that package twice, which takes minutes.
#[test]
fn the_hub_and_the_workspace_are_one_build() {
    for (part, whole) in [
        (&["--edges=normal,build", "--package=hub"][..], &["--edges=normal,build", "--workspace"][..]),
        (&["--workspace", "--exclude=system-tests"], &["--workspace"]),
    ] {
        let all = features(whole);
        for (package, sets) in features(part) {
            assert!(sets.is_subset(&all[&package]), "{package}: {part:?} {sets:?}, {whole:?} {:?}", all[&package]);
        }
    }
}

#[test]
fn a_stores_package_has_no_broker_no_hq_and_no_simulators() {
    let tree = cargo(&["tree", "-p", "hub", "--no-default-features", "-e", "normal,features", "--prefix", "none"]);
    assert!(tree.contains("store v"), "{tree}");
    for absent in ["mqtt5 ", "hq v", "provisioning v", "indicatif ", "drivers feature \"simulate\""] {
        assert!(!tree.contains(absent), "{absent}");
    }
}

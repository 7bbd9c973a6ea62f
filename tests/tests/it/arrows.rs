//! The dependencies between crates are as allowed.

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
fn crates_only_use_what_the_arrows_allow() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("commerce", &[][..]),
        ("store", &[]),
        ("drivers", &[]),
        ("link", &[]),
        ("pages", &[]),
        ("edge", &[]),
        ("contract", &["commerce"]),
        ("app", &["store", "commerce", "contract"]),
        ("hub", &["app", "store", "commerce", "drivers", "bridge", "link", "contract", "pages", "edge"]),
        ("store-hub", &["hub", "demo", "edge"]),
        // Everything it runs.
        ("demo", &["hub", "app", "store", "commerce", "drivers", "bridge", "hq", "link", "contract", "provisioning"]),
        ("bridge", &["link", "contract"]),
        ("hq", &["link", "contract", "commerce", "pages", "edge"]),
        ("provisioning", &["hq", "link", "contract", "commerce", "edge"]),
        ("pricing-wasm", &["commerce"]),
        // The life of a store without a hub.
        ("system-tests", &["store"]),
    ]);
    // Tests compare the hub's data, and the browser's, with HQ's.
    let in_tests: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("hub", &["hq"][..]),
        ("hq", &["bridge", "provisioning"]),
        ("pricing-wasm", &["hq", "contract"]),
    ]);
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--format-version=1", "--no-deps"])).unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let may_use = allowed.get(name).expect("add the arrows of a new crate here and in ARCHITECTURE.md");
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            let for_tests = dependency["kind"] == "dev" && in_tests.get(name).is_some_and(|all| all.contains(&used));
            if allowed.contains_key(used) && used != name && !for_tests {
                assert!(may_use.contains(&used), "{name} uses {used}");
            }
        }
    }
}

/// The features of each external package. A package that is also built for the host has both sets.
fn features(of: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let tree = cargo(&[&["tree", "--prefix=none", "--format={p}|{f}"], of].concat());
    let mut features = BTreeMap::<_, BTreeSet<_>>::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let (package, set) = line.trim_end_matches(" (*)").split_once('|').unwrap();
        // `name v1.2.3`, followed by a path if it is ours and by `(proc-macro)` if it is one.
        let mut words = package.split(' ');
        let name = [words.next().unwrap(), words.next().unwrap()].join(" ");
        if !package.contains(root().to_str().unwrap()) {
            features.entry(name).or_default().insert(set.to_owned());
        }
    }
    assert!(features.len() > 100, "{tree}");
    features
}

/// `cargo build --release` and `cargo build --release --workspace` share their artifacts, and so do the tests of the
/// workspace with and without the system tests. One feature more in one of them builds everything above that package
/// twice, which takes minutes.
#[test]
fn the_hub_and_the_workspace_share_artifacts() {
    for (part, whole) in [
        (&["--edges=normal,build", "--package=store-hub"][..], &["--edges=normal,build", "--workspace"][..]),
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
    let tree =
        cargo(&["tree", "-p", "store-hub", "--no-default-features", "-e", "normal,features", "--prefix", "none"]);
    assert!(tree.contains("store v"), "{tree}");
    for absent in ["demo v", "mqtt5 ", "hq v", "provisioning v", "indicatif ", "drivers feature \"simulate\""] {
        assert!(!tree.contains(absent), "{absent}");
    }
}

//! The package's types.

use std::{collections::BTreeSet, process::Command};

use fastrand::Rng;
use serde_json::Value;

use crate::{equal, node};

/// The names of all members of a value.
fn names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| names(value, found)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            found.insert(name.clone());
            names(value, found);
        }),
        _ => {}
    }
}

#[test]
fn every_member_of_an_answer_has_a_type() {
    let mut found = BTreeSet::new();
    let mut rng = Rng::with_seed(1);
    for _ in 0..40 {
        for answer in equal::answers(&mut rng) {
            names(&answer, &mut found);
        }
    }
    assert!(found.len() > 30, "{found:?}");
    let types = std::fs::read_to_string(node::npm().join("index.d.ts")).unwrap();
    for name in &found {
        let is_typed = [format!("{name}: "), format!("{name}?: ")].iter().any(|member| types.contains(member.as_str()));
        assert!(is_typed, "`{name}` is missing in index.d.ts");
    }
}

#[test]
fn a_typed_client_compiles() {
    // tests/run installs it.
    let compiler = node::here().join("../../target/contract/node_modules/.bin/tsc");
    if !compiler.exists() {
        return node::skipped("the types of the npm package; tests/run installs TypeScript below target/contract");
    }
    let options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom"];
    let done = Command::new(compiler).args(options).arg(node::here().join("tests/it/types.mts")).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}

//! The npm folder in Node.

use std::{
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use serde_json::Value;

/// The crate's folder.
pub(crate) fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn npm() -> PathBuf {
    here().join("npm")
}

/// Reports that something was not tested, past the test runner, which hides the output of passing tests.
pub(crate) fn skipped(what: &str) {
    let _ = io::stderr().write_all(format!("SKIPPED: {what}\n").as_bytes());
}

/// Whether a program is installed; says so if not.
pub(crate) fn has(program: &str, package: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success());
    if !found {
        skipped(&format!("no {program} here; `apt-get install {package}`"));
    }
    found
}

/// Asks Node everything, and returns its answers. `wasm` is another build of the engine.
pub(crate) fn ask(asks: Vec<Value>, wasm: Option<&Path>) -> Vec<Value> {
    let mut node = Command::new("node");
    node.arg(here().join("tests/it/price.mjs")).arg(npm()).args(wasm);
    let mut node = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = node.stdin.take().unwrap();
    let count = asks.len();
    let writer = thread::spawn(move || asks.iter().try_for_each(|ask| writeln!(input, "{ask}")));
    let lines = BufReader::new(node.stdout.take().unwrap()).lines();
    let answers: Vec<Value> = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    writer.join().unwrap().unwrap();
    assert!(node.wait().unwrap().success());
    assert_eq!(answers.len(), count);
    answers
}

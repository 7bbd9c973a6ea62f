//! The replay as a user runs it: valid data succeeds, invalid data is reported and nothing is loaded.

use std::{fs, process::Command};

use system_tests::{data, program};

#[test]
fn a_malformed_row_is_reported_with_file_line_and_column() {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(data().join("items.csv"), directory.path().join("items.csv")).unwrap();
    let baskets = fs::read_to_string(data().join("baskets.csv")).unwrap();
    let broken: String = baskets
        .lines()
        .enumerate()
        .map(|(place, line)| if place == 41 { format!("{line}x\n") } else { format!("{line}\n") })
        .collect();
    fs::write(directory.path().join("baskets.csv"), broken).unwrap();
    let kept = directory.path().join("kept");
    let run = Command::new(program("store-hub"))
        .args(["demo", "--once", "--replay"])
        .arg(directory.path())
        .arg("--data")
        .arg(&kept)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(!run.status.success());
    assert!(told.contains("baskets.csv, line 42, column 10 (manufacturer_coupon_cents)"), "{told}");
    assert!(!kept.exists(), "nothing was started");
}

//! HQ's metrics, and that the dashboard and the alert rules name no others.

use std::{collections::BTreeSet, fs, path::Path};

use super::*;

/// The metrics of HQ that a file names.
fn named(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    let is_name = |it: &char| it.is_ascii_lowercase() || *it == '_';
    text.match_indices("store_hub_hq_").map(|(place, _)| text[place..].chars().take_while(is_name).collect()).collect()
}

#[test]
fn the_metrics_of_hq_are_those_that_the_dashboard_the_alerts_and_the_page_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    on_each_engine(|hq| {
        hq.sell("store-1", 1..=3);
        hq.hello("store-1", &[(Stream::sales(), 10)], 1_000);
        let text = hq.runtime.block_on(hq::metrics::text(&hq.ledger)).unwrap();
        let lacks = "store_hub_hq_lag_events{stream=\"sales\"} 7";
        for line in ["store_hub_hq_hubs{state=\"online\"} 0", "store_hub_hq_hubs_stopped 0", lacks, "# EOF"] {
            assert!(text.lines().any(|have| have == line), "{line} is missing in {text}");
        }
        let there = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        let there: BTreeSet<_> = there.map(str::to_owned).collect();
        assert_eq!(named(&root.join("docs/metrics.md")), there);
        for file in ["store-hub.rules.yml", "dashboard.json"] {
            let named = named(&root.join("systemd/monitoring").join(file));
            assert!(named.len() >= 3 && named.is_subset(&there), "{file}: {named:?} are not in {there:?}");
        }
    });
}

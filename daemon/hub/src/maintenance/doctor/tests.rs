use super::*;

fn report(findings: &[(&str, &str, Level)]) -> Report {
    let finding = |(check, subject, level): &(&str, &str, Level)| Finding {
        level: *level,
        ..Finding::warn(check, *subject, "value", "advice")
    };
    Report { findings: findings.iter().map(finding).collect() }
}

#[test]
fn only_what_is_worse_than_before_counts() {
    use Level::{Fail, Ok, Warn};
    let before = report(&[("broker", "hq:8883", Warn), ("devices", "scale-1", Ok), ("devices", "scanner-1", Warn)]);
    let worse = |after: &[(&str, &str, Level)]| {
        let after = report(after);
        after.worse_than(&before).iter().map(|finding| finding.subject.clone()).collect::<Vec<_>>()
    };
    assert_eq!(worse(&[("broker", "hq:8883", Warn), ("devices", "scanner-1", Ok)]), [""; 0]);
    assert_eq!(worse(&[("broker", "hq:8883", Fail)]), ["hq:8883"]);
    assert_eq!(worse(&[("devices", "scale-1", Warn), ("devices", "scanner-1", Warn)]), ["scale-1"]);
    // New: a warning may come from a check that the earlier version did not have.
    assert_eq!(worse(&[("disk", "/data", Warn), ("hub", "process", Fail)]), ["process"]);
}

#[test]
fn a_report_reads_back() {
    let before = report(&[("clock", "time", Level::Fail)]);
    let text = serde_json::to_string(&before).unwrap();
    assert!(text.contains(r#""level":"fail""#));
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap().findings, before.findings);
}

#[tokio::test]
async fn a_config_that_can_not_be_read_is_the_only_finding() {
    let report = Report::make(Path::new("/none/hub.toml")).await;
    assert_eq!((report.findings.len(), report.of(Level::Fail)), (1, 1));
    assert!(report.findings[0].to_string().contains("check-config"), "{}", report.findings[0]);
}

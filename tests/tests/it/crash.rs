//! The hub, or everything, is killed during a replay that keeps its data: HQ ends with every basket once, to the cent.

use std::time::Duration;

use system_tests::{data, kill_9, replay::Replay, shared, until};

const LIMIT: Duration = Duration::from_secs(120);

fn is_right(content: bool, figures: &serde_json::Value) {
    assert!(content, "{figures:#}");
    let expected = [
        ("baskets", 306),
        ("hq_baskets", 306),
        ("lines", 2959),
        ("regular_cents", 1_224_170),
        ("discount_cents", 122_839),
        ("net_cents", 1_101_331),
        ("manufacturer_coupon_cents", 3_695),
        ("lost", 0),
        ("duplicates", 0),
    ];
    for (name, value) in expected {
        assert_eq!(figures[name], value, "{name} in {figures:#}");
    }
}

#[test]
fn a_hub_killed_during_a_replay_loses_and_duplicates_nothing_on_sled() {
    the_hub_killed_again_and_again("sled");
}

#[test]
fn a_hub_killed_during_a_replay_loses_and_duplicates_nothing_on_sqlite() {
    the_hub_killed_again_and_again("sqlite");
}

fn the_hub_killed_again_and_again(engine: &str) {
    let _machine = shared();
    let directory = tempfile::tempdir().unwrap();
    let mut replay = Replay::start(directory.path(), &data(), engine);
    let mut kills = 0;
    // Depends on the stored bytes, not on the clock: each kill hits a hub that has sold something since the last.
    let mut next = 2_000_000;
    while kills < 6 && until(LIMIT, || replay.is_through() || replay.stored() >= next) && !replay.is_through() {
        if let Some(hub) = replay.hub() {
            kill_9(hub);
            kills += 1;
            next = replay.stored() + 1_200_000;
            assert!(
                until(LIMIT, || replay.is_through() || replay.hub().is_some_and(|now| now != hub)),
                "the hub restarts"
            );
        }
    }
    assert!(kills >= 3, "only {kills} kills before the replay was through");
    let (content, figures) = replay.finish();
    eprintln!("killed {kills} times");
    is_right(content, &figures);
    // The terminals kept running: their journals must equal the sales by card.
    assert!(figures["card_cents"].as_i64().unwrap() > 0);
    assert_eq!(figures["terminal_cents"], figures["card_cents"]);
}

#[test]
fn a_replay_killed_completely_continues_on_sled() {
    everything_killed("sled");
}

#[test]
fn a_replay_killed_completely_continues_on_sqlite() {
    everything_killed("sqlite");
}

fn everything_killed(engine: &str) {
    let _machine = shared();
    let directory = tempfile::tempdir().unwrap();
    for round in 1..=2 {
        let mut replay = Replay::start(directory.path(), &data(), engine);
        let enough = 3_000_000 * round;
        assert!(until(LIMIT, || replay.is_through() || replay.stored() >= enough), "the replay continues");
        assert!(!replay.is_through(), "round {round}: through before it could be killed");
        replay.kill();
    }
    let (content, figures) = Replay::start(directory.path(), &data(), engine).finish();
    is_right(content, &figures);
}

//! Which publication a store works by at a moment, as far as HQ has heard. Pure.

use contract::publication::Effective;
use jiff::{civil::DateTime, tz::TimeZone};

use super::rows::AtHub;

/// From when a publication counts at a hub: milliseconds since 1970, UTC. HQ does not know the clocks of stores: a time
/// on them is taken as UTC.
fn begins_ms(at_hub: &AtHub) -> i64 {
    let effective = match &at_hub.effective {
        Effective::At(at_ms) => Some(*at_ms),
        Effective::Local(local) => {
            let local = local.as_str().parse::<DateTime>().ok();
            local.and_then(|local| local.to_zoned(TimeZone::UTC).ok()).map(|at| at.timestamp().as_millisecond())
        }
    };
    effective.unwrap_or(i64::MAX).max(at_hub.made_at_ms)
}

/// The publication that a hub works by: now, or at a moment. `newest_first`: those that it was to have.
///
/// Of the past and the present count those that the hub said it had made active; of the future also those that are on
/// their way to it.
pub fn in_force(newest_first: &[AtHub], at_ms: Option<i64>, now_ms: i64) -> Option<&AtHub> {
    let is = |at_hub: &AtHub, states: &[&str]| at_hub.state.as_deref().is_some_and(|state| states.contains(&state));
    newest_first.iter().find(|at_hub| match at_ms {
        None => is(at_hub, &["active"]),
        Some(at_ms) if at_ms <= now_ms => is(at_hub, &["active", "former"]) && begins_ms(at_hub) <= at_ms,
        Some(at_ms) => !is(at_hub, &["former", "refused", "superseded"]) && begins_ms(at_hub) <= at_ms,
    })
}

#[cfg(test)]
mod tests {
    use contract::publication::LocalTime;

    use super::*;

    fn at_hub(version: u64, state: Option<&str>, effective: Effective) -> AtHub {
        let (hub, state) = ("store-1".parse().unwrap(), state.map(str::to_owned));
        AtHub { hub, version, state, effective, made_at_ms: 10 }
    }

    #[test]
    fn a_store_works_by_its_reported_profile_until_hq_sets_one() {
        let local = LocalTime::try_from("1970-01-01T01:00".to_owned()).unwrap();
        let all = [
            at_hub(6, None, Effective::Local(local)),
            at_hub(5, Some("waiting"), Effective::At(1_000_000)),
            at_hub(4, Some("refused"), Effective::At(300)),
            at_hub(3, Some("active"), Effective::At(200)),
            at_hub(2, Some("former"), Effective::At(100)),
            at_hub(1, Some("former"), Effective::At(1)),
        ];
        let version = |at_ms| in_force(&all, at_ms, 500).map(|at_hub| at_hub.version);
        for (at_ms, expected) in [
            (None, Some(3)),
            (Some(500), Some(3)),
            (Some(199), Some(2)),
            (Some(99), Some(1)),
            (Some(9), None),
            (Some(501), Some(3)),
            (Some(1_000_000), Some(5)),
            (Some(3_600_000), Some(6)),
        ] {
            assert_eq!(version(at_ms), expected, "{at_ms:?}");
        }
        assert_eq!(in_force(&all[..3], None, 500), None, "nothing is active");
    }
}

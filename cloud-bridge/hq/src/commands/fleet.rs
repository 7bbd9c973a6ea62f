//! `store-hub-hq fleet`

use std::time::{SystemTime, UNIX_EPOCH};

use hq::{
    ledger::Alarm,
    report::{Member, StreamState},
};
use serde::Serialize;

use super::{
    Failure, Report,
    output::{Output, age, moment},
};

/// A hub, and what a person must look into.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    member: Member,
    alarms: Vec<Alarm>,
}

pub(crate) async fn run(report: &Report) -> Result<(), Failure> {
    let ledger = report.ledger.open().await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let alarms = ledger.alarms().await?;
    let header = &["store", ">epoch", "software", ">heard", "streams", "needs a person"];
    let mut output = Output::new(report.json, header);
    let take = |member: Member| {
        let alarms = alarms.iter().filter(|alarm| alarm.hub == member.hub.as_str()).cloned().collect();
        output.row(&Row { member, alarms }, |row| columns(row, now_ms)).map_err(Failure::from)
    };
    ledger.fleet(take).await?;
    Ok(output.end("No hub has said hello yet.")?)
}

fn columns(Row { member, alarms }: &Row, now_ms: i64) -> Vec<String> {
    let stopped = member.stopped.as_ref().map(|why| format!("stopped, not selling: {}", why.escape_debug()));
    let alarms = alarms.iter().map(|alarm| {
        let times = if alarm.times > 1 { format!(", {} times", alarm.times) } else { String::new() };
        format!("{} (last {}{times})", alarm.what.escape_debug(), moment(alarm.last_at_ms))
    });
    let streams = member.streams.iter().map(|stream| told(stream, now_ms));
    vec![
        member.hub.to_string(),
        member.epoch.to_string(),
        member.software.escape_debug().to_string(),
        format!("{} ago", age(now_ms - member.heard_at_ms)),
        streams.collect::<Vec<_>>().join(", "),
        stopped.into_iter().chain(alarms).collect::<Vec<_>>().join("; "),
    ]
}

/// A stream: how far HQ is, and how old the oldest event is at most that HQ lacks.
fn told(stream: &StreamState, now_ms: i64) -> String {
    let StreamState { stream: name, up_to, last, lag, occurred_at_ms, replayed_to, .. } = stream;
    let replay = replayed_to.map(|place| format!(", sent again up to {place}")).unwrap_or_default();
    if *lag == 0 {
        return format!("{name} {up_to}{replay}");
    }
    let oldest = occurred_at_ms.map(|at_ms| format!(", for at most {}", age(now_ms - at_ms))).unwrap_or_default();
    format!("{name} {up_to} of {last} ({lag} behind{oldest}{replay})")
}

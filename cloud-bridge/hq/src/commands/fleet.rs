//! `store-hub-hq fleet`

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use contract::{PublicationKind, telemetry::StreamSample};
use hq::{
    ledger::{Alarm, fleet::Sampled},
    presence::Presence,
    publications::Publications,
    report::{Member, StreamState},
};
use serde::Serialize;

use super::{
    Failure, Report,
    output::{Output, age, moment},
};

/// A hub, and the conditions that need a person.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    member: Member,
    /// Its presence, if known.
    presence: Option<Presence>,
    /// Its newest sample, if any.
    newest: Option<Sampled>,
    /// The publications by which it works: versions by kind.
    publications: BTreeMap<PublicationKind, u64>,
    alarms: Vec<Alarm>,
}

pub(crate) async fn run(report: &Report) -> Result<(), Failure> {
    let ledger = report.ledger.open().await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let alarms = ledger.alarms().await?;
    let (presence, mut samples) = (ledger.presence().await?, ledger.samples().await?);
    let mut active: BTreeMap<String, BTreeMap<PublicationKind, u64>> = BTreeMap::new();
    for (hub, kind, version) in Publications::of(ledger.database().clone()).active("", "~").await? {
        active.entry(hub.to_string()).or_default().insert(kind, version);
    }
    let header = &[
        "store",
        ">epoch",
        "software",
        ">heard",
        "connection",
        "streams",
        "works by",
        "newest sample",
        "needs a person",
    ];
    let mut output = Output::new(report.json, header);
    let take = |member: Member| {
        let alarms = alarms.iter().filter(|alarm| alarm.hub == member.hub.as_str()).cloned().collect();
        let presence = presence.get(&member.hub).map(|presence| presence.at(now_ms));
        let newest = samples.remove(&member.hub);
        let publications = active.remove(member.hub.as_str()).unwrap_or_default();
        output
            .row(&Row { member, presence, newest, publications, alarms }, |row| columns(row, now_ms))
            .map_err(Failure::from)
    };
    ledger.fleet(take).await?;
    Ok(output.end("No hub has said hello yet.")?)
}

fn columns(Row { member, presence, newest, publications, alarms }: &Row, now_ms: i64) -> Vec<String> {
    let stopped = member.stopped.as_ref().map(|why| format!("stopped, not selling: {}", why.escape_debug()));
    let alarms = alarms.iter().map(|alarm| {
        let times = if alarm.times > 1 { format!(", {} times", alarm.times) } else { String::new() };
        format!("{} (last {}{times})", alarm.what.escape_debug(), moment(alarm.last_at_ms))
    });
    let sampled_streams = || newest.iter().flat_map(|newest| &newest.sample.streams);
    let streams = member.streams.iter().map(|state| {
        let sample = sampled_streams().find(|sample| sample.stream == state.stream);
        told(state, sample, now_ms)
    });
    let publications = publications.iter().map(|(kind, version)| format!("{kind} {version}"));
    vec![
        member.hub.to_string(),
        member.epoch.to_string(),
        member.software.escape_debug().to_string(),
        format!("{} ago", age(now_ms - member.heard_at_ms)),
        presence.as_ref().map(|presence| connection(presence, now_ms)).unwrap_or_default(),
        streams.collect::<Vec<_>>().join(", "),
        publications.collect::<Vec<_>>().join(", "),
        newest.as_ref().map(|newest| sampled(newest, now_ms)).unwrap_or_default(),
        stopped.into_iter().chain(alarms).chain(newest.iter().flat_map(troubles)).collect::<Vec<_>>().join("; "),
    ]
}

/// Whether a hub is connected, and for how long.
fn connection(presence: &Presence, now_ms: i64) -> String {
    let word = if presence.is_online { "online" } else { "offline" };
    format!("{word} for {}", age(now_ms - presence.since_ms))
}

/// A hub's newest sample, and its age.
fn sampled(Sampled { received_at_ms, dropped, sample, .. }: &Sampled, now_ms: i64) -> String {
    let disk = format!("{} MB free", sample.disk_free_bytes / 1_000_000);
    let devices = sample.devices.iter().map(|of| format!("{} {}", of.device.escape_debug(), of.health.escape_debug()));
    let dropped = (*dropped > 0).then(|| format!("{dropped} samples dropped"));
    let facts: Vec<_> = [disk].into_iter().chain(devices).chain(dropped).collect();
    format!("{} ago: {}", age(now_ms - received_at_ms), facts.join(", "))
}

/// A hub's own alarms.
fn troubles(Sampled { sample, .. }: &Sampled) -> impl Iterator<Item = String> {
    let clock = sample.clock.iter().map(|clock| format!("clock: {}", clock.escape_debug()));
    sample.alarms.iter().map(|alarm| alarm.escape_debug().to_string()).chain(clock)
}

/// A stream: how far HQ is, and how old the oldest event is that HQ lacks, as the hub said, or at most.
fn told(stream: &StreamState, sample: Option<&StreamSample>, now_ms: i64) -> String {
    let StreamState { stream: name, up_to, last, lag, occurred_at_ms, replayed_to, .. } = stream;
    let replay = replayed_to.map(|place| format!(", resent up to {place}")).unwrap_or_default();
    if *lag == 0 {
        return format!("{name} {up_to}{replay}");
    }
    // Said before HQ had the event at the cursor, it is about one that HQ has by now.
    let said = sample.and_then(|sample| sample.oldest_unsynced_at_ms).filter(|said| Some(*said) >= *occurred_at_ms);
    let oldest = match (said, occurred_at_ms) {
        (Some(at_ms), _) => format!(", the oldest {} old", age(now_ms - at_ms)),
        (None, Some(at_ms)) => format!(", for at most {}", age(now_ms - at_ms)),
        (None, None) => String::new(),
    };
    format!("{name} {up_to} of {last} ({lag} behind{oldest}{replay})")
}

//! The queue of labels: durable, one per printer.
//!
//! A job is one label or a batch of up to [`MOST_LABELS`], with the data of each as it was when the job was accepted.
//! It is printed label by label. **No label is printed twice unless a person asks for it**: a label is marked as begun
//! in a commit before it is sent to the printer. Its outcome is recorded in the commit that begins the next one.
//!
//! ```text
//! accepted -> printing -> printed
//!     \          \-----> failed      a label can't be printed, with the reason
//!      \----------\----> cancelled   by a person
//! ```
//!
//! | failure | effect |
//! | --- | --- |
//! | the printer is off, out of labels or open | the job waits, and goes on with the next label that was not begun |
//! | the printer does not confirm a label | it counts as unconfirmed; the job goes on with the next one |
//! | the hub stops or is killed while a label is being printed | the same for that label |
//! | a person asks for the unconfirmed labels, or for all | a new job with them |
//! | a record is damaged | its job fails; others are printed |
//!
//! Ended jobs are kept for [`KEPT_DAYS`] days.

use std::collections::BTreeMap;

use commerce::Actor;
use serde::{Deserialize, Serialize};
use store::{NameNumber, Order, Purpose, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{JOB_ENDED, JOB_UNKNOWN, PRINT_LABELS};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    capability::{DAY_MS, Retention, Tidied},
    refusal::BAD_REQUEST,
};

/// Jobs by printer and number.
static JOBS: Table<NameNumber, LabelJob> = Table::new("label_job");

/// The labels of a job, by its [`parts`] and the number of the part.
static PARTS: Table<NameNumber, Vec<QueuedLabel>> = Table::new("label_job_part");

/// The counter of jobs.
const NUMBER: &str = "label_job";

/// The most labels in a job, copies not counted.
pub const MOST_LABELS: usize = 5_000;

/// Labels in a part.
const PART: usize = 100;

/// How long ended jobs are kept.
const KEPT_DAYS: i64 = 30;

/// The unconfirmed labels that a job names; further ones are counted only.
const NAMED: usize = 100;

/// A label to print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedLabel {
    /// The values of the template's fields.
    pub data: BTreeMap<String, String>,
    /// The number of copies.
    pub copies: u16,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LabelJob {
    /// The printer.
    pub printer: String,
    /// The number; counts all label jobs of the hub.
    pub number: u64,
    /// The template.
    pub template: String,
    /// Who asked for it.
    pub by: Actor,
    /// When it was accepted: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// How many labels it has, copies not counted.
    pub labels: u32,
    /// Labels that were sent to the printer or are being sent.
    pub begun: u32,
    /// Labels of which the printer did not tell whether they are on paper.
    pub unconfirmed: u32,
    /// The first hundred of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unconfirmed_labels: Vec<UnconfirmedLabel>,
    /// Where it stands.
    pub state: JobState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether the label that was begun last has no outcome yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_progress: bool,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits for its turn.
    Accepted,
    /// Its labels are being printed, or wait for the printer.
    Printing,
    /// All its labels were printed; see `unconfirmed`.
    Printed,
    /// A label could not be printed; see `why`.
    Failed,
    /// A person cancelled it.
    Cancelled,
}

/// A label whose end the printer did not confirm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnconfirmedLabel {
    /// Its place in the job, from 1.
    pub label: u32,
    /// The reason.
    pub why: String,
}

/// What became of the label that was begun last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The printer confirmed that it is on paper.
    Printed,
    /// It may or may not be on paper.
    Unconfirmed(String),
    /// It is not on paper, and may be sent again.
    NotPrinted,
    /// It can't be printed.
    Refused(String),
}

/// Labels were queued.
#[derive(Serialize)]
pub(super) struct LabelsPrinted {
    printer: String,
    job: u64,
    template: String,
    labels: u32,
    /// The job whose labels are printed again, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<u64>,
}

impl Act for LabelsPrinted {
    const KIND: ActKind = ActKind { name: "labels_printed", doc: "Labels were queued for printing" };
}

impl LabelJob {
    fn has_ended(&self) -> bool {
        !matches!(self.state, JobState::Accepted | JobState::Printing)
    }

    /// Records what became of the label that was begun last.
    fn settle(&mut self, outcome: Outcome) {
        if !std::mem::take(&mut self.in_progress) {
            return;
        }
        match outcome {
            Outcome::Printed => {}
            Outcome::Unconfirmed(why) => {
                self.unconfirmed += 1;
                if self.unconfirmed_labels.len() < NAMED {
                    self.unconfirmed_labels.push(UnconfirmedLabel { label: self.begun, why });
                }
            }
            Outcome::NotPrinted => self.begun = self.begun.saturating_sub(1),
            Outcome::Refused(why) => self.fail(&why),
        }
    }

    fn fail(&mut self, why: &str) {
        if !self.has_ended() {
            self.state = JobState::Failed;
            self.why = Some(format!("label {} of {}: {why}", self.begun.max(1), self.labels));
        }
    }
}

/// The name of a job's parts.
fn parts(printer: &str, number: u64) -> String {
    format!("{printer}/{number}")
}

/// Queues a job.
///
/// # Errors
/// The actor may not print labels, the request has none or too many of them, or the store fails.
pub fn queue(
    transaction: &mut Transaction<'_>,
    by: &By,
    printer: String,
    template: String,
    labels: &[QueuedLabel],
    again: Option<u64>,
) -> Result<LabelJob, Refusal> {
    PRINT_LABELS.require(&by.actor)?;
    let count = labels.len();
    if !(1..=MOST_LABELS).contains(&count) {
        return Err(BAD_REQUEST.because(format!("{count} labels in a job; expected 1 to {MOST_LABELS}")));
    }
    let number = transaction.next_number(NUMBER)?;
    let job = LabelJob {
        printer: printer.clone(),
        number,
        template: template.clone(),
        by: by.actor.clone(),
        at_ms: by.at_ms,
        labels: u32::try_from(count).unwrap_or(u32::MAX),
        begun: 0,
        unconfirmed: 0,
        unconfirmed_labels: Vec::new(),
        state: JobState::Accepted,
        why: None,
        in_progress: false,
    };
    let name = parts(&printer, number);
    for (part, labels) in (0..).zip(labels.chunks(PART)) {
        transaction.put(&PARTS, (&name, part), &labels.to_vec())?;
    }
    transaction.put(&JOBS, (&printer, number), &job)?;
    audit::record(transaction, by, &LabelsPrinted { printer, job: number, template, labels: job.labels, again })?;
    Ok(job)
}

/// Cancels a job: no further label of it is begun.
///
/// # Errors
/// The job does not exist or has ended, the actor may not print labels, or the store fails.
pub fn cancel(transaction: &mut Transaction<'_>, by: &By, printer: &str, number: u64) -> Result<LabelJob, Refusal> {
    PRINT_LABELS.require(&by.actor)?;
    let mut job = transaction.get(&JOBS, (printer, number))?.ok_or_else(|| unknown(printer, number))?;
    if job.has_ended() {
        return Err(JOB_ENDED.because(format!("job {number} of {printer} has ended")));
    }
    job.state = JobState::Cancelled;
    transaction.put(&JOBS, (printer, number), &job)?;
    Ok(job)
}

/// The labels to print again: those that are unconfirmed, or all.
///
/// # Errors
/// The job does not exist or is being printed, no label of it is unconfirmed, or the store fails.
pub fn again(store: &Store, printer: &str, number: u64, all: bool) -> Result<(LabelJob, Vec<QueuedLabel>), Refusal> {
    let job = job(store, printer, number)?;
    if !job.has_ended() {
        return Err(BAD_REQUEST.because(format!("job {number} of {printer} has not ended; cancel it first")));
    }
    let mut labels = Vec::new();
    for part in 0..u64::from(job.labels).div_ceil(PART as u64) {
        labels.extend(store.get(&PARTS, (&parts(printer, number), part))?.unwrap_or_default());
    }
    if !all {
        let wanted: Vec<usize> = job.unconfirmed_labels.iter().map(|label| label.label as usize).collect();
        let mut place = 0;
        labels.retain(|_| {
            place += 1;
            wanted.contains(&place)
        });
    }
    if labels.is_empty() {
        return Err(BAD_REQUEST.because(format!("no label of job {number} of {printer} is unconfirmed")));
    }
    Ok((job, labels))
}

/// Records the outcome of the label that was begun last, and begins the next one: the label to print now, if there is
/// one. It is durable before it is printed.
///
/// # Errors
/// The store fails.
pub fn next(
    transaction: &mut Transaction<'_>,
    printer: &str,
    number: u64,
    outcome: Option<Outcome>,
) -> Result<Option<QueuedLabel>, StoreError> {
    let Some(mut job) = transaction.get(&JOBS, (printer, number))? else { return Ok(None) };
    // Without an outcome the hub was stopped in between.
    let stopped = || Outcome::Unconfirmed("the hub was stopped while it was being printed".into());
    job.settle(outcome.unwrap_or_else(stopped));
    let mut begun = None;
    if !job.has_ended() {
        if job.begun == job.labels {
            job.state = JobState::Printed;
        } else {
            let (part, place) = (u64::from(job.begun) / PART as u64, job.begun as usize % PART);
            job.state = JobState::Printing;
            (job.begun, job.in_progress) = (job.begun + 1, true);
            match transaction.get(&PARTS, (&parts(printer, number), part)) {
                Ok(labels) => begun = labels.and_then(|labels| labels.into_iter().nth(place)),
                Err(StoreError::Corrupt { .. }) => {}
                Err(error) => return Err(error),
            }
            if begun.is_none() {
                job.settle(Outcome::Refused("its record is damaged".into()));
            }
        }
    }
    transaction.put(&JOBS, (printer, number), &job)?;
    Ok(begun)
}

/// Records the outcome of the label that was begun last, without beginning another.
///
/// # Errors
/// The store fails.
pub fn settle(
    transaction: &mut Transaction<'_>,
    printer: &str,
    number: u64,
    outcome: Outcome,
) -> Result<(), StoreError> {
    let Some(mut job) = transaction.get(&JOBS, (printer, number))? else { return Ok(()) };
    job.settle(outcome);
    transaction.put(&JOBS, (printer, number), &job)
}

/// The first job of a printer that has not ended.
///
/// # Errors
/// The store fails.
pub fn first(store: &Store, printer: &str) -> Result<Option<LabelJob>, StoreError> {
    // Ended jobs are few: they are deleted after a month.
    let damaged = |error: StoreError| tracing::error!(%error, "could not read a label job");
    let jobs = store.readable_page(&JOBS, Some((printer, 0)), Order::Ascending, usize::MAX, damaged)?;
    Ok(jobs.into_iter().take_while(|job| job.printer == printer).find(|job| !job.has_ended()))
}

/// The newest jobs of a printer before a number, newest first.
///
/// # Errors
/// The store fails.
pub fn page(store: &Store, printer: &str, before: Option<u64>, limit: usize) -> Result<Vec<LabelJob>, StoreError> {
    let from = before.unwrap_or(u64::MAX).saturating_sub(1);
    let jobs = store.readable_page(&JOBS, Some((printer, from)), Order::Descending, limit, |_| ())?;
    Ok(jobs.into_iter().take_while(|job| job.printer == printer).collect())
}

/// A job.
///
/// # Errors
/// It does not exist, or the store fails.
pub fn job(store: &Store, printer: &str, number: u64) -> Result<LabelJob, Refusal> {
    store.get(&JOBS, (printer, number))?.ok_or_else(|| unknown(printer, number))
}

fn unknown(printer: &str, number: u64) -> Refusal {
    JOB_UNKNOWN.because(format!("printer {} has no job {number}", printer.escape_debug()))
}

/// Deletes jobs that ended long ago.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let old = retention.now_ms - KEPT_DAYS * DAY_MS;
    let mut deleted = 0;
    let jobs = store.readable_page(&JOBS, None, Order::Ascending, usize::MAX, |_| ())?;
    for job in jobs.into_iter().filter(|job| job.has_ended() && job.at_ms < old) {
        deleted += 1;
        store.commit_blocking_for(Purpose::Settled, move |transaction| {
            let name = parts(&job.printer, job.number);
            for part in 0..u64::from(job.labels).div_ceil(PART as u64) {
                transaction.delete(&PARTS, (&name, part));
            }
            transaction.delete(&JOBS, (&job.printer, job.number));
            Ok::<_, StoreError>(())
        })?;
    }
    Ok(vec![("label jobs", deleted)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn labels(count: usize) -> Vec<QueuedLabel> {
        let label = |number: usize| QueuedLabel {
            data: BTreeMap::from([("title".to_owned(), format!("item {number}"))]),
            copies: 1,
        };
        (1..=count).map(label).collect()
    }

    fn queued(store: &Store, count: usize) -> u64 {
        let job = store.commit_blocking(move |transaction| {
            queue(transaction, &testing::by(1), "labels-1".into(), "shelf".into(), &labels(count), None)
        });
        job.unwrap().number
    }

    fn step(store: &Store, number: u64, outcome: Option<Outcome>) -> Option<String> {
        let next = store.commit_blocking(move |transaction| next(transaction, "labels-1", number, outcome));
        next.unwrap().map(|label| label.data["title"].clone())
    }

    #[test]
    fn a_job_goes_on_with_the_label_after_the_last_one_begun() {
        let directory = tempfile::tempdir().unwrap();
        let number = {
            let store = testing::store(directory.path());
            let number = queued(&store, 250);
            assert_eq!(step(&store, number, None).unwrap(), "item 1");
            assert_eq!(step(&store, number, Some(Outcome::NotPrinted)).unwrap(), "item 1", "not printed: once more");
            for label in 2..=120 {
                assert_eq!(step(&store, number, Some(Outcome::Printed)).unwrap(), format!("item {label}"));
            }
            number
        };
        // Killed while it printed the 120th.
        let store = testing::store(directory.path());
        assert_eq!(first(&store, "labels-1").unwrap().unwrap().begun, 120);
        assert_eq!(step(&store, number, None).unwrap(), "item 121");
        for label in 122..=250 {
            assert_eq!(step(&store, number, Some(Outcome::Printed)).unwrap(), format!("item {label}"));
        }
        assert_eq!(step(&store, number, Some(Outcome::Unconfirmed("switched off".into()))), None);
        let job = job(&store, "labels-1", number).unwrap();
        assert_eq!((job.state, job.begun, job.unconfirmed), (JobState::Printed, 250, 2));
        assert_eq!(job.unconfirmed_labels.iter().map(|label| label.label).collect::<Vec<_>>(), [120, 250]);
        assert_eq!(first(&store, "labels-1").unwrap(), None);
        let (_, labels) = again(&store, "labels-1", number, false).unwrap();
        assert_eq!(labels.iter().map(|label| &*label.data["title"]).collect::<Vec<_>>(), ["item 120", "item 250"]);
        assert_eq!(again(&store, "labels-1", number, true).unwrap().1.len(), 250);
    }

    #[test]
    fn a_cancelled_or_failed_job_begins_no_further_label() {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let (failing, cancelled) = (queued(&store, 3), queued(&store, 3));
        assert!(step(&store, failing, None).is_some());
        assert_eq!(step(&store, failing, Some(Outcome::Refused("does not fit".into()))), None);
        let failed = job(&store, "labels-1", failing).unwrap();
        assert_eq!((failed.state, failed.why.as_deref()), (JobState::Failed, Some("label 1 of 3: does not fit")));
        assert_eq!(first(&store, "labels-1").unwrap().unwrap().number, cancelled);
        let cancel =
            || store.commit_blocking(move |transaction| cancel(transaction, &testing::by(1), "labels-1", cancelled));
        assert!(step(&store, cancelled, None).is_some());
        assert!(cancel().is_ok());
        assert_eq!(step(&store, cancelled, Some(Outcome::Printed)), None);
        assert_eq!(cancel().unwrap_err().kind.slug, "print-job-ended");
        assert_eq!(job(&store, "labels-1", cancelled).unwrap().state, JobState::Cancelled);
        assert_eq!(page(&store, "labels-1", None, 10).unwrap().len(), 2);
        assert_eq!(page(&store, "labels-1", Some(cancelled), 10).unwrap()[0].number, failing);
    }

    #[test]
    fn old_jobs_are_deleted_when_they_have_ended() {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let (ended, waiting) = (queued(&store, 120), queued(&store, 1));
        store.commit_blocking(move |transaction| cancel(transaction, &testing::by(1), "labels-1", ended)).unwrap();
        let later = Retention { now_ms: (KEPT_DAYS + 1) * DAY_MS, keep_sales_days: 1, has_headquarters: false };
        assert_eq!(tidy(&store, &later).unwrap(), [("label jobs", 1)]);
        assert!(job(&store, "labels-1", ended).is_err() && job(&store, "labels-1", waiting).is_ok());
        assert_eq!(store.get(&PARTS, (&parts("labels-1", ended), 1)).unwrap(), None);
    }

    #[test]
    fn a_job_round_trips() {
        let _: LabelJob = testing::read_back(include_str!("../fixtures/label-job.json"));
    }
}

//! Power failures in a store without a hub: archived, trimmed, converted, rewritten, restored. The script is in
//! `system_tests::life`.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use fastrand::Rng;
use system_tests::{
    ENGINES, alone, is_long,
    life::{Known, PHASE, SALE, phases},
    power::{Cut, Flushes, Record, Scene, Written, moments},
    program, seed,
    shop::LIMIT,
    until,
};

/// States judged in parallel.
const JUDGES: usize = 2;

/// Both engines and their controls one after the other: each has the machine for itself.
#[test]
fn a_power_failure_at_any_step_loses_nothing_answered() {
    let _machine = alone();
    // The number per phase.
    let (states, controls) = if is_long() { (100, 10) } else { (10, 3) };
    for engine in ENGINES {
        let life = Life::live(engine);
        life.is_cut(Flushes::Kept, states);
        life.is_cut(Flushes::Forgotten, controls);
    }
}

struct Life {
    engine: &'static str,
    seed: u64,
    scene: Scene,
    trace: Written,
}

impl Life {
    fn live(engine: &'static str) -> Self {
        let (seed, began) = (seed(), Instant::now());
        eprintln!("{engine}: a store's life, STORE_HUB_SEED={seed}");
        let scene = Scene::set().unwrap();
        let lived = Command::new(program("store-life"))
            .args(["live", engine])
            .arg(scene.disk())
            .arg(seed.to_string())
            .envs(scene.trace().environment())
            .output()
            .expect("store-life is not there: run ./tests/run, or `cargo build --workspace --bins --tests`");
        assert!(lived.status.success(), "{engine}: {}", String::from_utf8_lossy(&lived.stderr));
        let life = Self { engine, seed, trace: scene.trace().read().unwrap(), scene };
        let names = life.trace.misses_nothing().unwrap();
        eprintln!(
            "{engine}: lived in {:.0} s: {} records, {} MB; played to its end it equals the directory ({names} files)",
            began.elapsed().as_secs_f64(),
            life.trace.records().unwrap().len(),
            life.trace.megabytes(),
        );
        life
    }

    /// Cuts the power a number of times in each phase.
    fn is_cut(&self, flushes: Flushes, each: usize) {
        let began = Instant::now();
        let records = self.trace.records().unwrap();
        let mut dice = Rng::with_seed(self.seed ^ u64::from(flushes == Flushes::Forgotten));
        let begins = |phase| records.iter().position(|record| *record == Record::Asked { command: PHASE + phase });
        let mut drawn: Vec<(usize, &str)> = Vec::new();
        for (place, name) in phases() {
            let (from, to) = (begins(place).unwrap(), begins(place + 1).unwrap_or(records.len()));
            drawn.extend(moments(&records, from..=to, each, &mut dice).into_iter().map(|moment| (moment, name)));
        }
        drawn.sort_unstable();
        let places: Vec<_> = drawn.iter().map(|(moment, _)| *moment).collect();
        let judges = self
            .scene
            .benches(JUDGES)
            .map(|work| move |(cut, known): (Cut, Known)| judge(self.engine, &work, &cut, known));
        let mut known = Known::default();
        let state = |records: &[Record<'_>], cut, _: &mut Rng| {
            for record in records {
                hear(&mut known, record);
            }
            (cut, known)
        };
        let verdicts = self.trace.is_cut(flushes, &places, &mut dice, state, judges.collect()).unwrap();
        let mut shares: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (moment, name) in &drawn {
            let (cuts, wrong) = shares.entry(name).or_default();
            *cuts += 1;
            *wrong += usize::from(verdicts.wrong.iter().any(|(other, _)| other == moment));
        }
        let shares: Vec<_> =
            shares.iter().map(|(name, (cuts, wrong))| format!("{name} {cuts}, wrong {wrong}")).collect();
        let counts = verdicts.counts;
        eprintln!(
            "{}{}: {} cuts in {:.0} s, {} with something to lose: {counts}; {} states wrong, {} of them with answers \
             lost ({})",
            self.engine,
            if flushes == Flushes::Forgotten { " with its flushes taken away" } else { "" },
            places.len(),
            began.elapsed().as_secs_f64(),
            verdicts.with_unflushed,
            verdicts.wrong.len(),
            verdicts.losses(),
            shares.join("; "),
        );
        match flushes {
            Flushes::Kept => {
                assert!(verdicts.wrong.is_empty(), "{}, seed {}: {:#?}", self.engine, self.seed, verdicts.wrong);
                assert!(
                    verdicts.with_unflushed > places.len() / 4 && counts.torn > 0 && counts.names_lost > 0,
                    "the cuts hit something"
                );
            }
            Flushes::Forgotten => {
                assert!(
                    verdicts.losses() > places.len() / 4,
                    "{}, seed {}: a store that does not flush is not found out",
                    self.engine,
                    self.seed
                );
            }
        }
    }
}

fn hear(known: &mut Known, record: &Record<'_>) {
    match *record {
        Record::Asked { command } if command >= PHASE => {}
        Record::Asked { command } if command >= SALE => known.tried = (command - SALE) as u64,
        Record::Answered { command } if command >= SALE => known.sold = (command - SALE) as u64,
        Record::Asked { command } => known.asked = command + 1,
        Record::Answered { command } => known.answered = command + 1,
        _ => {}
    }
}

/// A separate process per state, because it may die.
fn judge(engine: &str, work: &Path, cut: &Cut, known: Known) -> Result<(), String> {
    let (disk, elsewhere) = (work.join("disk"), work.join("elsewhere"));
    if work.exists() {
        fs::remove_dir_all(work).unwrap();
    }
    fs::create_dir_all(&disk).unwrap();
    cut.lay_out(&disk).unwrap();
    let mut running = Command::new(program("store-life"))
        .args(["judge", engine])
        .args([&disk, &elsewhere])
        .args([known.answered, known.asked].map(|steps| steps.to_string()))
        .args([known.sold, known.tried].map(|sales| sales.to_string()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if !until(LIMIT, || matches!(running.try_wait(), Ok(Some(_)))) {
        running.kill().unwrap();
    }
    let ended = running.wait_with_output().unwrap();
    if ended.status.success() {
        return Ok(());
    }
    Err(format!("{known:?}: {}: {}", ended.status, String::from_utf8_lossy(&ended.stderr).trim()))
}

//! `store-life`: a store's life without a hub, to be traced, and the judge over what a power cut leaves of it. See `system_tests::life`.

use std::{env, fs, path::Path, process::ExitCode, thread};

use store::EngineKind;
use system_tests::life::{Known, judge, live};

const USAGE: &str =
    "store-life live ENGINE DISK SEED\nstore-life judge ENGINE DISK ELSEWHERE ANSWERED ASKED SOLD TRIED";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[&str]) -> Result<(), String> {
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text}: {error}\n{USAGE}"));
    let count = |text: &str| text.parse::<usize>().map_err(|error| format!("{text}: {error}\n{USAGE}"));
    match *arguments {
        ["live", engine, disk, seed] => {
            live(engine.parse::<EngineKind>()?, Path::new(disk), number(seed)?).await.map(|()| closed())
        }
        ["judge", engine, disk, elsewhere, answered, asked, sold, tried] => {
            let known =
                Known { answered: count(answered)?, asked: count(asked)?, sold: number(sold)?, tried: number(tried)? };
            judge(engine.parse::<EngineKind>()?, Path::new(disk), Path::new(elsewhere), known).await
        }
        _ => Err(USAGE.to_owned()),
    }
}

/// Waits until the committer of the last store has closed it: a process that ends before may leave a change without its record in the trace.
fn closed() {
    let closes = || {
        let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        threads
            .filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok())
            .any(|name| name.trim() == "committer")
    };
    while closes() {
        thread::yield_now();
    }
}

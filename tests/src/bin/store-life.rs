//! `store-life`: runs a store without a hub so that it can be traced, and judges what a power failure leaves of it. See
//! `system_tests::life`.

use std::{env, path::Path, process::ExitCode};

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
        ["live", engine, disk, seed] => live(engine.parse::<EngineKind>()?, Path::new(disk), number(seed)?).await,
        ["judge", engine, disk, elsewhere, answered, asked, sold, tried] => {
            let known =
                Known { answered: count(answered)?, asked: count(asked)?, sold: number(sold)?, tried: number(tried)? };
            judge(engine.parse::<EngineKind>()?, Path::new(disk), Path::new(elsewhere), known).await
        }
        _ => Err(USAGE.to_owned()),
    }
}

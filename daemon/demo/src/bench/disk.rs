//! The raw performance of the disk: appends to a file, each made durable by fdatasync. All other results are compared
//! with it, in the same run.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

/// The number of durable 4 KiB appends per second.
///
/// # Errors
/// The disk fails.
pub(super) fn appends_per_s(directory: &Path, span: Duration) -> Result<f64, String> {
    let began = Instant::now();
    let mut count = 0_u32;
    append(directory, std::iter::from_fn(|| (began.elapsed() < span).then(|| count += 1)).map(|()| 4096))?;
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// The time to append writes of these lengths, each made durable before the next.
///
/// # Errors
/// The disk fails.
pub(super) fn append(directory: &Path, lengths: impl Iterator<Item = usize>) -> Result<Duration, String> {
    let path = directory.join("raw");
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    // What a measurement that was cut short left is no file of this one.
    let _ = fs::remove_file(&path);
    let mut file = File::create_new(&path).map_err(failed)?;
    let mut block = vec![0x5a; 4096];
    let began = Instant::now();
    for length in lengths {
        if block.len() < length {
            block.resize(length, 0x5a);
        }
        file.write_all(&block[..length]).and_then(|()| file.sync_data()).map_err(failed)?;
    }
    let took = began.elapsed();
    fs::remove_file(&path).map_err(failed)?;
    Ok(took)
}

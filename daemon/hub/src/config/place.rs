//! Where the config is: a box that headquarters enrolled has it in its state directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where a config is that was written by hand; the default of every command.
pub const BY_HAND: &str = "/etc/store-hub/hub.toml";

/// Where a box is enrolled, unless it was told otherwise.
pub const STATE: &str = "/var/lib/store-hub";

/// The config's name in the state directory of a box that is enrolled.
pub(crate) const ENROLLED: &str = "hub.toml";

/// The config to read for a path of the command line: on an enrolled box, commands that name none find the one that
/// the hub uses. A path that somebody named is taken as it is.
pub fn located(path: &Path) -> PathBuf {
    state_of(path).map_or_else(|| path.to_owned(), |state| state.join(ENROLLED))
}

/// The state directory of an enrolled box, if its config is the one to read for a path of the command line.
pub fn state_of(path: &Path) -> Option<PathBuf> {
    is_enrolled(path, Path::new(BY_HAND), Path::new(STATE)).then(|| STATE.into())
}

/// Whether nothing is configured: no path was named, and neither default exists.
pub(crate) fn is_unconfigured(path: &Path) -> bool {
    path == Path::new(BY_HAND) && is_missing(path) && is_missing(&Path::new(STATE).join(ENROLLED))
}

fn is_enrolled(path: &Path, by_hand: &Path, state: &Path) -> bool {
    path == by_hand && is_missing(path) && !is_missing(&state.join(ENROLLED))
}

/// Only a file that is known not to exist: one that may not be looked at must be named in the error.
fn is_missing(path: &Path) -> bool {
    fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enrolled_box_needs_no_path_and_a_named_one_is_taken_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let (by_hand, state) = (directory.path().join("by-hand.toml"), directory.path().join("state"));
        let named = directory.path().join("named.toml");
        assert!(!is_enrolled(&by_hand, &by_hand, &state), "the error names the place where it should be");
        fs::create_dir(&state).unwrap();
        fs::write(state.join(ENROLLED), "").unwrap();
        assert!(is_enrolled(&by_hand, &by_hand, &state));
        assert!(!is_enrolled(&named, &by_hand, &state), "somebody named it");
        fs::write(&by_hand, "").unwrap();
        assert!(!is_enrolled(&by_hand, &by_hand, &state), "it was written by hand");
    }
}

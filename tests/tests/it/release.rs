//! The upgrade of an installed hub, `systemd/hub/store-hub-release`: killed at any of its commands, it goes on with
//! the next step, and the hub that runs is always a whole version. The hub's own commands are stand-ins here;
//! [`super::package`] has the real ones.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
};

use fastrand::Rng;
use system_tests::{is_long, root, seed};

/// A hub's commands, as far as the upgrade uses them. Version 2 is good unless the file `bad` exists.
const HUB: &str = r#"#!/bin/sh
root=$STORE_HUB_ROOT
case "$1 $2" in
    "may-restart "*)
        [ ! -e $root/busy ] || { echo "busy: register till-1 sells"; exit 1; }
        [ ! -e $root/mute ] || { echo "store-hub: could not read the config" >&2; exit 1; } ;;
    "doctor --json") echo '{"findings":[]}' ;;
    "doctor --before")
        [ -s "$3" ] || { echo "store-hub: --before $3: empty" >&2; exit 1; }
        if [ -e $root/bad ] && [ "$(cat $root/running)" = 2 ]; then
            echo "store-hub: worse than before:" >&2
            echo "- $(cat $root/bad)" >&2
            exit 1
        fi ;;
esac
"#;

/// systemd restarts what the link names.
const SYSTEMCTL: &str = "#!/bin/sh\nbasename \"$(readlink $STORE_HUB_ROOT/usr/lib/store-hub/current)\" \
                         >$STORE_HUB_ROOT/running\n";

/// Kills the script before its command number `CUT`. bash reads it because of `BASH_ENV`.
const CUT: &str = "set -T; commands=0; trap '(( ++commands < CUT )) || kill -9 $$' DEBUG\n";

/// A box with version 1, which runs.
struct World {
    directory: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let world = Self { directory };
        for path in ["usr/lib/store-hub", "run/systemd/system", "bin"] {
            fs::create_dir_all(world.path(path)).unwrap();
        }
        world.program("bin/systemctl", SYSTEMCTL);
        world.program("bin/runuser", "#!/bin/sh\nshift 3\nexec \"$@\"\n");
        world.program("usr/lib/store-hub/store-hub", HUB);
        fs::write(world.path("cut"), CUT).unwrap();
        assert!(world.run(&["stage", "1"], u32::MAX).success());
        fs::write(world.path("running"), "1\n").unwrap();
        world
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn program(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the script; it is killed before its command number `cut`.
    fn run(&self, arguments: &[&str], cut: u32) -> ExitStatus {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.arg(root().join("systemd/hub/store-hub-release")).args(arguments);
        command.env("STORE_HUB_ROOT", self.directory.path()).env("PATH", path);
        if cut < u32::MAX {
            command.env("BASH_ENV", self.path("cut")).env("CUT", cut.to_string());
        }
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
    }

    fn step(&self) {
        assert!(self.run(&["step"], u32::MAX).success(), "{}", self.state());
    }

    fn state(&self) -> String {
        let state = fs::read_to_string(self.path("var/lib/store-hub-release/state")).unwrap_or_default();
        state.trim().to_owned()
    }

    fn running(&self) -> String {
        fs::read_to_string(self.path("running")).unwrap().trim().to_owned()
    }

    /// The version that the link names, which must be whole.
    fn current(&self) -> String {
        let link = self.path("usr/lib/store-hub/current");
        let program = fs::read_to_string(link.join("store-hub"));
        assert!(program.is_ok_and(|text| text == HUB), "{}: the link names no whole version", self.state());
        fs::read_link(link).unwrap().file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// Goes on until nothing is left to do; returns the version that runs then.
    fn settle(&self) -> String {
        for _ in 0..30 {
            self.step();
            self.current();
            if self.state().starts_with("settled") {
                assert_eq!(self.current(), self.running(), "{}", self.state());
                return self.running();
            }
        }
        panic!("not settled: {}", self.state());
    }
}

#[test]
fn an_upgrade_waits_for_the_customer_and_is_kept_if_it_is_good() {
    let world = World::new();
    fs::write(world.path("busy"), "").unwrap();
    assert!(world.run(&["stage", "2"], u32::MAX).success());
    world.step();
    assert_eq!((world.state().as_str(), world.running().as_str()), ("staged 2 1", "1"), "somebody is served");
    fs::remove_file(world.path("busy")).unwrap();
    fs::write(world.path("mute"), "").unwrap();
    world.step();
    assert_eq!((world.state().as_str(), world.running().as_str()), ("staged 2 1", "1"), "a hub that can't tell");
    fs::remove_file(world.path("mute")).unwrap();
    world.step();
    assert_eq!((world.state().as_str(), world.running().as_str()), ("trial 2 1 20 0", "2"));
    world.step();
    assert_eq!(world.state(), "settled 2 1");
    // A third version takes the place of the first.
    assert!(world.run(&["stage", "3"], u32::MAX).success());
    assert_eq!(world.settle(), "3");
    assert!(!world.path("usr/lib/store-hub/releases/1").exists());
    // A person goes back, by way of the same trial.
    assert!(world.run(&["back"], u32::MAX).success());
    assert_eq!(world.settle(), "2");
}

#[test]
fn an_upgrade_that_is_worse_is_taken_back() {
    // A hub that does not run is taken back at once, a device that does not come back after a while.
    for (bad, tries) in [("hub process: not running", 2), ("devices printer-1: no such file", 20)] {
        let world = World::new();
        fs::write(world.path("bad"), bad).unwrap();
        assert!(world.run(&["stage", "2"], u32::MAX).success());
        world.step();
        let mut steps = 0;
        while world.state().starts_with("trial") {
            assert_eq!(world.running(), "2");
            world.step();
            steps += 1;
        }
        assert_eq!((world.state().as_str(), world.running().as_str(), steps), ("settled 1", "1", tries), "{bad}");
        // It is not tried again by itself.
        world.step();
        assert_eq!(world.running(), "1");
    }
}

#[test]
fn an_upgrade_that_is_killed_anywhere_goes_on() {
    let seed = seed();
    eprintln!("STORE_HUB_SEED={seed}");
    let mut dice = Rng::with_seed(seed);
    // The calls of an upgrade, and the version that runs in the end; each is killed at some of its commands.
    let upgrades = [
        (None, vec!["stage 2", "step", "step"], "2"),
        (Some("hub process: not running"), vec!["stage 2", "step", "step", "step"], "1"),
        (None, vec!["stage 2", "step", "stage 3", "step", "step"], "3"),
    ];
    for (bad, calls, ends_with) in upgrades {
        let calls: Vec<Vec<_>> = calls.into_iter().map(|call| call.split(' ').collect()).collect();
        for killed in 0..calls.len() {
            let mut cut = 1;
            loop {
                let world = World::new();
                if let Some(bad) = bad {
                    fs::write(world.path("bad"), bad).unwrap();
                }
                assert!(calls[..killed].iter().all(|call| world.run(call, u32::MAX).success()));
                let is_done = world.run(&calls[killed], cut).success();
                world.current();
                // dpkg configures a package again, and then the next one.
                let rest = &calls[killed + usize::from(is_done)..];
                for call in rest.iter().filter(|call| call[0] == "stage") {
                    assert!(world.run(call, u32::MAX).success());
                }
                assert_eq!(
                    world.settle(),
                    ends_with,
                    "seed {seed}: call {killed} killed at command {cut}, bad {bad:?}"
                );
                if is_done {
                    break;
                }
                cut += if is_long() { 1 } else { dice.u32(8..24) };
            }
        }
    }
}

#[test]
fn an_unfinished_trial_is_ended_before_the_next_version() {
    let world = World::new();
    assert!(world.run(&["stage", "2"], u32::MAX).success());
    world.step();
    assert_eq!(world.running(), "2");
    assert!(world.run(&["stage", "3"], u32::MAX).success());
    assert_eq!((world.state().as_str(), world.running().as_str()), ("staged 3 1", "1"));
    assert_eq!(world.settle(), "3");
    assert!(!world.run(&["stage", "../3"], u32::MAX).success(), "not a version");
}

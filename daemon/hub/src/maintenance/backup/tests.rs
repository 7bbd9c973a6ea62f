use std::process::Command;

use super::*;

/// A config with a store, and the tables given.
fn config(directory: &Path, more: &str) -> Config {
    let at = directory.display();
    let text = format!(
        "[store]\nhub = \"store-1\"\nname = \"Store 1\"\ncurrency = \"EUR\"\ntime_zone = \"UTC\"\n\
         data = \"{at}/data\"\n[listen]\naddress = \"127.0.0.1:1\"\ncertificate = \"/none\"\nkey = \"/none\"\n\
         [backup]\ndirectory = \"{at}/backups\"\n{more}"
    );
    fs::create_dir_all(directory.join("backups")).unwrap();
    let path = directory.join("hub.toml");
    fs::write(&path, text).unwrap();
    let config = Config::read(&path).unwrap();
    super::super::open_as(&config, config.store.engine).unwrap();
    config
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory.join("backups")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_oldest_nightly_backups_are_deleted_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path(), "keep = 2\n");
    for name in [
        "store-1-20251128T033000Z.backup",
        "store-1-20251129T033000Z.backup.age",
        "store-11-20251128T033000Z.backup",
        "store-1-before-the-move.backup",
        "store-1-20251128T033000Z.backup.new",
    ] {
        fs::write(directory.path().join("backups").join(name), "").unwrap();
    }
    back_up(&config, None, &[], true).unwrap();
    let left = names(directory.path());
    assert!(left[0].starts_with("store-1-20251128T033000Z.backup.new"), "{left:?}");
    assert!(left[1].starts_with("store-1-20251129") && left[2].starts_with("store-1-2"), "{left:?}");
    assert_eq!(left[3..], ["store-1-before-the-move.backup", "store-11-20251128T033000Z.backup"]);
}

#[test]
fn an_encrypted_backup_is_restored_with_its_key_only() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let config = config(place, "");
    let keygen = |name: &str| {
        let made = Command::new("age-keygen").arg("-o").arg(place.join(name)).output().ok()?;
        let told = String::from_utf8_lossy(&made.stderr).into_owned();
        Some(told.trim().rsplit(' ').next()?.to_owned())
    };
    let (Some(key), Some(_)) = (keygen("key"), keygen("other")) else {
        let why = age::encrypt(File::create(place.join("none")).unwrap(), &["age1".into()]).err().unwrap();
        assert!(why.contains("install the package `age`"), "{why}");
        eprintln!("SKIPPED: encrypted backups: age is not installed");
        return;
    };
    let to = place.join("store.backup.age");
    back_up(&config, Some(&to), &[key], true).unwrap();
    assert!(store::backup::verify(File::open(&to).unwrap()).is_err(), "it is encrypted");
    let mut elsewhere = config.clone();
    elsewhere.store.data = place.join("elsewhere");
    let restored = |config: &Config, key: Option<&str>| {
        let identity = key.map(|name| place.join(name));
        restore(config, &to, identity.as_deref(), true)
    };
    assert!(restored(&elsewhere, None).is_err() && restored(&elsewhere, Some("other")).is_err());
    restored(&elsewhere, Some("key")).unwrap();

    // A public key that age refuses leaves no file.
    let to = place.join("refused.age");
    assert!(back_up(&config, Some(&to), &["age1x".into()], true).unwrap_err().contains("age"));
    assert!(!to.exists() && !place.join("refused.age.new").exists());
}

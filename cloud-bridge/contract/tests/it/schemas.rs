//! The committed schemas match the types.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::Value;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

/// The schemas of this version, by the name of the message or kind.
pub(crate) fn of_this_version() -> BTreeMap<String, Value> {
    contract::schema::all().into_iter().collect()
}

#[test]
fn the_committed_schemas_match_the_types() {
    let all = of_this_version();
    assert_eq!(all.len(), contract::schema::all().len(), "each name once");
    let texts = all
        .iter()
        .map(|(name, schema)| (format!("{name}.schema.json"), serde_json::to_string_pretty(schema).unwrap() + "\n"));
    let texts: BTreeMap<_, _> = texts.collect();
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        for old in fs::read_dir(directory()).unwrap() {
            fs::remove_file(old.unwrap().path()).unwrap();
        }
        for (name, text) in &texts {
            fs::write(directory().join(name), text).unwrap();
        }
    }
    let committed = fs::read_dir(directory()).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
    });
    let committed: BTreeMap<_, _> = committed.collect();
    let names = |of: &BTreeMap<String, String>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&committed), names(&texts));
    for (name, text) in &texts {
        assert_eq!(
            committed.get(name),
            Some(text),
            "{name} differs from the types; to accept the change: UPDATE_SCHEMAS=1 cargo test -p contract schemas"
        );
    }
}

#[test]
fn a_kind_is_named_for_a_thing_and_what_happened_to_it() {
    for name in of_this_version().into_keys().filter(|name| name.contains('.')) {
        let (thing, happened) = name.split_once('.').unwrap();
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        assert!(is_word(thing) && is_word(happened) && name.len() <= contract::kind::MAX_KIND, "{name}");
    }
}

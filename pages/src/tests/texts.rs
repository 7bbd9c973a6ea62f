//! Texts are in the catalog alone, in every language.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{extension, paths, text_of};

const LANGUAGES: [&str; 3] = ["en", "de", "es"];

/// The texts of a language, by key.
fn texts(language: &str) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for path in paths() {
        let Some(area) = path.strip_prefix(&format!("texts/{language}/")) else { continue };
        let area = area.strip_suffix(".json").unwrap();
        let read: BTreeMap<String, Value> = serde_json::from_str(&text_of(&path)).unwrap();
        for (key, text) in read {
            assert!(key.starts_with(&format!("{area}.")), "{path}: {key} does not begin with {area}");
            assert!(all.insert(key, text).is_none());
        }
    }
    all
}

/// The values that a text has: `{n}`.
fn values(text: &Value) -> BTreeSet<String> {
    let text = match text {
        Value::String(text) => text.clone(),
        forms => forms["other"].as_str().expect("forms have `other`").to_owned(),
    };
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_text_is_in_every_language_with_the_same_values() {
    let english = texts("en");
    assert!(english.len() > 10);
    for language in LANGUAGES {
        let there = texts(language);
        assert_eq!(there.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>(), "{language}");
        for (key, text) in &there {
            assert_eq!(values(text), values(&english[key]), "{language}: {key}");
        }
    }
}

/// The scripts of the pages.
fn scripts() -> impl Iterator<Item = (String, String)> {
    let all = paths().into_iter().filter(|path| extension(path) == "js" && !path.starts_with("vendor/"));
    all.map(|path| (path.clone(), text_of(&path)))
}

/// The strings that begin after `before`, with the character that ended them.
fn strings_after<'a>(text: &'a str, before: &str) -> Vec<(&'a str, bool)> {
    let found = text.split(before).skip(1).filter_map(|rest| {
        let end = rest.find(['"', '`', '$'])?;
        Some((&rest[..end], rest.as_bytes()[end] == b'$'))
    });
    found.collect()
}

#[test]
fn every_key_that_is_used_exists_and_every_key_that_exists_is_used() {
    let english = texts("en");
    let (mut used, mut prefixes) = (BTreeSet::new(), BTreeSet::new());
    for (path, text) in scripts() {
        let keys = ["t(\"", "t(`", "has(\"", "has(`", "key: \"", "key: `"]
            .iter()
            .flat_map(|before| strings_after(&text, before));
        for (key, is_begun) in keys.filter(|(key, _)| key.contains('.') && !key.contains([' ', '/'])) {
            if is_begun {
                assert!(english.keys().any(|there| there.starts_with(key)), "{path} uses keys that begin with {key}");
                prefixes.insert(key.to_owned());
            } else {
                assert!(english.contains_key(key), "{path} uses {key}");
                used.insert(key.to_owned());
            }
        }
    }
    let unused: Vec<_> = english
        .keys()
        .filter(|key| !used.contains(*key) && !prefixes.iter().any(|prefix| key.starts_with(prefix.as_str())))
        .collect();
    assert!(unused.is_empty(), "not used: {unused:?}");
}

/// The markup of the templates in a script, each with `\0` in the place of what is computed.
fn templates(text: &str) -> Vec<String> {
    let (mut done, mut open) = (Vec::new(), Vec::<(String, usize)>::new());
    let (mut depth, mut rest) = (0_usize, text);
    // Between `${` and `}` of a template, `depth` counts the braces that are open.
    let mut inside = false;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        if inside {
            if rest.starts_with("${") {
                if let Some((markup, outer)) = open.last_mut() {
                    markup.push('\0');
                    *outer = depth;
                }
                (inside, depth, length) = (false, 0, 2);
            } else if c == '`' {
                done.extend(open.pop().map(|(markup, _)| markup));
                inside = false;
            } else if let Some((markup, _)) = open.last_mut() {
                markup.push(c);
            }
        } else if rest.starts_with("html`") {
            open.push((String::new(), depth));
            (inside, length) = (true, 5);
        } else if c == '`' {
            // Another template: nothing that is shown.
            length += rest[1..].find('`').map_or(0, |end| end + 1);
        } else if c == '{' {
            depth += 1;
        } else if c == '}' && depth == 0 && !open.is_empty() {
            inside = true;
            depth = open.last().map_or(0, |(_, outer)| *outer);
        } else if c == '}' {
            depth = depth.saturating_sub(1);
        }
        rest = &rest[length..];
    }
    done
}

fn has_words(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|word| word.chars().count() > 1)
}

/// Attributes with a text that is shown or read aloud.
const SHOWN: [&str; 7] =
    [" title=\"", " label=\"", " placeholder=\"", " aria-label=\"", " alt=\"", " hint=\"", " text=\""];

#[test]
fn no_text_is_outside_the_catalog() {
    let mut seen = 0;
    for (path, text) in scripts() {
        for markup in templates(&text) {
            seen += 1;
            let mut outside = String::new();
            let mut depth = 0_usize;
            for c in markup.chars() {
                match c {
                    '<' => depth += 1,
                    '>' => depth = depth.saturating_sub(1),
                    c if depth == 0 => outside.push(c),
                    _ => {}
                }
            }
            assert!(!has_words(&outside), "{path}: {outside:?} is not in the catalog");
            for attribute in SHOWN {
                for (value, _) in strings_after(&markup, attribute) {
                    assert!(!has_words(value), "{path}: {attribute}{value} is not in the catalog");
                }
            }
        }
    }
    assert!(seen > 20, "{seen}");
    assert_eq!(
        templates("html`<b title=${{ a: html`<i>x${1}</i>` }}>Hi ${`no`}</b>`"),
        ["<i>x\0</i>", "<b title=\0>Hi \0</b>"]
    );
}

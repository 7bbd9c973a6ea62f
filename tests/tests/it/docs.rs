//! Tests, files and headings that the pages name exist.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use system_tests::root;

/// All files below a directory, except build output.
fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if name == "target" || name == ".git" || name == "node_modules" {
            continue;
        }
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn all() -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&root(), &mut found);
    found
}

fn pages() -> Vec<(PathBuf, String)> {
    let pages = all().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let pages = pages.filter(|path| !path.starts_with(root().join("tests/data")));
    pages.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The code spans outside of code blocks.
fn code_spans(page: &str) -> Vec<&str> {
    let text = page.split("```").step_by(2);
    text.flat_map(|text| text.split('`').skip(1).step_by(2)).collect()
}

/// Expands `a/{b,c}.rs` to `a/b.rs` and `a/c.rs`.
fn expanded(path: &str) -> Vec<String> {
    match path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (names, after))) => names.split(',').map(|name| format!("{before}{name}{after}")).collect(),
        None => vec![path.to_owned()],
    }
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

#[test]
fn the_tests_and_files_that_architecture_names_exist() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let paths: Vec<_> = all().into_iter().map(|path| path.display().to_string()).collect();
    let sources = paths.iter().filter(|path| is_rust(path));
    let sources: String = sources.map(|path| fs::read_to_string(path).unwrap()).collect();
    let (mut tests, mut missing) = (0, Vec::new());
    for span in code_spans(&page) {
        let is_name = span.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if is_name && span.matches('_').count() >= 3 {
            tests += 1;
            if !sources.contains(&format!("fn {span}(")) {
                missing.push(span.to_owned());
            }
        } else if span.contains('/') && is_rust(span) {
            let absent = |path: &String| !paths.iter().any(|there| there.ends_with(&format!("/{path}")));
            missing.extend(expanded(span).into_iter().filter(absent));
        }
    }
    assert!(tests >= 10, "only {tests} tests are named");
    assert_eq!(missing, [""; 0], "named in ARCHITECTURE.md but missing");
}

#[test]
fn links_between_pages_are_valid() {
    let pages = pages();
    assert!(pages.len() > 10);
    let mut broken = BTreeSet::new();
    for (path, page) in &pages {
        let text: String = page.split("```").step_by(2).collect();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let there = heading.is_empty() && target.exists()
                || fs::read_to_string(&target).is_ok_and(|page| {
                    page.lines()
                        .filter_map(|line| line.strip_prefix('#'))
                        .any(|line| anchor(line.trim_start_matches('#')) == heading)
                });
            if !there {
                broken.insert(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

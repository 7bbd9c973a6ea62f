//! The order inside a crate: in `app` and `hub` a top-level module only uses those that ARCHITECTURE.md lists after it.
//!
//! Reads the tokens of the sources: paths that begin with `crate` or `super`, including those in macros. Tests are
//! skipped. A name that a crate's root re-exports is not attributed to its module.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    str::FromStr,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use system_tests::root;

#[test]
fn modules_only_use_those_listed_after_them() {
    let orders = orders(&fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap());
    for name in ["app", "hub"] {
        let order = orders.get(name).unwrap_or_else(|| panic!("ARCHITECTURE.md has no order of rooms in {name}"));
        let faults = faults(order, &read(&root().join("daemon").join(name).join("src")));
        assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
    }
}

/// Reads the lines `order of rooms in NAME: a, b -> c` of a page's code blocks, with indented continuation lines.
fn orders(page: &str) -> BTreeMap<String, Vec<String>> {
    let fenced = page.split("```").skip(1).step_by(2).collect::<Vec<_>>().join("\n");
    let mut orders = BTreeMap::new();
    for entry in fenced.replace("\n ", " ").lines() {
        if let Some((name, modules)) = entry.strip_prefix("order of rooms in ").and_then(|rest| rest.split_once(':')) {
            let modules = modules.replace("->", ",");
            let modules = modules.split(',').map(|module| module.trim().to_owned()).collect();
            assert!(orders.insert(name.to_owned(), modules).is_none(), "two orders of {name}");
        }
    }
    orders
}

/// A source file: its module path and its text.
type Source = (Vec<String>, String);

/// All sources of a crate except its root and its tests.
fn read(sources: &Path) -> Vec<Source> {
    fn walk(directory: &Path, module: &[String], found: &mut Vec<Source>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let inner = [module, std::slice::from_ref(&name)].concat();
            if path.is_dir() {
                walk(&path, &inner, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                match name.as_str() {
                    "lib" | "main" if module.is_empty() => {}
                    "mod" => found.push((module.to_owned(), text)),
                    _ => found.push((inner, text)),
                }
            }
        }
    }
    let mut found = Vec::new();
    walk(sources, &[], &mut found);
    found.retain(|(module, _)| !module.iter().any(|name| name == "tests" || name == "testing"));
    assert!(!found.is_empty(), "{} has no sources", sources.display());
    found
}

/// Violations of the order, and modules that are missing in it.
fn faults(order: &[String], sources: &[Source]) -> Vec<String> {
    let place = |module: &str| order.iter().position(|other| other == module);
    let mut faults = BTreeSet::new();
    for (module, text) in sources {
        let Some(here) = place(&module[0]) else {
            faults.insert(format!("{} is not in the order", module[0]));
            continue;
        };
        let tokens = TokenStream::from_str(text).unwrap_or_else(|error| panic!("{module:?}: {error}"));
        for used in uses(module, tokens) {
            if place(&used).is_some_and(|there| there < here) {
                faults.insert(format!("{} uses {used}, which is listed before it", module.join("::")));
            }
        }
    }
    let there: BTreeSet<_> = sources.iter().map(|(module, _)| &module[0]).collect();
    faults.extend(order.iter().filter(|module| !there.contains(module)).map(|module| format!("{module} is not there")));
    faults.into_iter().collect()
}

/// The top-level modules that a module names.
fn uses(module: &[String], tokens: TokenStream) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                if let Some(TokenTree::Group(attribute)) = tokens.peek()
                    && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
                {
                    // The item after the attribute ends with a block or a semicolon.
                    let is_end = |token: &TokenTree| match token {
                        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                        TokenTree::Punct(mark) => mark.as_char() == ';',
                        _ => false,
                    };
                    tokens.by_ref().find(is_end);
                }
            }
            TokenTree::Group(group) => used.extend(uses(module, group.stream())),
            TokenTree::Ident(word) if word == "crate" || word == "super" => {
                let mut up = if word == "crate" { module.len() } else { 1 };
                loop {
                    let mut separator =
                        || tokens.next_if(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':'));
                    if separator().and_then(|_| separator()).is_none() {
                        break;
                    }
                    if tokens.next_if(|token| matches!(token, TokenTree::Ident(word) if word == "super")).is_none() {
                        if up == module.len() {
                            used.extend(first_names(tokens.next()));
                        }
                        break;
                    }
                    up += 1;
                }
            }
            _ => {}
        }
    }
    used
}

/// The first names after `crate::`: one, or those of a group. Only the first name of a path is a module.
fn first_names(token: Option<TokenTree>) -> Vec<String> {
    match token {
        Some(TokenTree::Ident(name)) => vec![name.to_string()],
        Some(TokenTree::Group(group)) => {
            let mut names = Vec::new();
            let mut is_first = true;
            for token in group.stream() {
                match token {
                    TokenTree::Ident(name) if is_first => {
                        names.push(name.to_string());
                        is_first = false;
                    }
                    TokenTree::Punct(mark) if mark.as_char() == ',' => is_first = true,
                    _ => {}
                }
            }
            names
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(module: &str, text: &str) -> Source {
        (module.split("::").map(str::to_owned).collect(), text.to_owned())
    }

    fn order(text: &str) -> Vec<String> {
        orders(&format!("```\norder of rooms in app: {text}\n```")).remove("app").unwrap()
    }

    #[test]
    fn an_order_is_only_read_from_code_blocks() {
        let page = "order of rooms in app: wrong\n```rust\nx\n```\n```\norder of rooms in app: check, keeping\n\
            \x20   -> selling -> stock\norder of rooms in hub: run\n```\norder of rooms in hub: wrong";
        let orders = orders(page);
        assert_eq!(orders["app"], ["check", "keeping", "selling", "stock"]);
        assert_eq!(orders["hub"], ["run"]);
    }

    #[test]
    fn a_violation_is_found_in_any_form() {
        for text in [
            "use crate::selling::Sale;",
            "use crate::{audit, selling::{self, Sale}};",
            "use super::selling;",
            "fn f() { crate::selling::complete() }",
            "fn f() { let x = vec![json!({ \"a\": crate::selling::N })]; }",
            "pub(in crate::selling) fn f() {}",
            "#[cfg(test)] mod tests { use crate::audit; } use crate::selling;",
            "#[cfg(test)] use crate::audit; use crate::selling;",
        ] {
            let sources = [source("selling", ""), source("stock", text), source("audit", "")];
            let found = faults(&order("selling -> stock -> audit"), &sources);
            assert_eq!(found, ["stock uses selling, which is listed before it"], "{text}");
        }
        let sources = [source("selling", ""), source("stock::check::told", "use super::super::super::selling::Sale;")];
        let found = faults(&order("selling -> stock"), &sources);
        assert_eq!(found, ["stock::check::told uses selling, which is listed before it"]);
    }

    #[test]
    fn allowed_uses_are_no_faults() {
        for text in [
            "use crate::{audit, stock::{book, selling}};",
            "use crate::audit::selling;",
            "use super::super::audit;",
            "use super::selling::Inner;",
            "use other::selling;",
            "// use crate::selling;\nfn f() -> &'static str { \"crate::selling\" }",
            "/// [`crate::selling`]\nfn f() {}",
            "#[cfg(test)]\nmod tests { use crate::selling; }",
            "#[cfg(test)] use crate::selling;",
            "#[cfg(test)]\nimpl X { fn f() { crate::selling::f() } }",
        ] {
            let sources = [source("selling", ""), source("stock::hold", text), source("audit", "")];
            assert_eq!(faults(&order("selling -> stock -> audit"), &sources), [""; 0], "{text}");
        }
    }

    #[test]
    fn unlisted_and_missing_modules_are_found() {
        let found =
            faults(&order("selling -> stock"), &[source("selling", ""), source("orders", "use crate::selling;")]);
        assert_eq!(found, ["orders is not in the order", "stock is not there"]);
    }
}

//! Lists the pages for `src/files.rs`, and stops the build when one is missing.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The folders, with the path of their files below `/`.
const FOLDERS: [(&str, &str); 2] = [("www", ""), ("../daemon/pricing-wasm/npm", "pricing/")];

const NEEDED: [&str; 3] = ["register/index.html", "vendor/manifest.json", "pricing/pricing.wasm"];

/// What a browser may load.
const KINDS: [&str; 9] = ["html", "js", "css", "json", "webmanifest", "svg", "png", "wasm", "txt"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if path.extension().is_some_and(|kind| KINDS.iter().any(|known| kind == *known)) {
            found.push(path);
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let mut listed = Vec::new();
    for (folder, below) in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        let (folder, mut found) = (here.join(folder), Vec::new());
        files(&folder, &mut found)?;
        for path in found {
            let name = path.strip_prefix(&folder).map_err(io::Error::other)?;
            listed.push((format!("{below}{}", name.display()), path));
        }
    }
    listed.retain(|(name, _)| name != "pricing/package.json");
    listed.sort();
    for needed in NEEDED {
        if !listed.iter().any(|(name, _)| name == needed) {
            println!("cargo::error=the page {needed} is missing: the checkout is incomplete");
        }
    }
    let table = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?).join("files.rs");
    let mut table = fs::File::create(table)?;
    writeln!(table, "&[")?;
    for (name, path) in listed {
        let path = path.display();
        writeln!(table, "    File {{ path: {name:?}, on_disk: \"{path}\", data: include_bytes!(\"{path}\") }},")?;
    }
    writeln!(table, "]")
}

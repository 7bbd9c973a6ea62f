//! Lists the pages for `src/files.rs`, compressed for browsers, and stops the build when one is missing.

use std::{
    env, fs,
    hash::{DefaultHasher, Hasher as _},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use brotli::enc::BrotliEncoderParams;

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

/// The path of a file's compressed copy. Compressing all takes seconds, so copies are kept by their contents.
fn compressed(path: &Path, folder: &Path) -> io::Result<PathBuf> {
    let data = fs::read(path)?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&data);
    let kept = folder.join(format!("{:016x}.br", hasher.finish()));
    if !kept.exists() {
        let mut small = Vec::new();
        let best = BrotliEncoderParams { quality: 11, lgwin: 22, size_hint: data.len(), ..Default::default() };
        brotli::BrotliCompress(&mut data.as_slice(), &mut small, &best)?;
        // A build that is stopped leaves no half of it.
        let writing = kept.with_extension("writing");
        fs::write(&writing, small)?;
        fs::rename(writing, &kept)?;
    }
    Ok(kept)
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
    let output = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    let mut table = fs::File::create(output.join("files.rs"))?;
    writeln!(table, "&[")?;
    for (name, path) in listed {
        let small = compressed(&path, &output)?;
        let (path, small) = (path.display(), small.display());
        writeln!(table, "    File {{ path: {name:?}, on_disk: \"{path}\", data: include_bytes!(\"{path}\"),")?;
        writeln!(table, "        brotli: include_bytes!(\"{small}\") }},")?;
    }
    writeln!(table, "]")
}

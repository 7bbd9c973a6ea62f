//! The pages of the hub and of HQ: files that are embedded in the binary, and the routes that serve them.
//!
//! # What this crate promises
//!
//! - **No build step.** The files in `www` are what the browser runs: ES modules, style sheets, texts. The libraries in
//!   `www/vendor` are checked in with their origin; `pages/vendor/build` makes them. A debug build reads the files from
//!   disk, so an edit needs a reload only. The build fails if a page is missing.
//! - **Nothing from elsewhere.** The policy lets a page load, connect and submit to its own host alone, refuses code
//!   made from text, and lets no other site frame it.
//! - **Small.** Files are compressed when the program is built; the register loads less than 300 KB before its catalog.
//! - **Never stale.** A browser asks before it uses a cached file, and gets 304 while the file is unchanged.
//!
//! | folder | contents |
//! | --- | --- |
//! | `vendor` | third-party libraries |
//! | `look` | colours, spacing, type, and the components; `/look` shows all of them |
//! | `texts` | every text, by language |
//! | `lib` | the API's client, events, navigation |
//! | `console`, `docs`, `register`, `fleet` | areas: pages with their own address; `fleet` is HQ's |
//!
//! # Signing in
//!
//! A register's page keeps its token in IndexedDB and sends it with `Authorization`: a browser never sends it by
//! itself, so other sites can't use it. A console's page has the session's cookie, which scripts can't read. The
//! WebSocket gets a one-time ticket. HQ's pages keep an API key in the tab's session storage, as long as the tab is
//! open. Code from elsewhere, which could steal a token or a key, is what the policy refuses.
//!
//! # The service worker
//!
//! An area with a `sw.js` works without a connection. The file is served with the names and digests of everything that
//! the area may load, so a changed file changes the worker, and browsers install it as a whole or not at all. Large
//! files that few devices need are kept when they are first used.

mod files;

use std::{
    borrow::Cow,
    collections::HashMap,
    io::Write as _,
    sync::{LazyLock, Mutex, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Path,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use files::{FILES, File, checksum};
use flate2::{Compression, write::GzEncoder};

/// Folders that every area uses.
const SHARED: &[&str] = &["vendor", "look", "texts", "lib", "pricing"];

/// Files that a service worker keeps when they are first used: they read barcodes where the browser can't.
const LATER: [&str; 2] = ["vendor/zxing.js", "vendor/zxing.wasm"];

/// Shared files that no area loads.
const UNUSED: [&str; 5] =
    ["look/gallery.css", "look/gallery.js", "look/index.html", "vendor/LICENSES.txt", "vendor/manifest.json"];

/// The service worker of an area.
const WORKER: &str = "/sw.js";

/// What a page may do. WebAssembly is the price engine and the reader of barcodes.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; \
     img-src 'self' blob: data:; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types store-hub";

/// The devices of a browser that a page may use: the camera, as a scanner, and a screen that stays on.
const DEVICES: &str = "camera=(self), screen-wake-lock=(self), microphone=(), geolocation=(), payment=(), usb=(), \
     serial=(), hid=(), bluetooth=(), display-capture=()";

/// The routes of some areas and of what all areas share. `home` is the area at `/`.
pub fn router<S: Clone + Send + Sync + 'static>(home: Option<&'static str>, areas: &[&'static str]) -> Router<S> {
    let mut router = Router::new();
    if let Some(home) = home {
        router = router.route("/", get(move |headers: HeaderMap| async move { index(home, &headers) }));
    }
    for &area in areas.iter().chain(SHARED) {
        router = router
            .route(&format!("/{area}"), get(move |headers: HeaderMap| async move { index(area, &headers) }))
            .route(&format!("/{area}/"), get(move |headers: HeaderMap| async move { index(area, &headers) }))
            .route(&format!("/{area}/{{*path}}"), get(move |path, headers| file(area, path, headers)));
    }
    router
}

fn index(area: &str, headers: &HeaderMap) -> Response {
    answer(&format!("{area}/index.html"), headers)
}

async fn file(folder: &'static str, Path(path): Path<String>, headers: HeaderMap) -> Response {
    answer(&format!("{folder}/{path}"), &headers)
}

fn answer(path: &str, headers: &HeaderMap) -> Response {
    let Some(found) = File::find(path) else {
        return (StatusCode::NOT_FOUND, "there is no such file\n").into_response();
    };
    let mut data = found.data();
    if let Some(area) = path.strip_suffix(WORKER) {
        let (build, files) = contents(area);
        let code = String::from_utf8_lossy(&data);
        let later = LATER.map(|path| format!("\"/{path}\"")).join(",");
        let named = format!("const BUILD = \"{build}\", FILES = {files}, LATER = [{later}];\n{code}");
        data = Cow::Owned(named.into_bytes());
    }
    let tag = checksum(&data);
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepted = text(header::ACCEPT_ENCODING);
    let takes = |coding| accepted.split(',').any(|one| one.split(';').next().unwrap_or_default().trim() == coding);
    // A service worker is not the file of the build.
    let brotli = found.brotli().filter(|_| takes("br") && is_compressible(path) && !path.ends_with(WORKER));
    let is_zipped = brotli.is_none() && takes("gzip") && is_compressible(path);
    let coding = if brotli.is_some() {
        "-br"
    } else if is_zipped {
        "-gz"
    } else {
        ""
    };
    let tag = format!("\"{tag}{coding}\"");
    let is_known = text(header::IF_NONE_MATCH).split(',').any(|known| known.trim().trim_start_matches("W/") == tag);
    let common = [
        (header::ETAG, tag.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "accept-encoding"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), DEVICES),
        // A worker in `/register` also serves `/register` itself.
        (HeaderName::from_static("service-worker-allowed"), "/"),
    ];
    if is_known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = [(header::CONTENT_TYPE, kind_of(path))];
    if let Some(brotli) = brotli {
        return (common, kind, [(header::CONTENT_ENCODING, "br")], Body::from(brotli)).into_response();
    }
    if is_zipped {
        return (common, kind, [(header::CONTENT_ENCODING, "gzip")], compressed(&tag, &data)).into_response();
    }
    (common, kind, Body::from(data.into_owned())).into_response()
}

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn kind_of(path: &str) -> &'static str {
    match extension(path) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "wasm" => "application/wasm",
        _ => "text/plain; charset=utf-8",
    }
}

fn is_compressible(path: &str) -> bool {
    extension(path) != "png"
}

/// Compressed files, by tag: there are as many as files.
static COMPRESSED: LazyLock<Mutex<HashMap<String, Bytes>>> = LazyLock::new(Mutex::default);

fn compressed(tag: &str, data: &[u8]) -> Bytes {
    let mut all = COMPRESSED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(done) = all.get(tag) {
        return done.clone();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let done = Bytes::from(encoder.write_all(data).and_then(|()| encoder.finish()).unwrap_or_default());
    all.insert(tag.to_owned(), done.clone());
    done
}

/// What an area may load: the version of everything, and a JSON object of versions by path.
fn contents(area: &str) -> (String, String) {
    let listed: Vec<_> = used_by(area).map(|file| format!("\"/{}\":\"{}\"", file.path, file.version())).collect();
    let files = format!("{{{}}}", listed.join(","));
    (checksum(files.as_bytes()), files)
}

/// What an area may load, without its service worker. Licences and the gallery of components are for people.
fn used_by(area: &str) -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(move |File { path, .. }| {
        let folder = path.split('/').next().unwrap_or_default();
        let is_its_own = folder == area || SHARED.contains(&folder) && !UNUSED.contains(path);
        is_its_own && !path.ends_with(WORKER) && !is_text_of_another(area, path)
    })
}

/// Whether a file has the texts of another area.
fn is_text_of_another(area: &str, path: &str) -> bool {
    let name = path.strip_prefix("texts/").and_then(|path| path.rsplit('/').next());
    let Some(of) = name.and_then(|name| name.strip_suffix(".json")) else { return false };
    of != area && !SHARED.contains(&of) && File::find(&format!("{of}/index.html")).is_some()
}

#[cfg(test)]
mod tests;

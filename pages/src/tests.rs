use std::{collections::BTreeSet, io::Read as _};

use axum::{body::to_bytes, extract::Request, http::Method};
use data_encoding::HEXLOWER;
use flate2::read::GzDecoder;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;

mod texts;

/// A file as text.
fn text_of(path: &str) -> String {
    String::from_utf8(File::find(path).unwrap_or_else(|| panic!("{path}")).data().into_owned()).unwrap()
}

fn paths() -> BTreeSet<String> {
    FILES.iter().map(|file| file.path.to_owned()).collect()
}

async fn get(path: &str, headers: &[(HeaderName, &str)]) -> Response {
    let router: Router = router(Some("console"), &["console", "docs", "register", "fleet"]);
    let mut request = Request::builder().method(Method::GET).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn every_file_is_served_with_the_policy_and_once_known_not_again() {
    let pages = ["/", "/docs", "/register", "/register/", "/look", "/console", "/fleet"].map(str::to_owned);
    for path in pages.into_iter().chain(paths().into_iter().map(|path| format!("/{path}"))) {
        let response = get(&path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let headers = response.headers().clone();
        assert!(headers["content-security-policy"].to_str().unwrap().contains("require-trusted-types-for"));
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let whole = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let again = get(&path, &[(header::IF_NONE_MATCH, headers["etag"].to_str().unwrap())]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
        let best = get(&path, &[(header::ACCEPT_ENCODING, "gzip, deflate, br;q=0.9")]).await;
        let is_made_now = path.ends_with(WORKER);
        assert_eq!(best.headers()["content-encoding"], if is_made_now { "gzip" } else { "br" }, "{path}");
        let zipped = get(&path, &[(header::ACCEPT_ENCODING, "gzip, zebra")]).await;
        if is_compressible(&path) {
            assert_ne!(zipped.headers()["etag"], headers["etag"]);
            if !is_made_now {
                assert_ne!(zipped.headers()["etag"], best.headers()["etag"]);
                let bytes = to_bytes(best.into_body(), usize::MAX).await.unwrap();
                let mut whole_again = Vec::new();
                brotli::BrotliDecompress(&mut &*bytes, &mut whole_again).unwrap();
                assert!(whole_again == whole, "{path}");
            }
            let bytes = to_bytes(zipped.into_body(), usize::MAX).await.unwrap();
            let mut unzipped = Vec::new();
            GzDecoder::new(&*bytes).read_to_end(&mut unzipped).unwrap();
            assert!(unzipped == whole, "{path}");
        }
    }
    for path in ["/register/nothing.js", "/register/../console/app.js", "/vendor/..%2f..%2fCargo.toml", "/texts"] {
        assert_eq!(get(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn an_area_loads_its_own_texts_and_those_that_all_share() {
    let (_, files) = contents("register");
    for (path, is_used) in [("register", true), ("look", true), ("problem", true), ("console", false), ("fleet", false)]
    {
        assert_eq!(files.contains(&format!("\"/texts/de/{path}.json\"")), is_used, "{path}");
    }
}

/// A tablet on a slow network sells soon, also before it has the catalog.
#[test]
fn a_register_loads_less_than_300_kilobytes() {
    let loaded = used_by("register").filter(|file| !LATER.contains(&file.path));
    let bytes: usize = loaded.map(|file| file.brotli().unwrap().len()).sum();
    println!("a register loads {bytes} bytes before the catalog");
    assert!(bytes < 300_000, "{bytes}");
}

/// What a file refers to: `"/look/look.css"`, `"../vendor/ui.js"`.
fn references(path: &str, text: &str) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let quoted = text.split(['"', '`']).filter(|word| !word.contains(['$', ' ', '\n', '{', '<']));
    let named = quoted.filter(|word| {
        let is_file = matches!(extension(word), "js" | "css" | "svg" | "json" | "webmanifest" | "wasm");
        is_file && (word.starts_with('/') || word.starts_with("./") || word.starts_with("../"))
    });
    let absolute = named.filter(|word| !word.starts_with("/api/")).map(|word| {
        let mut parts: Vec<_> = if word.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
        for part in word.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        parts.join("/")
    });
    absolute.collect()
}

#[test]
fn every_file_that_a_page_names_exists() {
    let mut checked = 0;
    for path in paths().iter().filter(|path| matches!(extension(path), "html" | "js" | "css" | "webmanifest")) {
        if path.starts_with("vendor/") {
            continue;
        }
        for named in references(path, &text_of(path)) {
            assert!(File::find(&named).is_some(), "{path} names {named}, which does not exist");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn pages_have_no_code_or_style_that_the_policy_refuses() {
    for path in paths().iter().filter(|path| matches!(extension(path), "html" | "js")) {
        let text = text_of(path);
        if path.starts_with("vendor/") {
            continue;
        }
        for refused in
            ["style=", "innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "new Function", "document.write"]
        {
            assert!(!text.contains(refused), "{path} has {refused}");
        }
        if extension(path) == "html" {
            let inline = text.split("<script").skip(1).filter(|tag| !tag.contains("src=\""));
            assert_eq!(inline.count() + text.matches("<style").count(), 0, "{path} has code or a style of its own");
        }
    }
}

/// The libraries are the files that `vendor/build` made.
#[test]
fn libraries_are_as_their_manifest_says() {
    let manifest: Value = serde_json::from_str(&text_of("vendor/manifest.json")).unwrap();
    let files = manifest["files"].as_object().unwrap();
    for (name, about) in files {
        let data = File::find(&format!("vendor/{name}")).unwrap().data();
        let digest = HEXLOWER.encode(ring::digest::digest(&ring::digest::SHA256, &data).as_ref());
        assert_eq!(about["sha256"], digest, "run pages/vendor/build after a change of a version");
        assert!(about["packages"].as_array().unwrap().iter().all(|package| package["license"].is_string()));
    }
    let listed: BTreeSet<_> = files.keys().map(|name| format!("vendor/{name}")).collect();
    let there = paths()
        .into_iter()
        .filter(|path| path.starts_with("vendor/") && matches!(extension(path), "js" | "css" | "wasm"));
    assert_eq!(listed, there.collect());
}

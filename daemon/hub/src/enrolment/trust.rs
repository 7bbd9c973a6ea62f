//! The page that helps a register or a browser to trust the hub: the certificate of `listen.authority`, its
//! fingerprint, and the steps for each system.
//!
//! The page itself comes over the connection that is not trusted yet, so it asks to compare the fingerprint with the
//! one that HQ or the store's authority has.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::task::spawn_blocking;

use crate::{digest::sha256, hub::Hub};

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// The steps, by system.
const STEPS: [(&str, &str); 6] = [
    (
        "iPad, iPhone",
        "Open the certificate below and allow the profile. Settings, General, VPN &amp; Device Management: install it. Then \
         Settings, General, About, Certificate Trust Settings: switch on full trust. Without this second switch nothing \
         changes.",
    ),
    (
        "Android",
        "Download the certificate. Settings, Security, More security settings, Encryption &amp; credentials, Install a \
         certificate, CA certificate. Chrome then trusts it; other apps may not.",
    ),
    (
        "Windows",
        "Download the certificate, open it, Install Certificate, Local Machine, and place it in Trusted Root Certification \
         Authorities. Or: certutil -addstore Root authority.crt",
    ),
    ("macOS", "Download the certificate and open it in Keychain Access. Double-click it, Trust, Always Trust."),
    ("ChromeOS", "In the admin console: Devices, Networks, Certificates, Add certificate, for Chromebook."),
    (
        "Linux",
        "cp authority.crt /usr/local/share/ca-certificates/ and update-ca-certificates. Chromium and Firefox have stores of \
         their own: certutil -A -t C,, -n store -i authority.crt -d sql:$HOME/.pki/nssdb",
    ),
];

/// The page and the certificate.
pub(crate) fn pages() -> Router<Arc<Hub>> {
    Router::new().route("/trust", get(show)).route("/trust/authority.crt", get(certificate))
}

/// The authority's certificate, PEM.
async fn authority(hub: &Arc<Hub>) -> Option<String> {
    let path = hub.config.listen.authority.clone()?;
    spawn_blocking(move || std::fs::read_to_string(path)).await.ok()?.ok()
}

async fn certificate(State(hub): State<Arc<Hub>>) -> Response {
    match authority(&hub).await {
        // This type makes phones offer to install it.
        Some(pem) => ([(header::CONTENT_TYPE, "application/x-x509-ca-cert")], pem).into_response(),
        None => (StatusCode::NOT_FOUND, "The config of this hub names no listen.authority.\n").into_response(),
    }
}

async fn show(State(hub): State<Arc<Hub>>) -> Response {
    let pem = authority(&hub).await;
    let told = match pem.as_deref().and_then(fingerprint) {
        Some(fingerprint) => format!(
            "<p>Compare this fingerprint with the one that your head office has:</p><p><code>{fingerprint}</code></p>\
             <p><a href=/trust/authority.crt download=authority.crt>Certificate of the authority</a></p>"
        ),
        None => "<p>The config of this hub names no <code>listen.authority</code>.</p>".to_owned(),
    };
    let steps = STEPS.map(|(name, step)| format!("<h2>{name}</h2><p>{step}</p>")).concat();
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Trust this hub</title><style>body{{font:1.1rem system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}}\
         code{{overflow-wrap:anywhere}}h2{{font-size:1.1rem;margin-bottom:0}}</style><h1>Trust this hub</h1>\
         <p>Until a device trusts the hub's authority, its browser warns, and the register can't work without the \
         network.</p>{told}{steps}</html>"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, html).into_response()
}

/// The SHA-256 of a certificate, as systems show it.
fn fingerprint(pem: &str) -> Option<String> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let digits = sha256(&der).to_uppercase();
    let bytes: Vec<_> = digits.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
    Some(bytes.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_shown_as_systems_show_it() {
        let made = rcgen::generate_simple_self_signed(["hub".to_owned()]).unwrap();
        let shown = fingerprint(&made.cert.pem()).unwrap();
        assert!(shown.len() == 95 && shown.split(':').all(|byte| byte.len() == 2), "{shown}");
        assert_eq!(fingerprint("text"), None);
    }
}

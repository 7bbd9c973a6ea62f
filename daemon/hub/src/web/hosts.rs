//! The host names of the hub.
//!
//! Another site can make its own name resolve to the hub's address (DNS rebinding) and then send requests to the hub as
//! its own host. So a request must be for a name in the hub's certificate, or for a plain address, which needs no name
//! resolution.

use std::sync::Arc;

use app::Refusal;
use axum::{
    extract::Request,
    http::{HeaderMap, Uri, Version, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use link::Identity;
use rustls::pki_types::ServerName;

use super::{HOST_UNKNOWN, Problem};

/// The names in the hub's current certificate.
pub(super) struct Hosts(Arc<Identity>);

impl Hosts {
    /// The names of an identity.
    pub(super) fn of(identity: Arc<Identity>) -> Self {
        Self(identity)
    }

    /// Requires that a request is for this hub.
    ///
    /// # Errors
    /// It is for another host, or for none.
    pub(super) fn require(&self, uri: &Uri, version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut named = headers.get_all(header::HOST).iter();
        let host = match (named.next(), named.next(), uri.authority()) {
            (None, None, None) if version < Version::HTTP_11 => return Ok(()),
            (Some(host), None, _) => host.to_str().ok().and_then(|text| text.parse::<Authority>().ok()),
            (None, None, Some(authority)) => Some(authority.clone()),
            _ => None,
        };
        if host.is_some_and(|host| self.is_own(host.host())) {
            return Ok(());
        }
        Err(HOST_UNKNOWN.because("send one `Host` header: a name in the hub's certificate, or its address"))
    }

    fn is_own(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match ServerName::try_from(bare) {
            Ok(ServerName::IpAddress(_)) => true,
            Ok(name) => webpki::EndEntityCert::try_from(&self.0.leaf())
                .is_ok_and(|certificate| certificate.verify_is_valid_for_subject_name(&name).is_ok()),
            Err(_) => false,
        }
    }
}

/// Why a request is not for this hub. The server notes it in the request, and [`refuse`] answers it.
#[derive(Clone)]
pub(super) struct OtherHost(pub(super) Refusal);

/// A layer that answers requests for other hosts.
pub(super) async fn refuse(request: Request, next: Next) -> Response {
    match request.extensions().get::<OtherHost>() {
        Some(OtherHost(refusal)) => Problem::from(refusal.clone()).into_response(),
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_certificate_and_addresses_are_accepted() {
        let made = rcgen::generate_simple_self_signed(["hub.store-1.example".to_owned(), "hub".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = (directory.path().join("hub.pem"), directory.path().join("hub.key"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let hosts = Hosts::of(Arc::new(Identity::open(&certificate, &key).unwrap()));
        let asked = |named: &[&str], version| {
            let headers = named.iter().map(|host| (header::HOST, host.parse().unwrap())).collect();
            hosts.require(&Uri::from_static("/"), version, &headers).is_ok()
        };
        for host in
            ["hub.store-1.example", "HUB.store-1.example:8443", "hub", "10.0.0.7:8443", "10.0.0.7", "[fd00::1]:8443"]
        {
            assert!(asked(&[host], Version::HTTP_11), "{host}");
        }
        for host in ["evil.example", "hub.store-1.example.evil.example", "store-1.example", "", "hub@evil.example:x"] {
            assert!(!asked(&[host], Version::HTTP_11), "{host}");
        }
        assert!(!asked(&["hub", "hub"], Version::HTTP_11) && !asked(&[], Version::HTTP_11));
        assert!(asked(&[], Version::HTTP_10));
    }
}

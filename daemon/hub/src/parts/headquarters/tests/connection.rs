//! A renewed password or authority is used by a new connection; an unusable one is reported.

use std::{future::Future, time::Duration};

use store::EngineKind;
use tokio::{io::AsyncReadExt, net::TcpListener};
use tokio_rustls::TlsAcceptor;

use super::super::*;
use crate::parts::publications::tests::certificates;

/// The connection of a hub whose config has these lines in `[headquarters]`.
fn connect(directory: &std::path::Path, headquarters: &str) -> Headquarters {
    let data = directory.join("data");
    let text = format!(
        "[store]\nhub = \"store-1\"\nname = \"Store 1\"\ncurrency = \"USD\"\ntime_zone = \"UTC\"\ndata = \"{}\"\n\
         [listen]\naddress = \"127.0.0.1:1\"\ncertificate = \"{directory}/hub.pem\"\nkey = \"{directory}/hub.key\"\n\
         [headquarters]\n{headquarters}\n[[register]]\nname = \"till-1\"\n",
        data.display(),
        directory = directory.display(),
    );
    let path = directory.join("hub.toml");
    fs::write(&path, text).unwrap();
    let config = Config::read(&path).unwrap();
    let store = Arc::new(Store::open(&data, EngineKind::Sqlite, &app::linked_tables(), 7).unwrap());
    let timekeeper = Arc::new(Timekeeper::from(1));
    Headquarters::start(&config, store, timekeeper, &Certificates::default(), None).unwrap()
}

/// Waits for a connection whose first packet contains a text. `first_packet` reads it, or fails.
async fn comes_with<F: Future<Output = Option<String>>>(text: &str, mut first_packet: impl FnMut() -> F) {
    let comes = async { while !first_packet().await.is_some_and(|packet| packet.contains(text)) {} };
    tokio::time::timeout(Duration::from_secs(60), comes).await.expect("the hub does not connect");
}

async fn read(mut stream: impl AsyncReadExt + Unpin) -> Option<String> {
    let mut packet = vec![0; 1024];
    let length = stream.read(&mut packet).await.ok()?;
    Some(String::from_utf8_lossy(&packet[..length]).into_owned())
}

#[tokio::test]
async fn a_renewed_password_is_used_and_an_unreadable_one_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    fs::write(&file, "first-secret\n").unwrap();
    let broker = listener.local_addr().unwrap();
    let text = format!("broker = \"mqtt://{broker}\"\nusername = \"store-1\"\npassword_file = \"{}\"", file.display());
    let headquarters = connect(directory.path(), &text);
    let packet = || async { read(listener.accept().await.unwrap().0).await };
    comes_with("first-secret", packet).await;
    let line = headquarters.line.as_ref().unwrap();
    fs::remove_file(&file).unwrap();
    line.look();
    let trouble = headquarters.trouble().unwrap();
    assert!(trouble.contains("password_file") && trouble.contains("stays in use"), "{trouble}");
    comes_with("first-secret", packet).await;
    fs::write(&file, "second-secret\n").unwrap();
    line.look();
    assert_eq!(headquarters.trouble(), None);
    comes_with("second-secret", packet).await;
}

#[tokio::test]
async fn a_renewed_authority_is_trusted_and_an_invalid_one_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let authority = directory.path().join("ca.pem");
    let first = TlsAcceptor::from(Arc::new(certificates(directory.path())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = format!("broker = \"mqtts://localhost:{port}\"\nauthority = \"{}\"", authority.display());
    let headquarters = connect(directory.path(), &text);
    let packet = |acceptor: TlsAcceptor| {
        let listener = &listener;
        move || {
            let acceptor = acceptor.clone();
            async move { read(acceptor.accept(listener.accept().await.unwrap().0).await.ok()?).await }
        }
    };
    comes_with("hub-store-1", packet(first.clone())).await;
    let line = headquarters.line.as_ref().unwrap();
    fs::write(&authority, "no certificate").unwrap();
    line.look();
    let trouble = headquarters.trouble().unwrap();
    assert!(trouble.contains("headquarters.authority") && trouble.contains("stays in use"), "{trouble}");
    comes_with("hub-store-1", packet(first)).await;
    // The broker has a certificate of another authority, which the hub trusts once the file has it.
    let second = TlsAcceptor::from(Arc::new(certificates(directory.path())));
    let refused = second.accept(listener.accept().await.unwrap().0).await;
    assert!(refused.is_err(), "the former authority did not sign this");
    line.look();
    assert_eq!(headquarters.trouble(), None);
    comes_with("hub-store-1", packet(second)).await;
}

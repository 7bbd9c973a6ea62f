//! The network: the broker's name and address, and the address on which registers connect.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use rustls::pki_types::ServerName;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::Finding;
use crate::config::{Config, Headquarters};

/// The time limit of each attempt.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(headquarters) = &config.headquarters {
        findings.extend(broker(headquarters).await);
    }
    findings.push(port(config.listen.address).await);
    findings
}

async fn broker(headquarters: &Headquarters) -> Vec<Finding> {
    let broker = &headquarters.broker;
    let (host, subject) = (broker.host.as_str(), format!("{}:{}", broker.host, broker.port));
    let offline = "the store sells without it; check the router and the provider";
    let found = timeout(PATIENCE, lookup_host((host, broker.port))).await;
    let addresses: Vec<_> = match found {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => return vec![Finding::warn("dns", host, error.to_string(), offline)],
        Err(_) => return vec![Finding::warn("dns", host, "no answer within 5 s", offline)],
    };
    let listed = addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ");
    let mut findings = vec![Finding::ok("dns", host, listed)];
    let mut why = "the name has no address".to_owned();
    for address in addresses {
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                findings.push(if broker.tls {
                    handshake(headquarters, stream, subject).await
                } else {
                    Finding::ok("broker", subject, format!("{address} accepts connections, without TLS"))
                });
                return findings;
            }
            Ok(Err(error)) => why = format!("{address}: {error}"),
            Err(_) => why = format!("{address}: no answer within 5 s"),
        }
    }
    findings.push(Finding::warn("broker", subject, why, "check that a firewall lets the hub out to this port"));
    findings
}

/// TLS as the hub does it, without its own certificate: that would disturb the connection of the running hub.
async fn handshake(headquarters: &Headquarters, stream: TcpStream, subject: String) -> Finding {
    let advice = "check `headquarters.authority`, the broker's certificate and its name";
    let trusted = headquarters.authority.as_deref().ok_or_else(|| "no authority in the config".to_owned());
    let trusted = trusted.and_then(|path| link::trust::roots_from_file(path).map_err(|error| error.to_string()));
    let config = trusted.and_then(|roots| link::client_config(roots, None).map_err(|error| error.to_string()));
    let name = ServerName::try_from(headquarters.broker.host.clone()).map_err(|error| error.to_string());
    let (config, name) = match (config, name) {
        (Ok(config), Ok(name)) => (config, name),
        (Err(why), _) | (_, Err(why)) => return Finding::fail("broker", subject, why, advice),
    };
    match timeout(PATIENCE, TlsConnector::from(config).connect(name, stream)).await {
        Ok(Ok(_)) => Finding::ok("broker", subject, "reached, and its certificate is trusted"),
        Ok(Err(error)) => Finding::fail("broker", subject, error.to_string(), advice),
        Err(_) => Finding::warn("broker", subject, "no TLS within 5 s", advice),
    }
}

/// Whether registers reach the hub's address from this box.
async fn port(listens: SocketAddr) -> Finding {
    let subject = listens.to_string();
    let address = if listens.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listens.port())
    } else {
        listens
    };
    match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Finding::ok("ports", subject, "accepts connections"),
        Ok(Err(error)) => {
            Finding::fail("ports", subject, error.to_string(), "start the hub, and check `listen.address`")
        }
        Err(_) => Finding::fail("ports", subject, "no answer within 5 s", "check the firewall and `listen.address`"),
    }
}

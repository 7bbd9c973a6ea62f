//! Announces the hub on the LAN by multicast DNS: `_store-hub._tcp`, under the host name `HUB.local`, so that registers
//! find it without a typed address. It carries no secret and vouches for nothing: the certificate does.

use std::{collections::HashMap, net::SocketAddr};

use mdns_sd::{ServiceDaemon, ServiceInfo};

use crate::config::Config;

/// The service.
const SERVICE: &str = "_store-hub._tcp.local.";

/// An announcement; withdrawn when dropped.
pub(crate) struct Announced(ServiceDaemon);

impl Drop for Announced {
    fn drop(&mut self) {
        let _ = self.0.shutdown();
    }
}

/// Announces the hub, if its config says so. A LAN without multicast is no reason not to sell.
pub(crate) fn announce(config: &Config, address: SocketAddr) -> Option<Announced> {
    if !config.listen.announce {
        return None;
    }
    let announced = ServiceDaemon::new().and_then(|daemon| {
        daemon.register(service(config, address)?)?;
        Ok(Announced(daemon))
    });
    announced.inspect_err(|error| tracing::warn!(%error, "could not announce the hub on the LAN")).ok()
}

fn service(config: &Config, address: SocketAddr) -> mdns_sd::Result<ServiceInfo> {
    let hub = config.store.hub.as_str();
    let properties = HashMap::from([("store".to_owned(), config.store.name.clone())]);
    let ip = if address.ip().is_unspecified() { String::new() } else { address.ip().to_string() };
    let service = ServiceInfo::new(SERVICE, hub, &format!("{hub}.local."), ip.as_str(), address.port(), properties)?;
    Ok(if address.ip().is_unspecified() { service.enable_addr_auto() } else { service })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::with;

    #[test]
    fn a_hub_is_announced_under_its_name_and_where_it_listens() {
        let config = with("");
        let named = format!("{}.local.", config.store.hub);
        let one = service(&config, "10.0.0.2:8443".parse().unwrap()).unwrap();
        assert_eq!((one.get_hostname(), one.get_port()), (named.as_str(), 8443));
        assert_eq!(one.get_addresses().len(), 1);
        assert!(!one.is_addr_auto());
        let any = service(&config, "0.0.0.0:8443".parse().unwrap()).unwrap();
        assert!(any.is_addr_auto() && any.get_addresses().is_empty());
        assert!(announce(&config, "10.0.0.2:8443".parse().unwrap()).is_none(), "only if the config says so");
    }
}

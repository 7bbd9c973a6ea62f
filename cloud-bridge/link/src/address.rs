//! Broker addresses such as `mqtts://hq.example.com:8883`.

use std::{fmt, net::Ipv6Addr, str::FromStr};

use serde::{Deserialize, Serialize};

/// The address of a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BrokerAddress {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the scheme is `mqtts`.
    pub tls: bool,
}

/// Why a broker address is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid broker address `{given}`: {why}; expected mqtts://HOST:PORT, such as mqtts://hq.example.com:8883")]
pub struct BadBrokerAddress {
    given: String,
    why: &'static str,
}

impl FromStr for BrokerAddress {
    type Err = BadBrokerAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |why| BadBrokerAddress { given: text.escape_debug().to_string(), why };
        let (tls, rest) = match text.split_once("://") {
            Some(("mqtts", rest)) => (true, rest),
            Some(("mqtt", rest)) => (false, rest),
            _ => return Err(refuse("the scheme is neither mqtts:// nor mqtt://")),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (
                host,
                port.parse()
                    .ok()
                    .filter(|port| *port != 0)
                    .ok_or_else(|| refuse("the port is not a number from 1 to 65535"))?,
            ),
            _ => (rest, if tls { 8883 } else { 1883 }),
        };
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inside) if inside.parse::<Ipv6Addr>().is_ok() => inside,
            None if !host.contains(':') => host,
            _ => return Err(refuse("an IPv6 address needs brackets, such as [2001:db8::7]")),
        };
        let named = !host.is_empty() && host.len() <= 253;
        if !named || !host.chars().all(|char| char.is_ascii_alphanumeric() || "-.:_".contains(char)) {
            return Err(refuse("the host is neither a name nor an IP address"));
        }
        Ok(Self { host: host.to_owned(), port, tls })
    }
}

impl TryFrom<String> for BrokerAddress {
    type Error = BadBrokerAddress;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<BrokerAddress> for String {
    fn from(address: BrokerAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::ToSocketAddrs;

    use rustls::pki_types::ServerName;

    use super::*;

    #[test]
    fn addresses_read_back_as_written() {
        for text in ["mqtts://hq.example.com:8883", "mqtt://127.0.0.1:1883", "mqtts://[::1]:4000"] {
            assert_eq!(text.parse::<BrokerAddress>().unwrap().to_string(), text);
        }
        assert_eq!("mqtts://hq".parse::<BrokerAddress>().unwrap().port, 8883);
    }

    #[test]
    fn invalid_addresses_say_why() {
        for (text, why) in [
            ("hq:1883", "scheme"),
            ("mqtt://hq:0", "port"),
            ("mqtt://:1", "host"),
            ("mqtt://a b:1", "host"),
            ("mqtts://", "host"),
            ("mqtt://::1", "brackets"),
            ("mqtt://2001:db8::7:1883", "brackets"),
            ("mqtt://[hq]:1883", "brackets"),
        ] {
            let error = text.parse::<BrokerAddress>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    /// rumqttc joins host and port with a colon, without brackets, and uses the host as given for the server's name.
    #[test]
    fn an_ipv6_address_is_understood_by_the_mqtt_client() {
        let BrokerAddress { host, port, .. } = "mqtts://[::1]:4000".parse().unwrap();
        let found: Vec<_> = format!("{host}:{port}").to_socket_addrs().unwrap().collect();
        assert_eq!(found, ["[::1]:4000".parse().unwrap()]);
        assert!(ServerName::try_from(host).is_ok());
    }
}

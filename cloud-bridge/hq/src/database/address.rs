//! Where a ledger is: a file, or a server's database and how it is trusted.

use std::{
    fmt, fs,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use tokio_postgres::config::{Host, SslMode};

/// `hq.db`, or `postgres://user@host/database`.
#[derive(Clone, Debug)]
pub enum Address {
    /// SQLite.
    File(PathBuf),
    /// PostgreSQL.
    Postgres(Box<tokio_postgres::Config>),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_server = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        if is_server {
            // The text may hold a password: it is not repeated.
            let config = text.parse::<tokio_postgres::Config>();
            let config = config.map_err(|error| format!("invalid postgres:// address: {}", super::said(&error)))?;
            if config.get_dbname().is_none() || config.get_hosts().is_empty() {
                return Err("invalid postgres:// address: it needs a host and a database, such as \
                            postgres://hq@db.example.com/ledger"
                    .into());
            }
            return Ok(Self::Postgres(Box::new(config)));
        }
        if text.is_empty() || text.contains("://") {
            return Err(format!("invalid ledger `{}`: a file, or postgres://user@host/database", text.escape_debug()));
        }
        Ok(Self::File(text.into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(config) => {
                let host = config.get_hosts().first().map_or_else(String::new, |host| match host {
                    Host::Tcp(host) => host.clone(),
                    Host::Unix(path) => path.display().to_string(),
                });
                write!(f, "postgres://{host}/{}", config.get_dbname().unwrap_or_default())
            }
        }
    }
}

/// What a server asks for, and how it is trusted. A file needs none of it.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// PEM file of the authority that signed the server's certificate. With it, nothing travels but over TLS; without
    /// it, the server must be on this machine, or the address must say `sslmode=disable`.
    pub authority: Option<PathBuf>,
    /// A file whose first line is the password.
    pub password_file: Option<PathBuf>,
}

impl Access {
    /// The password, if there is one.
    pub(super) fn password(&self) -> Result<Option<String>, String> {
        let read = |path: &PathBuf| {
            let text = fs::read_to_string(path).map_err(|error| format!("could not read {}: {error}", path.display()));
            Ok::<_, String>(text?.lines().next().unwrap_or_default().to_owned())
        };
        self.password_file.as_ref().map(read).transpose()
    }

    /// The authority to trust; none if nothing needs to be encrypted.
    pub(super) fn authority_for(&self, config: &tokio_postgres::Config) -> Result<Option<&Path>, String> {
        let on_this_machine = |host: &Host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        };
        match (&self.authority, config.get_ssl_mode()) {
            (Some(_), SslMode::Disable) => {
                Err("the address says sslmode=disable, and there is an authority to trust; leave one of them out"
                    .into())
            }
            (Some(authority), _) => Ok(Some(authority)),
            (None, SslMode::Disable) => Ok(None),
            (None, SslMode::Prefer) if config.get_hosts().iter().all(on_this_machine) => Ok(None),
            (None, _) => Err("the server is reached over TLS, which needs the PEM file of the authority that signed \
                              its certificate; or say sslmode=disable in the address"
                .into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> tokio_postgres::Config {
        match text.parse().unwrap() {
            Address::Postgres(config) => *config,
            Address::File(path) => panic!("{}", path.display()),
        }
    }

    #[test]
    fn a_ledger_is_a_file_or_a_servers_database() {
        assert!(matches!("hq.db".parse(), Ok(Address::File(_))));
        let told = |text: &str| text.parse::<Address>().map(|address| address.to_string());
        assert_eq!(told("/var/lib/hq/hq.db").unwrap(), "/var/lib/hq/hq.db");
        assert_eq!(
            told("postgres://hq:secret@db.example.com:5433/ledger").unwrap(),
            "postgres://db.example.com/ledger"
        );
        for wrong in
            ["", "mysql://a/b", "postgres://hq@db.example.com", "postgres:///ledger", "postgres://h:s3cret@/x?y=1"]
        {
            let error = told(wrong).unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_server_elsewhere_is_reached_over_tls_unless_somebody_says_otherwise() {
        let (none, some) = (Access::default(), Access { authority: Some("ca.pem".into()), ..Access::default() });
        let elsewhere = config("postgres://hq@db.example.com/ledger");
        assert!(none.authority_for(&elsewhere).unwrap_err().contains("PEM file"));
        assert_eq!(some.authority_for(&elsewhere), Ok(Some(Path::new("ca.pem"))));
        for here in ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql"] {
            assert_eq!(none.authority_for(&config(&format!("postgres://hq@{here}/ledger"))), Ok(None), "{here}");
        }
        let open = config("postgres://hq@db.example.com/ledger?sslmode=disable");
        assert_eq!(none.authority_for(&open), Ok(None));
        assert!(some.authority_for(&open).is_err());
        assert!(none.authority_for(&config("postgres://hq@localhost/ledger?sslmode=require")).is_err());
    }
}

//! A single store without HQ.

use std::{net::IpAddr, path::PathBuf, time::SystemTime};

use clap::Args;
use provisioning::{Names, StoreAuthority, write_store};
use serde::Serialize;

use super::{tell, text};

#[derive(Args)]
pub(crate) struct Create {
    /// The name of the store: letters, digits, `-`
    #[arg(long)]
    store: String,
    /// The directory for the files; created if it does not exist
    #[arg(long)]
    dir: PathBuf,
    /// A host name by which registers reach the hub
    #[arg(long = "hostname")]
    hosts: Vec<String>,
    /// An IP address by which registers reach the hub
    #[arg(long = "address")]
    addresses: Vec<IpAddr>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Renew {
    /// The directory of the store's authority (ca.pem and ca.key)
    #[arg(long)]
    dir: PathBuf,
    /// The certificate to renew; default: hub.pem in that directory
    #[arg(long)]
    certificate: Option<PathBuf>,
}

#[derive(Serialize)]
struct Created<'c> {
    store: &'c str,
    directory: &'c PathBuf,
    authority_sha256: String,
    hub_sha256: String,
}

pub(crate) fn create(arguments: &Create) -> Result<(), String> {
    let Create { store, dir: directory, hosts, addresses, json } = arguments;
    let names = Names { hosts: hosts.clone(), addresses: addresses.clone() };
    let authority = StoreAuthority::create(store, SystemTime::now()).map_err(text)?;
    // The name that a broker's access list has for the hub.
    let hub = authority.issue(store, &names).map_err(text)?;
    let identity = authority.identity();
    write_store(directory, &identity, &hub).map_err(text)?;
    let created = Created { store, directory, authority_sha256: identity.fingerprint, hub_sha256: hub.fingerprint };
    tell(*json, &created, || {
        println!("Created the identity of store {store} in {}:", directory.display());
        println!("  ca.pem    install it on registers and in browsers, so that they trust this store's hub");
        println!("            SHA-256 {}", created.authority_sha256);
        println!("  ca.key    keep it away from the hub: whoever has it can create hubs of this store");
        println!("  hub.pem   the hub's certificate, valid for 398 days: listen.certificate in its config");
        println!("            SHA-256 {}", created.hub_sha256);
        println!("  hub.key   its key: listen.key in its config");
        println!("Before it expires, renew it with `store-hub-provision renew`.");
    })
}

pub(crate) fn renew(arguments: &Renew) -> Result<(), String> {
    let certificate = arguments.certificate.clone().unwrap_or_else(|| arguments.dir.join("hub.pem"));
    let renewed = provisioning::renew(&arguments.dir, &certificate, SystemTime::now()).map_err(text)?;
    println!("Renewed {}, valid until {}.", certificate.display(), renewed.until);
    println!("  SHA-256 {}", renewed.fingerprint);
    println!("A running hub loads it within a minute; registers and browsers need no change.");
    Ok(())
}

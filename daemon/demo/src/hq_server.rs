//! HQ's server on the stage: its API, and the files of publications, over TLS with the store's own certificate.

use std::{net::SocketAddr, path::Path, sync::Arc};

use hq::{
    Ledger,
    api::{
        self, keys,
        scope::Scope,
        server::{serve, tls},
    },
    feed::Feed,
    publications::{objects::Objects, routes},
    webhooks::Reach,
};
use link::Identity;
use tokio::{net::TcpListener, sync::watch};

/// The server; it stops when this is dropped.
pub(crate) struct HqServer {
    address: SocketAddr,
    ledger: Ledger,
    _stop: watch::Sender<bool>,
}

impl HqServer {
    /// Serves the ledger and a directory of published files.
    ///
    /// # Errors
    /// What could not be opened.
    pub(crate) async fn start(identity: &Path, ledger: &Ledger, files: &Path) -> Result<Self, String> {
        let objects = Objects::open(files).map_err(|error| error.to_string())?;
        let identity = Identity::open(&identity.join("hub.pem"), &identity.join("hub.key"));
        let tls = tls(Arc::new(identity.map_err(|error| error.to_string())?)).map_err(|error| error.to_string())?;
        let database = ledger.database().clone();
        let feed = Feed::start(database.clone()).await.map_err(|error| error.to_string())?;
        let router = api::router(database, feed, Reach::Public, Some(objects)).merge(routes(files));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(serve(listener, Some(tls), router, stopped));
        Ok(Self { address, ledger: ledger.clone(), _stop: stop })
    }

    /// Its address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new key for HQ's pages.
    ///
    /// # Errors
    /// The ledger fails.
    pub(crate) async fn page_key(&self) -> Result<String, String> {
        let scopes = [
            Scope::StoresRead,
            Scope::SalesRead,
            Scope::StockRead,
            Scope::ItemsRead,
            Scope::OrdersRead,
            Scope::OrdersWrite,
            Scope::RefundsManage,
            Scope::GiftCardsRead,
        ];
        keys::add(self.ledger.database(), "HQ's pages", &scopes).await.map_err(|error| error.to_string())
    }

    /// A new key of the web shop.
    ///
    /// # Errors
    /// The ledger fails.
    pub(crate) async fn shop_key(&self) -> Result<String, String> {
        let scopes = [Scope::StockRead, Scope::OrdersRead, Scope::OrdersWrite, Scope::EventsRead, Scope::RefundsManage];
        keys::add(self.ledger.database(), "web shop", &scopes).await.map_err(|error| error.to_string())
    }
}

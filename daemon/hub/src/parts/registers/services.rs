//! Service accounts: their tokens and scopes.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use app::{
    By, Refusal,
    refusal::BAD_REQUEST,
    services::{self, MOST, ServiceAccount},
};
use commerce::{ServiceName, Station};
use store::{Purpose, Store};

use super::{Credential, Grant, Registers, secrets::token};
use crate::digest::sha256;

/// The prefix of a service account's token. It tells people and scanners for leaked secrets what they have found.
const PREFIX: &str = "shs_";

/// The accounts of a store, by the digests of their tokens.
pub(super) struct Services(RwLock<HashMap<String, Account>>);

#[derive(Clone)]
struct Account {
    name: ServiceName,
    scopes: Arc<[String]>,
    since_ms: i64,
}

/// A service account, without its token.
pub(crate) struct Listed {
    pub(crate) name: ServiceName,
    pub(crate) scopes: Arc<[String]>,
    pub(crate) since_ms: i64,
}

impl Services {
    pub(super) fn open(store: &Store) -> Result<Self, String> {
        let mut all = HashMap::new();
        let read = services::each(store, |account| match account {
            Ok(ServiceAccount { name, token_digest, scopes, since_ms }) => {
                all.insert(token_digest, Account { name, scopes: scopes.into(), since_ms });
            }
            Err(error) => tracing::error!(%error, "could not read a service account; draw it a new token"),
        });
        read.map_err(|error| error.to_string())?;
        Ok(Self(RwLock::new(all)))
    }

    /// The account with a token.
    pub(super) fn with_token(&self, token: &str) -> Option<Grant> {
        token.strip_prefix(PREFIX)?;
        let digest = sha256(token.as_bytes());
        let account = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned()?;
        let actor = Station::Service(account.name).into();
        Some(Grant { actor, credential: Credential::Service(digest), scopes: Some(account.scopes) })
    }

    /// Whether a token is still valid.
    pub(super) fn has(&self, digest: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(digest)
    }
}

impl Registers {
    /// Draws a token for a service account, which is added if it is new; its old token is no longer valid.
    ///
    /// # Errors
    /// A scope is unknown, there are too many accounts, or the store fails.
    pub(crate) async fn draw_service_token(
        &self,
        store: &Store,
        by: By,
        name: ServiceName,
        scopes: Vec<String>,
    ) -> Result<String, Refusal> {
        let is_full = {
            let all = self.services.0.read().unwrap_or_else(PoisonError::into_inner);
            all.len() >= MOST && all.values().all(|account| account.name != name)
        };
        if is_full {
            return Err(BAD_REQUEST.because(format!("the store has {MOST} service accounts; revoke one first")));
        }
        let token = format!("{PREFIX}{}", token(&self.random)?);
        let since_ms = by.at_ms;
        let account = ServiceAccount { name, token_digest: sha256(token.as_bytes()), scopes, since_ms };
        let kept = account.clone();
        store.commit_for(Purpose::Ordinary, move |transaction| services::put(transaction, &by, &kept)).await?;
        let ServiceAccount { name, token_digest, scopes, .. } = account;
        self.forget_service(&name);
        let mut all = self.services.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(token_digest, Account { name, scopes: scopes.into(), since_ms });
        Ok(token)
    }

    /// Invalidates the token of a service account.
    pub(crate) fn forget_service(&self, name: &ServiceName) {
        self.services.0.write().unwrap_or_else(PoisonError::into_inner).retain(|_, account| account.name != *name);
        self.ended.send_replace(());
    }

    /// The service accounts, by name.
    pub(crate) fn services(&self) -> Vec<Listed> {
        let all = self.services.0.read().unwrap_or_else(PoisonError::into_inner);
        let listed = |account: &Account| Listed {
            name: account.name.clone(),
            scopes: Arc::clone(&account.scopes),
            since_ms: account.since_ms,
        };
        let mut listed: Vec<_> = all.values().map(listed).collect();
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        listed
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use app::{catalog, refusal::FORBIDDEN};
    use commerce::Actor;
    use store::EngineKind;

    use super::*;

    fn opened(store: &Store, directory: &Path) -> Registers {
        Registers::open(store, directory, |_| true, 1).unwrap()
    }

    #[tokio::test]
    async fn a_service_account_outlives_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), EngineKind::Sqlite, &app::linked_tables(), 1).unwrap();
        let registers = opened(&store, directory.path());
        let by = By { actor: Actor::console(), at_ms: 1 };
        let name = || "erp".parse().unwrap();
        let scopes = || vec![catalog::LOAD.name.to_owned()];
        let token = registers.draw_service_token(&store, by.clone(), name(), scopes()).await.unwrap();
        let restarted = opened(&store, directory.path());
        let grant = restarted.services.with_token(&token).unwrap();
        assert_eq!(grant.require(&catalog::LOAD), Ok(()));
        assert_eq!(grant.require(&catalog::READ).unwrap_err().kind, &FORBIDDEN);
        assert!(restarted.is_good(&grant));
        restarted.forget_service(&name());
        assert!(!restarted.is_good(&grant) && restarted.services.with_token(&token).is_none());
        for number in restarted.services().len()..MOST {
            let name = format!("service-{number}").parse().unwrap();
            restarted.draw_service_token(&store, by.clone(), name, scopes()).await.unwrap();
        }
        let full = restarted.draw_service_token(&store, by, name(), scopes()).await.unwrap_err();
        assert!(full.detail.contains("revoke one first"), "{full:?}");
    }
}

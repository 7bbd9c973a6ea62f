//! Service accounts: programs that use the API, such as an ERP system or a catalog loader.
//!
//! A person names an account and what it may do, its **scopes**: permissions by name. The account gets a token, which
//! is shown once; the store keeps its digest. A new token replaces the old one, and an account that is revoked is
//! gone.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the answer | the old token stays valid; draw again |
//! | the answer is lost | the old token is invalid and the new one unknown; draw again |
//! | the record can't be read | the account is refused until it gets a new token |

use commerce::ServiceName;
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};

use crate::{
    By, Capability, Refusal,
    audit::{self, Act, ActKind},
    permission::{Holder, Permission},
    refusal::{BAD_REQUEST, Class, Kind},
};

static ACCOUNTS: Table<Name, ServiceAccount> = Table::new("service");

/// The maximum number of accounts of a store.
pub const MOST: usize = 100;

/// Manage service accounts.
pub static MANAGE: Permission =
    Permission::new("services.manage", "See, add and revoke service accounts", &[Holder::Person]);

/// The account is unknown.
pub static SERVICE_UNKNOWN: Kind = Kind::new(
    "service-unknown",
    Class::NotFound,
    "Unknown service account",
    "The store has no service account of this name.",
);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["service"],
    refusals: &[&SERVICE_UNKNOWN],
    permissions: &[&MANAGE],
    acts: &[ServiceTokenDrawn::KIND, ServiceRevoked::KIND],
    ..Capability::new("services")
};

/// A service account with a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAccount {
    /// The name.
    pub name: ServiceName,
    /// The SHA-256 of the token, in hexadecimal.
    pub token_digest: String,
    /// The names of the permissions that it has.
    pub scopes: Vec<String>,
    /// When the token was drawn: milliseconds since 1970, UTC.
    pub since_ms: i64,
}

/// A service account got a token.
#[derive(Serialize)]
struct ServiceTokenDrawn<'a> {
    /// The account.
    service: &'a ServiceName,
    /// What it may do.
    scopes: &'a [String],
}

impl Act for ServiceTokenDrawn<'_> {
    const KIND: ActKind =
        ActKind { name: "service_token_drawn", doc: "A service account got a token; it replaces an earlier one" };
}

/// A service account was revoked.
#[derive(Serialize)]
struct ServiceRevoked<'a> {
    /// The account.
    service: &'a ServiceName,
}

impl Act for ServiceRevoked<'_> {
    const KIND: ActKind = ActKind { name: "service_revoked", doc: "A service account was revoked" };
}

/// The permissions that a service account can have.
pub fn grantable() -> Vec<&'static Permission> {
    let all = crate::permissions();
    all.into_iter().filter(|permission| permission.holders.contains(&Holder::Service)).collect()
}

/// Stores an account with its new token. It replaces the account of that name.
///
/// # Errors
/// The actor lacks the permission, or a scope is unknown.
pub fn put(transaction: &mut Transaction<'_>, by: &By, account: &ServiceAccount) -> Result<(), Refusal> {
    MANAGE.require(&by.actor)?;
    let known = grantable();
    if account.scopes.is_empty() {
        return Err(BAD_REQUEST.because("an account needs at least one scope"));
    }
    if let Some(scope) = account.scopes.iter().find(|scope| known.iter().all(|known| known.name != **scope)) {
        let names: Vec<_> = known.iter().map(|known| known.name).collect();
        let detail = format!("unknown scope `{}`; the scopes are: {}", scope.escape_debug(), names.join(", "));
        return Err(BAD_REQUEST.because(detail));
    }
    audit::record(transaction, by, &ServiceTokenDrawn { service: &account.name, scopes: &account.scopes })?;
    Ok(transaction.put(&ACCOUNTS, account.name.as_str(), account)?)
}

/// Revokes an account and its token.
///
/// # Errors
/// The actor lacks the permission, or the account is unknown.
pub fn revoke(transaction: &mut Transaction<'_>, by: &By, service: &ServiceName) -> Result<(), Refusal> {
    MANAGE.require(&by.actor)?;
    if transaction.get(&ACCOUNTS, service.as_str())?.is_none() {
        return Err(SERVICE_UNKNOWN.because(format!("unknown service account {service}")));
    }
    audit::record(transaction, by, &ServiceRevoked { service })?;
    transaction.delete(&ACCOUNTS, service.as_str());
    Ok(())
}

/// Passes every account, or the reason why a record can't be read.
///
/// # Errors
/// The engine fails.
pub fn each(store: &Store, take: impl FnMut(Result<ServiceAccount, StoreError>)) -> Result<(), StoreError> {
    store.each(&ACCOUNTS, take)
}

#[cfg(test)]
mod tests {
    use commerce::{Actor, Station};

    use super::*;
    use crate::{catalog, refusal::FORBIDDEN, testing};

    fn account(scopes: &[&str]) -> ServiceAccount {
        ServiceAccount {
            name: "erp".parse().unwrap(),
            token_digest: "d".into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            since_ms: 7,
        }
    }

    #[test]
    fn an_account_reads_back() {
        let _: ServiceAccount = testing::read_back(include_str!("fixtures/service.json"));
    }

    #[test]
    fn a_person_adds_and_revokes_accounts_with_known_scopes() {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let put_by = |actor: Actor, scopes: &'static [&'static str]| {
            let by = By { actor, at_ms: 7 };
            store.commit_blocking(move |transaction| put(transaction, &by, &account(scopes)))
        };
        let count = || {
            let mut count = 0;
            each(&store, |account| drop(account.map(|_| count += 1))).unwrap();
            count
        };
        assert_eq!(put_by(Actor::console(), &[]).unwrap_err().kind, &BAD_REQUEST);
        let unknown = put_by(Actor::console(), &["items.load", "registers.pair"]).unwrap_err();
        assert!(unknown.detail.contains("unknown scope `registers.pair`"), "{unknown:?}");
        let erp = Station::Service("erp".parse().unwrap());
        assert_eq!(put_by(erp.into(), &["items.load"]).unwrap_err().kind, &FORBIDDEN);
        assert_eq!((put_by(Actor::console(), &["items.load", "items.read"]), count()), (Ok(()), 1));
        assert_eq!((put_by(Actor::console(), &["items.read"]), count()), (Ok(()), 1));
        let revoke = || {
            let by = By { actor: Actor::console(), at_ms: 8 };
            store.commit_blocking(move |transaction| revoke(transaction, &by, &"erp".parse().unwrap()))
        };
        assert_eq!((revoke(), count()), (Ok(()), 0));
        assert_eq!(revoke().unwrap_err().kind, &SERVICE_UNKNOWN);
    }

    #[test]
    fn a_loader_can_have_what_it_needs() {
        let names: Vec<_> = grantable().iter().map(|permission| permission.name).collect();
        assert!(names.contains(&catalog::LOAD.name) && names.contains(&catalog::READ.name), "{names:?}");
        assert!(!names.contains(&MANAGE.name));
    }
}

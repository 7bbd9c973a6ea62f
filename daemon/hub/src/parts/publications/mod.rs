//! Publications from outside: announcements by the bridge, files over HTTPS. [`app::publications`] keeps them.

mod announcements;
mod fetcher;
#[cfg(test)]
pub(crate) mod tests;
mod trust;

use std::sync::Arc;

use contract::publication::VerifyingKey;
use store::Store;

use self::trust::Trust;
pub(crate) use self::{
    announcements::Announcements,
    fetcher::{FetchError, Fetcher},
};
use super::{certificates::Certificates, timekeeper::Timekeeper};
use crate::config::Config;

/// How publications get in; none without `[publications]` in the config.
pub(crate) struct Publications {
    /// HQ's key.
    pub(crate) key: VerifyingKey,
    /// What was announced, and what HQ is told.
    pub(crate) announcements: Arc<Announcements>,
    /// Manifests and segments.
    pub(crate) fetcher: Arc<Fetcher>,
}

impl Publications {
    /// Ready to take publications, if the config names HQ's key.
    ///
    /// # Errors
    /// A certificate or a key can't be used.
    pub(crate) fn open(
        config: &Config,
        store: &Arc<Store>,
        timekeeper: &Arc<Timekeeper>,
        certificates: &Certificates,
    ) -> Result<Option<Self>, String> {
        let (Some(publications), Some(headquarters)) = (&config.publications, &config.headquarters) else {
            return Ok(None);
        };
        let (field, authority) = match (&publications.authority, &headquarters.authority) {
            (Some(authority), _) => {
                let watched = certificates.watch_authority("publications.authority", authority.clone());
                watched.map_err(|error| format!("publications.authority: {error}"))?;
                ("publications.authority", authority)
            }
            // It is watched for the broker.
            (None, Some(authority)) => ("headquarters.authority", authority),
            (None, None) => return Err("publications.authority: it is missing".into()),
        };
        let trust = Trust::open(config, headquarters, field, authority.clone(), certificates)?;
        let (hub, store, timekeeper) = (config.store.hub.clone(), Arc::clone(store), Arc::clone(timekeeper));
        Ok(Some(Self {
            key: publications.key,
            announcements: Announcements::start(publications.key, hub, store, timekeeper),
            fetcher: Arc::new(Fetcher::new(trust, config.store.data.join("publications"))),
        }))
    }
}

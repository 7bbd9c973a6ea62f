//! Where receipt numbers come from, for people.

use app::selling::{self, NumberSource};
use commerce::ReceiptPrefix;
use serde::Serialize;
use utoipa::ToSchema;

use crate::hub::Hub;

/// Where receipt numbers come from since the store began on an empty disk or with a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct NumberFigures {
    /// `asking`: HQ is being asked for the last numbers, and nothing is sold until it has answered or
    /// `receipt_numbers_timeout_s` is over. `continued`: they follow HQ's. `apart`: HQ did not answer, and they begin
    /// at 1 under `prefix`.
    source: NumberSource,
    /// The prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<ReceiptPrefix>,
}

impl NumberFigures {
    /// `None` in a store without HQ, or that can't be read, which others report.
    pub(crate) fn of(hub: &Hub) -> Option<Self> {
        let source = selling::number_source(&hub.store).ok().flatten()?;
        let prefix = (source == NumberSource::Apart).then(|| ReceiptPrefix::of_epoch(hub.store.epoch()));
        Some(Self { source, prefix })
    }

    /// What a person must know.
    pub(crate) fn fault(&self) -> Option<String> {
        match (self.source, self.prefix) {
            (NumberSource::Asking, _) => {
                Some("asking HQ for the last receipt numbers; nothing is sold until it has answered".to_owned())
            }
            (NumberSource::Apart, Some(prefix)) => Some(format!(
                "HQ did not say where the receipt numbers of this store had ended; receipts have the prefix {prefix}"
            )),
            _ => None,
        }
    }
}

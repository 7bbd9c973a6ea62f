//! Pages of rows by store and item, for stock and web quotas.

use serde::Deserialize;

use super::{
    Api,
    extract::{limit, read_cursor},
    problem::{BAD_REQUEST, Problem},
};
use crate::database::{Row, Statement, value::values};

/// A page of a list by store, by item, or by both.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ByItem {
    /// The store.
    store: Option<String>,
    /// The item's SKU.
    sku: Option<String>,
    /// The `next` of the page before. Default: the first page.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

impl ByItem {
    /// Reads the rows of the page and the one after it, and the page size. The statements take the store or the item,
    /// the key after which the page begins, and the number of rows.
    pub(super) async fn read(
        &self,
        api: &Api,
        of_store: &'static Statement,
        of_item: &'static Statement,
    ) -> Result<(Vec<Row>, usize), Problem> {
        let limit = limit(self.limit, 100, 500)?;
        let rows = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let after: Option<(String, String, String)> = self.after.as_deref().map(read_cursor).transpose()?;
        let (hub, item, unit) = after.unwrap_or_default();
        let read = match (&self.store, &self.sku) {
            (Some(store), sku) => {
                let sku = sku.as_deref().unwrap_or_default();
                api.database.read(of_store, values![store, sku, item, unit, rows]).await?
            }
            (None, Some(sku)) => api.database.read(of_item, values![sku, hub, unit, rows]).await?,
            (None, None) => return Err(BAD_REQUEST.because("`store` or `sku` is required")),
        };
        Ok((read, limit))
    }
}

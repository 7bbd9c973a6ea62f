//! Retention: deleting and archiving old records across capabilities.

mod sales;

use store::{Store, StoreError};

use crate::{CAPABILITIES, Capability, Retention, Tidied};

/// The declaration of this capability: the retention of sales, which are archived with their payments.
pub(crate) static CAPABILITY: Capability = Capability { tidy: Some(sales::tidy), ..Capability::new("keeping") };

/// Deletes and archives old records while others sell. Blocks. The failure of one capability does not stop the others.
///
/// # Errors
/// The first failure; the work of the other capabilities is done.
pub fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let answers = store.forget_answers(retention.now_ms).map(|count| vec![("answers", count)]);
    let of_capabilities = CAPABILITIES.iter().filter_map(|capability| capability.tidy);
    let mut tidied = Tidied::new();
    let mut failed = None;
    for outcome in std::iter::once(answers).chain(of_capabilities.map(|tidy| tidy(store, retention))) {
        match outcome {
            Ok(counts) => tidied.extend(counts.into_iter().filter(|(_, count)| *count > 0)),
            Err(error) => drop(failed.get_or_insert(error)),
        }
    }
    failed.map_or(Ok(tidied), Err)
}

#[cfg(test)]
mod tests;

//! Retention: what is forgotten, archived and given up with the years, over all capabilities.

mod sales;

use store::{Store, StoreError};

use crate::{CAPABILITIES, Capability, Retention, Tidied};

/// What this capability declares: what becomes of sales, which are archived with their payments.
pub(crate) static CAPABILITY: Capability = Capability { tidy: Some(sales::tidy), ..Capability::new("keeping") };

/// Forgets and archives what is old, while others sell. Blocks. One capability's failure keeps no other from tidying
/// up.
///
/// # Errors
/// The first that failed; what was done is done.
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

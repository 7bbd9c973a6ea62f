//! Guided selling: HQ's rules, and what came of suggestions. [`commerce::guide`] has the statistics.
//!
//! # Promises
//!
//! - The rules are as HQ last published them, also without HQ.
//! - What came of suggestions is counted by business day, of baskets that were shown mined ones and of baskets that
//!   were not: one record a day.
//!
//! | failure | effect |
//! | --- | --- |
//! | the hub is killed | baskets that were open then are not counted |
//! | the rules are damaged | none apply; the check names them |

use commerce::{
    BusinessDay,
    guide::{Outcomes, Rules},
};
use contract::{
    DownItem,
    guide::{RULES as PUBLISHED, RulesPublished},
};
use store::{Checked, Depth, Name, Store, StoreError, Table, Transaction};

use crate::{
    By, Capability, IncomingItem,
    permission::{Holder, Permission},
};

/// The rules, under one key.
static RULES: Table<Name, RulesPublished> = Table::new("selling_rules");
/// What came of suggestions, by business day.
static OUTCOMES: Table<Name, Outcomes> = Table::new("suggestion_outcome");

const ONLY: &str = "only";

/// The counter of published rules.
const GENERATION: &str = "selling_rules";

/// See suggestions.
pub static SUGGEST: Permission =
    Permission::new("suggestions.read", "See suggestions for a basket", &[Holder::Register]);
/// See what came of suggestions.
pub static OUTCOME: Permission =
    Permission::new("suggestions.outcome", "See what came of suggestions", &[Holder::Person, Holder::Service]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["selling_rules", "suggestion_outcome"],
    permissions: &[&SUGGEST, &OUTCOME],
    incoming: &[IncomingItem { kind: PUBLISHED.name(), apply: published }],
    check: Some(check),
    ..Capability::new("guide")
};

fn published(
    transaction: &mut Transaction<'_>,
    _: &By,
    items: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    let mut refused = Vec::with_capacity(items.len());
    for item in items {
        match PUBLISHED.read(item) {
            Ok(rules) => {
                transaction.put(&RULES, ONLY, &rules)?;
                transaction.next_number(GENERATION)?;
                refused.push(None);
            }
            Err(error) => refused.push(Some(error.to_string())),
        }
    }
    Ok(refused)
}

/// How often rules were published.
///
/// # Errors
/// The store fails.
pub fn generation(store: &Store) -> Result<u64, StoreError> {
    store.last_number(GENERATION)
}

/// The rules. Blocks.
///
/// # Errors
/// The store fails, or they are damaged.
pub fn rules(store: &Store) -> Result<Rules, StoreError> {
    Ok(store.get(&RULES, ONLY)?.unwrap_or_default().rules)
}

/// Adds what came of the suggestions of a day.
///
/// # Errors
/// The store fails.
pub fn note(transaction: &mut Transaction<'_>, day: BusinessDay, more: Outcomes) -> Result<(), StoreError> {
    let day = day.to_string();
    let known = match transaction.get(&OUTCOMES, &day) {
        Err(StoreError::Corrupt { .. }) => None,
        found => found?,
    };
    transaction.put(&OUTCOMES, &day, &known.unwrap_or_default().plus(more))
}

/// What came of suggestions, over all days. Blocks.
///
/// # Errors
/// The engine fails.
pub fn outcomes(store: &Store) -> Result<Outcomes, StoreError> {
    let mut sum = Outcomes::default();
    store.each(&OUTCOMES, |day| {
        if let Ok(day) = day {
            sum = sum.plus(day);
        }
    })?;
    Ok(sum)
}

fn check(store: &Store, _: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let rules = store.get(&RULES, ONLY);
    checked.records += u64::from(checked.readable("the rules of guided selling", rules)?.flatten().is_some());
    let mut faults = Vec::new();
    store.each(&OUTCOMES, |day| faults.extend(day.err().map(|error| error.to_string())))?;
    for fault in faults {
        checked.fault(fault);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use commerce::guide::{Rule, RuleKind};
    use contract::{DownBatch, Epoch, Sequence, Stream};

    use super::*;
    use crate::{hq::receive, testing};

    #[test]
    fn rules_are_replaced_by_hq_and_outcomes_are_added_by_day() {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let rule = |say: &str| Rule {
            kind: RuleKind::Warranty,
            skus: vec![testing::sku("1")],
            categories: vec![],
            offer: testing::sku("2"),
            say: say.into(),
        };
        for (sequence, say) in [(1, "one"), (2, "two"), (3, "")] {
            let body = RulesPublished { rules: Rules { rules: vec![rule(say)], ..Rules::default() }, at_ms: 1 };
            let kind = PUBLISHED.name().into();
            let item = DownItem { sequence: Sequence(sequence), kind, body: PUBLISHED.write(&body).unwrap() };
            let (hub, stream) = (testing::hub("store-1"), Stream::customers());
            let batch = DownBatch { hub, stream, queue: Epoch(1), items: vec![item] };
            let received = store.commit_blocking(move |transaction| receive(transaction, 2, &batch)).unwrap();
            assert_eq!(received.refused.len(), usize::from(say.is_empty()), "invalid rules are refused");
        }
        assert_eq!((rules(&store).unwrap().rules, generation(&store).unwrap()), (vec![rule("two")], 2));
        for day in [24, 24, 25] {
            let mut more = Outcomes::default();
            more.add(day == 24, true);
            let day = BusinessDay::new(2026, 11, day).unwrap();
            store.commit_blocking(move |transaction| note(transaction, day, more)).unwrap();
        }
        let sum = outcomes(&store).unwrap();
        assert_eq!((sum.shown, sum.shown_bought, sum.held_back, sum.held_back_bought), (2, 2, 1, 1));
        assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
    }
}

//! Positions that hubs send before their events: kept until the events arrive, then compared and deleted.
//! [`crate::positions`] has the rules.

use std::collections::{BTreeMap, HashSet};

use commerce::{Unit, stock::State};
use contract::{Epoch, Event, HubId, Positions, Sequence, Stream, positions::Version};
use serde_json::value::RawValue;

use super::{
    Ledger, RANGE,
    alarm::{self, Alarm, Kind},
    cursor::{Cursor, Key},
};
use crate::{
    database::{DatabaseError, Row, Transaction, Value, statement::statements, values},
    positions::{States, effects_of_lines, effects_of_opening, has_passed, keeps, summed_at_version},
    projection::{
        stock,
        told::{Body, read},
    },
};

statements! {
    /// Stores positions.
    TELL = "told/tell" + postgres;
    /// The stored versions.
    VERSIONS = "told/versions";
    /// Whether any is stored.
    ANY = "told/any";
    /// The positions whose versions the cursors have passed.
    DUE = "told/due";
    /// Deletes them.
    FORGET = "told/forget";
    /// Deletes positions of earlier epochs.
    FORGET_EARLIER = "told/forget_earlier";
    /// A stream's quarantined events after a sequence.
    WITHOUT_EFFECT = "quarantine/after";
}

/// The maximum number of items named in an alarm.
const NAMED: usize = 5;

/// An item by a unit's name.
type Place = (String, String);

/// A position that a hub sent.
struct Told {
    place: Place,
    version: Version,
    states: States,
}

impl Ledger {
    /// Stores positions that a hub sent before its events, if they are newer than what HQ has.
    ///
    /// # Errors
    /// The database failed, or a number is out of range; nothing has changed.
    pub async fn told(&self, positions: &Positions) -> Result<(), DatabaseError> {
        let Positions { hub, epoch, at_ms, version, lines } = positions;
        let epoch_value = Value::unsigned("epoch", epoch.0)?;
        let mut transaction = self.database().transaction().await?;
        let cursors = cursors(&mut transaction, hub, *epoch).await?;
        let parameters = values![hub.as_str(), epoch_value.clone()];
        let kept = transaction.query(&VERSIONS, parameters.clone()).await?.into_iter().map(|row| {
            let (sku, unit, sales, stock): (String, String, u64, u64) = row.read()?;
            Ok(((sku, unit), Version { sales: Sequence(sales), stock: Sequence(stock) }))
        });
        let kept = kept.collect::<Result<BTreeMap<Place, Version>, DatabaseError>>()?;
        let [sales, stock] = [version.sales, version.stock].map(|sequence| Value::unsigned("sequence", sequence.0));
        let (sales, stock) = (sales?, stock?);
        let rows = lines.iter().filter(|line| {
            let place = (line.sku.clone(), line.unit.name().to_owned());
            !line.sku.contains('\0') && keeps(kept.get(&place).copied(), *version, cursors)
        });
        let rows = rows.map(|line| {
            let [on_hand, reserved, in_transit, quarantined, damaged] = line.states();
            let (hub, unit) = (hub.as_str(), line.unit.name());
            let (epoch, sales, stock) = (epoch_value.clone(), sales.clone(), stock.clone());
            values![
                hub,
                epoch,
                &line.sku,
                unit,
                sales,
                stock,
                *at_ms,
                on_hand,
                reserved,
                in_transit,
                quarantined,
                damaged
            ]
        });
        transaction.execute_many(&TELL, rows.collect()).await?;
        transaction.execute(&FORGET_EARLIER, parameters).await?;
        transaction.commit().await
    }
}

/// The cursors of the streams in which stock moves. They are not locked: a hub's worker handles one message after
/// another. If another worker, which has lost the hub, advances one meanwhile, the next batch notices.
async fn cursors(transaction: &mut Transaction, hub: &HubId, epoch: Epoch) -> Result<Version, DatabaseError> {
    let sales = Cursor::peek(transaction, &Key::new(hub, epoch, &Stream::sales())?).await?.up_to;
    let stock = Cursor::peek(transaction, &Key::new(hub, epoch, &Stream::stock())?).await?.up_to;
    Ok(Version { sales, stock })
}

/// Compares stored positions with the events' sum once the events have arrived, and deletes them. Must be called in
/// the transaction that applies events.
pub(super) async fn settle(
    transaction: &mut Transaction,
    hub: &HubId,
    epoch: Epoch,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let epoch_value = Value::unsigned("epoch", epoch.0)?;
    if transaction.query(&ANY, values![hub.as_str(), epoch_value.clone()]).await?.is_empty() {
        return Ok(());
    }
    let cursors = cursors(transaction, hub, epoch).await?;
    let [sales, stock] = [cursors.sales, cursors.stock].map(|sequence| Value::unsigned("sequence", sequence.0));
    let parameters = values![hub.as_str(), epoch_value.clone(), sales?, stock?];
    let due = transaction.query(&DUE, parameters.clone()).await?.into_iter().map(told);
    let due = due.collect::<Result<Vec<_>, DatabaseError>>()?;
    let Some(oldest) = oldest(&due) else { return Ok(()) };
    let key = |told: &Told| values![hub.as_str(), epoch_value.clone(), &told.place.0, &told.place.1];
    let sums = transaction.query_many(&stock::LOAD, due.iter().map(key).collect()).await?.into_iter().map(|row| {
        type Columns = (String, u64, String, String, i64, i64, i64, i64, i64);
        let (_, _, sku, unit, on_hand, reserved, in_transit, quarantined, damaged): Columns = row.read()?;
        Ok(((sku, unit), [on_hand, reserved, in_transit, quarantined, damaged]))
    });
    let sums = sums.collect::<Result<BTreeMap<Place, States>, DatabaseError>>()?;
    let later = Later::read(transaction, hub, epoch, oldest, cursors).await?;
    let differs = |told: &&Told| {
        let sum = sums.get(&told.place).copied().unwrap_or_default();
        summed_at_version(sum, later.of(&told.place, told.version)) != Some(told.states)
    };
    let unequal: Vec<_> = due.iter().filter(differs).collect();
    if !unequal.is_empty() {
        let named: Vec<_> = unequal.iter().take(NAMED).map(|told| told.place.0.escape_debug().to_string()).collect();
        let what = format!(
            "the hub told other positions of {} items than its events add up to: {}{}. Count them, and look at the \
             quarantine",
            unequal.len(),
            named.join(", "),
            if unequal.len() > NAMED { ", ..." } else { "" }
        );
        tracing::error!(%hub, %epoch, "{what}");
        alarm::raise(transaction, &Alarm::new(hub, Kind::Positions, epoch.to_string(), what, now_ms)).await?;
    }
    transaction.execute(&FORGET, parameters).await.map(drop)
}

fn told(row: Row) -> Result<Told, DatabaseError> {
    type Columns = (String, String, u64, u64, i64, i64, i64, i64, i64);
    let (sku, unit, sales, stock, on_hand, reserved, in_transit, quarantined, damaged): Columns = row.read()?;
    let version = Version { sales: Sequence(sales), stock: Sequence(stock) };
    Ok(Told { place: (sku, unit), version, states: [on_hand, reserved, in_transit, quarantined, damaged] })
}

/// The lowest version.
fn oldest(due: &[Told]) -> Option<Version> {
    let sales = due.iter().map(|told| told.version.sales).min()?;
    let stock = due.iter().map(|told| told.version.stock).min()?;
    Some(Version { sales, stock })
}

/// A movement's effect on a position, and its event.
struct Added {
    stream: Stream,
    sequence: Sequence,
    state: State,
    milli: i64,
}

/// The effects of events after a version, by position.
struct Later(BTreeMap<Place, Vec<Added>>);

impl Later {
    async fn read(
        transaction: &mut Transaction,
        hub: &HubId,
        epoch: Epoch,
        after: Version,
        cursors: Version,
    ) -> Result<Self, DatabaseError> {
        let mut all = BTreeMap::<Place, Vec<Added>>::new();
        for (stream, after, up_to) in
            [(Stream::sales(), after.sales, cursors.sales), (Stream::stock(), after.stock, cursors.stock)]
        {
            let [hub, epoch, name] = Key::new(hub, epoch, &stream)?.values();
            let bounds = [after, after.next(), up_to].map(|sequence| Value::unsigned("sequence", sequence.0));
            let [after, from, to] = bounds;
            let parameters = values![hub.clone(), epoch.clone(), name.clone(), after?];
            let without = transaction.query(&WITHOUT_EFFECT, parameters).await?.into_iter();
            let without = without.map(|row| row.read().map(|(sequence,): (u64,)| sequence));
            let without = without.collect::<Result<HashSet<_>, DatabaseError>>()?;
            for row in transaction.query(&RANGE, values![hub, epoch, name, from?, to?]).await? {
                let (sequence, kind, body, _): (u64, String, String, Vec<u8>) = row.read()?;
                let Ok(body) = RawValue::from_string(body) else { continue };
                let event = Event { sequence: Sequence(sequence), kind, occurred_at_ms: 0, body };
                let Ok(body) = read(&event) else { continue };
                if without.contains(&sequence) {
                    continue;
                }
                let mut add = |(sku, unit, state, milli): (&str, Unit, State, i64)| {
                    let place = (sku.to_owned(), unit.name().to_owned());
                    let added = Added { stream: stream.clone(), sequence: event.sequence, state, milli };
                    all.entry(place).or_default().push(added);
                };
                match &body {
                    Body::Sale(sale) => effects_of_lines(&sale.moved).for_each(&mut add),
                    Body::Stock(moved) => effects_of_lines(&moved.lines).for_each(&mut add),
                    Body::Opening(opened) => effects_of_opening(opened).for_each(&mut add),
                    _ => {}
                }
            }
        }
        Ok(Self(all))
    }

    fn of(&self, place: &Place, version: Version) -> impl Iterator<Item = (State, i64)> {
        let is_later = move |added: &&Added| {
            let at = if added.stream == Stream::sales() {
                Version { sales: added.sequence, stock: Sequence(0) }
            } else {
                Version { sales: Sequence(0), stock: added.sequence }
            };
            !has_passed(version, at)
        };
        self.0.get(place).into_iter().flatten().filter(is_later).map(|added| (added.state, added.milli))
    }
}

#[cfg(test)]
mod tests {
    use contract::{Batch, positions::Place as Line, sale};
    use serde_json::{json, value::to_raw_value};

    use super::*;
    use crate::{
        report::Stock,
        testing::{Fresh, on_each_engine},
    };

    on_each_engine! {
        positions_are_shown_until_the_events_confirm_them
        a_position_that_differs_from_the_events_is_an_alarm
        positions_of_an_earlier_epoch_are_deleted
    }

    fn hub() -> HubId {
        "store-1".parse().unwrap()
    }

    /// Sales of one piece.
    fn sales(epoch: u64, sequences: std::ops::RangeInclusive<u64>) -> Batch {
        let event = |sequence| {
            let body = json!({
                "sale": format!("{epoch}-{sequence}"), "register": "till-1", "receipt": sequence, "fiscal_year": 2026,
                "business_day": "2026-11-24", "sold_at_ms": 1, "currency": "USD",
                "lines": [{ "number": 1, "on_file": true, "description": "Cereal", "quantity_milli": 1000,
                    "unit": "each", "regular": 100, "net": 100 }],
                "tenders": [{ "kind": "cash", "amount": 100 }],
                "totals": { "regular": 100, "discount": 0, "net": 100, "manufacturer_coupon": 0, "tendered": 100,
                    "change": 0 },
                "movement": sequence,
                "moved": [{ "sku": "818981", "quantity_milli": 1000, "unit": "each", "from": "on_hand" }]
            });
            Event {
                sequence: Sequence(sequence),
                kind: sale::COMPLETED.name().into(),
                occurred_at_ms: 1,
                body: to_raw_value(&body).unwrap(),
            }
        };
        let events = sequences.map(event).collect();
        Batch { hub: hub(), epoch: Epoch(epoch), stream: Stream::sales(), events, link: None }
    }

    fn positions(epoch: u64, sales: u64, on_hand: i64) -> Positions {
        let version = Version { sales: Sequence(sales), stock: Sequence(0) };
        let lines = vec![Line::new("818981".into(), Unit::Each, [on_hand, 0, 0, 0, 0])];
        Positions { hub: hub(), epoch: Epoch(epoch), at_ms: 77, version, lines }
    }

    /// The reported quantity of the item in each epoch, and whether it is a stored position.
    async fn shown(ledger: &Ledger) -> Vec<(u64, i64, Option<i64>)> {
        let mut shown = Vec::new();
        let take = |stock: Stock| {
            shown.push((stock.epoch.0, stock.on_hand, stock.told_at_ms));
            Ok::<_, DatabaseError>(())
        };
        ledger.stock(take).await.unwrap();
        shown
    }

    async fn positions_are_shown_until_the_events_confirm_them(fresh: Fresh) {
        let ledger = Ledger::on(fresh.database.clone());
        ledger.told(&positions(1, 5, -5_000)).await.unwrap();
        assert_eq!(shown(&ledger).await, [(1, -5_000, Some(77))], "before any event");
        ledger.apply(&sales(1, 1..=2)).await.unwrap();
        ledger.told(&positions(1, 4, -4_000)).await.unwrap();
        assert_eq!(shown(&ledger).await, [(1, -5_000, Some(77))], "a late older one is ignored");
        ledger.apply(&sales(1, 1..=4)).await.unwrap();
        assert_eq!(shown(&ledger).await, [(1, -5_000, Some(77))]);
        ledger.apply(&sales(1, 5..=7)).await.unwrap();
        assert_eq!(shown(&ledger).await, [(1, -7_000, None)], "confirmed, and two more sold");
        ledger.told(&positions(1, 5, -5_000)).await.unwrap();
        assert_eq!(shown(&ledger).await, [(1, -7_000, None)]);
        assert_eq!(ledger.alarms().await.unwrap(), []);
    }

    async fn a_position_that_differs_from_the_events_is_an_alarm(fresh: Fresh) {
        let ledger = Ledger::on(fresh.database.clone());
        ledger.told(&positions(1, 2, -5_000)).await.unwrap();
        ledger.apply(&sales(1, 1..=3)).await.unwrap();
        assert_eq!(shown(&ledger).await, [(1, -3_000, None)]);
        let alarm = ledger.alarms().await.unwrap().remove(0);
        assert_eq!((&*alarm.kind, &*alarm.hub), ("positions", "store-1"));
        assert!(alarm.what.contains("818981"), "{}", alarm.what);
    }

    async fn positions_of_an_earlier_epoch_are_deleted(fresh: Fresh) {
        let ledger = Ledger::on(fresh.database.clone());
        ledger.told(&positions(1, 5, -5_000)).await.unwrap();
        ledger.told(&positions(2, 3, -3_000)).await.unwrap();
        assert_eq!(shown(&ledger).await, [(2, -3_000, Some(77))]);
    }
}

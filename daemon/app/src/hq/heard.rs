//! What HQ makes of the stock by an entry of the outbox.

use commerce::{
    Sale, Unit,
    stock::{Line, Movement, State},
};
use contract::{Stream, stock::OPENED};
use store::{Store, StoreError, outbox::Entry};

use super::opening::part_at;
use crate::{
    selling,
    stock::records::{PagedLookup, movement_at, movements_from},
};

/// What an entry adds: item, unit, state, thousandths.
pub(super) type Effect = (String, Unit, State, i64);

/// The records of entries, which count up with them.
pub(super) struct Heard<'s> {
    store: &'s Store,
    sales: PagedLookup<'s, Sale>,
    movements: PagedLookup<'s, Movement>,
}

impl<'s> Heard<'s> {
    pub(super) fn of(store: &'s Store) -> Self {
        Self {
            store,
            sales: PagedLookup::new(store, selling::sales_from, |sale| sale.id.sequence),
            movements: PagedLookup::new(store, movements_from, |movement| movement.number),
        }
    }

    /// What HQ adds when it hears an entry.
    pub(super) fn effects(&mut self, stream: &Stream, entry: &Entry) -> Result<Vec<Effect>, StoreError> {
        if entry.kind == OPENED.name() {
            let lines = part_at(self.store, entry.sequence)?.map(|part| part.lines).unwrap_or_default();
            return Ok(lines.into_iter().map(|line| (line.sku, line.unit, line.state, line.quantity_milli)).collect());
        }
        let number = if *stream == Stream::sales() {
            self.movement_of_sale(entry.sequence)?
        } else {
            entry.subject.parse().ok()
        };
        let lines = match number {
            Some(number) => self.lines_of(number)?,
            None => Vec::new(),
        };
        let sides = lines.iter().flat_map(|line| {
            let states = [line.from, line.to].into_iter().flatten();
            states.map(|state| (line.sku.to_string(), line.unit, state, line.effect(state)))
        });
        Ok(sides.collect())
    }

    /// The number of a sale's movement.
    fn movement_of_sale(&mut self, sequence: u64) -> Result<Option<u64>, StoreError> {
        match self.sales.get(sequence) {
            Ok(Some(sale)) => Ok(sale.movement),
            // Of a page with damage, those that can be read.
            Ok(None) | Err(StoreError::Corrupt { .. }) => {
                Ok(selling::sale_at(self.store, sequence)?.and_then(|sale| sale.movement))
            }
            Err(error) => Err(error),
        }
    }

    /// The lines of a movement; none of one that is missing.
    fn lines_of(&mut self, number: u64) -> Result<Vec<Line>, StoreError> {
        match self.movements.get(number) {
            Ok(Some(movement)) => Ok(movement.lines.clone()),
            Ok(None) | Err(StoreError::Corrupt { .. }) => {
                Ok(movement_at(self.store, number)?.map(|movement| movement.lines).unwrap_or_default())
            }
            Err(error) => Err(error),
        }
    }
}

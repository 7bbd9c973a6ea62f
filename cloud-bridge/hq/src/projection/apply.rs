//! Applies stored events to all tables.

use std::collections::HashMap;

use super::{
    ALL, quarantine, sale,
    sale::Mark,
    table::{Effect, Work},
    told::{Body, Stored, Told, Unusable, read},
};
use crate::database::{DatabaseError, Transaction, values};

/// The maximum number of rows cached between calls.
const KEPT: usize = 100_000;

/// Applies events. A value may serve any number of calls in one transaction.
#[derive(Default)]
pub(crate) struct Applier {
    work: Work,
}

impl Applier {
    /// Applies events in order and writes the changes. Returns the quarantined ones by their index.
    pub(crate) async fn apply(
        &mut self,
        transaction: &mut Transaction,
        events: &[Stored],
    ) -> Result<Vec<(usize, Unusable)>, DatabaseError> {
        if self.work.len() > KEPT {
            self.work = Work::default();
        }
        let bodies: Vec<_> = events.iter().map(|stored| read(&stored.event)).collect();
        let mut known = known_sales(transaction, events, &bodies).await?;
        let effects: Vec<_> = events
            .iter()
            .zip(bodies)
            .map(|(stored, body)| body.and_then(|body| Ok((effects(stored, &body, true)?, body))))
            .collect();
        let all = effects.iter().flatten().flat_map(|(effects, _)| effects);
        self.work.load(transaction, all).await?;
        let mut quarantined = Vec::new();
        for (place, (stored, effects)) in events.iter().zip(effects).enumerate() {
            let applied = effects.and_then(|(effects, body)| self.enter(stored, &body, effects, &mut known));
            if let Err(why) = applied {
                // A reason can always be stored: it has no key and no sum.
                let _ = self.work.apply(vec![quarantine::kept(stored, &why)?]);
                quarantined.push((place, why));
            }
        }
        self.work.write(transaction).await?;
        Ok(quarantined)
    }

    fn enter(
        &mut self,
        stored: &Stored,
        body: &Body,
        first: Vec<Effect>,
        known: &mut HashMap<(String, String), Mark>,
    ) -> Result<(), Unusable> {
        let Body::Sale(sale) = body else { return self.work.apply(first) };
        let mark = Mark::of(sale);
        match sale::id(&stored.hub, sale).map(|id| (known.get(&id), id)) {
            Some((Some(before), _)) if *before != mark => Err(Unusable::Reused(sale.sale.clone())),
            Some((Some(_), _)) => self.work.apply(effects(stored, body, false)?),
            Some((None, id)) => {
                self.work.apply(first)?;
                known.insert(id, mark);
                Ok(())
            }
            None => self.work.apply(first),
        }
    }
}

fn effects(stored: &Stored, body: &Body, is_first: bool) -> Result<Vec<Effect>, Unusable> {
    let told = Told { stored, body, is_first };
    let mut all = Vec::new();
    for projection in ALL {
        all.extend((projection.effects)(&told)?);
    }
    Ok(all)
}

/// The sales among these that HQ already has.
async fn known_sales(
    transaction: &mut Transaction,
    events: &[Stored],
    bodies: &[Result<Body, Unusable>],
) -> Result<HashMap<(String, String), Mark>, DatabaseError> {
    let ids = events.iter().zip(bodies).filter_map(|(stored, body)| match body {
        Ok(Body::Sale(sale)) => sale::id(&stored.hub, sale),
        _ => None,
    });
    let wanted = ids.map(|(hub, sale)| values![hub, sale]).collect();
    transaction.query_many(&sale::KNOWN, wanted).await?.into_iter().map(Mark::read).collect()
}

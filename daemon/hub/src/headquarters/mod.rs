//! HQ: the store's outbox as the bridge reads it.

use std::{fs, future::Future, pin::Pin, sync::Arc};

use bridge::{Bridge, BridgeConfig, BridgeStatus, Outbox, OutboxError, Span};
use commerce::{Goods, Regular, Sale, Tender};
use contract::{
    Epoch, Event, HubId, SaleCompleted, Sequence, StockMoved, Stream, sale as wire,
    stock::{Moved, OPENED},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::Serialize;
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};
use store::{Store, StoreError, outbox::Entry};
use tokio::sync::watch;

use crate::{config::Config, selling, stock};

/// The line to HQ.
pub struct Headquarters {
    bridge: Option<Bridge>,
}

impl Headquarters {
    /// Starts the bridge, if the config names a broker.
    ///
    /// # Errors
    /// The authority's file can't be used.
    pub fn start(config: &Config, store: Arc<Store>) -> Result<Self, String> {
        let Some(headquarters) = &config.headquarters else { return Ok(Self { bridge: None }) };
        let tls = match (&headquarters.authority, headquarters.broker.tls) {
            (_, false) => None,
            (None, true) => return Err("headquarters.authority: mqtts needs the PEM file of the authority that signed the broker's certificate".into()),
            (Some(path), true) => {
                let wrong = |why: String| format!("headquarters.authority: {} can't be used: {why}", path.display());
                let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    roots
                        .add(certificate.map_err(|error| wrong(error.to_string()))?)
                        .map_err(|error| wrong(error.to_string()))?;
                }
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let builder = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .map_err(|error| wrong(error.to_string()))?;
                Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
            }
        };
        let bridge = BridgeConfig {
            broker: headquarters.broker.clone(),
            tls,
            software: concat!("store-hub ", env!("CARGO_PKG_VERSION")).into(),
        };
        let outbox = StoreOutbox { hub: config.store.hub.clone(), store };
        Ok(Self { bridge: Some(bridge::start(bridge, Arc::new(outbox))) })
    }

    /// How the line is; `None` without HQ.
    pub fn status(&self) -> Option<watch::Receiver<BridgeStatus>> {
        self.bridge.as_ref().map(Bridge::status)
    }
}

/// The store as the bridge sees it. A store that was restored from a backup goes on with its own numbers; HQ counts each epoch from 1.
struct StoreOutbox {
    hub: HubId,
    store: Arc<Store>,
}

fn failed(error: impl std::fmt::Display) -> OutboxError {
    OutboxError(error.to_string())
}

impl StoreOutbox {
    /// The body of an event.
    fn body(&self, stream: &Stream, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
        match entry.kind.as_str() {
            _ if *stream == Stream::sales() => self.sale(entry),
            OPENED => self.opening(entry),
            _ => self.movement(entry),
        }
    }

    /// The body of a sale's event, with what it took from the stock.
    fn sale(&self, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
        let sale = selling::sale_at(&self.store, entry.sequence)?.ok_or_else(|| missing("sale", entry))?;
        let moved = match sale.movement {
            Some(number) => self.stock(number)?.ok_or_else(|| missing("movement", entry))?.lines,
            None => Vec::new(),
        };
        raw(&completed(&sale, moved), entry)
    }

    /// The body of a movement's event.
    fn movement(&self, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
        let number = entry.subject.parse().map_err(|_| missing("movement", entry))?;
        raw(&self.stock(number)?.ok_or_else(|| missing("movement", entry))?, entry)
    }

    /// The body of the event of a part of an opening.
    fn opening(&self, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
        raw(&stock::opening_at(&self.store, entry.sequence)?.ok_or_else(|| missing("stock_opening", entry))?, entry)
    }

    /// A movement as it travels.
    fn stock(&self, number: u64) -> Result<Option<StockMoved>, StoreError> {
        let moved = |line: commerce::stock::Line| Moved {
            sku: line.sku.into(),
            quantity_milli: line.milli,
            unit: line.unit,
            from: line.from,
            to: line.to,
        };
        let movement = stock::movement_at(&self.store, number)?;
        Ok(movement.map(|movement| StockMoved {
            movement: movement.number,
            kind: movement.kind,
            reference: movement.reference,
            at_ms: movement.at_ms,
            by: movement.by,
            lines: movement.lines.into_iter().map(moved).collect(),
        }))
    }
}

fn missing(table: &'static str, entry: &Entry) -> StoreError {
    StoreError::Corrupt { table, key: entry.subject.clone(), why: "it is in the outbox and not in the store".into() }
}

fn raw(body: &impl Serialize, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let unwritable = |error: serde_json::Error| StoreError::Corrupt {
        table: "outbox",
        key: entry.subject.clone(),
        why: error.to_string(),
    };
    to_raw_value(body).map_err(unwritable)
}

/// The kind of an event whose record is damaged. HQ keeps it for a person to look at, and goes on: one sale that can't be read must not keep all later
/// ones from HQ.
const UNREADABLE: &str = "hub.unreadable";

impl Outbox for StoreOutbox {
    fn hub(&self) -> HubId {
        self.hub.clone()
    }

    fn epoch(&self) -> Epoch {
        Epoch(self.store.epoch())
    }

    fn streams(&self) -> Vec<Stream> {
        vec![Stream::sales(), Stream::stock()]
    }

    fn span(&self, stream: &Stream) -> Result<Span, OutboxError> {
        let span = self.store.outbox_span(stream.as_str()).map_err(failed)?;
        let first_kept = span.first_kept.max(span.base + 1);
        Ok(Span { first_kept: Sequence(first_kept - span.base), last: Sequence(span.last - span.base) })
    }

    fn read(
        &self,
        stream: &Stream,
        from: Sequence,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, OutboxError> {
        let mut events = Vec::new();
        let mut bytes = 0;
        let base = self.store.outbox_span(stream.as_str()).map_err(failed)?.base;
        for entry in self.store.outbox(stream.as_str(), base + from.0, max_events).map_err(failed)? {
            let (kind, body) = match self.body(stream, &entry) {
                Ok(body) => (entry.kind.clone(), body),
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::error!(%stream, sequence = entry.sequence, %error, "HQ gets an event that only says so");
                    let told = json!({ "kind": entry.kind, "subject": entry.subject, "why": error.to_string() });
                    (UNREADABLE.to_owned(), raw(&told, &entry).map_err(failed)?)
                }
                Err(error) => return Err(failed(error)),
            };
            bytes += body.get().len();
            events.push(Event {
                sequence: Sequence(entry.sequence - base),
                kind,
                occurred_at_ms: entry.occurred_at_ms,
                body,
            });
            if bytes >= max_bytes {
                break;
            }
        }
        Ok(events)
    }

    fn acknowledged(
        &self,
        stream: Stream,
        up_to: Sequence,
    ) -> Pin<Box<dyn Future<Output = Result<(), OutboxError>> + Send + '_>> {
        Box::pin(async move {
            let base = self.store.outbox_span(stream.as_str()).map_err(failed)?.base;
            self.store.acknowledge_outbox(stream.as_str(), base + up_to.0).await.map_err(failed)
        })
    }

    fn stopped(&self) -> Option<String> {
        self.store.stopped()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.store.committed()
    }
}

/// A sale as it travels.
fn completed(sale: &Sale, moved: Vec<Moved>) -> SaleCompleted {
    let line = |line: &commerce::Line| wire::Line {
        number: line.number,
        sku: line.sku().map(ToString::to_string),
        gtin: match &line.goods {
            Goods::Item { gtin, .. } => gtin.map(|gtin| gtin.to_string()),
            Goods::NotOnFile { .. } => None,
        },
        on_file: matches!(line.goods, Goods::Item { .. }),
        description: line.description.clone(),
        quantity_milli: line.quantity.milli(),
        unit: line.quantity.unit(),
        regular: line.regular,
        keyed_because: match &line.basis {
            Regular::Keyed { reason } => Some(reason.clone()),
            Regular::Catalog { .. } => None,
        },
        discounts: (line.discounts.iter())
            .map(|discount| wire::Discount {
                reason: discount.reason.clone(),
                origin: discount.origin.name().to_owned(),
                amount: discount.amount,
            })
            .collect(),
        net: line.net(),
    };
    let tender = |tender: &Tender| wire::Tender {
        kind: tender.kind().to_owned(),
        amount: tender.amount(),
        card: match tender {
            Tender::Card { slip, .. } => Some(wire::Card {
                payment: slip.payment.clone(),
                masked_pan: slip.masked_pan.clone(),
                scheme: slip.scheme.clone(),
                reference: slip.reference.clone(),
            }),
            _ => None,
        },
    };
    let totals = sale.totals;
    SaleCompleted {
        sale: sale.id.clone(),
        reference: sale.reference.clone(),
        register: sale.register.clone(),
        receipt: sale.receipt.0,
        fiscal_year: (sale.fiscal_year > 0).then_some(sale.fiscal_year),
        business_day: sale.business_day.clone(),
        sold_at_ms: sale.sold_at_ms,
        customer: sale.customer.clone(),
        currency: sale.currency,
        lines: sale.lines.iter().map(line).collect(),
        tenders: sale.tenders.iter().map(tender).collect(),
        totals: wire::Totals {
            regular: totals.regular,
            discount: totals.discount,
            net: totals.net,
            manufacturer_coupon: totals.manufacturer_coupon,
            tendered: totals.tendered,
            change: totals.change,
        },
        movement: sale.movement,
        moved,
    }
}

#[cfg(test)]
mod tests;

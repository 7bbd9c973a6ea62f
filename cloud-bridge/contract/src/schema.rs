//! JSON Schemas of messages and bodies, derived from the types.
//!
//! They are committed in `schemas`; a test compares them. Rules that a schema cannot express (sums, ranges over several
//! fields) are in [`Wire::check`](crate::Wire::check) and [`Body::check`](crate::Body::check).

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    Acknowledgement, Answered, Asked, Batch, Body, DownAcknowledgement, DownBatch, Gone, Hello, Placeholder, Positions,
    Telemetry, Wire, audit, cash, customer, gift_card, guide, item,
    kind::{Carrier, Kind},
    message::{OVERSIZED, UNREADABLE},
    order,
    publication::{Announcement, Manifest, PublicationStates, Purpose},
    quota, sale, stock, transfer,
};

/// A schema and the name of its message or kind.
pub type Named = (String, Value);

/// All schemas, in no order.
pub fn all() -> Vec<Named> {
    vec![
        message::<Acknowledgement>(),
        message::<Answered>(),
        message::<Asked>(),
        message::<Batch>(),
        message::<DownAcknowledgement>(),
        message::<DownBatch>(),
        message::<Gone>(),
        message::<Hello>(),
        message::<Positions>(),
        message::<Telemetry>(),
        body(&sale::COMPLETED),
        body(&stock::MOVED),
        body(&stock::OPENED),
        body(&item::CHANGED),
        body(&order::OFFERED),
        body(&order::CANCELLED),
        body(&order::EXTENDED),
        body(&order::ARRIVED),
        body(&order::TRACKED),
        body(&order::ADVANCED),
        body(&order::STATED),
        body(&order::PLACED),
        body(&order::WITHDRAWN),
        body(&quota::CHANGED),
        body(&quota::ANSWERED),
        body(&transfer::DISPATCHED),
        body(&audit::RECORDED),
        body(&cash::SHIFT_OPENED),
        body(&cash::MOVED),
        body(&cash::SHIFT_CLOSED),
        body(&cash::DAY_CLOSED),
        body(&cash::TERMINAL_RECONCILED),
        body(&transfer::ANNOUNCED),
        body(&customer::CHANGED),
        body(&customer::ERASURE_REQUESTED),
        body(&customer::RECEIPT_REQUESTED),
        body(&customer::PROFILES_REQUESTED),
        body(&customer::TOLD),
        body(&customer::GONE),
        body(&customer::PROGRAMME),
        body(&guide::RULES),
        body(&gift_card::MOVED),
        body(&gift_card::RECALLED),
        of::<Placeholder>(UNREADABLE),
        of::<Placeholder>(OVERSIZED),
        message::<PublicationStates>(),
        of::<Announcement>(Purpose::Announcement.name()),
        of::<Manifest>(Purpose::Manifest.name()),
    ]
}

fn message<W: Wire + ToSchema>() -> Named {
    of::<W>(W::NAME)
}

fn body<M: Carrier, B: Body + ToSchema>(kind: &Kind<M, B>) -> Named {
    of::<B>(kind.name())
}

/// The schema of a type, with the types it refers to under `$defs`.
fn of<T: ToSchema>(name: &str) -> Named {
    let mut named = Vec::new();
    T::schemas(&mut named);
    let defs: Map<String, Value> = named.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    let mut schema = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": name });
    if let (Value::Object(whole), Value::Object(own)) = (&mut schema, json!(T::schema())) {
        whole.extend(own);
        if !defs.is_empty() {
            whole.insert("$defs".to_owned(), defs.into());
        }
    }
    refer_within(&mut schema);
    (name.to_owned(), schema)
}

/// Rewrites OpenAPI references as references within a standalone schema.
fn refer_within(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(to) if name == "$ref" => *to = to.replace("#/components/schemas/", "#/$defs/"),
                    member => refer_within(member),
                }
            }
        }
        Value::Array(members) => members.iter_mut().for_each(refer_within),
        _ => {}
    }
}
